//! Query strings, read strictly: what cannot be decoded is refused, not replaced.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use crm_domain::{Invalid, Violation};

use crate::problem::Problem;

/// The parameters of a request, in order.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// The parameters of an operation that reads them itself.
#[derive(Debug)]
pub(crate) struct Parameters(pub(crate) Query);

impl FromRequest for Parameters {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Query::parse(request.query_string()).map(Self).map_err(Problem::parameters))
    }
}

impl Query {
    /// Reads `application/x-www-form-urlencoded` pairs. Escapes must be whole and make UTF-8.
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        let mut invalid = Invalid::default();
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decoded(name), decoded(value)) {
                (Some(name), Some(value)) => pairs.push((name, value)),
                (name, _) => {
                    let violation = Violation::new("encoding", "must be percent-encoded UTF-8");
                    invalid.errors.push(violation.at(name.unwrap_or_else(|| "?".to_owned())));
                }
            }
        }
        invalid.finish(Self { pairs })
    }

    /// All pairs that have not been taken.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Takes the value of a parameter out; twice the same one is refused.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut values = self.pairs.extract_if(.., |(one, _)| one == name).map(|(_, value)| value);
        let first = values.next();
        match values.next() {
            None => Ok(first),
            Some(_) => Err(parameter(name, &Violation::new("repeated_parameter", "stands more than once"))),
        }
    }

    /// Takes a parameter and reads its value.
    pub(crate) fn read<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Violation>,
    ) -> Result<Option<T>, Problem> {
        let text = self.take(name)?;
        text.map(|text| parse(&text)).transpose().map_err(|violation| parameter(name, &violation))
    }
}

/// The problem of one parameter.
pub(crate) fn parameter(name: &str, violation: &Violation) -> Problem {
    Problem::parameters(violation.clone().at(name).into())
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&[(&str, &str)]>) {
        let pairs = Query::parse(text).ok();
        let pairs: Option<Vec<_>> = pairs.as_ref().map(|query| query.pairs().collect());
        assert_eq!(pairs.as_deref(), expected, "{text}");
    }

    #[test]
    fn pairs_are_decoded_and_bad_escapes_refused() {
        check("", Some(&[]));
        check("a=1&b=2", Some(&[("a", "1"), ("b", "2")]));
        check("a=b%20c+d&&e", Some(&[("a", "b c d"), ("e", "")]));
        check("na%C3%AFve=%2B", Some(&[("naïve", "+")]));
        check("a=b=c", Some(&[("a", "b=c")]));
        check("a=%", None);
        check("a=%4", None);
        check("a=%zz", None);
        check("a=%FF", None);
        check("%C3=1", None);
    }

    #[test]
    fn a_parameter_is_taken_once() {
        let mut query = Query::parse("q=x&limit=1&q=y").unwrap();
        assert!(query.take("q").is_err());
        assert_eq!(query.take("limit").unwrap().as_deref(), Some("1"));
        assert_eq!(query.take("limit").unwrap(), None);
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_is_decoded_again(text in any::<String>()) {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            prop_assert_eq!(decoded(&encoded), Some(text));
        }

        #[test]
        fn no_query_string_panics(text in any::<String>()) {
            let _ = Query::parse(&text);
        }
    }
}
