//! What must not reach a log: secrets and the personal data of contacts.
//!
//! Three layers: a value wrapped in [`Redacted`] cannot be printed at all; a value under a sensitive key is replaced
//! whatever it is; and running text is searched for credentials and addresses that came in by an error message.

mod disguise;
mod passages;

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};
use slog::{Key, Record};

/// What stands in the place of a value that must not be shown.
pub const REDACTED: &str = "[redacted]";

/// A value that shows itself as [`REDACTED`] in text, in JSON and in logs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Hides a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(REDACTED)
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(REDACTED)
    }
}

impl<T> Serialize for Redacted<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<T> slog::Value for Redacted<T> {
    fn serialize(&self, _: &Record<'_>, key: Key, serializer: &mut dyn slog::Serializer) -> slog::Result {
        serializer.emit_str(key, REDACTED)
    }
}

/// Words that make a key sensitive wherever they stand in it: `personal_email`, `X-Api-Key`, `new_password`.
const SENSITIVE_WORDS: [&str; 19] = [
    "apikey",
    "authorization",
    "authentication",
    "bearer",
    "cookie",
    "credential",
    "dsn",
    "email",
    "fax",
    "mail",
    "mobile",
    "otp",
    "passphrase",
    "password",
    "passwd",
    "phone",
    "secret",
    "ticket",
    "token",
];

/// Words that are sensitive only as a pair.
const SENSITIVE_PAIRS: [(&str, &str); 3] = [("api", "key"), ("private", "key"), ("database", "url")];

/// Whether values under this key are hidden. Words may be joined by `_`, `-`, `.` or capitals; a plural is the same word.
pub fn is_sensitive(key: &str) -> bool {
    let mut previous = "";
    words_of(key).any(|word| {
        let before = std::mem::replace(&mut previous, word);
        SENSITIVE_WORDS.iter().any(|sensitive| is_word(word, sensitive))
            || SENSITIVE_PAIRS.iter().any(|(first, second)| is_word(before, first) && is_word(word, second))
    })
}

fn words_of(key: &str) -> impl Iterator<Item = &str> {
    let mut rest = key;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|character: char| !character.is_alphanumeric());
        let mut after_lower_case = false;
        let end = rest.find(|character: char| {
            let is_boundary = !character.is_alphanumeric() || (after_lower_case && character.is_uppercase());
            after_lower_case = character.is_lowercase();
            is_boundary
        });
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

fn is_word(word: &str, sensitive: &str) -> bool {
    let singular = word.strip_suffix(['s', 'S']).unwrap_or(word);
    word.eq_ignore_ascii_case(sensitive) || singular.eq_ignore_ascii_case(sensitive)
}

/// Running text without credentials and personal data: what follows `Bearer` or `Basic`, what is assigned to a sensitive
/// name (`password=…`, `"token": "…"`), tokens of ours, the user part of a URL, queries of URLs, values that a database
/// quotes, e-mail addresses and phone numbers; also where they are percent-encoded or in base64.
pub(crate) fn scrub(text: &str) -> String {
    scrub_words(&disguise::without_disguised(&passages::without_passages(text)))
}

/// One word after the other.
pub(super) fn scrub_words(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    let mut previous = "";
    let mut between = "";
    while !rest.is_empty() {
        let (separators, after) = rest.split_at(end_of_separators(rest));
        if !separators.is_empty() {
            clean.push_str(separators);
            between = separators;
        }
        let (token, after) = after.split_at(end_of_token(after, between));
        clean.push_str(&shown(token, previous, between));
        previous = token;
        rest = after;
    }
    clean
}

/// Separators end at a word; behind `://` at once, because `redis://:password@host` goes on with a `:` that is no separator.
fn end_of_separators(text: &str) -> usize {
    let end = text.find(|character| !is_separator(character)).unwrap_or(text.len());
    text[..end].find("://").map_or(end, |scheme| scheme + "://".len())
}

/// A token ends at a separator; behind `://` only at the end of the authority, so that a password with a `:` is one token.
fn end_of_token(text: &str, before: &str) -> usize {
    let ends = |character: char| {
        if before.ends_with("://") { character == '/' || is_quote_or_space(character) } else { is_separator(character) }
    };
    text.find(ends).unwrap_or(text.len())
}

fn shown<'a>(token: &'a str, previous: &str, between: &str) -> Cow<'a, str> {
    let is_assigned = between.contains([':', '=']) && !between.contains([',', ';', '&', '\n']);
    // What has been hidden before stays as it is: some texts come here twice.
    let is_hidden = REDACTED.trim_matches(['[', ']']) == token;
    let is_secret = !is_hidden && (is_scheme(previous) || (is_assigned && !is_scheme(token) && is_sensitive(previous)));
    if is_secret && !token.is_empty() {
        return REDACTED.into();
    }
    match token.rsplit_once('@') {
        Some((_, host)) if between.ends_with("://") => format!("{REDACTED}@{host}").into(),
        Some((name, host)) if !name.is_empty() && !host.is_empty() => REDACTED.into(),
        _ if is_token(token) => REDACTED.into(),
        _ => token.into(),
    }
}

