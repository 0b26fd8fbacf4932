//! Who owns a new record, and whether an owner or a team that a body names may be named.

use crm_domain::{
    Field, Invalid, TeamId, User, UserId,
    access::{Actor, Grant, Read},
};
use crm_persistence::{StoreError, Transaction, teams, users};

use crate::{App, Error, app::system_grant};

/// The owner and the team of a new record, as far as the body does not name them.
///
/// Where it names an owner alone, the team is that owner's; otherwise both are the caller's.
pub(crate) struct Defaults {
    pub(crate) owner_id: Option<UserId>,
    pub(crate) team_id: Option<TeamId>,
}

impl Defaults {
    /// Works them out, and refuses an owner who is not there or not active, and a team that is not there.
    pub(crate) fn of(
        tx: &mut impl Transaction,
        actor: &Actor,
        owner: &Field<UserId>,
        team: &Field<TeamId>,
    ) -> Result<Self, Error> {
        let named = check(tx, owner, team)?;
        let team_of_owner = named.map_or_else(|| actor.team_id(), |user| user.stamps.team_id);
        Ok(Self {
            owner_id: owner.is_keep().then(|| actor.user_id()).flatten(),
            team_id: team.is_keep().then_some(team_of_owner).flatten(),
        })
    }
}

/// Refuses an owner who is not there or not active, and a team that is not there. The owner, when one is named.
pub(crate) fn check(
    tx: &mut impl Transaction,
    owner: &Field<UserId>,
    team: &Field<TeamId>,
) -> Result<Option<User>, Error> {
    let mut invalid = Invalid::default();
    let mut named = None;
    if let Some(id) = owner.as_set() {
        let user = found(users::find(tx, &system_grant::<Read, _>("check of an owner")?, *id))?;
        named = user.filter(|user| user.is_active);
        if named.is_none() {
            invalid.errors.extend(Invalid::one("/owner_id", "not_found", "must be a user who is active").errors);
        }
    }
    if let Some(id) = team.as_set()
        && found(teams::find(tx, &system_grant::<Read, _>("check of a team")?, *id))?.is_none()
    {
        invalid.errors.extend(Invalid::one("/team_id", "not_found", "must be a team that exists").errors);
    }
    Ok(invalid.finish(named)?)
}

impl App {
    /// Those of these users who are there and in scope, in any order.
    pub async fn users_with_ids(&self, grant: Grant<Read, User>, ids: Vec<UserId>) -> Result<Vec<User>, Error> {
        self.read(move |tx| Ok(users::find_many(tx, &grant, &ids)?)).await
    }
}

fn found<T>(result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
