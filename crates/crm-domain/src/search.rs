//! The answer of a search over everything that the caller may see.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a search looks through.
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
pub enum SearchType {
    /// [`crate::Organisation`]
    Organisations,
    /// [`crate::Person`]
    People,
    /// [`crate::Product`]
    Products,
    /// [`crate::Mandate`]
    Mandates,
}

/// One record that a search found.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchHit {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: SearchType,
    /// Its id.
    pub id: Uuid,
    /// What to show first: a name.
    pub title: String,
    /// What tells it from others of the same name: a city, an address.
    pub subtitle: Option<String>,
    /// How well it fits: 1 the name begins with the query, 2 a word of the name does, 3 found elsewhere.
    pub rank: u8,
}
