//! Those who sign in: what can be done with them.

mod access;
mod password;
mod reset;

use crm_domain::{
    Change, ChangeAction, Field, FieldChange, Locale, NewRecord, RecordKind, RecordedChange, RoleId, TeamId, User,
    UserField, UserId, UserPatch, Version,
    access::{ActionType, Create, Delete, Grant, Manage, Read, Update, policy},
    query::{ListQuery, Page},
    values::{EmailAddress, Name},
};
use crm_persistence::{
    Recorded, StoreError, Transaction, WriteTx, api_keys, changes, password_resets, sessions, users,
};
use secrecy::SecretString;

pub(crate) use access::may_take_away;
pub use password::RESET;
pub(crate) use password::put_password;

use crate::{Answer, App, Error, Expected, Input, Once, changes::before, expected::settled};

/// The use cases of users.
#[derive(Clone, Debug)]
pub struct Users {
    pub(crate) app: App,
}

/// A user to be, as commands make one.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The address they will sign in with.
    pub email: EmailAddress,
    /// Their name.
    pub name: Name,
    /// Their role.
    pub role_id: RoleId,
    /// Their team.
    pub team_id: Option<TeamId>,
    /// The language that the service speaks to them in.
    pub locale: Locale,
    /// Their first password.
    pub password: SecretString,
}

impl Users {
    /// One user.
    pub async fn get(&self, grant: Grant<Read, User>, id: UserId) -> Result<User, Error> {
        self.app.read(move |tx| Ok(users::find(tx, &grant, id)?)).await
    }

    /// A page of the list.
    pub async fn list(&self, grant: Grant<Read, User>, query: ListQuery<UserField>) -> Result<Page<User>, Error> {
        self.app.read(move |tx| Ok(users::list(tx, &grant, &query)?)).await
    }

    /// The user with an address.
    pub async fn find_by_email(&self, grant: Grant<Read, User>, email: EmailAddress) -> Result<User, Error> {
        self.app.read(move |tx| Ok(users::find_by_email(tx, &grant, &email)?)).await
    }

    /// How many users there are.
    pub async fn count(&self) -> Result<i64, Error> {
        self.app.read(|tx| Ok(users::count(tx)?)).await
    }

    /// Makes one, with a password or without: then they cannot sign in before they have been given one.
    pub async fn create(
        &self,
        grant: Grant<Create, User>,
        input: impl Into<Input<UserPatch>>,
        password: Option<SecretString>,
        once: Once<User>,
    ) -> Result<Answer, Error> {
        let (app, actor, input) = (self.app.clone(), grant.actor().clone(), input.into());
        let hash = match password {
            Some(password) => Some(self.hashed(input.get()?, password).await?),
            None => None,
        };
        self.app
            .write(&actor, move |tx| once.run(tx, |tx| create(&app, tx, &grant, input.get()?, hash.as_deref())))
            .await
    }

    /// Makes one with a password.
    pub async fn add(&self, grant: Grant<Create, User>, new: NewUser) -> Result<User, Error> {
        let NewUser { email, name, role_id, team_id, locale, password } = new;
        let patch = UserPatch {
            email: Field::Set(email),
            name: Field::Set(name),
            role_id: Field::Set(role_id),
            team_id: Field::replace(team_id),
            locale: Field::Set(locale),
            is_active: Field::Keep,
        };
        let hash = self.hashed(&patch, password).await?;
        let (app, actor) = (self.app.clone(), grant.actor().clone());
        self.app.write(&actor, move |tx| create(&app, tx, &grant, &patch, Some(&hash))).await
    }

    /// Changes one. Whoever changes the address, the role, the team or the state needs the permission to manage users as
    /// well. The last active administrator stays one.
    pub async fn update(
        &self,
        grant: Grant<Update, User>,
        id: UserId,
        expected: Expected,
        input: impl Into<Input<UserPatch>>,
    ) -> Result<User, Error> {
        let (actor, input) = (grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| update(tx, &grant, id, expected, &input)).await
    }

    /// Removes one and ends all their sessions and keys; they can be brought back. The last active administrator stays.
    pub async fn delete(&self, grant: Grant<Delete, User>, id: UserId, expected: Expected) -> Result<(), Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| Ok(delete(tx, &grant, id, expected)?.with(()))).await
    }

    /// Brings a removed one back, unless their address has been taken meanwhile.
    pub async fn restore(&self, grant: Grant<Delete, User>, id: UserId, once: Once<User>) -> Result<Answer, Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| once.run(tx, |tx| restore(tx, &grant, id))).await
    }

    /// The changes of one, newest first; also of a removed one.
    pub async fn history(
        &self,
        grant: Grant<Read, User>,
        id: UserId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<RecordedChange>, Error> {
        self.app
            .read(move |tx| {
                live_or_deleted(tx, &grant, id)?;
                Ok(changes::of_record(tx, RecordKind::Users, id.uuid(), before(cursor.as_deref())?, limit)?)
            })
            .await
    }

    /// Gives a user another role. The last active administrator stays one.
    pub async fn set_role(&self, grant: &Grant<Manage, User>, id: UserId, role: RoleId) -> Result<User, Error> {
        self.manage(grant, id, UserPatch { role_id: Field::Set(role), ..UserPatch::default() }).await
    }

    /// Puts a user into a team, or into none.
    pub async fn set_team(&self, grant: &Grant<Manage, User>, id: UserId, team: Option<TeamId>) -> Result<User, Error> {
        self.manage(grant, id, UserPatch { team_id: Field::replace(team), ..UserPatch::default() }).await
    }

    /// Keeps a user from signing in, and ends all their sessions and keys. The last active administrator stays active.
    pub async fn deactivate(&self, grant: &Grant<Manage, User>, id: UserId) -> Result<User, Error> {
        self.manage(grant, id, UserPatch { is_active: Field::Set(false), ..UserPatch::default() }).await
    }

    /// Lets a user sign in again.
    pub async fn activate(&self, grant: &Grant<Manage, User>, id: UserId) -> Result<User, Error> {
        self.manage(grant, id, UserPatch { is_active: Field::Set(true), ..UserPatch::default() }).await
    }

    async fn manage(&self, grant: &Grant<Manage, User>, id: UserId, patch: UserPatch) -> Result<User, Error> {
        self.update(policy::authorise(grant.actor())?, id, Expected::Any, patch).await
    }

    async fn hashed(&self, patch: &UserPatch, password: SecretString) -> Result<String, Error> {
        let email = patch.email.as_set().map(EmailAddress::as_str);
        let name = patch.name.as_set().map(Name::as_str);
        let known: Vec<&str> = email.into_iter().chain(name).collect();
        crate::password::check(&password, &known)?;
        self.app.hashing().hash(password).await
    }
}

