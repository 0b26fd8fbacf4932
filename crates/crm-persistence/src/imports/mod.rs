//! Imports in the database: how far they have come, and what was wrong with their rows.
//!
//! Who may see an import depends on what its rows are, so the caller looks at it after [`find`]; [`list`] takes the scopes
//! of the grants. Everything else is for the job that runs the import.

mod errors;

use std::collections::BTreeMap;

use crm_domain::{
    Import, ImportId, ImportStatus, ImportTarget, Version, access::Scope, query::Page, values::Timestamp,
};
use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

pub use errors::{ImportError, add_errors, errors};

use crate::{
    column::{JsonColumn, TimeColumn, UuidColumn, maybe},
    connection::Multi,
    error::StoreError,
    page::{bad_cursor, page, read_cursor, to_load},
    schema::imports as table,
    sql::{Bind, Sql},
    stored::choice,
    transaction::{Transaction, WriteTx, connection},
};

#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = table, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    id: UuidColumn,
    resource: String,
    file_name: String,
    dry_run: bool,
    on_duplicate: String,
    status: String,
    counts: JsonColumn,
    unmapped: JsonColumn,
    failure: Option<String>,
    version: i64,
    created_by: Option<UuidColumn>,
    created_at: TimeColumn,
    updated_at: TimeColumn,
    finished_at: Option<TimeColumn>,
}

impl From<&Import> for Row {
    fn from(import: &Import) -> Self {
        Self {
            id: import.id.into(),
            resource: import.resource.as_ref().to_owned(),
            file_name: import.file_name.clone(),
            dry_run: import.dry_run,
            on_duplicate: import.on_duplicate.as_ref().to_owned(),
            status: import.status.as_ref().to_owned(),
            counts: json(&import.counts),
            unmapped: json(&import.unmapped),
            failure: import.failure.clone(),
            version: import.version.number(),
            created_by: maybe(import.created_by),
            created_at: import.created_at.into(),
            updated_at: import.updated_at.into(),
            finished_at: maybe(import.finished_at),
        }
    }
}

impl From<Row> for Import {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            resource: choice(&row.resource),
            file_name: row.file_name,
            dry_run: row.dry_run,
            on_duplicate: choice(&row.on_duplicate),
            status: choice(&row.status),
            counts: from_json(row.counts),
            unmapped: from_json(row.unmapped),
            failure: row.failure,
            version: Version::from_stored(row.version),
            created_by: maybe(row.created_by),
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            finished_at: maybe(row.finished_at),
        }
    }
}

fn json(value: &impl serde::Serialize) -> JsonColumn {
    JsonColumn(serde_json::to_value(value).expect("counts and names serialise to JSON"))
}

fn from_json<T: serde::de::DeserializeOwned>(column: JsonColumn) -> T {
    serde_json::from_value(column.0).expect("what is stored was of this type before it was stored")
}

/// Adds a new import. The mapping is that of the request, header to field.
pub fn insert(tx: &mut WriteTx, new: &Import, mapping: &BTreeMap<String, String>) -> Result<(), StoreError> {
    let no_headers: [&str; 0] = [];
    let values = (Row::from(new), table::mapping.eq(json(mapping)), table::headers.eq(json(&no_headers)));
    diesel::insert_into(table::table).values(values).execute(connection(tx))?;
    Ok(())
}

/// The import with this id, whoever started it: whether the caller may see it is for the caller to find out.
pub fn find(tx: &mut impl Transaction, id: ImportId) -> Result<Import, StoreError> {
    let query = table::table.select(Row::as_select()).filter(table::id.eq(UuidColumn::from(id)));
    Ok(query.first::<Row>(connection(tx))?.into())
}

