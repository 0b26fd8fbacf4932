//! How a file separates and quotes its cells.

use thiserror::Error;

use super::record::{Reach, Record, Scan, scan};

/// The character between two cells: one ASCII character that is no letter, digit, quote, space or line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delimiter(u8);

impl Delimiter {
    /// `,`
    pub const COMMA: Self = Self(b',');
    /// `;`
    pub const SEMICOLON: Self = Self(b';');
    /// The tabulator.
    pub const TAB: Self = Self(b'\t');
    /// `|`
    pub const PIPE: Self = Self(b'|');

    pub(super) fn byte(self) -> u8 {
        self.0
    }
}

/// A character that cannot separate cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0:?} cannot separate cells: give one of , ; | tab, or another ASCII sign that is no quote")]
pub struct DelimiterRefused(pub char);

impl TryFrom<char> for Delimiter {
    type Error = DelimiterRefused;

    fn try_from(character: char) -> Result<Self, DelimiterRefused> {
        let sign = character.is_ascii_punctuation() && !matches!(character, '"' | '\'');
        match u8::try_from(character) {
            Ok(byte) if sign || character == '\t' => Ok(Self(byte)),
            _ => Err(DelimiterRefused(character)),
        }
    }
}

impl From<Delimiter> for char {
    fn from(delimiter: Delimiter) -> Self {
        Self::from(delimiter.0)
    }
}

/// The character around a cell that holds delimiters or line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// `"`, doubled inside the cell.
    Double,
    /// `'`, doubled inside the cell.
    Single,
    /// Quotes are characters like others.
    None,
}

impl Quote {
    pub(super) fn byte(self) -> Option<u8> {
        match self {
            Self::Double => Some(b'"'),
            Self::Single => Some(b'\''),
            Self::None => None,
        }
    }
}

/// Delimiter and quote of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: Delimiter,
    pub(super) quote: Quote,
}

impl Dialect {
    pub(super) fn new(delimiter: Delimiter, quote: Quote) -> Self {
        Self { delimiter, quote }
    }

    /// Whether an unquoted cell ends at this byte.
    pub(super) fn ends_cell(self, byte: u8) -> bool {
        byte == self.delimiter.byte() || byte == b'\n' || byte == b'\r'
    }
}

/// The records of the sample that are looked at.
const SAMPLE_RECORDS: usize = 200;

/// Recognises the dialect by the beginning of a file; what is given is kept.
pub(super) fn recognise(sample: &[u8], reach: Reach, delimiter: Option<Delimiter>, quote: Option<Quote>) -> Dialect {
    let quote = quote.unwrap_or_else(|| recognise_quote(sample));
    let delimiter = delimiter.unwrap_or_else(|| recognise_delimiter(sample, reach, quote));
    Dialect::new(delimiter, quote)
}

/// The line `sep=;` with which spreadsheets announce the delimiter: what it says, and its length with the line end.
pub(super) fn announced(text: &[u8]) -> Option<(Option<Delimiter>, usize)> {
    let end = text.iter().take(16).position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(text.len().min(16));
    let line = std::str::from_utf8(&text[..end]).ok()?;
    let line = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(line);
    let (word, sign) = line.split_at_checked(4)?;
    let mut signs = sign.chars();
    let (Some(sign), None) = (signs.next(), signs.next()) else {
        return None;
    };
    let length = end + usize::from(text[end..].starts_with(b"\r\n")) + usize::from(end < text.len());
    word.eq_ignore_ascii_case("sep=").then(|| (Delimiter::try_from(sign).ok(), length))
}

/// Double quotes, unless cells are quoted with single ones and none with double ones.
fn recognise_quote(sample: &[u8]) -> Quote {
    let (mut cells, mut single) = (0, 0);
    let lines = sample.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty());
    for cell in lines.take(SAMPLE_RECORDS).flat_map(|line| line.split(|byte| b",;\t|".contains(byte))) {
        match cell.trim_ascii() {
            [b'"', ..] => return Quote::Double,
            [b'\'', .., b'\''] => single += 1,
            _ => {}
        }
        cells += 1;
    }
    if single * 2 > cells { Quote::Single } else { Quote::Double }
}

/// The delimiter that cuts the header in two or more, and most other records into as many cells.
///
/// Of equally good ones the comma comes last, because it stands in names and numbers too.
fn recognise_delimiter(sample: &[u8], reach: Reach, quote: Quote) -> Delimiter {
    let candidates = [Delimiter::SEMICOLON, Delimiter::TAB, Delimiter::PIPE, Delimiter::COMMA];
    let mut best = None;
    for delimiter in candidates {
        let (columns, agreeing, records) = measure(sample, reach, Dialect::new(delimiter, quote));
        if columns < 2 {
            continue;
        }
        // The share of records that agree, times the share of the text's structure that the delimiter explains.
        let score = agreeing * 1000 / records * (columns - 1) / columns;
        if best.is_none_or(|(_, highest)| score > highest) {
            best = Some((delimiter, score));
        }
    }
    best.map_or_else(|| unused(sample), |(delimiter, _)| delimiter)
}

/// For a file of one column: a delimiter that cuts none of its cells.
fn unused(sample: &[u8]) -> Delimiter {
    let candidates = [Delimiter::COMMA, Delimiter::SEMICOLON, Delimiter::TAB, Delimiter::PIPE];
    candidates.into_iter().find(|delimiter| !sample.contains(&delimiter.byte())).unwrap_or(Delimiter::COMMA)
}

