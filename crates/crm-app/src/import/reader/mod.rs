//! Reads the tabular text files that people really have: whatever encoding, delimiter, quoting and header names.
//!
//! The room knows bytes, lines and cells. It does not know what a field means, and never sees a database, a service or
//! the clock. A file is read once from front to back, in bounded memory, from a source that cannot seek.
//!
//! The way of one byte: `source` decodes it to UTF-8, `record` finds the cell it stands in, `rows` gives the cells of one
//! record to the caller with their place in the file. `encoding`, `dialect` and `headers` look at the beginning once and
//! decide how the rest is read; everything they decide can be overridden by [`Options`].
//!
//! Nothing is lost in silence: what cannot be a row comes out as a [`BrokenRow`], what was mended is counted in
//! [`Warnings`], and columns that nobody claims stay listed in [`Reader::columns`].

mod dialect;
mod encoding;
mod error;
mod error_file;
mod headers;
mod record;
mod rows;
mod source;
mod synonyms;
#[cfg(test)]
mod tests;

pub use dialect::{Delimiter, DelimiterRefused, Quote};
pub use encoding::Encoding;
pub use error::{BrokenRow, NotText, ReadError, Reason, RowError};
pub use error_file::{ErrorFile, Problem, spreadsheet_plain, spreadsheet_safe};
pub use headers::{Column, Synonyms, Use, recognise};
pub use rows::{Options, Reader, Row, Shape, Warnings};
pub use synonyms::{INTERACTION, MANDATE, ORGANISATION, PERSON, PRODUCT, TASK, truth};

/// The longest record that is read, in bytes of UTF-8 text with its quotes and line end.
pub const RECORD_BYTES: usize = 1024 * 1024;

/// The most cells that a record may have.
pub const COLUMNS: usize = 256;
