//! Sockets over a real listener: who is let in, what they hear, and when they are sent away.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::{net::SocketAddr, time::Duration};

use actix_web::{HttpServer, dev::ServerHandle, rt};
use crm_api::{Api, ApiSettings};
use crm_app::{App, AppSettings, Bus, RedisSettings};
use crm_domain::access::{Actor, BuiltInRole, policy};
use crm_testkit::{TestApp, databases};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error as SocketError, Message, client::IntoClientRequest},
};

/// How long anything may take before a test gives up, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server over the database of a test, with everything that goes on beside the requests.
struct Served {
    test: TestApp,
    address: SocketAddr,
    handle: ServerHandle,
}

/// A client's end of a socket.
struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Served {
    async fn each() -> Vec<Self> {
        let mut all = Vec::new();
        for database in databases() {
            all.push(Self::over(TestApp::spawn(database).await));
        }
        all
    }

    fn over(test: TestApp) -> Self {
        test.app.start();
        let api = Api::new(test.app.clone(), ApiSettings::default(), slog::Logger::root(slog::Discard, slog::o!()));
        let server = HttpServer::new(move || crm_api::server(&api)).workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        rt::spawn(server);
        Self { test, address, handle }
    }

    async fn open(&self, query: &str, headers: &[(&'static str, &str)]) -> Result<Client, SocketError> {
        let url = format!("ws://{}/api/v1/realtime{query}", self.address);
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "crm.v1".parse().unwrap());
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, response) = timeout(PATIENCE, connect_async(request)).await.unwrap()?;
        assert_eq!(response.headers()["sec-websocket-protocol"], "crm.v1");
        Ok(Client(socket))
    }

    /// A user's socket that hears of these topics from this moment on.
    async fn listen(&self, name: &str, topics: &[&str]) -> Client {
        let bearer = format!("Bearer {}", TestApp::token(name));
        let mut client = self.open("", &[("authorization", &bearer)]).await.unwrap();
        let hello = client.next().await;
        assert_eq!((hello["type"].as_str(), hello["heartbeat_seconds"].as_u64()), (Some("hello"), Some(30)));
        client.say(&json!({"type": "subscribe", "topics": topics})).await;
        assert_eq!(client.next().await["type"], "subscribed");
        client.say(&json!({"type": "resume", "after": hello["position"]})).await;
        while client.next().await["type"] != "live" {}
        client
    }

    async fn make(&self, by: &str, name: &str) -> Value {
        let made = self.test.client(by).post("/api/v1/organisations", json!({"name": name})).await;
        made.expect(201).json()
    }

    async fn end(self) {
        self.test.app.stop();
        self.handle.stop(false).await;
    }
}

impl Client {
    async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message; a close is `{"close": code}`.
    async fn next(&mut self) -> Value {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("something is said in time") {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Close(frame))) => {
                    let frame = frame.unwrap();
                    return json!({"close": u16::from(frame.code), "reason": frame.reason.as_str()});
                }
                Some(Ok(_)) => {}
                gone => panic!("the socket is gone: {gone:?}"),
            }
        }
    }

    async fn close_code(&mut self) -> u64 {
        loop {
            if let Some(code) = self.next().await["close"].as_u64() {
                return code;
            }
        }
    }
}

#[actix_web::test]
async fn a_subscriber_hears_of_what_they_may_see_and_of_nothing_else() {
    for served in Served::each().await {
        let (mut uma, mut otto) =
            (served.listen("uma", &["organisations"]).await, served.listen("otto", &["organisations"]).await);
        let north = served.make("uma", "North").await;
        let south = served.make("otto", "South").await;
        let heard = uma.next().await;
        assert_eq!(
            (heard["type"].as_str(), heard["resource"].as_str(), &heard["id"], heard["version"].as_i64()),
            (Some("change"), Some("organisations"), &north["id"], Some(1))
        );
        assert_eq!(heard["action"], "created");
        assert!(heard["changed"].as_array().unwrap().contains(&json!("name")));
        assert_eq!(otto.next().await["id"], south["id"], "the first thing that the other team hears of is its own");
        served.end().await;
    }
}

