//! The same requests get the same answers whichever database is behind: ids and times aside, of which the pattern is
//! compared all the same.

#[path = "parity/chance.rs"]
mod chance;
#[path = "parity/names.rs"]
mod names;
#[path = "parity/requests.rs"]
mod requests;
#[path = "parity/values.rs"]
mod values;

use std::{collections::BTreeMap, fmt::Write};

use crm_testkit::{Client, TestApp, TestDatabase, USERS};
use futures_util::future::join;
use names::Names;
use requests::{Request, Requests};
use serde_json::Value;

const SEED: u64 = 20_261_123;

/// What an answer says in which the databases could differ.
const HEADERS: [&str; 8] = [
    "etag",
    "location",
    "link",
    "content-type",
    "content-disposition",
    "idempotency-replayed",
    "retry-after",
    "x-request-id",
];

/// The server over one of the databases.
struct Side {
    clients: BTreeMap<&'static str, Client>,
    names: Names,
    _app: TestApp,
}

/// An answer in which ids, times and cursors are named.
struct Answered {
    status: u16,
    headers: String,
    body: String,
}

impl Side {
    async fn over(test: TestDatabase) -> Self {
        let app = TestApp::spawn(test).await;
        Self { clients: USERS.map(|(name, ..)| (name, app.client(name))).into(), names: Names::default(), _app: app }
    }

    async fn send(&mut self, number: usize, request: &Request) -> Answered {
        let mut path = self.names.meant(&request.path);
        for (at, (name, value)) in request.query.iter().enumerate() {
            let value = encoded(&self.names.meant(value));
            write!(path, "{}{}={value}", if at == 0 { '?' } else { '&' }, encoded(name)).expect("a String takes all");
        }
        let number = format!("parity-{number}");
        let mut headers = vec![("X-Request-Id", number.as_str())];
        headers.extend(request.headers.iter().map(|(name, value)| (*name, value.as_str())));
        let body = request.body.as_deref().map(|body| self.names.meant(body).into_bytes());
        if body.is_some() {
            headers.push(("Content-Type", "application/json"));
        }
        let client = &self.clients[request.user];
        let answer = client.raw(request.method, &path, &headers, body.unwrap_or_default()).await;
        let headers: Vec<String> = HEADERS.iter().map(|name| format!("{name}: {}", answer.header(name))).collect();
        let body = self.names.named(&answer.text());
        Answered { status: answer.status, headers: self.names.named(&headers.join("\n")), body }
    }
}

fn encoded(text: &str) -> String {
    let one =
        |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

async fn compare(number: usize) {
    let Some(postgres) = TestDatabase::postgres() else {
        println!("nothing was compared: TEST_POSTGRES_URL names no server");
        return;
    };
    let (mut one, mut other) = (Side::over(TestDatabase::sqlite()).await, Side::over(postgres).await);
    let mut requests = Requests::new(SEED);
    let mut seen: BTreeMap<u16, usize> = BTreeMap::new();
    let (mut lists, mut later_pages) = (0, 0);
    for at in 0..number {
        let request = requests.make();
        let (left, right) = join(one.send(at, &request), other.send(at, &request)).await;
        let told = || format!("request {at}: {request:?}");
        assert!(left.status < 500, "{}\nsqlite {}\n{}", told(), left.status, left.body);
        let same = (left.status, &left.headers, &left.body) == (right.status, &right.headers, &right.body);
        assert!(same, "{}\n\nsqlite {}\n\npostgres {}", told(), shown(&left, &right), shown(&right, &left));
        *seen.entry(left.status).or_default() += 1;
        let body: Value = serde_json::from_str(&left.body).unwrap_or_default();
        // One record alone is in order whatever the order is.
        let is_list = body["items"].as_array().is_some_and(|items| items.len() > 1);
        lists += usize::from(is_list);
        later_pages += usize::from(is_list && request.query.iter().any(|(name, _)| name == "cursor"));
        requests.learn(&request, left.status, &body);
    }
    println!("{number} requests had the same answers: {seen:?}; {lists} lists, {later_pages} of them later pages");
    assert!(lists > number / 10 && later_pages > number / 50, "{lists} lists, {later_pages} later pages");
    for status in [200, 201, 204, 304, 400, 403, 404, 405, 409, 412, 422, 428] {
        assert!(seen.contains_key(&status), "no request was answered with {status}");
    }
}

/// An answer from a little before the place where it differs from another.
fn shown(answer: &Answered, other: &Answered) -> String {
    let same = answer.body.chars().zip(other.body.chars()).take_while(|(one, other)| one == other).count();
    let body: String = answer.body.chars().skip(same.saturating_sub(600)).take(1200).collect();
    format!("{}\n{}\nbody from character {}:\n{body}", answer.status, answer.headers, same.saturating_sub(600))
}

#[actix_web::test]
async fn random_requests_get_the_same_answers_on_both_databases() {
    compare(2_000).await;
}

#[actix_web::test]
#[ignore = "slow: ten times as many requests"]
async fn random_requests_get_the_same_answers_on_both_databases_20_000() {
    compare(20_000).await;
}
