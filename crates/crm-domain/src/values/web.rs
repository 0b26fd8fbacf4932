//! Addresses of web sites.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{host::is_public_name, text_value::text_value};
use crate::Violation;

/// The address of a public web site: `http` or `https`, a host name with a dot, no credentials, at most 500 characters.
///
/// A text without a scheme gets `https://`. Canonical: ASCII, scheme and host in lower case, no slash after a bare host.
/// Breaks `url`.
///
/// ```
/// use crm_domain::values::WebAddress;
/// assert_eq!(WebAddress::parse("www.Example.com/")?.as_str(), "https://www.example.com");
/// assert_eq!(WebAddress::parse("n/a").unwrap_err().code, "url");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String")]
pub struct WebAddress(String);

const WEB_LIMIT: usize = 500;

impl WebAddress {
    /// Reads an address, with or without its scheme.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let detail = "must be a web address (http or https) with a public host name and without credentials";
        canonical(text.trim()).map(Self).ok_or_else(|| Violation::new("url", detail))
    }
}

text_value!(
    WebAddress,
    TextSchema {
        description: "The address of a public web site (http or https).",
        format: None,
        // Narrower than what is taken: texts that are already canonical, so that their length is the one that counts.
        pattern: Some(
            r"^https?://([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(/[A-Za-z0-9._~:/?#@!$&()*+,;=%-]*)?$"
        ),
        length: (10, WEB_LIMIT),
        example: "https://www.example.com",
    }
);

fn canonical(text: &str) -> Option<String> {
    // The URL standard drops line breaks and tabs silently; here they are more likely two addresses in one cell.
    if text.len() > 4 * WEB_LIMIT
        || text.contains(|character: char| character.is_whitespace() || character.is_control())
    {
        return None;
    }
    let url = match scheme_of(text) {
        Some(_) => Url::parse(text),
        None => Url::parse(&format!("https://{text}")),
    };
    let url = url.ok().filter(is_public_web)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let text = String::from(url);
    let text = if bare { text.trim_end_matches('/') } else { &text };
    (text.len() <= WEB_LIMIT).then(|| text.to_owned())
}

/// What stands before `://`, if it can be a scheme: in `example.com/?from=http://…` it cannot.
fn scheme_of(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once("://")?;
    scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some(scheme)
}

fn is_public_web(url: &Url) -> bool {
    let public_host = matches!(url.host(), Some(Host::Domain(name)) if is_public_name(name));
    let credentials = !url.username().is_empty() || url.password().is_some();
    matches!(url.scheme(), "http" | "https") && public_host && !credentials && url.port() != Some(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::testing::check;

    #[test]
    fn an_address_is_canonical_with_a_scheme_and_a_public_host() {
        check(WebAddress::parse("www.example.com"), Ok("https://www.example.com"));
        check(WebAddress::parse(" Example.com/ "), Ok("https://example.com"));
        check(WebAddress::parse("HTTP://WWW.Example.COM/"), Ok("http://www.example.com"));
        check(WebAddress::parse("https://example.com:443/"), Ok("https://example.com"));
        check(WebAddress::parse("http://example.com:8080"), Ok("http://example.com:8080"));
        check(WebAddress::parse("example.com:8080/x"), Ok("https://example.com:8080/x"));
        check(WebAddress::parse("https://example.com/A/b/?Q=1#F"), Ok("https://example.com/A/b/?Q=1#F"));
        check(WebAddress::parse("https://example.com?q"), Ok("https://example.com/?q"));
        check(WebAddress::parse("example.com/été"), Ok("https://example.com/%C3%A9t%C3%A9"));
        check(WebAddress::parse("http://münchen.example"), Ok("http://xn--mnchen-3ya.example"));
        check(WebAddress::parse("example.com/?u=http://a.b"), Ok("https://example.com/?u=http://a.b"));
        check(WebAddress::parse("//example.com"), Ok("https://example.com"));
        for wrong in [
            "",
            "NA",
            "N/A",
            "n/a",
            "-",
            "--",
            "néant",
            "example",
            "http://",
            "https://localhost/",
            "http://127.0.0.1/",
            "http://1.2",
            "http://[::1]/",
            "ftp://example.com",
            "javascript:alert(1)",
            "mailto:ann@example.com",
            "ann@example.com",
            "https://ann@example.com",
            "https://ann:secret@example.com/",
            "https://:@/",
            "www.example.com www.example.org",
            "www.exam\tple.com",
            "https://exam\nple.com",
            "https://.com",
            "https://example.com.",
            "https://example..com",
            "https://ex_ample.com",
            "https://example.com:0",
            "https://example.com:99999",
            "data:text/html,x",
            "file:///etc/hosts.txt",
        ] {
            check(WebAddress::parse(wrong), Err("url"));
        }
    }

    #[test]
    fn an_address_has_at_most_500_characters() {
        let address = |length: usize| format!("https://example.com/{}", "a".repeat(length - 20));
        check(WebAddress::parse(&address(500)), Ok(&address(500)));
        check(WebAddress::parse(&address(501)), Err("url"));
        check(WebAddress::parse(&"é".repeat(3_000)), Err("url"));
    }

    proptest! {
        #[test]
        fn reading_what_is_displayed_changes_nothing(rest in "[ -~é]{0,20}", host in "[a-zA-Z0-9é.-]{1,10}", text in any::<String>()) {
            for text in [format!("{host}.example{rest}"), format!("http://{host}.example/{rest}"), text] {
                if let Ok(address) = WebAddress::parse(&text) {
                    prop_assert!(address.as_str().bytes().all(|byte| byte.is_ascii_graphic()), "{}", address);
                    prop_assert_eq!(WebAddress::parse(address.as_str()), Ok(address));
                }
            }
        }
    }
}
