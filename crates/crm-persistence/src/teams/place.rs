//! Where the fields of a team live, for filters and sort keys.

use crm_domain::{Team, TeamField as Field, query::Value, values::fold};

use crate::filter::{Form, Place};

pub fn place(field: Field) -> Place {
    let (column, key, nullable, form) = match field {
        Field::Id => ("id", "id", false, Form::Plain),
        Field::Name => ("name", "name_key", false, Form::Searched),
        Field::ManagerId => ("manager_id", "manager_id", true, Form::Plain),
        Field::OwnerId => ("owner_id", "owner_id", true, Form::Plain),
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
#[expect(clippy::unnecessary_wraps, reason = "the keys of other tables may be empty")]
pub fn key(team: &Team, field: Field) -> Option<Value> {
    match field {
        Field::Name => Some(Value::Text(fold(team.name.as_str()))),
        Field::CreatedAt => Some(Value::Time(team.stamps.created_at)),
        Field::UpdatedAt => Some(Value::Time(team.stamps.updated_at)),
        other => unreachable!("{other:?} is not sortable"),
    }
}
