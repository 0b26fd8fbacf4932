//! Links in the database.
//!
//! A link has no owner. It is there for whoever sees both its ends, live and in scope, and it may be changed by whoever
//! may change its organisation. A deleted end hides its links and keeps them.

mod row;

use crm_domain::{
    Link, LinkId, Organisation, OrganisationId, Person, PersonId, UserId, Version,
    access::{ActionType, Grant, Read, Update},
    query::Page,
    values::{Timestamp, fold},
};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    cursor,
    dialect::{ROWS_OF_A_STATEMENT, insert_all},
    error::StoreError,
    organisations::OrganisationRow,
    people::PersonRow,
    schema::{links as table, organisations, people},
    sql::{Bind, Sql},
    transaction::{Transaction, WriteTx, connection},
    visible::{Life, visible},
};
use row::LinkRow;

const TABLE: &str = "links";

/// The link between an organisation and a person.
pub fn find<A: ActionType>(
    tx: &mut impl Transaction,
    of_organisations: &Grant<A, Organisation>,
    of_people: &Grant<Read, Person>,
    organisation: OrganisationId,
    person: PersonId,
) -> Result<Link, StoreError> {
    let row: LinkRow = table::table
        .inner_join(organisations::table)
        .inner_join(people::table)
        .select(LinkRow::as_select())
        .filter(both_ends(of_organisations, of_people))
        .filter(table::organisation_id.eq(UuidColumn::from(organisation)))
        .filter(table::person_id.eq(UuidColumn::from(person)))
        .first(connection(tx))?;
    Ok(row.into())
}

/// A page of the people of an organisation: the primary one first, the others by full name.
pub fn of_organisation<A: ActionType>(
    tx: &mut impl Transaction,
    of_organisations: &Grant<A, Organisation>,
    of_people: &Grant<Read, Person>,
    organisation: OrganisationId,
    limit: u32,
    after: Option<&str>,
) -> Result<Page<(Link, Person)>, StoreError> {
    let list = format!("organisation {organisation}");
    let place: Option<Place> = cursor::decode(&list, after)?;
    let conditions = [
        both_ends(of_organisations, of_people),
        Sql::new().column(TABLE, "organisation_id").push(" = ").bind(Bind::Id(organisation.into())),
        place.map_or_else(always, |place| place.after("people", "full_name_key")),
    ];
    let found = people_of(tx, Sql::joined(conditions, " AND "), Some(limit))?;
    Ok(page(found, limit, &list, |(link, person)| Place {
        is_primary: link.is_primary,
        name: fold(&person.full_name()),
        id: person.id.uuid(),
    }))
}

/// A page of the organisations of a person: those whose primary person it is first, then by name.
pub fn of_person<A: ActionType>(
    tx: &mut impl Transaction,
    of_organisations: &Grant<A, Organisation>,
    of_people: &Grant<Read, Person>,
    person: PersonId,
    limit: u32,
    after: Option<&str>,
) -> Result<Page<(Link, Organisation)>, StoreError> {
    let list = format!("person {person}");
    let place: Option<Place> = cursor::decode(&list, after)?;
    let conditions = [
        both_ends(of_organisations, of_people),
        Sql::new().column(TABLE, "person_id").push(" = ").bind(Bind::Id(person.into())),
        place.map_or_else(always, |place| place.after("organisations", "name_key")),
    ];
    let found = organisations_of(tx, Sql::joined(conditions, " AND "), Some(limit))?;
    Ok(page(found, limit, &list, |(link, organisation)| Place {
        is_primary: link.is_primary,
        name: fold(organisation.name.as_str()),
        id: organisation.id.uuid(),
    }))
}

/// All people of all these organisations, those of each one in the order of [`of_organisation`].
pub fn of_organisations<A: ActionType>(
    tx: &mut impl Transaction,
    of_organisations: &Grant<A, Organisation>,
    of_people: &Grant<Read, Person>,
    ids: &[OrganisationId],
) -> Result<Vec<(Link, Person)>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let conditions = [both_ends(of_organisations, of_people), one_of("organisation_id", &ids)];
    people_of(tx, Sql::joined(conditions, " AND "), None)
}

/// All organisations of all these people, those of each one in the order of [`of_person`].
pub fn of_people<A: ActionType>(
    tx: &mut impl Transaction,
    of_organisations: &Grant<A, Organisation>,
    of_people: &Grant<Read, Person>,
    ids: &[PersonId],
) -> Result<Vec<(Link, Organisation)>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let conditions = [both_ends(of_organisations, of_people), one_of("person_id", &ids)];
    organisations_of(tx, Sql::joined(conditions, " AND "), None)
}

