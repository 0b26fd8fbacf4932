//! Sort keys: `-created_at,name`.

use super::FieldSet;
use crate::Violation;

/// Which way a sort key runs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Direction {
    /// Smallest first; empty values last.
    Ascending,
    /// Greatest first; empty values last.
    Descending,
}

/// One sort key. The record's id always follows the last one, in its direction, so that every order is total.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Sort<F> {
    /// The field.
    pub field: F,
    /// Its direction.
    pub direction: Direction,
}

/// The most sort keys that a list takes.
const MOST_KEYS: usize = 3;

impl<F: FieldSet> Sort<F> {
    /// Reads the value of `sort`: up to three different fields, `-` before one for the other direction.
    pub fn parse(text: &str) -> Result<Vec<Self>, Violation> {
        let keys: Vec<Self> = text.split(',').map(Self::parse_key).collect::<Result<_, _>>()?;
        let repeated = keys.iter().enumerate().any(|(at, key)| keys[..at].iter().any(|one| one.field == key.field));
        if keys.len() > MOST_KEYS || repeated {
            return Err(Violation::new("sort", format!("takes up to {MOST_KEYS} different fields")));
        }
        Ok(keys)
    }

    fn parse_key(text: &str) -> Result<Self, Violation> {
        let (direction, name) = match text.strip_prefix('-') {
            Some(name) => (Direction::Descending, name),
            None => (Direction::Ascending, text),
        };
        let sortable = name.parse().ok().filter(|field: &F| field.is_sortable());
        let names = || F::VARIANTS.iter().filter(|field| field.is_sortable()).map(AsRef::as_ref).collect::<Vec<&str>>();
        let message = || Violation::new("sort", format!("must be fields out of: {}", names().join(", ")));
        sortable.map(|field| Self { field, direction }).ok_or_else(message)
    }
}
