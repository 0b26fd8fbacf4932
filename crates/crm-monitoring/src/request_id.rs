//! A name for every request, by which a caller's report and our log lines find each other.

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{Error, HttpMessage, HttpResponse};
use futures_util::future::LocalBoxFuture;

use crate::context::Context;

/// The header that carries the id, in requests and in answers.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

const LONGEST: usize = 128;

/// The id of a request: 1 to 128 characters of `A–Z a–z 0–9 . _ -`. Lives in the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// Reads an id that came from outside; `None` if it is not a valid one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=LONGEST).contains(&text.len()) && text.bytes().all(is_allowed)).then(|| Self(text.to_owned()))
    }

    /// The id that [`AssignRequestId`] gave to this request, if it stands before the caller.
    pub fn of(message: &impl HttpMessage) -> Option<Self> {
        message.extensions().get::<Self>().cloned()
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Middleware that puts a [`RequestId`] into the extensions of every request and into the head of every answer, also
/// of error answers. The id of the request is kept if it is valid, otherwise the generator makes one.
///
/// Wrap it outside of everything that wants the id.
#[derive(Clone)]
pub struct AssignRequestId {
    generate: Rc<dyn Fn() -> String>,
}

impl AssignRequestId {
    /// `generate` makes new ids; they must be valid ones (see [`RequestId`]) and should not repeat.
    pub fn new(generate: impl Fn() -> String + 'static) -> Self {
        Self { generate: Rc::new(generate) }
    }
}

impl<S, B> Transform<S, ServiceRequest> for AssignRequestId
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = AssignRequestIdService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(AssignRequestIdService { inner, generate: Rc::clone(&self.generate) }))
    }
}

/// The running middleware of one worker.
pub struct AssignRequestIdService<S> {
    inner: S,
    generate: Rc<dyn Fn() -> String>,
}

impl<S, B> Service<ServiceRequest> for AssignRequestIdService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let id = given_id(request.headers()).unwrap_or_else(|| {
            RequestId::parse(&(self.generate)()).expect("the generator of request ids makes valid ones")
        });
        if let Some(context) = Context::current() {
            context.set_request_id(id.clone());
        }
        request.extensions_mut().insert(id.clone());
        let answer = self.inner.call(request);
        Box::pin(async move {
            match answer.await {
                Ok(mut response) => {
                    put(response.headers_mut(), &id);
                    Ok(response)
                }
                Err(error) => Err(with_id(error, &id)),
            }
        })
    }
}

fn given_id(headers: &HeaderMap) -> Option<RequestId> {
    headers.get(REQUEST_ID_HEADER)?.to_str().ok().and_then(RequestId::parse)
}

/// An error that got past every inner layer becomes an answer only outside of us, so the answer is made here.
fn with_id(error: Error, id: &RequestId) -> Error {
    let mut response: HttpResponse = error.error_response();
    put(response.headers_mut(), id);
    InternalError::from_response(error, response).into()
}

fn put(headers: &mut HeaderMap, id: &RequestId) {
    let value = HeaderValue::from_str(id.as_str()).expect("a request id is made of header characters");
    headers.insert(REQUEST_ID_HEADER, value);
}
