//! The outermost layer of every request: its context, its trace, its number.

use std::{
    future::{Ready, ready},
    time::Instant,
};

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::StatusCode,
};
use futures_util::future::LocalBoxFuture;
use sentry::{
    TransactionContext,
    protocol::{SpanId, SpanStatus, TraceId, User},
};

use crate::{
    context::Context, monitoring::Monitoring, performance::stopwatch, request_log::CallerId, trace::TraceParent,
};

/// Middleware that gives each request its [`Context`], counts it, and makes the trace that it belongs to.
///
/// Wrap it outside of everything else: what happens outside of it belongs to no request.
#[derive(Clone, Debug)]
pub struct Observe {
    monitoring: Monitoring,
}

impl Observe {
    /// Counts and traces here.
    pub fn new(monitoring: Monitoring) -> Self {
        Self { monitoring }
    }
}

/// Says who has sent the request: to its log line, by the id, and to reports, by the id and the name of the role.
pub fn identify(request: &impl HttpMessage, user_id: String, role: &str) {
    sentry::configure_scope(|scope| {
        scope.set_user(Some(User {
            id: Some(user_id.clone()),
            other: [("role".to_owned(), role.to_owned().into())].into(),
            ..User::default()
        }));
    });
    request.extensions_mut().insert(CallerId(user_id));
}

impl<S, B> Transform<S, ServiceRequest> for Observe
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = ObserveService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(ObserveService { inner, monitoring: self.monitoring.clone() }))
    }
}

/// The running middleware of one worker.
pub struct ObserveService<S> {
    inner: S,
    monitoring: Monitoring,
}

impl<S, B> Service<ServiceRequest> for ObserveService<S>
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
        let route = request.match_pattern();
        let method = request.method().as_str().to_owned();
        let name = format!("{method} {}", route.as_deref().unwrap_or("(no route)"));
        let (context, transaction) = begin(&self.monitoring, name, "http.server", TraceParent::of(request.headers()));
        let mut counted =
            Counted { monitoring: self.monitoring.clone(), method, route, started: stopwatch(), status: 0 };
        let answer = context.run(|| self.inner.call(request));
        Box::pin(context.scope(async move {
            let result = answer.await;
            let status = match &result {
                Ok(response) => response.status(),
                Err(error) => error.as_response_error().status_code(),
            };
            counted.status = status.as_u16();
            drop(counted);
            if let Some(transaction) = transaction {
                transaction.set_status(span_status(status));
                transaction.finish();
            }
            result
        }))
    }
}

/// A context with a trace of its own, or one that goes on where the caller is.
pub(crate) fn begin(
    monitoring: &Monitoring,
    name: String,
    operation: &str,
    parent: Option<TraceParent>,
) -> (Context, Option<sentry::Transaction>) {
    let reports = monitoring.reports();
    let (hub, trace) = (reports.hub(), parent.map_or_else(TraceId::default, |parent| parent.trace()));
    // Our own part of the trace is chosen by an id of ours: one of the caller's could be made so that all is kept.
    let span = SpanId::default();
    let place = TraceParent::new(trace, span, reports.keeps(span));
    if !reports.are_on() {
        return (Context::new(monitoring, hub, name, place), None);
    }
    let details = TransactionContext::builder(&name, operation)
        .with_trace_id(trace)
        .with_span_id(span)
        .with_parent_span_id(parent.map(|parent| parent.span()))
        .with_sampled(Some(place.is_sampled()))
        .finish();
    let transaction = hub.start_transaction(details);
    hub.configure_scope(|scope| {
        scope.set_span(Some(transaction.clone().into()));
        scope.set_transaction(Some(&name));
        scope.set_tag("trace_id", place.trace_id());
    });
    (Context::new(monitoring, hub, name, place), Some(transaction))
}

/// Counts the request when it is dropped: with its answer, or aborted without one.
struct Counted {
    monitoring: Monitoring,
    method: String,
    route: Option<String>,
    started: Instant,
    status: u16,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        self.monitoring.metrics().request(&self.method, self.route.as_deref(), self.status, took);
    }
}

fn span_status(status: StatusCode) -> SpanStatus {
    match status {
        StatusCode::UNAUTHORIZED => SpanStatus::Unauthenticated,
        StatusCode::FORBIDDEN => SpanStatus::PermissionDenied,
        StatusCode::NOT_FOUND => SpanStatus::NotFound,
        StatusCode::CONFLICT => SpanStatus::AlreadyExists,
        StatusCode::TOO_MANY_REQUESTS => SpanStatus::ResourceExhausted,
        StatusCode::SERVICE_UNAVAILABLE => SpanStatus::Unavailable,
        status if status.is_client_error() => SpanStatus::InvalidArgument,
        status if status.is_server_error() => SpanStatus::InternalError,
        _ => SpanStatus::Ok,
    }
}
