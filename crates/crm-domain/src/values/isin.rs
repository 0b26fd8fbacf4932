//! International Securities Identification Numbers.

use serde::{Deserialize, Serialize};

use super::{lei::without_spaces, text_value::text_value};
use crate::Violation;

/// An International Securities Identification Number (ISO 6166): two letters, nine letters or digits, one check digit.
///
/// The two letters need not be a country: `XS` and others are in use. Read in either case and with spaces, stored without
/// and in upper case. Breaks `isin`.
///
/// ```
/// use crm_domain::values::Isin;
/// assert_eq!(Isin::parse("fr 0000120271")?.as_str(), "FR0000120271");
/// assert_eq!(Isin::parse("FR0000120272").unwrap_err().code, "isin");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String")]
pub struct Isin(String);

impl Isin {
    /// Reads a number and proves its check digit.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let code = without_spaces(text);
        if has_form(&code) && luhn_sum(&code).is_multiple_of(10) {
            Ok(Self(code))
        } else {
            Err(Violation::new("isin", "must be an ISIN (ISO 6166) with a right check digit"))
        }
    }
}

text_value!(
    Isin,
    TextSchema {
        description: "An International Securities Identification Number (ISO 6166) with a right check digit.",
        format: Some("isin"),
        pattern: Some("^[A-Z]{2}[0-9A-Z]{9}[0-9]$"),
        length: (12, 12),
        example: "FR0000120271",
    }
);

fn has_form(code: &str) -> bool {
    let bytes = code.as_bytes();
    bytes.len() == 12
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && bytes[11].is_ascii_digit()
}

/// The Luhn sum over the digits, letters written as two digits, A = 10 to Z = 35; a multiple of ten for a right number.
fn luhn_sum(code: &str) -> u32 {
    let digits = code.chars().rev().filter_map(|character| character.to_digit(36)).flat_map(|value| {
        let tens = (value >= 10).then_some(value / 10);
        std::iter::once(value % 10).chain(tens)
    });
    digits.enumerate().map(|(place, digit)| if place % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::testing::check;

    #[test]
    fn a_number_has_twelve_characters_and_a_right_check_digit() {
        // Examples that are well known from the literature on the standard.
        for right in ["US0378331005", "AU0000XVGZA3", "GB0002634946", "FR0000120271", "XS0971721963"] {
            check(Isin::parse(right), Ok(right));
        }
        check(Isin::parse(" us 037833100 5 "), Ok("US0378331005"));
        for wrong in [
            "",
            "US0378331004",
            "U50378331005",
            "US037833100",
            "US03783310055",
            "030378331005",
            "US037833-005",
            "US037833100É",
            "US037833100A",
        ] {
            check(Isin::parse(wrong), Err("isin"));
        }
    }

    /// Completes eleven characters with their check digit.
    fn complete(body: &str) -> String {
        format!("{body}{}", (10 - luhn_sum(&format!("{body}0")) % 10) % 10)
    }

    proptest! {
        #[test]
        fn any_body_with_its_check_digit_is_taken(body in "[A-Z]{2}[0-9A-Z]{9}") {
            let code = complete(&body);
            check(Isin::parse(&code), Ok(&code));
            check(Isin::parse(&code.to_lowercase()), Ok(&code));
        }

        #[test]
        fn a_change_of_any_single_digit_is_refused(body in "[A-Z]{2}[0-9A-Z]{9}", digit in b'0'..=b'9') {
            let code = complete(&body);
            for place in (2..12).filter(|place| code.as_bytes()[*place].is_ascii_digit() && code.as_bytes()[*place] != digit) {
                let mut changed = code.clone().into_bytes();
                changed[place] = digit;
                check(Isin::parse(&String::from_utf8(changed).unwrap()), Err("isin"));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = Isin::parse(&text);
        }
    }
}
