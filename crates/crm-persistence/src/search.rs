//! One ranked list over everything that a caller may see.
//!
//! Each resource is asked by queries of its own that begin with the scope of its grant. Names that begin with the words are
//! one walk of an index. All else that has the words is looked at as a whole and ranked here, as long as it is not too much;
//! of what is found everywhere nobody reads the order, so that is walked by the age of the records, which any index of theirs
//! allows. Neither costs more for being asked on a larger table.

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
#[derive(Clone, Debug)]
pub struct Searched {
    tables: Vec<Table>,
    most_ranked: usize,
}

impl Default for Searched {
    fn default() -> Self {
        Self { tables: Vec::new(), most_ranked: MOST_RANKED }
    }
}

impl Searched {
    /// Ranks so many records of a kind at most, rather than five hundred.
    #[must_use]
    pub fn ranking(self, most_ranked: usize) -> Self {
        Self { most_ranked, ..self }
    }

    /// The records of this kind that the grant covers are searched as well.
    ///
    /// # Panics
    ///
    /// When the grant is for records of another kind.
    #[must_use]
    pub fn and<R: Guarded>(mut self, kind: SearchType, grant: &Grant<Read, R>) -> Self {
        assert_eq!(kind.as_ref(), R::RESOURCE.as_ref(), "a grant speaks of its own kind of records");
        self.tables.push(Table::of(kind, |table| visible(grant, table, Life::Live)));
        self
    }
}

/// A page of the records that have all these folded words, best first. What there is no grant for is left out.
///
/// Rank 1: the name begins with the words; for a person the full name or the last name. Rank 2: a word of the name begins
/// with the first word. Rank 3: the words stand elsewhere. Within a rank the order is that of the names; in rank 1 a person
/// stands under the name that fits. Where more than five hundred records of a kind have the words, those that are not of rank
/// 1 come after all others, the newest first.
pub fn search(
    tx: &mut impl Transaction,
    searched: Searched,
    words: &[String],
    limit: u32,
    after: Option<&str>,
) -> Result<Page<SearchHit>, StoreError> {
    let list = format!("search {}", fingerprint(words));
    let after: Option<Position> = cursor::decode(&list, after)?;
    let Searched { tables, most_ranked } = searched;
    let tables = if words.is_empty() { Vec::new() } else { tables };
    let sources = Sources { tables, most_ranked, words: Words { backend: backend(tx), words } };
    let limit = limit as usize;
    // One more than asked for tells whether there is another page.
    let mut found = sources.first(tx, after.as_ref(), limit + 1)?;
    if found.len() <= limit {
        let missing = limit + 1 - found.len();
        found.extend(sources.others(tx, after.as_ref(), missing)?);
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

/// Where a record stands whose kind has too many with the words.
const UNRANKED: u8 = 4;

/// So many records of a kind are ranked.
const MOST_RANKED: usize = 500;

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
    most_ranked: usize,
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

/// One query: rows of a table.
struct Source<'a> {
    table: &'a Table,
    /// The name that they are found under.
    key: &'static str,
    conditions: Vec<Sql>,
}

impl Sources<'_> {
    /// The hits of rank 1.
    fn first(
        &self,
        tx: &mut impl Transaction,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        if after.is_some_and(|after| after.rank > 1) {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for table in &self.tables {
            let mut whole = vec![self.words.begin(table.name, table.key)];
            if let Some(part) = table.part {
                // Two walks of two indexes, which one query with OR would not be on either database.
                let by_part = self.words.begin(table.name, part);
                whole.push(not(by_part.clone()));
                found.extend(Source { table, key: part, conditions: vec![by_part] }.by_name(tx, after, limit)?);
            }
            found.extend(Source { table, key: table.key, conditions: whole }.by_name(tx, after, limit)?);
        }
        Ok(sorted(found, limit))
    }

    /// All other hits: those of kinds that have few in their ranks, then those of the other kinds.
    fn others(
        &self,
        tx: &mut impl Transaction,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let (mut found, mut crowded) = (Vec::new(), Vec::new());
        for table in &self.tables {
            match self.few(tx, table)? {
                Some(few) => found.extend(few),
                None => crowded.push(table),
            }
        }
        found.retain(|one| one.position.rank > 1 && Some(&one.position) > after);
        let mut found = sorted(found, limit);
        let (missing, mut rest) = (limit - found.len(), Vec::new());
        if missing > 0 {
            for table in crowded {
                rest.extend(self.unranked(tx, table, after, missing)?);
            }
        }
        found.extend(sorted(rest, missing));
        Ok(found)
    }

    /// All records of a kind that have the words; nothing where they are too many to be ranked.
    fn few(&self, tx: &mut impl Transaction, table: &Table) -> Result<Option<Vec<Found>>, StoreError> {
        let source = Source { table, key: table.key, conditions: self.words.all(table.name) };
        let rows = rows(tx, source.select(), self.most_ranked + 1)?;
        if rows.len() > self.most_ranked {
            return Ok(None);
        }
        let placed = |row: Row| {
            let rank = self.words.rank(&row);
            row.found(table.kind, rank)
        };
        Ok(Some(rows.into_iter().map(placed).collect()))
    }

    /// The newest records of a kind that have the words and are not of rank 1, after a hit of the same sort.
    fn unranked(
        &self,
        tx: &mut impl Transaction,
        table: &Table,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let names = table.part.into_iter().chain([table.key]);
        let first = names.map(|column| not(self.words.begin(table.name, column)));
        let after = after.filter(|after| after.rank == UNRANKED).map(|after| older(table, after));
        let conditions = self.words.all(table.name).into_iter().chain(first).chain(after).collect();
        let sql = Source { table, key: table.key, conditions }.select();
        let rows = rows(tx, sql.push(" ORDER BY ").column(table.name, "id").push(" DESC"), limit)?;
        let placed = |row: Row| {
            let rank = self.words.rank(&row);
            row.found(table.kind, rank).unranked()
        };
        Ok(rows.into_iter().map(placed).collect())
    }
}

/// The first hits in the order of the list.
fn sorted(mut found: Vec<Found>, limit: usize) -> Vec<Found> {
    found.sort_by(|one, other| one.position.cmp(&other.position));
    found.truncate(limit);
    found
}

struct Words<'a> {
    backend: Backend,
    words: &'a [String],
}

impl Words<'_> {
    /// The rank of a row that has all words.
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
    /// Its first rows after a hit of rank 1, in the order of their names.
    fn by_name(
        self,
        tx: &mut impl Transaction,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let (table, key, kind) = (self.table.name, self.key, self.table.kind);
        let mut sql = self.select();
        if let Some(after) = after {
            sql = sql.push(" AND ").append(later(table, key, kind, after));
        }
        let sql = sql.push(" ORDER BY ").column(table, key).push(", ").column(table, "id");
        Ok(rows(tx, sql, limit)?.into_iter().map(|row| row.found(kind, 1)).collect())
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

/// The condition that a record comes after this hit: by its age, then by its type. Ids begin with the time (RFC 9562).
fn older(table: &Table, after: &Position) -> Sql {
    let operator = if table.kind > after.kind { " <= " } else { " < " };
    Sql::new().column(table.name, "id").push(operator).bind(Bind::Id(UuidColumn(after.id)))
}

impl Found {
    /// The same hit after all that are ranked, by its age: the younger the record, the lower its key.
    fn unranked(mut self) -> Self {
        self.position.rank = UNRANKED;
        self.position.key = format!("{:032x}", !self.position.id.as_u128());
        self
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
