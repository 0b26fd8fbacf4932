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
    changes: Vec<FieldChange>,
    invalid: Invalid,
}

impl Editor {
    /// An editor that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A field that must have a value: `null` breaks the rule `required`.
    pub fn required<T: Clone + PartialEq + Serialize>(&mut self, name: &'static str, slot: &mut T, field: &Field<T>) {
        match field {
            Field::Keep => {}
            Field::Clear => self.refuse(name, &Violation::new("required", "must have a value")),
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
            Field::Keep => {}
            Field::Clear => self.swap(name, slot, None),
            Field::Set(value) => self.swap(name, slot, Some(value.clone())),
        }
    }

    /// A field whose `null` is its empty value, such as a set of words.
    pub fn emptied<T: Clone + Default + PartialEq + Serialize>(&mut self, name: &'static str, slot: &mut T, field: &Field<T>) {
        match field {
            Field::Keep => {}
            Field::Clear => self.swap(name, slot, T::default()),
            Field::Set(value) => self.swap(name, slot, value.clone()),
        }
    }

    /// Puts a value that a rule works out itself.
    pub fn swap<T: PartialEq + Serialize>(&mut self, name: &'static str, slot: &mut T, new: T) {
        if *slot != new {
            let old = std::mem::replace(slot, new);
            self.changes.push(FieldChange { field: name.into(), old: json(&old), new: json(slot) });
        }
    }

    /// Notes a first value of a new record.
    pub fn initial<T: Serialize>(&mut self, name: &'static str, value: &T) {
        let new = json(value);
        if !new.is_null() {
            self.changes.push(FieldChange { field: name.into(), old: Value::Null, new });
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
        let Self { changes, invalid } = self;
        invalid.finish(Applied { state, changes })
    }
}

fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("domain values serialise to JSON without failing")
}
