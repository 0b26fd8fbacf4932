//! What somebody is to be reminded of: tasks by their time, mandates by their last day. Each is found until somebody has been
//! told; that nobody is told twice is what the table of notifications sees to.

use crm_domain::{
    Mandate, MandateId, NotificationKind, Task, TaskId,
    access::{Grant, Read},
    values::{Date, Timestamp},
};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};

use crate::{
    column::{TimeColumn, UuidColumn},
    connection::Multi,
    dialect,
    error::StoreError,
    mandates::MandateRow,
    schema::{mandates, tasks},
    sql::{Bind, Sql},
    tasks::TaskRow,
    transaction::{Transaction, backend, connection},
    visible::{Life, visible},
};

/// So many are looked at in one unit of work.
pub const PAGE: i64 = 200;

/// Open tasks that are due after one time and not after another, whose assignee has not been told so; in the order of their
/// ids, behind one.
pub fn tasks_due(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Task>,
    kind: NotificationKind,
    (after, until): (Timestamp, Timestamp),
    behind: Option<TaskId>,
) -> Result<Vec<Task>, StoreError> {
    let open = Sql::new().push("tasks.status IN ('todo', 'doing') AND tasks.assignee_id IS NOT NULL");
    let kind = || Bind::Text(kind.as_ref().to_owned());
    let told = Sql::new()
        .push("NOT EXISTS (SELECT 1 FROM notifications WHERE notifications.user_id = tasks.assignee_id AND notifications.kind = ")
        .bind(kind())
        .push(" AND notifications.record_id = tasks.id AND notifications.occasion = tasks.due_at)");
    let unwanted = Sql::new()
        .push("NOT EXISTS (SELECT 1 FROM notification_preferences AS wish WHERE wish.user_id = tasks.assignee_id AND wish.kind = ")
        .bind(kind())
        .push(")");
    let base = visible(grant, "tasks", Life::Live);
    let rows: Vec<TaskRow> = tasks::table
        .select(TaskRow::as_select())
        .filter(Sql::joined([base, open, told, unwanted], " AND "))
        .filter(tasks::due_at.gt(TimeColumn::from(after)))
        .filter(tasks::due_at.le(TimeColumn::from(until)))
        .filter(tasks::id.gt(UuidColumn(behind.map_or(uuid::Uuid::nil(), TaskId::uuid))))
        .order_by(tasks::id.asc())
        .limit(PAGE)
        .into_boxed::<Multi>()
        .load(connection(tx))?;
    Ok(rows.into_iter().map(Task::from).collect())
}

/// Signed and active mandates that end on one of these days, of which nobody has been told so; in the order of their ids,
/// behind one.
pub fn mandates_ending(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Mandate>,
    kind: NotificationKind,
    (from, to): (Date, Date),
    behind: Option<MandateId>,
) -> Result<Vec<Mandate>, StoreError> {
    let midnight = dialect::midnight(backend(tx), "mandates", "ends_on");
    let told = Sql::new()
        .push("NOT EXISTS (SELECT 1 FROM notifications WHERE notifications.kind = ")
        .bind(Bind::Text(kind.as_ref().to_owned()))
        .push(" AND notifications.record_id = mandates.id AND notifications.occasion = ")
        .append(midnight)
        .push(")");
    let open = Sql::new().push("mandates.status IN ('signed', 'active')");
    let base = visible(grant, "mandates", Life::Live);
    let rows: Vec<MandateRow> = mandates::table
        .select(MandateRow::as_select())
        .filter(Sql::joined([base, open, told], " AND "))
        .filter(mandates::ends_on.ge(from))
        .filter(mandates::ends_on.le(to))
        .filter(mandates::id.gt(UuidColumn(behind.map_or(uuid::Uuid::nil(), MandateId::uuid))))
        .order_by(mandates::id.asc())
        .limit(PAGE)
        .into_boxed::<Multi>()
        .load(connection(tx))?;
    Ok(rows.into_iter().map(Mandate::from).collect())
}
