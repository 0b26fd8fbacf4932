//! Imports: many records from one file, which can be taken back as a whole.

use serde::{Deserialize, Serialize};

use crate::{ImportId, UserId, Version, values::Timestamp};

/// What the rows of the file are.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    PartialEq,
    Serialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ImportTarget {
    /// [`crate::Organisation`]
    Organisations,
    /// [`crate::Person`]
    People,
    /// [`crate::Product`]
    Products,
    /// [`crate::Mandate`]
    Mandates,
    /// [`crate::Interaction`]
    Interactions,
    /// [`crate::Task`]
    Tasks,
}

/// What becomes of a row whose record is already there.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Deserialize,
    Eq,
    Hash,
    PartialEq,
    Serialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum OnDuplicate {
    /// The file wins; empty cells leave the record alone.
    #[default]
    Update,
    /// Only the record's empty fields are filled.
    Fill,
    /// The record stays as it is.
    Skip,
}

/// How far an import has come.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    PartialEq,
    Serialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ImportStatus {
    /// Accepted, not begun.
    Queued,
    /// Rows are being read.
    Running,
    /// Every row has been dealt with.
    Completed,
    /// It stopped early; what it did until then can be reverted.
    Failed,
    /// Its changes are being taken back.
    Reverting,
    /// Its changes have been taken back.
    Reverted,
}

/// What an import has done so far.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportCounts {
    /// Data rows read.
    pub rows: i64,
    /// Records made.
    pub created: i64,
    /// Records changed.
    pub updated: i64,
    /// Records that already were what the file says.
    pub unchanged: i64,
    /// Further rows about a record that an earlier row of this file spoke of.
    pub merged: i64,
    /// Rows that could not become or reach a record.
    pub failed: i64,
    /// Cells that were not valid; the rest of their row was used.
    pub invalid_cells: i64,
    /// Changes taken back.
    pub reverted: i64,
    /// Changes that could not be taken back, because the record has changed since.
    pub kept: i64,
}

impl ImportCounts {
    /// These counts and others.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            created: self.created + other.created,
            updated: self.updated + other.updated,
            unchanged: self.unchanged + other.unchanged,
            merged: self.merged + other.merged,
            failed: self.failed + other.failed,
            invalid_cells: self.invalid_cells + other.invalid_cells,
            reverted: self.reverted + other.reverted,
            kept: self.kept + other.kept,
        }
    }
}

/// One import of a file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// What the rows are.
    pub resource: ImportTarget,
    /// The file's name, as the client called it.
    pub file_name: String,
    /// Whether it only shows what would happen.
    pub dry_run: bool,
    /// What becomes of rows whose record is already there.
    pub on_duplicate: OnDuplicate,
    /// How far it has come.
    pub status: ImportStatus,
    /// What it has done so far.
    pub counts: ImportCounts,
    /// Headers that no field was found for.
    pub unmapped: Vec<String>,
    /// Why it failed, for people.
    pub failure: Option<String>,
    /// The version.
    pub version: Version,
    /// Who started it; none for a command.
    pub created_by: Option<UserId>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it last moved on.
    pub updated_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}
