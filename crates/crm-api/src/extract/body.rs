//! JSON bodies: bounded in bytes and in time, never inflated, read into a checked input.

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::{Payload, ServiceRequest},
    http::{
        Method,
        header::{self, HeaderMap},
    },
    web::{Bytes, BytesMut, Data},
};
use crm_app::{BatchRequest, Error, IdempotencyKey, Input};
use crm_domain::{
    ApiKeyDraft, Invalid, LinkPatch, NotificationPatch, NotificationPreferences, RolePatch, TeamPatch, UserPatch,
    Violation, WebhookPatch,
};
use futures_util::{StreamExt, future::LocalBoxFuture};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;
use validator::Validate;

use super::Key;
use crate::{
    ApiSettings,
    problem::{Code, Problem},
};

/// What is read from a JSON body.
pub(crate) trait FromJson: Sized + 'static {
    /// Reads it; every broken rule is told.
    fn from_json(value: Value) -> Result<Self, Invalid>;

    /// Reads what is to become a new record, which must say more than a change of one.
    fn from_new_json(value: Value) -> Result<Self, Invalid> {
        Self::from_json(value)
    }

    /// The greatest size of the body, in bytes.
    fn most_bytes(settings: &ApiSettings) -> usize {
        settings.body_bytes
    }
}

impl FromJson for LinkPatch {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }
}
impl FromJson for NotificationPatch {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }
}
impl FromJson for NotificationPreferences {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }
}
impl FromJson for UserPatch {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }
}
impl FromJson for TeamPatch {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }

    fn from_new_json(value: Value) -> Result<Self, Invalid> {
        Self::read_new(value)
    }
}
impl FromJson for RolePatch {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }

    fn from_new_json(value: Value) -> Result<Self, Invalid> {
        Self::read_new(value)
    }
}
impl FromJson for WebhookPatch {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }

    fn from_new_json(value: Value) -> Result<Self, Invalid> {
        Self::read_new(value)
    }
}
impl FromJson for ApiKeyDraft {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }
}
impl FromJson for BatchRequest {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }

    fn most_bytes(settings: &ApiSettings) -> usize {
        settings.batch_bytes
    }
}

/// A JSON body, and the idempotency key of the request that it belongs to.
#[derive(Debug)]
pub(crate) struct Body<P> {
    /// What was read. Whether a missing record goes before an invalid body is for the use case to say.
    pub(crate) read: Result<P, Invalid>,
    /// The key, bound to the body.
    pub(crate) key: Option<IdempotencyKey>,
}

impl<P> Body<P> {
    /// For use cases that check the record first.
    pub(crate) fn input(self) -> Input<P> {
        self.read.into()
    }
}

impl<P: FromJson> FromRequest for Body<P> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let key = Key::of(&request)?;
            json_only(request.headers())?;
            let settings = request.app_data::<Data<ApiSettings>>().expect("the server is assembled with its settings");
            let bytes = read_bytes(payload, P::most_bytes(settings), settings).await?;
            let value = serde_json::from_slice(&bytes).map_err(malformed)?;
            let read = if request.method() == Method::POST { P::from_new_json(value) } else { P::from_json(value) };
            Ok(Self { read, key: key.with_body(&bytes) })
        })
    }
}

/// Reads a value of a type that says its own rules by `validator`.
pub(crate) fn typed<T: DeserializeOwned + Validate>(value: Value) -> Result<T, Invalid> {
    let typed: T = serde_path_to_error::deserialize(value).map_err(|error| {
        let segments: Vec<String> = error.path().iter().map(|segment| format!("/{segment}")).collect();
        let pointer = segments.concat();
        Invalid::one(pointer, "type", error.inner().to_string())
    })?;
    let errors = typed.validate().err().unwrap_or_default();
    let mut invalid = Invalid::default();
    for (field, broken) in errors.field_errors() {
        for rule in broken {
            let detail = rule.message.clone().unwrap_or_else(|| "is not valid".into());
            invalid.errors.push(Violation::new("length", detail).at(format!("/{field}")));
        }
    }
    invalid.finish(typed)
}

/// Refuses a body that says anything, as an operation does whose body has no such field. Nothing, and an object without
/// fields, say nothing.
pub(super) async fn no_body(request: &mut ServiceRequest) -> Result<(), Problem> {
    let settings = request.app_data::<Data<ApiSettings>>().expect("the server is assembled with its settings").clone();
    let bytes = read_bytes(request.take_payload(), settings.body_bytes, &settings).await?;
    if bytes.is_empty() {
        return Ok(());
    }
    json_only(request.headers())?;
    let Value::Object(fields) = serde_json::from_slice(&bytes).map_err(malformed)? else {
        return Err(Error::from(Invalid::one("", "type", "must be a JSON object")).into());
    };
    let unknown = Violation::new("unknown_field", "is not a field of this body");
    let pointer = |name: &String| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    let errors = fields.keys().map(|name| unknown.clone().at(pointer(name))).collect();
    Ok(Invalid { errors }.finish(()).map_err(Error::from)?)
}

