//! One row of the table, and what it means.

use crm_domain::{
    Person, Stamps, Version,
    values::{CountryCode, Date, EmailAddress, LanguageCode, Line, Name, PhoneNumber, Text, WebAddress, fold},
};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use crate::{
    column::{JsonColumn, TimeColumn, UuidColumn, maybe},
    schema::people,
    stored::{code, tags, tags_json, text},
};

#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = people, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct PersonRow {
    id: UuidColumn,
    first_name: Option<String>,
    first_name_key: Option<String>,
    last_name: String,
    last_name_key: String,
    full_name_key: String,
    email: Option<String>,
    email_key: Option<String>,
    personal_email: Option<String>,
    phone: Option<String>,
    mobile: Option<String>,
    job_title: Option<String>,
    country_code: Option<String>,
    language: Option<String>,
    linkedin_url: Option<String>,
    tags: JsonColumn,
    is_active: bool,
    consent: bool,
    consent_date: Option<Date>,
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

impl From<&Person> for PersonRow {
    fn from(person: &Person) -> Self {
        let Person { stamps, .. } = person;
        Self {
            id: person.id.into(),
            first_name: text(person.first_name.as_ref()),
            first_name_key: person.first_name.as_ref().map(|name| fold(name.as_str())),
            last_name: person.last_name.to_string(),
            last_name_key: fold(person.last_name.as_str()),
            full_name_key: fold(&person.full_name()),
            email: text(person.email.as_ref()),
            email_key: person.email.as_ref().map(EmailAddress::key),
            personal_email: text(person.personal_email.as_ref()),
            phone: text(person.phone.as_ref()),
            mobile: text(person.mobile.as_ref()),
            job_title: text(person.job_title.as_ref()),
            country_code: text(person.country_code.as_ref()),
            language: text(person.language.as_ref()),
            linkedin_url: text(person.linkedin_url.as_ref()),
            tags: tags_json(&person.tags),
            is_active: person.is_active,
            consent: person.consent,
            consent_date: person.consent_date,
            notes: text(person.notes.as_ref()),
            search_text: person.search_text(),
            last_activity_at: maybe(person.last_activity_at),
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

impl From<PersonRow> for Person {
    fn from(row: PersonRow) -> Self {
        Self {
            id: row.id.into(),
            first_name: row.first_name.map(Name::from_stored),
            last_name: Name::from_stored(row.last_name),
            email: row.email.map(EmailAddress::from_stored),
            personal_email: row.personal_email.map(EmailAddress::from_stored),
            phone: row.phone.map(PhoneNumber::from_stored),
            mobile: row.mobile.map(PhoneNumber::from_stored),
            job_title: row.job_title.map(Line::from_stored),
            country_code: row.country_code.as_deref().map(|text| code(CountryCode::parse(text))),
            language: row.language.as_deref().map(|text| code(LanguageCode::parse(text))),
            linkedin_url: row.linkedin_url.map(WebAddress::from_stored),
            tags: tags(row.tags),
            is_active: row.is_active,
            consent: row.consent,
            consent_date: row.consent_date,
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
