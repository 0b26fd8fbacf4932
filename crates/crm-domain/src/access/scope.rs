//! How far a permission reaches, and which records lie within that reach.

use serde::{Deserialize, Serialize};

use crate::{Stamps, TeamId, UserId};

/// How far a permission reaches; each reach holds the one before it.
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
pub enum Reach {
    /// Records that one owns, created, or is assigned to.
    Own,
    /// These, and the records of one's team.
    Team,
    /// Every record.
    All,
}

/// The rows that a grant covers. Every query of a guarded record begins with it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scope {
    /// Owned records that this user owns, created or is assigned to.
    Own {
        /// The caller.
        user: UserId,
    },
    /// Owned records that this user owns, created or is assigned to, or that belong to this team.
    Team {
        /// The caller.
        user: UserId,
        /// The caller's team.
        team: TeamId,
    },
    /// Every record.
    All,
}

/// Whose a record is: all that a scope looks at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ownership {
    /// The owner.
    pub owner_id: Option<UserId>,
    /// The team.
    pub team_id: Option<TeamId>,
    /// The creator.
    pub created_by: Option<UserId>,
    /// Who it is assigned to; only tasks are.
    pub assignee_id: Option<UserId>,
}

impl From<&Stamps> for Ownership {
    fn from(stamps: &Stamps) -> Self {
        let Stamps { owner_id, team_id, created_by, .. } = *stamps;
        Self { owner_id, team_id, created_by, assignee_id: None }
    }
}

impl Scope {
    /// Whether a record lies within the scope. A record without an owner lies within [`Scope::All`] only, whoever it is
    /// assigned to.
    ///
    /// ```
    /// use crm_domain::{UserId, access::{Ownership, Scope}};
    /// let me = UserId::from_u128(1);
    /// let mine = Ownership { owner_id: Some(me), ..Ownership::default() };
    /// let unowned = Ownership { created_by: Some(me), ..Ownership::default() };
    /// let assigned = Ownership { owner_id: Some(UserId::from_u128(2)), assignee_id: Some(me), ..Ownership::default() };
    /// assert!(Scope::Own { user: me }.admits(&mine));
    /// assert!(!Scope::Own { user: me }.admits(&unowned));
    /// assert!(Scope::Own { user: me }.admits(&assigned));
    /// assert!(Scope::All.admits(&unowned));
    /// ```
    pub fn admits(&self, record: &Ownership) -> bool {
        let owned_by = |user: UserId| [record.owner_id, record.created_by, record.assignee_id].contains(&Some(user));
        match *self {
            Self::All => true,
            Self::Own { user } => record.owner_id.is_some() && owned_by(user),
            Self::Team { user, team } => record.owner_id.is_some() && (owned_by(user) || record.team_id == Some(team)),
        }
    }

    /// The reach of the scope.
    pub const fn reach(&self) -> Reach {
        match self {
            Self::Own { .. } => Reach::Own,
            Self::Team { .. } => Reach::Team,
            Self::All => Reach::All,
        }
    }

    /// The rows that lie within both scopes of one caller: the narrower of the two, of equal ones the first.
    #[must_use]
    pub fn narrowed(self, other: Self) -> Self {
        if other.reach() < self.reach() { other } else { self }
    }
}
