//! Reading a JSON object into typed fields: every broken rule is told at once, and no field is silently ignored.

use serde_json::{Map, Value};

use crate::{Choice, Field, Id, Invalid, Violation, parse_choice};

/// Takes the fields of one JSON object, one after the other.
///
/// ```
/// use crm_domain::{Field, InputReader};
/// let mut input = InputReader::new(serde_json::json!({"is_active": "yes", "colour": 1})).unwrap();
/// let flag: Field<bool> = input.boolean("is_active");
/// let invalid = input.finish(flag).unwrap_err();
/// let codes: Vec<_> = invalid.errors.iter().map(|error| (error.pointer.as_str(), error.code)).collect();
/// assert_eq!(codes, [("/is_active", "type"), ("/colour", "unknown_field")]);
/// ```
#[derive(Debug)]
pub struct InputReader {
    object: Map<String, Value>,
    invalid: Invalid,
}

impl InputReader {
    /// A reader over an object; anything else breaks the rule `type`.
    pub fn new(value: Value) -> Result<Self, Invalid> {
        match value {
            Value::Object(object) => Ok(Self { object, invalid: Invalid::default() }),
            _ => Err(Invalid::one("", "type", "must be a JSON object")),
        }
    }

    /// A string, read by `parse`.
    pub fn text<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Violation>) -> Field<T> {
        self.read(name, |value| match value {
            Value::String(text) => parse(&text),
            _ => Err(Violation::new("type", "must be a string")),
        })
    }

    /// One of a closed list of words.
    pub fn choice<T: Choice>(&mut self, name: &str) -> Field<T> {
        self.text(name, parse_choice)
    }

    /// The id of a record.
    pub fn id<R>(&mut self, name: &str) -> Field<Id<R>> {
        self.text(name, Id::parse)
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, name: &str) -> Field<bool> {
        self.read(name, |value| value.as_bool().ok_or_else(|| Violation::new("type", "must be true or false")))
    }

    /// A whole number, checked by `make`.
    pub fn integer<T>(&mut self, name: &str, make: impl FnOnce(i64) -> Result<T, Violation>) -> Field<T> {
        self.read(name, |value| {
            let whole = value.as_i64().or_else(|| whole_float(&value));
            whole.ok_or_else(|| Violation::new("type", "must be a whole number")).and_then(make)
        })
    }

    /// A list of strings, checked by `make`.
    pub fn texts<T>(&mut self, name: &str, make: impl FnOnce(Vec<String>) -> Result<T, Violation>) -> Field<T> {
        self.read(name, |value| {
            let texts: Option<Vec<String>> = match value {
                Value::Array(items) => items.into_iter().map(text_of).collect(),
                _ => None,
            };
            texts.ok_or_else(|| Violation::new("type", "must be a list of strings")).and_then(make)
        })
    }

    /// A field with an inside of its own: what is wrong there is told with its pointer.
    pub fn nested<T>(&mut self, name: &str, parse: impl FnOnce(Value) -> Result<T, Invalid>) -> Field<T> {
        match self.object.remove(name) {
            None => Field::Keep,
            Some(Value::Null) => Field::Clear,
            Some(value) => match parse(value) {
                Ok(value) => Field::Set(value),
                Err(inside) => {
                    let moved = inside.errors.into_iter().map(|mut error| {
                        error.pointer.insert_str(0, &format!("/{name}"));
                        error
                    });
                    self.invalid.errors.extend(moved);
                    Field::Keep
                }
            },
        }
    }

    /// A field that the object must have, and not as `null`. Call it before the field is read.
    pub fn require(&mut self, name: &str) {
        if self.object.get(name).is_none_or(Value::is_null) {
            self.invalid.errors.push(Violation::required().at(format!("/{name}")));
        }
    }

    /// Takes a field as it stands, for inputs that hold other inputs.
    pub fn value(&mut self, name: &str) -> Option<Value> {
        self.object.remove(name)
    }

    /// The value, or every broken rule, unknown fields included.
    pub fn finish<T>(mut self, value: T) -> Result<T, Invalid> {
        for name in self.object.keys() {
            let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            self.invalid.errors.push(Violation::new("unknown_field", "is not a field of this resource").at(pointer));
        }
        self.invalid.finish(value)
    }

    fn read<T>(&mut self, name: &str, parse: impl FnOnce(Value) -> Result<T, Violation>) -> Field<T> {
        match self.object.remove(name) {
            None => Field::Keep,
            Some(Value::Null) => Field::Clear,
            Some(value) => self.invalid.note(&format!("/{name}"), parse(value)).map_or(Field::Keep, Field::Set),
        }
    }
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// JSON does not tell `5` from `5.0`; a schema that says `integer` takes both.
#[allow(clippy::cast_possible_truncation)]
fn whole_float(value: &Value) -> Option<i64> {
    value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e15).map(|number| number as i64)
}
