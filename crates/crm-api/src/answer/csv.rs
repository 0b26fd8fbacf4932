//! Lists as CSV (RFC 4180, UTF-8 without a mark): one line for each record, harmless in a spreadsheet.

use std::future::ready;

use actix_web::{HttpResponse, web::Bytes};
use crm_app::{Error, Export};
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use serde_json::Value;

use super::attachment;
use crate::problem::Problem;

/// The columns of a file, by the names of the fields.
pub(crate) type Columns = &'static [&'static str];

/// Streams an export page by page. Nothing is held between two pages, however slow the caller reads.
pub(crate) async fn exported<T: Serialize + 'static>(
    mut export: Export<T>,
    columns: Columns,
    name: &str,
) -> Result<HttpResponse, Problem> {
    // The first page is fetched before anything is said, so that trouble is still told by a status.
    let first = export.next_page().await?.unwrap_or_default();
    let rest = stream::try_unfold(export, |mut export| async move {
        let page = export.next_page().await?;
        Ok(page.map(|page| (page, export)))
    });
    Ok(file(&first, rest, columns, name))
}

/// A file of these records and the further pages.
fn file<T: Serialize + 'static>(
    first: &[T],
    rest: impl Stream<Item = Result<Vec<T>, Error>> + 'static,
    columns: Columns,
    name: &str,
) -> HttpResponse {
    sent_file(table(columns, first), rest.map(move |page| page.map(|page| lines(columns, &page))), name)
}

/// A file of these bytes and the further ones.
pub(crate) fn sent_file(
    first: Vec<u8>,
    rest: impl Stream<Item = Result<Vec<u8>, Error>> + 'static,
    name: &str,
) -> HttpResponse {
    let beginning = stream::once(ready(Ok(Bytes::from(first))));
    let rest = rest.map(|piece| match piece {
        Ok(piece) => Ok(Bytes::from(piece)),
        // The head has been sent: all that is left is to break off, so that nobody takes a part for the whole.
        Err(error) => Err(actix_web::Error::from(Problem::from(error))),
    });
    HttpResponse::Ok().content_type(CSV).insert_header(attachment(name)).streaming(beginning.chain(rest))
}

/// The media type.
const CSV: &str = "text/csv; charset=utf-8";

/// A header line and one line for each record.
fn table<T: Serialize>(columns: Columns, records: &[T]) -> Vec<u8> {
    let mut file = written(|writer| writer.write_record(columns));
    file.extend(lines(columns, records));
    file
}

fn lines<T: Serialize>(columns: Columns, records: &[T]) -> Vec<u8> {
    written(|writer| {
        records.iter().try_for_each(|record| {
            let record = serde_json::to_value(record).expect("records serialise to JSON without failing");
            writer.write_record(columns.iter().map(|column| safe(cell(&record[*column]))))
        })
    })
}

fn written(write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    write(&mut writer).expect("memory takes every line, and all lines have one length");
    writer.into_inner().expect("memory takes every line")
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        value => value.to_string(),
    }
}

/// An apostrophe before what a spreadsheet would run as a formula (OWASP, "CSV Injection"). Cells that begin with such
/// an apostrophe already get another one, so that an import, which takes one off, reads back what was exported.
fn safe(cell: String) -> String {
    let is_risky = cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_risky { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_has_a_header_and_one_line_for_each_record() {
        let records = [json!({"name": "Aé, \"B\"", "tags": ["a", "b"], "n": 1}), json!({"name": null, "n": true})];
        let text = String::from_utf8(table(&["name", "tags", "n"], &records)).unwrap();
        assert_eq!(text, "name,tags,n\r\n\"Aé, \"\"B\"\"\",\"a,b\",1\r\n,,true\r\n");
        assert_eq!(table::<Value>(&["name"], &[]), b"name\r\n");
    }

    #[test]
    fn formulas_are_neutralised() {
        for (cell, expected) in [
            ("=1+1", "'=1+1"),
            ("+33", "'+33"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("'=1", "''=1"),
            ("a=b", "a=b"),
            ("'a", "'a"),
            ("", ""),
        ] {
            assert_eq!(safe(cell.to_owned()), expected);
        }
    }

    proptest! {
        #[test]
        fn no_cell_begins_like_a_formula(text in any::<String>()) {
            prop_assert!(!safe(text).starts_with(['=', '+', '-', '@', '\t', '\r']));
        }

        #[test]
        fn cells_of_any_text_stay_in_their_column(text in "[^\r\n\0]*") {
            let file = table(&["a", "b"], &[json!({"a": text, "b": "end"})]);
            let mut reader = csv::Reader::from_reader(file.as_slice());
            let record = reader.records().next().unwrap().unwrap();
            let expected = safe(text);
            prop_assert_eq!(record.get(0), Some(expected.as_str()));
            prop_assert_eq!(record.get(1), Some("end"));
        }
    }
}
