//! Tasks in the database.

pub(crate) mod place;
mod row;

use crm_domain::{
    Task, TaskField, TaskId, Version,
    access::{ActionType, Create, Grant},
    query::{ListQuery, Page},
    values::Timestamp,
};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};

use crate::{
    column::{TimeColumn, UuidColumn},
    connection::Multi,
    dialect::insert_all,
    error::StoreError,
    list::{self, Source},
    observed,
    schema::tasks as table,
    sql::Sql,
    transaction::{Transaction, WriteTx, backend, connection},
    visible::{Life, visible},
};
pub(crate) use row::TaskRow;

const TABLE: &str = "tasks";

/// The live task with this id, in the scope of the grant.
pub fn find<A: ActionType>(tx: &mut impl Transaction, grant: &Grant<A, Task>, id: TaskId) -> Result<Task, StoreError> {
    one(tx, visible(grant, TABLE, Life::Live), id)
}

/// The deleted task with this id, in the scope of the grant.
pub fn find_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Task>,
    id: TaskId,
) -> Result<Task, StoreError> {
    one(tx, visible(grant, TABLE, Life::Deleted), id)
}

/// The live tasks with these ids, in the scope of the grant, in no particular order.
pub fn find_many<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Task>,
    ids: &[TaskId],
) -> Result<Vec<Task>, StoreError> {
    let ids = ids.iter().map(|id| UuidColumn::from(*id));
    let rows = table::table.select(TaskRow::as_select()).filter(visible(grant, TABLE, Life::Live));
    let rows: Vec<TaskRow> = rows.filter(table::id.eq_any(ids)).load(connection(tx))?;
    Ok(rows.into_iter().map(Task::from).collect())
}

fn one(tx: &mut impl Transaction, base: Sql, id: TaskId) -> Result<Task, StoreError> {
    let query = table::table.select(TaskRow::as_select()).filter(base);
    let query = query.filter(table::id.eq(UuidColumn::from(id)));
    let row: TaskRow = observed::reading_row(TABLE, id.uuid(), || query.first(connection(tx)))?;
    Ok(row.into())
}

/// One page of the live tasks in the scope of the grant.
pub fn list<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Task>,
    query: &ListQuery<TaskField>,
) -> Result<Page<Task>, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place::place, visible(grant, TABLE, Life::Live), query);
    list::page(tx, &SOURCE, query, &conditions)
}

/// The database's plans for the queries of one page, for tests and for whoever wonders why a list is slow.
pub fn plans<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Task>,
    query: &ListQuery<TaskField>,
) -> Result<Vec<String>, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place::place, visible(grant, TABLE, Life::Live), query);
    list::plans(tx, &SOURCE, query, &conditions)
}

const SOURCE: Source<TaskField, Task> =
    Source { table: TABLE, place: place::place, load, key: place::key, id: |task| task.id.uuid() };

fn load(tx: &mut dyn list::Connected, condition: Sql, order: Sql, limit: i64) -> Result<Vec<Task>, StoreError> {
    let query = table::table.select(TaskRow::as_select()).filter(condition).order_by(order).limit(limit);
    let rows: Vec<TaskRow> = query.into_boxed::<Multi>().load(tx.connection())?;
    Ok(rows.into_iter().map(Task::from).collect())
}

/// Adds a new task.
pub fn insert(tx: &mut WriteTx, grant: &Grant<Create, Task>, new: &Task) -> Result<(), StoreError> {
    insert_many(tx, grant, std::slice::from_ref(new))
}

/// Adds new tasks.
pub fn insert_many<A: ActionType>(tx: &mut WriteTx, _grant: &Grant<A, Task>, new: &[Task]) -> Result<(), StoreError> {
    let rows: Vec<TaskRow> = new.iter().map(TaskRow::from).collect();
    observed::writing_rows(TABLE, new.iter().map(|new| new.id.uuid()));
    Ok(insert_all!(connection(tx), table::table, &rows)?)
}

/// Saves a new state over the version `before`. A record that is out of scope is not there; one that has moved on is stale.
pub fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, Task>,
    before: Version,
    new: &Task,
) -> Result<(), StoreError> {
    let id = UuidColumn::from(new.id);
    let scope = visible(grant, TABLE, Life::Any);
    let target = table::table.filter(table::id.eq(id)).filter(table::version.eq(before.number()));
    observed::writing_rows(TABLE, [new.id.uuid()]);
    let rows = diesel::update(target.filter(scope.clone())).set(TaskRow::from(new)).execute(connection(tx))?;
    if rows == 1 {
        return Ok(());
    }
    let current = table::table.select(table::version).filter(table::id.eq(id)).filter(scope).first(connection(tx));
    match current.optional()? {
        Some(current) => Err(StoreError::Stale { current: Version::from_stored(current) }),
        None => Err(StoreError::NotFound),
    }
}

/// Whether a task has a next one in its series, in whatever scope and state that one is: it is made once.
pub fn has_next(tx: &mut WriteTx, id: TaskId) -> Result<bool, StoreError> {
    let next = table::table.select(table::id).filter(table::previous_task_id.eq(UuidColumn::from(id)));
    Ok(next.first::<UuidColumn>(connection(tx)).optional()?.is_some())
}

/// What rows of an import are recognised by.
#[derive(Clone, Debug, Default)]
pub struct MatchKeys {
    /// Times at which tasks are due.
    pub due: Vec<Timestamp>,
    /// Folded titles of tasks that are never due.
    pub undue_titles: Vec<String>,
}

/// The live tasks, in the scope of the grant, that have one of these keys.
pub fn matching<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Task>,
    keys: &MatchKeys,
) -> Result<Vec<Task>, StoreError> {
    let base = || table::table.select(TaskRow::as_select()).filter(visible(grant, TABLE, Life::Live));
    // One query for each key: each walks its own index, which one query with OR would not on either database.
    let due = keys.due.iter().map(|time| TimeColumn::from(*time));
    let mut rows: Vec<TaskRow> = base().filter(table::due_at.eq_any(due)).load(connection(tx))?;
    let undue = base().filter(table::title_key.eq_any(&keys.undue_titles)).filter(table::due_at.is_null());
    rows.extend(undue.load::<TaskRow>(connection(tx))?);
    Ok(rows.into_iter().map(Task::from).collect())
}
