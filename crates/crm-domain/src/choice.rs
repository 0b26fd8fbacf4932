//! Closed lists of words: enumerations that are the same text in code, API and database.

use std::str::FromStr;

use strum::VariantArray;

use crate::Violation;

/// An enumeration whose variants have stable `snake_case` names.
pub trait Choice: Copy + FromStr + AsRef<str> + VariantArray {}

impl<T: Copy + FromStr + AsRef<str> + VariantArray> Choice for T {}

/// The names of all variants, in their declared order.
pub fn names_of<T: Choice>() -> Vec<&'static str> {
    T::VARIANTS.iter().map(AsRef::as_ref).collect()
}

/// Reads one variant by its exact name; the violation lists all names.
pub fn parse_choice<T: Choice>(text: &str) -> Result<T, Violation> {
    text.parse().map_err(|_| Violation::new("choice", format!("must be one of: {}", names_of::<T>().join(", "))))
}
