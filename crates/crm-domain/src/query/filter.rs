//! One condition of a list request, with a value of the field's own type.

use unicode_normalization::UnicodeNormalization;

use super::{FieldSet, Kind, Operator};
use crate::{
    Id, Violation,
    values::{Date, Money, Timestamp, fold, parse_date},
};

/// A value of a field, typed by the field's kind.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Value {
    /// Text, a word of a list, or a folded text.
    Text(String),
    /// A whole number, or an amount in minor units.
    Integer(i64),
    /// `true` or `false`.
    Boolean(bool),
    /// A calendar day.
    Date(Date),
    /// An instant.
    Time(Timestamp),
    /// The id of a record.
    Id(uuid::Uuid),
}

/// What must hold for a field.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Test {
    /// Equal to the value.
    Equal(Value),
    /// Not equal to the value, or empty.
    NotEqual(Value),
    /// Equal to one of the values.
    OneOf(Vec<Value>),
    /// Greater than the value.
    Greater(Value),
    /// Greater than the value, or equal.
    GreaterOrEqual(Value),
    /// Less than the value.
    Less(Value),
    /// Less than the value, or equal.
    LessOrEqual(Value),
    /// The folded text contains this folded text.
    Contains(String),
    /// The folded text starts with this folded text.
    StartsWith(String),
    /// The set has one of these words.
    AnyOf(Vec<String>),
    /// The field is empty.
    Empty,
    /// The field is not empty.
    Present,
}

/// One condition: this test on that field.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Filter<F> {
    /// The field.
    pub field: F,
    /// What must hold for it.
    pub test: Test,
}

/// The most values that `in` and `any` take.
const MOST_VALUES: usize = 100;

/// The longest text that a filter compares with, in characters.
const LONGEST_TEXT: usize = 500;

impl<F: FieldSet> Filter<F> {
    /// Reads a parameter such as `aum.gte=1000000`; none when its first word is no field of the resource.
    pub fn parse(parameter: &str, text: &str) -> Option<Result<Self, Violation>> {
        let (field, operator) = parameter.split_once('.').unwrap_or((parameter, "eq"));
        let field: F = field.parse().ok()?;
        Some(test(field.kind(), operator, text).map(|test| Self { field, test }))
    }
}

fn test(kind: Kind, operator: &str, text: &str) -> Result<Test, Violation> {
    let known = operator.parse().ok().filter(|operator| kind.operators().contains(operator));
    let operator: Operator = known.ok_or_else(|| {
        let names: Vec<&str> = kind.operators().iter().map(AsRef::as_ref).collect();
        Violation::new("operator", format!("takes the operators: {}", names.join(", ")))
    })?;
    if text.contains('\0') {
        return Err(Violation::new("value", "must not have a NUL character"));
    }
    let value = || kind.parse(text);
    Ok(match operator {
        Operator::Eq => Test::Equal(value()?),
        Operator::Ne => Test::NotEqual(value()?),
        Operator::In => Test::OneOf(several(text)?.into_iter().map(|item| kind.parse(item)).collect::<Result<_, _>>()?),
        Operator::Gt => Test::Greater(value()?),
        Operator::Gte => Test::GreaterOrEqual(value()?),
        Operator::Lt => Test::Less(value()?),
        Operator::Lte => Test::LessOrEqual(value()?),
        Operator::Contains => Test::Contains(folded(text)?),
        Operator::StartsWith => Test::StartsWith(folded(text)?),
        Operator::Any => Test::AnyOf(several(text)?.into_iter().map(|item| kind.word(item)).collect::<Result<_, _>>()?),
        Operator::Is => match text {
            "null" => Test::Empty,
            "not_null" => Test::Present,
            _ => return Err(Violation::new("choice", "must be null or not_null")),
        },
    })
}

fn several(text: &str) -> Result<Vec<&str>, Violation> {
    let items: Vec<&str> = text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    if items.is_empty() || items.len() > MOST_VALUES {
        return Err(Violation::new("value", format!("takes 1 to {MOST_VALUES} values separated by commas")));
    }
    Ok(items)
}

fn folded(text: &str) -> Result<String, Violation> {
    let folded = fold(&plain(text)?);
    if folded.is_empty() { Err(Violation::new("value", "must have a letter or a digit")) } else { Ok(folded) }
}

/// Text as the domain stores it, in Unicode NFC, and short enough for every database's patterns.
fn plain(text: &str) -> Result<String, Violation> {
    if text.chars().count() > LONGEST_TEXT {
        return Err(Violation::new("value", format!("must have at most {LONGEST_TEXT} characters")));
    }
    Ok(text.nfc().collect())
}

impl Kind {
    /// Reads an item of a set: a word, or an id in its canonical form.
    fn word(&self, text: &str) -> Result<String, Violation> {
        match self {
            Self::Ids => Id::<()>::parse(text).map(|id| id.to_string()),
            _ => plain(text),
        }
    }

    /// Reads a value of this kind as it stands in a query parameter.
    pub fn parse(&self, text: &str) -> Result<Value, Violation> {
        match self {
            Self::Text | Self::Folded | Self::Tags => plain(text).map(Value::Text),
            Self::Choice(names) => {
                let names = names();
                let message = || Violation::new("choice", format!("must be one of: {}", names.join(", ")));
                names.contains(&text).then(|| Value::Text(text.to_owned())).ok_or_else(message)
            }
            Self::Integer => {
                text.parse().map(Value::Integer).map_err(|_| Violation::new("integer", "must be a whole number"))
            }
            Self::Money => Money::parse(text).map(|money| Value::Integer(money.minor_units())),
            Self::Boolean => match text {
                "true" => Ok(Value::Boolean(true)),
                "false" => Ok(Value::Boolean(false)),
                _ => Err(Violation::new("boolean", "must be true or false")),
            },
            Self::Date => parse_date(text).map(Value::Date),
            Self::Time => Timestamp::parse(text).map(Value::Time),
            Self::Id | Self::Ids => Id::<()>::parse(text).map(|id| Value::Id(id.uuid())),
        }
    }
}
