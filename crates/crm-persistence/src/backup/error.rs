//! Why a backup was not made, or not taken.

use std::io;

use crate::error::StoreError;

/// Why a backup was not made, or not taken.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file does not begin as a backup does.
    #[error("this is no backup")]
    NotABackup,
    /// A newer program has made the file.
    #[error("the backup has format {0}, which is newer than this program: use the program that made it")]
    NewerFormat(u32),
    /// The file is not what was written.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// The schema of the backup is not the one of the database.
    #[error(
        "the backup was made at schema {backup}, and the database is at {database}: restore it with version {program} of \
         this program into an empty database, and run `crm migrate up` with the new one after that"
    )]
    OtherSchema {
        /// The last step of the backup's schema.
        backup: String,
        /// The last step of the database's.
        database: String,
        /// The program that made the backup.
        program: String,
    },
    /// Restoring would overwrite something.
    #[error("the database is not empty: `{0}` has rows; restore into an empty one, or say that they shall be replaced")]
    NotEmpty(String),
    /// What the file says cannot be stored.
    #[error("the rows of `{table}` cannot be stored: {reason}")]
    Refused {
        /// Whose rows.
        table: String,
        /// What the database says.
        reason: String,
    },
    /// What was restored is not what was saved.
    #[error("`{0}` is not the same after it was restored")]
    Differs(String),
    /// The file cannot be read or written.
    #[error("the file cannot be read or written")]
    File(#[from] io::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackupError {
    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }

    /// A file that ends while something is being read has been cut off.
    pub(super) fn of_reading(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::damaged("it ends too early"),
            _ => Self::File(error),
        }
    }
}

impl From<diesel::result::Error> for BackupError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}
