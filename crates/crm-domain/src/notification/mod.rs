//! Notifications: messages to one user about something that happened, or is about to.
//!
//! Who is told of what is in [`audience`], in which words in [`words`]. Whether somebody may see the record, and whether
//! they want to hear of it, is for whoever sends it to look up.

mod audience;
mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Applied, Editor, Field, InputReader, Invalid, NotificationId, RecordKind, Version, Violation,
    access::{Guarded, Resource, sealed::Sealed},
    parse_choice,
    values::Timestamp,
};
pub use audience::{Told, Whom, audience};
pub use words::{Facts, Words, words};

/// What a notification is about.
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
    strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum NotificationKind {
    /// A task was given to the user.
    TaskAssigned,
    /// A task of the user is due within a day.
    TaskDue,
    /// A task of the user should have been done by now.
    TaskOverdue,
    /// A task that the user made was done.
    TaskCompleted,
    /// The user answers for a record now.
    OwnerChanged,
    /// An organisation was won.
    PipelineSigned,
    /// An organisation was lost.
    PipelineLost,
    /// A mandate was signed.
    MandateSigned,
    /// A mandate ends within thirty days.
    MandateExpiring,
    /// An import that the user started has ended.
    ImportFinished,
    /// Somebody signed in as the user from an address that was not seen before.
    NewSignIn,
    /// The user has another role.
    RoleChanged,
    /// A webhook of the user was switched off, because its receiver is gone or has failed for days.
    WebhookDisabled,
}

impl NotificationKind {
    /// How much it matters, from the table in the domain guide.
    pub const fn priority(self) -> NotificationPriority {
        match self {
            Self::TaskAssigned
            | Self::TaskOverdue
            | Self::PipelineSigned
            | Self::MandateExpiring
            | Self::WebhookDisabled => NotificationPriority::High,
            Self::TaskDue
            | Self::OwnerChanged
            | Self::PipelineLost
            | Self::MandateSigned
            | Self::ImportFinished
            | Self::NewSignIn
            | Self::RoleChanged => NotificationPriority::Normal,
            Self::TaskCompleted => NotificationPriority::Low,
        }
    }
}

/// How much a notification matters.
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
    strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum NotificationPriority {
    /// Good to know.
    Low,
    /// To be read.
    Normal,
    /// To be read soon.
    High,
}

/// A message to one user.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notification {
    /// The id.
    pub id: NotificationId,
    /// What it is about.
    pub kind: NotificationKind,
    /// How much it matters.
    pub priority: NotificationPriority,
    /// A few words, in the user's language at the time.
    pub title: String,
    /// A sentence, in the same language.
    pub message: String,
    /// Where the record is shown, as a path within the users' part of the service.
    pub link: Option<String>,
    /// The kind of record that it is about.
    pub resource: Option<RecordKind>,
    /// The record.
    pub record_id: Option<uuid::Uuid>,
    /// The version, also the `ETag`.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the user read it.
    pub read_at: Option<Timestamp>,
    /// When the user put it away.
    pub archived_at: Option<Timestamp>,
    /// When it goes away by itself.
    pub expires_at: Timestamp,
}

/// What a client says of a notification: absent fields stay.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NotificationPatch {
    /// Whether the user has read it.
    pub read: Field<bool>,
    /// Whether the user has put it away.
    pub archived: Field<bool>,
}

impl NotificationPatch {
    /// Reads a JSON object; every broken rule is told, unknown fields included.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        let mut input = InputReader::new(value)?;
        let patch = Self { read: input.boolean("read"), archived: input.boolean("archived") };
        input.finish(patch)
    }
}

impl Notification {
    /// The state after a patch: a version later where something changed, the same where nothing did. What was read
    /// keeps the time when it was.
    pub fn apply(&self, patch: &NotificationPatch, at: Timestamp) -> Result<Applied<Self>, Invalid> {
        let mut edit = Editor::new();
        let mut state = self.clone();
        edit.optional("read_at", &mut state.read_at, &stamped(patch.read, self.read_at, at));
        edit.optional("archived_at", &mut state.archived_at, &stamped(patch.archived, self.archived_at, at));
        if edit.has_changes() {
            state.version = self.version.next();
        }
        edit.finish(state)
    }
}

/// What becomes of a time that says since when something is so.
fn stamped(field: Field<bool>, present: Option<Timestamp>, at: Timestamp) -> Field<Timestamp> {
    match field {
        Field::Set(true) if present.is_none() => Field::Set(at),
        Field::Set(false) | Field::Clear => Field::Clear,
        Field::Set(true) | Field::Keep => Field::Keep,
    }
}

/// Which kinds of notifications a user wants; those that are absent are wanted.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NotificationPreferences {
    /// Each kind, and whether it is wanted.
    pub kinds: BTreeMap<NotificationKind, bool>,
}

impl NotificationPreferences {
    /// Every kind, none of those in `off` wanted.
    pub fn without(off: &[NotificationKind]) -> Self {
        let all = <NotificationKind as strum::VariantArray>::VARIANTS;
        Self { kinds: all.iter().map(|kind| (*kind, !off.contains(kind))).collect() }
    }

    /// The kinds that are not wanted.
    pub fn off(&self) -> Vec<NotificationKind> {
        self.kinds.iter().filter(|(_, is_on)| !**is_on).map(|(kind, _)| *kind).collect()
    }

    /// Reads a JSON object `{"kinds": {"task_due": false}}`; every broken rule is told.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        let mut input = InputReader::new(value)?;
        input.require("kinds");
        let kinds = input.nested("kinds", read_kinds);
        input.finish(Self { kinds: kinds.as_set().cloned().unwrap_or_default() })
    }
}

fn read_kinds(value: Value) -> Result<BTreeMap<NotificationKind, bool>, Invalid> {
    let Value::Object(object) = value else { return Err(Invalid::one("", "type", "must be a JSON object")) };
    let mut invalid = Invalid::default();
    let mut kinds = BTreeMap::new();
    for (name, value) in object {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let kind = invalid.note(&pointer, parse_choice::<NotificationKind>(&name));
        let flag = value.as_bool().ok_or_else(|| Violation::new("type", "must be true or false"));
        if let Some((kind, flag)) = kind.zip(invalid.note(&pointer, flag)) {
            kinds.insert(kind, flag);
        }
    }
    invalid.finish(kinds)
}

impl Sealed for Notification {}

impl Guarded for Notification {
    const RESOURCE: Resource = Resource::Notifications;
}
