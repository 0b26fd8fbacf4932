//! One ranked list over everything that a caller may see.
//!
//! The ranks are asked one after the other, each resource by a query of its own that begins with the scope of its grant.
//! A rank leaves out what the ranks before it have shown, so each record appears once. Where few records have the words
//! at all, the later ranks are one look at those few: each walk through the full-text index costs more than all else.

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
pub struct Searched(Vec<Table>);

impl Searched {
    /// The records of this kind that the grant covers are searched as well.
    ///
    /// # Panics
    ///
    /// When the grant is for records of another kind.
    #[must_use]
    pub fn and<R: Guarded>(mut self, kind: SearchType, grant: &Grant<Read, R>) -> Self {
        assert_eq!(kind.as_ref(), R::RESOURCE.as_ref(), "a grant speaks of its own kind of records");
        self.0.push(Table::of(kind, |table| visible(grant, table, Life::Live)));
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
    let sources = Sources { tables: searched.0, words: Words { backend: backend(tx), words } };
    let limit = limit as usize;
    let mut found: Vec<Found> = Vec::new();
    for rank in after.as_ref().map_or(1, |after| after.rank.max(1))..=LAST_RANK {
        if words.is_empty() || found.len() > limit {
            break;
        }
        // One more than asked for tells whether there is another page.
        let missing = limit + 1 - found.len();
        if rank > 1
            && let Some(few) = sources.few(tx, FEW_PAGES * limit)?
        {
            let is_later = |one: &Found| one.position.rank >= rank && Some(&one.position) > after.as_ref();
            found.extend(few.into_iter().filter(is_later).take(missing));
            break;
        }
        let after = after.as_ref().filter(|after| after.rank == rank);
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

/// So many pages of a type are ranked here rather than by the database.
const FEW_PAGES: usize = 8;

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
    tables: Vec<Table>,
    words: Words<'a>,
}

/// Where the records of a type are searched.
#[derive(Clone, Debug)]
struct Table {
    kind: SearchType,
    name: &'static str,
    /// The column with the folded name, in whose order the hits stand.
    key: &'static str,
    /// A part of the name that counts as much as the whole when it begins with the words.
    part: Option<&'static str>,
    /// What is shown of a hit.
    shown: &'static str,
    /// The rows that the caller may see.
    base: Sql,
}

impl Table {
    fn of(kind: SearchType, base: impl FnOnce(&'static str) -> Sql) -> Self {
        let (name, key, part, shown) = match kind {
            SearchType::Organisations => {
                let shown = "name, NULL AS first_name, city AS detail, country_code AS other_detail";
                ("organisations", "name_key", None, shown)
            }
            SearchType::People => {
                let shown = "last_name AS name, first_name, job_title AS detail, email AS other_detail";
                ("people", "full_name_key", Some("last_name_key"), shown)
            }
            SearchType::Products => {
                ("products", "name_key", None, "name, NULL AS first_name, isin AS detail, type AS other_detail")
            }
            SearchType::Mandates => {
                let shown = "number AS name, NULL AS first_name, status AS detail, NULL AS other_detail";
                ("mandates", "number_key", None, shown)
            }
            SearchType::Interactions => {
                let shown = "subject AS name, NULL AS first_name, type AS detail, NULL AS other_detail";
                ("interactions", "subject_key", None, shown)
            }
            SearchType::Tasks => {
                let shown = "title AS name, NULL AS first_name, status AS detail, NULL AS other_detail";
                ("tasks", "title_key", None, shown)
            }
        };
        let base = base(name);
        // A mandate without a number is not found: there would be nothing to show it by.
        let named = Sql::new().column(name, key).push(" IS NOT NULL");
        let base = if kind == SearchType::Mandates { Sql::joined([base, named], " AND ") } else { base };
        Self { kind, name, key, part, shown, base }
    }
}

/// One query: rows of a table in the order of one key column.
struct Source<'a> {
    table: &'a Table,
    key: &'static str,
    conditions: Vec<Sql>,
}

impl Sources<'_> {
    /// The queries of a rank. No record is found by two of them.
    fn of_rank(&self, rank: u8) -> Vec<Source<'_>> {
        let mut sources = Vec::new();
        for table in &self.tables {
            let mut conditions = self.words.of_rank(rank, table);
            if let (1, Some(part)) = (rank, table.part) {
                // Two walks of two indexes, which one query with OR would not be on either database.
                let by_part = self.words.begin(table.name, part);
                conditions.push(not(by_part.clone()));
                sources.push(Source { table, key: part, conditions: vec![by_part] });
            }
            sources.push(Source { table, key: table.key, conditions });
        }
        sources
    }

