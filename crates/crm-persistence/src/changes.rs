//! The change log: audit trail, outbox and replay log at once.

use std::borrow::Cow;

use crm_domain::{
    Change, ImportId, RecordKind, RecordedChange, Version,
    access::{Grant, Read, Scope},
    query::Page,
    values::Timestamp,
};
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};
use uuid::Uuid;

use crate::{
    column::{JsonColumn, JsonText, TimeColumn, UuidColumn, maybe},
    dialect::insert_all,
    error::StoreError,
    schema::{changes as table, relay},
    sql::{Bind, Sql},
    stored::choice,
    transaction::{Transaction, WriteTx, connection},
    visible::{Life, within},
};

#[derive(Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
struct NewRow {
    at: TimeColumn,
    actor_id: Option<UuidColumn>,
    reason: Option<String>,
    resource: String,
    record_id: UuidColumn,
    version: i64,
    action: String,
    event: String,
    fields: JsonText,
    request_id: Option<String>,
    import_id: Option<UuidColumn>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Row {
    sequence: i64,
    position: Option<i64>,
    at: TimeColumn,
    actor_id: Option<UuidColumn>,
    reason: Option<String>,
    resource: String,
    record_id: UuidColumn,
    version: i64,
    action: String,
    event: String,
    fields: JsonColumn,
    request_id: Option<String>,
    import_id: Option<UuidColumn>,
}

impl From<Row> for RecordedChange {
    fn from(row: Row) -> Self {
        Self {
            position: row.position,
            at: row.at.into(),
            actor_id: maybe(row.actor_id),
            reason: row.reason,
            resource: choice(&row.resource),
            id: row.record_id.0,
            version: Version::from_stored(row.version),
            action: choice(&row.action),
            event: row.event,
            changed: serde_json::from_value(row.fields.0).expect("field changes were some before they were stored"),
            request_id: row.request_id,
            import_id: maybe(row.import_id),
        }
    }
}

pub(crate) fn insert(tx: &mut WriteTx, changes: Vec<Change>) -> Result<(), StoreError> {
    let stamp = tx.stamp().clone();
    let rows: Vec<NewRow> = changes
        .into_iter()
        .map(|change| NewRow {
            at: stamp.at.into(),
            actor_id: maybe(stamp.actor.user_id()),
            reason: stamp.actor.reason().map(Cow::from).map(Cow::into_owned),
            resource: change.kind.as_ref().to_owned(),
            record_id: UuidColumn(change.record_id),
            version: change.version.number(),
            action: change.action.as_ref().to_owned(),
            event: change.event(),
            fields: JsonText(serde_json::to_string(&change.fields).expect("field changes serialise to JSON")),
            request_id: stamp.actor.request_id().map(str::to_owned),
            import_id: maybe(stamp.import_id),
        })
        .collect();
    Ok(insert_all!(connection(tx), table::table, &rows)?)
}

/// The changes of one record, newest first, below the version `before`. Whether the caller may see the record is for the
/// caller to find out: the record's own store knows its scope.
pub fn of_record(
    tx: &mut impl Transaction,
    kind: RecordKind,
    record: Uuid,
    before: Option<Version>,
    limit: u32,
) -> Result<Page<RecordedChange>, StoreError> {
    let mut query = table::table
        .select(Row::as_select())
        .filter(table::record_id.eq(UuidColumn(record)))
        .filter(table::resource.eq(kind.as_ref().to_owned()))
        .order_by(table::version.desc())
        .limit(i64::from(limit) + 1)
        .into_boxed::<crate::connection::Multi>();
    if let Some(before) = before {
        query = query.filter(table::version.lt(before.number()));
    }
    let rows: Vec<Row> = query.load(connection(tx))?;
    let more = rows.len() > limit as usize;
    let items: Vec<RecordedChange> = rows.into_iter().take(limit as usize).map(RecordedChange::from).collect();
    let next_cursor = items.last().filter(|_| more).map(|last| last.version.number().to_string());
    Ok(Page { items, next_cursor, total: None })
}

/// Up to so many changes that fit a condition, in an order.
pub(crate) fn newest(
    tx: &mut impl Transaction,
    condition: Sql,
    order: Sql,
    limit: i64,
) -> Result<Vec<RecordedChange>, StoreError> {
    let query = table::table.select(Row::as_select()).filter(condition).order_by(order).limit(limit);
    let rows: Vec<Row> = query.into_boxed::<crate::connection::Multi>().load(connection(tx))?;
    Ok(rows.into_iter().map(RecordedChange::from).collect())
}

/// How far a reader of the change log sees each kind of record; kinds that are absent are not seen at all.
#[derive(Clone, Debug, Default)]
pub struct Readable(Vec<(RecordKind, Scope)>);

impl Readable {
    /// The records of this kind within this scope are seen as well.
    #[must_use]
    pub fn and(mut self, kind: RecordKind, scope: Scope) -> Self {
        self.0.push((kind, scope));
        self
    }
}

/// The changes after a position, in the one order of all changes, of records that are in scope now.
pub fn after(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Change>,
    readable: &Readable,
    position: i64,
    limit: u32,
) -> Result<Vec<RecordedChange>, StoreError> {
    let kinds = readable.0.iter().map(|(kind, scope)| of_kind(*kind, grant.scope().narrowed(*scope)));
    let seen = Sql::joined(kinds.chain([Sql::new().push("1 = 0")]), " OR ");
    let rows: Vec<Row> = table::table
        .select(Row::as_select())
        .filter(table::position.gt(position))
        .filter(seen)
        .order_by(table::position.asc())
        .limit(i64::from(limit))
        .load(connection(tx))?;
    Ok(rows.into_iter().map(RecordedChange::from).collect())
}

/// Rows about records of this kind that lie in this scope, deleted ones included.
fn of_kind(kind: RecordKind, scope: Scope) -> Sql {
    let name = kind.as_ref();
    let is_kind = Sql::new().column("changes", "resource").push(" = ").bind(Bind::Text(name.to_owned()));
    let exists = |table: &'static str| {
        Sql::new()
            .push(format!("EXISTS (SELECT 1 FROM {table} WHERE {table}.id = changes.record_id AND "))
            .append(within(scope, table, Life::Any))
            .push(")")
    };
    let seen = match (kind, scope) {
        (_, Scope::All) => return is_kind,
        (RecordKind::Organisations, _) => exists("organisations"),
        (RecordKind::People, _) => exists("people"),
        (RecordKind::Products, _) => exists("products"),
        (RecordKind::Mandates, _) => exists("mandates"),
        (RecordKind::Interactions, _) => exists("interactions"),
        (RecordKind::Tasks, _) => exists("tasks"),
        (RecordKind::Users, _) => exists("users"),
        (RecordKind::Teams, _) => exists("teams"),
        (RecordKind::Roles, _) => exists("roles"),
        (RecordKind::Links, _) => {
            both_ends(scope, "links", ["organisations", "people"], ["organisation_id", "person_id"])
        }
        (RecordKind::MandateProducts, _) => {
            both_ends(scope, "mandate_products", ["mandates", "products"], ["mandate_id", "product_id"])
        }
        // Nobody's in particular: seen at reach `all` only.
        (RecordKind::Imports, _) => Sql::new().push("1 = 0"),
    };
    Sql::joined([is_kind, seen], " AND ")
}

