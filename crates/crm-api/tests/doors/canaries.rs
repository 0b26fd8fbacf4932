//! Canaries: every field of every record holds a mark of its own, and nobody ever sees one that is not theirs to see.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use crm_domain::{
    RoleId, TeamId, UserId,
    access::{Action, Actor, BuiltInRole, Ownership, Reach, Role, policy},
    values::Name,
};
use crm_testkit::{Client, TestApp, TestDatabase};
use serde_json::{Value, json};
use slog::{Drain, Logger, OwnedKVList, Record};
use uuid::Uuid;

use crate::{
    BASE,
    coverage::operations,
    crawler::Crawler,
    firm,
    marks::{FORMS, Form, marks, word},
    registry::{Owned, REFERENCES, RELATIONS, SUBJECTS, Subject},
    stored,
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

/// Whoever is so many places further is of another team.
const ELSEWHERE: usize = 3;

/// What can hold nothing of its own: words of closed lists, small numbers, and names of other records. Every other field of
/// every resource holds a mark.
const UNMARKED: [&str; 24] = [
    "type",
    "category",
    "country_code",
    "language",
    "domicile",
    "pipeline_stage",
    "currency",
    "signature_probability",
    "is_active",
    "consent",
    "status",
    "priority",
    "duration_minutes",
    "recurrence",
    "owner_id",
    "team_id",
    "organisation_id",
    "product_id",
    "person_id",
    "mandate_id",
    "interaction_id",
    "assignee_id",
    "participant_people",
    "participant_users",
];

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
    actor: Actor,
    own: Owned,
}

/// One record: what it holds, and whose it is.
pub struct Bird {
    pub subject: &'static Subject,
    pub id: Uuid,
    owned: Owned,
    /// Its fields with a mark each.
    pub fields: BTreeMap<String, (Value, usize)>,
}

/// A link: where it is read, its two ends, and the marks that it holds.
pub struct Perch {
    pub path: String,
    ends: [usize; 2],
    marks: Vec<usize>,
}

pub struct Aviary {
    app: TestApp,
    users: Vec<User>,
    pub birds: Vec<Bird>,
    pub perches: Vec<Perch>,
    marks: usize,
    log: Kept,
    answers: usize,
    hits: usize,
}

impl Aviary {
    async fn over(test: TestDatabase) -> Self {
        let log = Kept::default();
        let logger = Logger::root(log.clone().fuse(), slog::o!());
        slog::trace!(logger, "what is logged is kept to the last detail");
        let app = TestApp::spawn_with_log(test, logger).await;
        stored::home(&app);
        let mut aviary =
            Self { app, users: Vec::new(), birds: Vec::new(), perches: Vec::new(), marks: 0, log, answers: 0, hits: 0 };
        aviary.people_it().await;
        for subject in SUBJECTS.iter().filter(|subject| subject.label == subject.resource) {
            aviary.fill(subject).await;
        }
        aviary.link().await;
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
        let rules = Role {
            id: RoleId::parse(role.as_str().unwrap()).unwrap(),
            name: Name::parse("clerk").unwrap(),
            rules: firm_rules(),
        };
        for (name, team, reach) in USERS {
            let (role, held) = if reach == Reach::Own {
                (role.clone(), rules.clone())
            } else {
                (json!(BuiltInRole::User.id()), BuiltInRole::User.role())
            };
            let team = Some(teams[team]);
            let caller = firm::user(&self.app, name, &role, team).await;
            let user: UserId = caller.id.unwrap();
            let (actor, own) = (Actor::user(user, team, held), Owned::by(Some(user), team));
            self.users.push(User { client: caller.client, actor, own });
        }
    }

    fn next(&mut self) -> usize {
        self.marks += 1;
        self.marks
    }

