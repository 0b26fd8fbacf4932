//! Bad input of every kind gets its problem document: never a 5xx, never a panic, never a change.

use std::panic::AssertUnwindSafe;

use crm_testkit::{Answer, Client, MISSING, RESOURCES, Resource, TestApp};
use serde_json::{Value, json};

const ORGANISATIONS: &str = "/api/v1/organisations";
const PEOPLE: &str = "/api/v1/people";

/// One refusal: what is sent, and what comes back.
struct Case {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
    /// A pointer or parameter that `errors` must name, with its rule.
    error: Option<(&'static str, &'static str)>,
}

fn case(method: &'static str, path: impl Into<String>, status: u16, code: &'static str) -> Case {
    Case { method, path: path.into(), headers: Vec::new(), body: Vec::new(), status, code, error: None }
}

impl Case {
    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn json(self, body: &Value) -> Self {
        self.text(body.to_string())
    }

    fn text(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", "application/json")
    }

    fn error(mut self, pointer: &'static str, code: &'static str) -> Self {
        self.error = Some((pointer, code));
        self
    }
}

/// Every field of every resource with values that break its rule.
async fn fields(ann: &Client) -> Vec<Case> {
    let mut cases = Vec::new();
    for resource in RESOURCES {
        let good = resource.body(ann, "Exemple").await;
        for (pointer, value, code) in (resource.bad)() {
            let mut body = good.clone();
            body[&pointer[1..]] = value;
            cases.push(case("POST", resource.path(), 422, "invalid").json(&body).error(pointer, code));
        }
    }
    cases
}

/// What no resource takes, about a record of it that is there and at its first version.
fn of_any(resource: &Resource, id: &str) -> Vec<Case> {
    let (path, title) = (resource.path(), resource.title);
    let (record, missing) = (format!("{path}/{id}"), format!("{path}/{MISSING}"));
    let body = json!({ title: "Exemple" });
    let mut cases = vec![
        case("POST", &path, 400, "malformed_json").text("{"),
        case("POST", &path, 422, "invalid").text("[]").error("", "type"),
        case("POST", &path, 422, "invalid").json(&json!({"colour": "red"})).error("/colour", "unknown_field"),
        case("POST", &path, 415, "unsupported_media_type").header("Content-Type", "text/plain"),
        case("POST", &path, 400, "invalid_header").header("Idempotency-Key", "a b").json(&body),
        case("PATCH", &record, 428, "version_required").json(&body),
        case("DELETE", &record, 428, "version_required"),
        case("PATCH", &record, 412, "stale").header("If-Match", "\"99\"").json(&body),
        case("DELETE", &record, 412, "stale").header("If-Match", "\"99\""),
        case("PATCH", &record, 400, "invalid_header").header("If-Match", "W/\"1\"").json(&body),
        case("PATCH", &record, 422, "invalid")
            .header("If-Match", "*")
            .json(&json!({"colour": null}))
            .error("/colour", "unknown_field"),
        case("PATCH", &missing, 404, "not_found").header("If-Match", "*").json(&body),
        case("DELETE", &missing, 404, "not_found").header("If-Match", "*"),
        case("GET", &missing, 404, "not_found"),
        case("GET", format!("{path}/not-a-uuid"), 404, "not_found"),
        case("GET", format!("{missing}/history"), 404, "not_found"),
        case("POST", format!("{missing}/restore"), 404, "not_found"),
        case("POST", format!("{record}/restore"), 409, "not_deleted"),
        case("PUT", &record, 405, "method_not_allowed"),
        case("DELETE", &path, 405, "method_not_allowed"),
        case("GET", format!("{path}?expand=everything"), 400, "invalid_parameter").error("expand", "choice"),
        case("GET", format!("{path}?colour=red"), 400, "invalid_parameter").error("colour", "unknown_parameter"),
        case("GET", format!("{path}?sort=notes"), 400, "invalid_parameter").error("sort", "sort"),
        case("GET", format!("{path}?limit=0"), 400, "invalid_parameter").error("limit", "limit"),
        case("GET", format!("{path}?cursor=WzFd"), 400, "invalid_parameter").error("cursor", "cursor"),
        case("GET", format!("{path}/export?format=pdf"), 400, "invalid_parameter").error("format", "choice"),
        case("POST", format!("{path}/batch"), 422, "invalid").json(&json!({"operations": []})),
        case("POST", format!("{path}/batch"), 422, "batch_refused")
            .json(&json!({"operations": [{"op": "upsert", "match": "colour", "data": body}]}))
            .error("/operations/0/match", "choice"),
        case("POST", format!("{path}/batch"), 422, "batch_refused")
            .json(&json!({"operations": [{"op": "upsert", "match": resource.matched_by[0], "data": {}}]})),
    ];
    for field in (resource.fields)() {
        let name = format!("{}.like", field.name);
        let name: &'static str = Box::leak(name.into_boxed_str()); // A few hundred bytes, as long as the test lasts.
        cases.push(case("GET", format!("{path}?{name}=a"), 400, "invalid_parameter").error(name, "operator"));
    }
    for counted in resource.counted_at {
        let path = format!("/api/v1/{counted}?group=x");
        cases.push(case("GET", path, 400, "invalid_parameter").error("group", "unknown_parameter"));
    }
    cases
}