    /// All records that have the words, in the order of the list; nothing where there are more than `most` of a type.
    fn few(&self, tx: &mut impl Transaction, most: usize) -> Result<Option<Vec<Found>>, StoreError> {
        let mut found = Vec::new();
        for table in &self.tables {
            let source = Source { table, key: table.key, conditions: self.words.all(table.name) };
            let rows = source.unordered(tx, most + 1)?;
            if rows.len() > most {
                return Ok(None);
            }
            found.extend(rows.into_iter().map(|row| {
                let rank = self.words.rank(&row);
                row.found(table.kind, rank)
            }));
        }
        found.sort_by(|one, other| one.position.cmp(&other.position));
        Ok(Some(found))
    }
}

struct Words<'a> {
    backend: Backend,
    words: &'a [String],
}

impl Words<'_> {
    /// What makes a row one of this rank.
    fn of_rank(&self, rank: u8, table: &Table) -> Vec<Sql> {
        match rank {
            // Whatever begins with the words has them all.
            1 => vec![self.begin(table.name, table.key)],
            2 => {
                let whole = table.part.into_iter().chain([table.key]);
                let earlier = whole.map(|column| not(self.begin(table.name, column)));
                let here = self.begin_a_word(table.name, table.key);
                self.all(table.name).into_iter().chain([here]).chain(earlier).collect()
            }
            _ => {
                let mut conditions = self.all(table.name);
                conditions.push(not(self.begin_a_word(table.name, table.key)));
                conditions
            }
        }
    }

    /// The rank of a row that has all words: the same rules as [`Self::of_rank`].
    fn rank(&self, row: &Row) -> u8 {
        let (all, first) = (self.words.join(" "), self.words.first().map_or("", String::as_str));
        let whole = [row.part.as_deref(), Some(row.key.as_str())];
        if whole.into_iter().flatten().any(|name| name.starts_with(&all)) {
            1
        } else if format!(" {}", row.key).contains(&format!(" {first}")) {
            2
        } else {
            3
        }
    }

    /// That a row has all words.
    fn all(&self, table: &'static str) -> Vec<Sql> {
        self.words.iter().map(|word| dialect::search(self.backend, table, word)).collect()
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
    #[diesel(sql_type = Nullable<Text>)]
    part: Option<String>,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    first_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    detail: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    other_detail: Option<String>,
}

impl Source<'_> {
    /// Its first rows after a hit of the same rank, in the order of the list.
    fn load(
        self,
        tx: &mut impl Transaction,
        rank: u8,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let (table, key, kind) = (self.table.name, self.key, self.table.kind);
        let mut sql = self.select();
        if let Some(after) = after {
            sql = sql.push(" AND ").append(later(table, key, kind, after));
        }
        let sql = sql.push(" ORDER BY ").column(table, key).push(", ").column(table, "id");
        Ok(rows(tx, sql, limit)?.into_iter().map(|row| row.found(kind, rank)).collect())
    }

    /// Some of its rows, so many at most.
    fn unordered(self, tx: &mut impl Transaction, limit: usize) -> Result<Vec<Row>, StoreError> {
        rows(tx, self.select(), limit)
    }

    fn select(self) -> Sql {
        let Self { table, key, conditions } = self;
        Sql::new()
            .push("SELECT id, ")
            .column(table.name, key)
            .push(format!(
                " AS \"key\", {} AS part, {} FROM {} WHERE ",
                table.part.unwrap_or("NULL"),
                table.shown,
                table.name
            ))
            .append(Sql::joined(std::iter::once(table.base.clone()).chain(conditions), " AND "))
    }
}

fn rows(tx: &mut impl Transaction, query: Sql, limit: usize) -> Result<Vec<Row>, StoreError> {
    let limit = i64::try_from(limit).expect("a page has at most a few thousand hits");
    Ok(query.push(" LIMIT ").bind(Bind::Integer(limit)).typed::<Untyped>().load(connection(tx))?)
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
