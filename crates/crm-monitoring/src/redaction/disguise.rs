//! Personal data in another coat: percent-encoded, or in base64. Whatever would be hidden once it is decoded is hidden.

use std::borrow::Cow;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{REDACTED, passages::without_passages, scrub_words};

/// The shortest word that is taken for base64, in characters.
const SHORTEST: usize = 12;

const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const CODES: [GeneralPurpose; 2] =
    [GeneralPurpose::new(&alphabet::STANDARD, CONFIG), GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG)];

/// The text without such words.
pub(super) fn without_disguised(text: &str) -> Cow<'_, str> {
    let is_part = |character: char| {
        character.is_ascii_alphanumeric() || matches!(character, '%' | '+' | '/' | '=' | '-' | '_' | '.' | '~' | '*')
    };
    let mut clean = String::new();
    let (mut rest, mut kept) = (text, 0);
    while let Some(start) = rest.find(is_part) {
        let word = &rest[start..];
        let word = &word[..word.find(|character| !is_part(character)).unwrap_or(word.len())];
        let at = text.len() - rest.len() + start;
        if hides_something(word) {
            clean.push_str(&text[kept..at]);
            clean.push_str(REDACTED);
            kept = at + word.len();
        }
        rest = &rest[start + word.len()..];
    }
    if kept == 0 { text.into() } else { (clean + &text[kept..]).into() }
}

fn hides_something(word: &str) -> bool {
    if word.contains('%')
        && let Some(decoded) = percent_decoded(word)
        && is_hidden(&decoded)
    {
        return true;
    }
    // A word with a `=` before its end is an assignment: what is behind it is looked at for itself.
    word.split('=').any(|part| {
        part.len() >= SHORTEST && CODES.iter().filter_map(|code| decoded(code, part)).any(|text| is_hidden(&text))
    })
}

fn is_hidden(decoded: &str) -> bool {
    scrub_words(&without_passages(decoded)) != decoded
}

/// What base64 says, where that is text.
fn decoded(code: &GeneralPurpose, word: &str) -> Option<String> {
    let text = String::from_utf8(code.decode(word).ok()?).ok()?;
    text.chars().all(|character| !character.is_control()).then_some(text)
}

fn percent_decoded(word: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            bytes.push(digit(rest.next())? * 16 + digit(rest.next())?);
        } else {
            bytes.push(if byte == b'+' { b' ' } else { byte });
        }
    }
    String::from_utf8(bytes).ok()
}
