//! Teams: what can be done with them.

use crm_domain::{
    Change, ChangeAction, Field, FieldChange, Invalid, NewRecord, RecordKind, RecordedChange, Team, TeamField, TeamId,
    TeamPatch, Version,
    access::{ActionType, Actor, Create, Delete, Grant, Read, Update},
    query::{ListQuery, Page},
    values::Name,
};
use crm_persistence::{Recorded, StoreError, Transaction, WriteTx, changes, teams, users};

use crate::{Answer, App, Error, Expected, Input, Once, changes::before, expected::settled, ownership};

/// The use cases of teams.
#[derive(Clone, Debug)]
pub struct Teams {
    pub(crate) app: App,
}

impl Teams {
    /// One team.
    pub async fn get(&self, grant: Grant<Read, Team>, id: TeamId) -> Result<Team, Error> {
        self.app.read(move |tx| Ok(teams::find(tx, &grant, id)?)).await
    }

    /// A page of the list.
    pub async fn list(&self, grant: Grant<Read, Team>, query: ListQuery<TeamField>) -> Result<Page<Team>, Error> {
        self.app.read(move |tx| Ok(teams::list(tx, &grant, &query)?)).await
    }

    /// Makes one.
    pub async fn create(
        &self,
        grant: Grant<Create, Team>,
        input: impl Into<Input<TeamPatch>>,
        once: Once<Team>,
    ) -> Result<Answer, Error> {
        let (app, actor, input) = (self.app.clone(), grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| once.run(tx, |tx| create(&app, tx, &grant, input.get()?))).await
    }

    /// Makes one, for commands.
    pub async fn add(&self, grant: Grant<Create, Team>, patch: TeamPatch) -> Result<Team, Error> {
        let (app, actor) = (self.app.clone(), grant.actor().clone());
        self.app.write(&actor, move |tx| create(&app, tx, &grant, &patch)).await
    }

    /// The team with a name, for commands.
    pub async fn find_by_name(&self, grant: Grant<Read, Team>, name: Name) -> Result<Option<Team>, Error> {
        self.app.read(move |tx| Ok(teams::find_by_name(tx, &grant, &name)?)).await
    }

    /// Changes one.
    pub async fn update(
        &self,
        grant: Grant<Update, Team>,
        id: TeamId,
        expected: Expected,
        input: impl Into<Input<TeamPatch>>,
    ) -> Result<Team, Error> {
        let (actor, input) = (grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| update(tx, &grant, id, expected, &input)).await
    }

    /// Removes one that no user has; it can be brought back.
    pub async fn delete(&self, grant: Grant<Delete, Team>, id: TeamId, expected: Expected) -> Result<(), Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| Ok(delete(tx, &grant, id, expected)?.with(()))).await
    }

    /// Brings a removed one back, unless its name has been taken meanwhile.
    pub async fn restore(&self, grant: Grant<Delete, Team>, id: TeamId, once: Once<Team>) -> Result<Answer, Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| once.run(tx, |tx| restore(tx, &grant, id))).await
    }

    /// The changes of one, newest first; also of a removed one.
    pub async fn history(
        &self,
        grant: Grant<Read, Team>,
        id: TeamId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<RecordedChange>, Error> {
        self.app
            .read(move |tx| {
                live_or_deleted(tx, &grant, id)?;
                Ok(changes::of_record(tx, RecordKind::Teams, id.uuid(), before(cursor.as_deref())?, limit)?)
            })
            .await
    }
}

fn create(
    app: &App,
    tx: &mut WriteTx,
    grant: &Grant<Create, Team>,
    patch: &TeamPatch,
) -> Result<Recorded<Team>, Error> {
    let by = grant.actor().user_id();
    check(tx, grant.actor(), None, patch)?;
    let owner_id = by.filter(|_| patch.owner_id.is_keep());
    let new = NewRecord { id: app.new_id(), owner_id, team_id: None, by, at: tx.at() };
    let made = Team::create(new, patch)?;
    teams::insert(tx, grant, &made.state)?;
    Ok(tx.record(change(&made.state, ChangeAction::Created, made.changes))?.with(made.state))
}

