//! What a backup says of itself.

use crm_domain::values::Timestamp;
use serde::{Deserialize, Serialize};

/// The format that this program writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;

/// What a backup says of itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the file's format.
    pub format: u32,
    /// The version of the program that made it.
    pub program: String,
    /// The database that it was made from: `sqlite` or `postgres`.
    pub database: String,
    /// When it was asked for.
    pub taken_at: Timestamp,
    /// The steps of the schema, oldest first.
    pub schema: Vec<String>,
    /// The tables, in the order of the file.
    pub tables: Vec<TableManifest>,
}

impl Manifest {
    /// How many rows it has in all.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// What a backup says of one table.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableManifest {
    /// Its name.
    pub name: String,
    /// Its columns, in the order of each row.
    pub columns: Vec<ColumnManifest>,
    /// How many rows it has.
    pub rows: u64,
    /// How many bytes their text has.
    pub bytes: u64,
    /// The SHA-256 of that text, in hexadecimal.
    pub sha256: String,
}

/// One column.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnManifest {
    /// Its name.
    pub name: String,
    /// How its values are written.
    pub kind: Kind,
}

/// How a value is written in a row; NULL is `null` for each.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 32 hexadecimal digits.
    Uuid,
    /// Microseconds since 1970.
    Time,
    /// `YYYY-MM-DD`.
    Date,
    /// The document itself, its keys in order.
    Json,
    /// A number.
    Integer,
    /// 0 or 1.
    Boolean,
    /// Text.
    Text,
    /// Hexadecimal digits.
    Bytes,
}
