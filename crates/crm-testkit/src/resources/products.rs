//! Products, for the tests of all resources.

use crm_domain::ProductField;
use serde_json::json;

use super::{Bad, MISSING, Resource, list_fields};

pub const PRODUCTS: Resource = Resource {
    name: "products",
    schema: "Product",
    title: "name",
    known_by: "isin",
    written: &["name", "isin", "type", "status", "notes", "owner_id", "team_id"],
    words: &[("type", &["ucits", "etf", "other"]), ("status", &["active", "inactive", "pending"])],
    refers: &[],
    matched_by: &["isin"],
    relations: &["owner"],
    counted_at: &["products/stats"],
    fields: list_fields::<ProductField>,
    bad,
};

/// Values that break the rule of a field: its pointer, the value, the code.
fn bad() -> Vec<Bad> {
    vec![
        ("/name", json!(""), "required"),
        ("/name", json!(null), "required"),
        ("/name", json!("x".repeat(256)), "too_long"),
        ("/name", json!(["a"]), "type"),
        ("/isin", json!("FR0000120272"), "isin"),
        ("/isin", json!("FR000012027"), "isin"),
        ("/isin", json!(""), "isin"),
        ("/isin", json!(120_271), "type"),
        ("/type", json!("fund"), "choice"),
        ("/type", json!("UCITS"), "choice"),
        ("/type", json!(1), "type"),
        ("/status", json!("closed"), "choice"),
        ("/status", json!(null), "required"),
        ("/status", json!(true), "type"),
        ("/notes", json!("a\u{7}b"), "control_character"),
        ("/owner_id", json!(MISSING), "not_found"),
        ("/team_id", json!("north"), "uuid"),
        ("/price", json!("1.00"), "unknown_field"),
        ("/id", json!(MISSING), "unknown_field"),
    ]
}
