//! Users in the database, and the hashes of their passwords, which no [`User`] carries.

mod place;
mod row;

use crm_domain::{
    RoleId, TeamId, User, UserField, UserId, Version,
    access::{ActionType, Grant},
    query::{ListQuery, Page},
    values::EmailAddress,
};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};

use crate::{
    access_changes::Affected,
    column::{TimeColumn, UuidColumn},
    connection::Multi,
    error::StoreError,
    list::{self, Source},
    observed,
    schema::{roles, users as table},
    sql::Sql,
    transaction::{Transaction, WriteTx, backend, connection},
    visible::{Life, visible},
};
pub(crate) use row::UserRow;

const TABLE: &str = "users";

/// The live user with this id, in the scope of the grant.
pub fn find<A: ActionType>(tx: &mut impl Transaction, grant: &Grant<A, User>, id: UserId) -> Result<User, StoreError> {
    one(tx, visible(grant, TABLE, Life::Live), id)
}

/// The deleted user with this id, in the scope of the grant.
pub fn find_deleted<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, User>,
    id: UserId,
) -> Result<User, StoreError> {
    one(tx, visible(grant, TABLE, Life::Deleted), id)
}

fn one(tx: &mut impl Transaction, base: Sql, id: UserId) -> Result<User, StoreError> {
    let query = table::table.select(UserRow::as_select()).filter(base);
    let query = query.filter(table::id.eq(UuidColumn::from(id)));
    let row: UserRow = observed::reading_row(TABLE, id.uuid(), || query.first(connection(tx)))?;
    Ok(row.into())
}

/// The live users with these ids, in the scope of the grant, in no particular order.
pub fn find_many<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, User>,
    ids: &[UserId],
) -> Result<Vec<User>, StoreError> {
    let ids = ids.iter().map(|id| UuidColumn::from(*id));
    let query = table::table.select(UserRow::as_select()).filter(visible(grant, TABLE, Life::Live));
    let rows: Vec<UserRow> = query.filter(table::id.eq_any(ids)).load(connection(tx))?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// The live user with this address, whatever its case, in the scope of the grant.
pub fn find_by_email<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, User>,
    email: &EmailAddress,
) -> Result<User, StoreError> {
    let query = table::table.select(UserRow::as_select()).filter(visible(grant, TABLE, Life::Live));
    let row: UserRow = query.filter(table::email_key.eq(email.key())).first(connection(tx))?;
    Ok(row.into())
}

/// One page of the live users in the scope of the grant.
pub fn list<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, User>,
    query: &ListQuery<UserField>,
) -> Result<Page<User>, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place::place, visible(grant, TABLE, Life::Live), query);
    list::page(tx, &SOURCE, query, &conditions)
}

const SOURCE: Source<UserField, User> =
    Source { table: TABLE, place: place::place, load, key: place::key, id: |user| user.id.uuid() };

fn load(tx: &mut dyn list::Connected, condition: Sql, order: Sql, limit: i64) -> Result<Vec<User>, StoreError> {
    let query = table::table.select(UserRow::as_select()).filter(condition).order_by(order).limit(limit);
    let rows: Vec<UserRow> = query.into_boxed::<Multi>().load(tx.connection())?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// How many live users there are. A number tells of nobody, so it needs no grant.
pub fn count(tx: &mut impl Transaction) -> Result<i64, StoreError> {
    Ok(table::table.filter(table::deleted_at.is_null()).count().get_result(connection(tx))?)
}

/// How many live users with this role may sign in. A number tells of nobody, so it needs no grant.
///
/// Two units of work that ask it of one role wait for each other, so that not each of them takes away the user whom the
/// other one counts on.
pub fn count_active_with_role(tx: &mut WriteTx, role: RoleId) -> Result<i64, StoreError> {
    let role = UuidColumn::from(role);
    let turn = diesel::update(roles::table.filter(roles::id.eq(role)));
    turn.set(roles::version.eq(roles::version)).execute(connection(tx))?;
    let live = table::table.filter(table::role_id.eq(role)).filter(table::deleted_at.is_null());
    Ok(live.filter(table::is_active.eq(true)).count().get_result(connection(tx))?)
}

/// Whether some live user has this role. A yes tells of nobody, so it needs no grant.
pub fn any_with_role(tx: &mut impl Transaction, role: RoleId) -> Result<bool, StoreError> {
    let live = table::table.select(table::id).filter(table::deleted_at.is_null());
    let first = live.filter(table::role_id.eq(UuidColumn::from(role))).first::<UuidColumn>(connection(tx));
    Ok(first.optional()?.is_some())
}

/// Whether some live user belongs to this team. A yes tells of nobody, so it needs no grant.
pub fn any_in_team(tx: &mut impl Transaction, team: TeamId) -> Result<bool, StoreError> {
    let live = table::table.select(table::id).filter(table::deleted_at.is_null());
    let first = live.filter(table::team_id.eq(UuidColumn::from(team))).first::<UuidColumn>(connection(tx));
    Ok(first.optional()?.is_some())
}

/// The live user with this address and the hash of their password, if they have one. It takes no grant, because it is
/// where grants begin: whoever signs in is nobody yet. Whether the user is active is for the caller to look at.
pub fn credentials(
    tx: &mut impl Transaction,
    email: &EmailAddress,
) -> Result<Option<(User, Option<String>)>, StoreError> {
    let query = table::table.select((UserRow::as_select(), table::password_hash)).filter(table::deleted_at.is_null());
    let found = query.filter(table::email_key.eq(email.key())).first::<(UserRow, Option<String>)>(connection(tx));
    Ok(found.optional()?.map(|(row, hash)| (row.into(), hash)))
}

/// Adds a new user. The hash of the password is a PHC string; a user without one cannot sign in by password.
pub fn insert<'a, A: ActionType>(
    tx: &mut WriteTx,
    _grant: &Grant<A, User>,
    new: &User,
    password_hash: impl Into<Option<&'a str>>,
) -> Result<(), StoreError> {
    let values = (UserRow::from(new), table::password_hash.eq(password_hash.into()));
    observed::writing_rows(TABLE, [new.id.uuid()]);
    diesel::insert_into(table::table).values(values).execute(connection(tx))?;
    Ok(())
}

