//! Organisations in the database.

pub(crate) mod place;
mod row;
mod statistics;

use crm_domain::{
    Organisation, OrganisationField, OrganisationId, Version,
    access::{ActionType, Create, Grant},
    query::{ListQuery, Page, Value},
};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};

pub use statistics::{CurrencySum, OrganisationStatistics, statistics};

use crate::{
    column::UuidColumn,
    connection::Multi,
    dialect::insert_all,
    error::StoreError,
    list::{self, Source},
    observed,
    schema::organisations as table,
    sql::{Bind, Sql},
    transaction::{Transaction, WriteTx, backend, connection},
    visible::{Life, visible},
};
pub(crate) use row::OrganisationRow;

const TABLE: &str = "organisations";

/// The live organisation with this id, in the scope of the grant.
pub fn find<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Organisation>,
    id: OrganisationId,
) -> Result<Organisation, StoreError> {
    one(tx, visible(grant, TABLE, Life::Live), id)
}

/// The deleted organisation with this id, in the scope of the grant.
pub fn find_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Organisation>,
    id: OrganisationId,
) -> Result<Organisation, StoreError> {
    one(tx, visible(grant, TABLE, Life::Deleted), id)
}

/// The live organisations with these ids, in the scope of the grant, in no particular order.
pub fn find_many<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Organisation>,
    ids: &[OrganisationId],
) -> Result<Vec<Organisation>, StoreError> {
    let ids = ids.iter().map(|id| UuidColumn::from(*id));
    let rows = table::table.select(OrganisationRow::as_select()).filter(visible(grant, TABLE, Life::Live));
    let rows: Vec<OrganisationRow> = rows.filter(table::id.eq_any(ids)).load(connection(tx))?;
    Ok(rows.into_iter().map(Organisation::from).collect())
}

fn one(tx: &mut impl Transaction, base: Sql, id: OrganisationId) -> Result<Organisation, StoreError> {
    let query = table::table.select(OrganisationRow::as_select()).filter(base);
    let query = query.filter(table::id.eq(UuidColumn::from(id)));
    let row: OrganisationRow = observed::reading_row(TABLE, id.uuid(), || query.first(connection(tx)))?;
    Ok(row.into())
}

/// One page of the live organisations in the scope of the grant.
pub fn list<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Organisation>,
    query: &ListQuery<OrganisationField>,
) -> Result<Page<Organisation>, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place::place, visible(grant, TABLE, Life::Live), query);
    list::page(tx, &SOURCE, query, &conditions)
}

/// The database's plans for the queries of one page, for tests and for whoever wonders why a list is slow.
pub fn plans<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Organisation>,
    query: &ListQuery<OrganisationField>,
) -> Result<Vec<String>, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place::place, visible(grant, TABLE, Life::Live), query);
    list::plans(tx, &SOURCE, query, &conditions)
}

const SOURCE: Source<OrganisationField, Organisation> =
    Source { table: TABLE, place: place::place, load, key: key_of, id: |organisation| organisation.id.uuid() };

fn load(tx: &mut dyn list::Connected, condition: Sql, order: Sql, limit: i64) -> Result<Vec<Organisation>, StoreError> {
    let query = table::table.select(OrganisationRow::as_select()).filter(condition).order_by(order).limit(limit);
    let rows: Vec<OrganisationRow> = query.into_boxed::<Multi>().load(tx.connection())?;
    Ok(rows.into_iter().map(Organisation::from).collect())
}

fn key_of(organisation: &Organisation, field: OrganisationField) -> Option<Value> {
    place::key(organisation, field)
}

/// Adds a new organisation.
pub fn insert(tx: &mut WriteTx, grant: &Grant<Create, Organisation>, new: &Organisation) -> Result<(), StoreError> {
    insert_many(tx, grant, std::slice::from_ref(new))
}