#[actix_web::test]
async fn who_comes_again_is_told_what_they_missed_in_order() {
    for served in Served::each().await {
        let mut first = served.listen("uma", &["organisations"]).await;
        served.make("uma", "0").await;
        let last = first.next().await["position"].as_i64().unwrap();
        drop(first);
        for name in 1..=5 {
            served.make("uma", &name.to_string()).await;
        }
        let bearer = format!("Bearer {}", TestApp::token("uma"));
        let mut again = served.open("", &[("authorization", &bearer)]).await.unwrap();
        assert_eq!(again.next().await["type"], "hello");
        again.say(&json!({"type": "subscribe", "topics": ["organisations"]})).await;
        again.say(&json!({"type": "resume", "after": last})).await;
        assert_eq!(again.next().await["type"], "subscribed");
        let mut positions = Vec::new();
        // Those that had no position yet when the missed ones were read come behind `live`.
        while positions.len() < 5 {
            let heard = again.next().await;
            if heard["type"] == "change" {
                positions.push(heard["position"].as_i64().unwrap());
            }
        }
        assert_eq!(positions, (last + 1..=last + 5).collect::<Vec<_>>());
        again.say(&json!({"type": "resume", "after": 1_000_000})).await;
        while again.next().await["type"] != "reset" {}
        served.end().await;
    }
}

#[actix_web::test]
async fn a_notification_comes_with_the_number_of_unread_ones() {
    for served in Served::each().await {
        let mut otto = served.listen("otto", &["notifications"]).await;
        let task = json!({"title": "Call", "assignee_id": TestApp::user_id("otto")});
        served.test.client("ann").post("/api/v1/tasks", task).await.expect(201);
        let heard = otto.next().await;
        assert_eq!((heard["type"].as_str(), heard["unread_count"].as_i64()), (Some("notification"), Some(1)));
        assert_eq!(heard["notification"]["kind"], "task_assigned");
        assert_eq!(heard["notification"]["message"], "ann assigned “Call” to you.");
        let inbox = served.test.client("otto").get("/api/v1/notifications?unread=true").await.expect(200).json();
        assert_eq!(inbox["items"][0], heard["notification"]);
        let count = served.test.client("otto").get("/api/v1/notifications/unread-count").await.expect(200);
        assert_eq!(count.json(), json!({"unread_count": 1}));
        let read = served.test.client("otto").post("/api/v1/notifications/read-all", json!({})).await.expect(200);
        assert_eq!(read.json(), json!({"read": 1}));
        served.end().await;
    }
}

#[actix_web::test]
async fn a_ticket_lets_in_once() {
    for served in Served::each().await {
        let answer = served.test.client("uma").post("/api/v1/realtime/tickets", json!({})).await.expect(200).json();
        assert_eq!(answer["expires_in"], 30);
        let query = format!("?ticket={}", answer["ticket"].as_str().unwrap());
        let mut first = served.open(&query, &[]).await.unwrap();
        assert_eq!(first.next().await["type"], "hello");
        for query in [query.as_str(), "", "?ticket=crm_st_x"] {
            let Err(SocketError::Http(refused)) = served.open(query, &[]).await else { panic!("let in by {query}") };
            assert_eq!(refused.status().as_u16(), 401, "{query}");
        }
        served.end().await;
    }
}

#[actix_web::test]
async fn a_page_of_somebody_else_is_sent_away() {
    for served in Served::each().await {
        let bearer = format!("Bearer {}", TestApp::token("uma"));
        let headers = [("authorization", bearer.as_str()), ("origin", "https://evil.example")];
        let mut evil = served.open("", &headers).await.unwrap();
        assert_eq!(evil.next().await, json!({"close": 1008, "reason": "bad origin"}));
        let ours = format!("http://{}", served.address);
        let mut good = served.open("", &[("authorization", &bearer), ("origin", &ours)]).await.unwrap();
        assert_eq!(good.next().await["type"], "hello");
        good.0.send(Message::text("no message")).await.unwrap();
        assert_eq!(good.close_code().await, 1008);
        let mut large = served.open("", &[("authorization", &bearer)]).await.unwrap();
        let topics = vec!["organisations"; 2000];
        large.say(&json!({"type": "subscribe", "topics": topics})).await;
        assert_eq!(large.close_code().await, 1009);
        served.end().await;
    }
}

#[actix_web::test]
async fn who_has_as_many_sockets_as_they_may_gets_no_more() {
    for served in Served::each().await {
        let mut open = Vec::new();
        for _ in 0..20 {
            open.push(served.listen("uma", &["tasks"]).await);
        }
        let bearer = format!("Bearer {}", TestApp::token("uma"));
        let mut more = served.open("", &[("authorization", &bearer)]).await.unwrap();
        assert_eq!(more.close_code().await, 1013);
        served.listen("otto", &["tasks"]).await;
        served.end().await;
    }
}

/// Another instance over the same database, with no way to the first one but that.
fn another(served: &Served) -> App {
    let folder = std::env::temp_dir().join("crm-realtime-tests");
    App::new(served.test.test.database.clone(), AppSettings::new(folder))
}

