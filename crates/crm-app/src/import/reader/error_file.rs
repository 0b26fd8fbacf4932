//! The file of rows that could not be imported, for a person to mend in a spreadsheet and import again.

use std::borrow::Cow;
use std::io::{self, Write};

use super::dialect::Delimiter;

/// The columns that are added behind those of the imported file.
const ADDED: [&str; 5] = ["import_row", "import_column", "import_value", "import_code", "import_reason"];

/// What stands between several problems of one row.
const BETWEEN: &str = " | ";

/// One thing that is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Header of the column, or empty where the whole row is meant.
    pub column: String,
    /// The value that was refused.
    pub value: String,
    /// Stable code of the rule.
    pub code: String,
    /// What is wrong, for a person.
    pub reason: String,
}

/// Writes an error file: UTF-8 with a mark, so that spreadsheets read the accents, with the delimiter of the imported
/// file and one line for each row.
pub struct ErrorFile<W: Write> {
    csv: csv::Writer<W>,
    delimiter: Delimiter,
    /// Positions of the columns of the imported file, without those that an earlier error file added.
    kept: Vec<usize>,
}

impl<W: Write> ErrorFile<W> {
    /// Begins the file with its header.
    pub fn create<H: AsRef<str>>(mut write: W, headers: &[H], delimiter: Delimiter) -> io::Result<Self> {
        write.write_all(b"\xEF\xBB\xBF")?;
        let csv = writer(write, delimiter);
        let kept = (0..headers.len()).filter(|position| !ADDED.contains(&headers[*position].as_ref())).collect();
        let mut file = Self { csv, delimiter, kept };
        file.put(headers, &ADDED.map(Cow::Borrowed))?;
        Ok(file)
    }

    /// Adds one row with all that is wrong with it. Rows that could not be split have no cells.
    pub fn write<C: AsRef<str>>(&mut self, number: u64, cells: &[C], problems: &[Problem]) -> io::Result<()> {
        let all = |part: fn(&Problem) -> &str| Cow::Owned(problems.iter().map(part).collect::<Vec<_>>().join(BETWEEN));
        let added = [
            Cow::Owned(number.to_string()),
            all(|problem| &problem.column),
            all(|problem| &problem.value),
            all(|problem| &problem.code),
            all(|problem| &problem.reason),
        ];
        self.put(cells, &added)
    }

    /// Writes what is still buffered and gives the writer back.
    pub fn finish(self) -> io::Result<W> {
        self.csv.into_inner().map_err(csv::IntoInnerError::into_error)
    }

    fn put<C: AsRef<str>>(&mut self, cells: &[C], added: &[Cow<'_, str>; 5]) -> io::Result<()> {
        for position in &self.kept {
            let cell = cells.get(*position).map_or("", AsRef::as_ref);
            self.csv.write_field(spreadsheet_safe(cell).as_bytes())?;
        }
        for cell in added {
            self.csv.write_field(spreadsheet_safe(cell).as_bytes())?;
        }
        self.csv.write_record(None::<&[u8]>)?;
        Ok(())
    }
}

impl ErrorFile<Vec<u8>> {
    /// Takes out what has been written so far, for a file that is sent piece by piece.
    pub fn take(&mut self) -> Vec<u8> {
        let written = std::mem::replace(&mut self.csv, writer(Vec::new(), self.delimiter));
        written.into_inner().expect("memory takes every line")
    }
}

fn writer<W: Write>(write: W, delimiter: Delimiter) -> csv::Writer<W> {
    // Each line has the columns of its file, and those are counted when its header is written.
    let mut builder = csv::WriterBuilder::new();
    builder.delimiter(delimiter.byte()).terminator(csv::Terminator::CRLF).from_writer(write)
}

/// The cell with an apostrophe before it where a spreadsheet would take it for a formula (OWASP, "CSV Injection").
///
/// For files that we make for spreadsheets, and for those alone; the reader takes the apostrophe off again.
pub fn spreadsheet_safe(cell: &str) -> Cow<'_, str> {
    if is_risky(cell) || spreadsheet_plain(cell) != cell { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// The cell without the apostrophe of [`spreadsheet_safe`], of which this is the inverse.
pub fn spreadsheet_plain(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_risky(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

fn is_risky(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(column: &str, value: &str) -> Problem {
        let text = |text: &str| text.to_owned();
        Problem { column: text(column), value: text(value), code: text("phone"), reason: text("is no phone number") }
    }

    fn written(headers: &[&str], rows: &[(u64, &[&str], &[Problem])]) -> String {
        let mut file = ErrorFile::create(Vec::new(), headers, Delimiter::SEMICOLON).expect("memory takes it");
        for (number, cells, problems) in rows {
            file.write(*number, cells, problems).expect("memory takes it");
        }
        String::from_utf8(file.finish().expect("memory takes it")).expect("UTF-8")
    }

    #[test]
    fn formulas_get_an_apostrophe_and_lose_it_again() {
        for (cell, safe) in [
            ("=1+1", "'=1+1"),
            ("+33 1 02", "'+33 1 02"),
            ("-5", "'-5"),
            ("@name", "'@name"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("'=1", "''=1"),
            ("''=1", "'''=1"),
            ("L'Aube", "L'Aube"),
            ("'quoted'", "'quoted'"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(spreadsheet_safe(cell), safe, "{cell:?}");
            assert_eq!(spreadsheet_plain(safe), cell, "{cell:?}");
        }
    }

    #[test]
    fn a_row_keeps_its_cells_and_names_each_problem() {
        let text = written(
            &["nom", "téléphone"],
            &[(3, &["Alpha; SA", "+12"], &[problem("téléphone", "+12"), problem("x", "y")]), (4, &[], &[])],
        );
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines[0], "\u{FEFF}nom;téléphone;import_row;import_column;import_value;import_code;import_reason");
        assert_eq!(
            lines[1],
            "\"Alpha; SA\";'+12;3;téléphone | x;'+12 | y;phone | phone;is no phone number | is no phone number"
        );
        assert_eq!(lines[2], ";;4;;;;");
        assert_eq!(lines[3..], [""]);
    }

    #[test]
    fn the_columns_of_an_earlier_error_file_are_not_repeated() {
        let text = written(&["nom", "import_row", "ville"], &[(1, &["Alpha", "7", "Paris"], &[])]);
        assert!(text.starts_with("\u{FEFF}nom;ville;import_row;"), "{text}");
        assert!(text.contains("\r\nAlpha;Paris;1;"), "{text}");
    }
}
