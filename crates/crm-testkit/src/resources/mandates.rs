//! Mandates, for the tests of all resources.

use crm_domain::MandateField;
use serde_json::json;

use super::{Bad, MISSING, Resource, list_fields};

pub const MANDATES: Resource = Resource {
    name: "mandates",
    schema: "Mandate",
    title: "number",
    known_by: "signed_on",
    written: &[
        "organisation_id",
        "number",
        "status",
        "signed_on",
        "starts_on",
        "ends_on",
        "notes",
        "owner_id",
        "team_id",
    ],
    words: &[("status", &["proposed", "signed", "active", "ended"])],
    refers: &[("organisation_id", "organisations")],
    matched_by: &["number"],
    relations: &["owner", "organisation", "products"],
    counted_at: &["mandates/stats", "figures/mandates"],
    fields: list_fields::<MandateField>,
    bad,
};

/// Values that break the rule of a field: its pointer, the value, the code.
fn bad() -> Vec<Bad> {
    vec![
        ("/organisation_id", json!(null), "required"),
        ("/organisation_id", json!(MISSING), "not_found"),
        ("/organisation_id", json!("Exemple"), "uuid"),
        ("/organisation_id", json!(1), "type"),
        ("/number", json!(""), "required"),
        ("/number", json!(17), "type"),
        ("/number", json!("x".repeat(256)), "too_long"),
        ("/number", json!("a\nb"), "control_character"),
        ("/status", json!("closed"), "choice"),
        ("/status", json!(null), "required"),
        ("/status", json!(["signed"]), "type"),
        ("/signed_on", json!("2026-02-30"), "date"),
        ("/signed_on", json!("31/01/2026"), "date"),
        ("/starts_on", json!("soon"), "date"),
        ("/ends_on", json!(2027), "type"),
        ("/ends_on", json!("2026-12-31T00:00:00Z"), "date"),
        ("/notes", json!(false), "type"),
        ("/owner_id", json!(MISSING), "not_found"),
        ("/team_id", json!(MISSING), "not_found"),
        ("/products", json!([]), "unknown_field"),
        ("/version", json!(3), "unknown_field"),
    ]
}