/// The cells of the header, the records with as many, and all records; broken ones agree with nothing.
fn measure(sample: &[u8], reach: Reach, dialect: Dialect) -> (usize, usize, usize) {
    let mut record = Record::default();
    let (mut columns, mut agreeing, mut records) = (0, 0, 0);
    let mut rest = sample;
    while records < SAMPLE_RECORDS && !rest.is_empty() {
        match scan(rest, reach, dialect, &mut record) {
            Scan::Record { length } => {
                rest = &rest[length..];
                if record.is_blank() {
                    continue;
                }
                if columns == 0 {
                    columns = record.found();
                }
                agreeing += usize::from(record.found() == columns);
                records += 1;
            }
            Scan::Stray { at } => {
                rest = &rest[at + 1..];
                records += 1;
            }
            // A file of one unfinished record is all header.
            Scan::Unfinished | Scan::Unclosed if records == 0 => return (record.found() + 1, 1, 1),
            Scan::Unfinished | Scan::Unclosed => break,
        }
    }
    (columns, agreeing, records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sample: &str, delimiter: Delimiter, quote: Quote) {
        let found = recognise(sample.as_bytes(), Reach::Whole, None, None);
        assert_eq!(found, Dialect::new(delimiter, quote), "{sample:?}");
    }

    #[test]
    fn each_delimiter_is_recognised() {
        check("name,city\nAlpha,Paris\n", Delimiter::COMMA, Quote::Double);
        check("name;city\nAlpha;Paris\n", Delimiter::SEMICOLON, Quote::Double);
        check("name\tcity\nAlpha\tParis\n", Delimiter::TAB, Quote::Double);
        check("name|city\rAlpha|Paris\r", Delimiter::PIPE, Quote::Double);
    }

    #[test]
    fn decimal_commas_do_not_make_a_file_comma_separated() {
        check("nom;encours\nAlpha;1,5\nBeta;2,5\n", Delimiter::SEMICOLON, Quote::Double);
        check("nom;encours (M€, 2024)\nAlpha;1,5\nBeta;2,5\n", Delimiter::SEMICOLON, Quote::Double);
    }

    #[test]
    fn delimiters_and_line_ends_inside_quotes_do_not_count() {
        check("\"a;b;c\",d\n\"1;2\n;3\",4\n", Delimiter::COMMA, Quote::Double);
        check("\"a,b\";\"c,d\"\n\"1,2\";\"3,4\"\n", Delimiter::SEMICOLON, Quote::Double);
    }

    #[test]
    fn the_delimiter_that_agrees_over_the_lines_wins() {
        check("name,tags,city\nA,x;y;z,P\nB,x,L\nC,x;y,M\n", Delimiter::COMMA, Quote::Double);
        check("a;b,c;d,e\n1;2;3\n4;5;6\n", Delimiter::SEMICOLON, Quote::Double);
    }

    #[test]
    fn one_column_gets_a_delimiter_that_cuts_nothing() {
        check("name\nAlpha\n", Delimiter::COMMA, Quote::Double);
        check("name\nAlpha, SA\nBeta, SAS\n", Delimiter::SEMICOLON, Quote::Double);
    }

    #[test]
    fn single_quotes_are_recognised_but_apostrophes_are_not() {
        check("'name','city'\n'Alpha, SA','Paris'\n", Delimiter::COMMA, Quote::Single);
        check("name,city\nL'Aube,'s-Gravenhage\n", Delimiter::COMMA, Quote::Double);
    }

    #[test]
    fn what_is_given_is_kept() {
        let sample = b"a;b\n1;2\n";
        let found = recognise(sample, Reach::Whole, Some(Delimiter::COMMA), Some(Quote::None));
        assert_eq!(found, Dialect::new(Delimiter::COMMA, Quote::None));
    }

    #[test]
    fn the_announcing_line_is_understood_in_every_spelling() {
        assert_eq!(announced(b"sep=;\nname"), Some((Some(Delimiter::SEMICOLON), 6)));
        assert_eq!(announced(b"SEP=,\r\nname"), Some((Some(Delimiter::COMMA), 7)));
        assert_eq!(announced(b"\"sep=\t\"\rname"), Some((Some(Delimiter::TAB), 8)));
        assert_eq!(announced(b"sep=|"), Some((Some(Delimiter::PIPE), 5)));
        assert_eq!(announced(b"sep=^\n"), Some((Delimiter::try_from('^').ok(), 6)));
        assert_eq!(announced(b"sep=a\n"), Some((None, 6)));
        assert_eq!(announced(b"sep;name\n"), None);
        assert_eq!(announced(b"sep=\n"), None);
        assert_eq!(announced("é=;\n".as_bytes()), None);
        assert_eq!(announced(b""), None);
    }

    #[test]
    fn letters_quotes_and_line_ends_cannot_separate() {
        for refused in ['a', '1', '"', '\'', ' ', '\n', '\r', '\0', 'é', '€'] {
            assert_eq!(Delimiter::try_from(refused), Err(DelimiterRefused(refused)));
        }
        assert_eq!(Delimiter::try_from(';'), Ok(Delimiter::SEMICOLON));
        assert_eq!(char::from(Delimiter::TAB), '\t');
    }
}
