//! What permissions speak of, as values for data and as types for signatures.

use serde::{Deserialize, Serialize};

use super::{Role, sealed::Sealed};
use crate::{Change, Organisation, Person, Team, User};

/// A resource that permissions are given on.
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
pub enum Resource {
    /// Companies, and their links with people.
    Organisations,
    /// Human contacts.
    People,
    /// Contracts to distribute products.
    Mandates,
    /// Funds and other instruments.
    Products,
    /// Calls, meetings, messages.
    Interactions,
    /// Things to do.
    Tasks,
    /// Those who sign in.
    Users,
    /// Users who share records.
    Teams,
    /// Sets of permissions.
    Roles,
    /// Messages to one user.
    Notifications,
    /// The change log.
    Changes,
    /// The service itself.
    Settings,
}

/// A type whose records are guarded by the permissions on [`Guarded::RESOURCE`].
pub trait Guarded: Sealed + 'static {
    /// The resource whose permissions count.
    const RESOURCE: Resource;
}

/// The service itself: its health report, its cache, its limits.
#[derive(Clone, Copy, Debug)]
pub struct Settings;

impl Sealed for Organisation {}
impl Sealed for Person {}
impl Sealed for User {}
impl Sealed for Team {}
impl Sealed for Role {}
impl Sealed for Change {}
impl Sealed for Settings {}

impl Guarded for Organisation {
    const RESOURCE: Resource = Resource::Organisations;
}
impl Guarded for Person {
    const RESOURCE: Resource = Resource::People;
}
impl Guarded for User {
    const RESOURCE: Resource = Resource::Users;
}
impl Guarded for Team {
    const RESOURCE: Resource = Resource::Teams;
}
impl Guarded for Role {
    const RESOURCE: Resource = Resource::Roles;
}
impl Guarded for Change {
    const RESOURCE: Resource = Resource::Changes;
}
impl Guarded for Settings {
    const RESOURCE: Resource = Resource::Settings;
}
