//! Nothing is left out: every operation of the document is claimed by a test, refuses nobody's requests with 401, and those
//! of a role without any rule with 403.

use std::{collections::BTreeSet, path::Path};

use crm_testkit::{Answer, Client, TestApp};
use serde_json::{Value, json};

use crate::{
    MISSING, firm,
    registry::{REFERENCES, RELATIONS, SUBJECTS},
    relations::expandable,
};

/// Whether the document has this operation; names of parameters do not count.
pub fn has(method: &str, path: &str) -> bool {
    operations().iter().any(|operation| operation.is(method, path))
}

/// An operation of the document.
pub struct Operation {
    pub method: String,
    pub path: String,
    pub value: &'static Value,
}

pub fn operations() -> Vec<Operation> {
    let paths = crm_api::document()["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, value)| Operation { method: method.clone(), path: path.clone(), value })
    });
    each.collect()
}

impl Operation {
    fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && plain(&self.path) == plain(path)
    }

    fn is_guarded(&self) -> bool {
        self.value["security"].as_array().is_none_or(|schemes| schemes.iter().any(|one| one != &json!({})))
    }

    /// The names of the parameters in its path.
    pub fn parameters(&self) -> Vec<&str> {
        self.path.split('/').filter(|segment| segment.starts_with('{')).collect()
    }

    /// Its path with these parameters, and with what else it must have.
    pub fn filled(&self, parameters: &[&str]) -> String {
        let mut path = self.path.clone();
        for (name, value) in self.parameters().into_iter().zip(parameters) {
            path = path.replacen(name, value, 1);
        }
        let asked = self.value["parameters"].as_array().into_iter().flatten();
        let required = asked.filter(|one| one["in"] == "query" && one["required"] == true);
        let query: Vec<String> = required
            .map(|one| {
                let value = one["schema"]["enum"][0].as_str().unwrap_or("abc");
                format!("{}={value}", one["name"].as_str().unwrap())
            })
            .collect();
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }

    /// Sends it with a body that its reader takes, and any version.
    async fn send(&self, client: &Client) -> Answer {
        let path = self.filled(&vec![MISSING; self.parameters().len()]);
        let body = if self.path.ends_with("/batch") {
            json!({"operations": [{"op": "delete", "id": MISSING, "if_match": "*"}]}).to_string()
        } else {
            "{}".to_owned()
        };
        let takes_json = self.value["requestBody"]["content"]["application/json"].is_object();
        let mut headers = vec![("If-Match", "*")];
        if takes_json {
            headers.push(("Content-Type", "application/json"));
        }
        let body = if takes_json { body.into_bytes() } else { Vec::new() };
        client.raw(&self.method.to_uppercase(), &path, &headers, body).await
    }
}

