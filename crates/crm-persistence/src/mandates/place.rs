//! Where the fields of a mandate live, for filters and sort keys.

use crm_domain::{Mandate, MandateField as Field, query::Value, values::fold};

use crate::filter::{Form, Place};

pub fn place(field: Field) -> Place {
    let (column, key, nullable, form) = match field {
        Field::Id => ("id", "id", false, Form::Plain),
        Field::OrganisationId => ("organisation_id", "organisation_id", false, Form::Plain),
        Field::Number => ("number", "number_key", true, Form::Searched),
        Field::Status => ("status", "status", false, Form::Plain),
        Field::SignedOn => ("signed_on", "signed_on", true, Form::Plain),
        Field::StartsOn => ("starts_on", "starts_on", true, Form::Plain),
        Field::EndsOn => ("ends_on", "ends_on", true, Form::Plain),
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
pub fn key(mandate: &Mandate, field: Field) -> Option<Value> {
    match field {
        Field::Number => mandate.number.as_ref().map(|number| Value::Text(fold(number.as_str()))),
        Field::Status => Some(Value::Text(mandate.status.as_ref().to_owned())),
        Field::SignedOn => mandate.signed_on.map(Value::Date),
        Field::StartsOn => mandate.starts_on.map(Value::Date),
        Field::EndsOn => mandate.ends_on.map(Value::Date),
        Field::CreatedAt => Some(Value::Time(mandate.stamps.created_at)),
        Field::UpdatedAt => Some(Value::Time(mandate.stamps.updated_at)),
        other => unreachable!("{other:?} is not sortable"),
    }
}
