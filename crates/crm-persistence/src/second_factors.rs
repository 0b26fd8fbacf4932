//! Second factors: sealed secrets of one-time codes, and the hashes of recovery codes.
//!
//! Nothing in this room takes a grant: it is about one's own, as sessions are, and whoever removes another's has the
//! permission to manage that user. No secret and no code stands in the change log.

use crm_domain::{User, UserId};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper};

use serde::{Deserialize, Serialize};

use crate::{
    column::{TimeColumn, UuidColumn},
    dialect,
    error::StoreError,
    schema::{recovery_codes, roles, second_factors as table, users},
    sql::{Bind, Sql},
    transaction::{Transaction, WriteTx, connection},
};

/// A second factor as it is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredFactor {
    /// The sealed secret.
    pub secret: Vec<u8>,
    /// Whether its user has shown a code of it.
    pub is_confirmed: bool,
}

/// How somebody stands with the second factor.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Standing {
    /// Whether the role asks for one.
    pub is_required: bool,
    /// Whether there is one.
    pub is_enrolled: bool,
}

impl Standing {
    pub(crate) fn new(is_required: bool, confirmed_at: Option<TimeColumn>) -> Self {
        Self { is_required, is_enrolled: confirmed_at.is_some() }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Row {
    secret: Vec<u8>,
    confirmed_at: Option<TimeColumn>,
}

/// The factor of a user, confirmed or not.
pub fn find(tx: &mut impl Transaction, user: UserId) -> Result<Option<StoredFactor>, StoreError> {
    let row = table::table.find(UuidColumn::from(user)).select(Row::as_select());
    let row = row.first::<Row>(connection(tx)).optional()?;
    Ok(row.map(|row| StoredFactor { secret: row.secret, is_confirmed: row.confirmed_at.is_some() }))
}

/// How a user stands with the second factor.
pub fn standing(tx: &mut impl Transaction, user: &User) -> Result<Standing, StoreError> {
    let id = UuidColumn::from(user.id);
    let required = users::table.inner_join(roles::table).filter(users::id.eq(id)).select(roles::requires_second_factor);
    let is_required: bool = required.first(connection(tx))?;
    let is_enrolled = find(tx, user.id)?.is_some_and(|factor| factor.is_confirmed);
    Ok(Standing { is_required, is_enrolled })
}

/// Begins a factor with this sealed secret; one that was begun and never confirmed is void. False when the user has a
/// confirmed one.
pub fn begin(tx: &mut WriteTx, user: UserId, secret: &[u8]) -> Result<bool, StoreError> {
    let id = UuidColumn::from(user);
    let begun = table::table.filter(table::user_id.eq(id)).filter(table::confirmed_at.is_null());
    diesel::delete(begun).execute(connection(tx))?;
    let at = tx.at().into();
    let values = [Bind::Id(id), Bind::Bytes(secret.to_vec()), Bind::Time(at), Bind::Integer(0)];
    let insert = Sql::new().push("INSERT INTO second_factors (user_id, secret, created_at, last_step) VALUES (");
    Ok(dialect::insert_or_ignore(connection(tx), insert.binds(values).push(")"))?)
}

/// Confirms the factor that was begun with this sealed secret by the code of a step, with the hashes of its recovery
/// codes. False when there is no such factor to confirm.
pub fn confirm(
    tx: &mut WriteTx,
    user: UserId,
    secret: &[u8],
    step: i64,
    codes: &[[u8; 32]],
) -> Result<bool, StoreError> {
    let id = UuidColumn::from(user);
    let begun = table::table.filter(table::user_id.eq(id)).filter(table::confirmed_at.is_null());
    let begun = begun.filter(table::secret.eq(secret));
    let values = (table::confirmed_at.eq(Some(TimeColumn::from(tx.at()))), table::last_step.eq(step));
    if diesel::update(begun).set(values).execute(connection(tx))? == 0 {
        return Ok(false);
    }
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(id))).execute(connection(tx))?;
    for code in codes {
        let values = (recovery_codes::user_id.eq(id), recovery_codes::hash.eq(code.as_slice()));
        diesel::insert_into(recovery_codes::table).values(values).execute(connection(tx))?;
    }
    Ok(true)
}

/// Uses up the code of a step, and those of all steps before it; whether it was still there to use. Of two who show one
/// code at the same time one succeeds.
pub fn use_step(tx: &mut WriteTx, user: UserId, step: i64) -> Result<bool, StoreError> {
    let factor = table::table.filter(table::user_id.eq(UuidColumn::from(user)));
    let earlier = factor.filter(table::confirmed_at.is_not_null()).filter(table::last_step.lt(step));
    Ok(diesel::update(earlier).set(table::last_step.eq(step)).execute(connection(tx))? == 1)
}

/// Uses up a recovery code; whether it was there to use.
pub fn use_recovery_code(tx: &mut WriteTx, user: UserId, hash: &[u8; 32]) -> Result<bool, StoreError> {
    let code = recovery_codes::table.find((UuidColumn::from(user), hash.as_slice()));
    let unused = code.filter(recovery_codes::used_at.is_null());
    let at = Some(TimeColumn::from(tx.at()));
    Ok(diesel::update(unused).set(recovery_codes::used_at.eq(at)).execute(connection(tx))? == 1)
}

/// How many recovery codes a user has left.
pub fn codes_left(tx: &mut impl Transaction, user: UserId) -> Result<i64, StoreError> {
    let of_user = recovery_codes::table.filter(recovery_codes::user_id.eq(UuidColumn::from(user)));
    Ok(of_user.filter(recovery_codes::used_at.is_null()).count().get_result(connection(tx))?)
}

/// Removes the factor of a user with its recovery codes; whether there was a confirmed one.
pub fn remove(tx: &mut WriteTx, user: UserId) -> Result<bool, StoreError> {
    let id = UuidColumn::from(user);
    let was_confirmed = find(tx, user)?.is_some_and(|factor| factor.is_confirmed);
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(id))).execute(connection(tx))?;
    diesel::delete(table::table.find(id)).execute(connection(tx))?;
    Ok(was_confirmed)
}
