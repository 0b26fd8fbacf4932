//! Finds the cells of one record: the grammar of RFC 4180, and what people make of it.
//!
//! [`scan`] is a pure function of the bytes it is given. Where they end before the record does, it is called again with
//! more of them, so that no state is kept between chunks.

use super::COLUMNS;
use super::dialect::Dialect;

/// The cells of one record, in buffers that are used again for the next.
#[derive(Default)]
pub(super) struct Record {
    text: Vec<u8>,
    ends: Vec<usize>,
    found: usize,
}

impl Record {
    /// How many cells the record has; more than are kept where it has more than [`COLUMNS`].
    pub(super) fn found(&self) -> usize {
        self.found
    }

    /// The cells that are kept, in order.
    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        let text = std::str::from_utf8(&self.text).expect("the source gives UTF-8, and cells are cut at ASCII bytes");
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(move |(start, end)| &text[start..*end])
    }

    /// Whether there is nothing in any cell but white space, or the zeros that a disk had where a file was never written.
    pub(super) fn is_blank(&self) -> bool {
        let is_nothing = |character: char| character.is_whitespace() || character == '\0';
        self.found <= COLUMNS && self.cells().all(|cell| cell.chars().all(is_nothing))
    }

    /// How many cells there are without the blank ones at the end.
    pub(super) fn filled(&self) -> usize {
        self.cells().enumerate().filter(|(_, cell)| !cell.trim().is_empty()).last().map_or(0, |(last, _)| last + 1)
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.found = 0;
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.found < COLUMNS {
            self.text.extend_from_slice(bytes);
        }
    }

    fn end_cell(&mut self) {
        if self.found < COLUMNS {
            self.ends.push(self.text.len());
        }
        self.found += 1;
    }
}

/// Whether the bytes given reach the end of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Part,
    Whole,
}

/// What a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// One record, this many bytes long with its line end.
    Record { length: usize },
    /// The bytes end before the record does.
    Unfinished,
    /// The file ends inside quotes.
    Unclosed,
    /// A quoted cell runs over line ends up to this position, where a quote stands in the middle of a cell.
    Stray { at: usize },
}

/// Reads the record at the beginning of `bytes` into `record`. Line ends are LF, CR LF or CR.
///
/// A quote opens only at the beginning of a cell, spaces aside; elsewhere it is a character. Text behind a closing quote
/// belongs to the cell, as spreadsheets have it, unless the quotes held a line end: then the opening quote is the fault.
pub(super) fn scan(bytes: &[u8], reach: Reach, dialect: Dialect, record: &mut Record) -> Scan {
    record.clear();
    let mut at = 0;
    loop {
        if let Some(inside) = opening_quote(&bytes[at..], dialect) {
            match quoted(bytes, at + inside, reach, dialect, record) {
                Ok(behind) => at = behind,
                Err(scan) => return scan,
            }
        }
        let end = bytes[at..].iter().position(|byte| dialect.ends_cell(*byte)).map_or(bytes.len(), |run| at + run);
        record.push(&bytes[at..end]);
        let length = match (bytes.get(end), bytes.get(end + 1)) {
            (None, _) | (Some(b'\r'), None) if reach == Reach::Part => return Scan::Unfinished,
            (None, _) => end,
            (Some(b'\r'), Some(b'\n')) => end + 2,
            (Some(b'\r' | b'\n'), _) => end + 1,
            (Some(_), _) => {
                record.end_cell();
                at = end + 1;
                continue;
            }
        };
        record.end_cell();
        return Scan::Record { length };
    }
}

/// The position behind the quote that opens this cell, if one does.
fn opening_quote(cell: &[u8], dialect: Dialect) -> Option<usize> {
    let quote = dialect.quote.byte()?;
    let first = cell.iter().position(|byte| *byte != b' ')?;
    (cell[first] == quote).then_some(first + 1)
}

/// Reads from behind an opening quote; yields the position behind the closing one.
fn quoted(bytes: &[u8], start: usize, reach: Reach, dialect: Dialect, record: &mut Record) -> Result<usize, Scan> {
    let quote = dialect.quote.byte();
    let mut at = start;
    loop {
        let Some(run) = bytes[at..].iter().position(|byte| Some(*byte) == quote) else {
            return Err(if reach == Reach::Whole { Scan::Unclosed } else { Scan::Unfinished });
        };
        let close = at + run;
        record.push(&bytes[at..close]);
        match bytes.get(close + 1).copied() {
            None if reach == Reach::Part => return Err(Scan::Unfinished),
            next if next.is_some() && next == quote => {
                record.push(&bytes[close..=close]);
                at = close + 2;
            }
            Some(next) if next != b' ' && !dialect.ends_cell(next) && line_ends(&bytes[start..close]) > 0 => {
                return Err(Scan::Stray { at: close });
            }
            _ => return Ok(close + 1),
        }
    }
}

