//! Reading back what was checked before it was stored. The CHECK constraints of the schema hold the same lists, so a value
//! that cannot be read is a defect of the database, not of an input.

use std::fmt::Display;

use crm_domain::{Choice, Violation, parse_choice, values::Tags};

use crate::column::JsonColumn;

pub fn text<T: Display>(value: Option<&T>) -> Option<String> {
    value.map(T::to_string)
}

pub fn choice_text<T: Choice>(value: Option<T>) -> Option<String> {
    value.map(|value| value.as_ref().to_owned())
}

pub fn choice<T: Choice>(text: &str) -> T {
    code(parse_choice(text))
}

pub fn code<T>(value: Result<T, Violation>) -> T {
    value.expect("the schema's CHECK constraints let only such values in")
}

pub fn tags_json(tags: &Tags) -> JsonColumn {
    JsonColumn(serde_json::to_value(tags).expect("a list of strings serialises to JSON"))
}

pub fn tags(column: JsonColumn) -> Tags {
    serde_json::from_value(column.0).expect("a stored set of words was one before it was stored")
}