/// One page of the imports within these scopes, the newest first: of each kind of record the caller's own ones, and
/// everybody's where the scope has no bounds.
pub fn list(
    tx: &mut impl Transaction,
    scopes: &[(ImportTarget, Scope)],
    cursor: Option<&str>,
    limit: u32,
) -> Result<Page<Import>, StoreError> {
    let seen = scopes.iter().map(|(target, scope)| seen(*target, *scope)).chain([Sql::new().push("1 = 0")]);
    let mut query = table::table
        .select(Row::as_select())
        .filter(Sql::joined(seen, " OR "))
        .order_by((table::created_at.desc(), table::id.desc()))
        .limit(to_load(limit))
        .into_boxed::<Multi>();
    if let Some(last) = read_cursor::<ImportId>(cursor)?.map(UuidColumn::from) {
        let at = table::table.select(table::created_at).filter(table::id.eq(last)).first(connection(tx)).optional()?;
        let place = [Bind::Time(at.ok_or_else(bad_cursor)?), Bind::Id(last)];
        query = query.filter(Sql::new().push("(imports.created_at, imports.id) < (").binds(place).push(")"));
    }
    let rows: Vec<Row> = query.load(connection(tx))?;
    Ok(page(rows.into_iter().map(Import::from).collect(), limit, |import: &Import| import.id.to_string()))
}

fn seen(target: ImportTarget, scope: Scope) -> Sql {
    let of_kind = Sql::new().column("imports", "resource").push(" = ").bind(Bind::Text(target.as_ref().to_owned()));
    match scope {
        Scope::All => of_kind,
        Scope::Own { user } | Scope::Team { user, .. } => {
            let own = Sql::new().column("imports", "created_by").push(" = ").bind(Bind::Id(user.into()));
            Sql::joined([of_kind, own], " AND ").scoped()
        }
    }
}

/// Saves how far an import has come over the version `before`, which progress alone need not move on. An import that has
/// moved on is stale: somebody else has ended it.
pub fn save(tx: &mut WriteTx, before: Version, new: &Import) -> Result<(), StoreError> {
    let id = UuidColumn::from(new.id);
    let target = table::table.filter(table::id.eq(id)).filter(table::version.eq(before.number()));
    let rows = diesel::update(target).set(Row::from(new)).execute(connection(tx))?;
    if rows == 1 {
        return Ok(());
    }
    let current = table::table.select(table::version).filter(table::id.eq(id)).first(connection(tx));
    match current.optional()? {
        Some(current) => Err(StoreError::Stale { current: Version::from_stored(current) }),
        None => Err(StoreError::NotFound),
    }
}

/// Keeps the headers of the file, in its order.
pub fn save_headers(tx: &mut WriteTx, id: ImportId, headers: &[String]) -> Result<(), StoreError> {
    let target = table::table.filter(table::id.eq(UuidColumn::from(id)));
    diesel::update(target).set(table::headers.eq(json(&headers))).execute(connection(tx))?;
    Ok(())
}

/// The headers of the file, in its order; none before it has been opened.
pub fn headers(tx: &mut impl Transaction, id: ImportId) -> Result<Vec<String>, StoreError> {
    let query = table::table.select(table::headers).filter(table::id.eq(UuidColumn::from(id)));
    Ok(from_json(query.first(connection(tx))?))
}

/// The states in which somebody is at work on an import, or is to be.
fn at_work() -> [String; 3] {
    [ImportStatus::Queued, ImportStatus::Running, ImportStatus::Reverting].map(|status| status.as_ref().to_owned())
}

/// Shows that somebody is at work on these imports, at the time of the unit of work. It is no new version of them.
pub fn touch(tx: &mut WriteTx, ids: &[ImportId]) -> Result<(), StoreError> {
    let at = TimeColumn::from(tx.at());
    let ids = ids.iter().map(|id| UuidColumn::from(*id));
    let target = table::table.filter(table::id.eq_any(ids)).filter(table::status.eq_any(at_work()));
    diesel::update(target.filter(table::updated_at.lt(at))).set(table::updated_at.eq(at)).execute(connection(tx))?;
    Ok(())
}

/// The imports that somebody should be at work on and of which nothing has been heard since `before`, the oldest first.
pub fn silent(tx: &mut impl Transaction, before: Timestamp) -> Result<Vec<Import>, StoreError> {
    let rows: Vec<Row> = table::table
        .select(Row::as_select())
        .filter(table::status.eq_any(at_work()))
        .filter(table::updated_at.lt(TimeColumn::from(before)))
        .order_by(table::id.asc())
        .load(connection(tx))?;
    Ok(rows.into_iter().map(Import::from).collect())
}
