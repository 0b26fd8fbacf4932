//! The rows of a file, one after the other.
//!
//! A quote without its partner would swallow everything up to the next quote or the end of the file. So where a record
//! turns out broken in that way, only its first physical line is given up, and reading starts again on the next one.
//! To keep that linear in the size of the file, a second such failure within the text that the first one scanned gives
//! that text up to its end.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::dialect::{self, Delimiter, Dialect, Quote};
use super::encoding::Encoding;
use super::error::{BrokenRow, ReadError, Reason, RowError};
use super::error_file::spreadsheet_plain;
use super::headers::{self, Column, Synonyms};
use super::record::{Reach, Record, Scan, line_ends, scan};
use super::source::Source;
use super::{COLUMNS, RECORD_BYTES};

/// What the caller wants to decide; the rest is recognised.
#[derive(Debug, Clone)]
pub struct Options {
    /// The fields that columns can belong to, and their names.
    pub synonyms: &'static Synonyms,
    /// Header to field, instead of recognition for the headers it names.
    pub mapping: BTreeMap<String, String>,
    /// The encoding, if it is known.
    pub encoding: Option<Encoding>,
    /// The delimiter, if it is known.
    pub delimiter: Option<Delimiter>,
    /// The quote, if it is known.
    pub quote: Option<Quote>,
}

impl Options {
    /// Everything is recognised.
    pub fn new(synonyms: &'static Synonyms) -> Self {
        Self { synonyms, mapping: BTreeMap::new(), encoding: None, delimiter: None, quote: None }
    }
}

/// One data row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Physical line on which the record starts, from 1.
    pub line: u64,
    /// Number among the data rows, from 1; blank ones are not counted, broken ones are.
    pub number: u64,
    /// The cells as they stand, in the order of [`Reader::columns`]: at least as many, filled up with empty ones, and
    /// more where the row is too long. An apostrophe that guards a cell against a spreadsheet is taken off.
    pub cells: Vec<String>,
    /// Whether the row has the cells that the header promises.
    pub shape: Shape,
}

/// The number of cells of a row beside the number of columns of its file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    /// As many; blank cells too many at the end do not matter.
    #[default]
    Regular,
    /// Fewer.
    Short {
        /// How many it has.
        found: usize,
    },
    /// More, and there is something in them.
    Long {
        /// How many it has.
        found: usize,
    },
}

/// What was mended so far without losing a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Warnings {
    /// Physical lines of a UTF-8 file that are not UTF-8 and were read as Windows-1252.
    pub lines_as_windows_1252: u64,
    /// Halves of characters in a UTF-16 file, which became U+FFFD.
    pub replaced_characters: u64,
    /// Rows that are not [`Shape::Regular`].
    pub ragged_rows: u64,
    /// Rows with nothing in any cell, which were skipped.
    pub blank_rows: u64,
}

/// Reads a file row by row. Holds about one record and two chunks of it in memory.
pub struct Reader<R> {
    source: Source<R>,
    dialect: Dialect,
    columns: Vec<Column>,
    record: Record,
    /// Physical line at which the window begins.
    line: u64,
    /// Data rows given, broken ones included.
    number: u64,
    /// Up to this offset, text has been scanned for a record that turned out broken.
    suspect_until: u64,
    /// The rest of an overlong physical line is still to be passed over.
    within_line: bool,
    finished: bool,
    warnings: Warnings,
}

impl<R: Read> Reader<R> {
    /// Recognises encoding, dialect and header, and stands before the first row.
    pub fn open(read: R, options: &Options) -> Result<Self, ReadError> {
        let source = Source::open(read, options.encoding)?;
        let mut reader = Self {
            source,
            dialect: Dialect::new(Delimiter::COMMA, Quote::Double),
            columns: Vec::new(),
            record: Record::default(),
            line: 1,
            number: 0,
            suspect_until: 0,
            within_line: false,
            finished: false,
            warnings: Warnings::default(),
        };
        reader.recognise_dialect(options);
        let headers = reader.read_headers()?;
        reader.columns = headers::assign(&headers, options.synonyms, &options.mapping)?;
        Ok(reader)
    }

    /// The encoding that the file is read in.
    pub fn encoding(&self) -> Encoding {
        self.source.encoding()
    }

    /// The delimiter that the file is read with.
    pub fn delimiter(&self) -> Delimiter {
        self.dialect.delimiter
    }

