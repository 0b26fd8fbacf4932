//! Backups: one state of the database in one file, and the way back into either database.
//!
//! The database itself says each row as a JSON array that is the same on both sides, so a file of `SQLite` goes into
//! PostgreSQL and back. Sessions and other things that should not live again are left out (`tables.rs`). Absent on
//! purpose: the clock, the terminal, the file system, and any use case: a backup is an operator's business alone.

mod container;
mod error;
mod load;
mod manifest;
mod row;
mod save;
mod tables;

pub use error::BackupError;
pub use load::{Backup, Existing};
pub use manifest::{ColumnManifest, Kind, Manifest, TableManifest};
pub use save::{Label, save, summary};
pub use tables::{LEFT_OUT, left_out, saved};

use crate::{
    connection::{AnyConnection, Connector},
    database::DatabaseSettings,
    dialect::{self, ReadOnly},
    error::StoreError,
};

/// A connection without the deadlines of requests: a backup takes as long as it takes.
fn connect(settings: &DatabaseSettings, read_only: ReadOnly) -> Result<AnyConnection, StoreError> {
    let connector = Connector::new(settings)?;
    let mut connection = connector.establish().map_err(|error| StoreError::Unavailable(error.into()))?;
    dialect::prepare(&mut connection, read_only, 0)?;
    dialect::bulk::be_patient(&mut connection)?;
    Ok(connection)
}
