//! Applying a patch: the new state, and which field went from what to what.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Field, Invalid, Violation};

/// One field that a change moved from an old to a new value.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldChange {
    /// The field's name, as in the API.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub field: Cow<'static, str>,
    /// The value before, `null` where there was none.
    pub old: Value,
    /// The value after, `null` where there is none.
    pub new: Value,
}

/// The outcome of creating or changing a record.
#[derive(Clone, Debug)]
pub struct Applied<T> {
    /// The new state; equal to the old one when nothing changed.
    pub state: T,
    /// What changed; empty when the patch said nothing new.
    pub changes: Vec<FieldChange>,
}

/// Applies a patch field by field, noting each change and each broken rule.
#[derive(Debug, Default)]
pub struct Editor {
    record: Record,
    changes: Vec<FieldChange>,
    invalid: Invalid,
}

/// Whether the record was there before: of a new one every value is a change from nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Record {
    #[default]
    Existing,
    New,
}

impl Editor {
    /// An editor of a record that exists: what differs is a change.
    pub fn new() -> Self {
        Self::default()
    }

    /// An editor of a record that is being made: every value that it begins with is noted once, its defaults too, so
    /// that the change log alone tells the whole record.
    pub fn of_new_record() -> Self {
        Self { record: Record::New, ..Self::default() }
    }

    /// A field without a default: a new record must be given a value, and it can never be taken away. Breaks `required`.
    pub fn essential<T: Clone + PartialEq + Serialize>(&mut self, name: &'static str, slot: &mut T, field: &Field<T>) {
        match field {
            Field::Keep if self.record == Record::New => self.refuse(name, &Violation::required()),
            _ => self.required(name, slot, field),
        }
    }

    /// A field that has a default and must have a value: `null` breaks the rule `required`.
    pub fn required<T: Clone + PartialEq + Serialize>(&mut self, name: &'static str, slot: &mut T, field: &Field<T>) {
        match field {
            Field::Keep => self.keep(name, slot),
            Field::Clear => self.refuse(name, &Violation::required()),
            Field::Set(value) => self.swap(name, slot, value.clone()),
        }
    }

    /// A field that may be empty.
    pub fn optional<T: Clone + PartialEq + Serialize>(
        &mut self,
        name: &'static str,
        slot: &mut Option<T>,
        field: &Field<T>,
    ) {
        match field {
            Field::Keep => self.keep(name, slot),
            Field::Clear => self.swap(name, slot, None),
            Field::Set(value) => self.swap(name, slot, Some(value.clone())),
        }
    }

    /// A field whose `null` is its empty value, such as a set of words.
    pub fn emptied<T: Clone + Default + PartialEq + Serialize>(
        &mut self,
        name: &'static str,
        slot: &mut T,
        field: &Field<T>,
    ) {
        match field {
            Field::Keep => self.keep(name, slot),
            Field::Clear => self.swap(name, slot, T::default()),
            Field::Set(value) => self.swap(name, slot, value.clone()),
        }
    }

    /// Puts a value, whatever was there.
    pub fn swap<T: PartialEq + Serialize>(&mut self, name: &'static str, slot: &mut T, new: T) {
        if self.record == Record::New {
            *slot = new;
            self.initial(name, slot);
        } else if *slot != new {
            let old = std::mem::replace(slot, new);
            self.changes.push(FieldChange { field: name.into(), old: json(&old), new: json(slot) });
        }
    }

    /// Notes a first value of a new record; an empty one is nothing to note.
    pub fn initial<T: Serialize>(&mut self, name: &'static str, value: &T) {
        let new = json(value);
        if !new.is_null() {
            self.changes.push(FieldChange { field: name.into(), old: Value::Null, new });
        }
    }

    fn keep<T: Serialize>(&mut self, name: &'static str, slot: &T) {
        if self.record == Record::New {
            self.initial(name, slot);
        }
    }

    /// Notes a broken rule about the field `name`.
    pub fn refuse(&mut self, name: &str, violation: &Violation) {
        self.invalid.errors.push(violation.clone().at(format!("/{name}")));
    }

    /// Whether any field has changed so far.
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// The outcome, or every broken rule.
    pub fn finish<T>(self, state: T) -> Result<Applied<T>, Invalid> {
        let Self { changes, invalid, .. } = self;
        invalid.finish(Applied { state, changes })
    }
}

fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("domain values serialise to JSON without failing")
}
