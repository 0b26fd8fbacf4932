//! Leases: what only one instance does at a time is done by whoever holds the row.
//!
//! A lease keeps work from being done twice for nothing. It is no lock: what must not be done twice is kept apart by the rows
//! that it changes.

use crm_domain::values::Timestamp;
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};
use uuid::Uuid;

use crate::{
    column::{TimeColumn, UuidColumn},
    dialect,
    error::StoreError,
    schema::leases as table,
    sql::{Bind, Sql},
    transaction::{Transaction, WriteTx, connection},
};

/// Who holds a lease, and until when.
pub fn holder(tx: &mut impl Transaction, name: &str) -> Result<Option<(Uuid, Timestamp)>, StoreError> {
    let row = table::table.find(name).select((table::holder, table::held_until));
    let row = row.first::<(UuidColumn, TimeColumn)>(connection(tx)).optional()?;
    Ok(row.map(|(holder, until)| (holder.0, until.into())))
}

/// Takes a lease that nobody holds at the time of the unit of work, or holds one's own longer; whether it is one's own now.
pub fn hold(tx: &mut WriteTx, name: &str, holder: Uuid, until: Timestamp) -> Result<bool, StoreError> {
    let (at, holder) = (TimeColumn::from(tx.at()), UuidColumn(holder));
    let free = table::holder.eq(holder).or(table::held_until.le(at));
    let free = table::table.filter(table::name.eq(name)).filter(free);
    let set = (table::holder.eq(holder), table::held_until.eq(TimeColumn::from(until)));
    if diesel::update(free).set(set).execute(connection(tx))? == 1 {
        return Ok(true);
    }
    let values = [Bind::Text(name.to_owned()), Bind::Id(holder), Bind::Time(until.into())];
    let insert = Sql::new().push("INSERT INTO leases (name, holder, held_until) VALUES (").binds(values).push(")");
    Ok(dialect::insert_or_ignore(connection(tx), insert)?)
}

/// Gives a lease back, if it is one's own.
pub fn release(tx: &mut WriteTx, name: &str, holder: Uuid) -> Result<(), StoreError> {
    let own = table::table.filter(table::name.eq(name)).filter(table::holder.eq(UuidColumn(holder)));
    diesel::delete(own).execute(connection(tx))?;
    Ok(())
}
