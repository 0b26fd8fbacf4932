//! What happens to every request and every answer, whichever the route.
//!
//! From the outside in: [`bodiless_head`], [`finished`], compression, [`bounded`], the routes.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    Error,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::{Bytes, Data},
};
use crm_monitoring::RequestId;
use futures_util::FutureExt;
use slog::{Logger, error, warn};
use tokio::time::timeout;

use crate::{
    ApiSettings,
    problem::{Code, PROBLEM_JSON, Problem, Report},
};

/// `HEAD` is `GET` without its body, everywhere.
pub(crate) async fn bodiless_head<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_head = request.method() == Method::HEAD;
    if is_head {
        request.head_mut().method = Method::GET;
    }
    let response = next.call(request).await?;
    Ok(if is_head {
        response.map_body(|_, body| BoxBody::new(NoBody(body.size())))
    } else {
        response.map_into_boxed_body()
    })
}

/// A body that says how long it would be, and is never read.
struct NoBody(BodySize);

impl MessageBody for NoBody {
    type Error = Error;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        Poll::Ready(None)
    }
}

/// Gives every answer its security headers, and every refusal its problem document, those of the framework too.
pub(crate) async fn finished<B: MessageBody + 'static>(
    log: Data<Logger>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = RequestId::of(&request);
    let id = id.as_ref().map(RequestId::as_str);
    match next.call(request).await {
        Ok(response) if is_foreign_or_anonymous(&response) => {
            let found = response.response().error().and_then(Error::as_error::<Problem>);
            let mut answer = match found {
                Some(problem) => told(problem, id, &log),
                None => told(&Problem::of_status(response.status()), id, &log),
            };
            secure(answer.headers_mut());
            Ok(response.into_response(answer))
        }
        Ok(response) => {
            let mut response = response.map_into_boxed_body();
            secure(response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            let mut answer = match error.as_error::<Problem>() {
                Some(problem) => told(problem, id, &log),
                None => told(&Problem::of_status(error.as_response_error().status_code()), id, &log),
            };
            secure(answer.headers_mut());
            Err(InternalError::from_response(error, answer).into())
        }
    }
}

/// A refusal whose document is missing, or does not name the request yet.
fn is_foreign_or_anonymous<B>(response: &ServiceResponse<B>) -> bool {
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_problem = content_type == Some(PROBLEM_JSON);
    (status.is_client_error() || status.is_server_error()) && (!is_problem || response.response().error().is_some())
}

fn told(problem: &Problem, request_id: Option<&str>, log: &Logger) -> actix_web::HttpResponse {
    let (code, cause) = (problem.code().row(), problem.cause());
    match code.report {
        Report::Caller => {}
        Report::Warning => {
            warn!(log, "request refused"; "code" => code.name, "cause" => cause, "request_id" => request_id);
        }
        Report::Error => {
            error!(log, "request failed"; "code" => code.name, "cause" => cause, "request_id" => request_id);
        }
    }
    problem.render(request_id)
}

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "private, no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
];

/// Adds what an answer does not say itself.
fn secure(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// Ends what takes too long, and catches what panics.
pub(crate) async fn bounded<B: MessageBody + 'static>(
    settings: Data<ApiSettings>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let is_upload = request.method() == Method::POST && request.path() == crate::v1::IMPORTS_PATH;
    let deadline = if is_upload { settings.upload_deadline } else { settings.request_deadline };
    // What was being done is dropped with its future; what it had begun in the database ends or is rolled back there.
    let answer = timeout(deadline, AssertUnwindSafe(next.call(request)).catch_unwind()).await;
    match answer {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(Problem::internal(format!("panic: {}", message(&*panic))).into()),
        Err(_elapsed) => {
            let detail = format!("There was no answer within {} seconds.", deadline.as_secs());
            Err(Problem::new(Code::Timeout, detail).retry_after(1).into())
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
