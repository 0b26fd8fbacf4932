//! Interactions, for the tests of all resources.

use crm_domain::InteractionField;
use serde_json::json;

use super::{Bad, MISSING, Resource, list_fields};

pub const INTERACTIONS: Resource = Resource {
    name: "interactions",
    schema: "Interaction",
    title: "subject",
    known_by: "occurred_at",
    written: &[
        "type",
        "occurred_at",
        "duration_minutes",
        "subject",
        "body",
        "outcome",
        "organisation_id",
        "product_id",
        "participant_people",
        "participant_users",
        "owner_id",
        "team_id",
    ],
    words: &[("type", &["call", "email", "meeting", "webinar", "visit", "other"])],
    refers: &[("organisation_id", "organisations")],
    needs: &[("occurred_at", "2026-01-05T09:30:00Z")],
    matched_by: &["subject"],
    relations: &["owner", "organisation", "product", "people", "users"],
    counted_at: &["figures/interactions"],
    fields: list_fields::<InteractionField>,
    bad,
};

/// Values that break the rule of a field: its pointer, the value, the code.
fn bad() -> Vec<Bad> {
    vec![
        ("/type", json!("chat"), "choice"),
        ("/type", json!(null), "required"),
        ("/occurred_at", json!(null), "required"),
        ("/occurred_at", json!("yesterday"), "timestamp"),
        ("/occurred_at", json!("2026-01-05"), "timestamp"),
        ("/occurred_at", json!(1_767_605_400), "type"),
        ("/duration_minutes", json!(-1), "out_of_range"),
        ("/duration_minutes", json!(10_081), "out_of_range"),
        ("/duration_minutes", json!(1.5), "type"),
        ("/duration_minutes", json!("45"), "type"),
        ("/subject", json!(""), "required"),
        ("/subject", json!(17), "type"),
        ("/subject", json!("x".repeat(256)), "too_long"),
        ("/subject", json!("a\nb"), "control_character"),
        ("/body", json!("x".repeat(20_001)), "too_long"),
        ("/body", json!("a\u{7}b"), "control_character"),
        ("/outcome", json!(false), "type"),
        ("/organisation_id", json!(null), "required"),
        ("/organisation_id", json!(MISSING), "not_found"),
        ("/organisation_id", json!("Exemple"), "uuid"),
        ("/product_id", json!(MISSING), "not_found"),
        ("/product_id", json!(1), "type"),
        ("/participant_people", json!("Ann"), "type"),
        ("/participant_people", json!([1]), "type"),
        ("/participant_people", json!(["Ann"]), "uuid"),
        ("/participant_people", json!([MISSING]), "not_found"),
        ("/participant_people", json!(ids(101)), "too_many"),
        ("/participant_users", json!([MISSING]), "not_found"),
        ("/participant_users", json!({"id": MISSING}), "type"),
        ("/owner_id", json!(MISSING), "not_found"),
        ("/team_id", json!(MISSING), "not_found"),
        ("/occurred_month", json!(202_601), "unknown_field"),
        ("/version", json!(3), "unknown_field"),
    ]
}

fn ids(count: u128) -> Vec<String> {
    (1..=count).map(|number| crm_domain::PersonId::from_u128(number).to_string()).collect()
}
