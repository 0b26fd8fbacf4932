//! What lists of interactions are filtered and sorted by.

use super::InteractionType;
use crate::{
    access::Resource,
    names_of,
    query::{FieldSet, Kind},
};

/// The fields of an interaction by which lists are filtered and sorted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, strum::AsRefStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)] // The fields are those of `Interaction`.
pub enum InteractionField {
    Id,
    Type,
    OccurredAt,
    DurationMinutes,
    Subject,
    OrganisationId,
    ProductId,
    ParticipantPeople,
    ParticipantUsers,
    OwnerId,
    TeamId,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}

impl FieldSet for InteractionField {
    const RESOURCE: Resource = Resource::Interactions;

    fn kind(self) -> Kind {
        match self {
            Self::Type => Kind::Choice(names_of::<InteractionType>),
            Self::DurationMinutes => Kind::Integer,
            Self::Subject => Kind::Folded,
            Self::ParticipantPeople | Self::ParticipantUsers => Kind::Ids,
            Self::OccurredAt | Self::CreatedAt | Self::UpdatedAt => Kind::Time,
            Self::Id
            | Self::OrganisationId
            | Self::ProductId
            | Self::OwnerId
            | Self::TeamId
            | Self::CreatedBy
            | Self::UpdatedBy => Kind::Id,
        }
    }

    fn is_sortable(self) -> bool {
        matches!(self, Self::OccurredAt | Self::Subject | Self::CreatedAt | Self::UpdatedAt)
    }

    fn newest_first() -> Self {
        Self::OccurredAt
    }
}
