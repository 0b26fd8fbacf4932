//! Pages of the short lists that have one fixed order: a cursor is the key of the last item.

use std::str::FromStr;

use crm_domain::{Invalid, query::Page};

use crate::error::StoreError;

/// Reads the cursor of a request.
pub fn read_cursor<K: FromStr>(cursor: Option<&str>) -> Result<Option<K>, StoreError> {
    cursor.map(|text| text.parse().map_err(|_| bad_cursor())).transpose()
}

/// What a request hears whose cursor is none of this list.
pub fn bad_cursor() -> StoreError {
    Invalid::one("cursor", "cursor", "is not a cursor of this list").into()
}

/// So many items are to be loaded: one more than asked for tells whether there is another page.
pub fn to_load(limit: u32) -> i64 {
    i64::from(limit) + 1
}

/// The page of the items that were loaded, and the cursor of the next one.
pub fn page<T>(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| more).map(key);
    Page { items, next_cursor, total: None }
}
