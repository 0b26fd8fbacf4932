//! People in the database.

mod place;
mod row;

use crm_domain::{
    Person, PersonField, PersonId, Version,
    access::{ActionType, Create, Grant, Import},
    query::{ListQuery, Page},
};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};

use crate::{
    column::UuidColumn,
    connection::Multi,
    dialect::insert_all,
    error::StoreError,
    list::{self, Source},
    observed,
    schema::people as table,
    sql::{Bind, Sql},
    transaction::{Transaction, WriteTx, backend, connection},
    visible::{Life, visible},
};
pub(crate) use row::PersonRow;

const TABLE: &str = "people";

/// The live person with this id, in the scope of the grant.
pub fn find<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Person>,
    id: PersonId,
) -> Result<Person, StoreError> {
    one(tx, visible(grant, TABLE, Life::Live), id)
}

/// The deleted person with this id, in the scope of the grant.
pub fn find_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Person>,
    id: PersonId,
) -> Result<Person, StoreError> {
    one(tx, visible(grant, TABLE, Life::Deleted), id)
}

/// The live people with these ids, in the scope of the grant, in no particular order.
pub fn find_many<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Person>,
    ids: &[PersonId],
) -> Result<Vec<Person>, StoreError> {
    let ids = ids.iter().map(|id| UuidColumn::from(*id));
    let rows = table::table.select(PersonRow::as_select()).filter(visible(grant, TABLE, Life::Live));
    let rows: Vec<PersonRow> = rows.filter(table::id.eq_any(ids)).load(connection(tx))?;
    Ok(rows.into_iter().map(Person::from).collect())
}

fn one(tx: &mut impl Transaction, base: Sql, id: PersonId) -> Result<Person, StoreError> {
    let query = table::table.select(PersonRow::as_select()).filter(base);
    let query = query.filter(table::id.eq(UuidColumn::from(id)));
    let row: PersonRow = observed::reading_row(TABLE, id.uuid(), || query.first(connection(tx)))?;
    Ok(row.into())
}

/// One page of the live people in the scope of the grant.
pub fn list<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Person>,
    query: &ListQuery<PersonField>,
) -> Result<Page<Person>, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place::place, visible(grant, TABLE, Life::Live), query);
    list::page(tx, &SOURCE, query, &conditions)
}

/// The database's plans for the queries of one page, for tests and for whoever wonders why a list is slow.
pub fn plans<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Person>,
    query: &ListQuery<PersonField>,
) -> Result<Vec<String>, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place::place, visible(grant, TABLE, Life::Live), query);
    list::plans(tx, &SOURCE, query, &conditions)
}

const SOURCE: Source<PersonField, Person> =
    Source { table: TABLE, place: place::place, load, key: place::key, id: |person| person.id.uuid() };

fn load(tx: &mut dyn list::Connected, condition: Sql, order: Sql, limit: i64) -> Result<Vec<Person>, StoreError> {
    let query = table::table.select(PersonRow::as_select()).filter(condition).order_by(order).limit(limit);
    let rows: Vec<PersonRow> = query.into_boxed::<Multi>().load(tx.connection())?;
    Ok(rows.into_iter().map(Person::from).collect())
}

/// Adds a new person.
pub fn insert(tx: &mut WriteTx, grant: &Grant<Create, Person>, new: &Person) -> Result<(), StoreError> {
    insert_many(tx, grant, std::slice::from_ref(new))
}

/// Adds new people.
pub fn insert_many<A: ActionType>(
    tx: &mut WriteTx,
    _grant: &Grant<A, Person>,
    new: &[Person],
) -> Result<(), StoreError> {
    let rows: Vec<PersonRow> = new.iter().map(PersonRow::from).collect();
    observed::writing_rows(TABLE, new.iter().map(|new| new.id.uuid()));
    Ok(insert_all!(connection(tx), table::table, &rows)?)
}

/// Saves a new state over the version `before`. A record that is out of scope is not there; one that has moved on is stale.
pub fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, Person>,
    before: Version,
    new: &Person,
) -> Result<(), StoreError> {
    let id = UuidColumn::from(new.id);
    let scope = visible(grant, TABLE, Life::Any);
    let target = table::table.filter(table::id.eq(id)).filter(table::version.eq(before.number()));
    observed::writing_rows(TABLE, [new.id.uuid()]);
    let rows = diesel::update(target.filter(scope.clone())).set(PersonRow::from(new)).execute(connection(tx))?;
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
    /// Keys of business e-mail addresses: [`crm_domain::values::EmailAddress::key`].
    pub emails: Vec<String>,
    /// Folded full names.
    pub names: Vec<String>,
}

/// The live people, in the scope of the grant, that have one of these keys.
pub fn matching(
    tx: &mut impl Transaction,
    grant: &Grant<Import, Person>,
    keys: &MatchKeys,
) -> Result<Vec<Person>, StoreError> {
    let columns = [("email_key", &keys.emails), ("full_name_key", &keys.names)];
    let mut found: Vec<Person> = Vec::new();
    // One query for each key: each walks its own index, which one query with OR would not on either database.
    for (column, values) in columns.into_iter().filter(|(_, values)| !values.is_empty()) {
        let values = values.iter().map(|value| Bind::Text(value.clone()));
        let any = Sql::new().column(TABLE, column).push(" IN (").binds(values).push(")");
        let query = table::table.select(PersonRow::as_select()).filter(visible(grant, TABLE, Life::Live));
        let rows: Vec<PersonRow> = query.filter(any).load(connection(tx))?;
        found.extend(rows.into_iter().map(Person::from));
    }
    found.sort_by_key(|person| person.id);
    found.dedup_by_key(|person| person.id);
    Ok(found)
}
