//! Records as CSV (RFC 4180), harmless in a spreadsheet: one line for each record.

use serde::Serialize;

use super::{Columns, cell, value};
use crate::import::reader::spreadsheet_safe;

/// The header line.
pub fn csv_head(columns: Columns) -> Vec<u8> {
    written(|writer| writer.write_record(columns))
}

/// One line for each record. What a spreadsheet would run as a formula has an apostrophe before it.
pub fn csv_lines<T: Serialize>(columns: Columns, records: &[T]) -> Vec<u8> {
    written(|writer| {
        records.iter().try_for_each(|record| {
            let record = value(record);
            let cells = columns.iter().map(|column| cell(&record[*column]));
            writer.write_record(cells.map(|cell| spreadsheet_safe(&cell).into_owned()))
        })
    })
}

fn written(write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    write(&mut writer).expect("memory takes every line, and all lines have one length");
    writer.into_inner().expect("memory takes every line")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn table(columns: Columns, records: &[Value]) -> Vec<u8> {
        [csv_head(columns), csv_lines(columns, records)].concat()
    }

    #[test]
    fn a_table_has_a_header_and_one_line_for_each_record() {
        let records = [json!({"name": "Aé, \"B\"", "tags": ["a", "b"], "n": 1}), json!({"name": null, "n": true})];
        let text = String::from_utf8(table(&["name", "tags", "n"], &records)).unwrap();
        assert_eq!(text, "name,tags,n\r\n\"Aé, \"\"B\"\"\",\"a,b\",1\r\n,,true\r\n");
        assert_eq!(table(&["name"], &[]), b"name\r\n");
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
            ("x", "x"),
        ] {
            let lines = csv_lines(&["a", "b"], &[json!({"a": cell, "b": ""})]);
            assert_eq!(String::from_utf8(lines).unwrap(), format!("{expected},\r\n"));
        }
    }

    proptest! {
        #[test]
        fn cells_of_any_text_stay_in_their_column_and_none_begins_like_a_formula(text in "[^\r\n\0]*") {
            let file = table(&["a", "b"], &[json!({"a": text, "b": "end"})]);
            let mut reader = csv::Reader::from_reader(file.as_slice());
            let record = reader.records().next().unwrap().unwrap();
            let first = record.get(0).unwrap();
            prop_assert!(!first.starts_with(['=', '+', '-', '@', '\t', '\r']));
            prop_assert!(first == text || first.strip_prefix('\'') == Some(text.as_str()));
            prop_assert_eq!(record.get(1), Some("end"));
        }
    }
}
