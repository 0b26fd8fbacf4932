//! Where the fields of an interaction live, for filters and sort keys.

use crm_domain::{Interaction, InteractionField as Field, query::Value, values::fold};

use crate::filter::{Form, Place};

pub fn place(field: Field) -> Place {
    let (column, key, nullable, form) = match field {
        Field::Id => ("id", "id", false, Form::Plain),
        Field::Type => ("type", "type", false, Form::Plain),
        Field::OccurredAt => ("occurred_at", "occurred_at", false, Form::Plain),
        Field::DurationMinutes => ("duration_minutes", "duration_minutes", true, Form::Plain),
        Field::Subject => ("subject", "subject_key", false, Form::Searched),
        Field::OrganisationId => ("organisation_id", "organisation_id", true, Form::Plain),
        Field::ProductId => ("product_id", "product_id", true, Form::Plain),
        Field::ParticipantPeople => ("person_id", "person_id", false, Form::Members("interaction_people")),
        Field::ParticipantUsers => ("user_id", "user_id", false, Form::Members("interaction_users")),
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
#[expect(clippy::unnecessary_wraps, reason = "the sort keys of other resources can be empty")]
pub fn key(interaction: &Interaction, field: Field) -> Option<Value> {
    match field {
        Field::OccurredAt => Some(Value::Time(interaction.occurred_at)),
        Field::Subject => Some(Value::Text(fold(interaction.subject.as_str()))),
        Field::CreatedAt => Some(Value::Time(interaction.stamps.created_at)),
        Field::UpdatedAt => Some(Value::Time(interaction.stamps.updated_at)),
        other => unreachable!("{other:?} is not sortable"),
    }
}
