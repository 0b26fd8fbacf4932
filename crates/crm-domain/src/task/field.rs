//! What lists of tasks are filtered and sorted by.

use super::{TaskPriority, TaskStatus};
use crate::{
    access::Resource,
    names_of,
    query::{FieldSet, Kind},
};

/// The fields of a task by which lists are filtered and sorted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, strum::AsRefStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)] // The fields are those of `Task`.
pub enum TaskField {
    Id,
    Title,
    DueAt,
    Priority,
    Status,
    AssigneeId,
    CompletedAt,
    OrganisationId,
    PersonId,
    MandateId,
    InteractionId,
    Recurrence,
    PreviousTaskId,
    OwnerId,
    TeamId,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}

impl FieldSet for TaskField {
    const RESOURCE: Resource = Resource::Tasks;

    fn kind(self) -> Kind {
        match self {
            Self::Title => Kind::Folded,
            Self::Recurrence => Kind::Text,
            Self::Priority => Kind::Choice(names_of::<TaskPriority>),
            Self::Status => Kind::Choice(names_of::<TaskStatus>),
            Self::DueAt | Self::CompletedAt | Self::CreatedAt | Self::UpdatedAt => Kind::Time,
            Self::Id
            | Self::AssigneeId
            | Self::OrganisationId
            | Self::PersonId
            | Self::MandateId
            | Self::InteractionId
            | Self::PreviousTaskId
            | Self::OwnerId
            | Self::TeamId
            | Self::CreatedBy
            | Self::UpdatedBy => Kind::Id,
        }
    }

    fn is_sortable(self) -> bool {
        matches!(self, Self::Title | Self::DueAt | Self::CompletedAt | Self::CreatedAt | Self::UpdatedAt)
    }

    fn newest_first() -> Self {
        Self::CreatedAt
    }
}