/// Query parameters of lists.
fn parameters() -> Vec<Case> {
    let table: Vec<(&'static str, &'static str, &'static str)> = vec![
        ("limit=0", "limit", "limit"),
        ("limit=201", "limit", "limit"),
        ("limit=-1", "limit", "limit"),
        ("limit=ten", "limit", "limit"),
        ("limit=", "limit", "limit"),
        ("limit=10&limit=20", "limit", "repeated_parameter"),
        ("sort=colour", "sort", "sort"),
        ("sort=", "sort", "sort"),
        ("sort=name,name", "sort", "sort"),
        ("sort=name,-name", "sort", "sort"),
        ("sort=name,city,country_code,aum", "sort", "sort"),
        ("sort=--name", "sort", "sort"),
        ("sort=notes", "sort", "sort"),
        ("cursor=abc", "cursor", "cursor"),
        ("cursor=", "cursor", "cursor"),
        ("cursor=WzFd", "cursor", "cursor"),
        ("total=yes", "total", "choice"),
        ("q=", "q", "search"),
        ("q=%20%21", "q", "search"),
        ("colour=red", "colour", "unknown_parameter"),
        ("name.like=a", "name.like", "operator"),
        ("name.gt=a", "name.gt", "operator"),
        ("name.contains=%21", "name.contains", "value"),
        ("country_code=XX", "country_code", "choice"),
        ("country_code.in=", "country_code.in", "value"),
        ("country_code.in=FR,XX", "country_code.in", "choice"),
        ("pipeline_stage.in=lead,won", "pipeline_stage.in", "choice"),
        ("aum.gte=much", "aum.gte", "money"),
        ("aum.gte=1.234", "aum.gte", "money"),
        ("aum.contains=1", "aum.contains", "operator"),
        ("aum_date.gt=2026", "aum_date.gt", "date"),
        ("created_at.gte=2026-01-01", "created_at.gte", "timestamp"),
        ("created_at.gte=now", "created_at.gte", "timestamp"),
        ("is_active=1", "is_active", "boolean"),
        ("is_active.in=true,false", "is_active.in", "operator"),
        ("owner_id=mine", "owner_id", "uuid"),
        ("owner_id.is=empty", "owner_id.is", "choice"),
        ("tags=vip", "tags", "operator"),
        ("tags.any=", "tags.any", "value"),
        ("signature_probability.gt=0.5", "signature_probability.gt", "integer"),
        ("expand=everything", "expand", "choice"),
        (".eq=1", ".eq", "unknown_parameter"),
        ("name.eq.eq=1", "name.eq.eq", "operator"),
    ];
    let one = |(query, name, code): (&'static str, &'static str, &'static str)| {
        case("GET", format!("{ORGANISATIONS}?{query}"), 400, "invalid_parameter").error(name, code)
    };
    table.into_iter().map(one).collect()
}

