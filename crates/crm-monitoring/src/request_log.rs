//! One line per request: what was asked, by whom, how it ended and how long that took.
//!
//! Deliberately absent: the path and query as they were sent, headers and bodies. They carry tickets, names and search
//! words; the route's pattern says what was called. The network address of the client is there: without it nobody could
//! tell who tries passwords.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::{Method, StatusCode};
use actix_web::{Error, HttpMessage};
use futures_util::future::LocalBoxFuture;
use slog::{Logger, error, info};

use crate::request_id::RequestId;

/// The id of the signed-in user. An inner layer puts it into the request's extensions; the request log shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerId(pub String);

/// The network address of the client. An inner layer, which knows what proxies stand before the server, puts it into the
/// request's extensions; the request log shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Middleware that logs each request once its answer has a head: `request_id`, `user_id`, `address`, `method`, `route`,
/// `status` and `duration_ms`; at level error from status 500 on, else info. A request whose caller goes away before that is logged
/// as aborted.
///
/// Wrap it inside [`AssignRequestId`](crate::AssignRequestId) and outside of everything else.
#[derive(Clone)]
pub struct RequestLog {
    log: Logger,
}

impl RequestLog {
    /// Logs to this logger.
    pub fn new(log: Logger) -> Self {
        Self { log }
    }
}

impl<S, B> Transform<S, ServiceRequest> for RequestLog
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = RequestLogService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(RequestLogService { inner, log: self.log.clone() }))
    }
}

/// The running middleware of one worker.
pub struct RequestLogService<S> {
    inner: S,
    log: Logger,
}

impl<S, B> Service<ServiceRequest> for RequestLogService<S>
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
        let mut pending = Pending::of(&request, self.log.clone());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let result = answer.await;
            match &result {
                Ok(response) => pending.answered(response),
                Err(error) => pending.end(Outcome::Status(error.as_response_error().status_code())),
            }
            result
        })
    }
}

/// A request without its line yet. Dropped like that, it was aborted: the caller left, or the handler panicked.
struct Pending {
    log: Logger,
    started: Instant,
    method: Method,
    route: Option<String>,
    request_id: Option<RequestId>,
    caller: Option<CallerId>,
    address: Option<ClientAddress>,
    is_written: bool,
}

#[derive(Clone, Copy)]
enum Outcome {
    Status(StatusCode),
    Aborted,
}

impl Pending {
    fn of(request: &ServiceRequest, log: Logger) -> Self {
        Self {
            log,
            started: stopwatch(),
            method: request.method().clone(),
            route: request.match_pattern(),
            request_id: RequestId::of(request),
            caller: None,
            address: None,
            is_written: false,
        }
    }

    fn answered<B>(&mut self, response: &ServiceResponse<B>) {
        let request = response.request();
        // What the router found is better than what the path alone let us guess.
        self.route = request.match_pattern().or(self.route.take());
        self.request_id = self.request_id.take().or_else(|| RequestId::of(request));
        self.caller = request.extensions().get::<CallerId>().cloned();
        self.address = request.extensions().get::<ClientAddress>().copied();
        self.end(Outcome::Status(response.status()));
    }

    fn end(&mut self, outcome: Outcome) {
        self.is_written = true;
        let line = slog::o!(
            "request_id" => self.request_id.take().map(|id| id.as_str().to_owned()),
            "user_id" => self.caller.take().map(|caller| caller.0),
            "address" => self.address.take().map(|address| address.0.to_string()),
            "method" => self.method.as_str().to_owned(),
            "route" => self.route.take(),
            "duration_ms" => milliseconds(self.started.elapsed()),
        );
        match outcome {
            Outcome::Status(status) if status.is_server_error() => {
                error!(self.log, "request"; "status" => status.as_u16(), line);
            }
            Outcome::Status(status) => info!(self.log, "request"; "status" => status.as_u16(), line),
            Outcome::Aborted => info!(self.log, "request aborted"; line),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.is_written {
            self.end(Outcome::Aborted);
        }
    }
}

/// Milliseconds with three decimals.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

#[expect(clippy::disallowed_methods, reason = "how long a request took is measured here and decides nothing")]
fn stopwatch() -> Instant {
    Instant::now()
}
