//! `Idempotency-Key`: the first answer to a `POST` is kept and repeated for the same key.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{HeaderName, HeaderValue},
};
use crm_app::IdempotencyKey;
use sha2::{Digest, Sha256};

use super::conditions::only;
use crate::problem::Problem;

/// The header's name.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, in characters.
pub(crate) const LONGEST_KEY: usize = 255;

/// The key of the request, if it has one.
#[derive(Debug)]
pub(crate) struct Key {
    path: String,
    key: Option<String>,
}

impl Key {
    /// The key of the request with this body.
    pub(crate) fn with_body(self, body: &[u8]) -> Option<IdempotencyKey> {
        self.with_digest(digest(body))
    }

    /// The key of the request whose content has this digest.
    pub(crate) fn with_digest(self, body_hash: [u8; 32]) -> Option<IdempotencyKey> {
        let Self { path, key } = self;
        key.map(|key| IdempotencyKey { path, key, body_hash })
    }

    pub(super) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let value = only(request.headers(), &IDEMPOTENCY_KEY)?;
        let key = value.map(|value| {
            let expected = format!("must have 1 to {LONGEST_KEY} visible ASCII characters");
            parse(value).ok_or_else(|| Problem::header(&IDEMPOTENCY_KEY, &expected))
        });
        Ok(Self { path: request.path().to_owned(), key: key.transpose()? })
    }
}

impl FromRequest for Key {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

/// SHA-256.
pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn parse(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let is_key = (1..=LONGEST_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_key.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_ascii_of_bounded_length() {
        let is_key = |text: &str| HeaderValue::from_bytes(text.as_bytes()).is_ok_and(|value| parse(&value).is_some());
        assert!(is_key("a") && is_key("b7f0-4~!") && is_key(&"k".repeat(255)));
        assert!(!is_key("") && !is_key("a b") && !is_key("é") && !is_key(&"k".repeat(256)) && !is_key("a\tb"));
    }
}
