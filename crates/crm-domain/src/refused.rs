//! Why a record cannot become what is asked for.

use crate::Invalid;

/// The state of a record does not allow it, however the input reads.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct Conflict {
    /// Stable name of the rule.
    pub code: &'static str,
    /// A sentence for people.
    pub detail: String,
}

/// Why a record cannot become what is asked for: the input breaks rules, or the record's state does not allow it.
///
/// An input that breaks rules is told first, with everything that is wrong; only a good one is held against the state.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    /// The input breaks rules.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The state does not allow it.
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

impl Refused {
    /// The same refusal as one about the input alone, for reports field by field: a conflict is told at `pointer`.
    pub fn at(self, pointer: &str) -> Invalid {
        match self {
            Self::Invalid(invalid) => invalid,
            Self::Conflict(conflict) => Invalid::one(pointer, conflict.code, conflict.detail),
        }
    }
}
