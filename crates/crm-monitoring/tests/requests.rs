//! Request ids and the request log around a small application.

use std::cell::Cell;
use std::future::Future;
use std::task::{Context, Waker};

use actix_web::body::{BoxBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::{App, HttpMessage, HttpRequest, HttpResponse, error, web};
use crm_monitoring::{
    AssignRequestId, CallerId, LogFormat, LogGuard, LogSettings, Logging, REQUEST_ID_HEADER, RequestId, RequestLog,
};
use serde_json::Value;
use slog::Logger;

mod support;
use support::Page;

fn log() -> (Logger, LogGuard, Page) {
    let page = Page::default();
    let settings = LogSettings { format: Some(LogFormat::Json), ..LogSettings::default() };
    let (log, guard) = Logging::start_with(&settings, page.clone());
    (log, guard, page)
}

/// Ids `made-1`, `made-2`, …
fn numbered() -> AssignRequestId {
    let last = Cell::new(0);
    AssignRequestId::new(move || {
        last.set(last.get() + 1);
        format!("made-{}", last.get())
    })
}

async fn person(request: HttpRequest) -> HttpResponse {
    request.extensions_mut().insert(CallerId("user-7".to_owned()));
    let id = RequestId::of(&request).expect("every request has an id");
    HttpResponse::Ok().body(id.as_str().to_owned())
}

/// Calls the application once and returns the status, the id in the answer's head, its body, and the lines logged.
async fn call(request: TestRequest) -> (StatusCode, Option<String>, String, Vec<Value>) {
    let (log, guard, page) = log();
    let app =
        init_service(
            App::new()
                .service(web::scope("/api/v1").route("/people/{id}", web::get().to(person)).route(
                    "/fails",
                    web::get().to(async || Err::<HttpResponse, _>(error::ErrorInternalServerError("no"))),
                ))
                .wrap(from_fn(async |request: ServiceRequest, next: Next<BoxBody>| {
                    if request.headers().contains_key("x-refuse") {
                        return Err(error::ErrorUnauthorized("not you"));
                    }
                    next.call(request).await
                }))
                .wrap(RequestLog::new(log))
                .wrap(numbered()),
        )
        .await;
    let answer = match try_call_service(&app, request.to_request()).await {
        Ok(answer) => answer.map_into_boxed_body(),
        // What the server itself does with an error that nobody has turned into an answer.
        Err(error) => ServiceResponse::new(
            TestRequest::default().to_http_request(),
            HttpResponse::from_error(error).map_into_boxed_body(),
        ),
    };
    drop(guard);
    let (_, response) = answer.into_parts();
    let header =
        response.headers().get(REQUEST_ID_HEADER).map(|value| value.to_str().expect("ids are ASCII").to_owned());
    let status = response.status();
    let body = to_bytes(response.into_body()).await.expect("the body is in memory");
    (status, header, String::from_utf8_lossy(&body).into_owned(), page.lines())
}

#[actix_web::test]
async fn a_request_id_is_kept_if_it_is_valid_and_replaced_if_it_is_not() {
    let longest = "x".repeat(128);
    let too_long = "x".repeat(129);
    for (given, expected) in [
        ("abc", "abc"),
        ("0198c0de-7000-7000-8000-000000000000", "0198c0de-7000-7000-8000-000000000000"),
        ("A.b_c-9", "A.b_c-9"),
        (longest.as_str(), longest.as_str()),
        (too_long.as_str(), "made-1"),
        ("", "made-1"),
        ("a b", "made-1"),
        ("a/b", "made-1"),
        ("a\tb", "made-1"),
        ("a\"b", "made-1"),
        ("é", "made-1"),
    ] {
        let request = TestRequest::get().uri("/api/v1/people/5").insert_header((REQUEST_ID_HEADER, given.as_bytes()));
        let (status, header, body, lines) = call(request).await;
        assert_eq!((status, header.as_deref(), body.as_str()), (StatusCode::OK, Some(expected), expected), "{given:?}");
        assert_eq!(lines[0]["request_id"], expected, "{given:?}");
    }
    let (_, header, ..) = call(TestRequest::get().uri("/api/v1/people/5")).await;
    assert_eq!(header.as_deref(), Some("made-1"));
}

#[actix_web::test]
async fn a_request_makes_one_line_without_its_path_and_query() {
    let (_, _, _, lines) = call(TestRequest::get().uri("/api/v1/people/77?q=mark&ticket=mark")).await;
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    for (key, value) in [
        ("level", Value::from("info")),
        ("message", "request".into()),
        ("request_id", "made-1".into()),
        ("user_id", "user-7".into()),
        ("method", "GET".into()),
        ("route", "/api/v1/people/{id}".into()),
        ("status", 200.into()),
    ] {
        assert_eq!(line[key], value, "{key}");
    }
    let duration = line["duration_ms"].as_f64().expect("the duration is a number");
    assert!((0.0..60_000.0).contains(&duration), "{duration}");
    assert!(line["time"].is_string());
    assert!(!line.to_string().contains("mark") && !line.to_string().contains("77?"), "{line}");
}

#[actix_web::test]
async fn error_answers_have_an_id_and_a_line_too() {
    let refused = || TestRequest::get().uri("/api/v1/people/5").insert_header(("x-refuse", "yes"));
    for (request, status, level, route) in [
        (TestRequest::get().uri("/nowhere/mark"), 404, "info", Value::Null),
        (TestRequest::get().uri("/api/v1/fails"), 500, "error", "/api/v1/fails".into()),
        (refused(), 401, "info", "/api/v1/people/{id}".into()),
    ] {
        let (answered, header, _, lines) = call(request).await;
        assert_eq!((answered.as_u16(), header.as_deref()), (status, Some("made-1")));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(
            (&lines[0]["status"], &lines[0]["level"], &lines[0]["route"], &lines[0]["request_id"]),
            (&status.into(), &level.into(), &route, &"made-1".into())
        );
    }
}

#[actix_web::test]
async fn an_error_that_passes_through_keeps_its_body() {
    let request = TestRequest::get().uri("/api/v1/people/5").insert_header(("x-refuse", "yes"));
    assert_eq!(call(request).await.2, "not you");
}

#[actix_web::test]
async fn a_request_whose_caller_leaves_is_logged_as_aborted() {
    let (log, guard, page) = log();
    let app = init_service(
        App::new()
            .route("/slow", web::get().to(async || std::future::pending::<HttpResponse>().await))
            .wrap(RequestLog::new(log))
            .wrap(numbered()),
    )
    .await;
    let mut call = Box::pin(try_call_service(&app, TestRequest::get().uri("/slow").to_request()));
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(call);
    drop(guard);
    let lines = page.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["message"], "request aborted");
    assert_eq!(lines[0]["request_id"], "made-1");
    assert_eq!(lines[0]["route"], "/slow");
}
