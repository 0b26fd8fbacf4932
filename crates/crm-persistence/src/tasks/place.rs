//! Where the fields of a task live, for filters and sort keys.

use crm_domain::{Task, TaskField as Field, query::Value, values::fold};

use crate::filter::{Form, Place};

pub fn place(field: Field) -> Place {
    let (column, key, nullable, form) = match field {
        Field::Id => ("id", "id", false, Form::Plain),
        Field::Title => ("title", "title_key", false, Form::Searched),
        Field::DueAt => ("due_at", "due_at", true, Form::Plain),
        Field::Priority => ("priority", "priority", false, Form::Plain),
        Field::Status => ("status", "status", false, Form::Plain),
        Field::AssigneeId => ("assignee_id", "assignee_id", true, Form::Plain),
        Field::CompletedAt => ("completed_at", "completed_at", true, Form::Plain),
        Field::OrganisationId => ("organisation_id", "organisation_id", true, Form::Plain),
        Field::PersonId => ("person_id", "person_id", true, Form::Plain),
        Field::MandateId => ("mandate_id", "mandate_id", true, Form::Plain),
        Field::InteractionId => ("interaction_id", "interaction_id", true, Form::Plain),
        Field::Recurrence => ("recurrence", "recurrence", true, Form::Plain),
        Field::PreviousTaskId => ("previous_task_id", "previous_task_id", true, Form::Plain),
        Field::OwnerId => ("owner_id", "owner_id", true, Form::Plain),
        Field::TeamId => ("team_id", "team_id", true, Form::Plain),
        Field::CreatedAt => ("created_at", "created_at", false, Form::Plain),
        Field::CreatedBy => ("created_by", "created_by", true, Form::Plain),
        Field::UpdatedAt => ("updated_at", "updated_at", false, Form::Plain),
        Field::UpdatedBy => ("updated_by", "updated_by", true, Form::Plain),
    };
    Place { table: super::TABLE, column, key, nullable, form }
}

/// The value of a sort key of a record, as its key column holds it; none where it is empty.
///
/// # Panics
///
/// On a field that is not sortable: a sort key is checked when it is read.
pub fn key(task: &Task, field: Field) -> Option<Value> {
    match field {
        Field::Title => Some(Value::Text(fold(task.title.as_str()))),
        Field::DueAt => task.due_at.map(Value::Time),
        Field::CompletedAt => task.completed_at.map(Value::Time),
        Field::CreatedAt => Some(Value::Time(task.stamps.created_at)),
        Field::UpdatedAt => Some(Value::Time(task.stamps.updated_at)),
        other => unreachable!("{other:?} is not sortable"),
    }
}
