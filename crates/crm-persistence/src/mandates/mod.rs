//! Mandates in the database.

pub(crate) mod place;
mod row;
mod statistics;

use crm_domain::{
    Mandate, MandateField, MandateId, OrganisationId, Version,
    access::{ActionType, Create, Grant, Import},
    query::{ListQuery, Page},
};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};

pub use statistics::{MandateStatistics, statistics};

use crate::{
    column::UuidColumn,
    connection::Multi,
    dialect::insert_all,
    error::StoreError,
    list::{self, Source},
    observed,
    schema::mandates as table,
    sql::{Bind, Sql},
    transaction::{Transaction, WriteTx, backend, connection},
    visible::{Life, visible},
};
pub(crate) use row::MandateRow;

const TABLE: &str = "mandates";

/// The live mandate with this id, in the scope of the grant.
pub fn find<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Mandate>,
    id: MandateId,
) -> Result<Mandate, StoreError> {
    one(tx, visible(grant, TABLE, Life::Live), id)
}

/// The deleted mandate with this id, in the scope of the grant.
pub fn find_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Mandate>,
    id: MandateId,
) -> Result<Mandate, StoreError> {
    one(tx, visible(grant, TABLE, Life::Deleted), id)
}

/// The live mandates with these ids, in the scope of the grant, in no particular order.
pub fn find_many<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Mandate>,
    ids: &[MandateId],
) -> Result<Vec<Mandate>, StoreError> {
    let ids = ids.iter().map(|id| UuidColumn::from(*id));
    let rows = table::table.select(MandateRow::as_select()).filter(visible(grant, TABLE, Life::Live));
    let rows: Vec<MandateRow> = rows.filter(table::id.eq_any(ids)).load(connection(tx))?;
    Ok(rows.into_iter().map(Mandate::from).collect())
}

fn one(tx: &mut impl Transaction, base: Sql, id: MandateId) -> Result<Mandate, StoreError> {
    let query = table::table.select(MandateRow::as_select()).filter(base);
    let query = query.filter(table::id.eq(UuidColumn::from(id)));
    let row: MandateRow = observed::reading_row(TABLE, id.uuid(), || query.first(connection(tx)))?;
    Ok(row.into())
}

/// One page of the live mandates in the scope of the grant.
pub fn list<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Mandate>,
    query: &ListQuery<MandateField>,
) -> Result<Page<Mandate>, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place::place, visible(grant, TABLE, Life::Live), query);
    list::page(tx, &SOURCE, query, &conditions)
}

/// The database's plans for the queries of one page, for tests and for whoever wonders why a list is slow.
pub fn plans<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Mandate>,
    query: &ListQuery<MandateField>,
) -> Result<Vec<String>, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place::place, visible(grant, TABLE, Life::Live), query);
    list::plans(tx, &SOURCE, query, &conditions)
}

const SOURCE: Source<MandateField, Mandate> =
    Source { table: TABLE, place: place::place, load, key: place::key, id: |mandate| mandate.id.uuid() };

fn load(tx: &mut dyn list::Connected, condition: Sql, order: Sql, limit: i64) -> Result<Vec<Mandate>, StoreError> {
    let query = table::table.select(MandateRow::as_select()).filter(condition).order_by(order).limit(limit);
    let rows: Vec<MandateRow> = query.into_boxed::<Multi>().load(tx.connection())?;
    Ok(rows.into_iter().map(Mandate::from).collect())
}

/// Adds a new mandate.
pub fn insert(tx: &mut WriteTx, grant: &Grant<Create, Mandate>, new: &Mandate) -> Result<(), StoreError> {
    insert_many(tx, grant, std::slice::from_ref(new))
}

/// Adds new mandates.
pub fn insert_many<A: ActionType>(
    tx: &mut WriteTx,
    _grant: &Grant<A, Mandate>,
    new: &[Mandate],
) -> Result<(), StoreError> {
    let rows: Vec<MandateRow> = new.iter().map(MandateRow::from).collect();
    observed::writing_rows(TABLE, new.iter().map(|new| new.id.uuid()));
    Ok(insert_all!(connection(tx), table::table, &rows)?)
}

/// Saves a new state over the version `before`. A record that is out of scope is not there; one that has moved on is stale.
pub fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, Mandate>,
    before: Version,
    new: &Mandate,
) -> Result<(), StoreError> {
    let id = UuidColumn::from(new.id);
    let scope = visible(grant, TABLE, Life::Any);
    let target = table::table.filter(table::id.eq(id)).filter(table::version.eq(before.number()));
    observed::writing_rows(TABLE, [new.id.uuid()]);
    let rows = diesel::update(target.filter(scope.clone())).set(MandateRow::from(new)).execute(connection(tx))?;
    if rows == 1 {
        return Ok(());
    }
    let current = table::table.select(table::version).filter(table::id.eq(id)).filter(scope).first(connection(tx));
    match current.optional()? {
        Some(current) => Err(StoreError::Stale { current: Version::from_stored(current) }),
        None => Err(StoreError::NotFound),
    }
}

/// What rows of an import are recognised by.
#[derive(Clone, Debug, Default)]
pub struct MatchKeys {
    /// Folded numbers.
    pub numbers: Vec<String>,
    /// Organisations whose mandates without a number are meant.
    pub organisations: Vec<OrganisationId>,
}

/// The live mandates, in the scope of the grant, that have one of these keys, and those without a number of these
/// organisations.
pub fn matching(
    tx: &mut impl Transaction,
    grant: &Grant<Import, Mandate>,
    keys: &MatchKeys,
) -> Result<Vec<Mandate>, StoreError> {
    let numbers = keys.numbers.iter().map(|number| Bind::Text(number.clone())).collect();
    let organisations = keys.organisations.iter().map(|id| Bind::Id(UuidColumn::from(*id))).collect();
    let unnumbered = one_of("organisation_id", organisations);
    let unnumbered = unnumbered.map(|of| of.push(" AND ").column(TABLE, "number").push(" IS NULL"));
    let conditions = [one_of("number_key", numbers), unnumbered];
    let mut found: Vec<Mandate> = Vec::new();
    // One query for each key: each walks its own index, which one query with OR would not on either database.
    for condition in conditions.into_iter().flatten() {
        let query = table::table.select(MandateRow::as_select()).filter(visible(grant, TABLE, Life::Live));
        let rows: Vec<MandateRow> = query.filter(condition).load(connection(tx))?;
        found.extend(rows.into_iter().map(Mandate::from));
    }
    found.sort_by_key(|one| one.id);
    found.dedup_by_key(|one| one.id);
    Ok(found)
}

/// That a column has one of these values; nothing where there are none.
fn one_of(column: &'static str, values: Vec<Bind>) -> Option<Sql> {
    (!values.is_empty()).then(|| Sql::new().column(TABLE, column).push(" IN (").binds(values).push(")"))
}
