//! What one may not see and what is not there are the same to the byte, whatever one asks.

use crm_domain::access::{Action, Reach, Resource, Rule};
use crm_testkit::{Answer, Client, TestApp};
use serde_json::json;

use crate::{
    BASE, MISSING,
    coverage::{Operation, has, operations},
    firm,
    registry::{Owned, REFERENCES, RELATIONS, SUBJECTS, Subject},
    stored::{self, HOME},
};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// All that an answer is, but for the id of its request, which is the same here.
fn whole(answer: &Answer, id: &str) -> String {
    let mut headers: Vec<String> =
        answer.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    headers.sort();
    let text = format!("{}\n{}\n\n{}", answer.status, headers.join("\n"), answer.text());
    // What the request itself said may come back.
    text.replace(id, "«id»")
}

/// Somebody who may do everything with what is their own, and sees nothing else.
pub async fn owner(app: &TestApp) -> firm::Caller {
    let all = crm_domain::names_of::<Resource>().into_iter().map(|name| name.parse().unwrap());
    let actions = crm_domain::names_of::<Action>().into_iter().map(|name| name.parse::<Action>().unwrap());
    let actions: Vec<Action> = actions.collect();
    let rules = all.flat_map(|resource: Resource| {
        actions.iter().map(move |action| Rule { resource, action: *action, reach: Reach::Own })
    });
    firm::with_role(app, "owner", &rules.collect::<Vec<_>>(), Some(TestApp::team_id("north"))).await
}

pub struct Pair<'a> {
    client: &'a Client,
    hidden: String,
    /// An id that no record has, and that nobody has asked for before: the cache knows neither of the two better.
    missing: String,
    pub compared: usize,
}

impl<'a> Pair<'a> {
    pub fn new(client: &'a Client, hidden: String) -> Self {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = 0x8000_0002_0000_0000 + NEXT.fetch_add(1, Ordering::Relaxed);
        let missing = uuid::Uuid::from_u64_pair(0x0193_8a3c_5f00_7000, number).to_string();
        Self { client, hidden, missing, compared: 0 }
    }

    /// Sends one request about the hidden record and the same about a missing one.
    async fn same(
        &mut self,
        method: &str,
        path: impl Fn(&str) -> String,
        headers: &[(&str, &str)],
        body: impl Fn(&str) -> String,
    ) -> u16 {
        let mut headers = headers.to_vec();
        headers.push(("X-Request-Id", "hidden-or-missing"));
        let send = async |id: &str| {
            let answer = self.client.raw(method, &path(id), &headers, body(id).into_bytes()).await;
            (answer.status, whole(&answer, id))
        };
        let ((status, hidden), (_, missing)) = (send(&self.hidden).await, send(&self.missing).await);
        assert_eq!(hidden, missing, "{method} {} {headers:?}", path("{id}"));
        assert!(status < 500, "{hidden}");
        self.compared += 1;
        status
    }
}

/// Sends an operation about one record with every condition and body.
pub async fn try_operation(pair: &mut Pair<'_>, operation: &Operation, change: &str) {
    let method = operation.method.to_uppercase();
    let others = operation.parameters().len() - 1;
    let path = |id: &str| operation.filled(&[&[id][..], &vec![MISSING; others]].concat());
    let takes_json = operation.value["requestBody"].is_object();
    let bodies: &[&str] = if takes_json { &[change, "{}", "{\"colour\": 1}", "{"] } else { &[""] };
    let conditions: &[&[(&str, &str)]] = &[
        &[],
        &[("If-Match", "*")],
        &[("If-Match", "\"1\"")],
        &[("If-Match", "\"7\"")],
        &[("If-None-Match", "\"1\"")],
        &[("If-None-Match", "*")],
        &[("Idempotency-Key", "one")],
    ];
    for body in bodies {
        for conditions in conditions {
            let mut headers = conditions.to_vec();
            if takes_json {
                headers.push(JSON);
            }
            // Keys belong to paths, so the two requests with one key are two all the same.
            pair.same(&method, path, &headers, |_| (*body).to_owned()).await;
        }
    }
    if let Some(relations) = expandable(operation) {
        for relation in relations {
            pair.same(&method, |id| format!("{}?expand={relation}", path(id)), &[], |_| String::new()).await;
        }
    }
}

