//! Users and their sessions. The password of a user is never part of one.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Applied, Editor, Field, InputReader, Invalid, NewRecord, RoleId, SessionId, Stamps, TeamId, UserId,
    access::{BuiltInRole, Resource},
    names_of,
    query::{FieldSet, Kind},
    values::{EmailAddress, Name, Timestamp, search_text},
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
    /// Version, ownership and stamps; `team_id` is the team they belong to, and they are their own owner.
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

/// What a client says of a user: absent fields stay, `null` clears, a value sets.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[allow(missing_docs)] // The fields are those of `User`.
pub struct UserPatch {
    pub email: Field<EmailAddress>,
    pub name: Field<Name>,
    pub role_id: Field<RoleId>,
    pub team_id: Field<TeamId>,
    pub locale: Field<Locale>,
    pub is_active: Field<bool>,
}

impl UserPatch {
    /// Reads a JSON object; every broken rule is told, unknown fields included.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        Self::take(InputReader::new(value)?)
    }

    /// Reads the JSON object of a new user: as [`Self::read`], and what is missing is told with the rest.
    pub fn read_new(value: Value) -> Result<Self, Invalid> {
        let mut input = InputReader::new(value)?;
        for name in ["email", "name", "role_id"] {
            input.require(name);
        }
        Self::take(input)
    }

    fn take(mut input: InputReader) -> Result<Self, Invalid> {
        let patch = Self {
            email: input.text("email", EmailAddress::parse),
            name: input.text("name", Name::parse),
            role_id: input.id("role_id"),
            team_id: input.id("team_id"),
            locale: input.choice("locale"),
            is_active: input.boolean("is_active"),
        };
        input.finish(patch)
    }
}

impl User {
    /// A new user. Address, name and role must be set.
    pub fn create(new: NewRecord<Self>, patch: &UserPatch) -> Result<Applied<Self>, Invalid> {
        Self::blank(new).edit(Editor::of_new_record(), patch)
    }

    /// The state after a patch: a version later where something changed, the same where nothing did.
    pub fn apply(&self, patch: &UserPatch, by: Option<UserId>, at: Timestamp) -> Result<Applied<Self>, Invalid> {
        let mut applied = self.clone().edit(Editor::new(), patch)?;
        if !applied.changes.is_empty() {
            applied.state.stamps = applied.state.stamps.touched(by, at);
        }
        Ok(applied)
    }

    /// Whether the two differ in what decides who may sign in as this user, and what they may then do. Such a change is
    /// more than an update: it needs the permission to manage users.
    pub fn differs_in_access(&self, other: &Self) -> bool {
        let access = |user: &Self| (user.email.key(), user.role_id, user.stamps.team_id, user.is_active);
        access(self) != access(other)
    }

    /// Whether the user is an administrator who may sign in.
    pub fn is_active_admin(&self) -> bool {
        self.is_active && !self.stamps.is_deleted() && self.role_id == BuiltInRole::Admin.id()
    }

    /// The folded text that a full-text search looks through.
    pub fn search_text(&self) -> String {
        search_text(&[Some(self.name.as_str()), Some(self.email.as_str())])
    }

    /// What a new user is before its input is looked at; without its essentials it never leaves [`Self::create`].
    fn blank(new: NewRecord<Self>) -> Self {
        Self {
            id: new.id,
            email: EmailAddress::from_stored(String::new()),
            name: Name::from_stored(String::new()),
            role_id: BuiltInRole::ReadOnly.id(),
            locale: Locale::default(),
            is_active: true,
            last_login_at: None,
            stamps: new.stamps(),
        }
    }

    fn edit(mut self, mut edit: Editor, patch: &UserPatch) -> Result<Applied<Self>, Invalid> {
        edit.essential("email", &mut self.email, &patch.email);
        edit.essential("name", &mut self.name, &patch.name);
        edit.essential("role_id", &mut self.role_id, &patch.role_id);
        edit.optional("team_id", &mut self.stamps.team_id, &patch.team_id);
        edit.required("locale", &mut self.locale, &patch.locale);
        edit.required("is_active", &mut self.is_active, &patch.is_active);
        edit.finish(self)
    }
}

/// The fields of a user by which lists are filtered and sorted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, strum::AsRefStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)] // The fields are those of `User`.
pub enum UserField {
    Id,
    Email,
    Name,
    RoleId,
    TeamId,
    Locale,
    IsActive,
    LastLoginAt,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}

impl FieldSet for UserField {
    const RESOURCE: Resource = Resource::Users;

    fn kind(self) -> Kind {
        match self {
            Self::Email => Kind::Text,
            Self::Name => Kind::Folded,
            Self::Locale => Kind::Choice(names_of::<Locale>),
            Self::IsActive => Kind::Boolean,
            Self::Id | Self::RoleId | Self::TeamId | Self::CreatedBy | Self::UpdatedBy => Kind::Id,
            Self::LastLoginAt | Self::CreatedAt | Self::UpdatedAt => Kind::Time,
        }
    }

    fn is_sortable(self) -> bool {
        matches!(self, Self::Email | Self::Name | Self::LastLoginAt | Self::CreatedAt | Self::UpdatedAt)
    }

    fn newest_first() -> Self {
        Self::CreatedAt
    }
}
