//! Teams in the database.

mod place;

use crm_domain::{
    Stamps, Team, TeamField, TeamId, Version,
    access::{ActionType, Create, Grant},
    query::{ListQuery, Page},
    values::{Name, fold},
};
use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    connection::Multi,
    error::StoreError,
    list::{self, Source},
    observed,
    schema::teams as table,
    sql::Sql,
    transaction::{Transaction, WriteTx, backend, connection},
    visible::{Life, visible},
};

const TABLE: &str = "teams";

#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = table, treat_none_as_default_value = false, treat_none_as_null = true)]
struct TeamRow {
    id: UuidColumn,
    name: String,
    name_key: String,
    manager_id: Option<UuidColumn>,
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

impl From<&Team> for TeamRow {
    fn from(team: &Team) -> Self {
        let Team { stamps, .. } = team;
        Self {
            id: team.id.into(),
            name: team.name.to_string(),
            name_key: fold(team.name.as_str()),
            manager_id: maybe(team.manager_id),
            search_text: team.search_text(),
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

impl From<TeamRow> for Team {
    fn from(row: TeamRow) -> Self {
        Self {
            id: row.id.into(),
            name: Name::from_stored(row.name),
            manager_id: maybe(row.manager_id),
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

/// The live teams with these ids, in the scope of the grant, in no particular order.
pub fn find_many<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Team>,
    ids: &[TeamId],
) -> Result<Vec<Team>, StoreError> {
    let ids = ids.iter().map(|id| UuidColumn::from(*id));
    let query = table::table.select(TeamRow::as_select()).filter(visible(grant, TABLE, Life::Live));
    let rows: Vec<TeamRow> = query.filter(table::id.eq_any(ids)).load(connection(tx))?;
    Ok(rows.into_iter().map(Team::from).collect())
}

/// Adds a new team.
pub fn insert(tx: &mut WriteTx, _grant: &Grant<Create, Team>, new: &Team) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(TeamRow::from(new)).execute(connection(tx))?;
    Ok(())
}

/// The live team with this id, in the scope of the grant.
pub fn find<A: ActionType>(tx: &mut impl Transaction, grant: &Grant<A, Team>, id: TeamId) -> Result<Team, StoreError> {
    one(tx, visible(grant, TABLE, Life::Live), id)
}

/// The live team with this name, whatever its case, in the scope of the grant.
pub fn find_by_name<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Team>,
    name: &Name,
) -> Result<Option<Team>, StoreError> {
    let query = table::table.select(TeamRow::as_select()).filter(visible(grant, TABLE, Life::Live));
    let row = query.filter(table::name_key.eq(fold(name.as_str()))).first::<TeamRow>(connection(tx)).optional()?;
    Ok(row.map(Team::from))
}

/// The deleted team with this id, in the scope of the grant.
pub fn find_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Team>,
    id: TeamId,
) -> Result<Team, StoreError> {
    one(tx, visible(grant, TABLE, Life::Deleted), id)
}

fn one(tx: &mut impl Transaction, base: Sql, id: TeamId) -> Result<Team, StoreError> {
    let query = table::table.select(TeamRow::as_select()).filter(base);
    let query = query.filter(table::id.eq(UuidColumn::from(id)));
    let row: TeamRow = observed::reading_row(TABLE, id.uuid(), || query.first(connection(tx)))?;
    Ok(row.into())
}

/// One page of the live teams in the scope of the grant.
pub fn list<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Team>,
    query: &ListQuery<TeamField>,
) -> Result<Page<Team>, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place::place, visible(grant, TABLE, Life::Live), query);
    list::page(tx, &SOURCE, query, &conditions)
}

const SOURCE: Source<TeamField, Team> =
    Source { table: TABLE, place: place::place, load, key: place::key, id: |team| team.id.uuid() };

fn load(tx: &mut dyn list::Connected, condition: Sql, order: Sql, limit: i64) -> Result<Vec<Team>, StoreError> {
    let query = table::table.select(TeamRow::as_select()).filter(condition).order_by(order).limit(limit);
    let rows: Vec<TeamRow> = query.into_boxed::<Multi>().load(tx.connection())?;
    Ok(rows.into_iter().map(Team::from).collect())
}

/// Saves a new state over the version `before`. A team that is out of scope is not there; one that has moved on is stale.
pub fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, Team>,
    before: Version,
    new: &Team,
) -> Result<(), StoreError> {
    let id = UuidColumn::from(new.id);
    let scope = visible(grant, TABLE, Life::Any);
    let target = table::table.filter(table::id.eq(id)).filter(table::version.eq(before.number()));
    observed::writing_rows(TABLE, [new.id.uuid()]);
    let rows = diesel::update(target.filter(scope.clone())).set(TeamRow::from(new)).execute(connection(tx))?;
    if rows == 1 {
        return Ok(());
    }
    let current = table::table.select(table::version).filter(table::id.eq(id)).filter(scope).first(connection(tx));
    match current.optional()? {
        Some(current) => Err(StoreError::Stale { current: Version::from_stored(current) }),
        None => Err(StoreError::NotFound),
    }
}

/// Keeps others from deleting the team, or from relying on it while it is being deleted, until the unit of work ends.
/// Whether it is live then. It needs no grant: it tells no more than an input that names the team would.
pub fn hold(tx: &mut WriteTx, id: TeamId) -> Result<bool, StoreError> {
    let live = table::table.filter(table::id.eq(UuidColumn::from(id))).filter(table::deleted_at.is_null());
    Ok(diesel::update(live).set(table::version.eq(table::version)).execute(connection(tx))? == 1)
}
