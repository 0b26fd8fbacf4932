//! Value types: text that was checked once and is canonical ever after.
//!
//! The room exists so that no other has to ask whether an e-mail address is one: a field of type [`EmailAddress`] holds
//! an address, in the one spelling that is stored, compared and shown. Every type is made by `parse`, which says what is
//! wrong by a [`Violation`](crate::Violation); it is displayed and serialised as the canonical text, and
//! `parse(display(x)) == x`. `from_stored` trusts the database and checks nothing.
//!
//! What may not enter: clocks, I/O, and rules that need more than the one value (those belong to the resources).
//!
//! With the feature `openapi` each type describes the texts that it takes as a JSON schema.

mod code;
mod country;
mod country_names;
mod currency;
mod date;
mod email;
mod fold;
mod host;
mod isin;
mod language;
mod lei;
mod line;
mod minutes;
mod money;
mod network;
mod percent;
mod phone;
#[cfg(feature = "openapi")]
pub(crate) mod schema;
mod tags;
pub(crate) mod text_value;
mod timestamp;
mod web;

pub use country::CountryCode;
pub use currency::CurrencyCode;
pub use date::{Date, parse_date, parse_date_lenient};
#[cfg(feature = "openapi")]
pub use date::{date_field_schema, date_schema};
pub use email::EmailAddress;
pub use fold::{fold, search_text, search_words};
pub use isin::Isin;
pub use language::LanguageCode;
pub use lei::Lei;
pub use line::{Line, Name, Text};
pub use minutes::Minutes;
pub use money::Money;
pub use network::Network;
pub use percent::Percent;
pub use phone::PhoneNumber;
pub use tags::Tags;
pub use timestamp::Timestamp;
pub use web::WebAddress;

#[cfg(test)]
mod testing {
    use std::fmt::Display;

    use crate::Violation;

    /// Compares what was read with its canonical text, or with the code of the rule that it breaks.
    #[track_caller]
    pub(super) fn check<T: Display>(read: Result<T, Violation>, expected: Result<&str, &str>) {
        let read = read.map(|value| value.to_string()).map_err(|violation| violation.code);
        assert_eq!(read, expected.map(str::to_owned));
    }
}
