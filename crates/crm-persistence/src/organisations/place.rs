//! Where the fields of an organisation live, for filters and sort keys.

use crm_domain::{Organisation, OrganisationField as Field, query::Value, values::fold};

use crate::filter::{Form, Place};

pub fn place(field: Field) -> Place {
    let (column, key, nullable, form) = match field {
        Field::Id => ("id", "id", false, Form::Plain),
        Field::Name => ("name", "name_key", false, Form::Searched),
        Field::Type => ("type", "type", true, Form::Plain),
        Field::Category => ("category", "category", true, Form::Plain),
        Field::Email => ("email", "email", true, Form::Plain),
        Field::Phone => ("phone", "phone", true, Form::Plain),
        Field::City => ("city", "city_key", true, Form::Searched),
        Field::PostalCode => ("postal_code", "postal_code", true, Form::Plain),
        Field::CountryCode => ("country_code", "country_code", true, Form::Plain),
        Field::Language => ("language", "language", true, Form::Plain),
        Field::Domicile => ("domicile", "domicile", true, Form::Plain),
        Field::Aum => ("aum", "aum", true, Form::Plain),
        Field::AumDate => ("aum_date", "aum_date", true, Form::Plain),
        Field::Strategies => ("strategies", "strategies", false, Form::Set),
        Field::Tags => ("tags", "tags", false, Form::Set),
        Field::Lei => ("lei", "lei", true, Form::Plain),
        Field::RegistrationNumber => ("registration_number", "registration_number", true, Form::Plain),
        Field::LicenceNumber => ("licence_number", "licence_number", true, Form::Plain),
        Field::PipelineStage => ("pipeline_stage", "pipeline_stage", false, Form::Plain),
        Field::PotentialAmount => ("potential_amount", "potential_amount", true, Form::Plain),
        Field::Currency => ("currency", "currency", false, Form::Plain),
        Field::SignatureProbability => ("signature_probability", "signature_probability", true, Form::Plain),
        Field::SignatureDate => ("signature_date", "signature_date", true, Form::Plain),
        Field::IsActive => ("is_active", "is_active", false, Form::Plain),
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
pub fn key(organisation: &Organisation, field: Field) -> Option<Value> {
    match field {
        Field::Name => Some(Value::Text(fold(organisation.name.as_str()))),
        Field::City => organisation.city.as_ref().map(|city| Value::Text(fold(city.as_str()))),
        Field::CountryCode => organisation.country_code.map(|code| Value::Text(code.as_str().to_owned())),
        Field::Aum => organisation.aum.map(|amount| Value::Integer(amount.minor_units())),
        Field::PipelineStage => Some(Value::Text(organisation.pipeline_stage.as_ref().to_owned())),
        Field::PotentialAmount => organisation.potential_amount.map(|amount| Value::Integer(amount.minor_units())),
        Field::SignatureDate => organisation.signature_date.map(Value::Date),
        Field::LastActivityAt => organisation.last_activity_at.map(Value::Time),
        Field::CreatedAt => Some(Value::Time(organisation.stamps.created_at)),
        Field::UpdatedAt => Some(Value::Time(organisation.stamps.updated_at)),
        other => unreachable!("{other:?} is not sortable"),
    }
}
