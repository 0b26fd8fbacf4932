//! The one normalisation of text that is searched or sorted, so that both databases find and order alike.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// No query is searched for more words than this.
const WORDS_IN_QUERY: usize = 10;

/// Folds case, accents, ligatures and punctuation away: lower-case words with one space between them.
///
/// Compatibility decomposition (NFKD) without its marks, full lower-case, plain spellings for letters that do not
/// decompose, and one space for every run of anything that is neither letter nor digit. Idempotent.
///
/// ```
/// use crm_domain::values::fold;
/// assert_eq!(fold("  L'Œuvre d'Été, S.A. "), "l oeuvre d ete s a");
/// assert_eq!(fold("Straße"), fold("STRASSE"));
/// ```
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    if text.is_ascii() {
        push_words(&mut folded, text.chars());
    } else {
        push_words(&mut folded, text.nfkd().filter(|character| !is_combining_mark(*character)));
    }
    folded
}

/// The text under which a record is found: all folded words, each with one space before it, so that a search for
/// `" word"` finds the beginnings of words. Empty when there is no word.
///
/// ```
/// use crm_domain::values::search_text;
/// assert_eq!(search_text(&[Some("Café-Bar"), None, Some("Lyon")]), " cafe bar lyon");
/// assert_eq!(search_text(&[None, Some("--")]), "");
/// ```
pub fn search_text(parts: &[Option<&str>]) -> String {
    let mut text = String::new();
    for folded in parts.iter().flatten().map(|part| fold(part)).filter(|folded| !folded.is_empty()) {
        text.push(' ');
        text.push_str(&folded);
    }
    text
}

/// The different folded words of a query, in their order, at most ten.
///
/// ```
/// use crm_domain::values::search_words;
/// assert_eq!(search_words("Été, été, gestion"), ["ete", "gestion"]);
/// ```
pub fn search_words(query: &str) -> Vec<String> {
    let folded = fold(query);
    let mut words: Vec<String> = Vec::new();
    for word in folded.split_ascii_whitespace() {
        if words.len() == WORDS_IN_QUERY {
            break;
        }
        if words.iter().all(|known| known != word) {
            words.push(word.to_owned());
        }
    }
    words
}

fn push_words(folded: &mut String, characters: impl Iterator<Item = char>) {
    let mut between_words = false;
    for character in characters.flat_map(char::to_lowercase) {
        let plain = plain_spelling(character);
        if plain.is_some_and(str::is_empty) || (plain.is_none() && !character.is_alphanumeric()) {
            // A mark that only lower-casing brings forth belongs to its letter and does not end the word.
            between_words |= !is_combining_mark(character);
            continue;
        }
        if std::mem::take(&mut between_words) && !folded.is_empty() {
            folded.push(' ');
        }
        match plain {
            Some(letters) => folded.push_str(letters),
            None => folded.push(character),
        }
    }
}

/// Lower-case letters that do not decompose, as one types them without them; empty for letters that stand for an
/// apostrophe.
fn plain_spelling(character: char) -> Option<&'static str> {
    Some(match character {
        'ß' => "ss",
        'œ' => "oe",
        'æ' => "ae",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ı' | 'ɨ' => "i",
        'ħ' => "h",
        'ŧ' => "t",
        'ŋ' => "n",
        'ĸ' => "k",
        'ƒ' => "f",
        'ȷ' => "j",
        'ƶ' => "z",
        'ς' => "σ",
        'ʼ' | 'ʻ' | 'ʹ' | 'ʺ' => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, folded: &str) {
        assert_eq!(fold(text), folded, "{text:?}");
    }

    #[test]
    fn case_accents_ligatures_and_punctuation_fold_away() {
        check("", "");
        check(" -- ", "");
        check("ACME", "acme");
        check("Société Générale", "societe generale");
        check("e\u{301}", "e");
        check("Cœur Æther Øre Łódź Đorđe Þór Ðað ISIK ışık", "coeur aether ore lodz dorde thor dad isik isik");
        check("GROẞ groß", "gross gross");
        check("İstanbul", "istanbul");
        check("ﬁnance ① ½", "finance 1 1 2");
        check("Ｗｉｄｅ", "wide");
        check("ΟΔΟΣ οδός", "οδοσ οδοσ");
        check("ЁЛКА Й", "елка и");
        check("L’Oréal, O'Neil & Oʼneil", "l oreal o neil o neil");
        check("a\u{a0}\t\nb_c", "a b c");
        check("東京 株式会社", "東京 株式会社");
        check("A.B.C. 2000", "a b c 2000");
    }

    #[test]
    fn folding_any_single_character_twice_changes_nothing_more() {
        for character in '\0'..=char::MAX {
            let once = fold(&format!("a{character}b"));
            assert_eq!(fold(&once), once, "{character:?}");
        }
    }

    #[test]
    fn search_text_has_a_space_before_each_word_and_none_at_the_end() {
        assert_eq!(search_text(&[]), "");
        assert_eq!(search_text(&[Some(""), None, Some(" é-E ")]), " e e");
        assert_eq!(search_text(&[Some("b"), Some("a b")]), " b a b");
    }

    #[test]
    fn a_query_is_at_most_ten_different_words() {
        assert_eq!(search_words(" É e, f "), ["e", "f"]);
        assert_eq!(search_words("1 1 2 3 4 5 6 7 8 9 10 11 12").join(" "), "1 2 3 4 5 6 7 8 9 10");
        assert!(search_words("!?").is_empty());
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing_more(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn the_case_of_a_text_does_not_matter(text in "[ -~À-ÿŁłŒœ]*") {
            prop_assert_eq!(fold(&text.to_uppercase()), fold(&text.to_lowercase()));
        }

        #[test]
        fn words_are_separated_by_exactly_one_space(text in any::<String>()) {
            let folded = fold(&text);
            let words: Vec<_> = folded.split(|character: char| !character.is_alphanumeric()).collect();
            prop_assert!(folded.is_empty() || words.iter().all(|word| !word.is_empty()), "{:?}", folded);
            prop_assert_eq!(words.join(" "), folded);
        }
    }
}