/// Both ends of a link must be in scope.
fn both_ends(scope: Scope, links: &'static str, ends: [&'static str; 2], ids: [&'static str; 2]) -> Sql {
    let [one, other] = ends;
    let [id_of_one, id_of_other] = ids;
    Sql::new()
        .push(format!("EXISTS (SELECT 1 FROM {links}, {one}, {other} WHERE {links}.id = changes.record_id "))
        .push(format!("AND {one}.id = {links}.{id_of_one} AND {other}.id = {links}.{id_of_other} AND "))
        .append(within(scope, one, Life::Any))
        .push(" AND ")
        .append(within(scope, other, Life::Any))
        .push(")")
}

/// How far each order has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Heads {
    /// The last position of the change log.
    pub changes: i64,
    /// How far notifications have been worked out from it.
    pub notified: i64,
    /// The last place in the order of notifications.
    pub notifications: i64,
    /// The last change of anybody's rights.
    pub access: i64,
}

/// How far each order has come, in one query.
pub fn heads(tx: &mut impl Transaction) -> Result<Heads, StoreError> {
    let rows: Vec<(String, i64)> = relay::table.select((relay::name, relay::position)).load(connection(tx))?;
    let of = |name: &str| rows.iter().find(|(one, _)| one == name).map_or(0, |(_, position)| *position);
    Ok(Heads {
        changes: of("changes"),
        notified: of("notified"),
        notifications: of("notifications"),
        access: of("access"),
    })
}

/// The first position that is still there; none where there is none yet. A number tells of nobody's records.
pub fn oldest(tx: &mut impl Transaction) -> Result<Option<i64>, StoreError> {
    let first = table::table.filter(table::position.is_not_null()).order_by(table::position.asc());
    Ok(first.select(table::position).first::<Option<i64>>(connection(tx)).optional()?.flatten())
}

