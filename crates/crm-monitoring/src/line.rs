//! One record as it will be written: keys in order, each once, nothing sensitive in it.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use sentry::protocol::{Map, Value as Json};
use slog::{KV, Key, OwnedKVList, Record, Serializer};

use crate::levels::level_name;
use crate::redaction::{REDACTED, is_sensitive, scrub};

/// The cleaned fields of one record. A key that comes twice keeps its first value, so the caller puts the nearest first.
#[derive(Default)]
pub(crate) struct Line {
    fields: Vec<(Key, Value)>,
}

impl Line {
    /// The fields of a record without its time, level and message: the record's own, then those of its logger from the
    /// innermost outwards.
    pub(crate) fn of(record: &Record<'_>, context: &OwnedKVList) -> Result<Self, slog::Error> {
        let mut line = Self::default();
        record.kv().serialize(record, &mut line)?;
        // slog hands over the last written pair first.
        line.fields.reverse();
        context.serialize(record, &mut line)?;
        Ok(line)
    }

    /// The fields of a line of JSON: `time` (RFC 3339, UTC, microseconds), `level`, `module`, `message`, then the others.
    pub(crate) fn with_header(self, at: DateTime<Utc>, record: &Record<'_>) -> Result<Self, slog::Error> {
        let mut line = Self::default();
        line.put("time", Value::Text(at.to_rfc3339_opts(SecondsFormat::Micros, true)));
        line.put("level", Value::Text(level_name(record.level()).to_owned()));
        line.put("module", Value::Text(record.module().to_owned()));
        line.emit_arguments("message", record.msg())?;
        self.fields.into_iter().for_each(|(key, value)| line.put(key, value));
        Ok(line)
    }

    /// The same with the id of the request that it belongs to, unless it has one.
    pub(crate) fn with_request(mut self, request_id: Option<&str>) -> Self {
        if let Some(id) = request_id {
            self.put("request_id", Value::Text(id.to_owned()));
        }
        self
    }

    /// The fields as JSON.
    pub(crate) fn into_map(self) -> Map<String, Json> {
        self.fields.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
    }

    /// The same with control characters escaped, for outputs that do not escape them: a value must not be able to forge
    /// a second line or to command the terminal.
    pub(crate) fn without_control_characters(mut self) -> Self {
        for (_, value) in &mut self.fields {
            if let Value::Text(text) = value {
                *text = escape_control_characters(text);
            }
        }
        self
    }

    fn put(&mut self, key: Key, value: Value) {
        if self.fields.iter().all(|(known, _)| *known != key) {
            self.fields.push((key, value));
        }
    }

    fn put_unless_sensitive(&mut self, key: Key, value: Value) {
        let value = if is_sensitive(key) { Value::Text(REDACTED.to_owned()) } else { value };
        self.put(key, value);
    }
}

/// A message without secrets and control characters.
pub(crate) fn clean_message(record: &Record<'_>) -> String {
    escape_control_characters(&scrub(&record.msg().to_string()))
}

fn escape_control_characters(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len() + 8), |mut escaped, character| {
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
        escaped
    })
}

enum Value {
    Null,
    Boolean(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(value) => value.into(),
            Value::Signed(value) => value.into(),
            Value::Unsigned(value) => value.into(),
            Value::Float(value) => value.into(),
            Value::Text(value) => value.into(),
        }
    }
}

impl KV for Line {
    fn serialize(&self, _: &Record<'_>, serializer: &mut dyn Serializer) -> slog::Result {
        self.fields.iter().try_for_each(|(key, value)| match value {
            Value::Null => serializer.emit_none(key),
            Value::Boolean(value) => serializer.emit_bool(key, *value),
            Value::Signed(value) => serializer.emit_i64(key, *value),
            Value::Unsigned(value) => serializer.emit_u64(key, *value),
            Value::Float(value) => serializer.emit_f64(key, *value),
            Value::Text(value) => serializer.emit_str(key, value),
        })
    }
}

/// Numbers stay numbers; whatever has no case here arrives as text by `emit_arguments`.
impl Serializer for Line {
    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        self.put_unless_sensitive(key, Value::Text(scrub(&value.to_string())));
        Ok(())
    }

    fn emit_none(&mut self, key: Key) -> slog::Result {
        self.put(key, Value::Null);
        Ok(())
    }

    fn emit_unit(&mut self, key: Key) -> slog::Result {
        self.emit_none(key)
    }

    fn emit_bool(&mut self, key: Key, value: bool) -> slog::Result {
        self.put_unless_sensitive(key, Value::Boolean(value));
        Ok(())
    }

    fn emit_i64(&mut self, key: Key, value: i64) -> slog::Result {
        self.put_unless_sensitive(key, Value::Signed(value));
        Ok(())
    }

    fn emit_u64(&mut self, key: Key, value: u64) -> slog::Result {
        self.put_unless_sensitive(key, Value::Unsigned(value));
        Ok(())
    }

    fn emit_f64(&mut self, key: Key, value: f64) -> slog::Result {
        self.put_unless_sensitive(key, Value::Float(value));
        Ok(())
    }

    fn emit_i8(&mut self, key: Key, value: i8) -> slog::Result {
        self.emit_i64(key, value.into())
    }

    fn emit_i16(&mut self, key: Key, value: i16) -> slog::Result {
        self.emit_i64(key, value.into())
    }

    fn emit_i32(&mut self, key: Key, value: i32) -> slog::Result {
        self.emit_i64(key, value.into())
    }

    fn emit_isize(&mut self, key: Key, value: isize) -> slog::Result {
        self.emit_i64(key, value as i64)
    }

    fn emit_u8(&mut self, key: Key, value: u8) -> slog::Result {
        self.emit_u64(key, value.into())
    }

    fn emit_u16(&mut self, key: Key, value: u16) -> slog::Result {
        self.emit_u64(key, value.into())
    }

    fn emit_u32(&mut self, key: Key, value: u32) -> slog::Result {
        self.emit_u64(key, value.into())
    }

    fn emit_usize(&mut self, key: Key, value: usize) -> slog::Result {
        self.emit_u64(key, value as u64)
    }

    fn emit_f32(&mut self, key: Key, value: f32) -> slog::Result {
        self.emit_f64(key, value.into())
    }
}
