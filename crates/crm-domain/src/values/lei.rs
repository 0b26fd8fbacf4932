//! Legal Entity Identifiers.

use serde::{Deserialize, Serialize};

use super::text_value::text_value;
use crate::Violation;

/// A Legal Entity Identifier (ISO 17442): 18 letters or digits and two check digits (ISO 7064, MOD 97-10).
///
/// Read in either case and with spaces, stored without and in upper case. Breaks `lei`.
///
/// ```
/// use crm_domain::values::Lei;
/// assert_eq!(Lei::parse("exam ple0 0crm 0000 0137")?.as_str(), "EXAMPLE00CRM00000137");
/// assert_eq!(Lei::parse("EXAMPLE00CRM00000138").unwrap_err().code, "lei");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String")]
pub struct Lei(String);

impl Lei {
    /// Reads an identifier and proves its check digits.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let code = without_spaces(text);
        if has_form(&code) && remainder(&code) == 1 {
            Ok(Self(code))
        } else {
            Err(Violation::new("lei", "must be a Legal Entity Identifier (ISO 17442) with right check digits"))
        }
    }
}

text_value!(
    Lei,
    TextSchema {
        description: "A Legal Entity Identifier (ISO 17442) with right check digits.",
        format: Some("lei"),
        pattern: Some("^[0-9A-Z]{18}[0-9]{2}$"),
        length: (20, 20),
        example: "EXAMPLE00CRM00000137",
    }
);

/// Upper-cased, without the spaces that people group long codes with.
pub(super) fn without_spaces(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_whitespace())
        .map(|character| character.to_ascii_uppercase())
        .collect()
}

fn has_form(code: &str) -> bool {
    code.len() == 20
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && code.bytes().skip(18).all(|byte| byte.is_ascii_digit())
}

/// The remainder by 97 of the number that arises when each letter is written as two digits, A = 10 to Z = 35.
fn remainder(code: &str) -> u32 {
    code.chars().filter_map(|character| character.to_digit(36)).fold(0, |remainder, value| {
        let shift = if value < 10 { 10 } else { 100 };
        (remainder * shift + value) % 97
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::testing::check;

    #[test]
    fn an_identifier_has_twenty_characters_and_right_check_digits() {
        check(Lei::parse("EXAMPLE00CRM00000137"), Ok("EXAMPLE00CRM00000137"));
        check(Lei::parse(" example00crm000001 37\u{a0}"), Ok("EXAMPLE00CRM00000137"));
        for wrong in [
            "",
            "NA",
            "EXAMPLE00CRM00000138",
            "EXAMPLE00CRM0000013",
            "EXAMPLE00CRM000001370",
            "EXAMPLE00CRM00003701",
            "EXAMPLE00CRM0000-137",
            "EXAMPLE00CRM0000À137",
            "00000000000000000000",
        ] {
            check(Lei::parse(wrong), Err("lei"));
        }
    }

    /// Completes 18 characters with their check digits.
    fn complete(body: &str) -> String {
        format!("{body}{:02}", 98 - remainder(&format!("{body}00")))
    }

    proptest! {
        #[test]
        fn any_body_with_its_check_digits_is_taken(body in "[0-9A-Z]{18}") {
            let code = complete(&body);
            check(Lei::parse(&code), Ok(&code));
            check(Lei::parse(&code.to_lowercase()), Ok(&code));
        }

        #[test]
        fn a_change_of_any_single_digit_is_refused(body in "[0-9A-Z]{18}", digit in b'0'..=b'9') {
            let code = complete(&body);
            for place in (0..20).filter(|place| code.as_bytes()[*place].is_ascii_digit() && code.as_bytes()[*place] != digit) {
                let mut changed = code.clone().into_bytes();
                changed[place] = digit;
                check(Lei::parse(&String::from_utf8(changed).unwrap()), Err("lei"));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = Lei::parse(&text);
        }
    }
}