/// Saves a new state over the version `before`; the password and the time of the last sign-in stay as they are. A user who
/// is out of scope is not there; one who has moved on is stale.
pub fn save<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, User>,
    before: Version,
    new: &User,
) -> Result<(), StoreError> {
    let id = UuidColumn::from(new.id);
    let scope = visible(grant, TABLE, Life::Any);
    let target = table::table.filter(table::id.eq(id)).filter(table::version.eq(before.number()));
    observed::writing_rows(TABLE, [new.id.uuid()]);
    let rows = diesel::update(target.filter(scope.clone())).set(UserRow::from(new)).execute(connection(tx))?;
    if rows == 1 {
        tx.affects(Affected::User(new.id));
        return Ok(());
    }
    let current = table::table.select(table::version).filter(table::id.eq(id)).filter(scope).first(connection(tx));
    match current.optional()? {
        Some(current) => Err(StoreError::Stale { current: Version::from_stored(current) }),
        None => Err(StoreError::NotFound),
    }
}

/// Gives a live user another password, as a PHC string. The caller saves the version that goes with it.
pub fn set_password<A: ActionType>(
    tx: &mut WriteTx,
    grant: &Grant<A, User>,
    id: UserId,
    hash: &str,
) -> Result<(), StoreError> {
    let target = table::table.filter(table::id.eq(UuidColumn::from(id))).filter(visible(grant, TABLE, Life::Live));
    let rows = diesel::update(target).set(table::password_hash.eq(hash)).execute(connection(tx))?;
    if rows == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Keeps others from changing a user until the unit of work ends. What decides about a sign-in is looked at after this, so
/// that no change of it is overtaken. It tells nothing, so it needs no grant.
pub fn hold(tx: &mut WriteTx, id: UserId) -> Result<(), StoreError> {
    let target = table::table.filter(table::id.eq(UuidColumn::from(id)));
    observed::writing_rows(TABLE, [id.uuid()]);
    diesel::update(target).set(table::version.eq(table::version)).execute(connection(tx))?;
    Ok(())
}

/// Notes that the user has signed in, at the time of the unit of work. It is no change of the user: the version stays.
pub fn signed_in(tx: &mut WriteTx, id: UserId) -> Result<(), StoreError> {
    let at = TimeColumn::from(tx.at());
    let target = table::table.filter(table::id.eq(UuidColumn::from(id)));
    observed::writing_rows(TABLE, [id.uuid()]);
    diesel::update(target).set(table::last_login_at.eq(at)).execute(connection(tx))?;
    Ok(())
}

/// Replaces the hash of a password by another one of the same password. It is no change of the user: nothing that
/// anybody could tell has changed. Nothing happens when the password has been changed meanwhile.
pub fn rehash(tx: &mut WriteTx, id: UserId, before: &str, after: &str) -> Result<(), StoreError> {
    let target = table::table.filter(table::id.eq(UuidColumn::from(id))).filter(table::password_hash.eq(before));
    observed::writing_rows(TABLE, [id.uuid()]);
    diesel::update(target).set(table::password_hash.eq(after)).execute(connection(tx))?;
    Ok(())
}
