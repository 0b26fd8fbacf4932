//! Lists as files: which columns they have, and how they are written. The one place for both doors, HTTP and command.

mod csv;
mod sheet;

use crm_domain::{
    names_of,
    query::{FieldSet, Kind},
};
use serde::Serialize;
use serde_json::Value;

pub use csv::{csv_head, csv_lines};
pub use sheet::Workbook;

/// The columns of a file, by the names of the fields.
pub type Columns = &'static [&'static str];

/// A record whose list can be had as a file.
pub trait Exported: Serialize + Send + 'static {
    /// The fields by which its list is filtered; they also tell what kind of value a column has.
    type Fields: FieldSet;
    /// The name of the file, without its ending.
    const NAME: &'static str;
    /// Every field of the record, in the order in which it declares them.
    const COLUMNS: Columns;
}

/// What kind of file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, strum::AsRefStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum FileFormat {
    /// Comma-separated values (RFC 4180), UTF-8 without a mark.
    #[default]
    Csv,
    /// A workbook of Excel (ISO/IEC 29500).
    Xlsx,
}

impl FileFormat {
    /// The names of all formats.
    pub fn names() -> Vec<&'static str> {
        names_of::<Self>()
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// The name of a file of this format.
    pub fn file_name(self, stem: &str) -> String {
        format!("{stem}.{}", self.as_ref())
    }
}

/// What the values of a column are, where the lists know the column.
fn kind<T: Exported>(column: &str) -> Option<Kind> {
    column.parse::<T::Fields>().ok().map(FieldSet::kind)
}

fn value<T: Serialize>(record: &T) -> Value {
    serde_json::to_value(record).expect("records serialise to JSON without failing")
}

/// A value as it stands in one cell.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        value => value.to_string(),
    }
}