/// Bodies, headers, methods and paths.
fn protocol(id: &str) -> Vec<Case> {
    let record = format!("{ORGANISATIONS}/{id}");
    let body = json!({"name": "Exemple"});
    let mut cases = vec![
        case("POST", ORGANISATIONS, 400, "malformed_json").text("{"),
        case("POST", ORGANISATIONS, 400, "malformed_json").text(""),
        case("POST", ORGANISATIONS, 400, "malformed_json").text("{'name': 'a'}"),
        case("POST", ORGANISATIONS, 400, "malformed_json").text("{\"name\": \"a\"} x"),
        case("POST", ORGANISATIONS, 400, "malformed_json").text(vec![b'{', 0xFF, b'}']),
        case("POST", ORGANISATIONS, 400, "malformed_json").text("[".repeat(100_000)),
        case("POST", ORGANISATIONS, 422, "invalid").text("[]").error("", "type"),
        case("POST", ORGANISATIONS, 422, "invalid").text("null").error("", "type"),
        case("POST", ORGANISATIONS, 422, "invalid").text("\"name\"").error("", "type"),
        case("POST", ORGANISATIONS, 422, "invalid").text("{}").error("/name", "required"),
        case("POST", ORGANISATIONS, 422, "invalid").text("{\"email\": \"x\"}").error("/name", "required"),
        case("POST", ORGANISATIONS, 422, "invalid").text("{\"email\": \"x\"}").error("/email", "email"),
        case("POST", ORGANISATIONS, 413, "too_large").text(vec![b' '; 1024 * 1024 + 1]),
        case("PATCH", record.clone(), 428, "version_required").json(&body),
        case("DELETE", record.clone(), 428, "version_required"),
        case("PATCH", record.clone(), 412, "stale").header("If-Match", "\"99\"").json(&body),
        case("DELETE", record.clone(), 412, "stale").header("If-Match", "\"99\""),
        case("PATCH", record.clone(), 422, "invalid")
            .header("If-Match", "*")
            .text("{\"name\": null}")
            .error("/name", "required"),
        case("PATCH", format!("{ORGANISATIONS}/{MISSING}"), 404, "not_found").header("If-Match", "*").json(&body),
        case("DELETE", format!("{ORGANISATIONS}/{MISSING}"), 404, "not_found").header("If-Match", "*"),
        case("GET", format!("{ORGANISATIONS}/{MISSING}"), 404, "not_found"),
        case("GET", format!("{ORGANISATIONS}/not-a-uuid"), 404, "not_found"),
        case("GET", format!("{ORGANISATIONS}/{MISSING}/history"), 404, "not_found"),
        case("GET", format!("{ORGANISATIONS}/{MISSING}/people"), 404, "not_found"),
        case("GET", format!("{PEOPLE}/{MISSING}/organisations"), 404, "not_found"),
        case("POST", format!("{ORGANISATIONS}/{MISSING}/restore"), 404, "not_found"),
        case("POST", format!("{record}/restore"), 409, "not_deleted"),
        case("GET", "/api/v1/nothing", 404, "not_found"),
        case("GET", "/nothing", 404, "not_found"),
        case("GET", "/api/v2/organisations", 404, "not_found"),
        case("DELETE", ORGANISATIONS, 405, "method_not_allowed"),
        case("PUT", record.clone(), 405, "method_not_allowed"),
        case("POST", record.clone(), 405, "method_not_allowed"),
        case("TRACE", ORGANISATIONS, 405, "method_not_allowed"),
        case("PATCH", "/api/v1/search", 405, "method_not_allowed"),
        case("GET", "/api/v1/search", 400, "invalid_parameter").error("q", "required"),
        case("GET", "/api/v1/search?q=a&types=nothing", 400, "invalid_parameter").error("types", "choice"),
        case("GET", "/api/v1/search?q=a&cursor=x", 400, "invalid_parameter").error("cursor", "cursor"),
        case("GET", "/api/v1/search?q=a&limit=0", 400, "invalid_parameter").error("limit", "limit"),
        case("GET", "/api/v1/changes?after=-1", 400, "invalid_parameter").error("after", "position"),
        case("GET", "/api/v1/changes?after=x", 400, "invalid_parameter").error("after", "position"),
        case("GET", "/api/v1/changes?before=1", 400, "invalid_parameter").error("before", "unknown_parameter"),
        case("GET", format!("{ORGANISATIONS}/export?format=pdf"), 400, "invalid_parameter").error("format", "choice"),
        case("GET", format!("{ORGANISATIONS}/stats?group=x"), 400, "invalid_parameter")
            .error("group", "unknown_parameter"),
        case("POST", format!("{ORGANISATIONS}/batch"), 422, "invalid").json(&json!({})),
        case("POST", format!("{ORGANISATIONS}/batch"), 422, "invalid").json(&json!({"operations": []})),
        case("POST", format!("{ORGANISATIONS}/batch"), 422, "batch_refused")
            .json(&json!({"operations": [{"op": "drop"}]}))
            .error("/operations/0/op", "choice"),
        case("POST", format!("{ORGANISATIONS}/batch"), 422, "batch_refused")
            .json(&json!({"operations": [{"op": "create", "data": {"name": ""}}]}))
            .error("/operations/0/data/name", "required"),
        case("POST", format!("{ORGANISATIONS}/batch"), 422, "batch_refused")
            .json(&json!({"operations": [{"op": "upsert", "match": "colour", "data": {"name": "A"}}]}))
            .error("/operations/0/match", "choice"),
        case("POST", format!("{ORGANISATIONS}/batch"), 422, "batch_refused")
            .json(&json!({"operations": [{"op": "upsert", "match": "lei", "data": {"name": "A"}}]}))
            .error("/operations/0/data/lei", "required"),
        case("POST", "/api/v1/imports", 415, "unsupported_media_type").json(&json!({})),
        case("POST", "/api/v1/imports", 400, "malformed_request").header("Content-Type", "multipart/form-data"),
        case("GET", format!("/api/v1/imports/{MISSING}"), 404, "not_found"),
        case("GET", format!("/api/v1/imports/{MISSING}/errors"), 404, "not_found"),
        case("PUT", format!("{record}/people/{MISSING}"), 404, "not_found").json(&json!({})),
        case("PATCH", format!("{record}/people/{MISSING}"), 404, "not_found").header("If-Match", "*").json(&json!({})),
    ];
    for value in ["3", "\"x\"", "W/\"1\"", "\"0\"", "\"1\", \"2\""] {
        cases.push(case("PATCH", record.clone(), 400, "invalid_header").header("If-Match", value).json(&body));
    }
    for value in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
        let mut wrong = case("POST", ORGANISATIONS, 415, "unsupported_media_type").header("Content-Type", value);
        wrong.body = body.to_string().into_bytes();
        cases.push(wrong);
    }
    for key in [String::new(), "x".repeat(256), "a b".to_owned()] {
        cases.push(case("POST", ORGANISATIONS, 400, "invalid_header").header("Idempotency-Key", key).json(&body));
    }
    cases
}