/// All changes behind a position, whoever may see them: for whoever passes them on, and decides about each reader. None of
/// them is in a scope: the grant must reach everything.
pub fn all_after(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Change>,
    position: i64,
    limit: i64,
) -> Result<Vec<RecordedChange>, StoreError> {
    if grant.scope() != Scope::All {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = table::table
        .select(Row::as_select())
        .filter(table::position.gt(position))
        .order_by(table::position.asc())
        .limit(limit)
        .load(connection(tx))?;
    Ok(rows.into_iter().map(RecordedChange::from).collect())
}

/// When the last change was written, as the clock of its writer said.
pub fn latest(tx: &mut impl Transaction) -> Result<Option<Timestamp>, StoreError> {
    let last = table::table.select(table::at).order_by(table::sequence.desc());
    Ok(last.first::<TimeColumn>(connection(tx)).optional()?.map(Timestamp::from))
}

/// Whether some committed change has no position yet.
pub fn has_unpositioned(tx: &mut impl Transaction) -> Result<bool, StoreError> {
    let first = table::table.select(table::sequence).filter(table::position.is_null());
    Ok(first.order_by(table::sequence.asc()).first::<i64>(connection(tx)).optional()?.is_some())
}

/// Which records the next changes to be given a position are about.
pub fn waiting(tx: &mut impl Transaction, limit: i64) -> Result<Vec<(RecordKind, Uuid)>, StoreError> {
    let waiting = table::table.select((table::resource, table::record_id)).filter(table::position.is_null());
    let waiting = waiting.order_by(table::sequence.asc()).limit(limit);
    let rows: Vec<(String, UuidColumn)> = waiting.load(connection(tx))?;
    Ok(rows.into_iter().map(|(resource, id)| (choice(&resource), id.0)).collect())
}

/// Gives the next positions to up to `limit` committed changes, in the order in which they were written; how many there
/// were. Two instances that do it at the same time wait for each other at the one row of the counter.
pub fn assign_positions(tx: &mut WriteTx, limit: i64) -> Result<usize, StoreError> {
    let counter = relay::table.filter(relay::name.eq("changes"));
    diesel::update(counter).set(relay::position.eq(relay::position)).execute(connection(tx))?;
    let last: i64 = counter.select(relay::position).first(connection(tx))?;
    let waiting = table::table.select(table::sequence).filter(table::position.is_null());
    let waiting: Vec<i64> = waiting.order_by(table::sequence.asc()).limit(limit).load(connection(tx))?;
    let mut position = last;
    for chunk in waiting.chunks(500) {
        // One statement for many rows: the position is the last one and the row's rank among those that wait.
        let first = position;
        position += i64::try_from(chunk.len()).expect("a chunk has at most 500 rows");
        let ranks = chunk.iter().enumerate().map(|(at, sequence)| {
            let rank = first + 1 + i64::try_from(at).expect("a chunk has at most 500 rows");
            Sql::new().push("WHEN ").bind(Bind::Integer(*sequence)).push(" THEN ").bind(Bind::Integer(rank))
        });
        let mut update = Sql::new().push("UPDATE changes SET position = CASE sequence ");
        for rank in ranks {
            update = update.append(rank).push(" ");
        }
        let rows = chunk.iter().map(|sequence| Bind::Integer(*sequence));
        update.push("END WHERE sequence IN (").binds(rows).push(")").execute(connection(tx))?;
    }
    diesel::update(counter).set(relay::position.eq(position)).execute(connection(tx))?;
    Ok(waiting.len())
}

/// A change that an import made, with its place in the log.
#[derive(Clone, Debug)]
pub struct ImportedChange {
    /// Its place among all rows of the log.
    pub sequence: i64,
    /// The change.
    pub change: RecordedChange,
}

/// The changes that an import made, newest first, below a place in the log.
pub fn of_import(
    tx: &mut impl Transaction,
    import: ImportId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<ImportedChange>, StoreError> {
    let rows: Vec<Row> = table::table
        .select(Row::as_select())
        .filter(table::import_id.eq(UuidColumn::from(import)))
        .filter(table::sequence.lt(before.unwrap_or(i64::MAX)))
        .order_by(table::sequence.desc())
        .limit(limit)
        .load(connection(tx))?;
    Ok(rows.into_iter().map(|row| ImportedChange { sequence: row.sequence, change: row.into() }).collect())
}
