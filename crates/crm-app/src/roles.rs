//! Roles: what can be done with them. Nobody puts into a role what they do not hold.

use crm_domain::{
    Change, ChangeAction, FieldChange, NewRecord, RecordKind, RecordedChange, RoleField, RoleId, RolePatch, RoleRecord,
    Version,
    access::{ActionType, Create, Delete, Grant, Read, Role, Update},
    query::{ListQuery, Page},
};
use crm_persistence::{Recorded, StoreError, Transaction, WriteTx, changes, roles, users};

use crate::{Answer, App, Error, Expected, Input, Once, changes::before, expected::settled};

/// The use cases of roles.
#[derive(Clone, Debug)]
pub struct Roles {
    pub(crate) app: App,
}

impl Roles {
    /// One role.
    pub async fn get(&self, grant: Grant<Read, Role>, id: RoleId) -> Result<RoleRecord, Error> {
        let found = self.app.read(move |tx| Ok(roles::find_record(tx, &grant, id)?)).await?;
        Ok(self.shown(found))
    }

    /// A page of the list.
    pub async fn list(&self, grant: Grant<Read, Role>, query: ListQuery<RoleField>) -> Result<Page<RoleRecord>, Error> {
        let mut page = self.app.read(move |tx| Ok(roles::list(tx, &grant, &query)?)).await?;
        page.items = page.items.into_iter().map(|role| self.shown(role)).collect();
        Ok(page)
    }

    /// Whether a built-in role asks for a second factor stands in the settings and not in its row.
    fn shown(&self, role: RoleRecord) -> RoleRecord {
        let is_asking = self.app.settings().second_factor_roles.iter().any(|built_in| built_in.id() == role.id);
        RoleRecord { requires_second_factor: role.requires_second_factor || is_asking, ..role }
    }

    /// Makes one.
    pub async fn create(
        &self,
        grant: Grant<Create, Role>,
        input: impl Into<Input<RolePatch>>,
        once: Once<RoleRecord>,
    ) -> Result<Answer, Error> {
        let (app, actor, input) = (self.app.clone(), grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| once.run(tx, |tx| create(&app, tx, &grant, input.get()?))).await
    }

    /// Changes one.
    pub async fn update(
        &self,
        grant: Grant<Update, Role>,
        id: RoleId,
        expected: Expected,
        input: impl Into<Input<RolePatch>>,
    ) -> Result<RoleRecord, Error> {
        let (actor, input) = (grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| update(tx, &grant, id, expected, &input)).await
    }

    /// Removes one that no user has; it can be brought back.
    pub async fn delete(&self, grant: Grant<Delete, Role>, id: RoleId, expected: Expected) -> Result<(), Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| Ok(delete(tx, &grant, id, expected)?.with(()))).await
    }

    /// Brings a removed one back, unless its name has been taken meanwhile.
    pub async fn restore(
        &self,
        grant: Grant<Delete, Role>,
        id: RoleId,
        once: Once<RoleRecord>,
    ) -> Result<Answer, Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| once.run(tx, |tx| restore(tx, &grant, id))).await
    }

    /// The changes of one, newest first; also of a removed one.
    pub async fn history(
        &self,
        grant: Grant<Read, Role>,
        id: RoleId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<RecordedChange>, Error> {
        self.app
            .read(move |tx| {
                live_or_deleted(tx, &grant, id)?;
                Ok(changes::of_record(tx, RecordKind::Roles, id.uuid(), before(cursor.as_deref())?, limit)?)
            })
            .await
    }

    /// The role with a name, for commands.
    pub async fn find_by_name(&self, name: String) -> Result<Role, Error> {
        self.app.read(move |tx| Ok(roles::find_by_name(tx, &name)?)).await
    }
}

fn create(
    app: &App,
    tx: &mut WriteTx,
    grant: &Grant<Create, Role>,
    patch: &RolePatch,
) -> Result<Recorded<RoleRecord>, Error> {
    let by = grant.actor().user_id();
    let new = NewRecord { id: app.new_id(), owner_id: by, team_id: None, by, at: tx.at() };
    let made = RoleRecord::create(new, patch, grant.actor().role())?;
    roles::insert(tx, grant, &made.state)?;
    Ok(tx.record(change(&made.state, ChangeAction::Created, made.changes))?.with(made.state))
}

fn update(
    tx: &mut WriteTx,
    grant: &Grant<Update, Role>,
    id: RoleId,
    expected: Expected,
    input: &Input<RolePatch>,
) -> Result<Recorded<RoleRecord>, Error> {
    settled(|| {
        let current = roles::find_record(tx, grant, id)?;
        let version = current.stamps.version;
        expected.check(version, &current)?;
        changeable(&current)?;
        let actor = grant.actor();
        let updated = current.apply(input.get()?, actor.role(), actor.user_id(), tx.at())?;
        if updated.changes.is_empty() {
            return Ok(Ok(tx.unchanged(updated.state)));
        }
        Ok(save(tx, grant, version, updated.state, ChangeAction::Updated, updated.changes))
    })
}

fn delete(
    tx: &mut WriteTx,
    grant: &Grant<Delete, Role>,
    id: RoleId,
    expected: Expected,
) -> Result<Recorded<RoleRecord>, Error> {
    settled(|| {
        let current = roles::find_record(tx, grant, id)?;
        let version = current.stamps.version;
        expected.check(version, &current)?;
        changeable(&current)?;
        // Whoever gives a role holds it, so nobody gets it between this look and the end.
        roles::hold(tx, id)?;
        if users::any_with_role(tx, id)? {
            return Err(Error::Conflict { code: "in_use", detail: "users still have the role".to_owned() });
        }
        let stamps = current.stamps.deleted(grant.actor().user_id(), tx.at());
        Ok(save(tx, grant, version, RoleRecord { stamps, ..current }, ChangeAction::Deleted, Vec::new()))
    })
}

fn restore(tx: &mut WriteTx, grant: &Grant<Delete, Role>, id: RoleId) -> Result<Recorded<RoleRecord>, Error> {
    settled(|| {
        let current = live_or_deleted(tx, grant, id)?;
        if !current.stamps.is_deleted() {
            return Err(Error::Conflict { code: "not_deleted", detail: "the role is not deleted".to_owned() });
        }
        let version = current.stamps.version;
        let stamps = current.stamps.restored(grant.actor().user_id(), tx.at());
        Ok(save(tx, grant, version, RoleRecord { stamps, ..current }, ChangeAction::Restored, Vec::new()))
    })
}

fn live_or_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Role>,
    id: RoleId,
) -> Result<RoleRecord, StoreError> {
    match roles::find_record(tx, grant, id) {
        Err(StoreError::NotFound) => roles::find_deleted(tx, grant, id),
        found => found,
    }
}

/// Refuses to touch what every installation has.
fn changeable(role: &RoleRecord) -> Result<(), Error> {
    if role.is_built_in {
        let detail = "a built-in role cannot be changed or removed; make one of your own".to_owned();
        return Err(Error::Conflict { code: "built_in", detail });
    }
    Ok(())
}

/// Saves a new state over the version before, and records how it came to be.
fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, Role>,
    before: Version,
    state: RoleRecord,
    action: ChangeAction,
    fields: Vec<FieldChange>,
) -> Result<Recorded<RoleRecord>, StoreError> {
    roles::save(tx, grant, before, &state)?;
    Ok(tx.record(change(&state, action, fields))?.with(state))
}

fn change(state: &RoleRecord, action: ChangeAction, fields: Vec<FieldChange>) -> Change {
    Change { kind: RecordKind::Roles, record_id: state.id.uuid(), version: state.stamps.version, action, fields }
}
