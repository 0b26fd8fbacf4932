//! Users in the database, and the hashes of their passwords, which no [`User`] carries.

use crm_domain::{
    RoleId, Stamps, User, UserId, Version,
    access::{ActionType, Grant},
    query::Page,
    values::{EmailAddress, Name},
};
use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    connection::Multi,
    error::StoreError,
    page::{bad_cursor, page, read_cursor, to_load},
    schema::{roles, users as table},
    sql::{Bind, Sql},
    stored::choice,
    transaction::{Transaction, WriteTx, connection},
    visible::{Life, visible},
};

const TABLE: &str = "users";

#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = table, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(crate) struct UserRow {
    id: UuidColumn,
    email: String,
    email_key: String,
    name: String,
    role_id: UuidColumn,
    locale: String,
    is_active: bool,
    // Written by `signed_in` alone, which is no new version of the user.
    #[diesel(skip_update)]
    last_login_at: Option<TimeColumn>,
    version: i64,
    owner_id: Option<UuidColumn>,
    team_id: Option<UuidColumn>,
    created_at: TimeColumn,
    created_by: Option<UuidColumn>,
    updated_at: TimeColumn,
    updated_by: Option<UuidColumn>,
    deleted_at: Option<TimeColumn>,
}

impl From<&User> for UserRow {
    fn from(user: &User) -> Self {
        let User { stamps, .. } = user;
        Self {
            id: user.id.into(),
            email: user.email.to_string(),
            email_key: user.email.key(),
            name: user.name.to_string(),
            role_id: user.role_id.into(),
            locale: user.locale.as_ref().to_owned(),
            is_active: user.is_active,
            last_login_at: maybe(user.last_login_at),
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

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id.into(),
            email: EmailAddress::from_stored(row.email),
            name: Name::from_stored(row.name),
            role_id: row.role_id.into(),
            locale: choice(&row.locale),
            is_active: row.is_active,
            last_login_at: maybe(row.last_login_at),
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

/// The live user with this id, in the scope of the grant.
pub fn find<A: ActionType>(tx: &mut impl Transaction, grant: &Grant<A, User>, id: UserId) -> Result<User, StoreError> {
    let query = table::table.select(UserRow::as_select()).filter(visible(grant, TABLE, Life::Live));
    let row: UserRow = query.filter(table::id.eq(UuidColumn::from(id))).first(connection(tx))?;
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

/// One page of the live users in the scope of the grant, by name in the order of code points.
pub fn list<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, User>,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Page<User>, StoreError> {
    let mut query = table::table
        .select(UserRow::as_select())
        .filter(visible(grant, TABLE, Life::Live))
        .order_by((table::name.asc(), table::id.asc()))
        .limit(to_load(limit))
        .into_boxed::<Multi>();
    if let Some(last) = read_cursor::<UserId>(cursor)?.map(UuidColumn::from) {
        let name = table::table.select(table::name).filter(table::id.eq(last)).first(connection(tx)).optional()?;
        let place = [Bind::Text(name.ok_or_else(bad_cursor)?), Bind::Id(last)];
        query = query.filter(Sql::new().push("(users.name, users.id) > (").binds(place).push(")"));
    }
    let rows: Vec<UserRow> = query.load(connection(tx))?;
    Ok(page(rows.into_iter().map(User::from).collect(), limit, |user: &User| user.id.to_string()))
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
    let rows = diesel::update(target.filter(scope.clone())).set(UserRow::from(new)).execute(connection(tx))?;
    if rows == 1 {
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

/// Notes that the user has signed in, at the time of the unit of work. It is no change of the user: the version stays.
pub fn signed_in(tx: &mut WriteTx, id: UserId) -> Result<(), StoreError> {
    let at = TimeColumn::from(tx.at());
    let target = table::table.filter(table::id.eq(UuidColumn::from(id)));
    diesel::update(target).set(table::last_login_at.eq(at)).execute(connection(tx))?;
    Ok(())
}