    /// Gives each user a record, each field that takes a mark holding one, and each that names a record one of somebody.
    async fn fill(&mut self, subject: &'static Subject) {
        if !subject.is_owned_by_its_body() {
            for user in 0..self.users.len() {
                let (number, owned) = (self.next(), self.users[user].own);
                let id = subject.make(&self.app, &word(number), owned).await;
                let fields = BTreeMap::from([("name".to_owned(), (json!(word(number)), number))]);
                self.birds.push(Bird { subject, id, owned, fields });
            }
            return;
        }
        let forms = self.forms(subject).await;
        for user in 0..self.users.len() {
            let mut body = (subject.body)("x");
            let mut fields = BTreeMap::new();
            for (field, form) in &forms {
                let number = self.next();
                body[field] = form(field, number);
                fields.insert(field.clone(), (body[field].clone(), number));
            }
            let mut owned = self.users[user].own;
            let names = REFERENCES.iter().filter(|one| one.from == subject.label && !one.field.starts_with("owner"));
            let names = names.filter(|one| one.field != "team_id" && is_about(one.field, subject, user));
            for (place, reference) in names.enumerate() {
                // Their own, and somebody's of another team, in turns.
                let whose = (user + ELSEWHERE * (place % 2)) % self.users.len();
                let far = self.users[whose].own.by.unwrap();
                let id =
                    if reference.to == "users" { far.uuid() } else { self.birds[self.bird(reference.to, whose)].id };
                body[reference.field] = reference.value(&id.to_string());
                if reference.field == "assignee_id" {
                    owned.assigned = Some(far);
                }
            }
            let id = subject.make_with(&self.app, body, owned).await;
            self.birds.push(Bird { subject, id, owned, fields });
        }
    }

    /// The record of this resource that this user owns.
    fn bird(&self, resource: &str, user: usize) -> usize {
        let owner = self.users[user].own.by;
        self.birds.iter().position(|bird| bird.subject.resource == resource && bird.owned.by == owner).unwrap()
    }

    /// Links what each user has with what they have, and with what somebody of another team has.
    async fn link(&mut self) {
        for relation in RELATIONS {
            for user in 0..self.users.len() {
                for whose in [user, (user + ELSEWHERE) % self.users.len()] {
                    let ends = [self.bird(relation.from, user), self.bird(relation.to, whose)];
                    let [from, to] = ends.map(|end| self.birds[end].id.to_string());
                    let path = format!("{BASE}{}", relation.join.replace("{from}", &from).replace("{to}", &to));
                    // Put once more from its other end it would leave marks that only the change log still knows.
                    if self.perches.iter().any(|perch| perch.path == path) {
                        continue;
                    }
                    let (mut body, mut marks) = (json!({}), Vec::new());
                    if relation.join.contains("people") {
                        let fields = [("job_title", 0), ("notes", 0), ("work_email", 1), ("work_phone", 6)];
                        for (field, form) in fields {
                            marks.push(self.next());
                            body[field] = FORMS[form](field, self.marks);
                        }
                    }
                    let put = self.app.ann().put(&path, body).await;
                    assert!(put.status < 300, "{}", put.text());
                    self.perches.push(Perch { path, ends, marks });
                }
            }
        }
    }

