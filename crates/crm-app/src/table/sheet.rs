//! Records as a workbook: one row for each, amounts as numbers and days as days. Rows go to a temporary file as they
//! come, so that memory stays bounded however long the list is.

use std::{
    fs::File,
    io::{Seek, Write},
};

use crm_domain::query::Kind;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook as Book, Worksheet, XlsxError};
use serde_json::Value;

use super::{Exported, cell, kind, value};
use crate::{Error, Export, app::blocking};

/// The rows that a sheet has at most, its header among them (Excel's specifications and limits).
const ROWS_OF_A_SHEET: u32 = 1_048_576;

/// The characters that a cell has at most, counted as UTF-16.
const LONGEST_CELL: usize = 32_767;

/// A workbook that is being written.
pub struct Workbook {
    book: Book,
    columns: Vec<(&'static str, Option<Kind>)>,
    name: &'static str,
    sheets: usize,
    /// The next row of the last sheet.
    row: u32,
    day: Format,
    amount: Format,
    head: Format,
}

impl<T: Exported> Export<T> {
    /// These records and all further ones as a workbook, in a temporary file that goes away with its handle.
    pub async fn workbook(mut self, first: Vec<T>) -> Result<File, Error> {
        let mut book = Workbook::of::<T>()?;
        book.add(&first)?;
        while let Some(page) = self.next_page().await? {
            book = blocking(move || {
                book.add(&page)?;
                Ok(book)
            })
            .await?;
        }
        blocking(move || {
            let mut file = tempfile::tempfile().map_err(Error::internal)?;
            book.finish(&mut file)?;
            file.rewind().map_err(Error::internal)?;
            Ok(file)
        })
        .await
    }
}

impl Workbook {
    /// A workbook for records of this type, with its header.
    pub fn of<T: Exported>() -> Result<Self, Error> {
        let columns = T::COLUMNS.iter().map(|column| (*column, kind::<T>(column))).collect();
        let mut book = Self {
            book: Book::new(),
            columns,
            name: T::NAME,
            sheets: 0,
            row: 0,
            day: Format::new().set_num_format("yyyy-mm-dd"),
            amount: Format::new().set_num_format("#,##0.00"),
            head: Format::new().set_bold(),
        };
        book.next_sheet().map_err(failed)?;
        Ok(book)
    }

    /// One row for each record; a sheet that is full is followed by another one.
    pub fn add<T: Exported>(&mut self, records: &[T]) -> Result<(), Error> {
        for record in records {
            if self.row == ROWS_OF_A_SHEET {
                self.next_sheet().map_err(failed)?;
            }
            self.write(&value(record)).map_err(failed)?;
        }
        Ok(())
    }

    /// Writes the whole file.
    pub fn finish(mut self, output: impl Write + Send) -> Result<(), Error> {
        self.book.save_to_writer(output).map_err(failed)
    }

    fn next_sheet(&mut self) -> Result<(), XlsxError> {
        self.sheets += 1;
        let name = if self.sheets == 1 { self.name.to_owned() } else { format!("{} {}", self.name, self.sheets) };
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?.set_freeze_panes(1, 0)?;
        for (column, (name, _)) in (0..).zip(&self.columns) {
            sheet.write_string_with_format(0, column, *name, &self.head)?;
        }
        self.row = 1;
        Ok(())
    }

    fn write(&mut self, record: &Value) -> Result<(), XlsxError> {
        let Self { book, columns, row, day, amount, .. } = self;
        let sheet = book.worksheets_mut().last_mut().expect("a workbook begins with a sheet");
        for (column, (name, kind)) in (0..).zip(columns.iter()) {
            let value = &record[*name];
            match (kind, value) {
                (_, Value::Null) => {}
                (_, Value::Bool(flag)) => drop(sheet.write_boolean(*row, column, *flag)?),
                (_, Value::Number(number)) if let Some(number) = number.as_f64() => {
                    sheet.write_number(*row, column, number)?;
                }
                (Some(Kind::Money), Value::String(text)) if let Ok(number) = text.parse::<f64>() => {
                    sheet.write_number_with_format(*row, column, number, amount)?;
                }
                (Some(Kind::Date), Value::String(text)) if let Some(date) = excel_day(text) => {
                    sheet.write_datetime_with_format(*row, column, &date, day)?;
                }
                (_, value) => text(sheet, *row, column, &cell(value))?,
            }
        }
        *row += 1;
        Ok(())
    }
}

/// A day that Excel knows: its calendar begins in 1900.
fn excel_day(text: &str) -> Option<ExcelDateTime> {
    ExcelDateTime::parse_from_str(text).ok()
}

/// A text is never a formula here, whatever it begins with: the type of the cell says so.
fn text(sheet: &mut Worksheet, row: u32, column: u16, text: &str) -> Result<(), XlsxError> {
    let fits = text.encode_utf16().count() <= LONGEST_CELL;
    let cut = || text.chars().take(LONGEST_CELL / 2).collect();
    let text: String = if fits { text.to_owned() } else { cut() };
    sheet.write_string(row, column, text).map(drop)
}

/// A temporary file that cannot be written because the disk is full is told as that.
fn failed(error: XlsxError) -> Error {
    match &error {
        XlsxError::IoError(cause) if cause.kind() == std::io::ErrorKind::StorageFull => Error::StorageFull,
        _ => Error::internal(error),
    }
}

impl std::fmt::Debug for Workbook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Workbook").field("name", &self.name).field("row", &self.row).finish_non_exhaustive()
    }
}