/// Which of these people are linked with which organisations.
pub fn pairs_of_people<A: ActionType>(
    tx: &mut impl Transaction,
    of_organisations: &Grant<A, Organisation>,
    of_people: &Grant<Read, Person>,
    ids: &[PersonId],
) -> Result<Vec<(OrganisationId, PersonId)>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let pairs: Vec<(UuidColumn, UuidColumn)> = table::table
        .inner_join(organisations::table)
        .inner_join(people::table)
        .select((table::organisation_id, table::person_id))
        .filter(both_ends(of_organisations, of_people))
        .filter(one_of("person_id", &ids))
        .load(connection(tx))?;
    Ok(pairs.into_iter().map(|(organisation, person)| (organisation.into(), person.into())).collect())
}

/// The primary link of an organisation, for handing its place to another one. Also one whose person the caller cannot see,
/// because there can be no second one beside it.
pub fn primary_of<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Organisation>,
    organisation: OrganisationId,
) -> Result<Option<Link>, StoreError> {
    let row: Option<LinkRow> = table::table
        .inner_join(organisations::table)
        .select(LinkRow::as_select())
        .filter(visible(grant, "organisations", Life::Live))
        .filter(table::deleted_at.is_null())
        .filter(table::organisation_id.eq(UuidColumn::from(organisation)))
        .filter(table::is_primary.eq(true))
        .first(connection(tx))
        .optional()?;
    Ok(row.map(Link::from))
}

/// Adds a new link to an organisation in the scope of the grant.
pub fn insert(tx: &mut WriteTx, grant: &Grant<Update, Organisation>, new: &Link) -> Result<(), StoreError> {
    insert_many(tx, grant, std::slice::from_ref(new))
}

/// Adds new links to organisations in the scope of the grant; none when one of these is not there.
pub fn insert_many(tx: &mut WriteTx, grant: &Grant<Update, Organisation>, new: &[Link]) -> Result<(), StoreError> {
    for chunk in new.chunks(ROWS_OF_A_STATEMENT) {
        let mut ids: Vec<UuidColumn> = chunk.iter().map(|link| link.organisation_id.into()).collect();
        ids.sort_unstable_by_key(|id| id.0);
        ids.dedup();
        let seen = organisations::table.filter(visible(grant, "organisations", Life::Live));
        let seen: i64 = seen.filter(organisations::id.eq_any(ids.clone())).count().get_result(connection(tx))?;
        if usize::try_from(seen) != Ok(ids.len()) {
            return Err(StoreError::NotFound);
        }
        let rows: Vec<LinkRow> = chunk.iter().map(LinkRow::from).collect();
        insert_all!(connection(tx), table::table, &rows)?;
    }
    Ok(())
}

/// Saves a new state over the version `before`. A link whose organisation is out of scope is not there; one that has moved
/// on is stale.
pub fn save(
    tx: &mut WriteTx,
    grant: &Grant<Update, Organisation>,
    before: Version,
    new: &Link,
) -> Result<(), StoreError> {
    let target = table::table.filter(at(grant, new.id)).filter(table::version.eq(before.number()));
    let rows = diesel::update(target).set(LinkRow::from(new)).execute(connection(tx))?;
    one_written(tx, grant, new.id, rows)
}

/// Removes the link that stands at the version `before`; the removal is one version later.
pub fn delete(
    tx: &mut WriteTx,
    grant: &Grant<Update, Organisation>,
    id: LinkId,
    before: Version,
    at_time: Timestamp,
    by: Option<UserId>,
) -> Result<(), StoreError> {
    let target = table::table.filter(at(grant, id)).filter(table::version.eq(before.number()));
    let rows = diesel::update(target)
        .set((
            table::version.eq(before.next().number()),
            table::updated_at.eq(TimeColumn::from(at_time)),
            table::updated_by.eq(maybe::<_, UuidColumn>(by)),
            table::deleted_at.eq(Some(TimeColumn::from(at_time))),
        ))
        .execute(connection(tx))?;
    one_written(tx, grant, id, rows)
}

/// Tells the two reasons apart for which a link was not written.
fn one_written(
    tx: &mut WriteTx,
    grant: &Grant<Update, Organisation>,
    id: LinkId,
    rows: usize,
) -> Result<(), StoreError> {
    if rows == 1 {
        return Ok(());
    }
    let current = table::table.select(table::version).filter(at(grant, id)).first(connection(tx));
    match current.optional()? {
        Some(current) => Err(StoreError::Stale { current: Version::from_stored(current) }),
        None => Err(StoreError::NotFound),
    }
}