    /// The fields of a resource that take a mark, found out by trying each field of the document.
    async fn forms(&mut self, subject: &Subject) -> Vec<(String, Form)> {
        let create = operations().into_iter().find(|one| one.method == "post" && one.path == subject.list()).unwrap();
        let schema = create.value["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
        let schema = crm_api::document().pointer(schema.trim_start_matches('#')).unwrap();
        let mut fields = Vec::new();
        for field in schema["properties"].as_object().unwrap().keys() {
            let mut takes = None;
            for form in FORMS.into_iter().filter(|_| !UNMARKED.contains(&field.as_str())) {
                let mut body = (subject.body)("x");
                body[field] = form(field, self.next());
                let answer = self.app.ann().post(&subject.list(), body).await;
                if answer.status == 201 {
                    // What only a trial has made must not be found later.
                    let id = answer.json()["id"].as_str().unwrap().parse().unwrap();
                    subject.delete(&self.app, id).await;
                    takes = Some(form);
                    break;
                }
            }
            assert!(takes.is_some() || UNMARKED.contains(&field.as_str()), "{}.{field} takes no mark", subject.label);
            fields.extend(takes.map(|form| (field.clone(), form)));
        }
        fields
    }

    /// Whether this user may see the record.
    fn sees(&self, user: usize, bird: &Bird) -> bool {
        let resource = bird.subject.resource.parse().unwrap();
        let why = policy::explain(&self.users[user].actor, resource, Action::Read);
        let Owned { by, team, assigned, .. } = bird.owned;
        let record = Ownership { owner_id: by, team_id: team, created_by: None, assignee_id: assigned };
        why.is_some_and(|why| why.scope().admits(&record))
    }

    fn allowed(&self, user: usize) -> BTreeSet<usize> {
        let birds = self.birds.iter().filter(|bird| self.sees(user, bird));
        let of_birds = birds.flat_map(|bird| bird.fields.values().map(|(_, number)| *number));
        let seen = |perch: &&Perch| perch.ends.iter().all(|end| self.sees(user, &self.birds[*end]));
        let of_links = self.perches.iter().filter(seen).flat_map(|perch| perch.marks.iter().copied());
        of_birds.chain(of_links).collect()
    }

    /// Every door as this user; how many marks were seen.
    async fn crawl(&mut self, user: usize) -> usize {
        let allowed = self.allowed(user);
        assert!(!allowed.is_empty() && allowed.len() < self.marks);
        let mut crawler = Crawler::new(self.users[user].client.clone(), allowed);
        crawler.everything(self).await;
        // What is to be seen has been seen: the crawl is no crawl of empty answers.
        let unseen: Vec<_> = crawler.allowed.difference(&crawler.shown).collect();
        assert!(unseen.is_empty(), "user {user} saw less than they may: {unseen:?}");
        self.answers += crawler.answers;
        self.hits += crawler.hits;
        crawler.shown.len()
    }
}

fn firm_rules() -> Vec<crm_domain::access::Rule> {
    use crm_domain::access::{Resource, Rule};
    let all = crm_domain::names_of::<Resource>().into_iter().map(|name| name.parse::<Resource>().unwrap());
    let actions = [Action::Create, Action::Read, Action::Update, Action::Delete, Action::Export, Action::Import];
    all.flat_map(|resource| actions.map(|action| Rule { resource, action, reach: Reach::Own })).collect()
}

async fn fly(test: TestDatabase) {
    let (began, name) = (crate::stopwatch(), test.name());
    let mut aviary = Aviary::over(test).await;
    let (mut shown, birds) = (0, aviary.birds.len());
    for user in 0..USERS.len() {
        shown += aviary.crawl(user).await;
    }
    let log = aviary.log.0.lock().unwrap().clone();
    assert!(log.contains("to the last detail"), "the log is kept at trace level");
    assert!(log.lines().count() > aviary.answers, "each request is logged");
    assert!(marks(&log).is_empty(), "the log holds marks: {:?}", marks(&log));
    println!(
        "{name}: {} answers, {} of them kept ones, to {} users about {birds} records with {} marks, of which {shown} were seen by those who may, in {:?}",
        aviary.answers,
        aviary.hits,
        USERS.len(),
        aviary.marks,
        began.elapsed()
    );
    assert!(aviary.answers >= 10_000, "only {} answers", aviary.answers);
    assert!(aviary.hits >= 4_000, "only {} answers came from the cache", aviary.hits);
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

/// A task is about one record: of each user's tasks about one of another kind.
fn is_about(field: &str, subject: &Subject, user: usize) -> bool {
    let about = ["organisation_id", "person_id", "mandate_id", "interaction_id"];
    subject.label != "tasks" || !about.contains(&field) || about[user % about.len()] == field
}
