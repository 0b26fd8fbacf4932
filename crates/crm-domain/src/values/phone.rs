//! Telephone numbers.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};
use serde::{Deserialize, Serialize};

use super::{CountryCode, text_value::text_value};
use crate::Violation;

/// A telephone number that is valid in its country's numbering plan, in the form of ITU-T E.164: `+` and 7 to 15 digits.
///
/// Breaks `phone`. As JSON it is read without a country, so it must begin with `+`.
///
/// ```
/// use crm_domain::values::{CountryCode, PhoneNumber};
/// let france = CountryCode::parse("FR")?;
/// assert_eq!(PhoneNumber::parse("(01) 99 00 12 34", Some(france))?.as_str(), "+33199001234");
/// assert_eq!(PhoneNumber::parse("+33 (0)1 99 00 12 34", None)?.as_str(), "+33199001234");
/// assert_eq!(PhoneNumber::parse("01 99 00 12 34", None).unwrap_err().code, "phone");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String")]
pub struct PhoneNumber(String);

/// Longer than any spelling of one number, shorter than what could keep a parser busy.
const SPELLING_LIMIT: usize = 40;
/// `+` and fifteen digits.
const E164_LIMIT: usize = 16;

impl PhoneNumber {
    /// Reads a number as people write it. One without `+` or an international prefix is one of `country`.
    ///
    /// Letters are refused, and with them extensions, which E.164 cannot hold; so are two numbers in one text.
    pub fn parse(text: &str, country: Option<CountryCode>) -> Result<Self, Violation> {
        let detail = "must be one telephone number, with + and country code unless the country is known";
        canonical(text.trim(), country).map(Self).ok_or_else(|| Violation::new("phone", detail))
    }
}

text_value!(
    PhoneNumber,
    |text| Self::parse(text, None),
    TextSchema {
        description: "A telephone number that is valid in its country's numbering plan, in the form of ITU-T E.164.",
        format: Some("phone"),
        pattern: Some(r"^\+[1-9][0-9]{6,14}$"),
        length: (8, E164_LIMIT),
        example: "+33199001234",
    }
);

fn canonical(text: &str, country: Option<CountryCode>) -> Option<String> {
    let two_prefixes = text.matches('+').count() > 1;
    if two_prefixes || text.chars().count() > SPELLING_LIMIT || !text.chars().all(is_of_a_number) {
        return None;
    }
    // The library does not know all the spaces that typesetting knows.
    let text: String = text.chars().map(|character| if character.is_whitespace() { ' ' } else { character }).collect();
    let region = country.and_then(|country| country.as_str().parse::<Region>().ok());
    let number = PHONE_NUMBER_UTIL.parse(&text, region).ok().filter(rlibphonenumber::PhoneNumber::is_valid)?;
    let e164 = number.format_as(PhoneNumberFormat::E164);
    // A few plans have numbers that E.164 is too short for.
    (e164.len() <= E164_LIMIT).then(|| e164.into_owned())
}

fn is_of_a_number(character: char) -> bool {
    let dash = matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    character.is_ascii_digit() || dash || matches!(character, '+' | '(' | ')' | '.' | '/') || character.is_whitespace()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::testing::check;

    fn french(text: &str) -> Result<PhoneNumber, Violation> {
        PhoneNumber::parse(text, Some(CountryCode::parse("FR").unwrap()))
    }

    #[test]
    fn the_spellings_of_a_french_number_are_one_number() {
        for spelling in [
            "0199001234",
            "01 99 00 12 34",
            "(01) 99 00 12 34",
            "01.99.00.12.34",
            "01-99-00-12-34",
            "01/99 00 12 34",
            "01 99 00  12 34",
            "01 99 00 12.34",
            "01 99001234",
            "01\u{a0}99\u{202f}00 12 34",
            "01–99–00–12–34",
            "+33199001234",
            "+33 1  99 00 12 34",
            "+33 (0)1 99 00 12 34",
            "+33(0)1 99 00 12 34",
            "+33 (0) 1 99 00 12 34",
            "0033 1 99 00 12 34",
            "0033199001234",
            "33 1 99 00 12 34",
            "33199001234",
            "33 (0) 1 99 00 12 34",
            " 01 99 00 12 34\r\n",
        ] {
            check(french(spelling), Ok("+33199001234"));
        }
    }

    #[test]
    fn a_number_abroad_needs_its_country_code() {
        check(french("+44 (0)20 7946 0958"), Ok("+442079460958"));
        check(french("+352 26 12 34 1"), Ok("+3522612341"));
        check(french("+39 06 12345678"), Ok("+390612345678"));
        check(PhoneNumber::parse("+44 20 7946 0958", None), Ok("+442079460958"));
        check(PhoneNumber::parse("020 7946 0958", CountryCode::parse("GB").ok()), Ok("+442079460958"));
        check(PhoneNumber::parse("020 7946 0958", None), Err("phone"));
        // Bouvet Island has a code, but no telephones.
        check(PhoneNumber::parse("01 99 00 12 34", CountryCode::parse("BV").ok()), Err("phone"));
    }

    #[test]
    fn what_is_not_one_valid_number_is_refused() {
        for wrong in [
            "",
            "-",
            "NA",
            "0",
            "12",
            "3639",
            "+",
            "++33199001234",
            "01 99 00 12",
            "01 99 00 12 2",
            "00 00 00 00 00",
            "+033 1 99 00 12 34",
            "+999 123456789",
            "0199001234/24",
            "01 99 00 12 34 / 01 99 00 12 35",
            "0199001234;0199001235",
            "0199001234, 0199001235",
            "01 99 00 12 34 ou 01 99 00 12 35",
            "0199001234\n0199001235",
            "01 99 00 12 34 poste 12",
            "+1 650 253 0000 ext 12",
            "+1 800 FLOWERS",
            "tel:+33199001234",
            "٠١٩٩٠٠١٢٣٤",
            "+33199001234;phone-context=+33",
        ] {
            check(french(wrong), Err("phone"));
        }
        check(french(&format!("01 99 00 12 2{}3", " ".repeat(40))), Err("phone"));
    }

    #[test]
    fn json_is_read_without_a_country() {
        let number: PhoneNumber = serde_json::from_str("\"+33 1 99 00 12 34\"").unwrap();
        assert_eq!(serde_json::to_string(&number).unwrap(), "\"+33199001234\"");
        assert!(serde_json::from_str::<PhoneNumber>("\"0199001234\"").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), numeric in "[+()0-9 ./\\-\u{a0}]{0,45}") {
            for country in [None, CountryCode::parse("FR").ok(), CountryCode::parse("IT").ok(), CountryCode::parse("US").ok()] {
                let _ = PhoneNumber::parse(&text, country);
                if let Ok(number) = PhoneNumber::parse(&numeric, country) {
                    prop_assert_eq!(PhoneNumber::parse(number.as_str(), None), Ok(number));
                }
            }
        }

        #[test]
        fn reading_what_is_displayed_changes_nothing(digits in "0[1-9][0-9]{8}") {
            if let Ok(number) = french(&digits) {
                prop_assert_eq!(number.as_str(), format!("+33{}", &digits[1..]));
                prop_assert_eq!(PhoneNumber::parse(number.as_str(), None), Ok(number));
            }
        }
    }
}