#[track_caller]
fn check(case: &Case, answer: &Answer) {
    let (told, body) =
        (format!("{} {} {:?}", case.method, case.path, String::from_utf8_lossy(&case.body)), answer.json());
    let told: String = told.chars().take(300).collect();
    assert_eq!(answer.status, case.status, "{told}\n{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json", "{told}");
    assert_eq!(body["code"], case.code, "{told}\n{}", answer.text());
    assert_eq!(body["status"], case.status, "{told}");
    assert_eq!(body["request_id"], answer.header("x-request-id"), "{told}");
    assert!(body["title"].is_string() && body["type"].is_string() && body["detail"].is_string(), "{told}");
    if let Some((pointer, code)) = case.error {
        let errors = body["errors"].as_array().unwrap_or_else(|| panic!("{told}: no errors\n{}", answer.text()));
        let named = errors.iter().any(|error| error["pointer"] == pointer && error["code"] == code);
        assert!(named, "{told}: no {code} at {pointer}\n{}", answer.text());
    }
}

async fn send(client: &Client, case: &Case) -> Answer {
    let headers: Vec<(&str, &str)> = case.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    client.raw(case.method, &case.path, &headers, case.body.clone()).await
}

#[actix_web::test]
async fn every_kind_of_bad_input_gets_its_problem_document() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let mut cases = fields(&ann).await;
        cases.extend(parameters());
        for resource in RESOURCES {
            let made = ann.post(&resource.path(), resource.body(&ann, "Exemple").await).await.expect(201).json();
            let id = made["id"].as_str().unwrap();
            cases.extend(of_any(&resource, id));
            if resource.path() == ORGANISATIONS {
                cases.extend(protocol(id));
            }
        }
        assert!(cases.len() >= 300, "{} cases", cases.len());
        let before = ann.get("/api/v1/changes?limit=200").await.expect(200).text();
        let mut wrong = 0;
        for case in &cases {
            let answer = send(&ann, case).await;
            wrong += usize::from(std::panic::catch_unwind(AssertUnwindSafe(|| check(case, &answer))).is_err());
        }
        assert_eq!(wrong, 0, "of {} refusals; each is told above", cases.len());
        // Nothing of all that has changed anything.
        assert_eq!(ann.get("/api/v1/changes?limit=200").await.expect(200).text(), before);
    }
}

