//! Personal data that is more than one word: queries of URLs, values that a database quotes, phone numbers.

use std::borrow::Cow;

use super::REDACTED;

/// The text without such passages.
pub(super) fn without_passages(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for (mark, passage) in [("?", query as fn(&str) -> Option<usize>), (")=(", |text| Some(quoted(text)))] {
        if text.contains(mark) {
            text = replaced(&text, mark, passage).into();
        }
    }
    if text.bytes().any(|byte| byte.is_ascii_digit()) { without_phone_numbers(&text).into() } else { text }
}

/// The text with whatever `passage` finds behind each `mark` replaced.
fn replaced(text: &str, mark: &str, passage: fn(&str) -> Option<usize>) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(mark) {
        let (before, after) = rest.split_at(at + mark.len());
        clean.push_str(before);
        rest = after;
        if let Some(length) = passage(after) {
            clean.push_str(REDACTED);
            rest = &after[length..];
        }
    }
    clean + rest
}

/// How long a query is: it goes on to the end of the URL, and has a `=`.
fn query(text: &str) -> Option<usize> {
    let ends = |character: char| character.is_whitespace() || matches!(character, '"' | '\'' | '`' | '>' | ')' | ',');
    let length = text.find(ends).unwrap_or(text.len());
    text[..length].contains('=').then_some(length)
}

/// `Key (field)=(value) already exists`: how long the value is.
fn quoted(text: &str) -> usize {
    text.find(") ").unwrap_or_else(|| text.trim_end_matches(['.', ')']).len())
}

fn without_phone_numbers(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    let mut previous = ' ';
    while let Some(character) = rest.chars().next() {
        let starts = !previous.is_alphanumeric() && !matches!(previous, '.' | '-' | '+' | '_' | ':');
        let length = if starts { phone_number(rest) } else { 0 };
        let (taken, after) = rest.split_at(length.max(character.len_utf8()));
        clean.push_str(if length > 0 { REDACTED } else { taken });
        previous = taken.chars().next_back().unwrap_or(' ');
        rest = after;
    }
    clean
}

/// How long the phone number is that the text begins with, in bytes; 0 if with none. International ones begin with `+` and
/// have 8 to 15 digits (E.164); others are taken for one when they have ten digits, the first of them 0.
fn phone_number(text: &str) -> usize {
    let is_international = text.starts_with('+');
    if !is_international && !text.starts_with('0') {
        return 0;
    }
    let (mut digits, mut end, mut since) = (0, 0, 0);
    for (at, byte) in text.bytes().enumerate().skip(usize::from(is_international)) {
        match byte {
            b'0'..=b'9' => (digits, end, since) = (digits + 1, at + 1, 0),
            b' ' | b'.' | b'-' | b'(' | b')' if since < 2 => since += 1,
            _ if since == 0 && (byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':') => return 0,
            _ => break,
        }
    }
    let fits = if is_international { (8..=15).contains(&digits) } else { digits == 10 };
    if fits { end } else { 0 }
}
