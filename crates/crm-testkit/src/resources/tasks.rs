//! Tasks, for the tests of all resources.

use crm_domain::TaskField;
use serde_json::json;

use super::{Bad, MISSING, Resource, list_fields};

pub const TASKS: Resource = Resource {
    name: "tasks",
    schema: "Task",
    title: "title",
    known_by: "due_at",
    written: &[
        "title",
        "description",
        "due_at",
        "priority",
        "status",
        "assignee_id",
        "organisation_id",
        "person_id",
        "mandate_id",
        "interaction_id",
        "recurrence",
        "owner_id",
        "team_id",
    ],
    words: &[("priority", &["low", "normal", "high", "urgent"]), ("status", &["todo", "doing", "done", "cancelled"])],
    refers: &[],
    needs: &[],
    matched_by: &["title"],
    relations: &["owner", "assignee", "organisation", "person", "mandate", "interaction"],
    counted_at: &["figures/tasks"],
    fields: list_fields::<TaskField>,
    bad,
};

/// Values that break the rule of a field: its pointer, the value, the code.
fn bad() -> Vec<Bad> {
    vec![
        ("/title", json!(""), "required"),
        ("/title", json!(17), "type"),
        ("/title", json!("x".repeat(256)), "too_long"),
        ("/title", json!("a\nb"), "control_character"),
        ("/description", json!("x".repeat(20_001)), "too_long"),
        ("/due_at", json!("tomorrow"), "timestamp"),
        ("/due_at", json!("2026-02-30T09:00:00Z"), "timestamp"),
        ("/due_at", json!(1_767_605_400), "type"),
        ("/priority", json!("highest"), "choice"),
        ("/priority", json!(null), "required"),
        ("/priority", json!(1), "type"),
        ("/status", json!("open"), "choice"),
        ("/status", json!(null), "required"),
        ("/assignee_id", json!("me"), "uuid"),
        ("/assignee_id", json!(MISSING), "not_found"),
        ("/organisation_id", json!(MISSING), "not_found"),
        ("/person_id", json!(MISSING), "not_found"),
        ("/mandate_id", json!(MISSING), "not_found"),
        ("/interaction_id", json!(MISSING), "not_found"),
        ("/interaction_id", json!(1), "type"),
        ("/recurrence", json!("every monday"), "recurrence"),
        ("/recurrence", json!("FREQ=SECONDLY"), "recurrence"),
        ("/recurrence", json!("FREQ=DAILY;COUNT=0"), "recurrence"),
        ("/recurrence", json!(7), "type"),
        ("/completed_at", json!("2026-01-05T09:30:00Z"), "unknown_field"),
        ("/previous_task_id", json!(MISSING), "unknown_field"),
        ("/owner_id", json!(MISSING), "not_found"),
        ("/team_id", json!(MISSING), "not_found"),
        ("/version", json!(3), "unknown_field"),
    ]
}
