//! Which records a rule reaches, and which records nobody does.

use crm_domain::access::{Explanation, Resource};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Untyped},
};
use uuid::Uuid;

use crate::{
    column::UuidColumn,
    error::StoreError,
    sql::{Bind, Sql},
    transaction::{Transaction, connection},
    visible::{ASSIGNED, Life, within},
};

/// The table of a resource whose records have owners; none where there is no such table.
///
/// The match has no wildcard: whoever gives a resource a table is asked here.
fn table_of(resource: Resource) -> Option<&'static str> {
    match resource {
        Resource::Organisations => Some("organisations"),
        Resource::People => Some("people"),
        Resource::Users => Some("users"),
        Resource::Teams => Some("teams"),
        Resource::Roles => Some("roles"),
        Resource::Mandates => Some("mandates"),
        Resource::Products => Some("products"),
        Resource::Interactions => Some("interactions"),
        Resource::Tasks => Some(ASSIGNED),
        Resource::Notifications | Resource::Changes | Resource::Settings => None,
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Whether the rule reaches this live record. A record that is not there and one out of reach have one answer.
pub fn reaches(tx: &mut impl Transaction, why: &Explanation, id: Uuid) -> Result<bool, StoreError> {
    let Some(table) = table_of(why.rule().resource) else { return Ok(false) };
    let row = Sql::new()
        .push(format!("SELECT COUNT(*) AS number FROM {table} WHERE "))
        .append(within(why.scope(), table, Life::Live))
        .push(" AND ")
        .column(table, "id")
        .push(" = ")
        .bind(Bind::Id(UuidColumn(id)));
    Ok(row.typed::<Untyped>().get_result::<Number>(connection(tx))?.number > 0)
}

/// Records of one resource that no active user can be reached by.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct Orphans {
    /// The resource.
    pub resource: Resource,
    /// How many there are.
    pub number: i64,
    /// The first few of them.
    pub examples: Vec<Uuid>,
}

/// So many of them are named.
const EXAMPLES: i64 = 5;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = crate::column::DbUuid)]
    id: UuidColumn,
}

/// The live records without anybody at work on them: without an owner, or whose owner, creator and assignee may not sign in
/// and whose team has nobody who may. Only those who see everything see them. It tells the operator how many there are, and takes no grant
/// because it tells nothing else of them than their ids.
pub fn orphans(tx: &mut impl Transaction, resource: Resource) -> Result<Option<Orphans>, StoreError> {
    // Users and teams answer for themselves, and roles are nobody's.
    if matches!(resource, Resource::Users | Resource::Teams | Resource::Roles) {
        return Ok(None);
    }
    let Some(table) = table_of(resource) else { return Ok(None) };
    let assigned = if table == ASSIGNED { " OR users.id = tasks.assignee_id" } else { "" };
    let condition = || {
        Sql::new()
            .push(format!(
                " FROM {table} WHERE {table}.deleted_at IS NULL AND ({table}.owner_id IS NULL OR NOT EXISTS ("
            ))
            .push("SELECT 1 FROM users WHERE users.deleted_at IS NULL AND users.is_active = ")
            .bind(Bind::Boolean(true))
            .push(format!(" AND (users.id = {table}.owner_id OR users.id = {table}.created_by{assigned}"))
            .push(format!(" OR users.team_id = {table}.team_id)))"))
    };
    let count = Sql::new().push("SELECT COUNT(*) AS number").append(condition());
    let number = count.typed::<Untyped>().get_result::<Number>(connection(tx))?.number;
    let some = Sql::new().push(format!("SELECT {table}.id AS id")).append(condition());
    let some = some.push(format!(" ORDER BY {table}.id LIMIT {EXAMPLES}"));
    let rows: Vec<Found> = some.typed::<Untyped>().load(connection(tx))?;
    Ok(Some(Orphans { resource, number, examples: rows.into_iter().map(|row| row.id.0).collect() }))
}