/// The condition that a row is the live link with this id, of a live organisation in the scope of the grant. The person
/// does not matter: a link that nobody sees can still stand in the way of another primary one.
fn at(grant: &Grant<Update, Organisation>, id: LinkId) -> Sql {
    Sql::new()
        .column(TABLE, "id")
        .push(" = ")
        .bind(Bind::Id(id.into()))
        .push(" AND links.deleted_at IS NULL AND EXISTS (SELECT 1 FROM organisations ")
        .push("WHERE organisations.id = links.organisation_id AND ")
        .append(visible(grant, "organisations", Life::Live))
        .push(")")
}

/// The condition that a link is live and both its ends are live and in scope.
fn both_ends<A: ActionType>(of_organisations: &Grant<A, Organisation>, of_people: &Grant<Read, Person>) -> Sql {
    let ends = [
        Sql::new().column(TABLE, "deleted_at").push(" IS NULL"),
        visible(of_organisations, "organisations", Life::Live),
        visible(of_people, "people", Life::Live),
    ];
    Sql::joined(ends, " AND ")
}

fn one_of(column: &'static str, ids: &[Uuid]) -> Sql {
    if ids.is_empty() {
        return Sql::new().push("1 = 0");
    }
    let ids = ids.iter().map(|id| Bind::Id(UuidColumn(*id)));
    Sql::new().column(TABLE, column).push(" IN (").binds(ids).push(")")
}

fn always() -> Sql {
    Sql::new().push("1 = 1")
}

fn people_of(tx: &mut impl Transaction, condition: Sql, limit: Option<u32>) -> Result<Vec<(Link, Person)>, StoreError> {
    let mut query = table::table
        .inner_join(organisations::table)
        .inner_join(people::table)
        .select((LinkRow::as_select(), PersonRow::as_select()))
        .filter(condition)
        .order_by((table::is_primary.desc(), people::full_name_key.asc(), people::id.asc()))
        .into_boxed();
    if let Some(limit) = limit {
        query = query.limit(i64::from(limit) + 1);
    }
    let rows: Vec<(LinkRow, PersonRow)> = query.load(connection(tx))?;
    Ok(rows.into_iter().map(|(link, person)| (link.into(), person.into())).collect())
}

fn organisations_of(
    tx: &mut impl Transaction,
    condition: Sql,
    limit: Option<u32>,
) -> Result<Vec<(Link, Organisation)>, StoreError> {
    let mut query = table::table
        .inner_join(organisations::table)
        .inner_join(people::table)
        .select((LinkRow::as_select(), OrganisationRow::as_select()))
        .filter(condition)
        .order_by((table::is_primary.desc(), organisations::name_key.asc(), organisations::id.asc()))
        .into_boxed();
    if let Some(limit) = limit {
        query = query.limit(i64::from(limit) + 1);
    }
    let rows: Vec<(LinkRow, OrganisationRow)> = query.load(connection(tx))?;
    Ok(rows.into_iter().map(|(link, organisation)| (link.into(), organisation.into())).collect())
}

/// Where a page of links ended: all that its order looks at. The id is that of the other end.
#[derive(Deserialize, Serialize)]
struct Place {
    is_primary: bool,
    name: String,
    id: Uuid,
}

impl Place {
    /// The condition that a link comes later. The other end is in this table and has its name in this column.
    fn after(self, end: &'static str, name: &'static str) -> Sql {
        let later = Sql::new()
            .push("(")
            .column(end, name)
            .push(", ")
            .column(end, "id")
            .push(") > (")
            .bind(Bind::Text(self.name))
            .push(", ")
            .bind(Bind::Id(UuidColumn(self.id)))
            .push(")");
        let primary = || Sql::new().column(TABLE, "is_primary");
        if self.is_primary {
            let within = Sql::joined([primary(), later], " AND ");
            Sql::joined([Sql::new().push("NOT ").append(primary()), within], " OR ")
        } else {
            Sql::joined([Sql::new().push("NOT ").append(primary()), later], " AND ")
        }
    }
}

fn page<T>(mut items: Vec<T>, limit: u32, list: &str, place: impl Fn(&T) -> Place) -> Page<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| more).map(|last| cursor::encode(list, &place(last)));
    Page { items, next_cursor, total: None }
}
