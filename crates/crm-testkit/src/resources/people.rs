//! People, for the tests of all resources.

use crm_domain::PersonField;
use serde_json::json;

use super::{Bad, MISSING, Resource, list_fields};

pub const PEOPLE: Resource = Resource {
    name: "people",
    schema: "Person",
    title: "last_name",
    known_by: "last_name",
    written: &[
        "first_name",
        "last_name",
        "email",
        "personal_email",
        "phone",
        "mobile",
        "job_title",
        "country_code",
        "language",
        "linkedin_url",
        "tags",
        "is_active",
        "consent",
        "consent_date",
        "notes",
        "owner_id",
        "team_id",
    ],
    words: &[],
    refers: &[],
    matched_by: &["email"],
    relations: &["owner", "organisations"],
    counted_at: &[],
    fields: list_fields::<PersonField>,
    bad,
};

/// Values that break the rule of a field: its pointer, the value, the code.
fn bad() -> Vec<Bad> {
    vec![
        ("/first_name", json!(""), "required"),
        ("/last_name", json!(null), "required"),
        ("/email", json!("nobody"), "email"),
        ("/personal_email", json!("nobody"), "email"),
        ("/phone", json!("x"), "phone"),
        ("/mobile", json!("0612345678"), "phone"),
        ("/job_title", json!("a\rb"), "control_character"),
        ("/linkedin_url", json!("linkedin"), "url"),
        ("/consent", json!("yes"), "type"),
        ("/consent_date", json!("yesterday"), "date"),
        ("/tags", json!([null]), "type"),
        ("/name", json!("Whole Name"), "unknown_field"),
        ("/owner_id", json!(MISSING), "not_found"),
    ]
}
