//! What the document says of a resource beside what its types and its handlers tell.

use serde_json::Value;

/// One resource with all its operations.
#[derive(Debug)]
pub(crate) struct Documented {
    /// The collection's name, which is also the tag of its operations.
    pub(crate) tag: &'static str,
    /// A sentence about it.
    pub(crate) about: &'static str,
    /// The name of the record's schema; those of its bodies begin with it.
    pub(crate) schema: &'static str,
    /// The fields of a body that cannot be `null`.
    pub(crate) present: &'static [&'static str],
    /// The fields that a new record must have.
    pub(crate) required: &'static [&'static str],
    /// The fields that an upsert can match by.
    pub(crate) matched_by: &'static [&'static str],
    /// The body of a new record.
    pub(crate) example: fn() -> Value,
    /// The body of a change.
    pub(crate) change: fn() -> Value,
}
