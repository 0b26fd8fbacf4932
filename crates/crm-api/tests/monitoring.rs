//! What those who run the service see of it, over the whole application and on both databases: who may look, how a request
//! is found again, and that nothing personal is left behind anywhere.

#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::test::TestRequest;
use crm_monitoring::{
    Environment, LogFormat, LogSettings, Monitoring, MonitoringGuard, MonitoringSettings, ReportSettings,
};
use crm_testkit::{TestApp, TestDatabase, USERS};
use serde_json::{Value, json};
use slog::Logger;

#[path = "../../crm-monitoring/tests/support/sentry.rs"]
mod sentry;
use sentry::{Behaviour, SentryServer, found};

const HEALTH: &str = "/api/v1/monitoring/health";
const LEVELS: &str = "/api/v1/monitoring/log-levels";

/// A log that is kept in memory.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The whole application with everything that watches it switched on.
struct Watched {
    app: TestApp,
    server: SentryServer,
    monitoring: Monitoring,
    guard: MonitoringGuard,
    page: Page,
}

async fn watched(test: TestDatabase, levels: &str) -> Watched {
    let (server, page) = (SentryServer::start(Behaviour::Takes), Page::default());
    let settings = MonitoringSettings {
        log: LogSettings {
            format: Some(LogFormat::Json),
            levels: levels.parse().unwrap(),
            capacity: 100_000,
            ..LogSettings::default()
        },
        reports: ReportSettings {
            dsn: Some(server.dsn().parse().unwrap()),
            release: "crm@test".into(),
            environment: Environment::Staging,
            traces: 1.0,
        },
        slow: Duration::from_hours(1),
        ..MonitoringSettings::default()
    };
    let (monitoring, log, guard) = Monitoring::start_with(&settings, page.clone());
    let told: Logger = log.clone();
    let app = TestApp::spawn_monitored(test, log, &monitoring, |app, _| app.log = told).await;
    Watched { app, server, monitoring, guard, page }
}

#[actix_web::test]
async fn only_administrators_see_how_the_service_is_and_choose_what_it_logs() {
    for app in TestApp::each().await {
        for (name, role, _) in USERS {
            let client = app.client(name);
            let is_admin = role == crm_domain::access::BuiltInRole::Admin;
            let status = if is_admin { 200 } else { 403 };
            client.get(HEALTH).await.expect(status);
            client.get(LEVELS).await.expect(status);
            client.put(LEVELS, json!({"level": "warn"})).await.expect(status);
        }
        assert_eq!(app.ann().get(LEVELS).await.json(), json!({"level": "warn"}));
    }
}

