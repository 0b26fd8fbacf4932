//! Whose records are, for whoever must decide about one record for many readers: one query for each kind, not for each reader.

use std::collections::HashMap;

use crm_domain::{
    Change, RecordKind, UserId,
    access::{Grant, Ownership, Read, Scope},
};
use diesel::{
    OptionalExtension, QueryableByName, RunQueryDsl,
    sql_types::{Nullable, Text, Untyped},
};
use uuid::Uuid;

use crate::{
    column::{DbUuid, UuidColumn, maybe},
    error::StoreError,
    sql::{Bind, Sql},
    transaction::{Transaction, connection},
};

/// Whose some records are at this moment, deleted ones included.
#[derive(Clone, Debug, Default)]
pub struct Owners(HashMap<(RecordKind, Uuid), Vec<Ownership>>);

impl Owners {
    /// Whether a record lies within a scope; a link does when both its ends do. It says in the domain's words what the change
    /// log says in SQL: a record that is not there, or nobody's, is seen at reach `all` alone.
    pub fn admits(&self, scope: Scope, kind: RecordKind, id: Uuid) -> bool {
        scope == Scope::All
            || self.0.get(&(kind, id)).is_some_and(|owners| owners.iter().all(|record| scope.admits(record)))
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = DbUuid)]
    id: UuidColumn,
    #[diesel(sql_type = Nullable<DbUuid>)]
    owner_id: Option<UuidColumn>,
    #[diesel(sql_type = Nullable<DbUuid>)]
    team_id: Option<UuidColumn>,
    #[diesel(sql_type = Nullable<DbUuid>)]
    created_by: Option<UuidColumn>,
    #[diesel(sql_type = Nullable<DbUuid>)]
    assignee_id: Option<UuidColumn>,
}

/// Looks up whose these records are. Whoever asks sees the whole change log.
pub fn of(
    tx: &mut impl Transaction,
    _grant: &Grant<Read, Change>,
    records: impl IntoIterator<Item = (RecordKind, Uuid)>,
) -> Result<Owners, StoreError> {
    let mut by_kind: HashMap<RecordKind, Vec<Uuid>> = HashMap::new();
    for (kind, id) in records {
        let ids = by_kind.entry(kind).or_default();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let mut owners = Owners::default();
    for (kind, ids) in by_kind {
        for (chunk, select) in ids.chunks(500).flat_map(|chunk| selects(kind).into_iter().map(move |one| (chunk, one)))
        {
            let ids = chunk.iter().map(|id| Bind::Id(UuidColumn(*id)));
            let query = Sql::new().push(select).push(" IN (").binds(ids).push(")");
            let rows: Vec<Row> = query.typed::<Untyped>().load(connection(tx))?;
            for row in rows {
                let record = Ownership {
                    owner_id: maybe(row.owner_id),
                    team_id: maybe(row.team_id),
                    created_by: maybe(row.created_by),
                    assignee_id: maybe(row.assignee_id),
                };
                owners.0.entry((kind, row.id.0)).or_default().push(record);
            }
        }
    }
    Ok(owners)
}

/// The queries that tell whose records of a kind are, as far as the ids. Who is assigned counts for tasks alone; elsewhere the
/// creator stands in that column, and counts anyway.
fn selects(kind: RecordKind) -> Vec<String> {
    let own = |table: &str, assignee: &str| {
        vec![format!("SELECT id, owner_id, team_id, created_by, {assignee} AS assignee_id FROM {table} WHERE id")]
    };
    let ends = |links: &str, ends: [(&str, &str); 2]| {
        let end = |(end, id): (&str, &str)| {
            format!(
                "SELECT {links}.id AS id, {end}.owner_id AS owner_id, {end}.team_id AS team_id, \
                 {end}.created_by AS created_by, {end}.created_by AS assignee_id FROM {links}, {end} \
                 WHERE {end}.id = {links}.{id} AND {links}.id"
            )
        };
        ends.map(end).to_vec()
    };
    match kind {
        RecordKind::Organisations => own("organisations", "created_by"),
        RecordKind::People => own("people", "created_by"),
        RecordKind::Products => own("products", "created_by"),
        RecordKind::Mandates => own("mandates", "created_by"),
        RecordKind::Interactions => own("interactions", "created_by"),
        RecordKind::Tasks => own("tasks", "assignee_id"),
        RecordKind::Users => own("users", "created_by"),
        RecordKind::Teams => own("teams", "created_by"),
        RecordKind::Roles => own("roles", "created_by"),
        RecordKind::Links => ends("links", [("organisations", "organisation_id"), ("people", "person_id")]),
        RecordKind::MandateProducts => {
            ends("mandate_products", [("mandates", "mandate_id"), ("products", "product_id")])
        }
        RecordKind::Imports => Vec::new(),
    }
}

/// What a message about a record needs to know of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subject {
    /// What it is called.
    pub name: String,
    /// Who answers for it.
    pub owner_id: Option<UserId>,
    /// Who made it.
    pub created_by: Option<UserId>,
}

