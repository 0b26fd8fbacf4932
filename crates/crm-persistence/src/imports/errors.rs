//! What was wrong with the rows of an import, in the order of the file.

use crm_domain::{ImportId, query::Page};
use diesel::{ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper, dsl::max};
use serde::Serialize;

use super::{from_json, json};
use crate::{
    column::{JsonColumn, UuidColumn},
    dialect::insert_all,
    error::StoreError,
    page::{page, read_cursor, to_load},
    schema::import_errors as table,
    transaction::{Transaction, WriteTx, connection},
};

/// What was wrong with one cell of a file, or with one of its rows.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ImportError {
    /// The number of the data row, from 1.
    pub row: i64,
    /// The line of the file where the row begins, from 1.
    pub line: i64,
    /// The header of the column; none where the whole row is meant.
    pub column: Option<String>,
    /// The value that was refused.
    pub value: Option<String>,
    /// The rule that it breaks.
    pub code: String,
    /// What is expected, for people.
    pub reason: String,
    /// All cells of the row, to be mended and imported again.
    pub cells: Vec<String>,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
struct ErrorRow {
    import_id: UuidColumn,
    number: i64,
    row_number: i64,
    line: i64,
    column_name: Option<String>,
    value: Option<String>,
    code: String,
    reason: String,
    cells: JsonColumn,
}

impl From<ErrorRow> for ImportError {
    fn from(row: ErrorRow) -> Self {
        Self {
            row: row.row_number,
            line: row.line,
            column: row.column_name,
            value: row.value,
            code: row.code,
            reason: row.reason,
            cells: from_json(row.cells),
        }
    }
}

/// Adds errors behind those that are there. One job at a time writes to an import.
pub fn add_errors(tx: &mut WriteTx, import: ImportId, new: &[ImportError]) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let import = UuidColumn::from(import);
    let last = table::table.select(max(table::number)).filter(table::import_id.eq(import));
    let last: Option<i64> = last.first(connection(tx))?;
    let rows: Vec<ErrorRow> =
        (last.unwrap_or(0) + 1..).zip(new).map(|(number, error)| row(import, number, error)).collect();
    Ok(insert_all!(connection(tx), table::table, &rows)?)
}

/// PostgreSQL stores no text with U+0000, and a file may hold whatever it likes: U+FFFD stands for it.
fn row(import_id: UuidColumn, number: i64, error: &ImportError) -> ErrorRow {
    let storable = |text: &String| text.replace('\0', "\u{FFFD}");
    ErrorRow {
        import_id,
        number,
        row_number: error.row,
        line: error.line,
        column_name: error.column.as_ref().map(storable),
        value: error.value.as_ref().map(storable),
        code: error.code.clone(),
        reason: storable(&error.reason),
        cells: json(&error.cells.iter().map(storable).collect::<Vec<_>>()),
    }
}

/// One page of the errors of an import, in the order of the file. Whether the caller may see the import is for the caller
/// to find out.
pub fn errors(
    tx: &mut impl Transaction,
    import: ImportId,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Page<ImportError>, StoreError> {
    let after: i64 = read_cursor(cursor)?.unwrap_or(0);
    let rows: Vec<ErrorRow> = table::table
        .select(ErrorRow::as_select())
        .filter(table::import_id.eq(UuidColumn::from(import)))
        .filter(table::number.gt(after))
        .order_by(table::number.asc())
        .limit(to_load(limit))
        .load(connection(tx))?;
    let Page { items, next_cursor, total } = page(rows, limit, |row: &ErrorRow| row.number.to_string());
    Ok(Page { items: items.into_iter().map(ImportError::from).collect(), next_cursor, total })
}
