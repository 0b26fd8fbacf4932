//! Whose rights are others than before: what tells an open socket to look again who it is there for.
//!
//! The numbers are in the order of commits, without gaps, so that whoever has read up to one misses nothing behind it. It tells
//! where to look and nothing of what is found there, so nothing in this room takes a grant.

use crm_domain::{RoleId, UserId, values::Timestamp};
use diesel::{ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper};

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    dialect::insert_all,
    error::StoreError,
    schema::{access_changes as table, relay},
    transaction::{Transaction, WriteTx, connection},
};

/// Whose rights are others than before.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Affected {
    /// Those of a user: their role, team or state, or one of their sessions or keys has ended.
    User(UserId),
    /// Those of everybody with a role.
    Role(RoleId),
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
struct Row {
    position: i64,
    user_id: Option<UuidColumn>,
    role_id: Option<UuidColumn>,
    at: TimeColumn,
}

/// Writes down what the unit of work has noted; whether there was anything.
pub(crate) fn write(tx: &mut WriteTx) -> Result<bool, StoreError> {
    let affected = tx.take_affected();
    if affected.is_empty() {
        return Ok(false);
    }
    let number = i64::try_from(affected.len()).expect("a unit of work affects no more than it has rows");
    let counter = relay::table.filter(relay::name.eq("access"));
    diesel::update(counter).set(relay::position.eq(relay::position + number)).execute(connection(tx))?;
    let last: i64 = counter.select(relay::position).first(connection(tx))?;
    let at = TimeColumn::from(tx.at());
    let rows: Vec<Row> = (last - number + 1..)
        .zip(affected)
        .map(|(position, affected)| match affected {
            Affected::User(user) => Row { position, user_id: Some(user.into()), role_id: None, at },
            Affected::Role(role) => Row { position, user_id: None, role_id: Some(role.into()), at },
        })
        .collect();
    insert_all!(connection(tx), table::table, &rows)?;
    Ok(true)
}

/// What has happened behind a position, with the last position; none where too long ago to tell.
pub fn after(tx: &mut impl Transaction, position: i64) -> Result<(Option<Vec<Affected>>, i64), StoreError> {
    let counter = relay::table.filter(relay::name.eq("access")).select(relay::position);
    let last: i64 = counter.first(connection(tx))?;
    if last <= position {
        return Ok((Some(Vec::new()), last));
    }
    let rows: Vec<Row> = table::table
        .select(Row::as_select())
        .filter(table::position.gt(position))
        .filter(table::position.le(last))
        .order_by(table::position.asc())
        .load(connection(tx))?;
    let is_whole = i64::try_from(rows.len()).is_ok_and(|rows| rows == last - position);
    let affected = rows.into_iter().filter_map(|row| {
        let user = maybe(row.user_id).map(Affected::User);
        user.or_else(|| maybe(row.role_id).map(Affected::Role))
    });
    Ok((is_whole.then(|| affected.collect()), last))
}

/// Removes what was noted before a time; how much that was.
pub fn remove_old(tx: &mut WriteTx, before: Timestamp) -> Result<usize, StoreError> {
    Ok(diesel::delete(table::table.filter(table::at.lt(TimeColumn::from(before)))).execute(connection(tx))?)
}
