//! One row of the table, and what it means.

use crm_domain::{
    Mandate, Stamps, Version,
    values::{Date, Line, Text, fold},
};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    schema::mandates,
    stored::{choice, text},
};

#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = mandates, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct MandateRow {
    id: UuidColumn,
    organisation_id: UuidColumn,
    number: Option<String>,
    number_key: Option<String>,
    status: String,
    signed_on: Option<Date>,
    starts_on: Option<Date>,
    ends_on: Option<Date>,
    notes: Option<String>,
    search_text: String,
    version: i64,
    owner_id: Option<UuidColumn>,
    team_id: Option<UuidColumn>,
    created_at: TimeColumn,
    created_by: Option<UuidColumn>,
    updated_at: TimeColumn,
    updated_by: Option<UuidColumn>,
    deleted_at: Option<TimeColumn>,
}

impl From<&Mandate> for MandateRow {
    fn from(mandate: &Mandate) -> Self {
        let Mandate { stamps, .. } = mandate;
        Self {
            id: mandate.id.into(),
            organisation_id: mandate.organisation_id.into(),
            number: text(mandate.number.as_ref()),
            number_key: mandate.number.as_ref().map(|number| fold(number.as_str())),
            status: mandate.status.as_ref().to_owned(),
            signed_on: mandate.signed_on,
            starts_on: mandate.starts_on,
            ends_on: mandate.ends_on,
            notes: text(mandate.notes.as_ref()),
            search_text: mandate.search_text(),
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

impl From<MandateRow> for Mandate {
    fn from(row: MandateRow) -> Self {
        Self {
            id: row.id.into(),
            organisation_id: row.organisation_id.into(),
            number: row.number.map(Line::from_stored),
            status: choice(&row.status),
            signed_on: row.signed_on,
            starts_on: row.starts_on,
            ends_on: row.ends_on,
            notes: row.notes.map(Text::from_stored),
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