/// A path in which all parameters have one name.
fn plain(path: &str) -> String {
    let segment = |segment: &str| if segment.starts_with('{') { "{}".to_owned() } else { segment.to_owned() };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// What the matrix goes through beside the subjects and their relations.
const DOORS_OF_ALL: [(&str, &str); 8] = [
    ("get", "/api/v1/search"),
    ("get", "/api/v1/changes"),
    ("get", "/api/v1/access/explain"),
    ("post", "/api/v1/imports"),
    ("get", "/api/v1/imports"),
    ("get", "/api/v1/imports/{id}"),
    ("get", "/api/v1/imports/{id}/errors"),
    ("post", "/api/v1/imports/{id}/revert"),
];

/// What belongs to nobody's records, and where it is tested instead. This list may only shrink, or grow with a reason.
const ELSEWHERE: [(&str, &str, &str); 45] = [
    ("get", "/health/live", "open to all; sign_in.rs"),
    ("get", "/health/ready", "open to all; http.rs"),
    ("get", "/api/openapi.json", "open to all; http.rs"),
    ("get", "/api/docs", "open to all; http.rs"),
    ("get", "/api/docs/", "open to all; http.rs"),
    ("get", "/api/docs/problems", "open to all; http.rs"),
    ("get", "/api/docs/{file}", "open to all; http.rs"),
    ("post", "/api/v1/auth/login", "open to all; identity.rs"),
    ("post", "/api/v1/auth/refresh", "open to all; identity.rs"),
    ("post", "/api/v1/auth/logout", "one's own session; identity.rs"),
    ("get", "/api/v1/auth/me", "oneself; identity.rs"),
    ("post", "/api/v1/auth/password", "one's own password; identity.rs"),
    ("get", "/api/v1/auth/sessions", "one's own sessions; identity.rs"),
    ("delete", "/api/v1/auth/sessions/{id}", "one's own sessions; identity.rs"),
    ("get", "/api/v1/auth/api-keys", "one's own keys; identity.rs"),
    ("post", "/api/v1/auth/api-keys", "one's own keys; identity.rs"),
    ("delete", "/api/v1/auth/api-keys/{id}", "one's own keys; identity.rs"),
    ("post", "/api/v1/auth/password-reset", "open to all; sign_in.rs"),
    ("post", "/api/v1/auth/password-reset/confirm", "open to all; sign_in.rs"),
    ("post", "/api/v1/auth/totp", "one's own second factor; sign_in.rs"),
    ("post", "/api/v1/auth/totp/confirm", "one's own second factor; sign_in.rs"),
    ("delete", "/api/v1/auth/totp", "one's own second factor; sign_in.rs"),
    ("get", "/api/v1/notifications", "one's own; doors/personal.rs"),
    ("get", "/api/v1/notifications/unread-count", "one's own; doors/personal.rs"),
    ("patch", "/api/v1/notifications/{id}", "one's own; doors/personal.rs"),
    ("post", "/api/v1/notifications/read-all", "one's own; doors/personal.rs"),
    ("get", "/api/v1/notifications/preferences", "one's own; doors/personal.rs"),
    ("put", "/api/v1/notifications/preferences", "one's own; doors/personal.rs"),
    ("post", "/api/v1/realtime/tickets", "oneself; realtime.rs"),
    ("get", "/api/v1/realtime", "whoever is signed in, each event by its record; realtime.rs"),
    ("get", "/api/v1/changes/stream", "as /changes; realtime.rs"),
    ("get", "/api/v1/monitoring/cache", "the service itself; cache.rs"),
    ("delete", "/api/v1/monitoring/cache", "the service itself; cache.rs"),
    ("get", "/api/v1/monitoring/health", "the service itself; monitoring.rs"),
    ("get", "/api/v1/monitoring/log-levels", "the service itself; monitoring.rs"),
    ("put", "/api/v1/monitoring/log-levels", "the service itself; monitoring.rs"),
    ("get", "/api/v1/webhooks", "the service itself; webhooks.rs"),
    ("post", "/api/v1/webhooks", "the service itself; webhooks.rs"),
    ("get", "/api/v1/webhooks/{id}", "the service itself; webhooks.rs"),
    ("patch", "/api/v1/webhooks/{id}", "the service itself; webhooks.rs"),
    ("delete", "/api/v1/webhooks/{id}", "the service itself; webhooks.rs"),
    ("post", "/api/v1/webhooks/{id}/rotate-secret", "the service itself; webhooks.rs"),
    ("post", "/api/v1/webhooks/{id}/ping", "the service itself; webhooks.rs"),
    ("get", "/api/v1/webhooks/{id}/deliveries", "the service itself; webhooks.rs"),
    ("post", "/api/v1/webhooks/{id}/deliveries/{delivery_id}/replay", "the service itself; webhooks.rs"),
];

fn claimed() -> BTreeSet<(String, String)> {
    let claim = |method: &str, path: &str| (method.to_owned(), plain(path));
    let mut claimed: BTreeSet<_> = DOORS_OF_ALL.iter().map(|(method, path)| claim(method, path)).collect();
    claimed.extend(ELSEWHERE.iter().map(|(method, path, _)| claim(method, path)));
    for subject in SUBJECTS {
        let doors = [
            ("get", ""),
            ("post", ""),
            ("get", "/{id}"),
            ("patch", "/{id}"),
            ("delete", "/{id}"),
            ("post", "/{id}/restore"),
            ("get", "/{id}/history"),
            ("post", "/batch"),
            ("get", "/export"),
            ("get", "/stats"),
            ("get", "/{id}/timeline"),
        ];
        let doors = doors.map(|(method, more)| claim(method, &format!("{}{more}", subject.list())));
        claimed.extend(subject.figures().map(|path| claim("get", &path)));
        claimed.extend(doors.into_iter().filter(|(method, path)| has(method, path)));
    }
    for relation in RELATIONS {
        claimed.insert(claim("get", &format!("/api/v1/{}/{{id}}/{}", relation.from, relation.name)));
        let join = format!("/api/v1{}", relation.join);
        let methods = ["get", "put", "patch", "delete"].into_iter().filter(|method| has(method, &join));
        claimed.extend(methods.map(|method| claim(method, &join)));
    }
    claimed
}

#[test]
fn every_operation_of_the_document_is_claimed_by_a_test_of_who_may_call_it() {
    let documented: BTreeSet<_> = operations().iter().map(|one| (one.method.clone(), plain(&one.path))).collect();
    let claimed = claimed();
    let forgotten: Vec<_> = documented.difference(&claimed).collect();
    assert!(forgotten.is_empty(), "no test says who may call these: {forgotten:#?}");
    let gone: Vec<_> = claimed.difference(&documented).collect();
    assert!(gone.is_empty(), "these are claimed and not there: {gone:#?}");
    for subject in SUBJECTS {
        assert!(has("get", &subject.list()), "{} has no list", subject.label);
    }
}

#[test]
fn what_is_tested_elsewhere_is_tested_where_its_reason_says() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (method, path, reason) in ELSEWHERE {
        let (_, file) = reason.split_once("; ").unwrap_or_else(|| panic!("{method} {path} names no file"));
        let text = std::fs::read_to_string(tests.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        // The last word of a path that is not a parameter stands in any test of it.
        let word = path.rsplit('/').find(|word| !word.is_empty() && !word.starts_with('{')).unwrap();
        assert!(text.contains(word), "{file} does not speak of {word}, as in {method} {path}");
    }
}

#[test]
fn everything_that_can_be_inlined_and_every_field_that_names_a_record_is_in_the_matrix() {
    for subject in SUBJECTS.iter().filter(|subject| subject.label == subject.resource) {
        let of_fields = REFERENCES.iter().filter(|one| one.from == subject.label);
        let of_links = RELATIONS.iter().filter(|one| one.from == subject.label).map(|one| one.name);
        let known: BTreeSet<&str> = of_fields.clone().filter_map(|one| one.relation).chain(of_links).collect();
        let inlined: BTreeSet<&str> = expandable(subject.resource).into_iter().collect();
        assert!(inlined.is_subset(&known), "{}: {inlined:?} can be inlined, {known:?} are tried", subject.label);
        let create = operations().into_iter().find(|one| one.is("post", &subject.list())).unwrap();
        let schema = create.value["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
        let schema = crm_api::document().pointer(schema.trim_start_matches('#')).unwrap();
        let fields = schema["properties"].as_object().unwrap().keys().map(String::as_str);
        let naming = fields.filter(|name| name.ends_with("_id") || name.starts_with("participant_"));
        let tried: BTreeSet<&str> = of_fields.map(|one| one.field).collect();
        assert_eq!(naming.collect::<BTreeSet<_>>(), tried, "{}", subject.label);
    }
}

#[actix_web::test]
async fn every_guarded_operation_refuses_whoever_is_nobody_with_401() {
    for app in TestApp::each().await {
        let (anonymous, stranger) = (app.anonymous(), app.with_token(&format!("crm_at_{}", "z".repeat(43))));
        let key = app.with_token(&format!("crm_ak_{}", "z".repeat(43)));
        let mut guarded = 0;
        for operation in operations().into_iter().filter(Operation::is_guarded) {
            guarded += 1;
            for client in [&anonymous, &stranger, &key] {
                let answer = operation.send(client).await;
                assert_eq!(answer.status, 401, "{} {}: {}", operation.method, operation.path, answer.text());
            }
        }
        assert!(guarded > 40, "only {guarded} operations are guarded");
    }
}

/// What needs no permission because it is about oneself, or shows no more than other permissions do, and its answer.
const OF_ONESELF: [(&str, &str, u16); 14] = [
    ("post", "/api/v1/auth/logout", 204),
    ("get", "/api/v1/auth/me", 200),
    ("post", "/api/v1/auth/password", 422),
    ("get", "/api/v1/auth/sessions", 200),
    ("delete", "/api/v1/auth/sessions/{id}", 404),
    ("get", "/api/v1/auth/api-keys", 200),
    ("post", "/api/v1/auth/api-keys", 422),
    ("delete", "/api/v1/auth/api-keys/{id}", 404),
    ("post", "/api/v1/auth/totp", 200),
    ("post", "/api/v1/auth/totp/confirm", 422),
    ("delete", "/api/v1/auth/totp", 422),
    ("get", "/api/v1/access/explain", 200),
    ("post", "/api/v1/realtime/tickets", 200),
    ("get", "/api/v1/realtime", 400),
];

#[actix_web::test]
async fn every_guarded_operation_refuses_a_role_without_any_rule_with_403() {
    for app in TestApp::each().await {
        app.ann().post("/api/v1/organisations", json!({"name": "Abc"})).await.expect(201);
        let nothing = firm::with_role(&app, "nothing", &[], Some(TestApp::team_id("north"))).await;
        for operation in operations().into_iter().filter(Operation::is_guarded) {
            let client = app.sign_in(nothing.id.unwrap());
            let answer = operation.send(&client).await;
            let own = OF_ONESELF.iter().find(|(method, path, _)| operation.is(method, path));
            // A batch that is refused as a whole says so of each operation.
            let expected =
                if operation.path.ends_with("/batch") { 422 } else { own.map_or(403, |(.., status)| *status) };
            assert_eq!(answer.status, expected, "{} {}: {}", operation.method, operation.path, answer.text());
            if operation.path.ends_with("/batch") {
                assert_eq!(answer.json()["results"][0]["status"], 403, "{}", answer.text());
            }
            if let Some(items) = answer.json().get("items").filter(|_| !operation.path.contains("/auth/")) {
                assert_eq!(items, &json!([]), "{} shows something", operation.path);
            }
        }
    }
}
