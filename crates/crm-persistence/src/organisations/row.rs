//! One row of the table, and what it means.

use crm_domain::{
    Organisation, Stamps, Version,
    values::{
        CountryCode, CurrencyCode, Date, EmailAddress, LanguageCode, Lei, Line, Money, Name, Percent, PhoneNumber,
        Text, WebAddress, fold,
    },
};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use crate::{
    column::{JsonColumn, TimeColumn, UuidColumn, maybe},
    schema::organisations,
    stored::{choice, choice_text, code, tags, tags_json, text},
};

#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = organisations, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct OrganisationRow {
    id: UuidColumn,
    name: String,
    name_key: String,
    kind: Option<String>,
    category: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    website: Option<String>,
    address: Option<String>,
    city: Option<String>,
    city_key: Option<String>,
    postal_code: Option<String>,
    country_code: Option<String>,
    language: Option<String>,
    domicile: Option<String>,
    aum: Option<i64>,
    aum_date: Option<Date>,
    strategies: JsonColumn,
    tags: JsonColumn,
    lei: Option<String>,
    registration_number: Option<String>,
    licence_number: Option<String>,
    pipeline_stage: String,
    potential_amount: Option<i64>,
    currency: String,
    signature_probability: Option<i16>,
    signature_date: Option<Date>,
    is_active: bool,
    description: Option<String>,
    notes: Option<String>,
    search_text: String,
    // Written by the interactions alone, which is no new version of the record.
    #[diesel(skip_update)]
    last_activity_at: Option<TimeColumn>,
    version: i64,
    owner_id: Option<UuidColumn>,
    team_id: Option<UuidColumn>,
    created_at: TimeColumn,
    created_by: Option<UuidColumn>,
    updated_at: TimeColumn,
    updated_by: Option<UuidColumn>,
    deleted_at: Option<TimeColumn>,
}

impl From<&Organisation> for OrganisationRow {
    fn from(organisation: &Organisation) -> Self {
        let Organisation { stamps, .. } = organisation;
        Self {
            id: organisation.id.into(),
            name: organisation.name.to_string(),
            name_key: fold(organisation.name.as_str()),
            kind: choice_text(organisation.kind),
            category: choice_text(organisation.category),
            email: text(organisation.email.as_ref()),
            phone: text(organisation.phone.as_ref()),
            website: text(organisation.website.as_ref()),
            address: text(organisation.address.as_ref()),
            city: text(organisation.city.as_ref()),
            city_key: organisation.city.as_ref().map(|city| fold(city.as_str())),
            postal_code: text(organisation.postal_code.as_ref()),
            country_code: text(organisation.country_code.as_ref()),
            language: text(organisation.language.as_ref()),
            domicile: text(organisation.domicile.as_ref()),
            aum: organisation.aum.map(Money::minor_units),
            aum_date: organisation.aum_date,
            strategies: tags_json(&organisation.strategies),
            tags: tags_json(&organisation.tags),
            lei: text(organisation.lei.as_ref()),
            registration_number: text(organisation.registration_number.as_ref()),
            licence_number: text(organisation.licence_number.as_ref()),
            pipeline_stage: organisation.pipeline_stage.as_ref().to_owned(),
            potential_amount: organisation.potential_amount.map(Money::minor_units),
            currency: organisation.currency.to_string(),
            signature_probability: organisation.signature_probability.map(|percent| i16::from(percent.value())),
            signature_date: organisation.signature_date,
            is_active: organisation.is_active,
            description: text(organisation.description.as_ref()),
            notes: text(organisation.notes.as_ref()),
            search_text: organisation.search_text(),
            last_activity_at: maybe(organisation.last_activity_at),
            version: stamps.version.number(),
            owner_id: maybe(stamps.owner_id),
            team_id: maybe(stamps.team_id),
            created_at: stamps.created_at.into(),
            created_by: maybe(stamps.created_by),
            updated_at: stamps.updated_at.into(),
            updated_by: maybe(stamps.updated_by),
            deleted_at: maybe(stamps.deleted_at),
        }
    }
}

impl From<OrganisationRow> for Organisation {
    fn from(row: OrganisationRow) -> Self {
        Self {
            id: row.id.into(),
            name: Name::from_stored(row.name),
            kind: row.kind.as_deref().map(choice),
            category: row.category.as_deref().map(choice),
            email: row.email.map(EmailAddress::from_stored),
            phone: row.phone.map(PhoneNumber::from_stored),
            website: row.website.map(WebAddress::from_stored),
            address: row.address.map(Line::from_stored),
            city: row.city.map(Line::from_stored),
            postal_code: row.postal_code.map(Line::from_stored),
            country_code: row.country_code.as_deref().map(|text| code(CountryCode::parse(text))),
            language: row.language.as_deref().map(|text| code(LanguageCode::parse(text))),
            domicile: row.domicile.as_deref().map(|text| code(CountryCode::parse(text))),
            aum: row.aum.map(Money::from_minor_units),
            aum_date: row.aum_date,
            strategies: tags(row.strategies),
            tags: tags(row.tags),
            lei: row.lei.map(Lei::from_stored),
            registration_number: row.registration_number.map(Line::from_stored),
            licence_number: row.licence_number.map(Line::from_stored),
            pipeline_stage: choice(&row.pipeline_stage),
            potential_amount: row.potential_amount.map(Money::from_minor_units),
            currency: code(CurrencyCode::parse(&row.currency)),
            signature_probability: row.signature_probability.map(|number| code(Percent::new(number.into()))),
            signature_date: row.signature_date,
            is_active: row.is_active,
            description: row.description.map(Text::from_stored),
            notes: row.notes.map(Text::from_stored),
            last_activity_at: maybe(row.last_activity_at),
            stamps: Stamps {
                version: Version::from_stored(row.version),
                owner_id: maybe(row.owner_id),
                team_id: maybe(row.team_id),
                created_at: row.created_at.into(),
                created_by: maybe(row.created_by),
                updated_at: row.updated_at.into(),
                updated_by: maybe(row.updated_by),
                deleted_at: maybe(row.deleted_at),
            },
        }
    }
}
