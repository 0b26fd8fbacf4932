//! What can go wrong with a file as a whole, and with one of its rows.

use std::fmt;
use std::io;

use thiserror::Error;

use super::{COLUMNS, RECORD_BYTES};

/// Why a file cannot be read at all.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The source failed before the header was read.
    #[error("the file could not be read: {0}")]
    Source(#[from] io::Error),
    /// The file has no byte, blank lines only (as far as [`RECORD_BYTES`], where the search for a header ends), or a
    /// header without a letter or digit.
    #[error("the file is empty: it has no header")]
    Empty,
    /// The file is of another kind than delimited text.
    #[error("the file is not delimited text but {0}; export it as CSV")]
    NotText(NotText),
    /// The header itself cannot be read, or has more than [`COLUMNS`] names.
    #[error("line {line}: the header cannot be read: {reason}")]
    Header {
        /// Physical line on which the header starts, from 1.
        line: u64,
        /// What is wrong with it.
        reason: Reason,
    },
    /// The mapping names a header that the file lacks.
    #[error("the mapping names the column `{header}`, which is not in the file; it has: {}", known.join(", "))]
    UnknownHeader {
        /// The header as the mapping has it.
        header: String,
        /// The headers of the file, in order.
        known: Vec<String>,
    },
    /// The mapping names a field that does not exist.
    #[error("the mapping gives the column `{header}` to `{field}`, which is no field; there are: {}", known.join(", "))]
    UnknownField {
        /// The header as the mapping has it.
        header: String,
        /// The field as the mapping has it.
        field: String,
        /// The fields that exist.
        known: Vec<&'static str>,
    },
    /// The mapping gives two columns to one field.
    #[error("the mapping gives both `{first}` and `{second}` to the field `{field}`")]
    FieldTwice {
        /// The field claimed twice.
        field: &'static str,
        /// The column that stands first in the file.
        first: String,
        /// The other column.
        second: String,
    },
    /// The mapping gives one column to two fields, by two spellings of its header.
    #[error("the mapping gives the column `{header}` to both `{first}` and `{second}`")]
    HeaderTwice {
        /// The header as the file has it.
        header: String,
        /// One field.
        first: &'static str,
        /// The other field.
        second: &'static str,
    },
}

/// What a file is that is not delimited text, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotText {
    /// A ZIP archive, which is also what XLSX and ODS files are.
    Archive,
    /// A gzip stream.
    Gzip,
    /// A compound document, as of XLS files.
    CompoundDocument,
    /// A PDF document.
    Pdf,
    /// Something else full of zero bytes.
    Binary,
}

impl fmt::Display for NotText {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Archive => "a ZIP archive or a spreadsheet (XLSX, ODS)",
            Self::Gzip => "compressed by gzip",
            Self::CompoundDocument => "a compound document (XLS)",
            Self::Pdf => "a PDF document",
            Self::Binary => "binary data",
        })
    }
}

/// Why the next row could not be given.
#[derive(Debug, Error)]
pub enum RowError {
    /// This row is broken; the rows after it are read.
    #[error(transparent)]
    Broken(#[from] BrokenRow),
    /// The source failed: nothing more will come.
    #[error("the file could not be read further: {0}")]
    Source(#[from] io::Error),
}

/// A record that cannot be given as cells. Reading goes on behind it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {reason}")]
pub struct BrokenRow {
    /// Physical line on which the record starts, from 1.
    pub line: u64,
    /// The last physical line that is given up with it; mostly the same.
    pub last_line: u64,
    /// Number among the data rows, from 1; broken rows are counted too.
    pub number: u64,
    /// What is wrong.
    pub reason: Reason,
    /// The beginning of its text, for the report.
    pub text: String,
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Reason {
    /// No end within [`RECORD_BYTES`].
    #[error("the record does not end within {RECORD_BYTES} bytes (is a closing quote missing?)")]
    TooLong,
    /// More than [`COLUMNS`] cells.
    #[error("the record has {found} cells, more than {COLUMNS}")]
    TooManyCells {
        /// How many it has.
        found: usize,
    },
    /// The file ends inside quotes.
    #[error("a quote is opened and never closed")]
    UnclosedQuote,
    /// A quoted cell runs over line ends up to a quote that closes nothing: an earlier quote lacks its partner.
    #[error("a quote is opened, and the next one stands on a later line in the middle of a cell")]
    StrayQuote,
    /// The line lies behind an unclosed quote and does not have the cells of a row, so it may be the inside of a cell.
    #[error("the line follows an unclosed quote and has {found} cells instead of {expected}")]
    Fragment {
        /// Cells on the line.
        found: usize,
        /// Columns of the file.
        expected: usize,
    },
}

impl Reason {
    /// The stable code of the reason, for reports that programs read.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "record_too_long",
            Self::TooManyCells { .. } => "too_many_cells",
            Self::UnclosedQuote => "unclosed_quote",
            Self::StrayQuote => "stray_quote",
            Self::Fragment { .. } => "fragment",
        }
    }
}
