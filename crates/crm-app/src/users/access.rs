//! Nobody grants what they do not hold: who may sign in as whom, with which role and in which team.

use crm_domain::{
    Invalid, RoleId, User,
    access::{Actor, BuiltInRole, Denied, Grant, Manage, Reach, Read, Role, Scope, policy},
};
use crm_persistence::{StoreError, WriteTx, roles, teams, users};

use crate::{Error, ownership::team_to_name};

/// Checks a new user, or one who comes back, made by somebody whose permission reaches `scope`.
pub(super) fn may_let_in(tx: &mut WriteTx, actor: &Actor, scope: Scope, user: &User) -> Result<(), Error> {
    let mut invalid = Invalid::default();
    if let Some(refused) = role(tx, actor, user)? {
        invalid.errors.extend(refused.errors);
    }
    if let Some(refused) = team(tx, actor, scope, user)? {
        invalid.errors.extend(refused.errors);
    }
    Ok(invalid.finish(())?)
}

/// Checks a change of what decides who may sign in as a user and what they may then do: more than an update, it takes the
/// permission to manage that user.
pub(super) fn may_change(tx: &mut WriteTx, actor: &Actor, before: &User, after: &User) -> Result<(), Error> {
    let manage: Grant<Manage, User> = policy::authorise(actor)?;
    match users::find(tx, &manage, before.id) {
        // The caller sees the user, so there is nothing to hide.
        Err(StoreError::NotFound) => return Err(denied().into()),
        found => drop(found?),
    }
    may_take_away(tx, actor, before)?;
    let mut invalid = Invalid::default();
    if before.role_id != after.role_id {
        invalid.errors.extend(role(tx, actor, after)?.unwrap_or_default().errors);
    }
    if before.stamps.team_id != after.stamps.team_id {
        invalid.errors.extend(team(tx, actor, manage.scope(), after)?.unwrap_or_default().errors);
    }
    Ok(invalid.finish(())?)
}

/// Refuses to change or remove somebody who may more than the actor: whoever could take such an account over would hold
/// what they were never granted.
pub(crate) fn may_take_away(tx: &mut WriteTx, actor: &Actor, user: &User) -> Result<(), Error> {
    let present = roles::find(tx, user.role_id)?;
    if Some(user.id) == actor.user_id() || actor.role().covers_all(&present) {
        return Ok(());
    }
    Err(Error::Conflict { code: "holds_more", detail: "the user's role allows more than your own".to_owned() })
}

/// Refuses to leave nobody who may administer.
pub(super) fn somebody_administers(tx: &mut WriteTx, before: &User, after: &User) -> Result<(), Error> {
    let ends = before.is_active_admin() && !after.is_active_admin();
    // Two who do this at the same time wait for each other in the count.
    if ends && users::count_active_with_role(tx, BuiltInRole::Admin.id())? <= 1 {
        let detail = "the last active administrator cannot be removed, demoted or deactivated".to_owned();
        return Err(Error::Conflict { code: "last_admin", detail });
    }
    Ok(())
}

fn denied() -> Denied {
    Denied { action: crm_domain::access::Action::Manage, resource: crm_domain::access::Resource::Users }
}

/// The role must be there for the actor, and stay until the unit of work ends; and it must allow no more than their own.
fn role(tx: &mut WriteTx, actor: &Actor, user: &User) -> Result<Option<Invalid>, StoreError> {
    if !is_known(tx, actor, user.role_id)? || !roles::hold(tx, user.role_id)? {
        return Ok(Some(Invalid::one("/role_id", "not_found", "must be a role that exists")));
    }
    let role = roles::find(tx, user.role_id)?;
    let held = actor.role().covers_all(&role);
    Ok((!held).then(|| Invalid::one("/role_id", "not_held", "allows more than your own role")))
}

/// Whether the actor may name a role: one that they see, their own, or one that every installation has.
fn is_known(tx: &mut WriteTx, actor: &Actor, id: RoleId) -> Result<bool, StoreError> {
    if BuiltInRole::with_id(id).is_some() || actor.role().id == id {
        return Ok(true);
    }
    let Ok(grant) = policy::authorise::<Read, Role>(actor) else { return Ok(false) };
    match roles::find_record(tx, &grant, id) {
        Err(StoreError::NotFound) => Ok(false),
        found => found.map(|_| true),
    }
}

/// The team must be there for the actor, and stay; and only whose permission reaches everybody puts users into other teams.
fn team(tx: &mut WriteTx, actor: &Actor, scope: Scope, user: &User) -> Result<Option<Invalid>, Error> {
    let Some(team) = user.stamps.team_id else { return Ok(None) };
    let own = actor.team_id() == Some(team);
    if scope.reach() != Reach::All && !own {
        return Ok(Some(Invalid::one("/team_id", "not_held", "must be your own team")));
    }
    let there = team_to_name(tx, actor, team)?.is_some() && teams::hold(tx, team)?;
    Ok((!there).then(|| Invalid::one("/team_id", "not_found", "must be a team that exists")))
}
