//! Canaries: every field of every record holds a mark of its own, and nobody ever sees one that is not theirs to see.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use crm_domain::{
    TeamId, UserId,
    access::{BuiltInRole, Ownership, Reach, Scope},
};
use crm_testkit::{Answer, Client, TestApp, TestDatabase};
use serde_json::{Value, json};
use slog::{Drain, Logger, OwnedKVList, Record};
use uuid::Uuid;

use crate::{
    BASE,
    coverage::operations,
    firm,
    registry::{Owned, SUBJECTS, Subject},
};

/// Eight users in three teams, and how far each of them reads.
const USERS: [(&str, usize, Reach); 8] = [
    ("canary0", 0, Reach::Team),
    ("canary1", 0, Reach::Team),
    ("canary2", 0, Reach::Own),
    ("canary3", 1, Reach::Team),
    ("canary4", 1, Reach::Team),
    ("canary5", 1, Reach::Own),
    ("canary6", 2, Reach::Team),
    ("canary7", 2, Reach::Own),
];

/// How many records each of them owns of each resource.
const RECORDS: usize = 2;

/// Marks look like nothing else, and are one word however they are folded.
fn mark(number: usize) -> String {
    format!("zq{number:06}qz")
}

/// All marks in a text, whatever their case.
fn marks(text: &str) -> BTreeSet<usize> {
    let text = text.to_ascii_lowercase();
    let places = text.match_indices("zq").filter_map(|(at, _)| text.get(at + 2..at + 10)?.strip_suffix("qz"));
    places.filter_map(|digits| digits.parse().ok()).collect()
}

/// A log that is kept in memory.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<String>>);

impl Drain for Kept {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), slog::Never> {
        struct Words(String);
        impl slog::Serializer for Words {
            fn emit_arguments(&mut self, key: slog::Key, value: &std::fmt::Arguments<'_>) -> slog::Result {
                use std::fmt::Write;
                write!(self.0, " {key}={value}").map_err(slog::Error::from)
            }
        }
        let mut words = Words(record.msg().to_string());
        let _texts_cannot_fail =
            (slog::KV::serialize(&record.kv(), record, &mut words), slog::KV::serialize(values, record, &mut words));
        self.0.lock().unwrap().push_str(&(words.0 + "\n"));
        Ok(())
    }
}

struct User {
    client: Client,
    scope: Scope,
    own: Owned,
}

/// One record: what it holds, and whose it is.
struct Bird {
    subject: &'static Subject,
    id: Uuid,
    owned: Owned,
    /// Its fields with a mark each.
    fields: BTreeMap<String, usize>,
}

struct Aviary {
    app: TestApp,
    users: Vec<User>,
    birds: Vec<Bird>,
    marks: usize,
    log: Kept,
    answers: usize,
}

impl Aviary {
    async fn over(test: TestDatabase) -> Self {
        let log = Kept::default();
        let app = TestApp::spawn_with_log(test, Logger::root(log.clone().fuse(), slog::o!())).await;
        let mut aviary = Self { app, users: Vec::new(), birds: Vec::new(), marks: 0, log, answers: 0 };
        aviary.people_it().await;
        aviary.fill().await;
        aviary
    }

    async fn people_it(&mut self) {
        let mut teams: Vec<TeamId> = Vec::new();
        for name in ["one", "two", "three"] {
            let team = self.app.ann().post(&format!("{BASE}/teams"), json!({"name": name})).await.expect(201).json();
            teams.push(TeamId::parse(team["id"].as_str().unwrap()).unwrap());
        }
        let clerk = firm::with_role(&self.app, "clerk", &firm_rules(), None).await;
        let role = self.app.ann().get(&format!("{BASE}/users/{}", clerk.id.unwrap())).await.json()["role_id"].clone();
        for (name, team, reach) in USERS {
            let role = if reach == Reach::Own { role.clone() } else { json!(BuiltInRole::User.id()) };
            let team = teams[team];
            let caller = firm::user(&self.app, name, &role, Some(team)).await;
            let user: UserId = caller.id.unwrap();
            let scope = if reach == Reach::Own { Scope::Own { user } } else { Scope::Team { user, team } };
            self.users.push(User { client: caller.client, scope, own: Owned::by(Some(user), Some(team)) });
        }
    }

    /// Gives each user their records, each field that takes a mark holding one.
    async fn fill(&mut self) {
        for subject in SUBJECTS.iter().filter(|subject| subject.is_owned_by_its_body()) {
            let fields = self.fields(subject).await;
            assert!(fields.len() >= 2, "{} has hardly a field for a mark: {fields:?}", subject.label);
            for user in 0..self.users.len() {
                for _ in 0..RECORDS {
                    let mut body = (subject.body)("x");
                    let mut held = BTreeMap::new();
                    for (field, form) in &fields {
                        self.marks += 1;
                        body[field] = form(&mark(self.marks));
                        held.insert(field.clone(), self.marks);
                    }
                    let owned = self.users[user].own;
                    let id = subject.make_with(&self.app, body, owned).await;
                    self.birds.push(Bird { subject, id, owned, fields: held });
                }
            }
        }
    }

