//! One ranked list over everything that a caller may see.
//!
//! The ranks are asked one after the other, each resource by a query of its own that begins with the scope of its grant.
//! A rank leaves out what the ranks before it have shown, so each record appears once.

use crm_domain::{
    OrganisationField, SearchHit, SearchType,
    access::{Grant, Guarded, Read},
    query::{ListQuery, Page},
};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{Nullable, Text, Untyped},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    column::{DbUuid, UuidColumn},
    cursor,
    dialect::{self, Backend},
    error::StoreError,
    filter::{Form, Place, starts_with},
    sql::{Bind, Sql},
    transaction::{Transaction, backend, connection},
    visible::{Life, visible},
};

/// What a caller may search: the rows of each kind that a grant covers.
#[derive(Clone, Debug, Default)]
pub struct Searched(Vec<(SearchType, Sql)>);

impl Searched {
    /// The records of this kind that the grant covers are searched as well.
    ///
    /// # Panics
    ///
    /// When the grant is for records of another kind.
    #[must_use]
    pub fn and<R: Guarded>(mut self, kind: SearchType, grant: &Grant<Read, R>) -> Self {
        assert_eq!(kind.as_ref(), R::RESOURCE.as_ref(), "a grant speaks of its own kind of records");
        self.0.push((kind, visible(grant, Shape::of(kind).table, Life::Live)));
        self
    }
}

/// A page of the records that have all these folded words, best first. What there is no grant for is left out.
///
/// Rank 1: the name begins with the words; for a person the full name or the last name. Rank 2: a word of the name begins
/// with the first word. Rank 3: the words stand elsewhere. Within a rank the order is that of the names; in rank 1 a person
/// stands under the name that fits.
pub fn search(
    tx: &mut impl Transaction,
    searched: Searched,
    words: &[String],
    limit: u32,
    after: Option<&str>,
) -> Result<Page<SearchHit>, StoreError> {
    let list = format!("search {}", fingerprint(words));
    let after: Option<Position> = cursor::decode(&list, after)?;
    let sources = Sources { searched, words: Words { backend: backend(tx), words } };
    let limit = limit as usize;
    let mut found: Vec<Found> = Vec::new();
    for rank in after.as_ref().map_or(1, |after| after.rank.max(1))..=LAST_RANK {
        if words.is_empty() || found.len() > limit {
            break;
        }
        let after = after.as_ref().filter(|after| after.rank == rank);
        // One more than asked for tells whether there is another page.
        let missing = limit + 1 - found.len();
        let mut of_rank: Vec<Found> = Vec::new();
        for source in sources.of_rank(rank) {
            of_rank.extend(source.load(tx, rank, after, missing)?);
        }
        of_rank.sort_by(|one, other| one.position.cmp(&other.position));
        of_rank.truncate(missing);
        found.extend(of_rank);
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|last| cursor::encode(&list, &last.position));
    Ok(Page { items: found.into_iter().map(|found| found.hit).collect(), next_cursor, total: None })
}

/// A number that is the same for the same words.
fn fingerprint(words: &[String]) -> u64 {
    ListQuery::<OrganisationField> { words: words.to_vec(), ..ListQuery::default() }.fingerprint()
}

const LAST_RANK: u8 = 3;

/// Where a hit stands in the list: all that the order looks at, in its order.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
struct Position {
    rank: u8,
    key: String,
    kind: SearchType,
    id: Uuid,
}

struct Found {
    position: Position,
    hit: SearchHit,
}

/// What a caller may search, and for what.
struct Sources<'a> {
    searched: Searched,
    words: Words<'a>,
}

/// One query: rows of a table in the order of one key column.
struct Source {
    kind: SearchType,
    table: &'static str,
    key: &'static str,
    condition: Sql,
}

/// How the records of a kind are found and shown.
struct Shape {
    table: &'static str,
    /// The folded name by which they are ordered. Where it may be empty, records without one are not found: there would
    /// be nothing to show them by.
    key: &'static str,
    /// A folded name that does as well for the first rank.
    other_key: Option<&'static str>,
    /// What is shown of a hit.
    columns: &'static str,
}

impl Shape {
    #[rustfmt::skip]
    const fn of(kind: SearchType) -> Self {
        match kind {
            SearchType::Organisations => Self {
                table: "organisations", key: "name_key", other_key: None,
                columns: "name, NULL AS first_name, city AS detail, country_code AS other_detail",
            },
            SearchType::People => Self {
                table: "people", key: "full_name_key", other_key: Some("last_name_key"),
                columns: "last_name AS name, first_name, job_title AS detail, email AS other_detail",
            },
            SearchType::Products => Self {
                table: "products", key: "name_key", other_key: None,
                columns: "name, NULL AS first_name, isin AS detail, type AS other_detail",
            },
            SearchType::Mandates => Self {
                table: "mandates", key: "number_key", other_key: None,
                columns: "number AS name, NULL AS first_name, status AS detail, NULL AS other_detail",
            },
            SearchType::Interactions => Self {
                table: "interactions", key: "subject_key", other_key: None,
                columns: "subject AS name, NULL AS first_name, type AS detail, NULL AS other_detail",
            },
            SearchType::Tasks => Self {
                table: "tasks", key: "title_key", other_key: None,
                columns: "title AS name, NULL AS first_name, status AS detail, NULL AS other_detail",
            },
        }
    }
}

