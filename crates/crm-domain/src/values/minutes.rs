//! Durations in minutes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Violation;

/// A duration of 0 to 10,080 whole minutes, which is a week. As JSON a number. Breaks `out_of_range`.
///
/// ```
/// use crm_domain::values::Minutes;
/// assert_eq!(Minutes::new(45)?.value(), 45);
/// assert_eq!(Minutes::new(-1).unwrap_err().code, "out_of_range");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "i64")]
pub struct Minutes(u16);

/// A week.
const MOST: u16 = 7 * 24 * 60;

impl Minutes {
    /// A duration from a whole number.
    pub fn new(number: i64) -> Result<Self, Violation> {
        let number = u16::try_from(number).ok().filter(|number| *number <= MOST);
        number.map(Self).ok_or_else(violation)
    }

    /// Reads a duration from a file.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        text.trim().parse().map_err(|_| violation()).and_then(Self::new)
    }

    /// The number of minutes.
    pub const fn value(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Minutes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TryFrom<i64> for Minutes {
    type Error = Violation;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        Self::new(number)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::__dev::ComposeSchema for Minutes {
    fn compose(
        _: Vec<utoipa::openapi::RefOr<utoipa::openapi::Schema>>,
    ) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .description(Some("Whole minutes, at most a week of them."))
            .minimum(Some(0))
            .maximum(Some(MOST))
            .examples([serde_json::Value::from(45)])
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Minutes {}

fn violation() -> Violation {
    Violation::new("out_of_range", format!("must be a whole number of minutes from 0 to {MOST}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::testing::check;

    #[test]
    fn a_duration_is_a_whole_number_of_minutes_up_to_a_week() {
        for number in [0, 1, 45, 10_080] {
            check(Minutes::new(number), Ok(&number.to_string()));
            check(Minutes::parse(&format!(" {number} ")), Ok(&number.to_string()));
        }
        for wrong in [-1, 10_081, 65_536, i64::MIN, i64::MAX] {
            check(Minutes::new(wrong), Err("out_of_range"));
        }
        for wrong in ["", "1.5", "an hour"] {
            check(Minutes::parse(wrong), Err("out_of_range"));
        }
    }
}
