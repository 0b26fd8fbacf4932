//! The seven actions, as values for data and as types for signatures.

use serde::{Deserialize, Serialize};

use super::sealed::Sealed;

/// What somebody does to a resource.
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
pub enum Action {
    /// Make a record.
    Create,
    /// See it.
    Read,
    /// Change it.
    Update,
    /// Remove it.
    Delete,
    /// Take many out as a file.
    Export,
    /// Bring many in from a file.
    Import,
    /// Change what others may do with it.
    Manage,
}

/// An action as a type, for signatures such as `Grant<Update, Organisation>`.
pub trait ActionType: Sealed + Send + Sync + 'static {
    /// The same action as a value.
    const ACTION: Action;
}

/// Type of [`Action::Create`].
#[derive(Clone, Copy, Debug)]
pub struct Create;
/// Type of [`Action::Read`].
#[derive(Clone, Copy, Debug)]
pub struct Read;
/// Type of [`Action::Update`].
#[derive(Clone, Copy, Debug)]
pub struct Update;
/// Type of [`Action::Delete`].
#[derive(Clone, Copy, Debug)]
pub struct Delete;
/// Type of [`Action::Export`].
#[derive(Clone, Copy, Debug)]
pub struct Export;
/// Type of [`Action::Import`].
#[derive(Clone, Copy, Debug)]
pub struct Import;
/// Type of [`Action::Manage`].
#[derive(Clone, Copy, Debug)]
pub struct Manage;

impl Sealed for Create {}
impl Sealed for Read {}
impl Sealed for Update {}
impl Sealed for Delete {}
impl Sealed for Export {}
impl Sealed for Import {}
impl Sealed for Manage {}

impl ActionType for Create {
    const ACTION: Action = Action::Create;
}
impl ActionType for Read {
    const ACTION: Action = Action::Read;
}
impl ActionType for Update {
    const ACTION: Action = Action::Update;
}
impl ActionType for Delete {
    const ACTION: Action = Action::Delete;
}
impl ActionType for Export {
    const ACTION: Action = Action::Export;
}
impl ActionType for Import {
    const ACTION: Action = Action::Import;
}
impl ActionType for Manage {
    const ACTION: Action = Action::Manage;
}