    /// The fields of a resource that take a mark, found out by trying each field of the document.
    async fn fields(&mut self, subject: &Subject) -> Vec<(String, fn(&str) -> Value)> {
        const FORMS: [fn(&str) -> Value; 4] = [
            |mark| json!(mark),
            |mark| json!(format!("{mark}@example.com")),
            |mark| json!(format!("https://{mark}.example.com/")),
            |mark| json!([mark]),
        ];
        let create = operations().into_iter().find(|one| one.method == "post" && one.path == subject.list()).unwrap();
        let schema = create.value["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
        let schema = crm_api::document().pointer(schema.trim_start_matches('#')).unwrap();
        let mut fields = Vec::new();
        for field in schema["properties"].as_object().unwrap().keys() {
            for form in FORMS {
                self.marks += 1;
                let mut body = (subject.body)("x");
                body[field] = form(&mark(self.marks));
                let answer = self.app.ann().post(&subject.list(), body).await;
                if answer.status == 201 {
                    // What only a trial has made must not be found later.
                    let id = answer.json()["id"].as_str().unwrap().parse().unwrap();
                    subject.delete(&self.app, id).await;
                    fields.push((field.clone(), form));
                    break;
                }
            }
        }
        fields
    }

    fn allowed(&self, user: usize) -> BTreeSet<usize> {
        let birds = self.birds.iter().filter(|bird| {
            let Owned { by, team, .. } = bird.owned;
            self.users[user].scope.admits(&Ownership {
                owner_id: by,
                team_id: team,
                created_by: None,
                assignee_id: None,
            })
        });
        birds.flat_map(|bird| bird.fields.values().copied()).collect()
    }

    /// Every door as this user; how many answers showed something.
    async fn crawl(&mut self, user: usize) -> usize {
        let allowed = self.allowed(user);
        assert!(!allowed.is_empty() && allowed.len() < self.marks);
        let client = self.users[user].client.clone();
        let mut crawler = Crawler { client, allowed, answers: 0, shown: BTreeSet::new() };
        for bird in &self.birds {
            crawler.record(bird).await;
            for (field, number) in &bird.fields {
                crawler.mark(bird.subject, field, *number).await;
            }
        }
        let subjects: Vec<&Subject> = SUBJECTS.iter().filter(|subject| subject.label == subject.resource).collect();
        for subject in subjects {
            crawler.lists(subject).await;
        }
        crawler.get("/changes?limit=200").await;
        crawler.get("/imports").await;
        // What is to be seen has been seen: the crawl is no crawl of empty answers.
        assert_eq!(crawler.shown, crawler.allowed, "user {user} saw less than they may");
        self.answers += crawler.answers;
        crawler.shown.len()
    }
}

fn firm_rules() -> Vec<crm_domain::access::Rule> {
    use crm_domain::access::{Action, Resource, Rule};
    let all = crm_domain::names_of::<Resource>().into_iter().map(|name| name.parse::<Resource>().unwrap());
    let actions = [Action::Create, Action::Read, Action::Update, Action::Delete, Action::Export, Action::Import];
    all.flat_map(|resource| actions.map(|action| Rule { resource, action, reach: Reach::Own })).collect()
}

struct Crawler {
    client: Client,
    allowed: BTreeSet<usize>,
    shown: BTreeSet<usize>,
    answers: usize,
}

impl Crawler {
    /// Looks at all of an answer.
    fn seen(&mut self, told: &str, answer: &Answer) {
        self.answers += 1;
        assert!(answer.status < 500, "{told}: {}", answer.text());
        let headers = answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}\n"));
        let found = marks(&(headers.collect::<String>() + &answer.text()));
        let foreign: Vec<_> = found.difference(&self.allowed).collect();
        assert!(foreign.is_empty(), "{told} shows the marks {foreign:?} of others:\n{}", answer.text());
        self.shown.extend(found);
    }

    async fn get(&mut self, path: &str) -> Value {
        let answer = self.client.get(&format!("{BASE}{path}")).await;
        self.seen(path, &answer);
        answer.json()
    }

    async fn send(&mut self, method: &str, path: &str, version: &str, body: &Value) {
        let headers = [("If-Match", version), ("Content-Type", "application/json")];
        let answer = self.client.raw(method, path, &headers, body.to_string().into_bytes()).await;
        self.seen(&format!("{method} {path}"), &answer);
    }

