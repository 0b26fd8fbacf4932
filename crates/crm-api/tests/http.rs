//! The whole server in process, over a database of its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use actix_web::{
    body::to_bytes,
    http::{Method, StatusCode, header::HeaderMap},
    test::{TestRequest, init_service},
};
use crm_api::{Api, ApiSettings};
use crm_app::{App, AppSettings, NewUser};
use crm_domain::{
    Locale, User,
    access::{Actor, BuiltInRole, Create, Grant, policy},
    values::{EmailAddress, Name},
};
use crm_persistence::{Database, DatabaseSettings, migrations};
use serde_json::{Value, json};
use tempfile::TempDir;

const PASSWORD: &str = "a long and private sentence";

/// A server over an empty database, with one administrator who is signed in.
struct Server {
    api: Api,
    token: String,
    _folder: TempDir,
}

/// An answer, read to its end.
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("crm.db").display());
        let settings = DatabaseSettings::new(url);
        migrations::up(&settings).unwrap();
        let app = App::new(Database::open(&settings).unwrap(), AppSettings::new(folder.path().join("imports")));
        let grant: Grant<Create, User> = policy::authorise(&Actor::system("test")).unwrap();
        let new = NewUser {
            email: EmailAddress::parse("ann@example.com").unwrap(),
            name: Name::parse("Ann").unwrap(),
            role_id: BuiltInRole::Admin.id(),
            team_id: None,
            locale: Locale::En,
            password: PASSWORD.to_owned().into(),
        };
        app.users().add(grant, new).await.unwrap();
        let log = slog::Logger::root(slog::Discard, slog::o!());
        let mut server =
            Self { api: Api::new(app, ApiSettings::default(), log), token: String::new(), _folder: folder };
        let login = json!({"email": "ann@example.com", "password": PASSWORD});
        let answer = server.send(TestRequest::post().uri("/api/v1/auth/login").set_json(login)).await;
        assert_eq!(answer.status, 200);
        answer.json()["access_token"].as_str().unwrap().clone_into(&mut server.token);
        server
    }

    async fn send(&self, request: TestRequest) -> Answered {
        let service = init_service(crm_api::server(&self.api)).await;
        let response = actix_web::test::try_call_service(&service, request.to_request()).await;
        let response = response.unwrap_or_else(|error| panic!("the server lets no error through: {error}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body()).await.unwrap_or_default().to_vec();
        Answered { status, headers, body }
    }

    /// As the administrator.
    async fn call(&self, method: Method, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answered {
        let request = TestRequest::with_uri(path).method(method);
        let mut request = request.insert_header(("authorization", format!("Bearer {}", self.token)));
        for header in headers {
            request = request.insert_header(*header);
        }
        self.send(if let Some(body) = body { request.set_json(body) } else { request }).await
    }

    async fn get(&self, path: &str) -> Answered {
        self.call(Method::GET, path, None, &[]).await
    }

    async fn organisation(&self, name: &str) -> Answered {
        self.call(Method::POST, "/api/v1/organisations", Some(json!({"name": name})), &[]).await
    }
}

#[track_caller]
fn assert_problem(answer: &Answered, status: u16, code: &str) {
    let document = answer.json();
    assert_eq!((answer.status, document["code"].as_str()), (status, Some(code)), "{document}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(document["status"], status);
    assert_eq!(document["request_id"], answer.header("x-request-id"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[actix_rt::test]
async fn whoever_is_not_signed_in_gets_no_further() {
    let server = Server::start().await;
    for uri in ["/api/v1/organisations", "/api/v1/organisations/not-an-id", "/api/v1/auth/me", "/api/v1/search?x=1"] {
        let answer = server.send(TestRequest::get().uri(uri)).await;
        assert_problem(&answer, 401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let login = json!({"email": "ann@example.com", "password": "wrong"});
    let answer = server.send(TestRequest::post().uri("/api/v1/auth/login").set_json(login)).await;
    assert_problem(&answer, 401, "invalid_credentials");
}

#[actix_rt::test]
async fn unknown_paths_and_methods_are_problems() {
    let server = Server::start().await;
    assert_problem(&server.get("/nowhere").await, 404, "not_found");
    assert_problem(&server.get("/api/v1/organisations/7").await, 404, "not_found");
    let answer = server.call(Method::PUT, "/api/v1/organisations", None, &[]).await;
    assert_problem(&answer, 405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET, HEAD, POST");
    assert_problem(&server.get("/api/v1/organisations/batch").await, 405, "method_not_allowed");
}

#[actix_rt::test]
async fn a_record_is_made_read_changed_deleted_and_restored() {
    let server = Server::start().await;
    let made = server.organisation("Exemple Gestion").await;
    assert_eq!((made.status, made.header("etag")), (201, "\"1\""));
    let place = made.header("location").to_owned();
    let read = server.get(&place).await;
    assert_eq!((read.status, read.json()), (200, made.json()));
    assert_eq!(server.call(Method::GET, &place, None, &[("if-none-match", "\"1\"")]).await.status, 304);
    let body = || Some(json!({"city": "Lyon"}));
    assert_problem(&server.call(Method::PATCH, &place, body(), &[]).await, 428, "version_required");
    assert_problem(
        &server.call(Method::PATCH, &place, body(), &[("if-match", "W/\"1\"")]).await,
        400,
        "invalid_header",
    );
    let stale = server.call(Method::PATCH, &place, body(), &[("if-match", "\"7\"")]).await;
    assert_problem(&stale, 412, "stale");
    assert_eq!(stale.json()["current"]["version"], 1);
    let changed = server.call(Method::PATCH, &place, body(), &[("if-match", "\"1\"")]).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    assert_eq!(server.call(Method::DELETE, &place, None, &[("if-match", "*")]).await.status, 204);
    assert_problem(&server.get(&place).await, 404, "not_found");
    let restored = server.call(Method::POST, &format!("{place}/restore"), None, &[]).await;
    assert_eq!((restored.status, restored.header("etag")), (200, "\"4\""));
    let history = server.get(&format!("{place}/history")).await.json();
    let actions: Vec<_> = history["items"].as_array().unwrap().iter().map(|one| one["action"].clone()).collect();
    assert_eq!(actions, ["restored", "deleted", "updated", "created"]);
}

#[actix_rt::test]
async fn pages_lead_to_each_other_by_link() {
    let server = Server::start().await;
    for name in ["A", "B", "C"] {
        server.organisation(name).await;
    }
    let mut names = Vec::new();
    let mut next = "/api/v1/organisations?sort=name&limit=2&total=exact".to_owned();
    while !next.is_empty() {
        let page = server.get(&next).await;
        assert_eq!((page.status, &page.json()["total"]), (200, &json!(3)));
        names.extend(page.json()["items"].as_array().unwrap().iter().map(|one| one["name"].clone()));
        next = page.header("link").trim_start_matches('<').split('>').next().unwrap_or_default().to_owned();
    }
    assert_eq!(names, ["A", "B", "C"]);
}

#[actix_rt::test]
async fn bad_parameters_and_bodies_say_what_is_wrong() {
    let server = Server::start().await;
    for uri in ["colour=red", "limit=0", "name.gt=a", "sort=notes", "cursor=x", "q=%FF", "limit=1&limit=2"] {
        assert_problem(&server.get(&format!("/api/v1/organisations?{uri}")).await, 400, "invalid_parameter");
    }
    let answer = server.call(Method::POST, "/api/v1/organisations", Some(json!({"nmae": 1, "email": "x"})), &[]).await;
    assert_problem(&answer, 422, "invalid");
    let answer = answer.json();
    let pointers: Vec<_> =
        answer["errors"].as_array().unwrap().iter().map(|one| one["pointer"].as_str().unwrap()).collect();
    assert!(pointers.contains(&"/nmae") && pointers.contains(&"/email"), "{pointers:?}");
    let post = || {
        TestRequest::post()
            .uri("/api/v1/organisations")
            .insert_header(("authorization", format!("Bearer {}", server.token)))
    };
    assert_problem(&server.send(post().set_payload("name=x")).await, 415, "unsupported_media_type");
    let json = ("content-type", "application/json");
    assert_problem(&server.send(post().insert_header(json).set_payload("{")).await, 400, "malformed_json");
    assert_problem(&server.send(post().insert_header(json).set_payload(vec![b' '; 1_048_577])).await, 413, "too_large");
}

#[actix_rt::test]
async fn the_same_key_makes_one_record() {
    let server = Server::start().await;
    let make = async |name: &str| {
        server
            .call(Method::POST, "/api/v1/organisations", Some(json!({"name": name})), &[("idempotency-key", "k1")])
            .await
    };
    let (first, again, other) = (make("A").await, make("A").await, make("B").await);
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert_eq!((first.header("idempotency-replayed"), first.json()), ("", again.json()));
    assert_problem(&other, 422, "idempotency_key_reused");
    assert_eq!(server.get("/api/v1/organisations").await.json()["items"].as_array().unwrap().len(), 1);
}

#[actix_rt::test]
async fn a_batch_that_stands_together_changes_nothing_when_one_fails() {
    let server = Server::start().await;
    let operations = json!([{"op": "create", "data": {"name": "A"}}, {"op": "create", "data": {}}]);
    let run = async |atomic: bool| {
        let body = json!({"atomic": atomic, "operations": operations.clone()});
        server.call(Method::POST, "/api/v1/organisations/batch", Some(body), &[]).await
    };
    let refused = run(true).await;
    assert_problem(&refused, 422, "batch_refused");
    assert_eq!(refused.json()["errors"][0]["pointer"], "/operations/1/data/name");
    assert_eq!(server.get("/api/v1/organisations").await.json()["items"], json!([]));
    let each = run(false).await;
    let statuses: Vec<_> = each.json()["results"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!((each.status, statuses), (200, vec![json!(201), json!(422)]));
}

#[actix_rt::test]
async fn a_link_is_put_seen_from_both_ends_and_inlined() {
    let server = Server::start().await;
    let organisation = server.organisation("A").await.json()["id"].as_str().unwrap().to_owned();
    let person = server.call(Method::POST, "/api/v1/people", Some(json!({"last_name": "Bee"})), &[]).await;
    let person = person.json()["id"].as_str().unwrap().to_owned();
    let place = format!("/api/v1/organisations/{organisation}/people/{person}");
    let put = async || server.call(Method::PUT, &place, Some(json!({"role": "technical"})), &[]).await;
    let made = put().await;
    assert_eq!((made.status, made.header("location")), (201, place.as_str()));
    assert_eq!(put().await.status, 200);
    let people = server.get(&format!("/api/v1/organisations/{organisation}/people")).await.json();
    assert_eq!(people["items"][0]["person"]["last_name"], "Bee");
    let organisations = server.get(&format!("/api/v1/people/{person}/organisations")).await.json();
    assert_eq!(organisations["items"][0]["organisation"]["name"], "A");
    let expanded = server.get("/api/v1/organisations?expand=people").await.json();
    assert_eq!(expanded["items"][0]["people"][0]["person"]["last_name"], "Bee");
    assert_problem(&server.get("/api/v1/organisations?expand=cats").await, 400, "invalid_parameter");
}

#[actix_rt::test]
async fn an_export_is_a_file_without_formulas() {
    let server = Server::start().await;
    server.organisation("=cmd()").await;
    let file = server.get("/api/v1/organisations/export").await;
    assert_eq!((file.status, file.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert!(file.header("content-disposition").starts_with("attachment"));
    let text = String::from_utf8(file.body).unwrap();
    assert!(text.starts_with("id,name,type,") && text.contains(",'=cmd(),") && text.lines().count() == 2, "{text}");
    assert_problem(&server.get("/api/v1/organisations/export?format=pdf").await, 400, "invalid_parameter");
}

#[actix_rt::test]
async fn head_is_get_without_its_body() {
    let server = Server::start().await;
    let answer = server.call(Method::HEAD, "/api/v1/organisations", None, &[]).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.header("cache-control"), "private, no-store");
}

#[actix_rt::test]
async fn the_change_log_and_the_search_show_what_was_made() {
    let server = Server::start().await;
    server.organisation("Gestion Élysée").await;
    let hits = server.get("/api/v1/search?q=elysee").await.json();
    assert_eq!(hits["items"][0]["title"], "Gestion Élysée");
    let changes = server.get("/api/v1/changes?after=0").await.json();
    assert!(changes["items"].as_array().unwrap().iter().any(|one| one["event"] == "organisation.created"), "{changes}");
    assert_problem(&server.get("/api/v1/changes?after=-1").await, 400, "invalid_parameter");
}

#[actix_rt::test]
async fn signing_out_ends_the_session_at_once() {
    let server = Server::start().await;
    assert_eq!(server.get("/api/v1/auth/me").await.json()["role"], "admin");
    assert_eq!(server.call(Method::POST, "/api/v1/auth/logout", None, &[]).await.status, 204);
    assert_problem(&server.get("/api/v1/auth/me").await, 401, "unauthenticated");
}

#[actix_rt::test]
async fn the_documentation_needs_no_token_and_nothing_from_elsewhere() {
    let server = Server::start().await;
    let openapi = server.send(TestRequest::get().uri("/api/openapi.json")).await;
    assert_eq!((openapi.status, &openapi.json()["openapi"]), (200, &json!("3.1.0")));
    assert_eq!(server.send(TestRequest::get().uri("/api/docs")).await.status, 302);
    let page = server.send(TestRequest::get().uri("/api/docs/index.html")).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html"));
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert_eq!(server.send(TestRequest::get().uri("/api/docs/problems")).await.status, 200);
    assert_problem(&server.send(TestRequest::get().uri("/api/docs/none.js")).await, 404, "not_found");
    let ready = server.send(TestRequest::get().uri("/health/ready")).await;
    assert_eq!(ready.status, StatusCode::OK.as_u16());
}

#[actix_rt::test]
async fn an_upload_is_accepted_and_can_be_looked_at() {
    let server = Server::start().await;
    let form = "--b\r\ncontent-disposition: form-data; name=\"resource\"\r\n\r\norganisations\r\n\
        --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n\
        name;phone;city;website\r\nA;12;Lyon;\r\nB;none;=Lille;x y\r\nC;;Nice;\r\n\r\n--b--\r\n";
    let post = || {
        TestRequest::post().uri("/api/v1/imports").insert_header(("authorization", format!("Bearer {}", server.token)))
    };
    let multipart = ("content-type", "multipart/form-data; boundary=b");
    let started = server.send(post().insert_header(multipart).set_payload(form)).await;
    assert_eq!(started.status, 202, "{}", started.json());
    let place = started.header("location").to_owned();
    assert_eq!(server.get(&place).await.json()["file_name"], "a.csv");
    while server.get(&place).await.json()["finished_at"].is_null() {
        actix_rt::task::yield_now().await;
    }
    let errors = server.get(&format!("{place}/errors")).await.json();
    assert_eq!(errors["items"].as_array().map(Vec::len), Some(3), "{errors}");
    // Whatever the size of a page, a row stands on one line, with its cells as they were.
    let file = server.get(&format!("{place}/errors?format=csv")).await;
    assert_eq!((file.status, file.header("content-type")), (200, "text/csv; charset=utf-8"));
    let text = String::from_utf8(file.body.clone()).unwrap();
    let lines: Vec<&str> = text.split("\r\n").collect();
    let header = "name,phone,city,website,import_row,import_column,import_value,import_code,import_reason";
    assert_eq!(lines[0].trim_start_matches('\u{feff}'), header);
    assert!(lines[1].starts_with("A,12,Lyon,,1,phone,12,phone,"), "{text}");
    assert!(lines[2].starts_with("B,none,'=Lille,x y,2,phone | website,none | x y,"), "{text}");
    assert_eq!(lines[3..], [""]);
    assert_problem(&server.send(post().set_json(json!({}))).await, 415, "unsupported_media_type");
    let empty = server.send(post().insert_header(multipart).set_payload("--b--\r\n")).await;
    assert_problem(&empty, 422, "invalid");
}