/// Adds new organisations. When one on its own is refused, [`StoreError::Conflict`] tells the same field on both
/// databases.
pub fn insert_many<A: ActionType>(
    tx: &mut WriteTx,
    _grant: &Grant<A, Organisation>,
    new: &[Organisation],
) -> Result<(), StoreError> {
    if let [one] = new {
        refuse_second_conflict(tx, one)?;
    }
    let rows: Vec<OrganisationRow> = new.iter().map(OrganisationRow::from).collect();
    observed::writing_rows(TABLE, new.iter().map(|new| new.id.uuid()));
    Ok(insert_all!(connection(tx), table::table, &rows)?)
}

/// Saves a new state over the version `before`. A record that is out of scope is not there; one that has moved on is stale.
pub fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, Organisation>,
    before: Version,
    new: &Organisation,
) -> Result<(), StoreError> {
    refuse_second_conflict(tx, new)?;
    let id = UuidColumn::from(new.id);
    let scope = visible(grant, TABLE, Life::Any);
    let target = table::table.filter(table::id.eq(id)).filter(table::version.eq(before.number()));
    observed::writing_rows(TABLE, [new.id.uuid()]);
    let rows = diesel::update(target.filter(scope.clone())).set(OrganisationRow::from(new)).execute(connection(tx))?;
    if rows == 1 {
        return Ok(());
    }
    let current = table::table.select(table::version).filter(table::id.eq(id)).filter(scope).first(connection(tx));
    match current.optional()? {
        Some(current) => Err(StoreError::Stale { current: Version::from_stored(current) }),
        None => Err(StoreError::NotFound),
    }
}

/// Of two unique values that are both taken each database tells another one first, so the `lei` is looked up before. The
/// constraint remains the judge; whoever is refused here would be refused by it.
fn refuse_second_conflict(tx: &mut WriteTx, new: &Organisation) -> Result<(), StoreError> {
    let (Some(lei), Some(_), false) = (&new.lei, &new.licence_number, new.stamps.is_deleted()) else { return Ok(()) };
    let others = table::table.filter(table::deleted_at.is_null()).filter(table::id.ne(UuidColumn::from(new.id)));
    let holder = others.filter(table::lei.eq(lei.as_str())).select(table::id).first::<UuidColumn>(connection(tx));
    if holder.optional()?.is_some() { Err(StoreError::Conflict { field: "lei" }) } else { Ok(()) }
}

/// What rows of an import are recognised by.
#[derive(Clone, Debug, Default)]
pub struct MatchKeys {
    /// Licence numbers.
    pub licence_numbers: Vec<String>,
    /// Legal entity identifiers.
    pub leis: Vec<String>,
    /// Numbers in a national register.
    pub registration_numbers: Vec<String>,
    /// Folded names.
    pub names: Vec<String>,
}

/// The live organisations, in the scope of the grant, that have one of these keys.
pub fn matching<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Organisation>,
    keys: &MatchKeys,
) -> Result<Vec<Organisation>, StoreError> {
    let columns = [
        ("licence_number", &keys.licence_numbers),
        ("lei", &keys.leis),
        ("registration_number", &keys.registration_numbers),
        ("name_key", &keys.names),
    ];
    let mut found: Vec<Organisation> = Vec::new();
    // One query for each key: each walks its own index, which one query with OR would not on either database.
    for (column, values) in columns.into_iter().filter(|(_, values)| !values.is_empty()) {
        let values = values.iter().map(|value| Bind::Text(value.clone()));
        let any = Sql::new().column(TABLE, column).push(" IN (").binds(values).push(")");
        let query = table::table.select(OrganisationRow::as_select()).filter(visible(grant, TABLE, Life::Live));
        let rows: Vec<OrganisationRow> = query.filter(any).load(connection(tx))?;
        found.extend(rows.into_iter().map(Organisation::from));
    }
    found.sort_by_key(|organisation| organisation.id);
    found.dedup_by_key(|organisation| organisation.id);
    Ok(found)
}
