//! A list request as a whole, and the page that answers it.

use super::{Cursor, Direction, FieldSet, Filter, Sort};
use crate::{Invalid, Violation, parse_choice, values::search_words};

/// Whether a list says how many records it has in all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, strum::AsRefStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Total {
    /// Not at all.
    #[default]
    None,
    /// Counted, but not beyond [`Total::ESTIMATE_LIMIT`].
    Estimated,
    /// Counted to the end.
    Exact,
}

impl Total {
    /// Where an estimated count stops: cheap on both databases, and it tells nothing about rows out of scope.
    pub const ESTIMATE_LIMIT: i64 = 10_000;
}

/// A list request: which records, in which order, from where, how many.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListQuery<F> {
    /// Conditions; all must hold.
    pub filters: Vec<Filter<F>>,
    /// Folded words of the full-text search; all must be found.
    pub words: Vec<String>,
    /// Sort keys; at least one.
    pub sort: Vec<Sort<F>>,
    /// Where to begin; at the start when none.
    pub cursor: Option<Cursor>,
    /// The most records of one page, 1 to [`ListQuery::MOST`].
    pub limit: u32,
    /// Whether to count.
    pub total: Total,
}

/// One page of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page<T> {
    /// The records, in order.
    pub items: Vec<T>,
    /// The cursor of the next page, as text; none on the last one.
    pub next_cursor: Option<String>,
    /// How many records there are in all, when asked for.
    pub total: Option<i64>,
}

impl<F: FieldSet> Default for ListQuery<F> {
    fn default() -> Self {
        let sort = vec![Sort { field: F::newest_first(), direction: Direction::Descending }];
        Self { filters: Vec::new(), words: Vec::new(), sort, cursor: None, limit: Self::DEFAULT, total: Total::None }
    }
}

impl<F: FieldSet> ListQuery<F> {
    /// The page size when none is asked for.
    pub const DEFAULT: u32 = 50;
    /// The greatest page size.
    pub const MOST: u32 = 200;

    /// Reads query parameters. Unknown ones are refused, and so is a parameter that stands twice.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Invalid> {
        let mut query = Self::default();
        let mut invalid = Invalid::default();
        let mut cursor = None;
        let mut seen: Vec<&str> = Vec::new();
        for (name, text) in pairs {
            if seen.contains(&name) {
                invalid.errors.push(Violation::new("repeated_parameter", "stands more than once").at(name));
                continue;
            }
            seen.push(name);
            match name {
                "cursor" => cursor = Some(text),
                _ => drop(invalid.note(name, query.read(name, text))),
            }
        }
        if let (Some(text), true) = (cursor, invalid.errors.is_empty()) {
            query.cursor = invalid.note("cursor", Cursor::decode(text, query.fingerprint(), &query.sort));
        }
        invalid.finish(query)
    }

    fn read(&mut self, name: &str, text: &str) -> Result<(), Violation> {
        match name {
            "limit" => self.limit = Self::page_size(text)?,
            "sort" => self.sort = Sort::parse(text)?,
            "total" => self.total = parse_choice(text)?,
            "q" => self.words = words(text)?,
            _ => match Filter::parse(name, text) {
                Some(filter) => self.filters.push(filter?),
                None => return Err(Violation::new("unknown_parameter", "is not a parameter of this list")),
            },
        }
        Ok(())
    }

    fn page_size(text: &str) -> Result<u32, Violation> {
        let number = text.parse().ok().filter(|number| (1..=Self::MOST).contains(number));
        number.ok_or_else(|| Violation::new("limit", format!("must be a whole number from 1 to {}", Self::MOST)))
    }

    /// A number that is the same for the same resource, filters, search and order, on every instance and in every release.
    pub fn fingerprint(&self) -> u64 {
        let mut filters: Vec<String> = self.filters.iter().map(|filter| format!("{filter:?}")).collect();
        filters.sort_unstable();
        fnv1a(format!("{:?}{filters:?}{:?}{:?}", F::RESOURCE, self.words, self.sort).as_bytes())
    }
}

fn words(text: &str) -> Result<Vec<String>, Violation> {
    let words = if text.chars().count() > 200 { Vec::new() } else { search_words(text) };
    if words.is_empty() {
        return Err(Violation::new("search", "must have 1 to 200 characters, at least one a letter or a digit"));
    }
    Ok(words)
}

/// The 64-bit FNV-1a hash (RFC 9923): not secret, only stable.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
