//! The server as a process: its first start, what keeps it from starting, and its end.

mod support;

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    time::Duration,
};

use serde_json::json;
use support::{PATIENCE, Place, get, post};

/// A secret that is long enough, and no example.
const SECRET: &str = "Tq8vN2zL7kWm4RyXc0Hj9uPfEs5bDgAo";

/// The password of the first administrator, as it was printed.
fn password_in(said: &str) -> &str {
    said.lines()
        .find_map(|line| line.trim().strip_prefix("password: "))
        .unwrap_or_else(|| panic!("no password: {said}"))
}

#[test]
fn a_first_start_in_an_empty_folder_serves_and_tells_one_password_once() {
    let place = Place::new();
    let server = place.serve();
    assert_eq!(get(&format!("{}/health/ready", server.http)).0, 200);
    assert_eq!(get(&format!("{}/health/live", server.operations)).0, 200);
    assert_eq!(get(&format!("{}/health/ready", server.operations)).0, 200);
    let (status, problem) = get(&format!("{}/api/v1/organisations", server.operations));
    assert_eq!((status, problem.contains("not_found")), (404, true), "the operations listener has no API");
    let (http, said) = (server.http.clone(), {
        server.signal("TERM");
        let (status, said) = server.end();
        assert_eq!(status.code(), Some(0));
        said
    });
    assert!(!http.is_empty());
    let password = password_in(&said).to_owned();

    let server = place.serve();
    let login = format!("{}/api/v1/auth/login", server.http);
    let (status, body) = post(&login, &json!({"email": "admin@crm.localhost", "password": password}));
    assert_eq!(status, 200, "{body}");
    assert_eq!(post(&login, &json!({"email": "admin@crm.localhost", "password": "not the password"})).0, 401);
    server.signal("INT");
    let (status, said) = server.end();
    assert_eq!((status.code(), said.as_str()), (Some(0), ""), "the password is told once");
}

#[test]
fn the_effective_settings_are_logged_without_their_secrets() {
    let place = Place::new().with("CRM__DATABASE__URL", "postgres://crm:s3cret@127.0.0.1:1/crm");
    let ran = place.run(&["serve"]);
    let failure = ran.failed();
    assert!(failure.contains("cannot be reached"), "{failure}");
    assert!(ran.stderr().contains("drain_seconds"), "{}", ran.stderr());
    assert!(!ran.stderr().contains("s3cret"), "{}", ran.stderr());
}

#[test]
fn outside_development_an_administrator_must_have_been_added() {
    let place = Place::new().with("CRM__ENVIRONMENT", "production").with("CRM__SECURITY__SECRET", SECRET);
    let failure = place.run(&["serve"]).failed();
    assert!(failure.contains("crm user add") && failure.contains("--role admin"), "{failure}");
    let add = |email: &str, role: &str| {
        place.run(&["user", "add", "--email", email, "--name", "N", "--role", role]).done();
    };
    add("bob@example.com", "user");
    assert!(place.run(&["serve"]).failed().contains("no administrator"));
    add("ann@example.com", "admin");
    let server = place.serve();
    server.signal("TERM");
    let (status, said) = server.end();
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
}

#[test]
fn outside_development_a_secret_must_have_been_made() {
    let place = Place::new().with("CRM__ENVIRONMENT", "production");
    let failure = place.run(&["serve"]).failed();
    assert!(failure.contains("openssl rand -base64 32") && failure.contains("CRM__SECURITY__SECRET"), "{failure}");
    for (secret, why) in [("short", "32 characters"), ("change-me-change-me-change-me-change-me", "an example")] {
        let ran =
            Place::new().with("CRM__ENVIRONMENT", "staging").with("CRM__SECURITY__SECRET", secret).run(&["serve"]);
        let failure = ran.failed();
        assert!(failure.contains("security.secret") && failure.contains(why), "{failure}");
        assert!(!failure.contains(secret) && !ran.stderr().contains(secret), "{failure}");
    }
}

#[test]
fn in_development_a_secret_is_made_once_and_for_nobody_else_to_read() {
    let place = Place::new();
    let made = || {
        let server = place.serve();
        server.signal("TERM");
        server.end();
        fs::read_to_string(place.path().join("data/secret")).unwrap()
    };
    let first = made();
    assert!(first.trim().len() >= 32, "{first}");
    assert_eq!(made(), first);
    let mode = fs::metadata(place.path().join("data/secret")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_taken_port_is_refused_before_anything_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for variable in ["CRM__HTTP__LISTEN", "CRM__OPERATIONS__LISTEN"] {
        let other = if variable.contains("HTTP") { "CRM__OPERATIONS__LISTEN" } else { "CRM__HTTP__LISTEN" };
        let ran = Place::new().with(variable, &address).with(other, "127.0.0.1:0").run(&["serve"]);
        let failure = ran.failed();
        assert!(failure.contains(&format!("cannot listen on {address}")), "{failure}");
        assert_eq!(ran.stdout(), "", "no password of a server that never was");
    }
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let place = Place::new();
    let server = place.serve();
    let address = server.http.trim_start_matches("http://").to_owned();
    let body = json!({"email": "nobody@crm.localhost", "password": "not the password"}).to_string();
    let mut slow = TcpStream::connect(&address).unwrap();
    slow.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    // The interim answer says that the request has begun.
    let mut interim = [0; 25];
    slow.read_exact(&mut interim).unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&interim));
    server.signal("TERM");
    server.wait_for("stopping");
    let (status, problem) = get(&format!("{}/health/ready", server.operations));
    assert_eq!((status, problem.contains("stopping")), (503, true), "{problem}");
    slow.write_all(body.as_bytes()).unwrap();
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 401");
    drop(slow);
    assert_eq!(server.end().0.code(), Some(0));
}

#[test]
fn a_server_whose_schema_is_gone_is_not_ready_but_lives() {
    let place = Place::new();
    let server = place.serve();
    place.run(&["migrate", "down"]).done();
    for listener in [&server.http, &server.operations] {
        let (status, problem) = get(&format!("{listener}/health/ready"));
        assert_eq!((status, problem.contains("\"unavailable\"")), (503, true), "{problem}");
        assert_eq!(get(&format!("{listener}/health/live")).0, 200);
    }
    place.run(&["migrate", "up"]).done();
    assert_eq!(get(&format!("{}/health/ready", server.http)).0, 200);
    server.signal("TERM");
    server.end();
}

#[test]
fn what_does_not_end_in_time_is_cut_off() {
    let place = Place::new().with("CRM__HTTP__DRAIN_SECONDS", "1");
    let server = place.serve();
    let mut stuck = TcpStream::connect(server.http.trim_start_matches("http://")).unwrap();
    stuck.write_all(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{").unwrap();
    stuck.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    server.signal("TERM");
    assert_eq!(server.end().0.code(), Some(0));
    let mut rest = Vec::new();
    let _closed_or_reset = stuck.read_to_end(&mut rest);
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let place = Place::new();
    let server = place.serve();
    let mut idle = TcpStream::connect(server.http.trim_start_matches("http://")).unwrap();
    idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    server.signal("TERM");
    let at = |word| {
        let record: serde_json::Value = serde_json::from_str(&server.wait_for(word)).unwrap();
        chrono::DateTime::parse_from_rfc3339(record["time"].as_str().unwrap()).unwrap()
    };
    let took = -(at("stopping") - at("stopped"));
    assert!(took.num_seconds() < 10, "{took}");
    assert_eq!(server.end().0.code(), Some(0));
}
