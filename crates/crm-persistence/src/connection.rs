//! One connection type for both databases.

use diesel::{MultiConnection, PgConnection, SqliteConnection};

/// A connection to either database. Only `dialect.rs` may look which one it is.
#[derive(MultiConnection)]
pub enum AnyConnection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

pub(crate) type Multi = MultiBackend;
