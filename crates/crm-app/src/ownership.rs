//! Who owns a new record, and whom a body may name: to a caller who cannot see a user or a team, there is none.

use crm_domain::{
    Field, Invalid, Stamps, Team, TeamId, User, UserId,
    access::{Actor, Grant, Guarded, Read, policy},
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
    /// Works them out, and refuses an owner and a team whom the caller may not name.
    pub(crate) fn of(
        tx: &mut impl Transaction,
        actor: &Actor,
        owner: &Field<UserId>,
        team: &Field<TeamId>,
    ) -> Result<Self, Error> {
        let named = check(tx, actor, None, owner, team)?;
        let team_of_owner = named.map_or_else(|| actor.team_id(), |user| user.stamps.team_id);
        Ok(Self {
            owner_id: owner.is_keep().then(|| actor.user_id()).flatten(),
            team_id: team.is_keep().then_some(team_of_owner).flatten(),
        })
    }
}

/// Refuses an owner and a team whom the caller may not name, unless the record had them before. The owner, when one is
/// newly named.
pub(crate) fn check(
    tx: &mut impl Transaction,
    actor: &Actor,
    before: Option<&Stamps>,
    owner: &Field<UserId>,
    team: &Field<TeamId>,
) -> Result<Option<User>, Error> {
    let mut invalid = Invalid::default();
    let mut named = None;
    if let Some(id) = owner.as_set().filter(|id| before.and_then(|stamps| stamps.owner_id) != Some(**id)) {
        named = users_to_name(tx, actor, &[*id])?.pop();
        if named.is_none() {
            invalid.errors.extend(Invalid::one("/owner_id", "not_found", "must be a user who is active").errors);
        }
    }
    if let Some(id) = team.as_set().filter(|id| before.and_then(|stamps| stamps.team_id) != Some(**id))
        && team_to_name(tx, actor, *id)?.is_none()
    {
        invalid.errors.extend(Invalid::one("/team_id", "not_found", "must be a team that exists").errors);
    }
    Ok(invalid.finish(named)?)
}

/// Those of these different users whom the caller may name: the active ones that they see, and themselves.
pub(crate) fn users_to_name(tx: &mut impl Transaction, actor: &Actor, ids: &[UserId]) -> Result<Vec<User>, Error> {
    let mut found = seen(actor, |grant| users::find_many(tx, grant, ids))?;
    let own = actor.user_id().filter(|own| ids.contains(own) && found.iter().all(|user| user.id != *own));
    if let Some(own) = own {
        found.extend(users::find_many(tx, &system_grant::<Read, _>("caller who names themselves")?, &[own])?);
    }
    found.retain(|user| user.is_active);
    Ok(found)
}

/// This team, if the caller may name it: one that they see, or their own.
pub(crate) fn team_to_name(tx: &mut impl Transaction, actor: &Actor, id: TeamId) -> Result<Option<Team>, Error> {
    let found = if actor.team_id() == Some(id) {
        teams::find_many(tx, &system_grant::<Read, _>("caller who names their own team")?, &[id])?
    } else {
        seen(actor, |grant| teams::find_many(tx, grant, &[id]))?
    };
    Ok(found.into_iter().next())
}

/// What a caller sees of records; nothing where their role may read none.
pub(crate) fn seen<R: Guarded>(
    actor: &Actor,
    find: impl FnOnce(&Grant<Read, R>) -> Result<Vec<R>, StoreError>,
) -> Result<Vec<R>, StoreError> {
    policy::authorise(actor).map_or_else(|_denied| Ok(Vec::new()), |grant| find(&grant))
}

impl App {
    /// Those of these users who are there and in scope, in any order.
    pub async fn users_with_ids(&self, grant: Grant<Read, User>, ids: Vec<UserId>) -> Result<Vec<User>, Error> {
        self.read(move |tx| Ok(users::find_many(tx, &grant, &ids)?)).await
    }
}
