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
use slog::{Logger, error, info, warn};

use crate::{
    context::Context,
    performance::{milliseconds, stopwatch},
    reports::{REPORTED_ALREADY, SLOW_REQUEST},
    request_id::RequestId,
};

/// The id of the signed-in user. An inner layer puts it into the request's extensions; the request log shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerId(pub String);

/// The network address of the client. An inner layer, which knows what proxies stand before the server, puts it into the
/// request's extensions; the request log shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Middleware that logs each request once its answer has a head: `request_id`, `user_id`, `address`, `method`, `route`,
/// `status`, `duration_ms`, and how much of that the database and the cache have taken (`database_ms`, `cache_ms`); at level
/// error from status 500 on, at level warning when it was slow, else info. A request whose caller goes away before that is
/// logged as aborted.
///
/// Wrap it inside [`AssignRequestId`](crate::AssignRequestId) and outside of everything else.
#[derive(Clone)]
pub struct RequestLog {
    log: Logger,
    slow: Duration,
}

impl RequestLog {
    /// Logs to this logger; a request that takes longer than a second is slow.
    pub fn new(log: Logger) -> Self {
        Self { log, slow: Duration::from_secs(1) }
    }

    /// The same with another idea of slow.
    #[must_use]
    pub fn slower_than(self, slow: Duration) -> Self {
        Self { slow, ..self }
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
        ready(Ok(RequestLogService { inner, log: self.log.clone(), slow: self.slow }))
    }
}

/// The running middleware of one worker.
pub struct RequestLogService<S> {
    inner: S,
    log: Logger,
    slow: Duration,
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
        let mut pending = Pending::of(&request, self.log.clone(), self.slow);
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
    slow: Duration,
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
    fn of(request: &ServiceRequest, log: Logger, slow: Duration) -> Self {
        Self {
            log,
            slow,
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
        let (took, context) = (self.started.elapsed(), Context::current());
        let line = slog::o!(
            "request_id" => self.request_id.take().map(|id| id.as_str().to_owned()),
            "user_id" => self.caller.take().map(|caller| caller.0),
            "address" => self.address.take().map(|address| address.0.to_string()),
            "method" => self.method.as_str().to_owned(),
            "route" => self.route.take(),
            "duration_ms" => milliseconds(took),
            "database_ms" => context.as_ref().map(|context| milliseconds(context.database_time())),
            "cache_ms" => context.as_ref().map(|context| milliseconds(context.cache_time())),
        );
        match outcome {
            // Whoever answered so has said why, in a record of its own.
            Outcome::Status(status) if status.is_server_error() => {
                error!(self.log, #REPORTED_ALREADY, "request"; "status" => status.as_u16(), line);
            }
            Outcome::Status(status) if took > self.slow => {
                let code = "slow_request";
                warn!(self.log, #SLOW_REQUEST, "request"; "status" => status.as_u16(), "code" => code, line);
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
