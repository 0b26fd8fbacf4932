//! Cursors: where a page ended, opaque to clients.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use uuid::Uuid;

use super::{FieldSet, Kind, Sort, Value};
use crate::{
    Violation,
    values::{Timestamp, parse_date},
};

/// The place in a sorted list after which the next page begins: the last record's sort keys and id.
///
/// A cursor belongs to one list: the same filters, search and order. It holds nothing that its reader has not just
/// been shown, and a forged one can name a place but never a record out of scope.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cursor {
    /// The value of each sort key, none where the field was empty.
    pub keys: Vec<Option<Value>>,
    /// The id of the last record.
    pub id: Uuid,
}

/// The layout of the encoded form; a change of layout makes old cursors bad.
const LAYOUT: i64 = 1;

impl Cursor {
    /// The text for `next_cursor`; `list` tells one list from another, see [`super::ListQuery::fingerprint`].
    pub fn encode(&self, list: u64) -> String {
        let keys: Vec<serde_json::Value> =
            self.keys.iter().map(|key| key.as_ref().map_or(serde_json::Value::Null, key_to_json)).collect();
        URL_SAFE_NO_PAD.encode(json!([LAYOUT, list, keys, self.id]).to_string())
    }

    /// Reads a cursor of the list `list`, sorted by `sort`.
    pub fn decode<F: FieldSet>(text: &str, list: u64, sort: &[Sort<F>]) -> Result<Self, Violation> {
        Self::read(text, list, sort).ok_or_else(|| Violation::new("cursor", "is not a cursor of this list"))
    }

    fn read<F: FieldSet>(text: &str, list: u64, sort: &[Sort<F>]) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (layout, of, keys, id): (i64, u64, Vec<serde_json::Value>, Uuid) = serde_json::from_slice(&bytes).ok()?;
        if layout != LAYOUT || of != list || keys.len() != sort.len() {
            return None;
        }
        let keys =
            keys.iter().zip(sort).map(|(key, sort)| key_from_json(sort.field.kind(), key)).collect::<Option<_>>()?;
        Some(Self { keys, id })
    }
}

fn key_to_json(key: &Value) -> serde_json::Value {
    match key {
        Value::Text(text) => json!(text),
        Value::Integer(number) => json!(number),
        Value::Boolean(flag) => json!(flag),
        Value::Date(date) => json!(date.to_string()),
        Value::Time(time) => json!(time.micros()),
        Value::Id(id) => json!(id),
    }
}

#[allow(clippy::option_option)]
fn key_from_json(kind: Kind, key: &serde_json::Value) -> Option<Option<Value>> {
    if key.is_null() {
        return Some(None);
    }
    let value = match kind {
        Kind::Text | Kind::Folded | Kind::Choice(_) | Kind::Tags => {
            Value::Text(key.as_str().filter(|text| !text.contains('\0'))?.to_owned())
        }
        Kind::Integer | Kind::Money => Value::Integer(key.as_i64()?),
        Kind::Boolean => Value::Boolean(key.as_bool()?),
        Kind::Date => Value::Date(parse_date(key.as_str()?).ok()?),
        Kind::Time => Value::Time(Timestamp::from_micros(key.as_i64()?)),
        Kind::Id | Kind::Ids => Value::Id(key.as_str()?.parse().ok()?),
    };
    Some(Some(value))
}
