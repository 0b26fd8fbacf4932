//! Names of hosts, as they stand in e-mail and web addresses.

use url::Host;

const HOST_LIMIT: usize = 253;
const LABEL_LIMIT: usize = 63;

/// The canonical spelling of a public host name: ASCII (IDNA), lower-case, at least two labels of letters, digits and
/// inner hyphens, of which the last begins with a letter. Nothing for addresses in numbers and single words.
pub(super) fn canonical_host(text: &str) -> Option<String> {
    match Host::parse(text).ok()? {
        Host::Domain(name) => is_public_name(&name).then_some(name),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// Whether a host in canonical spelling has the form of a public name (RFC 1123).
pub(super) fn is_public_name(name: &str) -> bool {
    let top = name.rsplit_once('.').map_or("", |(_, top)| top);
    name.len() <= HOST_LIMIT
        && top.starts_with(|first: char| first.is_ascii_lowercase())
        && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_LIMIT).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(canonical_host(text).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn a_host_is_a_dotted_name_in_lower_case_ascii() {
        check("Example.COM", Some("example.com"));
        check("a-b.c1.example", Some("a-b.c1.example"));
        check("münchen.example", Some("xn--mnchen-3ya.example"));
        check("xn--mnchen-3ya.example", Some("xn--mnchen-3ya.example"));
        for wrong in [
            "",
            "localhost",
            ".",
            ".com",
            "a.",
            "a..b",
            "-a.b",
            "a-.b",
            "a_b.c",
            "127.0.0.1",
            "[::1]",
            "1.2",
            "a.1b",
            "a b.c",
        ] {
            check(wrong, None);
        }
        check(&format!("{}.example", "a".repeat(63)), Some(&format!("{}.example", "a".repeat(63))));
        check(&format!("{}.example", "a".repeat(64)), None);
        check(&["a".repeat(50).as_str(); 6].join("."), None);
    }
}