fn create(
    app: &App,
    tx: &mut WriteTx,
    grant: &Grant<Create, User>,
    patch: &UserPatch,
    hash: Option<&str>,
) -> Result<Recorded<User>, Error> {
    let (id, actor) = (app.new_id(), grant.actor());
    let team_id = actor.team_id().filter(|_| patch.team_id.is_keep());
    let new = NewRecord { id, owner_id: Some(id), team_id, by: actor.user_id(), at: tx.at() };
    let made = User::create(new, patch)?;
    access::may_let_in(tx, actor, grant.scope(), &made.state)?;
    users::insert(tx, grant, &made.state, hash)?;
    Ok(tx.record(change(&made.state, ChangeAction::Created, made.changes))?.with(made.state))
}

fn update(
    tx: &mut WriteTx,
    grant: &Grant<Update, User>,
    id: UserId,
    expected: Expected,
    input: &Input<UserPatch>,
) -> Result<Recorded<User>, Error> {
    settled(|| {
        let current = users::find(tx, grant, id)?;
        let version = current.stamps.version;
        expected.check(version, &current)?;
        let updated = current.apply(input.get()?, grant.actor().user_id(), tx.at())?;
        if updated.changes.is_empty() {
            return Ok(Ok(tx.unchanged(updated.state)));
        }
        if updated.state.differs_in_access(&current) {
            access::may_change(tx, grant.actor(), &current, &updated.state)?;
            access::somebody_administers(tx, &current, &updated.state)?;
        }
        Ok(save(tx, grant, version, updated.state, ChangeAction::Updated, updated.changes))
    })
}

fn delete(
    tx: &mut WriteTx,
    grant: &Grant<Delete, User>,
    id: UserId,
    expected: Expected,
) -> Result<Recorded<User>, Error> {
    settled(|| {
        let current = users::find(tx, grant, id)?;
        let version = current.stamps.version;
        expected.check(version, &current)?;
        may_take_away(tx, grant.actor(), &current)?;
        let stamps = current.stamps.deleted(grant.actor().user_id(), tx.at());
        let state = User { stamps, ..current.clone() };
        access::somebody_administers(tx, &current, &state)?;
        Ok(save(tx, grant, version, state, ChangeAction::Deleted, Vec::new()))
    })
}

fn restore(tx: &mut WriteTx, grant: &Grant<Delete, User>, id: UserId) -> Result<Recorded<User>, Error> {
    settled(|| {
        let current = live_or_deleted(tx, grant, id)?;
        if !current.stamps.is_deleted() {
            return Err(Error::Conflict { code: "not_deleted", detail: "the user is not deleted".to_owned() });
        }
        access::may_let_in(tx, grant.actor(), grant.scope(), &current)?;
        let version = current.stamps.version;
        let stamps = current.stamps.restored(grant.actor().user_id(), tx.at());
        Ok(save(tx, grant, version, User { stamps, ..current }, ChangeAction::Restored, Vec::new()))
    })
}

fn live_or_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, User>,
    id: UserId,
) -> Result<User, StoreError> {
    match users::find(tx, grant, id) {
        Err(StoreError::NotFound) => users::find_deleted(tx, grant, id),
        found => found,
    }
}

/// Saves a new state over the version before, and records how it came to be. Whoever may not sign in any more has no
/// session, no key and no token left.
fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, User>,
    before: Version,
    state: User,
    action: ChangeAction,
    fields: Vec<FieldChange>,
) -> Result<Recorded<User>, StoreError> {
    users::save(tx, grant, before, &state)?;
    if !state.is_active || state.stamps.is_deleted() {
        sessions::end_all(tx, state.id, None)?;
        api_keys::end_all(tx, state.id)?;
    }
    // A token that was sent to an address is worth nothing once the address or the state is another.
    password_resets::end_all(tx, state.id)?;
    Ok(tx.record(change(&state, action, fields))?.with(state))
}

fn change(user: &User, action: ChangeAction, fields: Vec<FieldChange>) -> Change {
    Change { kind: RecordKind::Users, record_id: user.id.uuid(), version: user.stamps.version, action, fields }
}
