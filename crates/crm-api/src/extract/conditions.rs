//! `If-Match` and `If-None-Match` (RFC 9110, section 13.1): the `ETag` of a record is its version.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
};
use crm_app::Expected;
use crm_domain::Version;

use crate::problem::{Code, Problem};

/// The version that the caller means to change.
#[derive(Debug)]
pub(crate) struct IfMatch(pub(crate) Expected);

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(expected(request.headers()).map(Self))
    }
}

/// The version that the caller means to replace; any one unless it says otherwise.
#[derive(Debug)]
pub(crate) struct PutIfMatch(pub(crate) Expected);

impl FromRequest for PutIfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let is_named = request.headers().contains_key(header::IF_MATCH);
        ready(if is_named { expected(request.headers()).map(Self) } else { Ok(Self(Expected::Any)) })
    }
}

/// The versions that the caller already has.
#[derive(Debug)]
pub(crate) struct IfNoneMatch(Option<String>);

impl IfNoneMatch {
    /// Whether the caller already has this version.
    pub(crate) fn has(&self, version: Version) -> bool {
        self.0.as_ref().is_some_and(|list| is_listed(&etag(version), list))
    }
}

impl FromRequest for IfNoneMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self(if_none_match(request.headers()))))
    }
}

/// All lines of `If-None-Match` as one list.
pub(super) fn if_none_match(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::IF_NONE_MATCH);
    let lines: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// Whether a list of tags has this one. Tags of any strength count, as the RFC says for this header.
pub(super) fn is_listed(tag: &str, list: &str) -> bool {
    let is_same = |item: &str| item == "*" || item.strip_prefix("W/").unwrap_or(item) == tag;
    list.split(',').map(str::trim).any(is_same)
}

/// The `ETag` of a record at this version.
pub(crate) fn etag(version: Version) -> String {
    format!("\"{}\"", version.number())
}

fn expected(headers: &HeaderMap) -> Result<Expected, Problem> {
    let Some(value) = only(headers, &header::IF_MATCH)? else {
        let detail = "Send If-Match with the ETag of the record, or *.";
        return Err(Problem::new(Code::VersionRequired, detail));
    };
    let read = value.to_str().ok().and_then(parse);
    read.ok_or_else(|| Problem::header(&header::IF_MATCH, "must be * or one strong ETag of this record, such as \"3\""))
}

fn parse(text: &str) -> Option<Expected> {
    if text == "*" {
        return Some(Expected::Any);
    }
    let digits = text.strip_prefix('"')?.strip_suffix('"')?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let version = digits.parse().ok().and_then(|number| Version::new(number).ok());
    version.filter(|_| is_plain).map(Expected::Version)
}

/// The value of a header that may stand once at most.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Problem> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Problem::header(name, "must stand once")),
        (value, None) => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{ResponseError, test::TestRequest};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(value: Option<&str>, outcome: Result<Option<i64>, u16>) {
        let request = TestRequest::default();
        let request =
            value.into_iter().fold(request, |request, value| request.insert_header((header::IF_MATCH, value)));
        let read = expected(request.to_http_request().headers()).map(|expected| match expected {
            Expected::Any => None,
            Expected::Version(version) => Some(version.number()),
        });
        assert_eq!(read.map_err(|problem| problem.status_code().as_u16()), outcome, "{value:?}");
    }

    #[test]
    fn a_strong_tag_or_a_star_is_taken_and_nothing_else() {
        check(None, Err(428));
        check(Some("*"), Ok(None));
        check(Some("\"3\""), Ok(Some(3)));
        check(Some("\"9223372036854775807\""), Ok(Some(i64::MAX)));
        for bad in [
            "",
            "3",
            "\"\"",
            "\"0\"",
            "\"-1\"",
            "\"+1\"",
            "\"03\"",
            "\"a\"",
            "W/\"3\"",
            "\"1\", \"2\"",
            "\"9223372036854775808\"",
        ] {
            check(Some(bad), Err(400));
        }
    }

    #[test]
    fn two_lines_of_if_match_are_refused() {
        let request =
            TestRequest::default().append_header((header::IF_MATCH, "*")).append_header((header::IF_MATCH, "*"));
        let problem = expected(request.to_http_request().headers()).unwrap_err();
        assert_eq!(problem.code(), Code::InvalidHeader);
    }

    #[test]
    fn if_none_match_compares_weakly_and_looks_through_lists() {
        let has = |list: &str| IfNoneMatch(Some(list.to_owned())).has(Version::from_stored(3));
        assert!(has("\"3\"") && has("W/\"3\"") && has("*") && has("\"1\", W/\"3\""));
        assert!(!has("\"2\"") && !has("3") && !IfNoneMatch(None).has(Version::from_stored(3)));
    }

    proptest! {
        #[test]
        fn a_version_is_read_from_its_own_etag(number in 1..i64::MAX) {
            let version = Version::from_stored(number);
            prop_assert!(matches!(parse(&etag(version)), Some(Expected::Version(read)) if read == version));
        }
    }
}
