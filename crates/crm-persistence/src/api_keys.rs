//! API keys, of whose secrets only the hashes are here.
//!
//! As with sessions nothing in this room takes a grant: a secret is the proof itself, and the rest is about one's own keys.

use chrono::TimeDelta;
use crm_domain::{
    ApiKey, ApiKeyId, User, UserId,
    access::Role,
    values::{Name, Timestamp},
};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, NullableExpressionMethods, OptionalExtension, QueryDsl,
    Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use crate::{
    access_changes::Affected,
    column::{JsonColumn, TimeColumn, UuidColumn, maybe},
    error::StoreError,
    roles::{self, RoleRow},
    schema::{api_keys as table, roles as role_table, second_factors, users},
    second_factors::Standing,
    transaction::{Transaction, WriteTx, connection},
    users::UserRow,
};

/// How often at most the last use of a key is written down.
pub const USE_NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
struct Row {
    id: UuidColumn,
    user_id: UuidColumn,
    name: String,
    rules: JsonColumn,
    created_at: TimeColumn,
    expires_at: TimeColumn,
    last_used_at: Option<TimeColumn>,
}

impl From<&ApiKey> for Row {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.into(),
            user_id: key.user_id.into(),
            name: key.name.to_string(),
            rules: roles::rules_json(&key.rules),
            created_at: key.created_at.into(),
            expires_at: key.expires_at.into(),
            last_used_at: maybe(key.last_used_at),
        }
    }
}

impl From<Row> for ApiKey {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            user_id: row.user_id.into(),
            name: Name::from_stored(row.name),
            rules: roles::rules(row.rules),
            created_at: row.created_at.into(),
            expires_at: row.expires_at.into(),
            last_used_at: maybe(row.last_used_at),
        }
    }
}

/// Adds a key with the hash of its secret.
pub fn insert(tx: &mut WriteTx, key: &ApiKey, secret_hash: &[u8; 32]) -> Result<(), StoreError> {
    let values = (Row::from(key), table::secret_hash.eq(secret_hash.as_slice()));
    diesel::insert_into(table::table).values(values).execute(connection(tx))?;
    Ok(())
}

/// Whose secret it is that has this hash: the key, its user, and the role that the user has now,
/// and how they stand with the second factor. None when the key has
/// ended or expired, or when the user may not sign in. One query.
pub fn actor_by_secret_hash(
    tx: &mut impl Transaction,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(ApiKey, User, Role, Standing)>, StoreError> {
    let found = table::table
        .inner_join(users::table.inner_join(role_table::table).left_join(second_factors::table))
        .filter(table::secret_hash.eq(hash.as_slice()))
        .filter(table::ended_at.is_null())
        .filter(table::expires_at.gt(TimeColumn::from(now)))
        .filter(users::is_active.eq(true))
        .filter(users::deleted_at.is_null())
        .select((
            Row::as_select(),
            UserRow::as_select(),
            RoleRow::as_select(),
            role_table::requires_second_factor,
            second_factors::confirmed_at.nullable(),
        ))
        .first::<(Row, UserRow, RoleRow, bool, Option<TimeColumn>)>(connection(tx));
    Ok(found.optional()?.map(|(key, user, role, required, confirmed_at)| {
        (key.into(), user.into(), role.into(), Standing::new(required, confirmed_at))
    }))
}

/// Those of these keys that work: their users, the roles that these have now, and how they stand with the second factor. It is
/// told to whoever keeps something open for a key, which was let in by its secret.
pub fn present(
    tx: &mut impl Transaction,
    keys: &[ApiKeyId],
    now: Timestamp,
) -> Result<Vec<(ApiKey, User, Role, Standing)>, StoreError> {
    let mut found = Vec::with_capacity(keys.len());
    for ids in keys.chunks(500) {
        let ids = ids.iter().map(|id| UuidColumn::from(*id));
        let rows = table::table
            .inner_join(users::table.inner_join(role_table::table).left_join(second_factors::table))
            .filter(table::id.eq_any(ids))
            .filter(table::ended_at.is_null())
            .filter(table::expires_at.gt(TimeColumn::from(now)))
            .filter(users::is_active.eq(true))
            .filter(users::deleted_at.is_null())
            .select((
                Row::as_select(),
                UserRow::as_select(),
                RoleRow::as_select(),
                role_table::requires_second_factor,
                second_factors::confirmed_at.nullable(),
            ))
            .load::<(Row, UserRow, RoleRow, bool, Option<TimeColumn>)>(connection(tx))?;
        found.extend(rows.into_iter().map(|(key, user, role, required, confirmed_at)| {
            (key.into(), user.into(), role.into(), Standing::new(required, confirmed_at))
        }));
    }
    Ok(found)
}

/// Notes that a key has been used, unless that was noted less than [`USE_NOTED_EVERY`] ago.
pub fn used(tx: &mut WriteTx, key: ApiKeyId) -> Result<(), StoreError> {
    let at = tx.at();
    let this = table::table.filter(table::id.eq(UuidColumn::from(key)));
    let long_ago = TimeColumn::from(at.plus(-USE_NOTED_EVERY));
    let due = table::last_used_at.is_null().or(table::last_used_at.le(long_ago));
    let noted = Some(TimeColumn::from(at));
    diesel::update(this.filter(due)).set(table::last_used_at.eq(noted)).execute(connection(tx))?;
    Ok(())
}

/// The keys of a user that have not ended, the newest first; those that have expired are among them.
pub fn list_of(tx: &mut impl Transaction, user: UserId) -> Result<Vec<ApiKey>, StoreError> {
    let rows: Vec<Row> = table::table
        .select(Row::as_select())
        .filter(table::user_id.eq(UuidColumn::from(user)))
        .filter(table::ended_at.is_null())
        .order_by(table::id.desc())
        .load(connection(tx))?;
    Ok(rows.into_iter().map(ApiKey::from).collect())
}

/// Ends one of the keys of a user; another user's is not there.
pub fn end_of(tx: &mut WriteTx, user: UserId, key: ApiKeyId) -> Result<(), StoreError> {
    let own = table::table.filter(table::id.eq(UuidColumn::from(key)));
    let own = own.filter(table::user_id.eq(UuidColumn::from(user))).filter(table::ended_at.is_null());
    let at = Some(TimeColumn::from(tx.at()));
    let rows = diesel::update(own).set(table::ended_at.eq(at)).execute(connection(tx))?;
    tx.affects(Affected::User(user));
    if rows == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Ends all keys of a user.
pub fn end_all(tx: &mut WriteTx, user: UserId) -> Result<(), StoreError> {
    let at = Some(TimeColumn::from(tx.at()));
    let live = table::table.filter(table::user_id.eq(UuidColumn::from(user))).filter(table::ended_at.is_null());
    diesel::update(live).set(table::ended_at.eq(at)).execute(connection(tx))?;
    tx.affects(Affected::User(user));
    Ok(())
}

/// Removes the keys that ended or expired before a time; how many there were.
pub fn remove_expired(tx: &mut WriteTx, before: Timestamp) -> Result<usize, StoreError> {
    let before = TimeColumn::from(before);
    let over = table::ended_at.lt(before).or(table::expires_at.nullable().lt(before));
    Ok(diesel::delete(table::table.filter(over)).execute(connection(tx))?)
}
