//! One row of the table, and what it means.

use chrono::Datelike;
use crm_domain::{
    IdSet, Interaction, Stamps, Version,
    values::{Minutes, Name, Text, Timestamp, fold},
};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    schema::interactions,
    stored::{choice, code, text},
};

#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = interactions, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct InteractionRow {
    id: UuidColumn,
    kind: String,
    occurred_at: TimeColumn,
    occurred_month: i64,
    duration_minutes: Option<i16>,
    subject: String,
    subject_key: String,
    body: Option<String>,
    outcome: Option<String>,
    organisation_id: Option<UuidColumn>,
    product_id: Option<UuidColumn>,
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

/// The month of a time in UTC, as `YYYYMM`: a column of its own, so that figures by month walk an index.
fn month(time: Timestamp) -> i64 {
    let date = time.date();
    i64::from(date.year()) * 100 + i64::from(date.month())
}

fn stored(minutes: Minutes) -> i16 {
    i16::try_from(minutes.value()).expect("a week has fewer minutes than 16 bits can tell")
}

impl From<&Interaction> for InteractionRow {
    fn from(interaction: &Interaction) -> Self {
        let Interaction { stamps, .. } = interaction;
        Self {
            id: interaction.id.into(),
            kind: interaction.kind.as_ref().to_owned(),
            occurred_at: interaction.occurred_at.into(),
            occurred_month: month(interaction.occurred_at),
            duration_minutes: interaction.duration_minutes.map(stored),
            subject: interaction.subject.to_string(),
            subject_key: fold(interaction.subject.as_str()),
            body: text(interaction.body.as_ref()),
            outcome: text(interaction.outcome.as_ref()),
            organisation_id: maybe(interaction.organisation_id),
            product_id: maybe(interaction.product_id),
            search_text: interaction.search_text(),
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

/// Those who took part stand in tables of their own, and are put in by whoever loads the row.
impl From<InteractionRow> for Interaction {
    fn from(row: InteractionRow) -> Self {
        Self {
            id: row.id.into(),
            kind: choice(&row.kind),
            occurred_at: row.occurred_at.into(),
            duration_minutes: row.duration_minutes.map(|minutes| code(Minutes::new(minutes.into()))),
            subject: Name::from_stored(row.subject),
            body: row.body.map(Text::from_stored),
            outcome: row.outcome.map(Text::from_stored),
            organisation_id: maybe(row.organisation_id),
            product_id: maybe(row.product_id),
            participant_people: IdSet::default(),
            participant_users: IdSet::default(),
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
