//! Measures what a storm of sign-ins does to everybody else. Run it alone, on a build for release:
//! `cargo test --release --workspace --test login_storm -- --ignored --nocapture`.
#![allow(clippy::unwrap_used)] // A measurement that cannot go on says so by failing.

mod support;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use support::{Place, post};

const PASSWORD: &str = "tamarin violet sous la pluie";

/// How many sign in at the same time, without end.
const STORM: usize = 200;

const QUIET: Duration = Duration::from_secs(15);
const LOUD: Duration = Duration::from_secs(30);

#[test]
#[ignore = "it takes a minute, and a machine with nothing else to do"]
fn a_storm_of_sign_ins_leaves_room_for_everybody_else() {
    // Each guess comes from another network for another account: no limit but the queue of hashes stands in its way.
    let place =
        Place::new().with("CRM__LIMITS__ANONYMOUS_PER_SECOND", "0").with("CRM__HTTP__TRUSTED_PROXIES", "127.0.0.1");
    let add = ["user", "add", "--email", "ann@example.com", "--name", "Ann", "--role", "admin", "--password-stdin"];
    place.run_with_input(&add, PASSWORD).done();
    let server = place.serve();
    let login = format!("{}/api/v1/auth/login", server.http);
    let (status, session) = post(&login, &json!({"email": "ann@example.com", "password": PASSWORD}));
    assert_eq!(status, 200, "{session}");
    let token = session["access_token"].as_str().unwrap();

    let quiet = work(&server.http, token, QUIET);
    let (over, next, statuses) = (AtomicBool::new(false), AtomicU32::new(0), Mutex::new(BTreeMap::new()));
    let loud = thread::scope(|scope| {
        for _ in 0..STORM {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let status = guess(&login, next.fetch_add(1, Ordering::Relaxed));
                    *statuses.lock().unwrap().entry(status).or_insert(0) += 1;
                }
            });
        }
        let loud = work(&server.http, token, LOUD);
        over.store(true, Ordering::Relaxed);
        loud
    });
    let statuses = statuses.into_inner().unwrap();
    println!("others, quiet: {quiet:?}; in the storm: {loud:?}; sign-ins by status: {statuses:?}");
    assert!(statuses.keys().all(|status| [401, 429, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains_key(&401) && statuses.contains_key(&429), "it was no storm: {statuses:?}");
    assert!(loud.p99 <= 2 * quiet.p99, "{quiet:?} {loud:?}");
}

/// How long the requests of somebody at work took.
#[derive(Debug)]
#[allow(dead_code, reason = "it is printed")]
struct Times {
    requests: usize,
    median: Duration,
    p99: Duration,
}

/// Somebody at work: the own account and a list, again and again, with a moment in between.
fn work(http: &str, token: &str, span: Duration) -> Times {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let (started, mut times) = (stopwatch(), Vec::new());
    while started.elapsed() < span {
        for path in ["/api/v1/auth/me", "/api/v1/organisations?limit=20"] {
            let begun = stopwatch();
            let request = agent.get(format!("{http}{path}")).header("Authorization", format!("Bearer {token}"));
            let mut answer = request.call().unwrap();
            answer.body_mut().read_to_string().unwrap();
            times.push(begun.elapsed());
            assert_eq!(answer.status(), 200);
        }
        thread::park_timeout(Duration::from_millis(10));
    }
    times.sort_unstable();
    Times { requests: times.len(), median: times[times.len() / 2], p99: times[times.len() * 99 / 100] }
}

fn guess(login: &str, number: u32) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let address = std::net::Ipv4Addr::from_bits(0xc000_0000 | (number & 0xff_ffff));
    let body: Value = json!({"email": format!("u{number}@example.com"), "password": "a wrong password"});
    let sent = agent.post(login).header("X-Forwarded-For", address.to_string()).send_json(&body);
    // A connection that could not be made is an answer as well: the machine has no more to give.
    sent.map_or(0, |answer| answer.status().as_u16())
}

#[expect(clippy::disallowed_methods, reason = "it is a measurement")]
fn stopwatch() -> Instant {
    Instant::now()
}
