//! The whole application in process: the same stack that the binary serves, with named users who are signed in.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::atomic::{AtomicUsize, Ordering},
};

use actix_web::{
    body::to_bytes,
    http::{Method, header::HeaderMap},
    test::{TestRequest, init_service, try_call_service},
};
use crm_api::{Api, ApiSettings, Monitored};
use crm_app::{App, AppSettings, Cache, CacheSettings};
use crm_domain::{
    Locale, NewRecord, Session, SessionId, Team, TeamId, User, UserId,
    access::{Actor, BuiltInRole, policy},
    values::{EmailAddress, Name, Timestamp},
};
use crm_monitoring::Monitoring;
use crm_persistence::{Database, Stamp, StoreError, WriteTx, sessions, teams, users};
use serde_json::Value;
use sha2::{Digest, Sha256};
use slog::Logger;
use tempfile::TempDir;

use crate::TestDatabase;

/// The named users: name, role, team. Two teams, and one user of each built-in role in the first.
pub const USERS: [(&str, BuiltInRole, Option<&str>); 6] = [
    ("ann", BuiltInRole::Admin, None),
    ("max", BuiltInRole::Manager, Some("north")),
    ("uma", BuiltInRole::User, Some("north")),
    ("rita", BuiltInRole::ReadOnly, Some("north")),
    ("otto", BuiltInRole::User, Some("south")),
    ("solo", BuiltInRole::User, None),
];

const TEAMS: [&str; 2] = ["north", "south"];

type Sent = Pin<Box<dyn Future<Output = Answer>>>;

/// The application over a database of its own.
pub struct TestApp {
    /// The use cases behind it.
    pub app: App,
    send: Rc<dyn Fn(TestRequest) -> Sent>,
    /// Its database; kept until the end.
    pub test: TestDatabase,
    _imports: TempDir,
}

/// One instance of the application.
pub struct Instance {
    /// The use cases behind it.
    pub app: App,
    send: Rc<dyn Fn(TestRequest) -> Sent>,
}

/// Somebody who sends requests, with their token or without one.
#[derive(Clone)]
pub struct Client {
    token: Option<String>,
    send: Rc<dyn Fn(TestRequest) -> Sent>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl TestApp {
    /// The application over this database, with all [`USERS`] signed in.
    pub async fn spawn(test: TestDatabase) -> Self {
        Self::spawn_with_log(test, Logger::root(slog::Discard, slog::o!())).await
    }

    /// The same, writing this log.
    pub async fn spawn_with_log(test: TestDatabase, log: Logger) -> Self {
        Self::spawn_with(test, log, |_, _| {}).await
    }

    /// The same, with other settings than the defaults.
    pub async fn spawn_with(
        test: TestDatabase,
        log: Logger,
        adjust: impl FnOnce(&mut AppSettings, &mut ApiSettings),
    ) -> Self {
        Self::spawn_monitored(test, log, &Monitoring::quiet(), adjust).await
    }

    /// The same, watched by this monitoring.
    pub async fn spawn_monitored(
        test: TestDatabase,
        log: Logger,
        monitoring: &Monitoring,
        adjust: impl FnOnce(&mut AppSettings, &mut ApiSettings),
    ) -> Self {
        let imports = tempfile::tempdir().expect("a temporary folder can be made");
        let (mut settings, mut api) = (AppSettings::new(imports.path()), ApiSettings::default());
        // Kept by all applications over these settings, as they would share a Redis.
        settings.cache = Cache::new(CacheSettings::new()).expect("without Redis there is no address that is bad");
        settings.background = Monitored::by(monitoring);
        adjust(&mut settings, &mut api);
        people_the_firm(&test.database);
        let Instance { app, send } = Instance::spawn(test.database.clone(), settings, api, log, monitoring).await;
        Self { app, send, test, _imports: imports }
    }

    /// Another instance over the same database and folder, with a cache of its own.
    pub async fn beside(&self, cache: CacheSettings) -> Instance {
        let cache = Cache::new(cache).expect("a test has a good address");
        let settings = AppSettings { cache, ..self.app.settings().clone() };
        let log = Logger::root(slog::Discard, slog::o!());
        Instance::spawn(self.test.database.clone(), settings, ApiSettings::default(), log, &Monitoring::quiet()).await
    }

    /// One application for each database.
    pub async fn each() -> Vec<Self> {
        let mut apps = Vec::new();
        for test in crate::databases() {
            apps.push(Self::spawn(test).await);
        }
        apps
    }

    /// The user with this name, signed in.
    pub fn client(&self, name: &str) -> Client {
        let at = USERS.iter().position(|(user, ..)| *user == name).expect("a named user");
        Client { token: Some(token(at)), send: Rc::clone(&self.send) }
    }

    /// The administrator.
    pub fn ann(&self) -> Client {
        self.client("ann")
    }

    /// A user of the test's own, signed in.
    pub fn sign_in(&self, user: UserId) -> Client {
        static NEXT: AtomicUsize = AtomicUsize::new(1_000);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let at = Timestamp::parse("2026-01-01T00:00:00Z").expect("a timestamp");
        let stamp = Stamp { actor: Actor::system("test fixture"), at, import_id: None };
        let written: Result<(), StoreError> = self.test.database.write(stamp, |tx| {
            begin_session(tx, user, number)?;
            Ok(tx.unchanged(()))
        });
        written.expect("a session can be begun");
        self.with_token(&token(number))
    }

    /// The access token of the user with this name, for clients that are not ours.
    pub fn token(name: &str) -> String {
        token(USERS.iter().position(|(user, ..)| *user == name).expect("a named user"))
    }

    /// Whoever this token belongs to.
    pub fn with_token(&self, token: &str) -> Client {
        Client { token: Some(token.to_owned()), send: Rc::clone(&self.send) }
    }

    /// Nobody.
    pub fn anonymous(&self) -> Client {
        Client { token: None, send: Rc::clone(&self.send) }
    }

    /// The id of the user with this name.
    pub fn user_id(name: &str) -> UserId {
        let at = USERS.iter().position(|(user, ..)| *user == name).expect("a named user");
        UserId::from_u128(user_number(at))
    }

    /// The id of the team with this name.
    pub fn team_id(name: &str) -> TeamId {
        let at = TEAMS.iter().position(|team| *team == name).expect("a named team");
        TeamId::from_u128(0x7_0000 + at as u128)
    }
}

impl Instance {
    async fn spawn(
        database: Database,
        settings: AppSettings,
        api: ApiSettings,
        log: Logger,
        monitoring: &Monitoring,
    ) -> Self {
        let app = App::new(database, settings);
        let api = Api::new(app.clone(), api, log).monitored(monitoring);
        let service = Rc::new(init_service(crm_api::server(&api)).await);
        let send: Rc<dyn Fn(TestRequest) -> Sent> = Rc::new(move |request| {
            let service = Rc::clone(&service);
            Box::pin(async move {
                let response = try_call_service(&*service, request.to_request()).await;
                let response = response.unwrap_or_else(|error| panic!("the server lets no error through: {error}"));
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                let body = to_bytes(response.into_body()).await.unwrap_or_default().to_vec();
                Answer { status, headers, body }
            })
        });
        Self { app, send }
    }

