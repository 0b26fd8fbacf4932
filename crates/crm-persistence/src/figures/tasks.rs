//! Tasks by status, and those that are due.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use crm_domain::{
    Task, TaskField, TaskStatus,
    access::{Grant, Read},
    names_of,
    query::ListQuery,
    values::Timestamp,
};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Text, Untyped},
};
use serde::Serialize;

use crate::{
    column::TimeColumn,
    dialect::{self, Backend},
    error::StoreError,
    list,
    sql::{Bind, Sql},
    tasks::place::place,
    transaction::{Transaction, backend, connection},
    visible::{Life, visible},
};

const TABLE: &str = "tasks";

/// How the tasks stand. Those that are overdue or due soon are still to do.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct TaskFigures {
    /// All tasks.
    pub total: i64,
    /// By status; every status is there.
    pub by_status: BTreeMap<String, i64>,
    /// Those that should have been done by now.
    pub overdue: i64,
    /// Those that should be done within the next 24 hours.
    pub due_within_24_hours: i64,
    /// Those that should be done within the next seven days.
    pub due_within_7_days: i64,
}

#[derive(QueryableByName)]
struct Group {
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = BigInt)]
    overdue: i64,
    #[diesel(sql_type = BigInt)]
    within_a_day: i64,
    #[diesel(sql_type = BigInt)]
    within_a_week: i64,
}

/// How the live tasks in the scope of the grant stand now that fit the filters and the search of `query`.
pub fn tasks(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Task>,
    query: &ListQuery<TaskField>,
    now: Timestamp,
) -> Result<TaskFigures, StoreError> {
    let groups: Vec<Group> = statement(backend(tx), grant, query, now).typed::<Untyped>().load(connection(tx))?;
    let by_status = names_of::<TaskStatus>().into_iter().map(|status| (status.to_owned(), 0)).collect();
    Ok(groups.into_iter().fold(TaskFigures { by_status, ..TaskFigures::default() }, TaskFigures::with))
}

/// The database's plan for it, for tests and for whoever wonders why it is slow.
pub fn tasks_plan(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Task>,
    query: &ListQuery<TaskField>,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let sql = statement(backend(tx), grant, query, now);
    Ok(dialect::explain(connection(tx), sql)?)
}

fn statement(backend: Backend, grant: &Grant<Read, Task>, query: &ListQuery<TaskField>, now: Timestamp) -> Sql {
    let conditions = list::conditions(backend, TABLE, place, visible(grant, TABLE, Life::Live), query);
    let time = |time: Timestamp| Bind::Time(TimeColumn::from(time));
    let within = |span: TimeDelta| {
        Sql::new().push("due_at >= ").bind(time(now)).push(" AND due_at < ").bind(time(now.plus(span)))
    };
    let overdue = Sql::new().push("due_at < ").bind(time(now));
    Sql::new()
        .push("SELECT status, COUNT(*) AS number")
        .append(counted(overdue, "overdue"))
        .append(counted(within(TimeDelta::hours(24)), "within_a_day"))
        .append(counted(within(TimeDelta::days(7)), "within_a_week"))
        .push(format!(" FROM {TABLE} WHERE "))
        .append(conditions)
        .push(" GROUP BY status")
}

/// One more column: how many rows fit the condition.
fn counted(condition: Sql, name: &str) -> Sql {
    let end = format!(" AND status IN ('todo', 'doing') THEN 1 END) AS {name}");
    Sql::new().push(", COUNT(CASE WHEN ").append(condition).push(end)
}

impl TaskFigures {
    fn with(mut self, group: Group) -> Self {
        self.total += group.number;
        self.overdue += group.overdue;
        self.due_within_24_hours += group.within_a_day;
        self.due_within_7_days += group.within_a_week;
        self.by_status.insert(group.status, group.number);
        self
    }
}
