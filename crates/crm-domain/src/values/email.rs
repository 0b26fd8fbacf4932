//! E-mail addresses.

use serde::{Deserialize, Serialize};
use validator::ValidateEmail;

use super::{host::canonical_host, text_value::text_value};
use crate::Violation;

/// An e-mail address that people use: a dot-atom, an `@` and a public host name, at most 254 characters (RFC 5321).
///
/// The local part is kept as it was written, the domain is lower-case ASCII. Quoted local parts, comments and domains in
/// numbers are refused. Breaks `email`.
///
/// ```
/// use crm_domain::values::EmailAddress;
/// let address = EmailAddress::parse(" Ann.Smith@Example.COM ")?;
/// assert_eq!(address.as_str(), "Ann.Smith@example.com");
/// assert_eq!(address.key(), "ann.smith@example.com");
/// assert_eq!(EmailAddress::parse("ann@localhost").unwrap_err().code, "email");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String")]
pub struct EmailAddress(String);

const EMAIL_LIMIT: usize = 254;

impl EmailAddress {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        canonical(text.trim()).map(Self).ok_or_else(|| Violation::new("email", "must be an e-mail address"))
    }

    /// The text under which an address is unique: hosts may tell `Ann` from `ann`, but people do not.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

text_value!(
    EmailAddress,
    TextSchema {
        description: "An e-mail address; the domain is stored in lower case.",
        format: Some("email"),
        pattern: None,
        length: (5, EMAIL_LIMIT),
        example: "ann@example.com",
    }
);

fn canonical(text: &str) -> Option<String> {
    if text.len() > EMAIL_LIMIT || !text.validate_email() {
        return None;
    }
    let (local, domain) = text.rsplit_once('@')?;
    if local.split('.').any(str::is_empty) {
        return None;
    }
    let address = format!("{local}@{}", canonical_host(domain)?);
    (address.len() <= EMAIL_LIMIT).then_some(address)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::testing::check;

    #[test]
    fn an_address_is_a_dot_atom_at_a_public_host() {
        check(EmailAddress::parse("ann@example.com"), Ok("ann@example.com"));
        check(EmailAddress::parse("\u{a0}Ann+crm@Mail.Example.COM\n"), Ok("Ann+crm@mail.example.com"));
        check(EmailAddress::parse("o'neil_1@example.co"), Ok("o'neil_1@example.co"));
        check(EmailAddress::parse("ann@münchen.example"), Ok("ann@xn--mnchen-3ya.example"));
        check(EmailAddress::parse("a@b.c"), Ok("a@b.c"));
        check(EmailAddress::parse("admin@crm.localhost"), Ok("admin@crm.localhost"));
        for wrong in [
            "",
            "ann",
            "ann@",
            "@example.com",
            "ann@example",
            "ann@example..com",
            "ann@.com",
            "ann@example.com.",
            "ann@@example.com",
            "a nn@example.com",
            "ann@exa mple.com",
            "ann@127.0.0.1",
            "ann@[127.0.0.1]",
            "\"ann\"@example.com",
            "Ann <ann@example.com>",
            "ann@example.com;bob@example.com",
            "mailto:ann@x",
            ".ann@example.com",
            "ann.@example.com",
            "a..b@example.com",
            "ann@-example.com",
            "änn@example.com",
            "ann@ex_ample.com",
            "ann\n@example.com",
            "ann@example.c%6fm",
        ] {
            check(EmailAddress::parse(wrong), Err("email"));
        }
    }

    #[test]
    fn an_address_has_at_most_64_characters_before_the_sign_and_254_in_all() {
        let local = "a".repeat(64);
        check(EmailAddress::parse(&format!("{local}@example.com")), Ok(&format!("{local}@example.com")));
        check(EmailAddress::parse(&format!("a{local}@example.com")), Err("email"));
        let host = |last| format!("{0}.{0}.{1}.example", "b".repeat(63), "c".repeat(last));
        check(EmailAddress::parse(&format!("{local}@{}", host(53))), Ok(&format!("{local}@{}", host(53))));
        check(EmailAddress::parse(&format!("{local}@{}", host(54))), Err("email"));
    }

    proptest! {
        #[test]
        fn reading_what_is_displayed_changes_nothing(text in "[a-zA-Z0-9.+_'-]{1,8}@[a-zA-Z0-9é.-]{1,8}\\.[a-zé]{2,4}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address.clone()));
                prop_assert_eq!(EmailAddress::parse(&address.key()).unwrap().key(), address.key());
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = EmailAddress::parse(&text);
            let _ = EmailAddress::parse(&format!("a@{text}"));
        }
    }
}
