//! Languages.

use serde::Deserialize;

use super::code::code_value;

/// A language by its code of two letters (ISO 639-1), in lower case. Breaks `language`.
///
/// ```
/// use crm_domain::values::LanguageCode;
/// assert_eq!(LanguageCode::parse("FR")?.as_str(), "fr");
/// assert_eq!(LanguageCode::parse("french").unwrap_err().code, "language");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Copy, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[serde(try_from = "String")]
pub struct LanguageCode([u8; 2]);

code_value!(LanguageCode, to_ascii_lowercase, LANGUAGES, "language", "a language code of two letters (ISO 639-1)");

/// The 183 codes. Source: ISO 639-1 as of 2026, by way of Debian's iso-codes; `bh` was withdrawn in 2021.
#[rustfmt::skip]
static LANGUAGES: [&str; 183] = [
    "aa", "ab", "ae", "af", "ak", "am", "an", "ar", "as", "av", "ay", "az", "ba", "be", "bg", "bi", "bm", "bn", "bo",
    "br", "bs", "ca", "ce", "ch", "co", "cr", "cs", "cu", "cv", "cy", "da", "de", "dv", "dz", "ee", "el", "en", "eo",
    "es", "et", "eu", "fa", "ff", "fi", "fj", "fo", "fr", "fy", "ga", "gd", "gl", "gn", "gu", "gv", "ha", "he", "hi",
    "ho", "hr", "ht", "hu", "hy", "hz", "ia", "id", "ie", "ig", "ii", "ik", "io", "is", "it", "iu", "ja", "jv", "ka",
    "kg", "ki", "kj", "kk", "kl", "km", "kn", "ko", "kr", "ks", "ku", "kv", "kw", "ky", "la", "lb", "lg", "li", "ln",
    "lo", "lt", "lu", "lv", "mg", "mh", "mi", "mk", "ml", "mn", "mr", "ms", "mt", "my", "na", "nb", "nd", "ne", "ng",
    "nl", "nn", "no", "nr", "nv", "ny", "oc", "oj", "om", "or", "os", "pa", "pi", "pl", "ps", "pt", "qu", "rm", "rn",
    "ro", "ru", "rw", "sa", "sc", "sd", "se", "sg", "si", "sk", "sl", "sm", "sn", "so", "sq", "sr", "ss", "st", "su",
    "sv", "sw", "ta", "te", "tg", "th", "ti", "tk", "tl", "tn", "to", "tr", "ts", "tt", "tw", "ty", "ug", "uk", "ur",
    "uz", "ve", "vi", "vo", "wa", "wo", "xh", "yi", "yo", "za", "zh", "zu",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::{code::check_table, testing::check};

    #[test]
    fn the_table_holds_every_code_once() {
        check_table(&LanguageCode::all(), LanguageCode::parse);
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for wrong in ["", "f", "fra", "fr-FR", "xx", "jp", "é"] {
            check(LanguageCode::parse(wrong), Err("language"));
        }
    }
}