    /// The user with this name, signed in.
    pub fn client(&self, name: &str) -> Client {
        let at = USERS.iter().position(|(user, ..)| *user == name).expect("a named user");
        Client { token: Some(token(at)), send: Rc::clone(&self.send) }
    }
}

impl Client {
    /// Sends a request as it stands, with this client's token.
    pub async fn send(&self, request: TestRequest) -> Answer {
        let request = match &self.token {
            Some(token) => request.insert_header(("Authorization", format!("Bearer {token}"))),
            None => request,
        };
        (self.send)(request).await
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path)).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(TestRequest::post().uri(path).set_json(body)).await
    }

    /// `PUT` with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(TestRequest::put().uri(path).set_json(body)).await
    }

    /// `PATCH` of a version with a JSON body.
    pub async fn patch(&self, path: &str, version: i64, body: Value) -> Answer {
        let request = TestRequest::patch().uri(path).insert_header(("If-Match", format!("\"{version}\"")));
        self.send(request.set_json(body)).await
    }

    /// `DELETE` of a version.
    pub async fn delete(&self, path: &str, version: i64) -> Answer {
        let request = TestRequest::delete().uri(path).insert_header(("If-Match", format!("\"{version}\"")));
        self.send(request).await
    }

    /// Any method, with headers and a body as they stand.
    pub async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = TestRequest::default().method(method).uri(path).set_payload(body);
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        self.send(request).await
    }
}

impl Answer {
    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are ASCII"))
    }

    /// The answer itself, when it has this status.
    #[allow(clippy::return_self_not_must_use)] // Often only the check is wanted.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

fn user_number(at: usize) -> u128 {
    0x5_0000 + at as u128
}

/// The access token of a user: known to the test, a hash to the database.
fn token(at: usize) -> String {
    format!("crm_at_{at:0>43}")
}

fn people_the_firm(database: &Database) {
    let at = Timestamp::parse("2026-01-01T00:00:00Z").expect("a timestamp");
    let stamp = Stamp { actor: Actor::system("test fixture"), at, import_id: None };
    let written: Result<(), StoreError> = database.write(stamp, |tx| {
        let grant = policy::authorise(tx.actor()).expect("the system may");
        for name in TEAMS {
            let id = TestApp::team_id(name);
            let new = NewRecord { id, owner_id: None, team_id: Some(id), by: None, at };
            let stamps = new.stamps();
            let team = Team { id: new.id, name: Name::parse(name).expect("a name"), manager_id: None, stamps };
            teams::insert(tx, &grant, &team)?;
        }
        let grant = policy::authorise::<crm_domain::access::Create, User>(tx.actor()).expect("the system may");
        for (number, (name, role, team)) in USERS.into_iter().enumerate() {
            let id = UserId::from_u128(user_number(number));
            let new = NewRecord { id, owner_id: Some(id), team_id: team.map(TestApp::team_id), by: None, at };
            let user = User {
                id,
                email: EmailAddress::parse(&format!("{name}@example.com")).expect("an address"),
                name: Name::parse(name).expect("a name"),
                role_id: role.id(),
                locale: Locale::En,
                is_active: true,
                last_login_at: None,
                stamps: new.stamps(),
            };
            users::insert(tx, &grant, &user, None)?;
            begin_session(tx, id, number)?;
        }
        Ok(tx.unchanged(()))
    });
    written.expect("the fixture can be written");
}

/// Begins a session that never expires, with the tokens of this number.
fn begin_session(tx: &mut WriteTx, user_id: UserId, number: usize) -> Result<(), StoreError> {
    let session = Session {
        id: SessionId::from_u128(user_number(number)),
        user_id,
        created_at: tx.at(),
        access_expires_at: Timestamp::LATEST,
        refresh_expires_at: Timestamp::LATEST,
    };
    let hash = |text: String| Sha256::digest(text.as_bytes()).into();
    let (access_hash, refresh_hash) = (hash(token(number)), hash(format!("refresh {number}")));
    let new = sessions::NewSession { access_hash, refresh_hash, address: None, agent: None };
    sessions::insert(tx, &session, &new)
}