#[derive(QueryableByName)]
struct SubjectRow {
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<DbUuid>)]
    owner_id: Option<UuidColumn>,
    #[diesel(sql_type = Nullable<DbUuid>)]
    created_by: Option<UuidColumn>,
}

/// What a record is called and whose it is; none where it is not there. Whoever asks sees the whole change log.
pub fn subject(
    tx: &mut impl Transaction,
    _grant: &Grant<Read, Change>,
    kind: RecordKind,
    id: Uuid,
) -> Result<Option<Subject>, StoreError> {
    let (table, name, owner) = match kind {
        RecordKind::Organisations => ("organisations", "name", "owner_id"),
        RecordKind::People => ("people", "COALESCE(first_name || ' ', '') || last_name", "owner_id"),
        RecordKind::Products => ("products", "name", "owner_id"),
        RecordKind::Mandates => (
            "mandates",
            "COALESCE(number, (SELECT name FROM organisations WHERE organisations.id = mandates.organisation_id))",
            "owner_id",
        ),
        RecordKind::Interactions => ("interactions", "subject", "owner_id"),
        RecordKind::Tasks => ("tasks", "title", "owner_id"),
        RecordKind::Users => ("users", "name", "owner_id"),
        RecordKind::Teams => ("teams", "name", "owner_id"),
        RecordKind::Roles => ("roles", "name", "owner_id"),
        RecordKind::Imports => ("imports", "file_name", "created_by"),
        RecordKind::Links | RecordKind::MandateProducts => return Ok(None),
    };
    let query =
        format!("SELECT {name} AS name, {owner} AS owner_id, created_by AS created_by FROM {table} WHERE id = ");
    let query = Sql::new().push(query).bind(Bind::Id(UuidColumn(id)));
    let row = query.typed::<Untyped>().get_result::<SubjectRow>(connection(tx)).optional()?;
    Ok(row.map(|row| Subject {
        name: row.name.unwrap_or_default(),
        owner_id: maybe(row.owner_id),
        created_by: maybe(row.created_by),
    }))
}

#[derive(QueryableByName)]
struct Manager {
    #[diesel(sql_type = Nullable<DbUuid>)]
    manager_id: Option<UuidColumn>,
}

/// Who leads the team of a user. Whoever asks sees the whole change log.
pub fn manager_of(
    tx: &mut impl Transaction,
    _grant: &Grant<Read, Change>,
    user: UserId,
) -> Result<Option<UserId>, StoreError> {
    let query = "SELECT teams.manager_id AS manager_id FROM users, teams \
                 WHERE teams.id = users.team_id AND teams.deleted_at IS NULL AND users.id = ";
    let query = Sql::new().push(query).bind(Bind::Id(user.into()));
    let row = query.typed::<Untyped>().get_result::<Manager>(connection(tx)).optional()?;
    Ok(row.and_then(|row| maybe(row.manager_id)))
}