fn update(
    tx: &mut WriteTx,
    grant: &Grant<Update, Team>,
    id: TeamId,
    expected: Expected,
    input: &Input<TeamPatch>,
) -> Result<Recorded<Team>, Error> {
    settled(|| {
        let current = teams::find(tx, grant, id)?;
        let version = current.stamps.version;
        expected.check(version, &current)?;
        let patch = input.get()?;
        check(tx, grant.actor(), Some(&current), patch)?;
        let updated = current.apply(patch, grant.actor().user_id(), tx.at())?;
        if updated.changes.is_empty() {
            return Ok(Ok(tx.unchanged(updated.state)));
        }
        Ok(save(tx, grant, version, updated.state, ChangeAction::Updated, updated.changes))
    })
}

fn delete(
    tx: &mut WriteTx,
    grant: &Grant<Delete, Team>,
    id: TeamId,
    expected: Expected,
) -> Result<Recorded<Team>, Error> {
    settled(|| {
        let current = teams::find(tx, grant, id)?;
        let version = current.stamps.version;
        expected.check(version, &current)?;
        // Whoever joins a team holds it, so nobody comes in between this look and the end.
        teams::hold(tx, id)?;
        if users::any_in_team(tx, id)? {
            return Err(Error::Conflict { code: "in_use", detail: "the team still has users".to_owned() });
        }
        let stamps = current.stamps.deleted(grant.actor().user_id(), tx.at());
        Ok(save(tx, grant, version, Team { stamps, ..current }, ChangeAction::Deleted, Vec::new()))
    })
}

fn restore(tx: &mut WriteTx, grant: &Grant<Delete, Team>, id: TeamId) -> Result<Recorded<Team>, Error> {
    settled(|| {
        let current = live_or_deleted(tx, grant, id)?;
        if !current.stamps.is_deleted() {
            return Err(Error::Conflict { code: "not_deleted", detail: "the team is not deleted".to_owned() });
        }
        let version = current.stamps.version;
        let stamps = current.stamps.restored(grant.actor().user_id(), tx.at());
        Ok(save(tx, grant, version, Team { stamps, ..current }, ChangeAction::Restored, Vec::new()))
    })
}

fn live_or_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Team>,
    id: TeamId,
) -> Result<Team, StoreError> {
    match teams::find(tx, grant, id) {
        Err(StoreError::NotFound) => teams::find_deleted(tx, grant, id),
        found => found,
    }
}

/// Refuses an owner and a manager whom the caller may not name, unless the team had them before.
fn check(tx: &mut WriteTx, actor: &Actor, before: Option<&Team>, patch: &TeamPatch) -> Result<(), Error> {
    ownership::check(tx, actor, before.map(|team| &team.stamps), &patch.owner_id, &Field::Keep)?;
    let manager = patch.manager_id.as_set().filter(|id| before.and_then(|team| team.manager_id) != Some(**id));
    match manager {
        Some(id) if ownership::users_to_name(tx, actor, &[*id])?.is_empty() => {
            Err(Invalid::one("/manager_id", "not_found", "must be a user who is active").into())
        }
        _ => Ok(()),
    }
}

/// Saves a new state over the version before, and records how it came to be.
fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, Team>,
    before: Version,
    state: Team,
    action: ChangeAction,
    fields: Vec<FieldChange>,
) -> Result<Recorded<Team>, StoreError> {
    teams::save(tx, grant, before, &state)?;
    Ok(tx.record(change(&state, action, fields))?.with(state))
}

fn change(state: &Team, action: ChangeAction, fields: Vec<FieldChange>) -> Change {
    Change { kind: RecordKind::Teams, record_id: state.id.uuid(), version: state.stamps.version, action, fields }
}
