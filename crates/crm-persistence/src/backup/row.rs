//! One row: as the database says it, as the file has it, and as it goes into a database.

use std::io::Write;

use diesel::{
    QueryResult, RunQueryDsl,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{BigInt, Binary, Bool, Date, Nullable, Text},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    manifest::{ColumnManifest, Kind},
    tables::SavedTable,
};
use crate::{
    column::{DbJson, DbTime, DbUuid, JsonColumn, TimeColumn, UuidColumn},
    connection::{AnyConnection, Multi},
    dialect::{Backend, bulk},
};

/// The query that says each row of a table as a JSON array, in the order of its key.
pub(super) fn query(backend: Backend, table: &SavedTable) -> String {
    let array = bulk::json_array(backend, table.columns.iter().map(|column| bulk::said(backend, column)));
    let key: Vec<String> = table.key.iter().map(|column| quoted(column)).collect();
    format!("SELECT {array} AS line FROM {} ORDER BY {}", quoted(table.name), key.join(", "))
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// Writes a row as the file has it. Both databases say the same values; spaces, escapes and the order of keys are theirs.
pub(super) fn write_canonical(line: &str, into: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let row: Vec<Value> = serde_json::from_str(line)?;
    serde_json::to_writer(&mut *into, &row)?;
    // Writing into memory does not fail.
    let _written = into.write_all(b"\n");
    Ok(())
}

/// A value on its way into a database.
#[derive(Debug)]
pub(super) enum Cell {
    Uuid(Option<UuidColumn>),
    Time(Option<TimeColumn>),
    Date(Option<crm_domain::values::Date>),
    Json(Option<JsonColumn>),
    Integer(Option<i64>),
    Boolean(Option<bool>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// Reads a row of the file; none if it is not one of this table.
pub(super) fn read(line: &str, columns: &[ColumnManifest]) -> Option<Vec<Cell>> {
    let row: Vec<Value> = serde_json::from_str(line).ok()?;
    if row.len() != columns.len() {
        return None;
    }
    row.into_iter().zip(columns).map(|(value, column)| cell(value, column.kind)).collect()
}

fn cell(value: Value, kind: Kind) -> Option<Cell> {
    let some = !value.is_null();
    let text = |value: Value| if let Value::String(text) = value { Some(text) } else { None };
    Some(match kind {
        Kind::Uuid => Cell::Uuid(given(some, || Some(UuidColumn(Uuid::try_parse(value.as_str()?).ok()?)))?),
        Kind::Time => Cell::Time(given(some, || value.as_i64().map(TimeColumn))?),
        Kind::Date => Cell::Date(given(some, || value.as_str()?.parse().ok())?),
        Kind::Json => Cell::Json(given(some, || Some(JsonColumn(value)))?),
        Kind::Integer => Cell::Integer(given(some, || value.as_i64())?),
        Kind::Boolean => Cell::Boolean(given(some, || value.as_i64().map(|flag| flag == 1))?),
        Kind::Text => Cell::Text(given(some, || text(value))?),
        Kind::Bytes => Cell::Bytes(given(some, || bytes(value.as_str()?))?),
    })
}

/// Nothing where there is none; none at all where what there is cannot be read.
#[expect(clippy::option_option, reason = "NULL and unreadable are two things")]
fn given<T>(some: bool, read: impl FnOnce() -> Option<T>) -> Option<Option<T>> {
    if some { read().map(Some) } else { Some(None) }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits.chunks_exact(2).map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?)).collect()
}

/// A statement that inserts rows. Its text depends on the table and the number of rows alone, so it is prepared once.
pub(super) struct Insert<'a> {
    head: &'a str,
    rows: &'a [Vec<Cell>],
}

/// The beginning of the statement for a table.
pub(super) fn insert_head(backend: Backend, table: &SavedTable) -> String {
    let names: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
    let overriding = bulk::own_numbers(backend);
    format!("INSERT INTO {} ({}) {overriding}VALUES ", quoted(table.name), names.join(", "))
}