fn expandable(operation: &Operation) -> Option<Vec<String>> {
    let expand = operation.value["parameters"].as_array()?.iter().find(|one| one["name"] == "expand")?;
    let names = expand["schema"]["items"]["enum"].as_array()?.iter();
    Some(names.map(|name| name.as_str().unwrap().to_owned()).collect())
}

/// Lists, counts, batches and questions that name a record.
async fn try_lists(pair: &mut Pair<'_>, subject: &Subject) {
    let list = subject.list();
    let there = |more: &str| operations().iter().any(|one| one.path == format!("{list}{more}"));
    let nothing = |_: &str| String::new();
    for query in ["", "&total=exact", "&total=estimated", "&limit=1&sort=-created_at&total=exact"] {
        pair.same("GET", |id| format!("{list}?id={id}{query}"), &[], nothing).await;
        pair.same("GET", |id| format!("{list}?id.in={id},{id}{query}"), &[], nothing).await;
    }
    for more in ["/stats", "/export"] {
        if there(more) {
            pair.same("GET", |id| format!("{list}{more}?id={id}"), &[], nothing).await;
        }
    }
    for action in crm_domain::names_of::<Action>() {
        let question = format!("{BASE}/access/explain?resource={}&action={action}", subject.resource);
        pair.same("GET", |id| format!("{question}&id={id}"), &[], nothing).await;
    }
    if there("/batch") {
        for atomic in [true, false] {
            let batch = |operation: serde_json::Value| json!({"operations": [operation], "atomic": atomic}).to_string();
            let path = format!("{list}/batch");
            let change = (subject.change)("changed");
            for version in [1, 7] {
                let update = |id: &str| batch(json!({"op": "update", "id": id, "version": version, "data": change}));
                pair.same("POST", |_| path.clone(), &[JSON], update).await;
                let delete = |id: &str| batch(json!({"op": "delete", "id": id, "version": version}));
                pair.same("POST", |_| path.clone(), &[JSON], delete).await;
            }
        }
    }
}

#[actix_web::test]
async fn what_is_hidden_and_what_is_missing_are_the_same_to_the_byte() {
    for app in TestApp::each().await {
        stored::home(&app);
        let owner = owner(&app).await;
        let (south, north) = (Some(TestApp::team_id("south")), Some(TestApp::team_id("north")));
        let otto = Some(TestApp::user_id("otto"));
        let hidden_from_all = [Owned::by(otto, south), Owned::by(None, north)];
        let same_team = [Owned::by(Some(TestApp::user_id("rita")), north)];
        let (uma, mut compared) = (app.client("uma"), 0);
        for (number, subject) in SUBJECTS.iter().enumerate() {
            // A user sees users and teams of everybody, and no roles at all: to them only what they own is hidden.
            let is_team_only = subject.is_owned_by_its_body();
            let hidden_from_uma = hidden_from_all.iter().filter(|_| is_team_only).map(|owned| (&uma, *owned));
            let cases =
                hidden_from_all.iter().chain(&same_team).map(|owned| (&owner.client, *owned)).chain(hidden_from_uma);
            // Each of them there, and deleted.
            let cases = cases.flat_map(|(client, owned)| [false, true].map(|is_deleted| (client, owned, is_deleted)));
            for (at, (client, owned, is_deleted)) in cases.enumerate() {
                let id = subject.make(&app, &format!("hidden{number}n{at}"), owned).await;
                if is_deleted {
                    subject.delete(&app, id).await;
                }
                let mut pair = Pair::new(client, id.to_string());
                for operation in operations() {
                    let of_subject = format!("{}/{{", subject.list());
                    if operation.path.starts_with(&of_subject) {
                        try_operation(&mut pair, &operation, &(subject.change)("changed").to_string()).await;
                    }
                }
                try_lists(&mut pair, subject).await;
                compared += pair.compared;
            }
        }
        println!("{}: {compared} pairs of answers were the same", app.test.name());
        assert!(compared > 1_000, "only {compared} pairs");
    }
}

