//! Products: the funds and other instruments that one distributes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Applied, Editor, Field, InputReader, Invalid, NewRecord, ProductId, Stamps, TeamId, UserId,
    access::{Guarded, Resource, sealed::Sealed},
    names_of,
    query::{FieldSet, Kind},
    values::{Isin, Line, Name, Text, Timestamp, search_text},
};

/// What kind of instrument it is.
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
#[allow(missing_docs)]
pub enum ProductType {
    Ucits,
    Fcp,
    Sicav,
    Etf,
    Alternative,
    Other,
}

/// Whether it is on offer.
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
pub enum ProductStatus {
    /// On offer.
    Active,
    /// Not on offer any more.
    Inactive,
    /// Not on offer yet.
    Pending,
}

/// A fund or another instrument.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its name.
    pub name: Name,
    /// International Securities Identification Number, ISO 6166; one live product for each.
    pub isin: Option<Isin>,
    /// What kind of instrument it is.
    #[serde(rename = "type")]
    pub kind: Option<ProductType>,
    /// Whether it is on offer; `active` unless said.
    pub status: ProductStatus,
    /// What one should know.
    pub notes: Option<Text>,
    /// Version, ownership and stamps.
    #[serde(flatten)]
    pub stamps: Stamps,
}

/// What a client says of a product: absent fields stay, `null` clears, a value sets.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[allow(missing_docs)] // The fields are those of `Product`.
pub struct ProductPatch {
    pub name: Field<Name>,
    pub isin: Field<Isin>,
    #[cfg_attr(feature = "openapi", schema(rename = "type"))]
    pub kind: Field<ProductType>,
    pub status: Field<ProductStatus>,
    pub notes: Field<Text>,
    pub owner_id: Field<UserId>,
    pub team_id: Field<TeamId>,
}

impl ProductPatch {
    /// Reads a JSON object; every broken rule is told, unknown fields included.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        Self::take(InputReader::new(value)?)
    }

    /// Reads the JSON object of a new product: as [`Self::read`], and a missing name is told with the rest.
    pub fn read_new(value: Value) -> Result<Self, Invalid> {
        let mut input = InputReader::new(value)?;
        input.require("name");
        Self::take(input)
    }

    fn take(mut input: InputReader) -> Result<Self, Invalid> {
        let patch = Self {
            name: input.text("name", Name::parse),
            isin: input.text("isin", Isin::parse),
            kind: input.choice("type"),
            status: input.choice("status"),
            notes: input.text("notes", Text::parse),
            owner_id: input.id("owner_id"),
            team_id: input.id("team_id"),
        };
        input.finish(patch)
    }
}

impl Product {
    /// A new product. The name is the only field that must be set.
    pub fn create(new: NewRecord<Self>, patch: &ProductPatch) -> Result<Applied<Self>, Invalid> {
        Self::blank(new).edit(Editor::of_new_record(), patch)
    }

    /// The state after a patch: a version later where something changed, the same where nothing did.
    pub fn apply(&self, patch: &ProductPatch, by: Option<UserId>, at: Timestamp) -> Result<Applied<Self>, Invalid> {
        let mut applied = self.clone().edit(Editor::new(), patch)?;
        if !applied.changes.is_empty() {
            applied.state.stamps = applied.state.stamps.touched(by, at);
        }
        Ok(applied)
    }

    /// The folded text that a full-text search looks through.
    pub fn search_text(&self) -> String {
        search_text(&[Some(self.name.as_str()), self.isin.as_ref().map(Isin::as_str)])
    }

    /// What a new product is before its input is looked at; without a name it never leaves [`Self::create`].
    ///
    /// It is active: who enters a product mostly enters one that is sold already.
    fn blank(new: NewRecord<Self>) -> Self {
        Self {
            id: new.id,
            name: Line::from_stored(String::new()),
            isin: None,
            kind: None,
            status: ProductStatus::Active,
            notes: None,
            stamps: new.stamps(),
        }
    }

    fn edit(mut self, mut edit: Editor, patch: &ProductPatch) -> Result<Applied<Self>, Invalid> {
        edit.essential("name", &mut self.name, &patch.name);
        edit.optional("isin", &mut self.isin, &patch.isin);
        edit.optional("type", &mut self.kind, &patch.kind);
        edit.required("status", &mut self.status, &patch.status);
        edit.optional("notes", &mut self.notes, &patch.notes);
        edit.optional("owner_id", &mut self.stamps.owner_id, &patch.owner_id);
        edit.optional("team_id", &mut self.stamps.team_id, &patch.team_id);
        edit.finish(self)
    }
}

impl Sealed for Product {}

impl Guarded for Product {
    const RESOURCE: Resource = Resource::Products;
}

/// The fields of a product by which lists are filtered and sorted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, strum::AsRefStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)] // The fields are those of `Product`.
pub enum ProductField {
    Id,
    Name,
    Isin,
    Type,
    Status,
    OwnerId,
    TeamId,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}

impl FieldSet for ProductField {
    const RESOURCE: Resource = Resource::Products;

    fn kind(self) -> Kind {
        match self {
            Self::Name => Kind::Folded,
            Self::Isin => Kind::Text,
            Self::Type => Kind::Choice(names_of::<ProductType>),
            Self::Status => Kind::Choice(names_of::<ProductStatus>),
            Self::Id | Self::OwnerId | Self::TeamId | Self::CreatedBy | Self::UpdatedBy => Kind::Id,
            Self::CreatedAt | Self::UpdatedAt => Kind::Time,
        }
    }

    fn is_sortable(self) -> bool {
        matches!(self, Self::Name | Self::Isin | Self::Type | Self::Status | Self::CreatedAt | Self::UpdatedAt)
    }

    fn newest_first() -> Self {
        Self::CreatedAt
    }
}
