//! Cells as people and registers write them, turned into what the domain reads. What cannot be turned stays as it is, and
//! the domain says what is wrong with it.

use crm_domain::values::{
    CountryCode, LanguageCode, Minutes, Money, Percent, PhoneNumber, Timestamp, fold, parse_date_lenient,
};
use serde_json::{Value, json};

use super::reader::truth;

/// How the cells of a field are read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reading {
    /// One line of text.
    Line,
    /// Text of several lines.
    Text,
    /// An amount of money.
    Money,
    /// A calendar date.
    Date,
    /// A time, in UTC where no zone is named.
    Time,
    /// A duration in whole minutes.
    Minutes,
    /// Yes or no.
    Truth,
    /// A country by code or name.
    Country,
    /// A language by code or name.
    Language,
    /// A currency by code, sign or name.
    Currency,
    /// A percentage.
    Percent,
    /// A phone number in any form.
    Phone,
    /// Several words.
    Tags,
    /// One word of a closed list, with other words for the same.
    Choice(&'static [(&'static str, &'static [&'static str])]),
}

impl Reading {
    /// The value of a cell that is not blank. Phone numbers in national form are those of `country`.
    pub(super) fn read(self, cell: &str, country: Option<CountryCode>) -> Value {
        let cell = cell.trim();
        let canonical = match self {
            Self::Line => Some(cell.split_whitespace().collect::<Vec<_>>().join(" ")),
            Self::Text => None,
            Self::Money => Money::parse_lenient(cell).ok().map(|money| money.to_string()),
            Self::Date => parse_date_lenient(cell).ok().map(|date| date.to_string()),
            Self::Time => Timestamp::parse_lenient(cell).ok().map(|time| time.to_string()),
            Self::Minutes => return Minutes::parse(cell).map_or_else(|_| cell.into(), |minutes| json!(minutes)),
            Self::Truth => return truth(cell).map_or_else(|| cell.into(), Value::Bool),
            Self::Country => CountryCode::from_name(cell).map(|code| code.to_string()),
            Self::Language => language(cell),
            Self::Currency => currency(cell),
            Self::Percent => return Percent::parse(cell).map_or_else(|_| cell.into(), |percent| json!(percent)),
            Self::Phone => PhoneNumber::parse(cell, country).ok().map(|number| number.to_string()),
            Self::Tags => {
                return cell.split([',', ';', '|', '\n']).map(str::trim).filter(|tag| !tag.is_empty()).collect();
            }
            Self::Choice(words) => choice(cell, words),
        };
        canonical.unwrap_or_else(|| cell.to_owned()).into()
    }
}

fn choice(cell: &str, words: &[(&str, &[&str])]) -> Option<String> {
    let folded = fold(cell);
    let same = |word: &str| fold(word) == folded;
    words
        .iter()
        .find(|(word, others)| same(word) || others.iter().any(|other| same(other)))
        .map(|(word, _)| (*word).to_owned())
}

fn language(cell: &str) -> Option<String> {
    const NAMES: &[(&str, &[&str])] = &[
        ("fr", &["french", "français", "fre", "fra"]),
        ("en", &["english", "anglais", "eng"]),
        ("de", &["german", "allemand", "deutsch", "ger", "deu"]),
        ("es", &["spanish", "espagnol", "español", "spa"]),
        ("it", &["italian", "italien", "italiano", "ita"]),
        ("nl", &["dutch", "néerlandais", "nederlands", "dut", "nld"]),
        ("pt", &["portuguese", "portugais", "português", "por"]),
    ];
    // `fr-FR` and `fr_FR` name a language and a region.
    let first = cell.split(['-', '_']).next().unwrap_or(cell);
    LanguageCode::parse(first).ok().map(|code| code.to_string()).or_else(|| choice(cell, NAMES))
}

fn currency(cell: &str) -> Option<String> {
    Some(match cell {
        "€" => "EUR".to_owned(),
        "$" => "USD".to_owned(),
        "£" => "GBP".to_owned(),
        _ => match fold(cell).as_str() {
            "euro" | "euros" => "EUR".to_owned(),
            "dollar" | "dollars" | "us dollar" => "USD".to_owned(),
            "pound" | "pounds" | "livre sterling" => "GBP".to_owned(),
            "franc suisse" | "swiss franc" => "CHF".to_owned(),
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reading: Reading, cell: &str, expected: &Value) {
        assert_eq!(&reading.read(cell, None), expected, "{cell:?}");
    }

    #[test]
    fn cells_become_what_the_domain_reads() {
        check(Reading::Line, " 1 rue\n de  l'Exemple ", &json!("1 rue de l'Exemple"));
        check(Reading::Text, " a\nb ", &json!("a\nb"));
        check(Reading::Money, "1 250 000,50 €", &json!("1250000.50"));
        check(Reading::Date, "01/02/2026", &json!("2026-02-01"));
        check(Reading::Time, "03/02/2026 14:30", &json!("2026-02-03T14:30:00.000000Z"));
        check(Reading::Minutes, " 45", &json!(45));
        check(Reading::Truth, "Vivant", &json!(true));
        check(Reading::Country, "France", &json!("FR"));
        check(Reading::Language, "fr-FR", &json!("fr"));
        check(Reading::Language, "Anglais", &json!("en"));
        check(Reading::Currency, "€", &json!("EUR"));
        check(Reading::Percent, "50 %", &json!(50));
        check(Reading::Tags, "a; b,,c", &json!(["a", "b", "c"]));
    }

    #[test]
    fn what_cannot_be_read_stays_for_the_domain_to_refuse() {
        for reading in [
            Reading::Money,
            Reading::Date,
            Reading::Time,
            Reading::Minutes,
            Reading::Truth,
            Reading::Country,
            Reading::Percent,
            Reading::Phone,
        ] {
            check(reading, "perhaps", &json!("perhaps"));
        }
    }

    #[test]
    fn words_of_a_list_have_synonyms() {
        const WORDS: &[(&str, &[&str])] = &[("asset_manager", &["société de gestion"])];
        check(Reading::Choice(WORDS), "Asset Manager", &json!("asset_manager"));
        check(Reading::Choice(WORDS), "SOCIETE DE GESTION", &json!("asset_manager"));
        check(Reading::Choice(WORDS), "bakery", &json!("bakery"));
    }

    #[test]
    fn phone_numbers_are_read_by_the_country_given() {
        let france = CountryCode::parse("FR").ok();
        assert_eq!(Reading::Phone.read("01 56 62 00 55", france), json!("+33156620055"));
    }
}
