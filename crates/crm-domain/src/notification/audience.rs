//! Who is told of a change: the table of the domain guide.
//!
//! No match here has a wildcard, so whoever adds a kind of record or an action is asked whom it concerns.

use serde_json::Value;

use super::NotificationKind;
use crate::{ChangeAction, ImportStatus, MandateStatus, PipelineStage, RecordKind, RecordedChange, TaskStatus, UserId};

/// One who is told, and of what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Told {
    /// Of what.
    pub kind: NotificationKind,
    /// Who.
    pub whom: Whom,
}

/// Somebody, by what they are to the record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Whom {
    /// This user.
    User(UserId),
    /// Whoever answers for the record.
    Owner,
    /// Whoever leads the team of that one.
    ManagerOfOwner,
    /// Whoever made the record.
    Creator,
}

/// Who is to be told of a change. That nobody is told of what they did themselves, nor of a record that they may not see,
/// is for the sender to see to; the one exception is [`NotificationKind::ImportFinished`], which is not done by hand.
///
/// What an import did to many records is told once, when it has ended, and not of each of them.
pub fn audience(change: &RecordedChange) -> Vec<Told> {
    if change.import_id.is_some() && change.resource != RecordKind::Imports {
        return Vec::new();
    }
    match change.resource {
        RecordKind::Organisations => [owner(change), pipeline(change)].concat(),
        RecordKind::People | RecordKind::Products | RecordKind::Interactions => owner(change),
        RecordKind::Mandates => [owner(change), signed(change)].concat(),
        RecordKind::Tasks => [owner(change), assigned(change), completed(change)].concat(),
        RecordKind::Users => role(change),
        RecordKind::Imports => finished(change),
        RecordKind::Links | RecordKind::MandateProducts | RecordKind::Teams | RecordKind::Roles => Vec::new(),
    }
}

/// What a field became by the change; none where it stayed.
fn became<'a>(change: &'a RecordedChange, field: &str) -> Option<&'a Value> {
    change.changed.iter().find(|one| one.field == field).map(|one| &one.new)
}

fn became_word(change: &RecordedChange, field: &str, word: impl AsRef<str>) -> bool {
    became(change, field).is_some_and(|new| new == word.as_ref())
}

fn user(value: &Value) -> Option<UserId> {
    value.as_str().and_then(|text| UserId::parse(text).ok())
}

fn of_user(kind: NotificationKind, value: Option<&Value>) -> Vec<Told> {
    value.and_then(user).map(|user| Told { kind, whom: Whom::User(user) }).into_iter().collect()
}

fn owner(change: &RecordedChange) -> Vec<Told> {
    match change.action {
        ChangeAction::Updated => of_user(NotificationKind::OwnerChanged, became(change, "owner_id")),
        ChangeAction::Created | ChangeAction::Deleted | ChangeAction::Restored => Vec::new(),
    }
}

fn owner_and_manager(kind: NotificationKind) -> Vec<Told> {
    vec![Told { kind, whom: Whom::Owner }, Told { kind, whom: Whom::ManagerOfOwner }]
}

fn pipeline(change: &RecordedChange) -> Vec<Told> {
    match change.action {
        ChangeAction::Updated if became_word(change, "pipeline_stage", PipelineStage::Signed) => {
            owner_and_manager(NotificationKind::PipelineSigned)
        }
        ChangeAction::Updated if became_word(change, "pipeline_stage", PipelineStage::Lost) => {
            owner_and_manager(NotificationKind::PipelineLost)
        }
        ChangeAction::Updated | ChangeAction::Created | ChangeAction::Deleted | ChangeAction::Restored => Vec::new(),
    }
}

fn signed(change: &RecordedChange) -> Vec<Told> {
    match change.action {
        ChangeAction::Updated if became_word(change, "status", MandateStatus::Signed) => {
            owner_and_manager(NotificationKind::MandateSigned)
        }
        ChangeAction::Updated | ChangeAction::Created | ChangeAction::Deleted | ChangeAction::Restored => Vec::new(),
    }
}

fn assigned(change: &RecordedChange) -> Vec<Told> {
    match change.action {
        ChangeAction::Created | ChangeAction::Updated => {
            of_user(NotificationKind::TaskAssigned, became(change, "assignee_id"))
        }
        ChangeAction::Deleted | ChangeAction::Restored => Vec::new(),
    }
}

fn completed(change: &RecordedChange) -> Vec<Told> {
    match change.action {
        ChangeAction::Updated if became_word(change, "status", TaskStatus::Done) => {
            vec![Told { kind: NotificationKind::TaskCompleted, whom: Whom::Creator }]
        }
        ChangeAction::Updated | ChangeAction::Created | ChangeAction::Deleted | ChangeAction::Restored => Vec::new(),
    }
}

fn role(change: &RecordedChange) -> Vec<Told> {
    match change.action {
        ChangeAction::Updated if became(change, "role_id").is_some() => {
            vec![Told { kind: NotificationKind::RoleChanged, whom: Whom::User(UserId::new(change.id)) }]
        }
        ChangeAction::Updated | ChangeAction::Created | ChangeAction::Deleted | ChangeAction::Restored => Vec::new(),
    }
}

fn finished(change: &RecordedChange) -> Vec<Told> {
    let ended = [ImportStatus::Completed, ImportStatus::Failed];
    match change.action {
        ChangeAction::Updated if ended.iter().any(|status| became_word(change, "status", status)) => {
            vec![Told { kind: NotificationKind::ImportFinished, whom: Whom::Creator }]
        }
        ChangeAction::Updated | ChangeAction::Created | ChangeAction::Deleted | ChangeAction::Restored => Vec::new(),
    }
}
