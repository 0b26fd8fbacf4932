//! Single-use tokens that let somebody set a new password, of which only the hashes are here.
//!
//! A token is the proof itself: nothing in this room takes a grant. Whoever makes one has the permission to manage the user.

use crm_domain::{User, UserId, values::Timestamp};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};

use crate::{
    column::{TimeColumn, UuidColumn},
    error::StoreError,
    schema::{password_resets as table, users},
    transaction::{Transaction, WriteTx, connection},
    users::UserRow,
};

/// Begins a reset: the only one of its user, whose earlier ones are void from now on.
pub fn begin(tx: &mut WriteTx, user: UserId, hash: &[u8; 32], expires_at: Timestamp) -> Result<(), StoreError> {
    end_all(tx, user)?;
    let values = (
        table::hash.eq(hash.as_slice()),
        table::user_id.eq(UuidColumn::from(user)),
        table::created_at.eq(TimeColumn::from(tx.at())),
        table::expires_at.eq(TimeColumn::from(expires_at)),
    );
    diesel::insert_into(table::table).values(values).execute(connection(tx))?;
    Ok(())
}

/// Whose password a token resets. None when it is unknown, used or expired, or when the user may not sign in.
pub fn find(tx: &mut impl Transaction, hash: &[u8; 32], now: Timestamp) -> Result<Option<User>, StoreError> {
    let live = table::table.filter(table::hash.eq(hash.as_slice())).filter(table::expires_at.gt(TimeColumn::from(now)));
    let user = live.select(table::user_id).first::<UuidColumn>(connection(tx)).optional()?;
    let Some(user) = user else { return Ok(None) };
    let user = users::table.select(UserRow::as_select()).filter(users::id.eq(user));
    let user = user.filter(users::is_active.eq(true)).filter(users::deleted_at.is_null());
    Ok(user.first::<UserRow>(connection(tx)).optional()?.map(User::from))
}

/// Uses a token up; whether it was there. Of two who use one at the same time one finds it.
pub fn take(tx: &mut WriteTx, hash: &[u8; 32]) -> Result<bool, StoreError> {
    let token = table::table.filter(table::hash.eq(hash.as_slice()));
    Ok(diesel::delete(token).execute(connection(tx))? == 1)
}

/// Voids all tokens of a user.
pub fn end_all(tx: &mut WriteTx, user: UserId) -> Result<(), StoreError> {
    let of_user = table::table.filter(table::user_id.eq(UuidColumn::from(user)));
    diesel::delete(of_user).execute(connection(tx))?;
    Ok(())
}

/// Removes the tokens that expired before a time; how many there were.
pub fn remove_expired(tx: &mut WriteTx, before: Timestamp) -> Result<usize, StoreError> {
    let over = table::table.filter(table::expires_at.lt(TimeColumn::from(before)));
    Ok(diesel::delete(over).execute(connection(tx))?)
}
