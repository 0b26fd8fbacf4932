//! Currencies.

use serde::Deserialize;

use super::code::code_value;

/// A currency by its active code of three letters (ISO 4217). Breaks `currency`.
///
/// ```
/// use crm_domain::values::CurrencyCode;
/// assert_eq!(CurrencyCode::parse("eur")?.as_str(), "EUR");
/// assert_eq!(CurrencyCode::parse("FRF").unwrap_err().code, "currency");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Copy, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[serde(try_from = "String")]
pub struct CurrencyCode([u8; 3]);

code_value!(
    CurrencyCode,
    to_ascii_uppercase,
    CURRENCIES,
    "currency",
    "an active currency code of three letters (ISO 4217)"
);

/// The active codes of currencies, funds and metals, without `XTS` (tests) and `XXX` (no currency). Source: ISO 4217 list
/// one by way of Debian's iso-codes, with the amendments up to 2026: `XAD`, `XCG` and `ZWG` came, `ANG`, `BGN`, `CUC`,
/// `HRK`, `SLL` and `ZWL` went.
#[rustfmt::skip]
static CURRENCIES: [&str; 176] = [
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BHD", "BIF", "BMD", "BND",
    "BOB", "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHE", "CHF", "CHW", "CLF", "CLP", "CNY",
    "COP", "COU", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP",
    "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD",
    "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP",
    "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN",
    "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN",
    "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD",
    "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX",
    "USD", "USN", "UYI", "UYU", "UYW", "UZS", "VED", "VES", "VND", "VUV", "WST", "XAD", "XAF", "XAG", "XAU", "XBA",
    "XBB", "XBC", "XBD", "XCD", "XCG", "XDR", "XOF", "XPD", "XPF", "XPT", "XSU", "XUA", "YER", "ZAR", "ZMW", "ZWG",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::{code::check_table, testing::check};

    #[test]
    fn the_table_holds_every_active_code_once() {
        check_table(&CurrencyCode::all(), CurrencyCode::parse);
    }

    #[test]
    fn withdrawn_and_empty_codes_are_refused() {
        for wrong in ["", "EU", "EURO", "€", "FRF", "DEM", "HRK", "BGN", "XXX", "XTS", "EÜR"] {
            check(CurrencyCode::parse(wrong), Err("currency"));
        }
    }

    #[test]
    fn a_stored_code_outlives_its_withdrawal() {
        assert_eq!(CurrencyCode::from_stored("FRF".to_owned()).as_str(), "FRF");
    }
}
