//! Tasks: what can be done with them.

use crm_domain::{
    Change, ChangeAction, FieldChange, Invalid, NewRecord, RecordKind, RecordedChange, Task, TaskField, TaskId,
    TaskPatch, TaskStatus,
    access::{ActionType, Actor, Create, Delete, Denied, Export as ExportAction, Grant, Read, Update, policy},
    query::{Filter, ListQuery, Page, Test, Total, Value as FilterValue},
};
use crm_persistence::{Recorded, StoreError, Transaction, WriteTx, changes, tasks};
use serde_json::Value;

use crate::{
    Answer, App, BatchOutcome, BatchRequest, Done, Error, Expected, Input, Once, Operation,
    app::system_grant,
    changes::before,
    expected::{settled, upserted},
    export::{self, Export},
    ownership::{self, Defaults},
    references::References,
    table::{Columns, Exported},
};

/// The use cases of tasks.
#[derive(Clone, Debug)]
pub struct Tasks {
    pub(crate) app: App,
}

impl Tasks {
    /// One task.
    pub async fn get(&self, grant: Grant<Read, Task>, id: TaskId) -> Result<Task, Error> {
        self.app.read(move |tx| Ok(tasks::find(tx, &grant, id)?)).await
    }

    /// Those of these tasks that are there and in scope, in any order.
    pub async fn get_many(&self, grant: Grant<Read, Task>, ids: Vec<TaskId>) -> Result<Vec<Task>, Error> {
        self.app.read(move |tx| Ok(tasks::find_many(tx, &grant, &ids)?)).await
    }

    /// A page of the list.
    pub async fn list(&self, grant: Grant<Read, Task>, query: ListQuery<TaskField>) -> Result<Page<Task>, Error> {
        self.app.read(move |tx| Ok(tasks::list(tx, &grant, &query)?)).await
    }

    /// Makes one.
    pub async fn create(
        &self,
        grant: Grant<Create, Task>,
        input: impl Into<Input<TaskPatch>>,
        once: Once<Task>,
    ) -> Result<Answer, Error> {
        let (app, actor, input) = (self.app.clone(), grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| once.run(tx, |tx| create(&app, tx, &grant, &input))).await
    }

    /// Changes one. Completing a task that comes again makes the next one.
    pub async fn update(
        &self,
        grant: Grant<Update, Task>,
        id: TaskId,
        expected: Expected,
        input: impl Into<Input<TaskPatch>>,
    ) -> Result<Task, Error> {
        let (app, actor, input) = (self.app.clone(), grant.actor().clone(), input.into());
        self.app.write(&actor, move |tx| update(&app, tx, &grant, id, expected, &input)).await
    }

    /// Removes one; it can be restored.
    pub async fn delete(&self, grant: Grant<Delete, Task>, id: TaskId, expected: Expected) -> Result<(), Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| Ok(delete(tx, &grant, id, expected)?.with(()))).await
    }

    /// Brings a removed one back.
    pub async fn restore(&self, grant: Grant<Delete, Task>, id: TaskId, once: Once<Task>) -> Result<Answer, Error> {
        let actor = grant.actor().clone();
        self.app.write(&actor, move |tx| once.run(tx, |tx| restore(tx, &grant, id))).await
    }

    /// The changes of one, newest first; also of a removed one.
    pub async fn history(
        &self,
        grant: Grant<Read, Task>,
        id: TaskId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<RecordedChange>, Error> {
        self.app
            .read(move |tx| {
                live_or_deleted(tx, &grant, id)?;
                Ok(changes::of_record(tx, RecordKind::Tasks, id.uuid(), before(cursor.as_deref())?, limit)?)
            })
            .await
    }

    /// Many operations in one request; each needs the permission for its own action.
    pub async fn batch(
        &self,
        actor: &Actor,
        request: BatchRequest,
        once: Once<BatchOutcome<Task>>,
    ) -> Result<Answer, Error> {
        let (app, grants) = (self.app.clone(), Grants::of(actor));
        self.app.batch(actor, request, once, move |tx, operation| apply(&app, tx, &grants, operation)).await
    }

    /// All that the list with the same filters would show, page by page.
    pub fn export(&self, grant: Grant<ExportAction, Task>, query: ListQuery<TaskField>) -> Export<Task> {
        let app = self.app.clone();
        let first = ListQuery { limit: export::PAGE, total: Total::None, cursor: None, ..query };
        Export::new(move |cursor| {
            let (app, grant, mut query) = (app.clone(), grant.clone(), first.clone());
            Box::pin(async move {
                query.cursor = export::cursor(cursor.as_deref(), &query)?;
                app.read(move |tx| Ok(tasks::list(tx, &grant, &query)?)).await
            })
        })
    }
}