/// A token of ours: `crm_`, two letters, `_`, the secret.
fn is_token(word: &str) -> bool {
    let rest = word.strip_prefix("crm_").and_then(|rest| rest.get(2..)).and_then(|rest| rest.strip_prefix('_'));
    rest.is_some_and(|secret| secret.len() >= 16)
}

/// `Authorization: Bearer …` has two words before the secret: the scheme is not what is to be hidden.
fn is_scheme(word: &str) -> bool {
    word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic")
}

fn is_separator(character: char) -> bool {
    is_quote_or_space(character) || matches!(character, ',' | ';' | ':' | '=' | '&' | '?' | '/' | '|')
}

fn is_quote_or_space(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '"' | '\'' | '`' | '\\' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redacted_value_shows_itself_nowhere() {
        let hidden = Redacted::new("hunter2");
        assert_eq!(format!("{hidden} {hidden:?} {:?}", Some(&hidden)), "[redacted] [redacted] Some([redacted])");
        assert_eq!(serde_json::to_string(&hidden).unwrap(), "\"[redacted]\"");
        assert_eq!(*hidden.expose(), "hunter2");
    }

    #[test]
    fn keys_are_sensitive_by_their_words() {
        for key in [
            "authorization",
            "Proxy-Authorization",
            "cookie",
            "Set-Cookie",
            "password",
            "new_password",
            "passwordHash",
            "token",
            "access_token",
            "refreshToken",
            "tokens",
            "TOKEN",
            "secret",
            "client.secret",
            "email",
            "emails",
            "personal_email",
            "phone",
            "work_phone",
            "mobile",
            "api_key",
            "X-Api-Key",
            "apikey",
            "sentry_dsn",
            "ticket",
            "database_url",
        ] {
            assert!(is_sensitive(key), "{key}");
        }
        for key in [
            "",
            "request_id",
            "user_id",
            "route",
            "status",
            "key",
            "url",
            "keyset",
            "tokenizer",
            "phonetic",
            "position",
        ] {
            assert!(!is_sensitive(key), "{key}");
        }
    }

    #[test]
    fn credentials_leave_running_text() {
        for (text, clean) in [
            ("Authorization: Bearer crm_abc.def", "Authorization: Bearer [redacted]"),
            ("authorization=Basic dXNlcjpw", "authorization=Basic [redacted]"),
            ("bad header `bearer  xyz`, sorry", "bad header `bearer  [redacted]`, sorry"),
            ("login {\"password\":\"hunter2\",\"n\":1}", "login {\"password\":\"[redacted]\",\"n\":1}"),
            ("Login { password: \"hunter2\", n: 1 }", "Login { password: \"[redacted]\", n: 1 }"),
            ("GET /realtime?ticket=abc&after=4, 3 ms", "GET /realtime?[redacted], 3 ms"),
            ("see https://example.com/a?q=jean#d now", "see https://example.com/a?[redacted] now"),
            ("gave crm_at_0123456789abcdefghij to", "gave [redacted] to"),
            ("call +33 1 56 62 00 55 now", "call [redacted] now"),
            ("call 01.56.62.00.55", "call [redacted]"),
            ("Key (name_key)=(jean dupont) already exists", "Key (name_key)=([redacted]) already exists"),
            ("sent to ann%40example.com today", "sent to [redacted] today"),
            ("header YW5uQGV4YW1wbGUuY29tIGFuZA== came", "header [redacted] came"),
            ("no route to postgres://crm:p:w@db:5432/crm", "no route to postgres://[redacted]@db:5432/crm"),
            ("redis://:pw@127.0.0.1:6379/0 timed out", "redis://[redacted]@127.0.0.1:6379/0 timed out"),
            ("Key (email)=(ann@example.com) already exists", "Key (email)=([redacted]) already exists"),
            ("mail from <ann@example.com>: refused", "mail from <[redacted]>: refused"),
        ] {
            assert_eq!(scrub(text), clean);
            assert_eq!(scrub(clean), clean, "what is clean stays as it is");
        }
    }

    #[test]
    fn innocent_text_is_left_as_it_is() {
        for text in [
            "",
            "relay caught up at 58",
            "password reset asked for",
            "https://example.com/a#d, then [x] {y}",
            "what? a=b is no query",
            "2026-11-25T10:14:41.000000Z to 2026-11-25 10:14",
            "01a2090d-d01c-7109-b5de-a26d9baafde0",
            "crm_app::organisations and crm_api::v1 in crates/crm-app/src/app.rs:123",
            "0123456789012345 bytes, 33156620055 more",
            "100% of it, %zz and 4bf92f3577b34da6a3ce929d0e0e4736",
            "took 3 ms @ worker 2",
            "token, then a comma: fine",
            "Größe: 12 µs → ok\n",
        ] {
            assert_eq!(scrub(text), text);
        }
    }
}