#[actix_web::test]
async fn the_report_has_a_state_for_each_part_and_no_causes() {
    for test in crm_testkit::databases() {
        let watched = watched(test, "info").await;
        let report = watched.app.ann().get(HEALTH).await.expect(200).json();
        let parts: Vec<_> = report["parts"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(parts, ["bus", "cache", "database", "disk", "log", "relay", "schema", "sentry"]);
        for part in ["database", "schema", "relay", "sentry", "log"] {
            assert_eq!(report["parts"][part], "ok", "{report}");
        }
        // The cache is that of the process, and there is nobody to hear of.
        assert_eq!((&report["parts"]["cache"], &report["parts"]["bus"]), (&"ok".into(), &"off".into()), "{report}");
    }
}

#[actix_web::test]
async fn levels_change_while_the_service_runs() {
    let watched = watched(TestDatabase::sqlite(), "error").await;
    let ann = watched.app.ann();
    ann.get("/api/v1/auth/me").await.expect(200);
    ann.put(LEVELS, json!({"level": "error,crm_monitoring::request_log=info"})).await.expect(200);
    ann.get("/api/v1/organisations").await.expect(200);
    for bad in [json!({"level": "loud"}), json!({"level": ""}), json!({"levels": "info"}), json!({})] {
        ann.put(LEVELS, bad).await.expect(422);
    }
    assert_eq!(ann.get(LEVELS).await.json()["level"], "error,crm_monitoring::request_log=info");
    drop(watched.guard);
    let lines = watched.page.lines();
    assert!(lines.iter().all(|line| line["route"] != "/api/v1/auth/me"), "{lines:#?}");
    assert!(lines.iter().any(|line| line["route"] == "/api/v1/organisations"), "{lines:#?}");
}

#[actix_web::test]
async fn one_request_id_finds_the_answer_the_line_the_change_the_event_and_the_trace() {
    for test in crm_testkit::databases() {
        let watched = watched(test, "info").await;
        let ann = watched.app.ann();
        let sent = |request: TestRequest, id: &'static str| request.insert_header(("X-Request-Id", id));
        let create = TestRequest::post().uri("/api/v1/organisations").set_json(json!({"name": "Found"}));
        let made = ann.send(sent(create, "find-me-1")).await.expect(201);
        assert_eq!(made.header("x-request-id"), "find-me-1");
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let history = ann.get(&format!("/api/v1/organisations/{id}/history")).await.expect(200).json();
        assert_eq!(history["items"][0]["request_id"], "find-me-1");
        let trace = watched.server.wait_for("transaction", |one| one["tags"]["request_id"] == "find-me-1");
        assert_eq!(trace["transaction"], "POST /api/v1/organisations");
        let spans: Vec<_> = trace["spans"].as_array().unwrap().iter().map(|span| span["description"].clone()).collect();
        assert!(spans.contains(&"organisations::Organisations::create".into()), "{spans:?}");
        assert!(spans.contains(&"statement".into()), "work on another thread belongs to the same trace: {spans:?}");

        watched.app.test.execute("ALTER TABLE organisations RENAME TO gone");
        let broken = ann.send(sent(TestRequest::get().uri("/api/v1/organisations"), "find-me-2")).await.expect(500);
        assert_eq!(broken.json()["request_id"], "find-me-2");
        let event = watched.server.wait_for("event", |_| true);
        assert_eq!(event["tags"]["request_id"], "find-me-2");
        assert_eq!(event["fingerprint"], json!(["internal", "GET /api/v1/organisations"]));
        assert_eq!(event["user"], json!({"id": TestApp::user_id("ann").to_string(), "role": "admin"}));
        let crumbs: Vec<_> =
            event["breadcrumbs"]["values"].as_array().unwrap().iter().map(|one| &one["message"]).collect();
        assert!(crumbs.iter().any(|crumb| **crumb == "organisations::Organisations::list"), "{crumbs:?}");
        watched.app.test.execute("ALTER TABLE gone RENAME TO organisations");
        drop(watched.guard);
        let lines = watched.page.lines();
        for (id, status) in [("find-me-1", 201), ("find-me-2", 500)] {
            let line = lines.iter().find(|line| line["request_id"] == id && line["status"] == status).unwrap();
            assert_eq!(line["user_id"], TestApp::user_id("ann").to_string());
            assert!(line["database_ms"].as_f64().is_some_and(|took| took > 0.0), "{line}");
        }
    }
}

/// Waits on a thread of its own, so that the jobs go on.
async fn beside(
    server: SentryServer,
    kind: &'static str,
    fits: impl Fn(&Value) -> bool + Send + 'static,
) -> (SentryServer, Value) {
    let waiting = actix_web::rt::task::spawn_blocking(move || {
        let item = server.wait_for(kind, fits);
        (server, item)
    });
    waiting.await.unwrap()
}

#[actix_web::test]
async fn a_job_that_fails_is_an_event_and_goes_on() {
    for test in crm_testkit::databases() {
        let Watched { app, server, monitoring, guard: _guard, page: _page } = watched(test, "info").await;
        app.test.execute("ALTER TABLE changes RENAME TO gone");
        app.app.start();
        let (server, event) = beside(server, "event", |one| one["tags"]["job"] == "relay").await;
        assert_eq!((&event["transaction"], &event["tags"]["code"]), (&"relay".into(), &"internal".into()));
        assert!(
            event["exception"]["values"][0]["value"].as_str().unwrap().contains("gone")
                || event["extra"]["cause"].is_string()
        );
        app.test.execute("ALTER TABLE gone RENAME TO changes");
        let works = |one: &Value| {
            one["transaction"] == "relay"
                && one["spans"].as_array().is_some_and(|spans| spans.iter().all(|span| span["status"] == "ok"))
        };
        beside(server, "transaction", works).await;
        app.app.stop();
        assert!(monitoring.metrics().text().contains("kind=\"job\",name=\"relay\""));
    }
}

/// Marks that stand for everything that must not be found: ten each of passwords, addresses, phone numbers, tokens, names.
fn planted() -> Vec<String> {
    (0..10)
        .flat_map(|number| {
            [
                format!("Sommer-{number}-Regen-Kx7"),
                format!("planted.{number}@example.com"),
                format!("+33 1 56 62 0{number} 99"),
                format!("crm_at_{number:0>43}"),
                format!("Plantedname{number}"),
            ]
        })
        .collect()
}

#[actix_web::test]
async fn of_fifty_planted_secrets_none_is_in_reports_logs_metrics_or_problems() {
    let secrets = planted();
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    assert_eq!(secrets.len(), 50);
    for test in crm_testkit::databases() {
        let watched = watched(test, "trace").await;
        let (ann, mut problems) = (watched.app.ann(), Vec::new());
        for (number, group) in secrets.chunks(5).enumerate() {
            let [password, email, phone, token, name] = group else { unreachable!("there are five of each") };
            // The last five meet a defect, so that all of this comes by the way of errors as well.
            let is_broken = number >= 5;
            if is_broken {
                watched.app.test.execute("ALTER TABLE people RENAME TO gone");
            }
            let encoded = |text: &str| text.replace('@', "%40").replace('+', "%2B").replace(' ', "%20");
            let login = json!({"email": email, "password": password});
            let answers = [
                watched.app.anonymous().post("/api/v1/auth/login", login).await,
                watched.app.with_token(token).get("/api/v1/auth/me").await,
                ann.post("/api/v1/people", json!({"last_name": name, "personal_email": email, "phone": phone})).await,
                ann.post("/api/v1/people", json!({"last_name": name, "no_such_field": phone, "password": password}))
                    .await,
                ann.get(&format!("/api/v1/people?q={name}&email={}", encoded(email))).await,
                ann.get(&format!("/api/v1/people?personal_email={}", encoded(email))).await,
                ann.get(&format!("/api/v1/people/{}", encoded(phone))).await,
                ann.get(&format!("/api/v1/people/{}?ticket={token}", encoded(email))).await,
                ann.raw(
                    "POST",
                    "/api/v1/people",
                    &[("Content-Type", "application/json")],
                    format!("{{\"last_name\": \"{name}\", {password}").into(),
                )
                .await,
                ann.raw(
                    "GET",
                    "/api/v1/people",
                    &[
                        ("Cookie", &format!("session={token}")),
                        ("X-Request-Id", email),
                        ("X-Api-Key", password),
                        ("User-Agent", phone),
                        ("Referer", &format!("https://x.example/?a={name}")),
                    ],
                    Vec::new(),
                )
                .await,
                ann.raw(
                    "PATCH",
                    "/api/v1/people/0198c0de-7000-7000-8000-000000000000",
                    &[("If-Match", email), ("Content-Type", "application/json")],
                    json!({"notes": phone}).to_string().into(),
                )
                .await,
                ann.post("/api/v1/auth/password", json!({"current_password": password, "new_password": token})).await,
                watched.app.anonymous().post("/api/v1/auth/password-reset", json!({"email": email})).await,
            ];
            if is_broken {
                watched.app.test.execute("ALTER TABLE gone RENAME TO people");
            }
            problems.extend(answers.into_iter().filter(|answer| answer.status >= 400).map(|answer| answer.text()));
        }
        watched.server.wait_for("event", |_| true);
        let metrics = watched.monitoring.metrics().text();
        drop(watched.guard);
        assert!(problems.len() > 70, "{}", problems.len());
        assert!(problems.iter().any(|problem| problem.contains("\"internal\"")));
        assert!(watched.page.lines().len() > 130, "the log is not empty");
        assert_eq!(watched.monitoring.drops().count(), 0);
        for (place, bytes) in [
            ("reports", watched.server.bytes()),
            ("logs", watched.page.text().into_bytes()),
            ("metrics", metrics.into_bytes()),
            ("problems", problems.join("\n").into_bytes()),
        ] {
            assert_eq!(found(&secrets, &bytes), Vec::<&str>::new(), "in {place} on {}", watched.app.test.name());
        }
    }
}
