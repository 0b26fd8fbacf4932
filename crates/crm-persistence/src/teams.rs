//! Teams in the database.

use crm_domain::{
    Stamps, Team, TeamId, Version,
    access::{ActionType, Create, Grant},
    values::{Name, fold},
};
use diesel::{ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper};

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    error::StoreError,
    schema::teams as table,
    transaction::{Transaction, WriteTx, connection},
    visible::{Life, visible},
};

const TABLE: &str = "teams";

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
struct TeamRow {
    id: UuidColumn,
    name: String,
    name_key: String,
    manager_id: Option<UuidColumn>,
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

/// The live team with this id, in the scope of the grant.
pub fn find<A: ActionType>(tx: &mut impl Transaction, grant: &Grant<A, Team>, id: TeamId) -> Result<Team, StoreError> {
    let query = table::table.select(TeamRow::as_select()).filter(visible(grant, TABLE, Life::Live));
    let row: TeamRow = query.filter(table::id.eq(UuidColumn::from(id))).first(connection(tx))?;
    Ok(row.into())
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
