//! Problem documents (RFC 9457): the one shape of every answer that is not a success.
//!
//! Nothing internal ever enters one: causes go to the log, under the request id that the caller is told.

pub mod code;
mod conversion;
mod page;

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use crm_domain::{FieldError, Invalid};
use serde::Serialize;
use serde_json::Value;

pub use code::{Code, Report};
pub(crate) use page::problems_page;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong with a request, ready to be told.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: Code,
    status: StatusCode,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    current: Option<Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<String>,
    request_id: Option<String>,
}

/// The document as it is sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument<'a> {
    /// Where the code is explained, relative to the server.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference")]
    kind: String,
    /// What the code means, always the same sentence.
    title: &'a str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong with this request.
    detail: &'a str,
    /// The stable name of what went wrong.
    code: &'a str,
    /// The id of the request, by which the operator finds it in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<&'a str>,
    /// The fields or parameters that are not valid.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
    /// The record as it is now, when another version was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    current: Option<&'a Value>,
}

impl Problem {
    /// A problem with this code, and a sentence about this request.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Parts {
            code,
            status: code.row().status,
            detail: detail.into(),
            errors: Vec::new(),
            current: None,
            headers: Vec::new(),
            cause: None,
            request_id: None,
        }))
    }

    /// Something that should not have happened; the cause goes to the log and nowhere else.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(Code::Internal, "The request could not be completed.").with_cause(cause)
    }

    /// There is nothing here, or nothing for this caller.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing here that you may see.")
    }

    /// The method is not one of those that the path takes.
    pub fn method_not_allowed(allowed: &[&str]) -> Self {
        let allowed = allowed.join(", ");
        let detail = format!("The methods of this path are: {allowed}.");
        Self::new(Code::MethodNotAllowed, detail).with_header(header::ALLOW, &allowed)
    }

    /// A body of more bytes than are taken.
    pub fn too_large(limit: u64) -> Self {
        Self::new(Code::TooLarge, format!("The body must have at most {limit} bytes."))
    }

    /// Query parameters that are not valid.
    pub fn parameters(invalid: Invalid) -> Self {
        Self::new(Code::InvalidParameter, "Some query parameters are not valid.").with_errors(invalid.errors)
    }

    /// A header that is not valid.
    pub fn header(name: &HeaderName, expected: &str) -> Self {
        Self::new(Code::InvalidHeader, format!("The header {name} {expected}."))
    }

    /// What the framework would say by a status alone.
    pub fn of_status(status: StatusCode) -> Self {
        let detail = status.canonical_reason().unwrap_or("The request was refused.");
        let mut problem = Self::new(code_of(status), detail);
        problem.0.status = status;
        problem
    }

    /// The same problem about these fields.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// The same problem, with the record as it is now.
    #[must_use]
    pub fn with_current(mut self, current: Value) -> Self {
        self.0.current = Some(current);
        self
    }

    /// The same problem; the caller may try again after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, &seconds.to_string())
    }

    /// The same problem, with its cause for the log.
    #[must_use]
    pub fn with_cause(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// The same problem, as the answer to this request.
    #[must_use]
    pub fn with_request_id(mut self, request_id: Option<String>) -> Self {
        self.0.request_id = request_id;
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Each broken rule, where the problem is about fields.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The sentence about this request.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What really happened, for the log.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The document as JSON, for results inside another answer.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self.document(None)).expect("a problem document is plain JSON")
    }

    /// The answer to the request with this id.
    pub fn render(&self, request_id: Option<&str>) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.status);
        for (name, value) in &self.0.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        let document = self.document(request_id.or(self.0.request_id.as_deref()));
        let body = serde_json::to_vec(&document).expect("a problem document is plain JSON");
        response.content_type(PROBLEM_JSON).body(body)
    }

    fn document<'a>(&'a self, request_id: Option<&'a str>) -> ProblemDocument<'a> {
        let row = self.0.code.row();
        ProblemDocument {
            kind: format!("/api/docs/problems#{}", row.name),
            title: row.title,
            status: self.0.status.as_u16(),
            detail: &self.0.detail,
            code: row.name,
            request_id,
            errors: &self.0.errors,
            current: self.0.current.as_ref(),
        }
    }

    fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("method names and numbers are header characters");
        self.0.headers.push((name, value));
        self
    }
}

/// The code for an answer of the framework that has only a status.
fn code_of(status: StatusCode) -> Code {
    match status {
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
        StatusCode::REQUEST_TIMEOUT => Code::BodyTimeout,
        StatusCode::BAD_REQUEST => Code::MalformedRequest,
        status if status.is_client_error() => Code::RequestRefused,
        _ => Code::Internal,
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.0.code.row().name, self.0.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        self.render(None)
    }
}
