//! Roles in the database. The rules of the built-in ones stand in the domain and not in their rows, so that a new version
//! of the program brings its own.
//!
//! A role is looked up for its user, who may always know it: [`find`] and [`find_by_name`] take no grant. As records roles are
//! guarded like everything else.

mod place;

use crm_domain::{
    RoleField, RoleId, RoleRecord, Stamps, Version,
    access::{ActionType, BuiltInRole, Create, Grant, Role, Rule},
    query::{ListQuery, Page},
    values::{Name, fold},
};
use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use crate::{
    access_changes::Affected,
    column::{JsonColumn, TimeColumn, UuidColumn, maybe},
    connection::Multi,
    error::StoreError,
    list::{self, Source},
    observed,
    schema::roles as table,
    sql::Sql,
    transaction::{Transaction, WriteTx, backend, connection},
    visible::{Life, visible},
};

const TABLE: &str = "roles";

/// A role as its users need it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
pub(crate) struct RoleRow {
    id: UuidColumn,
    name: String,
    rules: JsonColumn,
}

impl From<RoleRow> for Role {
    fn from(row: RoleRow) -> Self {
        let id = RoleId::from(row.id);
        if let Some(built_in) = BuiltInRole::with_id(id) {
            return built_in.role();
        }
        Self { id, name: Name::from_stored(row.name), rules: rules(row.rules) }
    }
}

/// A role as a record.
#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = table, treat_none_as_default_value = false, treat_none_as_null = true)]
struct RecordRow {
    id: UuidColumn,
    name: String,
    name_key: String,
    rules: JsonColumn,
    requires_second_factor: bool,
    search_text: String,
    version: i64,
    owner_id: Option<UuidColumn>,
    team_id: Option<UuidColumn>,
    created_at: TimeColumn,
    created_by: Option<UuidColumn>,
    updated_at: TimeColumn,
    updated_by: Option<UuidColumn>,
    deleted_at: Option<TimeColumn>,
}

impl From<&RoleRecord> for RecordRow {
    fn from(role: &RoleRecord) -> Self {
        let RoleRecord { stamps, .. } = role;
        Self {
            id: role.id.into(),
            name: role.name.to_string(),
            name_key: fold(role.name.as_str()),
            rules: rules_json(&role.rules),
            requires_second_factor: role.requires_second_factor,
            search_text: role.search_text(),
            version: stamps.version.number(),
            owner_id: maybe(stamps.owner_id),
            team_id: maybe(stamps.team_id),
            created_at: stamps.created_at.into(),
            created_by: maybe(stamps.created_by),
            updated_at: stamps.updated_at.into(),
            updated_by: maybe(stamps.updated_by),
            deleted_at: maybe(stamps.deleted_at),
        }
    }
}

impl From<RecordRow> for RoleRecord {
    fn from(row: RecordRow) -> Self {
        let id = RoleId::from(row.id);
        let built_in = BuiltInRole::with_id(id);
        Self {
            id,
            name: Name::from_stored(row.name),
            is_built_in: built_in.is_some(),
            rules: built_in.map_or_else(|| rules(row.rules), |built_in| built_in.role().rules),
            requires_second_factor: row.requires_second_factor,
            stamps: Stamps {
                version: Version::from_stored(row.version),
                owner_id: maybe(row.owner_id),
                team_id: maybe(row.team_id),
                created_at: row.created_at.into(),
                created_by: maybe(row.created_by),
                updated_at: row.updated_at.into(),
                updated_by: maybe(row.updated_by),
                deleted_at: maybe(row.deleted_at),
            },
        }
    }
}

pub(crate) fn rules(column: JsonColumn) -> Vec<Rule> {
    serde_json::from_value(column.0).expect("a stored set of rules was one before it was stored")
}

pub(crate) fn rules_json(rules: &[Rule]) -> JsonColumn {
    JsonColumn(serde_json::to_value(rules).expect("rules serialise to JSON"))
}

