//! Interactions in the database.

mod activity;
mod participants;
pub(crate) mod place;
mod row;

use crm_domain::{
    Interaction, InteractionField, InteractionId, Version,
    access::{ActionType, Create, Grant},
    query::{ListQuery, Page},
    values::Timestamp,
};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper};

use crate::{
    column::{TimeColumn, UuidColumn},
    connection::{AnyConnection, Multi},
    dialect::insert_all,
    error::StoreError,
    list::{self, Source},
    observed,
    schema::interactions as table,
    sql::Sql,
    transaction::{Transaction, WriteTx, backend, connection},
    visible::{Life, visible},
};
use activity::Touched;
pub(crate) use row::InteractionRow;

const TABLE: &str = "interactions";

/// The live interaction with this id, in the scope of the grant.
pub fn find<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Interaction>,
    id: InteractionId,
) -> Result<Interaction, StoreError> {
    one(tx, visible(grant, TABLE, Life::Live), id)
}

/// The deleted interaction with this id, in the scope of the grant.
pub fn find_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Interaction>,
    id: InteractionId,
) -> Result<Interaction, StoreError> {
    one(tx, visible(grant, TABLE, Life::Deleted), id)
}

/// The live interactions with these ids, in the scope of the grant, in no particular order.
pub fn find_many<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Interaction>,
    ids: &[InteractionId],
) -> Result<Vec<Interaction>, StoreError> {
    let ids = ids.iter().map(|id| UuidColumn::from(*id));
    let rows = table::table.select(InteractionRow::as_select()).filter(visible(grant, TABLE, Life::Live));
    let rows: Vec<InteractionRow> = rows.filter(table::id.eq_any(ids)).load(connection(tx))?;
    Ok(filled(connection(tx), rows)?)
}

fn one(tx: &mut impl Transaction, base: Sql, id: InteractionId) -> Result<Interaction, StoreError> {
    let query = table::table.select(InteractionRow::as_select()).filter(base);
    let query = query.filter(table::id.eq(UuidColumn::from(id)));
    let row: InteractionRow = observed::reading_row(TABLE, id.uuid(), || query.first(connection(tx)))?;
    let mut found = filled(connection(tx), vec![row])?;
    found.pop().ok_or(StoreError::NotFound)
}

/// One page of the live interactions in the scope of the grant.
pub fn list<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Interaction>,
    query: &ListQuery<InteractionField>,
) -> Result<Page<Interaction>, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place::place, visible(grant, TABLE, Life::Live), query);
    list::page(tx, &SOURCE, query, &conditions)
}

/// The database's plans for the queries of one page, for tests and for whoever wonders why a list is slow.
pub fn plans<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Interaction>,
    query: &ListQuery<InteractionField>,
) -> Result<Vec<String>, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place::place, visible(grant, TABLE, Life::Live), query);
    list::plans(tx, &SOURCE, query, &conditions)
}

const SOURCE: Source<InteractionField, Interaction> =
    Source { table: TABLE, place: place::place, load, key: place::key, id: |interaction| interaction.id.uuid() };

fn load(tx: &mut dyn list::Connected, condition: Sql, order: Sql, limit: i64) -> Result<Vec<Interaction>, StoreError> {
    let query = table::table.select(InteractionRow::as_select()).filter(condition).order_by(order).limit(limit);
    let rows: Vec<InteractionRow> = query.into_boxed::<Multi>().load(tx.connection())?;
    Ok(filled(tx.connection(), rows)?)
}

/// The interactions of these rows, with those who took part.
pub(crate) fn filled(connection: &mut AnyConnection, rows: Vec<InteractionRow>) -> QueryResult<Vec<Interaction>> {
    let mut interactions: Vec<Interaction> = rows.into_iter().map(Interaction::from).collect();
    participants::fill(connection, &mut interactions)?;
    Ok(interactions)
}

/// Adds a new interaction.
pub fn insert(tx: &mut WriteTx, grant: &Grant<Create, Interaction>, new: &Interaction) -> Result<(), StoreError> {
    insert_many(tx, grant, std::slice::from_ref(new))
}

/// Adds new interactions, and keeps the last activity of the organisations and people that they happened with.
pub fn insert_many<A: ActionType>(
    tx: &mut WriteTx,
    _grant: &Grant<A, Interaction>,
    new: &[Interaction],
) -> Result<(), StoreError> {
    insert_rows(tx, new)?;
    let mut touched = Touched::default();
    for interaction in new {
        touched.add(interaction);
    }
    touched.settle(tx)
}

/// Adds interactions of the past without keeping the last activity: [`settle_all`] does so for all of them.
pub fn insert_past<A: ActionType>(
    tx: &mut WriteTx,
    _grant: &Grant<A, Interaction>,
    new: &[Interaction],
) -> Result<(), StoreError> {
    insert_rows(tx, new)
}

/// Works the last activity of every organisation and person out again.
pub fn settle_all<A: ActionType>(tx: &mut WriteTx, _grant: &Grant<A, Interaction>) -> Result<(), StoreError> {
    activity::settle_all(tx)
}

fn insert_rows(tx: &mut WriteTx, new: &[Interaction]) -> Result<(), StoreError> {
    let rows: Vec<InteractionRow> = new.iter().map(InteractionRow::from).collect();
    observed::writing_rows(TABLE, new.iter().map(|new| new.id.uuid()));
    insert_all!(connection(tx), table::table, &rows)?;
    participants::insert(connection(tx), new)
}

/// Saves a new state over that of `before`, and keeps the last activity of the organisations and people of both. A record that is out of
/// scope is not there; one that has moved on is stale.
pub fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, Interaction>,
    before: &Interaction,
    new: &Interaction,
) -> Result<(), StoreError> {
    let id = UuidColumn::from(new.id);
    let scope = visible(grant, TABLE, Life::Any);
    let target = table::table.filter(table::id.eq(id)).filter(table::version.eq(before.stamps.version.number()));
    observed::writing_rows(TABLE, [new.id.uuid()]);
    let rows = diesel::update(target.filter(scope.clone())).set(InteractionRow::from(new)).execute(connection(tx))?;
    if rows == 1 {
        participants::replace(connection(tx), new)?;
        let mut touched = Touched::default();
        touched.add(before);
        touched.add(new);
        return touched.settle(tx);
    }
    let current = table::table.select(table::version).filter(table::id.eq(id)).filter(scope).first(connection(tx));
    match current.optional()? {
        Some(current) => Err(StoreError::Stale { current: Version::from_stored(current) }),
        None => Err(StoreError::NotFound),
    }
}

/// The live interactions, in the scope of the grant, that happened at one of these times.
pub fn at_times<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Interaction>,
    times: &[Timestamp],
) -> Result<Vec<Interaction>, StoreError> {
    let times = times.iter().map(|time| TimeColumn::from(*time));
    let query = table::table.select(InteractionRow::as_select()).filter(visible(grant, TABLE, Life::Live));
    let rows: Vec<InteractionRow> = query.filter(table::occurred_at.eq_any(times)).load(connection(tx))?;
    Ok(filled(connection(tx), rows)?)
}