/// Every operation that has no body according to the document and is no `GET`: its method, and its path with ids that
/// no record has.
fn bodiless() -> Vec<(&'static str, String)> {
    let paths = crm_api::document()["paths"].as_object().expect("the document has paths");
    let methods = [("post", "POST"), ("put", "PUT"), ("patch", "PATCH"), ("delete", "DELETE")];
    let operations = paths.iter().flat_map(|(path, item)| {
        let bodiless = move |(key, _): &(&str, &str)| item.get(key).is_some_and(|one| one.get("requestBody").is_none());
        methods.into_iter().filter(bodiless).map(move |(_, method)| (method, in_place(path)))
    });
    operations.collect()
}

/// A path whose parameters have the id that no record has.
fn in_place(template: &str) -> String {
    let segments = template.split('/').map(|part| if part.starts_with('{') { MISSING } else { part });
    segments.collect::<Vec<_>>().join("/")
}

#[actix_web::test]
async fn an_operation_without_a_body_refuses_one_as_those_that_have_one_do() {
    let bodiless = bodiless();
    assert!(bodiless.len() >= 20, "{bodiless:?}");
    for app in TestApp::each().await {
        let ann = app.ann();
        let mut wrong = 0;
        for (method, path) in &bodiless {
            let refused = |status, code| case(method, path, status, code).header("If-Match", "*");
            let cases = [
                refused(422, "invalid").json(&json!({"colour": "red"})).error("/colour", "unknown_field"),
                refused(422, "invalid").text("[]").error("", "type"),
                refused(400, "malformed_json").text("{"),
                refused(413, "too_large").text(vec![b' '; 1024 * 1024 + 1]),
            ];
            let mut foreign = refused(415, "unsupported_media_type").header("Content-Type", "text/plain");
            foreign.body = b"{}".to_vec();
            for case in cases.iter().chain([&foreign]) {
                let answer = send(&ann, case).await;
                wrong += usize::from(std::panic::catch_unwind(AssertUnwindSafe(|| check(case, &answer))).is_err());
            }
            if path.ends_with("/auth/logout") {
                continue; // It would be done.
            }
            // What says nothing is no body.
            let missing = send(&ann, &refused(0, "")).await;
            let empty = send(&ann, &refused(0, "").text("{}")).await;
            assert!(
                missing.status == empty.status && ![400, 415, 422].contains(&empty.status),
                "{method} {path}: {} {}",
                missing.text(),
                empty.text()
            );
        }
        assert_eq!(wrong, 0, "refusals were wrong; each is told above");
    }
}

#[actix_web::test]
async fn nobody_and_whoever_may_not_are_told_so() {
    for app in TestApp::each().await {
        let body = json!({"name": "Exemple"});
        for (token, code) in [
            ("", "unauthenticated"),
            ("Bearer", "unauthenticated"),
            ("Bearer crm_at_x", "unauthenticated"),
            ("Basic YTpi", "unauthenticated"),
        ] {
            let headers: Vec<(&str, &str)> = if token.is_empty() { vec![] } else { vec![("Authorization", token)] };
            let answer = app.anonymous().raw("GET", ORGANISATIONS, &headers, Vec::new()).await.expect(401);
            assert_eq!(answer.json()["code"], code);
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{token}");
        }
        let rita = app.client("rita");
        assert_eq!(rita.post(ORGANISATIONS, body.clone()).await.expect(403).json()["code"], "forbidden");
        rita.get("/api/v1/changes").await.expect(403);
        rita.get(&format!("{ORGANISATIONS}/export?format=csv")).await.expect(403);
        app.client("uma").post(&format!("{ORGANISATIONS}/{MISSING}/restore"), json!({})).await.expect(403);
    }
}