impl Sources<'_> {
    /// The queries of a rank. No record is found by two of them.
    fn of_rank(&self, rank: u8) -> Vec<Source> {
        let mut sources = Vec::new();
        for (kind, base) in &self.searched.0 {
            let Shape { table, key, other_key, .. } = Shape::of(*kind);
            let source = |key: &'static str, conditions: Vec<Sql>| {
                let named = Sql::new().column(table, key).push(" IS NOT NULL");
                let condition = Sql::joined([base.clone(), named].into_iter().chain(conditions), " AND ");
                Source { kind: *kind, table, key, condition }
            };
            let whole = other_key.into_iter().chain([key]).collect();
            let mut conditions = self.words.of_rank(rank, table, key, whole);
            if let (Some(other_key), 1) = (other_key, rank) {
                // Two walks of two indexes, which one query with OR would not be on either database.
                let by_other_key = self.words.begin(table, other_key);
                conditions.push(not(by_other_key.clone()));
                sources.push(source(other_key, vec![by_other_key]));
            }
            sources.push(source(key, conditions));
        }
        sources
    }
}

struct Words<'a> {
    backend: Backend,
    words: &'a [String],
}

impl Words<'_> {
    /// What makes a row of `table` one of this rank. The name is in the column `key`; `whole` are the columns that put a
    /// row into the first rank when they begin with all words.
    fn of_rank(&self, rank: u8, table: &'static str, key: &'static str, whole: Vec<&'static str>) -> Vec<Sql> {
        let all = || self.words.iter().map(|word| dialect::search(self.backend, table, word));
        match rank {
            // Whatever begins with the words has them all.
            1 => vec![self.begin(table, key)],
            2 => {
                let earlier = whole.into_iter().map(|column| not(self.begin(table, column)));
                all().chain([self.begin_a_word(table, key)]).chain(earlier).collect()
            }
            _ => all().chain([not(self.begin_a_word(table, key))]).collect(),
        }
    }

    fn begin(&self, table: &'static str, column: &'static str) -> Sql {
        let place = Place { table, column, key: column, nullable: false, form: Form::Plain };
        starts_with(place, &self.words.join(" "))
    }

    fn begin_a_word(&self, table: &'static str, column: &'static str) -> Sql {
        let first = self.words.first().map_or("", String::as_str);
        Sql::new().push("' ' || ").column(table, column).push(" LIKE ").bind(Bind::Text(format!("% {first}%")))
    }
}

fn not(condition: Sql) -> Sql {
    Sql::new().push("NOT ").append(Sql::joined([condition], ""))
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = DbUuid)]
    id: UuidColumn,
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    first_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    detail: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    other_detail: Option<String>,
}

impl Source {
    /// Its first rows after a hit of the same rank, in the order of the list.
    fn load(
        self,
        tx: &mut impl Transaction,
        rank: u8,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let Self { kind, table, key, condition } = self;
        let limit = i64::try_from(limit).expect("a page has at most a few thousand hits");
        let mut sql = Sql::new()
            .push("SELECT id, ")
            .column(table, key)
            .push(format!(" AS \"key\", {} FROM {table} WHERE ", Shape::of(kind).columns))
            .append(condition);
        if let Some(after) = after {
            sql = sql.push(" AND ").append(later(table, key, kind, after));
        }
        let sql = sql.push(" ORDER BY ").column(table, key).push(", ").column(table, "id").push(" LIMIT ");
        let rows: Vec<Row> = sql.bind(Bind::Integer(limit)).typed::<Untyped>().load(connection(tx))?;
        Ok(rows.into_iter().map(|row| row.found(kind, rank)).collect())
    }
}

/// The condition that a row comes after this hit: by its key, then by its type, then by its id.
fn later(table: &'static str, key: &'static str, kind: SearchType, after: &Position) -> Sql {
    let key_text = Bind::Text(after.key.clone());
    match kind.cmp(&after.kind) {
        std::cmp::Ordering::Less => Sql::new().column(table, key).push(" > ").bind(key_text),
        std::cmp::Ordering::Greater => Sql::new().column(table, key).push(" >= ").bind(key_text),
        std::cmp::Ordering::Equal => Sql::new()
            .push("(")
            .column(table, key)
            .push(", ")
            .column(table, "id")
            .push(") > (")
            .bind(key_text)
            .push(", ")
            .bind(Bind::Id(UuidColumn(after.id)))
            .push(")"),
    }
}

impl Row {
    fn found(self, kind: SearchType, rank: u8) -> Found {
        let title = match self.first_name {
            Some(first_name) => format!("{first_name} {}", self.name),
            None => self.name,
        };
        let subtitle = match (kind, self.detail, self.other_detail) {
            (SearchType::Organisations, Some(city), Some(country)) => Some(format!("{city}, {country}")),
            (_, detail, other) => detail.or(other),
        };
        let id = self.id.0;
        Found {
            position: Position { rank, key: self.key, kind, id },
            hit: SearchHit { kind, id, title, subtitle, rank },
        }
    }
}