    /// All that can be asked of one record, seen or not; nothing of it changes the record.
    async fn record(&mut self, bird: &Bird) {
        let (resource, id) = (bird.subject.resource, bird.id);
        for more in ["", "/history", "/organisations", "/people"] {
            self.get(&format!("/{resource}/{id}{more}")).await;
        }
        self.get(&format!("/{resource}?id={id}&total=exact")).await;
        self.get(&format!("/access/explain?resource={resource}&action=update&id={id}")).await;
        let path = bird.subject.record(id);
        // The version of before, a field that there is not, and a deletion of a version that is not yet.
        self.send("PATCH", &path, "\"7\"", &json!({"notes": "x"})).await;
        self.send("PATCH", &path, "\"1\"", &json!({"colour": "red"})).await;
        self.send("DELETE", &path, "\"7\"", &json!(null)).await;
        self.send("POST", &format!("{path}/restore"), "*", &json!(null)).await;
        let operations =
            json!([{"op": "update", "id": id, "version": 7, "data": {}}, {"op": "delete", "id": id, "version": 7}]);
        let batch = json!({"operations": operations, "atomic": true});
        self.send("POST", &format!("{}/batch", bird.subject.list()), "*", &batch).await;
    }

    /// All that finds a record by what a field holds.
    async fn mark(&mut self, subject: &Subject, field: &str, number: usize) {
        let (resource, word) = (subject.resource, mark(number));
        let mine = self.allowed.contains(&number);
        for path in [format!("/search?q={word}"), format!("/{resource}?q={word}&total=exact")] {
            let answer = self.get(&path).await;
            let is_empty = answer["items"].as_array().is_none_or(Vec::is_empty);
            assert!(mine || is_empty, "{path} finds something");
            assert!(mine || answer["total"].as_i64().unwrap_or(0) == 0, "{path} counts something");
        }
        let filter = if field == "tags" || field == "strategies" { format!("{field}.any") } else { field.to_owned() };
        let answer = self.get(&format!("/{resource}?{filter}={word}&total=exact")).await;
        assert!(mine || answer["total"].as_i64().unwrap_or(0) == 0, "{resource} counts by {field}");
        // A value that somebody else's record has may be refused, but says nothing about that record.
        if field == "email" || field.ends_with("_number") {
            let mut body = (subject.body)("x");
            body[field] = if field == "email" { json!(format!("{word}@example.com")) } else { json!(word) };
            if !mine {
                let path = format!("{}/batch", subject.list());
                let fails = json!({"op": "update", "id": crate::MISSING, "version": 1, "data": {}});
                let batch = json!({"operations": [{"op": "create", "data": body}, fails], "atomic": true});
                let answer = self.client.post(&path, batch).await;
                // The record that was tried is told back; what it holds was in the request.
                let told = answer.text().replace(&word, "").replace(&word.to_uppercase(), "");
                assert!(marks(&told).is_subset(&self.allowed), "{told}");
                self.answers += 1;
            }
        }
    }

    /// The lists in their orders, page by page and as a whole, with what can be inlined, and as files.
    async fn lists(&mut self, subject: &Subject) {
        let resource = subject.resource;
        let list = operations().into_iter().find(|one| one.method == "get" && one.path == subject.list()).unwrap();
        let parameters = list.value["parameters"].as_array().unwrap();
        let words = |name: &str| -> Vec<String> {
            let parameter = parameters.iter().find(|one| one["name"] == name);
            let words = parameter.and_then(|one| one["schema"]["items"]["enum"].as_array()).into_iter().flatten();
            words.map(|word| word.as_str().unwrap().to_owned()).collect()
        };
        for sort in words("sort") {
            self.get(&format!("/{resource}?limit=200&total=exact&sort={sort}")).await;
            let mut cursor = String::new();
            loop {
                let page = self.get(&format!("/{resource}?limit=3&sort={sort}{cursor}")).await;
                let Some(next) = page["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
        }
        for relation in words("expand") {
            self.get(&format!("/{resource}?limit=200&expand={relation}")).await;
        }
        for more in ["/stats", "/export", "/export?format=csv"] {
            self.get(&format!("/{resource}{more}")).await;
        }
    }
}

async fn fly(test: TestDatabase) {
    let (began, name) = (crate::stopwatch(), test.name());
    let mut aviary = Aviary::over(test).await;
    let (mut shown, birds) = (0, aviary.birds.len());
    for user in 0..USERS.len() {
        shown += aviary.crawl(user).await;
    }
    let log = aviary.log.0.lock().unwrap().clone();
    assert!(log.lines().count() > aviary.answers, "each request is logged");
    assert!(marks(&log).is_empty(), "the log holds marks: {:?}", marks(&log));
    println!(
        "{name}: {} answers to {} users about {birds} records with {} marks, of which {shown} were seen by those who may, in {:?}",
        aviary.answers,
        USERS.len(),
        aviary.marks,
        began.elapsed()
    );
    assert!(aviary.answers >= 10_000, "only {} answers", aviary.answers);
}

#[actix_web::test]
async fn no_answer_and_no_log_ever_shows_a_mark_to_whom_it_is_not_meant_on_sqlite() {
    fly(TestDatabase::sqlite()).await;
}

#[actix_web::test]
async fn no_answer_and_no_log_ever_shows_a_mark_to_whom_it_is_not_meant_on_postgres() {
    if let Some(test) = TestDatabase::postgres() {
        fly(test).await;
    }
}