/// How many lines end in `bytes`.
pub(super) fn line_ends(bytes: &[u8]) -> u64 {
    let mut ends = 0;
    let mut after_return = false;
    for byte in bytes {
        ends += u64::from(*byte == b'\r' || (*byte == b'\n' && !after_return));
        after_return = *byte == b'\r';
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::super::dialect::{Delimiter, Quote};
    use super::*;

    fn dialect(quote: Quote) -> Dialect {
        Dialect::new(Delimiter::COMMA, quote)
    }

    fn check(text: &str, cells: &[&str], length: usize) {
        let mut record = Record::default();
        let scanned = scan(text.as_bytes(), Reach::Whole, dialect(Quote::Double), &mut record);
        assert_eq!(scanned, Scan::Record { length }, "{text:?}");
        assert_eq!(record.cells().collect::<Vec<_>>(), cells, "{text:?}");
        assert_eq!(record.found(), cells.len(), "{text:?}");
    }

    fn check_failure(text: &str, reach: Reach, expected: Scan) {
        let scanned = scan(text.as_bytes(), reach, dialect(Quote::Double), &mut Record::default());
        assert_eq!(scanned, expected, "{text:?}");
    }

    #[test]
    fn plain_cells_end_at_any_kind_of_line_end() {
        check("a,b\nc", &["a", "b"], 4);
        check("a,b\r\nc", &["a", "b"], 5);
        check("a,b\rc", &["a", "b"], 4);
        check("a,b", &["a", "b"], 3);
        check("a,", &["a", ""], 2);
        check(",\n", &["", ""], 2);
        check("\n", &[""], 1);
        check("é,ü\n", &["é", "ü"], 6);
    }

    #[test]
    fn quotes_hold_delimiters_line_ends_and_doubled_quotes() {
        check("\"a,b\",c\n", &["a,b", "c"], 8);
        check("\"a\r\nb\",c\n", &["a\r\nb", "c"], 9);
        check("\"say \"\"yes\"\"\",c", &["say \"yes\"", "c"], 15);
        check("\"\",\"\"", &["", ""], 5);
    }

    #[test]
    fn careless_quotes_are_read_as_a_spreadsheet_would() {
        check("5\" disk,b", &["5\" disk", "b"], 9);
        check("\"a\"b,c", &["ab", "c"], 6);
        check("a, \"b, c\" ,d", &["a", "b, c ", "d"], 12);
    }

    #[test]
    fn without_quoting_a_quote_is_a_character() {
        let mut record = Record::default();
        let scanned = scan(b"\"a,b\n", Reach::Whole, dialect(Quote::None), &mut record);
        assert_eq!(scanned, Scan::Record { length: 5 });
        assert_eq!(record.cells().collect::<Vec<_>>(), ["\"a", "b"]);
    }

    #[test]
    fn bytes_that_end_too_early_ask_for_more() {
        for text in ["", "a", "a,", "a\r", "\"a", "\"a\"", "\"a\",b", " "] {
            check_failure(text, Reach::Part, Scan::Unfinished);
        }
    }

    #[test]
    fn faulty_quotes_are_told_apart() {
        check_failure("\"a,b\nc,d\n", Reach::Whole, Scan::Unclosed);
        check_failure("\"a,b\n\"c\",d\n", Reach::Whole, Scan::Stray { at: 5 });
    }

    #[test]
    fn cells_beyond_the_limit_are_counted_and_not_kept() {
        let mut record = Record::default();
        let text = ",".repeat(300);
        scan(text.as_bytes(), Reach::Whole, dialect(Quote::Double), &mut record);
        assert_eq!(record.found(), 301);
        assert_eq!(record.cells().count(), COLUMNS);
    }

    #[test]
    fn a_record_of_zeros_is_blank_and_one_with_a_zero_in_a_word_is_not() {
        let mut record = Record::default();
        scan(b"\0\0, \0\n", Reach::Whole, dialect(Quote::Double), &mut record);
        assert!(record.is_blank());
        scan(b"a\0b,\0,c\n", Reach::Whole, dialect(Quote::Double), &mut record);
        assert!(!record.is_blank());
        assert_eq!(record.cells().collect::<Vec<_>>(), ["a\0b", "\0", "c"]);
    }

    #[test]
    fn a_carriage_return_and_a_line_feed_end_one_line() {
        assert_eq!(line_ends(b"a\r\nb\nc\rd"), 3);
        assert_eq!(line_ends(b"\n\r\r\n"), 3);
    }
}
