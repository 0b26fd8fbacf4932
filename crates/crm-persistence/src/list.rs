//! One page of a list: conditions, segments, next cursor and total.

use crm_domain::query::{Cursor, FieldSet, ListQuery, Page, Total, Value};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Untyped},
};
use uuid::Uuid;

use crate::{
    connection::AnyConnection,
    dialect::{self, Backend},
    error::StoreError,
    filter::{self, Place},
    keyset::Keys,
    sql::Sql,
    transaction::{Transaction, connection},
};

/// Loads up to so many rows that fit a condition, in an order.
pub type Load<T> = fn(&mut dyn Connected, Sql, Sql, i64) -> Result<Vec<T>, StoreError>;

/// What a list needs to know of a resource.
pub struct Source<F, T> {
    pub table: &'static str,
    pub place: fn(F) -> Place,
    pub load: Load<T>,
    pub key: fn(&T, F) -> Option<Value>,
    pub id: fn(&T) -> Uuid,
}

/// A transaction whose type does not matter.
pub trait Connected {
    fn connection(&mut self) -> &mut AnyConnection;
}

impl<T: Transaction> Connected for T {
    fn connection(&mut self) -> &mut AnyConnection {
        connection(self)
    }
}

/// The condition that a row is in `base` and fits the filters and the search of `query`.
pub fn conditions<F: FieldSet>(
    backend: Backend,
    table: &'static str,
    place: fn(F) -> Place,
    base: Sql,
    query: &ListQuery<F>,
) -> Sql {
    let filters = query.filters.iter().map(|one| filter::condition(backend, place(one.field), &one.test));
    let words = query.words.iter().map(|word| dialect::search(backend, table, word));
    Sql::joined(std::iter::once(base).chain(filters).chain(words), " AND ")
}

/// The page that `query` asks for, of the rows that fit `conditions`.
pub fn page<F: FieldSet, T>(
    tx: &mut impl Transaction,
    source: &Source<F, T>,
    query: &ListQuery<F>,
    conditions: &Sql,
) -> Result<Page<T>, StoreError> {
    let limit = query.limit as usize;
    let mut items: Vec<T> = Vec::with_capacity(limit + 1);
    let keys = Keys { table: source.table, sort: &query.sort, place: source.place };
    for segment in keys.segments(query.cursor.as_ref()) {
        // One more than asked for tells whether there is another page.
        let missing = i64::try_from(limit + 1 - items.len()).expect("a page has at most a few thousand records");
        let condition = Sql::joined([conditions.clone(), segment.condition], " AND ");
        items.extend((source.load)(tx, condition, segment.order, missing)?);
        if items.len() > limit {
            break;
        }
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|last| {
        let keys = query.sort.iter().map(|sort| (source.key)(last, sort.field)).collect();
        Cursor { keys, id: (source.id)(last) }.encode(query.fingerprint())
    });
    let total = count(tx, source.table, conditions, query.total)?;
    Ok(Page { items, next_cursor, total })
}

/// The database's plan for each query that the page may need, one text for each.
pub fn plans<F: FieldSet, T>(
    tx: &mut impl Transaction,
    source: &Source<F, T>,
    query: &ListQuery<F>,
    conditions: &Sql,
) -> Result<Vec<String>, StoreError> {
    let keys = Keys { table: source.table, sort: &query.sort, place: source.place };
    let mut plans = Vec::new();
    for segment in keys.segments(query.cursor.as_ref()) {
        let select = Sql::new()
            .push(format!("SELECT * FROM {} WHERE ", source.table))
            .append(Sql::joined([conditions.clone(), segment.condition], " AND "))
            .push(" ORDER BY ")
            .append(segment.order)
            .push(format!(" LIMIT {}", query.limit + 1));
        plans.push(dialect::explain(connection(tx), select)?.join("\n"));
    }
    Ok(plans)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn count(
    tx: &mut impl Transaction,
    table: &'static str,
    conditions: &Sql,
    total: Total,
) -> Result<Option<i64>, StoreError> {
    let from = Sql::new().push(format!(" FROM {table} WHERE ")).append(conditions.clone());
    let sql = match total {
        Total::None => return Ok(None),
        Total::Exact => Sql::new().push("SELECT COUNT(*) AS number").append(from),
        Total::Estimated => Sql::new()
            .push("SELECT COUNT(*) AS number FROM (SELECT 1")
            .append(from)
            .push(format!(" LIMIT {}) AS counted", Total::ESTIMATE_LIMIT)),
    };
    let count: Count = sql.typed::<Untyped>().get_result(connection(tx))?;
    Ok(Some(count.number))
}
