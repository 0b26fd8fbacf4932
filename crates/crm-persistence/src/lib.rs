//! Records on `SQLite` and PostgreSQL: one set of queries, transactions, the change log, search.
//!
//! Every public store function takes a transaction and the grant of the right action and resource, and every query of a
//! guarded record begins with the scope of its grant. The schema and the connections are private to this crate. What is
//! absent on purpose: HTTP, caches, async, and any way to write without a row in the change log.

mod column;
mod connection;
mod counts;
mod cursor;
mod database;
mod dialect;
mod error;
mod filter;
mod keyset;
mod list;
mod observed;
mod page;
mod schema;
mod sql;
mod stored;
mod transaction;
mod visible;

pub mod access;
pub mod access_changes;
pub mod api_keys;
pub mod attempts;
pub mod backup;
pub mod bulk;
pub mod changes;
pub mod figures;
pub mod idempotency;
pub mod imports;
pub mod interactions;
pub mod leases;
pub mod links;
pub mod mandate_products;
pub mod mandates;
pub mod measure;
pub mod mentions;
pub mod migrations;
pub mod notifications;
pub mod organisations;
pub mod owners;
pub mod password_resets;
pub mod people;
pub mod products;
pub mod realtime_tickets;
pub mod reminders;
pub mod roles;
pub mod search;
pub mod second_factors;
pub mod sessions;
pub mod tasks;
pub mod teams;
pub mod timeline;
pub mod users;
pub mod webhooks;

pub use database::{Database, DatabaseSettings, PoolState};
pub use dialect::Backend;
pub use error::{Source, StoreError};
pub use observed::{Seen, Touch};
pub use transaction::{ReadTx, Recorded, Stamp, Transaction, WriteTx};