/// The live role with this id.
pub fn find(tx: &mut impl Transaction, id: RoleId) -> Result<Role, StoreError> {
    if let Some(built_in) = BuiltInRole::with_id(id) {
        return Ok(built_in.role());
    }
    let query = table::table.select(RoleRow::as_select()).filter(table::id.eq(UuidColumn::from(id)));
    let query = query.filter(table::deleted_at.is_null());
    Ok(query.first::<RoleRow>(connection(tx))?.into())
}

/// The live role with this name, whatever its case.
pub fn find_by_name(tx: &mut impl Transaction, name: &str) -> Result<Role, StoreError> {
    let query = table::table.select(RoleRow::as_select()).filter(table::name_key.eq(fold(name)));
    let query = query.filter(table::deleted_at.is_null());
    Ok(query.first::<RoleRow>(connection(tx))?.into())
}

/// Adds a new role.
pub fn insert(tx: &mut WriteTx, _grant: &Grant<Create, Role>, new: &RoleRecord) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(RecordRow::from(new)).execute(connection(tx))?;
    Ok(())
}

/// The live role with this id, in the scope of the grant.
pub fn find_record<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Role>,
    id: RoleId,
) -> Result<RoleRecord, StoreError> {
    one(tx, visible(grant, TABLE, Life::Live), id)
}

/// The deleted role with this id, in the scope of the grant.
pub fn find_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Role>,
    id: RoleId,
) -> Result<RoleRecord, StoreError> {
    one(tx, visible(grant, TABLE, Life::Deleted), id)
}

fn one(tx: &mut impl Transaction, base: Sql, id: RoleId) -> Result<RoleRecord, StoreError> {
    let query = table::table.select(RecordRow::as_select()).filter(base);
    let query = query.filter(table::id.eq(UuidColumn::from(id)));
    let row: RecordRow = observed::reading_row(TABLE, id.uuid(), || query.first(connection(tx)))?;
    Ok(row.into())
}

/// One page of the live roles in the scope of the grant.
pub fn list<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Role>,
    query: &ListQuery<RoleField>,
) -> Result<Page<RoleRecord>, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place::place, visible(grant, TABLE, Life::Live), query);
    list::page(tx, &SOURCE, query, &conditions)
}

const SOURCE: Source<RoleField, RoleRecord> =
    Source { table: TABLE, place: place::place, load, key: place::key, id: |role| role.id.uuid() };

fn load(tx: &mut dyn list::Connected, condition: Sql, order: Sql, limit: i64) -> Result<Vec<RoleRecord>, StoreError> {
    let query = table::table.select(RecordRow::as_select()).filter(condition).order_by(order).limit(limit);
    let rows: Vec<RecordRow> = query.into_boxed::<Multi>().load(tx.connection())?;
    Ok(rows.into_iter().map(RoleRecord::from).collect())
}

/// Saves a new state over the version `before`. A role that is out of scope is not there; one that has moved on is stale.
pub fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, Role>,
    before: Version,
    new: &RoleRecord,
) -> Result<(), StoreError> {
    let id = UuidColumn::from(new.id);
    let scope = visible(grant, TABLE, Life::Any);
    let target = table::table.filter(table::id.eq(id)).filter(table::version.eq(before.number()));
    observed::writing_rows(TABLE, [new.id.uuid()]);
    let rows = diesel::update(target.filter(scope.clone())).set(RecordRow::from(new)).execute(connection(tx))?;
    if rows == 1 {
        tx.affects(Affected::Role(new.id));
        return Ok(());
    }
    let current = table::table.select(table::version).filter(table::id.eq(id)).filter(scope).first(connection(tx));
    match current.optional()? {
        Some(current) => Err(StoreError::Stale { current: Version::from_stored(current) }),
        None => Err(StoreError::NotFound),
    }
}

/// Keeps others from deleting the role, or from relying on it while it is being deleted, until the unit of work ends.
/// Whether it is live then. It needs no grant: it tells no more than an input that names the role would.
pub fn hold(tx: &mut WriteTx, id: RoleId) -> Result<bool, StoreError> {
    let live = table::table.filter(table::id.eq(UuidColumn::from(id))).filter(table::deleted_at.is_null());
    Ok(diesel::update(live).set(table::version.eq(table::version)).execute(connection(tx))? == 1)
}
