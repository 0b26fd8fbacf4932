//! What is reported to Sentry, what never is, and what happens when Sentry is not well.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::ErrorInternalServerError,
    middleware::{Next, from_fn},
    test::{TestRequest, init_service, try_call_service},
    web,
};
use crm_monitoring::{
    AssignRequestId, Environment, Kind, LogFormat, LogSettings, Monitoring, MonitoringGuard, MonitoringSettings,
    Observe, PerformanceMonitor, ReportSettings, RequestLog, State, identify, report_panics,
};
use futures_util::FutureExt;
use serde_json::Value;
use slog::{Logger, error, info, warn};

mod support;
use support::Page;
#[path = "support/sentry.rs"]
mod sentry;
use sentry::{Behaviour, SentryServer, found};

struct Watched {
    server: SentryServer,
    monitoring: Monitoring,
    log: Logger,
    guard: MonitoringGuard,
    page: Page,
}

fn watched(behaviour: Behaviour, slow: Duration) -> Watched {
    let server = SentryServer::start(behaviour);
    let (monitoring, log, guard, page) = monitored(&server.dsn(), slow);
    Watched { server, monitoring, log, guard, page }
}

fn monitored(dsn: &str, slow: Duration) -> (Monitoring, Logger, MonitoringGuard, Page) {
    let page = Page::default();
    let settings = MonitoringSettings {
        log: LogSettings {
            format: Some(LogFormat::Json),
            levels: "trace".parse().expect("a level"),
            ..LogSettings::default()
        },
        reports: ReportSettings {
            dsn: Some(dsn.parse().expect("a DSN")),
            release: "crm@1.2.3+abcdef".into(),
            environment: Environment::Staging,
            traces: 1.0,
        },
        slow,
        ..MonitoringSettings::default()
    };
    let (monitoring, log, guard) = Monitoring::start_with(&settings, page.clone());
    (monitoring, log, guard, page)
}

const NEVER_SLOW: Duration = Duration::from_hours(1);

async fn fails(log: web::Data<Logger>, request: HttpRequest) -> HttpResponse {
    identify(&request, "user-7".to_owned(), "manager");
    let context = crm_monitoring::Context::current().expect("each request has a context");
    drop(context.performance().map(|monitor| monitor.begin(Kind::UnitOfWork, "people::find")));
    info!(log, "about to fail"; "step" => 3);
    warn!(log, "getting closer");
    error!(log, "request failed"; "code" => "internal", "cause" => "disk on fire at ann@example.com");
    HttpResponse::InternalServerError().finish()
}

async fn panics() -> HttpResponse {
    panic!("the handler of this test has a defect");
}

/// What the API does as well: a panic is an answer, and told once more.
async fn caught(
    log: web::Data<Logger>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(answer) => answer.map(ServiceResponse::map_into_boxed_body),
        Err(_panic) => {
            error!(log, "request failed"; "code" => "internal", "cause" => "panic");
            Err(ErrorInternalServerError("panic"))
        }
    }
}

/// Sends one request to a small application.
async fn send(watched: &Watched, request: TestRequest) {
    let app = init_service(
        App::new()
            .app_data(web::Data::new(watched.log.clone()))
            .route("/people/{id}/fails", web::get().to(fails))
            .route("/people/{id}/panics", web::get().to(panics))
            .route("/people/{id}", web::get().to(async || HttpResponse::NotFound().finish()))
            .wrap(from_fn(caught))
            .wrap(RequestLog::new(watched.log.clone()).slower_than(watched.monitoring.slow()))
            .wrap(AssignRequestId::new(|| "made".to_owned()))
            .wrap(Observe::new(watched.monitoring.clone())),
    )
    .await;
    let _answer_or_error = try_call_service(&app, request.to_request()).await;
}

fn get(path: &str) -> TestRequest {
    TestRequest::get()
        .uri(path)
        .insert_header(("X-Request-Id", "find-me"))
        .insert_header(("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"))
}

fn exception(event: &Value) -> &Value {
    &event["exception"]["values"][0]
}