/// The whole body, within its limits.
pub(crate) async fn read_bytes(mut payload: Payload, most: usize, settings: &ApiSettings) -> Result<Bytes, Problem> {
    let reading = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk =
                chunk.map_err(|error| Problem::new(Code::MalformedRequest, format!("The body broke off: {error}.")))?;
            if body.len() + chunk.len() > most {
                return Err(Problem::too_large(most as u64));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    let too_slow = || {
        let seconds = settings.body_deadline.as_secs();
        Problem::new(Code::BodyTimeout, format!("The body must arrive within {seconds} seconds."))
    };
    timeout(settings.body_deadline, reading).await.map_err(|_elapsed| too_slow())?
}

fn json_only(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if text(header::CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(Problem::new(Code::UnsupportedMediaType, "Compressed bodies are not taken."));
    }
    if !text(header::CONTENT_TYPE).is_some_and(is_json) {
        return Err(Problem::new(Code::UnsupportedMediaType, "The Content-Type must be application/json."));
    }
    Ok(())
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_utf8 = |part: &str| match part.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    ["application/json", "application/merge-patch+json"].contains(&essence.as_str()) && parts.all(is_utf8)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn malformed(error: serde_json::Error) -> Problem {
    Problem::new(Code::MalformedJson, format!("The body cannot be read as JSON: {error}."))
}

#[cfg(test)]
mod tests {
    use actix_web::{ResponseError, test::TestRequest};
    use serde_json::json;

    use super::*;

    struct Anything(Value);

    impl FromJson for Anything {
        fn from_json(value: Value) -> Result<Self, Invalid> {
            Ok(Self(value))
        }
    }

    async fn read(content_type: &str, body: impl Into<Bytes>) -> Result<Value, u16> {
        let settings = ApiSettings { body_bytes: 1000, ..ApiSettings::default() };
        let request =
            TestRequest::post().insert_header((header::CONTENT_TYPE, content_type)).app_data(Data::new(settings));
        let (request, mut payload) = request.set_payload(body).to_http_parts();
        let body = Body::<Anything>::from_request(&request, &mut payload).await;
        body.map(|body| body.read.unwrap().0).map_err(|problem| problem.status_code().as_u16())
    }

    #[actix_rt::test]
    async fn json_is_taken_by_its_media_type_alone() {
        assert_eq!(read("application/json", "{\"a\":1}").await, Ok(json!({"a": 1})));
        assert_eq!(read("Application/JSON; charset=\"UTF-8\"", "[]").await, Ok(json!([])));
        assert_eq!(read("application/merge-patch+json", "null").await, Ok(json!(null)));
        for refused in ["text/plain", "application/json; charset=latin1", "application/xml", "", "application/jsonp"] {
            assert_eq!(read(refused, "{}").await, Err(415), "{refused}");
        }
    }

    #[actix_rt::test]
    async fn what_is_no_json_is_400() {
        for bad in ["", "{", "{\"a\":}", "nul", "1e999", "{} {}", "\"\\ud800\"", "\u{feff}{}"] {
            assert_eq!(read("application/json", bad).await, Err(400), "{bad}");
        }
        assert_eq!(read("application/json", &b"\"\xff\""[..]).await, Err(400));
        assert_eq!(read("application/json", "[".repeat(300)).await, Err(400));
    }

    #[actix_rt::test]
    async fn a_body_beyond_the_limit_is_413() {
        assert!(read("application/json", format!("\"{}\"", "x".repeat(998))).await.is_ok());
        assert_eq!(read("application/json", format!("\"{}\"", "x".repeat(999))).await, Err(413));
    }

    #[actix_rt::test]
    async fn a_compressed_body_is_never_inflated() {
        let request = TestRequest::post()
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .insert_header((header::CONTENT_ENCODING, "gzip"))
            .app_data(Data::new(ApiSettings::default()));
        let (request, mut payload) = request.to_http_parts();
        let problem = Body::<Anything>::from_request(&request, &mut payload).await.unwrap_err();
        assert_eq!(problem.code(), Code::UnsupportedMediaType);
    }

    #[actix_rt::test]
    async fn a_body_that_never_ends_is_cut_off() {
        let settings = ApiSettings { body_deadline: std::time::Duration::from_millis(20), ..ApiSettings::default() };
        let payload: Payload = Payload::Stream { payload: futures_util::stream::pending().boxed_local() };
        let problem = read_bytes(payload, 10, &settings).await.unwrap_err();
        assert_eq!(problem.code(), Code::BodyTimeout);
    }

    impl std::fmt::Debug for Anything {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(formatter)
        }
    }
}
