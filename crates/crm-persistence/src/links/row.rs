//! One row of the table, and what it means.

use crm_domain::{
    Link, Version,
    values::{Date, EmailAddress, Line, PhoneNumber, Text},
};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    schema::links,
    stored::{choice, choice_text, text},
};

/// A row without `deleted_at`: stores read and write live links only.
#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = links, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct LinkRow {
    id: UuidColumn,
    organisation_id: UuidColumn,
    person_id: UuidColumn,
    role: Option<String>,
    is_primary: bool,
    job_title: Option<String>,
    work_email: Option<String>,
    work_phone: Option<String>,
    since: Option<Date>,
    until: Option<Date>,
    notes: Option<String>,
    version: i64,
    created_at: TimeColumn,
    created_by: Option<UuidColumn>,
    updated_at: TimeColumn,
    updated_by: Option<UuidColumn>,
}

impl From<&Link> for LinkRow {
    fn from(link: &Link) -> Self {
        Self {
            id: link.id.into(),
            organisation_id: link.organisation_id.into(),
            person_id: link.person_id.into(),
            role: choice_text(link.role),
            is_primary: link.is_primary,
            job_title: text(link.job_title.as_ref()),
            work_email: text(link.work_email.as_ref()),
            work_phone: text(link.work_phone.as_ref()),
            since: link.since,
            until: link.until,
            notes: text(link.notes.as_ref()),
            version: link.version.number(),
            created_at: link.created_at.into(),
            created_by: maybe(link.created_by),
            updated_at: link.updated_at.into(),
            updated_by: maybe(link.updated_by),
        }
    }
}

impl From<LinkRow> for Link {
    fn from(row: LinkRow) -> Self {
        Self {
            id: row.id.into(),
            organisation_id: row.organisation_id.into(),
            person_id: row.person_id.into(),
            role: row.role.as_deref().map(choice),
            is_primary: row.is_primary,
            job_title: row.job_title.map(Line::from_stored),
            work_email: row.work_email.map(EmailAddress::from_stored),
            work_phone: row.work_phone.map(PhoneNumber::from_stored),
            since: row.since,
            until: row.until,
            notes: row.notes.map(Text::from_stored),
            version: Version::from_stored(row.version),
            created_at: row.created_at.into(),
            created_by: maybe(row.created_by),
            updated_at: row.updated_at.into(),
            updated_by: maybe(row.updated_by),
        }
    }
}