impl Exported for Task {
    type Fields = TaskField;
    const NAME: &'static str = "tasks";
    #[rustfmt::skip]
    const COLUMNS: Columns = &[
        "id", "title", "description", "due_at", "priority", "status", "assignee_id", "completed_at", "organisation_id",
        "person_id", "mandate_id", "interaction_id", "recurrence", "previous_task_id", "version", "owner_id", "team_id",
        "created_at", "created_by", "updated_at", "updated_by", "deleted_at",
    ];
}

/// What the operations of a batch may do; what is denied is told by the operations that need it.
struct Grants {
    create: Result<Grant<Create, Task>, Denied>,
    update: Result<Grant<Update, Task>, Denied>,
    delete: Result<Grant<Delete, Task>, Denied>,
}

impl Grants {
    fn of(actor: &Actor) -> Self {
        Self { create: policy::authorise(actor), update: policy::authorise(actor), delete: policy::authorise(actor) }
    }
}

fn allowed<T>(grant: &Result<T, Denied>) -> Result<&T, Error> {
    grant.as_ref().map_err(|denied| Error::Denied(*denied))
}

fn apply(app: &App, tx: &mut WriteTx, grants: &Grants, operation: Operation) -> Result<Recorded<Done<Task>>, Error> {
    match operation {
        Operation::Create { data } => {
            let grant = allowed(&grants.create)?;
            Ok(create(app, tx, grant, &TaskPatch::read(data).into())?.map(Done::Created))
        }
        Operation::Update { id, expected, data } => {
            let grant = allowed(&grants.update)?;
            let input = TaskPatch::read(data).into();
            Ok(update(app, tx, grant, TaskId::new(id), expected, &input)?.map(Done::Updated))
        }
        Operation::Upsert { by, data } => {
            let (may_create, may_update) = (allowed(&grants.create)?, allowed(&grants.update)?);
            let input = TaskPatch::read(data.clone()).into();
            upserted(
                tx,
                &format!("tasks {by} {}", data[&by]),
                |tx| matching(tx, may_update, &by, &data),
                |tx| Ok(create(app, tx, may_create, &input)?.map(Done::Created)),
                |tx, id| Ok(update(app, tx, may_update, id, Expected::Any, &input)?.map(Done::Updated)),
            )
        }
        Operation::Delete { id, expected } => {
            let grant = allowed(&grants.delete)?;
            Ok(delete(tx, grant, TaskId::new(id), expected)?.with(Done::Deleted(id)))
        }
    }
}

/// The one task that has the same value of the field `by` as the data.
fn matching(tx: &mut WriteTx, grant: &Grant<Update, Task>, by: &str, data: &Value) -> Result<Option<TaskId>, Error> {
    if by != "title" {
        return Err(Invalid::one("/match", "choice", "must be one of: title").into());
    }
    let patch = TaskPatch::read(data.clone())?;
    let Some(title) = patch.title.as_set() else {
        return Err(Invalid::one("/data/title", "required", "must have a value to match by").into());
    };
    let (field, value) = (TaskField::Title, title.to_string());
    let filters = vec![Filter { field, test: Test::Equal(FilterValue::Text(value)) }];
    let found = tasks::list(tx, grant, &ListQuery { filters, limit: 2, ..ListQuery::default() })?;
    match found.items.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.id)),
        _ => Err(Error::Conflict { code: "ambiguous", detail: format!("more than one task has this {by}") }),
    }
}

pub(crate) fn create(
    app: &App,
    tx: &mut WriteTx,
    grant: &Grant<Create, Task>,
    input: &Input<TaskPatch>,
) -> Result<Recorded<Task>, Error> {
    let patch = input.get()?;
    let Defaults { owner_id, team_id } = Defaults::of(tx, grant.actor(), &patch.owner_id, &patch.team_id)?;
    let new = NewRecord { id: app.new_id(), owner_id, team_id, by: grant.actor().user_id(), at: tx.at() };
    let made = Task::create(new, patch)?;
    refer(tx, grant.actor(), None, &made.state)?;
    tasks::insert(tx, grant, &made.state)?;
    Ok(tx.record(change(&made.state, ChangeAction::Created, made.changes))?.with(made.state))
}

