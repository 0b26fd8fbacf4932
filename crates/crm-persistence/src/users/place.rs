//! Where the fields of a user live, for filters and sort keys.

use crm_domain::{User, UserField as Field, query::Value, values::fold};

use crate::filter::{Form, Place};

pub fn place(field: Field) -> Place {
    let (column, key, nullable, form) = match field {
        Field::Id => ("id", "id", false, Form::Plain),
        Field::Email => ("email_key", "email_key", false, Form::LowerCase),
        Field::Name => ("name", "name_key", false, Form::Searched),
        Field::RoleId => ("role_id", "role_id", false, Form::Plain),
        Field::TeamId => ("team_id", "team_id", true, Form::Plain),
        Field::Locale => ("locale", "locale", false, Form::Plain),
        Field::IsActive => ("is_active", "is_active", false, Form::Plain),
        Field::LastLoginAt => ("last_login_at", "last_login_at", true, Form::Plain),
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
pub fn key(user: &User, field: Field) -> Option<Value> {
    match field {
        Field::Email => Some(Value::Text(user.email.key())),
        Field::LastLoginAt => user.last_login_at.map(Value::Time),
        Field::Name => Some(Value::Text(fold(user.name.as_str()))),
        Field::CreatedAt => Some(Value::Time(user.stamps.created_at)),
        Field::UpdatedAt => Some(Value::Time(user.stamps.updated_at)),
        other => unreachable!("{other:?} is not sortable"),
    }
}
