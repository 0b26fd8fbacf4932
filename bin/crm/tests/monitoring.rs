//! The server as a process: its metrics, its reports, and what happens when nobody takes its log.
#![allow(clippy::unwrap_used)] // It is test code, which the lint does not see outside of the tests themselves.

mod support;

use std::{
    fs::{self, File},
    io::Read,
    net::TcpListener,
    path::Path,
    process::{Child, Stdio},
    thread,
};

use serde_json::Value;
use support::{PATIENCE, Place, get, post};

#[path = "../../../crates/crm-monitoring/tests/support/sentry.rs"]
mod sentry;
use sentry::{Behaviour, SentryServer};

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The names of metrics in a text: words that begin as ours and those of the process do.
fn names(text: &str) -> Vec<String> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let mut names: Vec<String> =
        words.filter(|word| word.starts_with("crm_") || word.starts_with("process_")).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn every_metric_of_the_dashboard_and_the_alerts_is_there() {
    let place = Place::new();
    let server = place.serve();
    // Reads are counted once there are some.
    let password = "a long pass phrase of this test";
    let add = ["user", "add", "--email", "ann@example.com", "--name", "Ann", "--role", "admin", "--password-stdin"];
    place.run_with_input(&add, &format!("{password}\n")).done();
    let body = serde_json::json!({"email": "ann@example.com", "password": password});
    let (status, session) = post(&format!("{}/api/v1/auth/login", server.http), &body);
    assert_eq!(status, 200, "{session}");
    let token = format!("Bearer {}", session["access_token"].as_str().unwrap());
    let list = ureq::get(format!("{}/api/v1/organisations", server.http)).header("Authorization", &token).call();
    assert_eq!(list.unwrap().status(), 200);
    // A number of failures is there once something has failed: a database that is gone for a moment.
    let login = format!("{}/api/v1/auth/login", server.http);
    let body = serde_json::json!({"email": "nobody@crm.localhost", "password": "not the password"});
    while post(&login, &body).0 != 500 {
        place.run(&["migrate", "down"]).done();
    }
    place.run(&["migrate", "up"]).done();
    server.wait_for("\"message\":\"request\"");
    let (status, text) = get(&format!("{}/metrics", server.operations));
    assert_eq!(status, 200);
    let mut used = 0;
    for file in ["docker/grafana/crm.json", "docker/prometheus/alerts.yml", "docs/monitoring.md"] {
        for name in names(&fs::read_to_string(repository().join(file)).unwrap()) {
            // Module paths in examples of log levels are no metrics.
            if !name.starts_with("crm_api") && !name.starts_with("crm_app") && !name.starts_with("crm_monitoring") {
                // A histogram has its name in front of those of its parts.
                let begins = [format!("{name}{{"), format!("{name} "), format!("{name}_bucket{{")];
                let is_there = text.lines().any(|line| begins.iter().any(|begin| line.starts_with(begin)));
                assert!(is_there, "{file} uses {name}, which is not in {text}");
                used += 1;
            }
        }
    }
    assert!(used > 20, "{used}");
    assert_eq!(get(&format!("{}/metrics", server.http)).0, 404, "the public listener has no metrics");
    server.signal("TERM");
    server.end();
}

#[test]
fn the_dashboard_is_json_and_each_panel_asks_for_something() {
    let text = fs::read_to_string(repository().join("docker/grafana/crm.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let asking = panels.iter().filter(|panel| panel["type"] != "row");
    assert!(asking.clone().count() > 10);
    for panel in asking {
        assert!(!names(&panel["targets"].to_string()).is_empty(), "{}", panel["title"]);
    }
}

#[test]
fn the_release_is_the_version_with_the_commit_where_there_is_one() {
    let server = SentryServer::start(Behaviour::Takes);
    let place = Place::new().with("CRM__SENTRY__DSN", &server.dsn());
    let running = place.serve();
    assert_eq!(get(&format!("{}/health/live", running.http)).0, 200);
    let trace = server.wait_for("transaction", |one| one["transaction"] == "GET /health/live");
    let release = trace["release"].as_str().unwrap().to_owned();
    let start = format!("crm@{}", env!("CARGO_PKG_VERSION"));
    let commit = release.strip_prefix(&start).unwrap_or_else(|| panic!("{release}"));
    let is_commit = |name: &str| name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(commit.is_empty() || commit.strip_prefix('+').is_some_and(is_commit), "{release}");
    running.signal("TERM");
    assert_eq!(running.end().0.code(), Some(0));
}

#[test]
fn the_process_ends_although_sentry_hangs() {
    let server = SentryServer::start(Behaviour::Hangs);
    let place = Place::new().with("CRM__SENTRY__DSN", &server.dsn());
    let running = place.serve();
    for _ in 0..300 {
        assert_eq!(get(&format!("{}/health/live", running.http)).0, 200);
    }
    let (_, text) = get(&format!("{}/metrics", running.operations));
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}"));
        line.trim().parse::<u64>().unwrap()
    };
    assert!(number("crm_reports_total{outcome=\"overflowed\"}") >= 150, "{text}");
    assert_eq!(number("crm_reports_total{outcome=\"sent\"}"), 0);
    running.signal("TERM");
    assert_eq!(running.end().0.code(), Some(0));
}

/// A server whose standard error goes here, on ports that were free a moment ago.
struct Mute {
    child: Child,
    http: String,
    operations: String,
}

impl Mute {
    fn start(place: &Place, log: Stdio) -> Self {
        let [http, operations] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [http, operations] = [http, operations].map(|listener| listener.local_addr().unwrap().to_string());
        let mut command = place.command(&["serve"]);
        command.env("CRM__HTTP__LISTEN", &http).env("CRM__OPERATIONS__LISTEN", &operations);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mute = Self { child, http: format!("http://{http}"), operations: format!("http://{operations}") };
        let (send, listening) = std::sync::mpsc::channel();
        thread::spawn(move || {
            while std::net::TcpStream::connect(&operations).is_err() {
                thread::yield_now();
            }
            send.send(())
        });
        listening.recv_timeout(PATIENCE).unwrap();
        mute
    }

    /// Sends requests until so many lines are lost; all of them must be answered.
    fn lose(&self) {
        let dropped = || {
            let (_, text) = get(&format!("{}/metrics", self.operations));
            let count = text.lines().find_map(|line| line.strip_prefix("crm_log_dropped_total ")).unwrap();
            count.trim().parse::<u64>().unwrap()
        };
        let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
        let mut sent = 0;
        while dropped() < 100 {
            for _ in 0..500 {
                assert_eq!(agent.get(&format!("{}/health/live", self.http)).call().unwrap().status(), 200);
            }
            sent += 500;
            assert!(sent < 50_000, "nothing was lost");
        }
    }

    fn end(mut self) {
        let sent = std::process::Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Mute {
    /// A test that failed leaves no server behind.
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[test]
fn a_log_that_nobody_reads_is_lost_and_counted_while_requests_go_on() {
    let place = Place::new();
    let mut mute = Mute::start(&place, Stdio::piped());
    // Held open and never read: the pipe fills, and then the queue.
    let mut pipe = mute.child.stderr.take().unwrap();
    mute.lose();
    mute.end();
    let mut text = String::new();
    pipe.read_to_string(&mut text).unwrap();
    assert!(text.contains("\"listening\""), "the oldest lines are kept");
}

#[test]
fn a_log_on_a_full_disk_is_lost_and_counted_while_requests_go_on() {
    let place = Place::new();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mute = Mute::start(&place, full.into());
    mute.lose();
    mute.end();
}
