//! Amounts of money.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::text_value::text_input;
use crate::Violation;

/// An amount of money with two decimal places; the currency stands beside it. Up to ±9,999,999,999,999.99.
///
/// Counted in minor units (hundredths), so sums are exact. Breaks `money`.
///
/// ```
/// use crm_domain::values::Money;
/// let amount = Money::parse("1250000.5")?;
/// assert_eq!(amount.to_string(), "1250000.50");
/// assert_eq!(amount.minor_units(), 125_000_050);
/// assert_eq!(Money::parse_lenient("1 250 000,50 €")?, amount);
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[serde(try_from = "String")]
pub struct Money(i64);

const LARGEST_MINOR_UNITS: i64 = 999_999_999_999_999;
const WHOLE_DIGITS: usize = 13;
const CURRENCY_SIGNS: [&str; 8] = ["€", "$", "£", "¥", "EUR", "USD", "GBP", "CHF"];

impl Money {
    /// Reads a plain decimal: an optional minus, up to 13 digits, and up to two more after a point.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        exact(text.trim()).ok_or_else(violation)
    }

    /// Reads an amount as files have it: with a currency sign, with groups of three digits, and with a comma or a point
    /// before the cents.
    ///
    /// Of comma and point the last one stands before the cents. Where there is only one, followed by three digits, it
    /// groups thousands, for no amount has three decimal places.
    pub fn parse_lenient(text: &str) -> Result<Self, Violation> {
        plain_decimal(text).as_deref().and_then(exact).ok_or_else(violation)
    }

    /// The amount in hundredths of the currency's unit.
    pub const fn minor_units(self) -> i64 {
        self.0
    }

    /// An amount in hundredths from the database or from a sum. Trusted to be within the limits when it is an input.
    pub const fn from_minor_units(minor_units: i64) -> Self {
        Self(minor_units)
    }
}

text_input!(
    Money,
    Self::parse,
    TextSchema {
        description: "An amount of money with two decimal places.",
        format: Some("decimal"),
        pattern: Some(r"^-?[0-9]{1,13}(\.[0-9]{1,2})?$"),
        length: (1, 17),
        example: "1250000.00",
    }
);

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let minor_units = self.0.unsigned_abs();
        write!(formatter, "{sign}{}.{:02}", minor_units / 100, minor_units % 100)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn violation() -> Violation {
    Violation::new("money", "must be a decimal number with at most 13 digits before and 2 after the point")
}

fn exact(text: &str) -> Option<Money> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, cents) = match digits.split_once('.') {
        Some((whole, cents)) if matches!(cents.len(), 1 | 2) => (whole, cents),
        Some(_) => return None,
        None => (digits, "0"),
    };
    let digits_only = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=WHOLE_DIGITS).contains(&whole.len()) || !digits_only(whole) || !digits_only(cents) {
        return None;
    }
    // "5" after the point are fifty cents.
    let cents: i64 = cents.parse::<i64>().ok()? * if cents.len() == 1 { 10 } else { 1 };
    let minor_units = whole.parse::<i64>().ok()? * 100 + cents;
    debug_assert!(minor_units <= LARGEST_MINOR_UNITS, "13 digits and two places do not exceed the limit");
    Some(Money(if negative { -minor_units } else { minor_units }))
}