#[actix_web::test]
async fn what_another_instance_withdraws_ends_the_socket() {
    for served in Served::each().await {
        let other = another(&served);
        let manage = || policy::authorise(&Actor::system("test")).unwrap();
        let id = TestApp::user_id;

        let mut uma = served.listen("uma", &["organisations"]).await;
        other.users().set_role(&manage(), id("uma"), BuiltInRole::ReadOnly.id()).await.unwrap();
        assert_eq!(uma.next().await, json!({"close": 1008, "reason": "rights changed"}));

        let mut otto = served.listen("otto", &["organisations"]).await;
        other.users().set_team(&manage(), id("otto"), Some(TestApp::team_id("north"))).await.unwrap();
        assert_eq!(otto.next().await, json!({"close": 1008, "reason": "rights changed"}));

        let mut solo = served.listen("solo", &["organisations"]).await;
        let token = TestApp::token("solo").into();
        let caller = other.sessions().actor(&token).await.unwrap();
        other.sessions().logout(&caller).await.unwrap();
        assert_eq!(solo.next().await, json!({"close": 1008, "reason": "session ended"}));

        let mut max = served.listen("max", &["organisations"]).await;
        other.users().deactivate(&manage(), id("max")).await.unwrap();
        assert_eq!(max.next().await, json!({"close": 1008, "reason": "session ended"}));

        // Whoever comes again comes with the rights of now, and others have noticed nothing.
        served.listen("uma", &["organisations"]).await;
        served.end().await;
    }
}

#[actix_web::test]
async fn a_server_that_ends_says_so_and_from_where_to_go_on() {
    for served in Served::each().await {
        let mut uma = served.listen("uma", &["organisations"]).await;
        served.make("uma", "Last").await;
        let position = uma.next().await["position"].as_i64().unwrap();
        served.test.app.stop();
        let expected = json!({"close": 1001, "reason": format!("going away; position={position}")});
        assert_eq!(uma.next().await, expected);
        served.end().await;
    }
}

#[actix_web::test]
async fn changes_stream_as_events_and_go_on_from_the_last_one() {
    for served in Served::each().await {
        for name in ["one", "two", "three"] {
            served.make("uma", name).await;
        }
        let first = served.test.client("max").get("/api/v1/changes?limit=1").await.expect(200).json();
        let first = first["items"][0]["position"].as_i64().unwrap();
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let head = format!(
            "GET /api/v1/changes/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nLast-Event-ID: {first}\r\n\r\n",
            TestApp::token("max")
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut text = String::new();
        let mut piece = [0; 4096];
        while text.matches("event: change").count() < 3 {
            if text.contains(&format!("id: {}\n", first + 2)) && !text.contains("four") {
                served.make("uma", "four").await;
            }
            let read = timeout(PATIENCE, stream.read(&mut piece)).await.unwrap().unwrap();
            assert!(read > 0, "it ended: {text}");
            text.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        assert!(text.contains("content-type: text/event-stream"), "{text}");
        let ids: Vec<i64> = text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
        assert_eq!(ids, [first + 1, first + 2, first + 3]);
        served.end().await;
    }
}

#[actix_web::test]
async fn instances_hear_each_other_by_redis() {
    let Ok(url) = redis() else {
        println!("nothing was tried: TEST_REDIS_URL names no server");
        return;
    };
    for database in databases() {
        let channel = format!("crm:test:{}:{}", std::process::id(), database.name());
        let settings = RedisSettings { url: url.clone(), channel };
        let bus = |number| Bus::redis(&settings, uuid::Uuid::from_u128(number)).unwrap();
        let log = || slog::Logger::root(slog::Discard, slog::o!());
        let test = TestApp::spawn_with(database, log(), |app, _| app.bus = bus(1)).await;
        let served = Served::over(test);
        let folder = std::env::temp_dir().join("crm-realtime-tests");
        let other =
            App::new(served.test.test.database.clone(), AppSettings { bus: bus(2), ..AppSettings::new(folder) });
        other.start();
        let mut uma = served.listen("uma", &["users"]).await;
        let manage = policy::authorise(&Actor::system("test")).unwrap();
        other.users().set_role(&manage, TestApp::user_id("otto"), BuiltInRole::ReadOnly.id()).await.unwrap();
        let heard = uma.next().await;
        assert_eq!((heard["resource"].as_str(), &heard["id"]), (Some("users"), &json!(TestApp::user_id("otto"))));
        other.stop();
        served.end().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is told of its servers by the environment")]
fn redis() -> Result<String, std::env::VarError> {
    std::env::var("TEST_REDIS_URL")
}
