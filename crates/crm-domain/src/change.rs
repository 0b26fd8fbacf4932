//! The change log: who did what to which record, when, and which fields went from what to what.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    FieldChange, ImportId, ImportStatus, MandateStatus, TaskStatus, UserId, Version, access::Resource,
    values::Timestamp,
};

/// The kinds of records that the change log speaks of.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RecordKind {
    /// [`crate::Organisation`]
    Organisations,
    /// [`crate::Person`]
    People,
    /// [`crate::Link`]
    Links,
    /// [`crate::Product`]
    Products,
    /// [`crate::Mandate`]
    Mandates,
    /// [`crate::MandateProduct`]
    MandateProducts,
    /// [`crate::Interaction`]
    Interactions,
    /// [`crate::Task`]
    Tasks,
    /// [`crate::User`]
    Users,
    /// [`crate::Team`]
    Teams,
    /// [`crate::access::Role`]
    Roles,
    /// [`crate::Import`]
    Imports,
}

impl RecordKind {
    /// The table of the records: what is stale after a change of one, whoever made it. Whatever else the same unit of work
    /// wrote is known to the instance that did it.
    pub const fn stale_after(self) -> &'static str {
        match self {
            Self::Organisations => "organisations",
            Self::People => "people",
            Self::Links => "links",
            Self::Products => "products",
            Self::Mandates => "mandates",
            Self::MandateProducts => "mandate_products",
            Self::Interactions => "interactions",
            Self::Tasks => "tasks",
            Self::Users => "users",
            Self::Teams => "teams",
            Self::Roles => "roles",
            Self::Imports => "imports",
        }
    }

    /// The first word of the kind's event names, as in `organisation.created`.
    pub const fn event_prefix(self) -> &'static str {
        match self {
            Self::Organisations => "organisation",
            Self::People => "person",
            Self::Links => "link",
            Self::Products => "product",
            Self::Mandates => "mandate",
            Self::MandateProducts => "mandate_product",
            Self::Interactions => "interaction",
            Self::Tasks => "task",
            Self::Users => "user",
            Self::Teams => "team",
            Self::Roles => "role",
            Self::Imports => "import",
        }
    }

    /// The resource whose permissions guard records of this kind; a link is guarded by the record that it is a part of.
    pub const fn guarded_by(self) -> Resource {
        match self {
            Self::Organisations | Self::Links | Self::Imports => Resource::Organisations,
            Self::People => Resource::People,
            Self::Products => Resource::Products,
            Self::Mandates | Self::MandateProducts => Resource::Mandates,
            Self::Interactions => Resource::Interactions,
            Self::Tasks => Resource::Tasks,
            Self::Users => Resource::Users,
            Self::Teams => Resource::Teams,
            Self::Roles => Resource::Roles,
        }
    }
}

/// What happened to the record.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ChangeAction {
    /// It came to be.
    Created,
    /// Fields changed.
    Updated,
    /// It left all lists.
    Deleted,
    /// It came back.
    Restored,
}

/// One change of one record, as a use case states it; who and when are added when it is recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// The kind of record.
    pub kind: RecordKind,
    /// The record.
    pub record_id: Uuid,
    /// The record's version after the change.
    pub version: Version,
    /// What happened.
    pub action: ChangeAction,
    /// Which fields went from what to what.
    pub fields: Vec<FieldChange>,
}

/// One row of the change log, as it is read back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordedChange {
    /// The place in the one gapless order of all changes; none until it has been given out.
    pub position: Option<i64>,
    /// When it was committed, as the writer's clock said.
    pub at: Timestamp,
    /// The user who did it; none for a job of the system.
    pub actor_id: Option<UserId>,
    /// Why the system did it; none for a user.
    pub reason: Option<String>,
    /// The kind of record.
    pub resource: RecordKind,
    /// The record.
    pub id: Uuid,
    /// The record's version after the change.
    pub version: Version,
    /// What happened.
    pub action: ChangeAction,
    /// The name of the event, for example `organisation.pipeline_changed`.
    pub event: String,
    /// Which fields went from what to what.
    pub changed: Vec<FieldChange>,
    /// The request that did it.
    pub request_id: Option<String>,
    /// The import that did it.
    pub import_id: Option<ImportId>,
}

impl Change {
    /// The name of the event that this change is, from the table in the domain guide.
    pub fn event(&self) -> String {
        let moved = |field: &str| self.fields.iter().find(|change| change.field == field);
        let became = |status: &str| moved("status").is_some_and(|change| change.new == status);
        let action = match (self.kind, self.action) {
            (RecordKind::Organisations, ChangeAction::Updated) if moved("pipeline_stage").is_some() => {
                "pipeline_changed"
            }
            (RecordKind::Mandates, ChangeAction::Updated) if became(MandateStatus::Signed.as_ref()) => "signed",
            (RecordKind::Mandates, ChangeAction::Updated) if became(MandateStatus::Ended.as_ref()) => "ended",
            (RecordKind::Tasks, ChangeAction::Updated) if became(TaskStatus::Done.as_ref()) => "completed",
            (RecordKind::Tasks, ChangeAction::Updated) if moved("assignee_id").is_some_and(|to| !to.new.is_null()) => {
                "assigned"
            }
            (RecordKind::Imports, ChangeAction::Updated) if became(ImportStatus::Completed.as_ref()) => "completed",
            (_, action) => action.into(),
        };
        format!("{}.{action}", self.kind.event_prefix())
    }
}
