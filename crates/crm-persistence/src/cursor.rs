//! Cursors of lists whose order is fixed: where a page ended, as opaque text.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use crm_domain::Invalid;
use serde::{Serialize, de::DeserializeOwned};

use crate::error::StoreError;

/// The layout of the encoded form; a change of layout makes old cursors bad.
const LAYOUT: u8 = 1;

/// The text for `next_cursor`; `list` tells one list from another.
pub fn encode<P: Serialize>(list: &str, place: &P) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::json!([LAYOUT, list, place]).to_string())
}

/// Reads a cursor of the list `list`, when there is one.
pub fn decode<P: DeserializeOwned>(list: &str, cursor: Option<&str>) -> Result<Option<P>, StoreError> {
    cursor.map(|text| read(list, text).ok_or_else(bad)).transpose()
}

fn read<P: DeserializeOwned>(list: &str, text: &str) -> Option<P> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    // PostgreSQL has no text with a NUL in it, so no record stands there.
    let (layout, of, place): (u8, String, P) =
        serde_json::from_str(&text).ok().filter(|_| !text.contains("\\u0000"))?;
    (layout == LAYOUT && of == list).then_some(place)
}

fn bad() -> StoreError {
    Invalid::one("cursor", "cursor", "is not a cursor of this list").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_says_again_what_it_was_made_of() {
        let place = (true, "müller".to_owned(), uuid::Uuid::from_u128(7));
        let text = encode("one", &place);
        assert!(text.chars().all(|character| character.is_ascii_alphanumeric() || "-_".contains(character)));
        assert_eq!(decode("one", Some(&text)).unwrap(), Some(place));
        assert_eq!(decode::<String>("one", None).unwrap(), None);
    }

    #[test]
    fn a_cursor_of_another_list_or_of_none_is_invalid() {
        let with_nul = encode("one", &"a\0b");
        let other_list = encode("two", &"a");
        let other_place = encode("one", &7);
        for text in ["", "x", "====", "bnVsbA", with_nul.as_str(), other_list.as_str(), other_place.as_str()] {
            let error = decode::<String>("one", Some(text)).unwrap_err();
            let StoreError::Invalid(invalid) = error else { panic!("{text}: {error:?}") };
            assert_eq!((invalid.errors[0].pointer.as_str(), invalid.errors[0].code), ("cursor", "cursor"));
        }
    }
}