    /// The quote that the file is read with.
    pub fn quote(&self) -> Quote {
        self.dialect.quote
    }

    /// The columns in the order of the file, those that are ignored included.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The position of the column that fills `field`.
    pub fn position(&self, field: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.field() == Some(field))
    }

    /// What was mended so far.
    pub fn warnings(&self) -> Warnings {
        Warnings {
            lines_as_windows_1252: self.source.lines_as_windows_1252,
            replaced_characters: self.source.replaced_characters,
            ..self.warnings
        }
    }

    /// Reads the next row into `row`, whose buffers are used again; `None` at the end.
    ///
    /// Behind [`RowError::Broken`] come the other rows; behind [`RowError::Source`] comes nothing.
    pub fn read_row(&mut self, row: &mut Row) -> Option<Result<(), RowError>> {
        if self.finished {
            return None;
        }
        match self.next_record() {
            Ok(Some(found)) => {
                self.number += 1;
                Some(self.row_from(found, row).map_err(RowError::Broken))
            }
            Ok(None) => {
                self.finished = true;
                None
            }
            Err(error) => {
                self.finished = true;
                Some(Err(RowError::Source(error)))
            }
        }
    }

    fn recognise_dialect(&mut self, options: &Options) {
        let reach = if self.source.ended() { Reach::Whole } else { Reach::Part };
        let mut given = options.delimiter;
        if let Some((delimiter, length)) = dialect::announced(self.source.text()) {
            given = given.or(delimiter);
            self.source.consume(length);
            self.line += 1;
        }
        self.dialect = dialect::recognise(self.source.text(), reach, given, options.quote);
    }

    fn read_headers(&mut self) -> Result<Vec<String>, ReadError> {
        let Some(Found { line, outcome, .. }) = self.next_record()? else {
            return Err(ReadError::Empty);
        };
        if let Err((reason, _)) = outcome {
            return Err(ReadError::Header { line, reason });
        }
        let mut headers: Vec<String> =
            self.record.cells().map(|cell| cell.replace('\0', "").trim().to_owned()).collect();
        let named = headers.iter().rposition(|header| !header.is_empty()).map_or(0, |last| last + 1);
        headers.truncate(named);
        // Signs alone are a rule or the skeleton of an empty sheet.
        if headers.iter().all(|header| headers::fold(header).is_empty()) {
            return Err(ReadError::Empty);
        }
        Ok(headers)
    }

    /// The next record that is not blank, left in `self.record`, or what is left of a broken one.
    fn next_record(&mut self) -> io::Result<Option<Found>> {
        self.pass_over_line()?;
        loop {
            let text = self.source.text();
            let window = &text[..text.len().min(RECORD_BYTES)];
            let reach = if self.source.ended() && window.len() == text.len() { Reach::Whole } else { Reach::Part };
            if window.is_empty() && reach == Reach::Whole {
                return Ok(None);
            }
            let scanned = window.len();
            match scan(window, reach, self.dialect, &mut self.record) {
                Scan::Record { length } => {
                    let found = self.accept(length);
                    if !self.record.is_blank() {
                        return Ok(Some(found));
                    }
                    self.warnings.blank_rows += u64::from(self.record.found() > 1);
                    if self.columns.is_empty() && self.source.offset() > RECORD_BYTES as u64 {
                        return Ok(None);
                    }
                }
                Scan::Unfinished if scanned < RECORD_BYTES => self.widen(scanned)?,
                Scan::Unfinished => return Ok(Some(self.give_up(scanned, Reason::TooLong))),
                Scan::Unclosed => return Ok(Some(self.give_up(scanned, Reason::UnclosedQuote))),
                Scan::Stray { at } => return Ok(Some(self.give_up(at, Reason::StrayQuote))),
            }
        }
    }

    /// At least doubles the window, so that scanning a long record again and again stays linear in its length.
    fn widen(&mut self, scanned: usize) -> io::Result<()> {
        while !self.source.ended() && self.source.text().len() <= scanned * 2 {
            self.source.widen()?;
        }
        Ok(())
    }

    fn accept(&mut self, length: usize) -> Found {
        let suspect = self.source.offset() < self.suspect_until;
        let line = self.line;
        self.line += line_ends(&self.source.text()[..length]);
        let too_wide = self.record.found() > COLUMNS;
        let outcome = if too_wide {
            let reason = Reason::TooManyCells { found: self.record.found() };
            Err((reason, excerpt(&self.source.text()[..length])))
        } else {
            Ok(if suspect { Standing::Suspect } else { Standing::Sound })
        };
        let last_line = line.max(self.line - 1);
        self.source.consume(length);
        Found { line, last_line, outcome }
    }

    /// Gives up the first line of what was scanned, or all that was suspect already.
    fn give_up(&mut self, scanned: usize, reason: Reason) -> Found {
        let text = self.source.text();
        let offset = self.source.offset();
        let suspect = usize::try_from(self.suspect_until.saturating_sub(offset)).unwrap_or(usize::MAX).min(text.len());
        let length = first_line(text, suspect);
        let given_up = &text[..length.unwrap_or_else(|| self.certain_length())];
        let line = self.line;
        let excerpt = excerpt(given_up);
        let ends = line_ends(given_up);
        let last_line = line + ends - u64::from(given_up.ends_with(b"\n") || given_up.ends_with(b"\r"));
        let given_up = given_up.len();
        self.line += ends;
        self.within_line = length.is_none();
        self.suspect_until = self.suspect_until.max(offset + scanned as u64);
        self.source.consume(given_up);
        Found { line, last_line, outcome: Err((reason, excerpt)) }
    }

    /// The length of the window without a return at its end, unless it is known what follows.
    fn certain_length(&self) -> usize {
        let text = self.source.text();
        text.len() - usize::from(!self.source.ended() && text.ends_with(b"\r"))
    }

    /// Passes over what is left of a physical line that was given up.
    fn pass_over_line(&mut self) -> io::Result<()> {
        while self.within_line {
            let text = self.source.text();
            let length = first_line(text, 0);
            if length.is_none() && !self.source.ended() {
                self.source.consume(self.certain_length());
                self.source.widen()?;
                continue;
            }
            self.line += u64::from(length.is_some());
            self.source.consume(length.unwrap_or(text.len()));
            self.within_line = false;
        }
        Ok(())
    }

    fn row_from(&mut self, found: Found, row: &mut Row) -> Result<(), BrokenRow> {
        let Found { line, last_line, outcome } = found;
        let number = self.number;
        let broken = |reason, text| BrokenRow { line, last_line, number, reason, text };
        let standing = outcome.map_err(|(reason, text)| broken(reason, text))?;
        let (cells, expected) = (self.record.found(), self.columns.len());
        let used = self.record.filled().max(expected);
        row.shape = match () {
            () if cells < expected => Shape::Short { found: cells },
            () if used > expected => Shape::Long { found: cells },
            () => Shape::Regular,
        };
        if standing == Standing::Suspect && row.shape != Shape::Regular {
            let text = self.record.cells().collect::<Vec<_>>().join(" ");
            return Err(broken(Reason::Fragment { found: cells, expected }, excerpt(text.as_bytes())));
        }
        self.warnings.ragged_rows += u64::from(row.shape != Shape::Regular);
        row.line = line;
        row.number = number;
        row.cells.resize_with(used, String::new);
        row.cells.iter_mut().for_each(String::clear);
        for (cell, text) in row.cells.iter_mut().zip(self.record.cells()) {
            cell.push_str(spreadsheet_plain(text));
        }
        Ok(())
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut row = Row { cells: Vec::with_capacity(self.columns.len()), ..Row::default() };
        Some(self.read_row(&mut row)?.map(|()| row))
    }
}

/// A record, and where it stands; its cells are in the reader.
struct Found {
    line: u64,
    last_line: u64,
    /// The reason with the beginning of the text.
    outcome: Result<Standing, (Reason, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Sound,
    /// It may be the inside of a quoted cell.
    Suspect,
}

/// The length up to the first line end at or behind `from`, with that line end, if it is certain.
fn first_line(text: &[u8], from: usize) -> Option<usize> {
    let end = from + text[from..].iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
    match (text[end], text.get(end + 1)) {
        (b'\r', None) => None,
        (b'\r', Some(b'\n')) => Some(end + 2),
        _ => Some(end + 1),
    }
}

/// The beginning of a text, for a report.
fn excerpt(text: &[u8]) -> String {
    const BYTES: usize = 400;
    let line = text.trim_ascii();
    let end = line.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(line.len()).min(BYTES);
    String::from_utf8_lossy(&line[..end]).replace('\0', "")
}
