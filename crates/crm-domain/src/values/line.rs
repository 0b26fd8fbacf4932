//! Plain text: one line, or several.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::text_value::text_value;
use crate::Violation;

/// A single line of text: trimmed, Unicode NFC, 1–255 characters, no control characters and no line separators.
///
/// Breaks `required` (nothing that can be seen), `too_long` or `control_character`.
///
/// ```
/// use crm_domain::values::Line;
/// assert_eq!(Line::parse("  Société Exemple ")?.as_str(), "Société Exemple");
/// assert_eq!(Line::parse(" ").unwrap_err().code, "required");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String")]
pub struct Line(String);

/// The name of a person or a thing: no more is asked of a name than that it is a [`Line`], because people know their own
/// names best.
pub type Name = Line;

/// Text of several lines, for notes and descriptions: trimmed, Unicode NFC, 1–20,000 characters.
///
/// Every kind of line break becomes `\n`; of the other control characters only the tab is taken. Breaks `required`,
/// `too_long` or `control_character`.
///
/// ```
/// use crm_domain::values::Text;
/// assert_eq!(Text::parse("one\r\ntwo")?.as_str(), "one\ntwo");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String")]
pub struct Text(String);

const LINE_LIMIT: usize = 255;
const TEXT_LIMIT: usize = 20_000;

impl Line {
    /// Reads one line.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        line_within(text, LINE_LIMIT).map(Self)
    }
}

text_value!(
    Line,
    TextSchema {
        description: "One line of text, trimmed, in Unicode NFC, without control characters.",
        format: None,
        pattern: Some(
            r"^[^\u0000-\u001F\u007F-\u009F\u2028\u2029]*[^\s\u0000-\u001F\u007F-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u2800\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF9-\uFFFB][^\u0000-\u001F\u007F-\u009F\u2028\u2029]*$"
        ),
        length: (1, LINE_LIMIT),
        example: "Exemple Gestion",
    }
);

impl Text {
    /// Reads several lines.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let normal: String = text.replace("\r\n", "\n").nfc().map(unix_line_break).collect();
        let normal = normal.trim();
        if normal.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
            return Err(Violation::new("control_character", "must not contain control characters"));
        }
        sized(normal, TEXT_LIMIT)?;
        Ok(Self(normal.to_owned()))
    }
}

impl Text {
    /// How it begins: its first characters, at most so many.
    pub fn beginning(&self, characters: usize) -> &str {
        self.0.char_indices().nth(characters).map_or(self.as_str(), |(end, _)| &self.0[..end])
    }
}

text_value!(
    Text,
    TextSchema {
        description: "Text of one or more lines, in Unicode NFC, with `\\n` as line break.",
        format: None,
        pattern: Some(
            r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u2800\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF9-\uFFFB][^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*$"
        ),
        length: (1, TEXT_LIMIT),
        example: "Met at the fair.\nCall back in March.",
    }
);

/// A canonical single line of at most `limit` characters.
pub(super) fn line_within(text: &str, limit: usize) -> Result<String, Violation> {
    if text.chars().any(|character| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')) {
        return Err(Violation::new("control_character", "must be one line without control characters"));
    }
    let normal: String = text.trim().nfc().collect();
    sized(&normal, limit)?;
    Ok(normal)
}

fn sized(text: &str, limit: usize) -> Result<(), Violation> {
    if text.chars().all(is_blank) {
        return Err(Violation::new("required", "must not be empty"));
    }
    if text.chars().count() > limit {
        return Err(Violation::new("too_long", format!("must have at most {limit} characters")));
    }
    Ok(())
}

/// Whether a character shows nothing: a space, or one that only joins, parts, directs or fills (Unicode,
/// `Default_Ignorable_Code_Point`, and the blank of Braille). Among others such characters belong to how people write.
fn is_blank(character: char) -> bool {
    character.is_whitespace()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn unix_line_break(character: char) -> char {
    match character {
        '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::testing::check;

    #[test]
    fn a_line_is_trimmed_composed_and_bounded() {
        check(Line::parse("Exemple"), Ok("Exemple"));
        check(Line::parse("\u{a0} Exemple  & Cie\u{202f}"), Ok("Exemple  & Cie"));
        check(Line::parse("e\u{301}te\u{301}"), Ok("été"));
        check(Line::parse(&"é".repeat(255)), Ok(&"é".repeat(255)));
        check(Line::parse(&format!("{} ", "e\u{301}".repeat(255))), Ok(&"é".repeat(255)));
        check(Line::parse(&"é".repeat(256)), Err("too_long"));
        check(Line::parse(""), Err("required"));
        check(Line::parse(" \u{2003}"), Err("required"));
        for invisible in ["\u{200b}", "\u{200d}\u{feff} \u{2060}", "\u{ad}", "\u{3164}", "\u{2800}", "\u{e0041}"] {
            check(Line::parse(invisible), Err("required"));
            check(Text::parse(invisible), Err("required"));
        }
        check(Line::parse("نامه\u{200c}ای"), Ok("نامه\u{200c}ای"));
        for character in ['\0', '\t', '\n', '\r', '\u{1b}', '\u{7f}', '\u{85}', '\u{2028}', '\u{2029}'] {
            check(Line::parse(&format!("a{character}b")), Err("control_character"));
            check(Line::parse(&format!("a{character}")), Err("control_character"));
        }
    }

    #[test]
    fn a_text_keeps_its_lines_and_tabs() {
        check(Text::parse("a\r\nb\rc\u{85}d\u{2028}e\u{2029}f\tg"), Ok("a\nb\nc\nd\ne\nf\tg"));
        check(Text::parse("\n one\n\n two \n"), Ok("one\n\n two"));
        check(Text::parse("\r\n\t "), Err("required"));
        check(Text::parse("a\u{0}"), Err("control_character"));
        check(Text::parse("a\u{c}b"), Err("control_character"));
        check(Text::parse(&"a".repeat(20_000)), Ok(&"a".repeat(20_000)));
        check(Text::parse(&"a".repeat(20_001)), Err("too_long"));
    }

    #[test]
    fn a_text_begins_with_whole_characters() {
        let text = Text::parse("été").unwrap();
        assert_eq!([0, 1, 2, 3, 4].map(|characters| text.beginning(characters)), ["", "é", "ét", "été", "été"]);
    }

    #[test]
    fn json_is_a_plain_string_and_goes_through_the_rule() {
        let line: Line = serde_json::from_str("\" a \"").unwrap();
        assert_eq!(serde_json::to_string(&line).unwrap(), "\"a\"");
        assert!(serde_json::from_str::<Line>("\"\"").is_err());
        assert!(serde_json::from_str::<Line>("1").is_err());
    }

    proptest! {
        #[test]
        fn reading_what_is_displayed_changes_nothing(text in any::<String>()) {
            if let Ok(line) = Line::parse(&text) {
                prop_assert_eq!(Line::parse(line.as_str()), Ok(line));
            }
            if let Ok(notes) = Text::parse(&text) {
                prop_assert_eq!(Text::parse(notes.as_str()), Ok(notes));
            }
        }
    }
}