/// The same number without sign of currency and without grouping, with a point before the cents.
fn plain_decimal(text: &str) -> Option<String> {
    let text = text.trim().replace('\u{2212}', "-");
    let (minus, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let unsigned = without_currency(text);
    let (minus, unsigned) = match unsigned.strip_prefix('-') {
        Some(rest) if minus.is_empty() => ("-", rest),
        _ => (minus, unsigned),
    };
    let (whole, cents) = match decimal_mark(unsigned) {
        Some(place) => (&unsigned[..place], Some(&unsigned[place + 1..])),
        None => (unsigned, None),
    };
    let whole = ungrouped(whole)?;
    Some(cents.map_or_else(|| format!("{minus}{whole}"), |cents| format!("{minus}{whole}.{cents}")))
}

fn without_currency(text: &str) -> &str {
    let text = CURRENCY_SIGNS.iter().find_map(|sign| text.strip_prefix(sign)).unwrap_or(text);
    CURRENCY_SIGNS.iter().find_map(|sign| text.strip_suffix(sign)).unwrap_or(text).trim()
}

/// Where the mark before the cents stands, in bytes; nothing if all marks group thousands.
fn decimal_mark(text: &str) -> Option<usize> {
    let last = text.rfind(['.', ','])?;
    let mark = text.as_bytes()[last];
    let marks = text.bytes().filter(|byte| *byte == mark).count();
    let other_mark = text.bytes().any(|byte| matches!(byte, b'.' | b',') && byte != mark);
    let groups = marks > 1 || (!other_mark && text.len() - last == 4);
    (!groups).then_some(last)
}

/// The digits of a whole number whose groups, if it has any, are of three digits and divided by one kind of mark.
fn ungrouped(text: &str) -> Option<String> {
    let is_mark = |character: char| matches!(character, '.' | ',' | '\'' | '’') || character.is_whitespace();
    let one_kind =
        text.chars().filter(|character| is_mark(*character)).collect::<std::collections::BTreeSet<_>>().len() <= 1;
    let mut groups = text.split(is_mark);
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let grouped =
        (1..=3).contains(&first.len()) && !first.starts_with('0') && rest.iter().all(|group| group.len() == 3);
    (one_kind && (rest.is_empty() || grouped)).then(|| format!("{first}{}", rest.concat()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::testing::check;

    #[test]
    fn an_amount_is_a_plain_decimal_with_two_places() {
        check(Money::parse("1250000.00"), Ok("1250000.00"));
        check(Money::parse("1250000"), Ok("1250000.00"));
        check(Money::parse("-5.5"), Ok("-5.50"));
        check(Money::parse(" 0.05 "), Ok("0.05"));
        check(Money::parse("-0.05"), Ok("-0.05"));
        check(Money::parse("-0"), Ok("0.00"));
        check(Money::parse("007"), Ok("7.00"));
        check(Money::parse("9999999999999.99"), Ok("9999999999999.99"));
        check(Money::parse("-9999999999999.99"), Ok("-9999999999999.99"));
        for wrong in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "1.234",
            "1.000",
            "10000000000000",
            "99999999999999999999",
            "1e6",
            "1E6",
            "+1",
            "--1",
            "1,5",
            "1 000",
            "0x10",
            "NaN",
            "inf",
            "€1",
            "١",
            "1.-5",
            "1.5.5",
            "1._5",
        ] {
            check(Money::parse(wrong), Err("money"));
        }
    }

    #[test]
    fn a_lenient_reader_takes_groups_signs_and_commas() {
        check(Money::parse_lenient("1 250 000,50"), Ok("1250000.50"));
        check(Money::parse_lenient("1\u{a0}250\u{a0}000,5 €"), Ok("1250000.50"));
        check(Money::parse_lenient("1\u{202f}250\u{202f}000 EUR"), Ok("1250000.00"));
        check(Money::parse_lenient("1,250,000.50"), Ok("1250000.50"));
        check(Money::parse_lenient("1.250.000,50"), Ok("1250000.50"));
        check(Money::parse_lenient("1'250'000.50 CHF"), Ok("1250000.50"));
        check(Money::parse_lenient("1.250.000"), Ok("1250000.00"));
        check(Money::parse_lenient("1,250"), Ok("1250.00"));
        check(Money::parse_lenient("1.250"), Ok("1250.00"));
        check(Money::parse_lenient("12,5"), Ok("12.50"));
        check(Money::parse_lenient("1250000.5"), Ok("1250000.50"));
        check(Money::parse_lenient("€ 1,250.00"), Ok("1250.00"));
        check(Money::parse_lenient("-$5"), Ok("-5.00"));
        check(Money::parse_lenient("$ -5"), Ok("-5.00"));
        check(Money::parse_lenient("\u{2212}5,00"), Ok("-5.00"));
        for wrong in [
            "",
            "€",
            "NA",
            "-",
            "1 2",
            "12 34",
            "1,25,000",
            "1,250.000",
            "0.125",
            "1.250,",
            "1e6",
            "1,250,00",
            "1 250.000,5",
            "--5",
            "-$-5",
            "5 apples",
            "0,125",
            "1234.567",
            "10 000 000 000 000",
        ] {
            check(Money::parse_lenient(wrong), Err("money"));
        }
    }

    #[test]
    fn json_is_a_string_and_never_a_number() {
        let amount: Money = serde_json::from_str("\"5\"").unwrap();
        assert_eq!(serde_json::to_string(&amount).unwrap(), "\"5.00\"");
        assert!(serde_json::from_str::<Money>("5").is_err());
    }

    proptest! {
        #[test]
        fn reading_what_is_displayed_changes_nothing(minor_units in -LARGEST_MINOR_UNITS..=LARGEST_MINOR_UNITS) {
            let amount = Money::from_minor_units(minor_units);
            prop_assert_eq!(Money::parse(&amount.to_string()), Ok(amount));
            prop_assert_eq!(Money::parse_lenient(&amount.to_string()), Ok(amount));
            prop_assert_eq!(Money::parse_lenient(&amount.to_string().replace('.', ",")), Ok(amount));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), numeric in "[-0-9., €'\u{a0}]{0,20}") {
            for text in [text, numeric] {
                let _ = Money::parse(&text);
                let _ = Money::parse_lenient(&text);
            }
        }
    }
}