/// Inserts rows, as many with each statement as there are in a full one, and the rest one by one.
pub(super) fn insert(connection: &mut AnyConnection, head: &str, rows: &[Vec<Cell>]) -> QueryResult<()> {
    let at_once = bulk::rows_at_once(Backend::of(connection));
    let mut whole = rows.chunks_exact(at_once);
    for rows in &mut whole {
        Insert { head, rows }.execute(connection)?;
    }
    for rows in whole.remainder().chunks(1) {
        Insert { head, rows }.execute(connection)?;
    }
    Ok(())
}

impl QueryFragment<Multi> for Insert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Multi>) -> QueryResult<()> {
        out.push_sql(self.head);
        for (at, row) in self.rows.iter().enumerate() {
            out.push_sql(if at == 0 { "(" } else { ", (" });
            for (at, cell) in row.iter().enumerate() {
                if at > 0 {
                    out.push_sql(", ");
                }
                push(cell, &mut out)?;
            }
            out.push_sql(")");
        }
        Ok(())
    }
}

fn push<'b>(cell: &'b Cell, out: &mut AstPass<'_, 'b, Multi>) -> QueryResult<()> {
    match cell {
        Cell::Uuid(value) => out.push_bind_param::<Nullable<DbUuid>, _>(value),
        Cell::Time(value) => out.push_bind_param::<Nullable<DbTime>, _>(value),
        Cell::Date(value) => out.push_bind_param::<Nullable<Date>, _>(value),
        Cell::Json(value) => out.push_bind_param::<Nullable<DbJson>, _>(value),
        Cell::Integer(value) => out.push_bind_param::<Nullable<BigInt>, _>(value),
        Cell::Boolean(value) => out.push_bind_param::<Nullable<Bool>, _>(value),
        Cell::Text(value) => out.push_bind_param::<Nullable<Text>, _>(value),
        Cell::Bytes(value) => out.push_bind_param::<Nullable<Binary>, _>(value),
    }
}

impl QueryId for Insert<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
impl RunQueryDsl<AnyConnection> for Insert<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_row_become_one() {
        let canonical = |line| {
            let mut text = Vec::new();
            write_canonical(line, &mut text).unwrap();
            String::from_utf8(text).unwrap()
        };
        let one = r#"["\u00e9\u0001/", 1, {"b" : 1, "a" : [2, null]}]"#;
        assert_eq!(canonical(one), canonical("[\"é\\u0001\\/\",1,{\"a\":[2,null],\"b\":1}]"));
        assert_ne!(canonical(one), canonical("[\"e\\u0001/\",1,{\"a\":[2,null],\"b\":1}]"));
    }

    #[test]
    fn what_is_no_value_of_its_column_is_no_row() {
        let columns = |kind| [ColumnManifest { name: "x".to_owned(), kind }];
        let reads = |line: &str, kind| read(line, &columns(kind)).is_some();
        for (kind, good, bad) in [
            (Kind::Uuid, "\"0193bc76f5e87c0f8e6d3a5b2c1d0e9f\"", "\"0193\""),
            (Kind::Time, "-1", "\"1\""),
            (Kind::Date, "\"2026-02-28\"", "\"2026-02-30\""),
            (Kind::Integer, "9223372036854775807", "9223372036854775808"),
            (Kind::Boolean, "0", "true"),
            (Kind::Text, "\"\"", "1"),
            (Kind::Bytes, "\"00ff\"", "\"00f\""),
        ] {
            assert!(reads(&format!("[{good}]"), kind), "{good}");
            assert!(reads("[null]", kind), "{kind:?}");
            assert!(!reads(&format!("[{bad}]"), kind), "{bad}");
            assert!(!reads(&format!("[{good}, {good}]"), kind), "{good} twice");
        }
        assert_eq!(bytes("00fF"), Some(vec![0, 255]));
    }
}
