//! Users, teams and sessions, as far as the other resources need them.

use serde::{Deserialize, Serialize};

use crate::{
    RoleId, SessionId, Stamps, TeamId, UserId,
    values::{EmailAddress, Name, Timestamp},
};

/// The language that the service speaks to a user in.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
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
pub enum Locale {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
}

/// Somebody who signs in. The password is not part of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The address they sign in with, unique whatever its case.
    pub email: EmailAddress,
    /// Their name.
    pub name: Name,
    /// Their role.
    pub role_id: RoleId,
    /// The language that the service speaks to them in.
    pub locale: Locale,
    /// Whether they may sign in.
    pub is_active: bool,
    /// When they last signed in.
    pub last_login_at: Option<Timestamp>,
    /// Version, ownership and stamps; `team_id` is the team they belong to.
    #[serde(flatten)]
    pub stamps: Stamps,
}

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
    /// Version, ownership and stamps.
    #[serde(flatten)]
    pub stamps: Stamps,
}

/// One sign-in of a user; it ends at log-out, at its expiry, or when somebody ends it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// When it began.
    pub created_at: Timestamp,
    /// When its access token stops working.
    pub access_expires_at: Timestamp,
    /// When its refresh token stops working.
    pub refresh_expires_at: Timestamp,
}
