//! Teams: users who share records.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Applied, Editor, Field, InputReader, Invalid, NewRecord, Stamps, TeamId, UserId,
    access::Resource,
    query::{FieldSet, Kind},
    values::{Name, Timestamp, search_text},
};

/// Users who share records.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Team {
    /// The id.
    pub id: TeamId,
    /// The name, unique.
    pub name: Name,
    /// Who leads it.
    pub manager_id: Option<UserId>,
    /// Version, ownership and stamps; a team belongs to itself, so that its members reach it.
    #[serde(flatten)]
    pub stamps: Stamps,
}

/// What a client says of a team: absent fields stay, `null` clears, a value sets.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[allow(missing_docs)] // The fields are those of `Team`.
pub struct TeamPatch {
    pub name: Field<Name>,
    pub manager_id: Field<UserId>,
    pub owner_id: Field<UserId>,
}

impl TeamPatch {
    /// Reads a JSON object; every broken rule is told, unknown fields included.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        Self::take(InputReader::new(value)?)
    }

    /// Reads the JSON object of a new team: as [`Self::read`], and a missing name is told with the rest.
    pub fn read_new(value: Value) -> Result<Self, Invalid> {
        let mut input = InputReader::new(value)?;
        input.require("name");
        Self::take(input)
    }

    fn take(mut input: InputReader) -> Result<Self, Invalid> {
        let patch = Self {
            name: input.text("name", Name::parse),
            manager_id: input.id("manager_id"),
            owner_id: input.id("owner_id"),
        };
        input.finish(patch)
    }
}

impl Team {
    /// A new team. The name must be set.
    pub fn create(new: NewRecord<Self>, patch: &TeamPatch) -> Result<Applied<Self>, Invalid> {
        let stamps = Stamps { team_id: Some(new.id), ..new.stamps() };
        let blank = Self { id: new.id, name: Name::from_stored(String::new()), manager_id: None, stamps };
        blank.edit(Editor::of_new_record(), patch)
    }

    /// The state after a patch: a version later where something changed, the same where nothing did.
    pub fn apply(&self, patch: &TeamPatch, by: Option<UserId>, at: Timestamp) -> Result<Applied<Self>, Invalid> {
        let mut applied = self.clone().edit(Editor::new(), patch)?;
        if !applied.changes.is_empty() {
            applied.state.stamps = applied.state.stamps.touched(by, at);
        }
        Ok(applied)
    }

    /// The folded text that a full-text search looks through.
    pub fn search_text(&self) -> String {
        search_text(&[Some(self.name.as_str())])
    }

    fn edit(mut self, mut edit: Editor, patch: &TeamPatch) -> Result<Applied<Self>, Invalid> {
        edit.essential("name", &mut self.name, &patch.name);
        edit.optional("manager_id", &mut self.manager_id, &patch.manager_id);
        edit.optional("owner_id", &mut self.stamps.owner_id, &patch.owner_id);
        edit.finish(self)
    }
}

/// The fields of a team by which lists are filtered and sorted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, strum::AsRefStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)] // The fields are those of `Team`.
pub enum TeamField {
    Id,
    Name,
    ManagerId,
    OwnerId,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}

impl FieldSet for TeamField {
    const RESOURCE: Resource = Resource::Teams;

    fn kind(self) -> Kind {
        match self {
            Self::Name => Kind::Folded,
            Self::Id | Self::ManagerId | Self::OwnerId | Self::CreatedBy | Self::UpdatedBy => Kind::Id,
            Self::CreatedAt | Self::UpdatedAt => Kind::Time,
        }
    }

    fn is_sortable(self) -> bool {
        matches!(self, Self::Name | Self::CreatedAt | Self::UpdatedAt)
    }

    fn newest_first() -> Self {
        Self::CreatedAt
    }
}