#[actix_web::test]
async fn an_error_is_one_event_with_everything_that_led_to_it() {
    let watched = watched(Behaviour::Takes, NEVER_SLOW);
    send(&watched, get("/people/77/fails?q=mark")).await;
    let event = watched.server.wait_for("event", |_| true);
    assert_eq!(exception(&event)["type"], "internal");
    assert_eq!(exception(&event)["value"], "request failed: disk on fire at [redacted]");
    assert!(exception(&event)["stacktrace"]["frames"].as_array().is_some_and(|frames| !frames.is_empty()));
    for (pointer, value) in [
        ("/transaction", "GET /people/{id}/fails"),
        ("/release", "crm@1.2.3+abcdef"),
        ("/environment", "staging"),
        ("/user/id", "user-7"),
        ("/user/role", "manager"),
        ("/tags/request_id", "find-me"),
        ("/tags/code", "internal"),
        ("/contexts/trace/trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("/fingerprint/0", "internal"),
        ("/fingerprint/1", "GET /people/{id}/fails"),
    ] {
        assert_eq!(event.pointer(pointer), Some(&value.into()), "{pointer} of {event:#}");
    }
    // An event without a level is an error.
    assert!(event.get("level").is_none_or(|level| level == "error"), "{event:#}");
    assert!(event.get("request").is_none() && event.get("server_name").is_none(), "{event:#}");
    let breadcrumbs = event["breadcrumbs"]["values"].as_array().expect("there are breadcrumbs");
    let words: Vec<_> = breadcrumbs.iter().map(|one| one["message"].as_str().unwrap_or_default()).collect();
    assert_eq!(words, ["people::find", "about to fail", "getting closer"]);
    let trace = watched.server.wait_for("transaction", |_| true);
    assert_eq!(trace["transaction"], "GET /people/{id}/fails");
    assert_eq!(trace["contexts"]["trace"]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(trace["contexts"]["trace"]["parent_span_id"], "00f067aa0ba902b7");
    assert_eq!(trace["contexts"]["trace"]["status"], "internal_error");
    assert_eq!(trace["tags"]["request_id"], "find-me");
    assert_eq!(trace["spans"][0]["op"], "db");
    drop(watched.guard);
    // The line of the request says 500 at level error, and is no second event.
    assert_eq!(watched.server.rest(), []);
    let lines = watched.page.lines();
    assert!(lines.iter().all(|line| line["request_id"] == "find-me"), "{lines:#?}");
    assert!(lines.iter().any(|line| line["message"] == "request" && line["status"] == 500));
}

#[actix_web::test]
async fn errors_of_one_code_at_one_place_are_one_issue() {
    let watched = watched(Behaviour::Takes, NEVER_SLOW);
    send(&watched, get("/people/1/fails")).await;
    send(&watched, get("/people/2/fails")).await;
    let prints = [(); 2].map(|()| watched.server.wait_for("event", |_| true)["fingerprint"].clone());
    assert_eq!(prints[0], prints[1]);
}

#[actix_web::test]
async fn a_panic_is_one_event_with_its_stack() {
    let watched = watched(Behaviour::Takes, NEVER_SLOW);
    report_panics(watched.log.clone(), |defect| defect.payload_as_str().unwrap_or_default().to_owned());
    send(&watched, get("/people/77/panics")).await;
    let event = watched.server.wait_for("event", |_| true);
    assert_eq!(exception(&event)["type"], "panic");
    assert_eq!(exception(&event)["value"], "the handler of this test has a defect");
    let frames = exception(&event)["stacktrace"]["frames"].as_array().expect("there is a stack").clone();
    assert!(frames.iter().any(|frame| frame["function"].as_str().is_some_and(|name| name.contains("panics"))));
    assert_eq!(event["tags"]["request_id"], "find-me");
    assert_eq!(event["transaction"], "GET /people/{id}/panics");
    watched.server.wait_for("transaction", |_| true);
    drop(watched.guard);
    assert_eq!(watched.server.rest(), [], "what follows from a panic is no second event");
}

#[actix_web::test]
async fn what_callers_do_wrong_is_no_event() {
    let watched = watched(Behaviour::Takes, NEVER_SLOW);
    send(&watched, get("/people/77")).await;
    send(&watched, get("/nowhere/mark")).await;
    let trace = watched.server.wait_for("transaction", |_| true);
    assert_eq!(trace["contexts"]["trace"]["status"], "not_found");
    let other = watched.server.wait_for("transaction", |_| true);
    assert_eq!(other["transaction"], "GET (no route)");
    drop(watched.guard);
    assert_eq!(watched.server.rest(), []);
}

#[actix_web::test]
async fn a_slow_request_is_an_event_once_a_minute_and_its_line_a_warning() {
    let watched = watched(Behaviour::Takes, Duration::ZERO);
    send(&watched, get("/people/77")).await;
    send(&watched, get("/people/78")).await;
    let event = watched.server.wait_for("event", |_| true);
    assert_eq!(event["level"], "warning");
    assert_eq!(exception(&event)["type"], "slow_request");
    assert_eq!(event["transaction"], "GET /people/{id}");
    assert_eq!(event["tags"]["request_id"], "find-me");
    assert!(event["extra"]["duration_ms"].is_number() && event["extra"]["database_ms"].is_number(), "{event:#}");
    drop(watched.guard);
    let kinds: Vec<_> = watched.server.rest().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["transaction", "transaction"]);
    assert_eq!(watched.page.lines().iter().filter(|line| line["level"] == "warn").count(), 2);
}

#[actix_web::test]
async fn a_job_has_a_context_of_its_own() {
    let watched = watched(Behaviour::Takes, NEVER_SLOW);
    let other = watched.log.clone();
    watched.monitoring.job("upkeep", async move { info!(other, "of another job") }).await;
    let log = watched.log.clone();
    watched
        .monitoring
        .job("relay", async move { error!(log, "a job has failed"; "job" => "relay", "code" => "unavailable") })
        .await;
    let event = watched.server.wait_for("event", |_| true);
    assert_eq!((&event["transaction"], &event["tags"]["job"]), (&"relay".into(), &"relay".into()));
    assert_eq!(event["fingerprint"], serde_json::json!(["unavailable", "relay"]));
    assert_eq!(event["breadcrumbs"]["values"].as_array().map_or(0, Vec::len), 0, "{event:#}");
}

#[actix_web::test]
async fn nothing_that_was_planted_is_sent_or_logged() {
    let secrets = ["Sommer.Regen42", "jean.planted@example.com", "+33 1 56 62 00 99", "crm_at_plantedplantedplanted01"];
    let watched = watched(Behaviour::Takes, NEVER_SLOW);
    let log = watched.log.clone();
    watched
        .monitoring
        .job("planted", async move {
            use base64::{Engine, engine::general_purpose::STANDARD};
            let [password, email, phone, token] = secrets;
            info!(log, "login {}", serde_json::json!({"password": password, "email": email}); "phone" => phone);
            warn!(log, "called {phone}, gave {token}"; "cookie" => password, "authorization" => token);
            warn!(log, "wrote to {} and {}", email.replace('@', "%40"), STANDARD.encode(format!("to {email} now")));
            error!(log, "Key (email_key)=({email}) is at https://x/y?z={password}"; "code" => "internal",
                "cause" => format!("Authorization: Bearer {token}"), "mobile" => phone);
        })
        .await;
    watched.server.wait_for("event", |_| true);
    drop(watched.guard);
    assert_eq!(found(&secrets, &watched.server.bytes()), Vec::<&str>::new());
    assert_eq!(found(&secrets, watched.page.text().as_bytes()), Vec::<&str>::new());
}

/// Reports so many errors, each from a request of its own.
fn report(log: &Logger, number: u64) {
    (0..number).for_each(|_| error!(log, "no luck"; "code" => "internal"));
}

/// Runs in the way to Sentry of this monitoring.
async fn reported(monitoring: &Monitoring, log: &Logger, number: u64) {
    let log = log.clone();
    monitoring.job("test", async move { report(&log, number) }).await;
}

#[actix_web::test]
async fn a_server_that_hangs_costs_reports_and_no_time() {
    const MANY: u64 = 400;
    let Watched { server: _server, monitoring, log, guard, page: _ } = watched(Behaviour::Hangs, NEVER_SLOW);
    reported(&monitoring, &log, MANY).await;
    let counts = monitoring.reports().counts();
    // One may be on its way, a hundred wait, the rest is gone: nothing waited for the server.
    let kept = counts.waiting as u64;
    assert_eq!(counts.sent, 0);
    assert!((100..=101).contains(&kept), "{counts:?}");
    // The transaction of the job is a report as well.
    assert!(counts.overflowed >= MANY / 2, "{counts:?}");
    assert_eq!(counts.dropped() + kept, MANY + 1, "{counts:?}");
    assert!(
        monitoring
            .metrics()
            .text()
            .contains(&format!("crm_reports_total{{outcome=\"overflowed\"}} {}", counts.overflowed))
    );
    let started = stopwatch();
    drop(guard);
    assert!(started.elapsed() < Duration::from_secs(10), "the end took {:?}", started.elapsed());
}

#[actix_web::test]
async fn a_server_that_is_not_there_asks_for_a_pause_or_refuses_is_counted_and_told() {
    let gone =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it listens").port();
    let (paused, refusing) = (SentryServer::start(Behaviour::Pauses), SentryServer::start(Behaviour::Refuses));
    for (dsn, outcome) in [
        (format!("http://0123456789abcdef0123456789abcdef@127.0.0.1:{gone}/42"), "unreachable"),
        (paused.dsn(), "limited"),
        (refusing.dsn(), "refused"),
    ] {
        let (monitoring, log, guard, page) = monitored(&dsn, NEVER_SLOW);
        reported(&monitoring, &log, 5).await;
        let started = stopwatch();
        while monitoring.reports().counts().waiting > 0 && started.elapsed() < Duration::from_mins(1) {
            std::thread::yield_now();
        }
        let counts = monitoring.reports().counts();
        assert_eq!((counts.sent, counts.dropped()), (0, 6), "{outcome}: {counts:?}");
        assert!(monitoring.metrics().text().contains(&format!("crm_reports_total{{outcome=\"{outcome}\"}} 6")));
        let report = monitoring.health().report().await;
        assert_eq!((report.status, report.parts["sentry"]), (State::Degraded, State::Degraded), "{outcome}");
        drop(guard);
        assert!(page.text().contains("no luck"), "the log goes on");
    }
    // After the first answer nothing more was sent until the pause is over.
    assert_eq!(String::from_utf8_lossy(&paused.bytes()).matches("POST /api/42/envelope/").count(), 1);
}

#[actix_web::test]
async fn without_an_address_there_is_nothing() {
    let page = Page::default();
    let (monitoring, log, guard) = Monitoring::start_with(&MonitoringSettings::default(), page);
    reported(&monitoring, &log, 5).await;
    assert_eq!(monitoring.reports().counts(), crm_monitoring::ReportCounts::default());
    assert_eq!(monitoring.health().report().await.parts["sentry"], State::Off);
    drop(guard);
}

#[test]
fn an_operation_is_a_number_and_when_it_was_slow_a_line() {
    let (monitoring, log, guard, page) =
        monitored("http://0123456789abcdef0123456789abcdef@127.0.0.1:9/42", NEVER_SLOW);
    let quick = monitoring.performance().expect("operations are measured").clone();
    drop(quick.begin(Kind::UseCase, "people::list"));
    let slow = PerformanceMonitor::new(monitoring.metrics().clone(), log, Duration::ZERO);
    let mut failed = slow.begin(Kind::Cache, "people");
    failed.fail("unavailable");
    drop(failed);
    let text = monitoring.metrics().text();
    for line in [
        "crm_operation_seconds_count{kind=\"use_case\",name=\"people::list\"} 1",
        "crm_operation_seconds_count{kind=\"cache\",name=\"people\"} 1",
        "crm_operation_failures_total{code=\"unavailable\",kind=\"cache\",name=\"people\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    drop(guard);
    let lines = page.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["message"], &lines[0]["code"]), (&"slow operation".into(), &"unavailable".into()));
}

#[allow(clippy::disallowed_methods, reason = "the test measures how long a caller waits")]
fn stopwatch() -> Instant {
    Instant::now()
}
