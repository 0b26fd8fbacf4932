//! Countries.

use serde::Deserialize;

use super::{code::code_value, country_names::NAMES, fold};

/// A country or territory by its officially assigned two-letter code (ISO 3166-1 alpha-2). Breaks `country_code`.
///
/// ```
/// use crm_domain::values::CountryCode;
/// assert_eq!(CountryCode::parse("fr")?.as_str(), "FR");
/// assert_eq!(CountryCode::from_name("Allemagne").unwrap().as_str(), "DE");
/// assert_eq!(CountryCode::parse("UK").unwrap_err().code, "country_code");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Copy, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[serde(try_from = "String")]
pub struct CountryCode([u8; 2]);

code_value!(
    CountryCode,
    to_ascii_uppercase,
    COUNTRIES,
    "country_code",
    "a country code of two letters (ISO 3166-1 alpha-2)"
);

impl CountryCode {
    /// Recognises a country in a file: by its code of two letters, or, for those that are met most, by its code of three
    /// letters or its usual English or French name. Case, accents and punctuation do not matter.
    pub fn from_name(text: &str) -> Option<Self> {
        if let Ok(code) = Self::parse(text) {
            return Some(code);
        }
        let folded = fold(text);
        let (code, _) = NAMES.iter().find(|(_, names)| names.contains(&folded.as_str()))?;
        Self::parse(code).ok()
    }
}

/// The 249 officially assigned codes. Source: ISO 3166-1 as of 2026, by way of Debian's iso-codes.
#[rustfmt::skip]
static COUNTRIES: [&str; 249] = [
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ", "BA", "BB", "BD",
    "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS", "BT", "BV", "BW", "BY", "BZ", "CA",
    "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN", "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE",
    "DJ", "DK", "DM", "DO", "DZ", "EC", "EE", "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA",
    "GB", "GD", "GE", "GF", "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK",
    "HM", "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM", "JO", "JP",
    "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC", "LI", "LK", "LR", "LS", "LT",
    "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK", "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS",
    "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA", "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ",
    "OM", "PA", "PE", "PF", "PG", "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS",
    "RU", "RW", "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS", "ST",
    "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO", "TR", "TT", "TV", "TW",
    "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI", "VN", "VU", "WF", "WS", "YE", "YT", "ZA",
    "ZM", "ZW",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::{code::check_table, testing::check};

    #[test]
    fn the_table_holds_every_assigned_code_once() {
        check_table(&CountryCode::all(), CountryCode::parse);
    }

    #[test]
    fn what_is_not_assigned_is_refused() {
        // Reserved, withdrawn, user-assigned, and other forms.
        for wrong in ["", "F", "FRA", "UK", "EU", "XK", "AN", "CS", "ZZ", "XX", "F1", "ÀÉ", "FR FR", "France"] {
            check(CountryCode::parse(wrong), Err("country_code"));
        }
    }

    #[track_caller]
    fn check_name(text: &str, expected: Option<&str>) {
        assert_eq!(CountryCode::from_name(text).as_ref().map(CountryCode::as_str), expected, "{text:?}");
    }

    #[test]
    fn names_are_recognised_in_english_french_and_three_letters() {
        check_name("fr", Some("FR"));
        check_name("FRA", Some("FR"));
        check_name(" FRANCE ", Some("FR"));
        check_name("États-Unis d'Amérique", Some("US"));
        check_name("U.S.A.", Some("US"));
        check_name("UK", Some("GB"));
        check_name("royaume uni", Some("GB"));
        check_name("Pays-Bas", Some("NL"));
        check_name("The Netherlands", Some("NL"));
        check_name("Île Maurice", Some("MU"));
        check_name("Côte d’Ivoire", Some("CI"));
        check_name("Atlantis", None);
        check_name("", None);
    }

    #[test]
    fn every_name_is_folded_unique_and_leads_to_an_assigned_code() {
        let mut seen = std::collections::BTreeSet::new();
        for (code, names) in NAMES {
            assert!(COUNTRIES.contains(code), "{code}");
            for name in *names {
                assert_eq!(fold(name), *name);
                assert!(seen.insert(name), "{name} stands twice");
                check_name(name, Some(code));
            }
        }
    }

    #[test]
    fn json_is_the_code() {
        let code: CountryCode = serde_json::from_str("\"fr\"").unwrap();
        assert_eq!(serde_json::to_string(&code).unwrap(), "\"FR\"");
        assert!(serde_json::from_str::<CountryCode>("\"France\"").is_err());
    }
}
