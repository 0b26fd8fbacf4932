//! Where the fields of a person live, for filters and sort keys.

use crm_domain::{Person, PersonField as Field, query::Value, values::fold};

use crate::filter::{Form, Place};

pub fn place(field: Field) -> Place {
    let (column, key, nullable, form) = match field {
        Field::Id => ("id", "id", false, Form::Plain),
        Field::FirstName => ("first_name", "first_name_key", true, Form::Searched),
        Field::LastName => ("last_name", "last_name_key", false, Form::Searched),
        Field::Email => ("email_key", "email_key", true, Form::LowerCase),
        Field::PersonalEmail => ("personal_email", "personal_email", true, Form::Plain),
        Field::Phone => ("phone", "phone", true, Form::Plain),
        Field::Mobile => ("mobile", "mobile", true, Form::Plain),
        Field::JobTitle => ("job_title", "job_title", true, Form::Plain),
        Field::CountryCode => ("country_code", "country_code", true, Form::Plain),
        Field::Language => ("language", "language", true, Form::Plain),
        Field::Tags => ("tags", "tags", false, Form::Set),
        Field::IsActive => ("is_active", "is_active", false, Form::Plain),
        Field::Consent => ("consent", "consent", false, Form::Plain),
        Field::ConsentDate => ("consent_date", "consent_date", true, Form::Plain),
        Field::LastActivityAt => ("last_activity_at", "last_activity_at", true, Form::Plain),
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
pub fn key(person: &Person, field: Field) -> Option<Value> {
    match field {
        Field::FirstName => person.first_name.as_ref().map(|name| Value::Text(fold(name.as_str()))),
        Field::LastName => Some(Value::Text(fold(person.last_name.as_str()))),
        Field::Email => person.email.as_ref().map(|email| Value::Text(email.key())),
        Field::CountryCode => person.country_code.map(|code| Value::Text(code.as_str().to_owned())),
        Field::LastActivityAt => person.last_activity_at.map(Value::Time),
        Field::CreatedAt => Some(Value::Time(person.stamps.created_at)),
        Field::UpdatedAt => Some(Value::Time(person.stamps.updated_at)),
        other => unreachable!("{other:?} is not sortable"),
    }
}
