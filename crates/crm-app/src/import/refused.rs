//! The errors of an import as a file to mend: one line for each row, with its cells as they stood and all that is wrong.

use std::io::{self, Write};

use crm_persistence::imports::ImportError;

use super::reader::{Delimiter, ErrorFile, Problem};

/// Writes errors, in the order in which [`super::Imports::errors`] gives them, as an error file.
pub struct RefusedRows<W: Write> {
    file: ErrorFile<W>,
    row: Option<Refused>,
}

struct Refused {
    number: i64,
    cells: Vec<String>,
    problems: Vec<Problem>,
}

impl<W: Write> RefusedRows<W> {
    /// Begins a file with the headers of the imported one.
    pub fn create(write: W, headers: &[String]) -> io::Result<Self> {
        Ok(Self { file: ErrorFile::create(write, headers, Delimiter::COMMA)?, row: None })
    }

    /// Adds one error. A row is written when the next one begins, because all that is wrong with it stands on one line.
    pub fn add(&mut self, error: ImportError) -> io::Result<()> {
        let ImportError { row, column, value, code, reason, cells, .. } = error;
        let problem = Problem { column: column.unwrap_or_default(), value: value.unwrap_or_default(), code, reason };
        match &mut self.row {
            Some(refused) if refused.number == row => refused.problems.push(problem),
            _ => {
                self.write_row()?;
                self.row = Some(Refused { number: row, cells, problems: vec![problem] });
            }
        }
        Ok(())
    }

    /// Writes the last row and what is still buffered, and gives the writer back.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_row()?;
        self.file.finish()
    }

    fn write_row(&mut self) -> io::Result<()> {
        let Some(Refused { number, cells, problems }) = self.row.take() else { return Ok(()) };
        self.file.write(u64::try_from(number).unwrap_or(0), &cells, &problems)
    }
}

impl RefusedRows<Vec<u8>> {
    /// Takes out the rows that are complete, for a file that is sent piece by piece.
    pub fn take(&mut self) -> Vec<u8> {
        self.file.take()
    }
}
