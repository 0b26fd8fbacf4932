//! What every record carries beside its own fields: version, ownership and stamps.

use serde::{Deserialize, Serialize};

use crate::{Id, TeamId, UserId, Violation, values::Timestamp};

/// The version of a record: 1 when created, one more with each change. It is the `ETag` of the record.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "i64")]
pub struct Version(i64);

impl Version {
    /// The version of a record that has just been created.
    pub const FIRST: Self = Self(1);

    /// The version with this number; versions start at 1.
    pub fn new(number: i64) -> Result<Self, Violation> {
        if number >= 1 { Ok(Self(number)) } else { Err(Violation::new("version", "must be a whole number from 1")) }
    }

    /// Trusted: the number was a version before it was stored.
    pub const fn from_stored(number: i64) -> Self {
        Self(number)
    }

    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The number itself.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Version {
    type Error = Violation;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        Self::new(number)
    }
}

/// Version, ownership and stamps of one record.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stamps {
    /// The version, also the `ETag`.
    pub version: Version,
    /// The user who answers for the record; a record without one is seen at reach `all` only.
    pub owner_id: Option<UserId>,
    /// The team that shares the record.
    pub team_id: Option<TeamId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it; none for a job of the system.
    pub created_by: Option<UserId>,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it last; none for a job of the system.
    pub updated_by: Option<UserId>,
    /// When it was deleted; none while it is live.
    pub deleted_at: Option<Timestamp>,
}

impl Stamps {
    /// The stamps after a change by `by` at `at`.
    #[must_use]
    pub fn touched(&self, by: Option<UserId>, at: Timestamp) -> Self {
        Self { version: self.version.next(), updated_at: at, updated_by: by, ..self.clone() }
    }

    /// The stamps after `by` deleted the record at `at`.
    #[must_use]
    pub fn deleted(&self, by: Option<UserId>, at: Timestamp) -> Self {
        Self { deleted_at: Some(at), ..self.touched(by, at) }
    }

    /// The stamps after `by` brought the record back at `at`.
    #[must_use]
    pub fn restored(&self, by: Option<UserId>, at: Timestamp) -> Self {
        Self { deleted_at: None, ..self.touched(by, at) }
    }

    /// Whether the record has been deleted.
    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }
}

/// What a new record needs from outside the domain: its id, its first owner, who made it and when.
#[derive(Debug)]
pub struct NewRecord<R> {
    /// The id, made by the caller.
    pub id: Id<R>,
    /// The owner when the input names none.
    pub owner_id: Option<UserId>,
    /// The team when the input names none.
    pub team_id: Option<TeamId>,
    /// Who creates it.
    pub by: Option<UserId>,
    /// When.
    pub at: Timestamp,
}

impl<R> Clone for NewRecord<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for NewRecord<R> {}

impl<R> NewRecord<R> {
    /// The stamps of the record's first version.
    pub fn stamps(&self) -> Stamps {
        Stamps {
            version: Version::FIRST,
            owner_id: self.owner_id,
            team_id: self.team_id,
            created_at: self.at,
            created_by: self.by,
            updated_at: self.at,
            updated_by: self.by,
            deleted_at: None,
        }
    }
}
