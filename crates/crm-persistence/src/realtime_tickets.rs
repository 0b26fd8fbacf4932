//! Tickets for sockets, of which only the hashes are here: each lets its holder in once, as whoever asked for it.
//!
//! A ticket is the proof itself: nothing in this room takes a grant.

use crm_domain::{ApiKeyId, SessionId, values::Timestamp};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    error::StoreError,
    schema::realtime_tickets as table,
    transaction::{WriteTx, connection},
};

/// What a ticket was given for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TicketFor {
    /// A session.
    Session(SessionId),
    /// An API key.
    ApiKey(ApiKeyId),
}

/// Adds a ticket.
pub fn insert(tx: &mut WriteTx, hash: &[u8; 32], of: TicketFor, expires_at: Timestamp) -> Result<(), StoreError> {
    let (session, key) = match of {
        TicketFor::Session(session) => (Some(UuidColumn::from(session)), None),
        TicketFor::ApiKey(key) => (None, Some(UuidColumn::from(key))),
    };
    let values = (
        table::hash.eq(hash.as_slice()),
        table::session_id.eq(session),
        table::api_key_id.eq(key),
        table::expires_at.eq(TimeColumn::from(expires_at)),
    );
    diesel::insert_into(table::table).values(values).execute(connection(tx))?;
    Ok(())
}

/// Uses a ticket up; what it was given for, unless it is unknown, used or expired. Of two who use one at the same time one
/// succeeds.
pub fn redeem(tx: &mut WriteTx, hash: &[u8; 32]) -> Result<Option<TicketFor>, StoreError> {
    let this = table::table.find(hash.as_slice());
    let at = TimeColumn::from(tx.at());
    let good = this.filter(table::expires_at.gt(at)).select((table::session_id, table::api_key_id));
    let found = good.first::<(Option<UuidColumn>, Option<UuidColumn>)>(connection(tx)).optional()?;
    // A second user waits here for the first one, and then finds nothing to remove.
    let is_first = diesel::delete(this).execute(connection(tx))? == 1;
    let of = found.and_then(|(session, key)| {
        let session = maybe(session).map(TicketFor::Session);
        session.or_else(|| maybe(key).map(TicketFor::ApiKey))
    });
    Ok(of.filter(|_| is_first))
}

/// Removes the tickets that expired before a time; how many there were.
pub fn remove_expired(tx: &mut WriteTx, before: Timestamp) -> Result<usize, StoreError> {
    let over = table::table.filter(table::expires_at.lt(TimeColumn::from(before)));
    Ok(diesel::delete(over).execute(connection(tx))?)
}
