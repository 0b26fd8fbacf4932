//! The first answers of requests that carry an idempotency key, stored in the transaction of their effect.
//!
//! A key belongs to its user, who is proof enough: nothing in this room takes a grant.

use chrono::TimeDelta;
use crm_domain::{UserId, values::Timestamp};
use diesel::{ExpressionMethods, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper};

use crate::{
    column::{TimeColumn, UuidColumn},
    dialect,
    error::StoreError,
    schema::idempotency_keys as table,
    sql::{Bind, Sql},
    transaction::{WriteTx, connection},
};

/// How long the answer to a key is kept.
pub const KEPT: TimeDelta = TimeDelta::hours(24);

/// The idempotency key of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Key {
    /// Whose request it is.
    pub user: UserId,
    /// The path of the request.
    pub path: String,
    /// What the client chose.
    pub key: String,
    /// SHA-256 of the body.
    pub body_hash: [u8; 32],
}

/// The answer to a request, as far as it is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Location`.
    pub location: Option<String>,
    /// The header `ETag`.
    pub etag: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether it is the answer of an earlier time.
    pub replayed: bool,
}

/// What a key means for its request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Begun {
    /// It is new: do the work, then [`finish`] in the same unit of work.
    First,
    /// The work has been done: this was the answer.
    Replay(StoredAnswer),
    /// It has been used for a request with another body.
    OtherBody,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Row {
    body_hash: Vec<u8>,
    status: Option<i16>,
    location: Option<String>,
    etag: Option<String>,
    body: Option<Vec<u8>>,
}

/// Takes a key, or finds the answer to its first request. An answer that has been kept for [`KEPT`] is forgotten.
///
/// On PostgreSQL a request waits here while another one with the same key is at work, and is told that the database is
/// busy when that takes too long; on `SQLite` there is one writer at a time anyway.
pub fn begin(tx: &mut WriteTx, key: &Key) -> Result<Begun, StoreError> {
    let at = tx.at();
    let this = table::table.find((UuidColumn::from(key.user), &key.path, &key.key));
    let expired = this.filter(table::created_at.lt(TimeColumn::from(at.plus(-KEPT))));
    diesel::delete(expired).execute(connection(tx))?;
    let values = [
        Bind::Id(key.user.into()),
        Bind::Text(key.path.clone()),
        Bind::Text(key.key.clone()),
        Bind::Bytes(key.body_hash.to_vec()),
        Bind::Time(at.into()),
    ];
    let insert = Sql::new().push("INSERT INTO idempotency_keys (user_id, path, key, body_hash, created_at) VALUES (");
    if dialect::insert_or_ignore(connection(tx), insert.binds(values).push(")"))? {
        return Ok(Begun::First);
    }
    let row: Row = this.select(Row::as_select()).first(connection(tx))?;
    if row.body_hash != key.body_hash {
        return Ok(Begun::OtherBody);
    }
    let unfinished = || StoreError::Internal("an idempotency key was begun and never finished".into());
    let status = row.status.and_then(|status| u16::try_from(status).ok()).ok_or_else(unfinished)?;
    let body = row.body.unwrap_or_default();
    Ok(Begun::Replay(StoredAnswer { status, location: row.location, etag: row.etag, body, replayed: true }))
}

/// Stores the answer to a key that was taken in this unit of work.
pub fn finish(tx: &mut WriteTx, key: &Key, answer: &StoredAnswer) -> Result<(), StoreError> {
    let this = table::table.find((UuidColumn::from(key.user), &key.path, &key.key)).filter(table::status.is_null());
    let status = i16::try_from(answer.status).map_err(|error| StoreError::Internal(error.into()))?;
    let rows = diesel::update(this)
        .set((
            table::status.eq(Some(status)),
            table::location.eq(answer.location.as_deref()),
            table::etag.eq(answer.etag.as_deref()),
            table::body.eq(Some(answer.body.as_slice())),
        ))
        .execute(connection(tx))?;
    if rows == 1 { Ok(()) } else { Err(StoreError::Internal("an idempotency key was finished but not begun".into())) }
}

/// Removes up to `limit` answers from before a time, the oldest first; how many there were.
pub fn remove_expired(tx: &mut WriteTx, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
    let rows = Sql::new()
        .push("DELETE FROM idempotency_keys WHERE (user_id, path, key) IN (")
        .push("SELECT user_id, path, key FROM idempotency_keys WHERE created_at < ")
        .bind(Bind::Time(before.into()))
        .push(" ORDER BY created_at LIMIT ")
        .bind(Bind::Integer(limit))
        .push(")");
    Ok(rows.execute(connection(tx))?)
}
