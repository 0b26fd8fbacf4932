//! One row of a file, read as far as that goes without the database.

use std::sync::Arc;

use serde_json::Value;

use super::{
    reader::{Column, Row},
    target::{FieldMap, Target},
};

/// One thing that is wrong with a row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Problem {
    /// The field that it is about; none for the row as a whole.
    pub field: Option<String>,
    /// The value that was refused.
    pub value: String,
    /// Stable name of the rule.
    pub code: String,
    /// What is wrong, for people.
    pub reason: String,
}

impl Problem {
    /// A problem of the row as a whole.
    pub(super) fn of_row(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: None, value: String::new(), code: code.into(), reason: reason.into() }
    }
}

/// What a row says, and what is wrong with it.
pub(super) struct Draft<T: Target> {
    /// Physical line, from 1.
    pub line: u64,
    /// Number among the data rows, from 1.
    pub number: u64,
    /// The cells as they stand in the file.
    pub cells: Vec<String>,
    /// The fields that are valid, in canonical form.
    pub fields: FieldMap,
    /// The same, checked, so that a row that speaks for itself is checked once; none where the fields as a whole break a rule.
    pub patch: Option<Arc<T::Patch>>,
    /// What it says besides.
    pub aside: T::Aside,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// U+0000.
const ZERO: char = '\0';

/// Reads rows.
pub(super) struct RowReader<'t, T: Target> {
    target: &'t T,
    columns: &'t [Column],
}

impl<'t, T: Target> RowReader<'t, T> {
    pub(super) fn new(target: &'t T, columns: &'t [Column]) -> Self {
        Self { target, columns }
    }

    /// Reads one row, beside the one before it because neighbours often say the same. A cell that is not valid is left out,
    /// and told.
    pub(super) fn read(&self, row: Row, before: Option<&Draft<T>>) -> Draft<T> {
        let Row { line, number, cells, .. } = row;
        let used = |position: usize| self.columns.get(position).is_some_and(|column| column.field().is_some());
        // Registers repeat a company on many rows that differ in columns of no interest only.
        match before {
            Some(before) if same(&before.cells, &cells, used) => before.again(line, number, cells),
            _ => self.read_anew(line, number, cells),
        }
    }

    fn read_anew(&self, line: u64, number: u64, cells: Vec<String>) -> Draft<T> {
        let cell = |field: &str| {
            let position = self.columns.iter().position(|column| column.field() == Some(field))?;
            cells.get(position).map(|cell| cell.trim()).filter(|cell| !cell.is_empty() && !cell.contains(ZERO))
        };
        let mut fields = FieldMap::new();
        let country = cell("country_code").and_then(crm_domain::values::CountryCode::from_name);
        let country = country.or_else(|| self.target.default_country());
        for field in T::FIELDS {
            if let Some(cell) = cell(field.name) {
                fields.insert(field.name.to_owned(), field.reading.read(cell, country));
            }
        }
        let aside = self.target.asides(&mut fields, &cell);
        let mut problems = self.zeros(&cells);
        let patch = loop {
            let invalid = match T::read(fields.clone()) {
                Ok(patch) => break Some(Arc::new(patch)),
                Err(invalid) => invalid,
            };
            let before = fields.len();
            for error in invalid.errors {
                let field = error.pointer.trim_start_matches('/').to_owned();
                if let Some(value) = fields.remove(&field) {
                    let value = cell(&field).map_or_else(|| text_of(&value), str::to_owned);
                    problems.push(Problem {
                        field: Some(field),
                        value,
                        code: error.code.to_owned(),
                        reason: error.detail,
                    });
                }
            }
            if fields.len() == before {
                // A rule about fields that the row does not have: for the record to answer.
                break None;
            }
        };
        Draft { line, number, cells, fields, patch, aside, problems }
    }

    /// The cells with a zero, which no database stores as text: each is told, whatever it would have been read as.
    fn zeros(&self, cells: &[String]) -> Vec<Problem> {
        let with_zero = self.columns.iter().zip(cells).filter(|(_, cell)| cell.contains(ZERO));
        let problem = |(column, cell): (&Column, &String)| {
            Some(Problem {
                field: Some(column.field()?.to_owned()),
                value: cell.trim().to_owned(),
                code: "control_character".to_owned(),
                reason: "must not contain control characters".to_owned(),
            })
        };
        with_zero.filter_map(problem).collect()
    }
}

impl<T: Target> Draft<T> {
    /// What a row says that says the same.
    fn again(&self, line: u64, number: u64, cells: Vec<String>) -> Self {
        let (fields, patch, aside) = (self.fields.clone(), self.patch.clone(), self.aside.clone());
        Self { line, number, cells, fields, patch, aside, problems: self.problems.clone() }
    }
}

fn same(one: &[String], other: &[String], used: impl Fn(usize) -> bool) -> bool {
    one.len() == other.len() && one.iter().zip(other).enumerate().all(|(at, (one, other))| !used(at) || one == other)
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
