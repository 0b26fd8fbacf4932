//! Addresses of receivers.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::{Violation, values::text_value::text_value};

/// The address of a receiver: `http` or `https`, a host, no credentials, no fragment, no port of another service, at most 500
/// characters. Whether its addresses may be reached is found out when something is sent.
///
/// Canonical as the URL standard has it: `HTTP://0x7f.1` is `http://127.0.0.1/`. Breaks `url`.
///
/// ```
/// use crm_domain::WebhookUrl;
/// assert_eq!(WebhookUrl::parse("https://Hooks.example.com")?.as_str(), "https://hooks.example.com/");
/// assert_eq!(WebhookUrl::parse("https://ann:secret@example.com/").unwrap_err().code, "url");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String")]
pub struct WebhookUrl(String);

const LONGEST: usize = 500;

/// Below this only the ports of the web; above it anything but [`NOT_WEB`].
const FIRST_FREE_PORT: u16 = 1024;

/// Ports above 1023 that belong to something else, as browsers have them (<https://fetch.spec.whatwg.org/#port-blocking>), and
/// those of databases and caches.
const NOT_WEB: [u16; 30] = [
    1433, 1521, 1719, 1720, 1723, 2049, 2375, 2376, 2379, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5672, 6000,
    6379, 6566, 6665, 6667, 6669, 6679, 6697, 9042, 10080, 11211, 27017,
];

impl WebhookUrl {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let detail =
            "must be a web address (https) without credentials and fragment, on a port of the web or above 1023";
        canonical(text).map(Self).ok_or_else(|| Violation::new("url", detail))
    }

    /// Whether it goes over an encrypted connection.
    pub fn is_encrypted(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The address of the host where it is given in numbers.
    pub fn literal(&self) -> Option<IpAddr> {
        match Url::parse(&self.0).ok()?.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }
}

text_value!(
    WebhookUrl,
    TextSchema {
        description: "The address of a receiver: https, and outside of production http.",
        format: None,
        // Narrower than what is taken: public names, ports left out.
        pattern: Some(
            r"^https://([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?/[A-Za-z0-9._~/-]*$"
        ),
        length: (10, LONGEST),
        example: "https://hooks.example.com/crm",
    }
);

fn canonical(text: &str) -> Option<String> {
    // The URL standard drops line breaks and tabs silently, and takes a backslash for a slash.
    let is_odd = |character: char| character.is_whitespace() || character.is_control() || character == '\\';
    if text.len() > 4 * LONGEST || text.contains(is_odd) {
        return None;
    }
    let url = Url::parse(text).ok().filter(is_allowed)?;
    let text = String::from(url);
    (text.len() <= LONGEST).then_some(text)
}

fn is_allowed(url: &Url) -> bool {
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    let is_web = matches!(url.scheme(), "http" | "https");
    is_web
        && !has_credentials
        && url.fragment().is_none()
        && url.host().is_some_and(|host| !matches!(host, Host::Domain("")))
        && url.port_or_known_default().is_some_and(is_port_of_web)
}

fn is_port_of_web(port: u16) -> bool {
    matches!(port, 80 | 443) || (port >= FIRST_FREE_PORT && !NOT_WEB.contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let read = WebhookUrl::parse(text);
        assert_eq!(read.as_ref().map(WebhookUrl::as_str).map_err(|violation| violation.code), expected, "{text}");
    }

    #[test]
    fn an_address_is_canonical_and_has_one_reading() {
        check("https://Hooks.Example.com", Ok("https://hooks.example.com/"));
        check("https://example.com:443/a?b=c", Ok("https://example.com/a?b=c"));
        check("http://example.com:8080/x", Ok("http://example.com:8080/x"));
        check("http://0x7f.1/", Ok("http://127.0.0.1/"));
        check("http://[::FFFF:127.0.0.1]/", Ok("http://[::ffff:7f00:1]/"));
        for wrong in [
            "",
            "example.com",
            "//example.com",
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "javascript:alert(1)",
            "https://ann@example.com/",
            "https://ann:secret@example.com/",
            "https://:secret@example.com/",
            "https://example.com/#fragment",
            "https://example.com\\@127.0.0.1/",
            "https://exam\nple.com/",
            "https://example.com/ x",
            "https://example.com:22/",
            "https://example.com:25/",
            "https://example.com:5432/",
            "https://example.com:6379/",
            "https://example.com:0/",
            "https://example.com:70000/",
            "https:///",
            "http://1.2.3.4.5/",
            "http://256.1.1.1/",
            "http://[::1/",
        ] {
            check(wrong, Err("url"));
        }
        check(&format!("https://example.com/{}", "a".repeat(481)), Err("url"));
    }

    #[test]
    fn a_host_in_numbers_is_known_as_one_however_it_is_written() {
        for text in
            ["http://2130706433/", "http://0177.0.0.1/", "http://0x7f000001/", "http://127.1/", "http://127.0.0.1./"]
        {
            let literal = WebhookUrl::parse(text).unwrap().literal();
            assert_eq!(literal, Some("127.0.0.1".parse().unwrap()), "{text}");
        }
        assert_eq!(WebhookUrl::parse("http://localhost/").unwrap().literal(), None);
    }
}
