//! Percentages.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Violation;

/// A whole percentage from 0 to 100. As JSON a number. Breaks `out_of_range`.
///
/// ```
/// use crm_domain::values::Percent;
/// assert_eq!(Percent::new(60)?.value(), 60);
/// assert_eq!(Percent::parse("60 %")?, Percent::new(60)?);
/// assert_eq!(Percent::new(101).unwrap_err().code, "out_of_range");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "i64")]
pub struct Percent(u8);

impl Percent {
    /// A percentage from a whole number.
    pub fn new(number: i64) -> Result<Self, Violation> {
        match u8::try_from(number) {
            Ok(number @ 0..=100) => Ok(Self(number)),
            _ => Err(violation()),
        }
    }

    /// Reads a percentage from a file, with or without its sign.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let text = text.trim();
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        number.parse().map_err(|_| violation()).and_then(Self::new)
    }

    /// Takes a number from the database. Trusted: it was checked before it was stored.
    pub const fn from_stored(number: u8) -> Self {
        Self(number)
    }

    /// The number, 0 to 100.
    pub const fn value(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TryFrom<i64> for Percent {
    type Error = Violation;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        Self::new(number)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::__dev::ComposeSchema for Percent {
    fn compose(
        _: Vec<utoipa::openapi::RefOr<utoipa::openapi::Schema>>,
    ) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .description(Some("A whole percentage."))
            .minimum(Some(0))
            .maximum(Some(100))
            .examples([serde_json::Value::from(60)])
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Percent {}

fn violation() -> Violation {
    Violation::new("out_of_range", "must be a whole number from 0 to 100")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::testing::check;

    #[test]
    fn a_percentage_is_a_whole_number_from_0_to_100() {
        for number in 0..=100 {
            check(Percent::new(number), Ok(&number.to_string()));
            check(Percent::parse(&number.to_string()), Ok(&number.to_string()));
        }
        for wrong in [-1, 101, 256, i64::MIN, i64::MAX] {
            check(Percent::new(wrong), Err("out_of_range"));
        }
    }

    #[test]
    fn a_file_may_hold_the_sign() {
        check(Percent::parse(" 60 % "), Ok("60"));
        check(Percent::parse("60%"), Ok("60"));
        for wrong in ["", "%", "60%%", "6 0", "0.6", "-1", "101", "sixty"] {
            check(Percent::parse(wrong), Err("out_of_range"));
        }
    }

    #[test]
    fn json_is_a_number() {
        let percent: Percent = serde_json::from_str("60").unwrap();
        assert_eq!(serde_json::to_string(&percent).unwrap(), "60");
        assert!(serde_json::from_str::<Percent>("101").is_err());
        assert!(serde_json::from_str::<Percent>("\"60\"").is_err());
    }
}
