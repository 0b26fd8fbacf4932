//! The fields of a resource as a list request sees them, and which operators each kind of field takes.

use std::fmt;

use crate::{Choice, access::Resource};

/// The fields of one resource that can be filtered or sorted by.
pub trait FieldSet: Choice + Eq + fmt::Debug + Send + Sync + 'static {
    /// The resource whose fields they are.
    const RESOURCE: Resource;

    /// What its values are.
    fn kind(self) -> Kind;

    /// Whether lists can be sorted by it; each sortable field has an index of its own.
    fn is_sortable(self) -> bool;

    /// The order of a list that asks for none: the newest first.
    fn newest_first() -> Self;

    /// The word that stands for the caller's own id in a filter by this field, where its ids are those of users (`me`) or
    /// teams (`mine`).
    ///
    /// Told by the name, because these fields have the same name and meaning in every resource.
    fn word_for_caller(self) -> Option<CallerWord> {
        match self.as_ref() {
            "owner_id" | "assignee_id" | "created_by" | "updated_by" | "participant_users" => Some(CallerWord::Me),
            "team_id" => Some(CallerWord::Mine),
            _ => None,
        }
    }
}

/// A word that stands for an id of the caller. Whoever reads a request puts the id in its place: the domain knows no caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq, strum::AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum CallerWord {
    /// The caller.
    Me,
    /// The caller's team.
    Mine,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Text compared exactly as it is stored.
    Text,
    /// Text that also has a folded form (lower case, no accents), by which it is sorted and searched.
    Folded,
    /// One of these words.
    Choice(fn() -> Vec<&'static str>),
    /// A whole number.
    Integer,
    /// An amount with two places.
    Money,
    /// `true` or `false`.
    Boolean,
    /// A calendar day.
    Date,
    /// An instant.
    Time,
    /// The id of a record.
    Id,
    /// A set of words.
    Tags,
    /// A set of ids of records.
    Ids,
}

/// How a filter compares.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, strum::AsRefStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Operator {
    /// Equal; the operator when none is named.
    Eq,
    /// Not equal, empty fields included.
    Ne,
    /// Equal to one of several, separated by commas.
    In,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// The folded text contains the folded value.
    Contains,
    /// The folded text starts with the folded value.
    StartsWith,
    /// The set has one of several words, separated by commas.
    Any,
    /// `null` or `not_null`.
    Is,
}

impl Kind {
    /// The operators that a field of this kind takes.
    pub const fn operators(&self) -> &'static [Operator] {
        use Operator::{Any, Contains, Eq, Gt, Gte, In, Is, Lt, Lte, Ne, StartsWith};
        match self {
            Self::Text | Self::Choice(_) | Self::Id => &[Eq, Ne, In, Is],
            Self::Folded => &[Eq, Ne, In, Contains, StartsWith, Is],
            Self::Integer | Self::Money | Self::Date | Self::Time => &[Eq, Ne, In, Gt, Gte, Lt, Lte, Is],
            Self::Boolean => &[Eq, Ne, Is],
            Self::Tags | Self::Ids => &[Any],
        }
    }
}
