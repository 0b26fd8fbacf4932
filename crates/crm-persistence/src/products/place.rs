//! Where the fields of a product live, for filters and sort keys.

use crm_domain::{Product, ProductField as Field, query::Value, values::fold};

use crate::filter::{Form, Place};

pub fn place(field: Field) -> Place {
    let (column, key, nullable, form) = match field {
        Field::Id => ("id", "id", false, Form::Plain),
        Field::Name => ("name", "name_key", false, Form::Searched),
        Field::Isin => ("isin", "isin", true, Form::Plain),
        Field::Type => ("type", "type", true, Form::Plain),
        Field::Status => ("status", "status", false, Form::Plain),
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
pub fn key(product: &Product, field: Field) -> Option<Value> {
    match field {
        Field::Name => Some(Value::Text(fold(product.name.as_str()))),
        Field::Isin => product.isin.as_ref().map(|isin| Value::Text(isin.as_str().to_owned())),
        Field::Type => product.kind.map(|kind| Value::Text(kind.as_ref().to_owned())),
        Field::Status => Some(Value::Text(product.status.as_ref().to_owned())),
        Field::CreatedAt => Some(Value::Time(product.stamps.created_at)),
        Field::UpdatedAt => Some(Value::Time(product.stamps.updated_at)),
        other => unreachable!("{other:?} is not sortable"),
    }
}
