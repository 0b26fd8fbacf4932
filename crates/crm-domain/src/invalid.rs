//! What is wrong with an input, told so that a person can mend it: one entry for each field, with a stable code.

use std::fmt;

use serde::Serialize;

/// One broken rule, not yet bound to a field.
///
/// The code is stable and part of the contract; the detail is a sentence for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// Stable, machine-readable name of the rule, for example `email`.
    pub code: &'static str,
    /// A sentence that says what is expected. Never contains a secret.
    pub detail: String,
}

impl Violation {
    /// A violation of the rule `code`.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// The violation of a field that is missing or `null` where a value must be: `required`.
    pub fn required() -> Self {
        Self::new("required", "must have a value")
    }

    /// Binds the violation to a field of the input.
    pub fn at(self, pointer: impl Into<String>) -> FieldError {
        FieldError { pointer: pointer.into(), code: self.code, detail: self.detail }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail)
    }
}

impl std::error::Error for Violation {}

/// One broken rule of one field, as it appears in `errors` of a problem document.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the body, or the name of a query parameter.
    pub pointer: String,
    /// Stable, machine-readable name of the rule.
    pub code: &'static str,
    /// A sentence that says what is expected.
    pub detail: String,
}

/// All broken rules of one input; never empty when returned as an error.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, thiserror::Error)]
#[error("the input is not valid: {}", told(errors))]
pub struct Invalid {
    /// In the order in which the fields are declared.
    pub errors: Vec<FieldError>,
}

/// All broken rules in one line, for logs and commands.
fn told(errors: &[FieldError]) -> String {
    let one =
        |error: &FieldError| format!("{} {}", error.pointer.trim_start_matches('/'), error.detail).trim().to_owned();
    errors.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl Invalid {
    /// An error about a single field.
    pub fn one(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { errors: vec![Violation::new(code, detail).at(pointer)] }
    }

    /// Keeps the value, or notes the violation under `pointer` and yields nothing.
    pub fn note<T>(&mut self, pointer: &str, result: Result<T, Violation>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(violation) => {
                self.errors.push(violation.at(pointer));
                None
            }
        }
    }

    /// `Ok(value)` when nothing was noted.
    pub fn finish<T>(self, value: T) -> Result<T, Self> {
        if self.errors.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl From<FieldError> for Invalid {
    fn from(error: FieldError) -> Self {
        Self { errors: vec![error] }
    }
}