#[actix_web::test]
async fn nobody_can_name_or_link_a_hidden_record_or_learn_that_it_is_there() {
    for app in TestApp::each().await {
        stored::home(&app);
        let owner = owner(&app).await;
        let me = app.ann().get(&format!("{BASE}/users/{}", owner.id.unwrap())).await.expect(200).json();
        let owner_role = &me["role_id"];
        let theirs = Owned::by(Some(TestApp::user_id("otto")), Some(TestApp::team_id("south")));
        let home = Subject::named("organisations").make(&app, "home", owner.own()).await;
        for (number, reference) in REFERENCES.iter().enumerate() {
            let (from, to) = (Subject::named(reference.from), Subject::named(reference.to));
            let hidden = to.make(&app, &format!("named{number}"), theirs).await.to_string();
            let near = from.make(&app, &format!("near{number}"), owner.own()).await;
            if from.label == "users" {
                // Whoever may more than the caller is not theirs to change, whatever else the change says.
                let path = format!("{BASE}/users/{near}");
                let role = json!({"role_id": owner_role}).to_string().into_bytes();
                app.ann().raw("PATCH", &path, &[JSON, ("If-Match", "*")], role).await.expect(200);
            }
            let mut pair = Pair::new(&owner.client, hidden);
            let change = |id: &str| json!({ reference.field: reference.value(id) });
            let create = |id: &str| {
                let mut body = (from.body)(&format!("new{number}"));
                if body["organisation_id"] == HOME {
                    body["organisation_id"] = json!(home);
                }
                body[reference.field] = reference.value(id);
                body
            };
            let told = format!("{}.{}", reference.from, reference.field);
            let headers = [JSON, ("If-Match", "*")];
            let status = pair.same("PATCH", |_| from.record(near), &headers, |id| change(id).to_string()).await;
            assert_eq!(status, 422, "{told}");
            let status = pair.same("POST", |_| from.list(), &headers, |id| create(id).to_string()).await;
            assert_eq!(status, 422, "{told}");
            if has("post", &format!("{}/batch", from.list())) {
                let batch = |id: &str| {
                    let update = json!({"op": "update", "id": near, "if_match": "*", "data": change(id)});
                    let create = json!({"op": "create", "data": create(id)});
                    json!({"operations": [update, create], "atomic": false}).to_string()
                };
                pair.same("POST", |_| format!("{}/batch", from.list()), &headers, batch).await;
            }
        }
        for relation in RELATIONS {
            let hidden = Subject::named(relation.to).make(&app, "linked", theirs).await.to_string();
            let near = Subject::named(relation.from).make(&app, "linking", owner.own()).await.to_string();
            let mut pair = Pair::new(&owner.client, hidden);
            let join = format!("{BASE}{}", relation.join);
            for method in ["GET", "PUT", "PATCH", "DELETE"] {
                if !has(&method.to_lowercase(), &join) {
                    continue;
                }
                for version in ["*", "\"1\"", "\"7\""] {
                    let path = |id: &str| join.replace("{from}", &near).replace("{to}", id);
                    let headers = [JSON, ("If-Match", version)];
                    let status = pair.same(method, path, &headers, |_| "{}".to_owned()).await;
                    assert_eq!(status, 404, "{method} {join}");
                }
            }
        }
    }
}

#[actix_web::test]
async fn hidden_records_leave_no_trace_in_totals_cursors_and_links() {
    for app in TestApp::each().await {
        stored::home(&app);
        let owner = owner(&app).await;
        for subject in SUBJECTS.iter().filter(|subject| subject.is_owned_by_its_body()) {
            let mine = subject.make(&app, "mine", owner.own()).await.to_string();
            for number in 0..5 {
                let hidden = Owned::by(Some(TestApp::user_id("otto")), Some(TestApp::team_id("north")));
                subject.make(&app, &format!("theirs{number}"), hidden).await;
            }
            for sort in ["created_at", "-created_at", "updated_at"] {
                let path = format!("{}?limit=1&total=exact&sort={sort}", subject.list());
                let page = owner.client.get(&path).await.expect(200);
                let body = page.json();
                assert_eq!(
                    (body["items"][0]["id"].as_str(), &body["total"]),
                    (Some(mine.as_str()), &json!(1)),
                    "{path}"
                );
                assert_eq!((&body["next_cursor"], page.header("link")), (&json!(null), ""), "{path}");
            }
            // Somebody else's cursor shows nothing but what one may see.
            let page = app.ann().get(&format!("{}?limit=1&sort=created_at", subject.list())).await.expect(200).json();
            let cursor = page["next_cursor"].as_str().unwrap();
            let path = format!("{}?limit=1&sort=created_at&cursor={cursor}", subject.list());
            let shown = owner.client.get(&path).await.expect(200).json();
            let shown = shown["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap());
            assert!(shown.clone().all(|id| id == mine), "{path}");
        }
    }
}