fn update(
    app: &App,
    tx: &mut WriteTx,
    grant: &Grant<Update, Task>,
    id: TaskId,
    expected: Expected,
    input: &Input<TaskPatch>,
) -> Result<Recorded<Task>, Error> {
    settled(|| {
        let current = tasks::find(tx, grant, id)?;
        let version = current.stamps.version;
        expected.check(version, &current)?;
        let patch = input.get()?;
        let updated = current.apply(patch, grant.actor().user_id(), tx.at())?;
        if updated.changes.is_empty() {
            return Ok(Ok(tx.unchanged(updated.state)));
        }
        ownership::check(tx, grant.actor(), Some(&current.stamps), &patch.owner_id, &patch.team_id)?;
        refer(tx, grant.actor(), Some(&current), &updated.state)?;
        if let Err(error) = tasks::save(tx, grant, version, &updated.state) {
            return Ok(Err(error));
        }
        let next = follow(app, tx, &current, &updated.state)?;
        let changed = change(&updated.state, ChangeAction::Updated, updated.changes);
        let changes = [changed].into_iter().chain(next).collect();
        Ok(tx.record_all(changes).map(|recorded| recorded.with(updated.state)))
    })
}

/// Refuses what the task names now and did not name before, where it is not there for the caller.
fn refer(tx: &mut WriteTx, actor: &Actor, before: Option<&Task>, now: &Task) -> Result<(), Error> {
    let mut references = References::new(tx, actor);
    references.one("assignee_id", before.and_then(|task| task.assignee_id), now.assignee_id)?;
    references.one("organisation_id", before.and_then(|task| task.organisation_id), now.organisation_id)?;
    references.one("person_id", before.and_then(|task| task.person_id), now.person_id)?;
    references.one("mandate_id", before.and_then(|task| task.mandate_id), now.mandate_id)?;
    references.one("interaction_id", before.and_then(|task| task.interaction_id), now.interaction_id)?;
    references.finish()
}

/// Makes the next task of a series when one has been completed, once: not when it is reopened and completed again.
fn follow(app: &App, tx: &mut WriteTx, before: &Task, completed: &Task) -> Result<Option<Change>, Error> {
    let is_completed = before.status != TaskStatus::Done && completed.status == TaskStatus::Done;
    if !is_completed || tasks::has_next(tx, completed.id)? {
        return Ok(None);
    }
    let by = tx.actor().user_id();
    let new = NewRecord { id: app.new_id(), owner_id: None, team_id: None, by, at: tx.at() };
    let Some(next) = completed.next(new) else { return Ok(None) };
    tasks::insert(tx, &system_grant("next task of a series")?, &next.state)?;
    Ok(Some(change(&next.state, ChangeAction::Created, next.changes)))
}

fn delete(
    tx: &mut WriteTx,
    grant: &Grant<Delete, Task>,
    id: TaskId,
    expected: Expected,
) -> Result<Recorded<Task>, Error> {
    settled(|| {
        let mut state = tasks::find(tx, grant, id)?;
        let version = state.stamps.version;
        expected.check(version, &state)?;
        state.stamps = state.stamps.touched(grant.actor().user_id(), tx.at());
        state.stamps.deleted_at = Some(tx.at());
        Ok(save(tx, grant, version, state, ChangeAction::Deleted, Vec::new()))
    })
}

fn restore(tx: &mut WriteTx, grant: &Grant<Delete, Task>, id: TaskId) -> Result<Recorded<Task>, Error> {
    settled(|| {
        let mut state = live_or_deleted(tx, grant, id)?;
        if !state.stamps.is_deleted() {
            return Err(Error::Conflict { code: "not_deleted", detail: "the task is not deleted".to_owned() });
        }
        let version = state.stamps.version;
        state.stamps = state.stamps.touched(grant.actor().user_id(), tx.at());
        state.stamps.deleted_at = None;
        Ok(save(tx, grant, version, state, ChangeAction::Restored, Vec::new()))
    })
}

pub(crate) fn live_or_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Task>,
    id: TaskId,
) -> Result<Task, StoreError> {
    match tasks::find(tx, grant, id) {
        Err(StoreError::NotFound) => tasks::find_deleted(tx, grant, id),
        found => found,
    }
}

/// Saves a new state over the version before, and records how it came to be.
pub(crate) fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, Task>,
    before: crm_domain::Version,
    state: Task,
    action: ChangeAction,
    fields: Vec<FieldChange>,
) -> Result<Recorded<Task>, StoreError> {
    tasks::save(tx, grant, before, &state)?;
    Ok(tx.record(change(&state, action, fields))?.with(state))
}

pub(crate) fn change(state: &Task, action: ChangeAction, fields: Vec<FieldChange>) -> Change {
    Change { kind: RecordKind::Tasks, record_id: state.id.uuid(), version: state.stamps.version, action, fields }
}
