//! The matrix: each caller at each door of each resource, for each kind of record. What is refused changes nothing.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use crm_testkit::{Answer, Observer, TestApp, TestDatabase};
use serde_json::json;
use uuid::Uuid;

use crate::{
    BASE, MISSING,
    coverage::has,
    firm::{Caller, callers},
    registry::{Owned, REFERENCES, RELATIONS, SUBJECTS, Subject, delete},
    stored::{self, HOME},
};

/// Whose the record is that a caller tries a door for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Own,
    SameTeam,
    OtherTeam,
    Unowned,
    Deleted,
    Assigned,
}

pub const KINDS: [(Kind, &str); 5] = [
    (Kind::Own, "own"),
    (Kind::SameTeam, "same team"),
    (Kind::OtherTeam, "other team"),
    (Kind::Unowned, "unowned"),
    (Kind::Deleted, "own, deleted"),
];

/// Of another team, and assigned to whoever tries: of resources whose records are.
const ASSIGNED: (Kind, &str) = (Kind::Assigned, "assigned");

/// The ways to a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Door {
    Read,
    List,
    Count,
    Query,
    Search,
    Statistics,
    Figures,
    Export,
    History,
    Timeline,
    Changes,
    Explain,
    Update,
    Batch,
    Delete,
    Restore,
}

const DOORS: [(Door, &str); 16] = [
    (Door::Read, "read"),
    (Door::List, "list"),
    (Door::Count, "count"),
    (Door::Query, "list by words"),
    (Door::Search, "search"),
    (Door::Statistics, "statistics"),
    (Door::Figures, "figures"),
    (Door::Export, "export"),
    (Door::History, "history"),
    (Door::Timeline, "timeline"),
    (Door::Changes, "changes"),
    (Door::Explain, "explain"),
    (Door::Update, "update"),
    (Door::Batch, "update by batch"),
    (Door::Delete, "delete"),
    (Door::Restore, "restore"),
];

impl Door {
    /// Whether the document has it for this resource.
    fn is_there(self, subject: &Subject) -> bool {
        let of = |method: &str, more: &str| has(method, &format!("{}{more}", subject.list()));
        match self {
            Self::Read | Self::Explain => of("get", "/{id}"),
            Self::List | Self::Count | Self::Query => of("get", ""),
            Self::Search => searched().contains(&subject.resource.to_owned()),
            Self::Statistics => of("get", "/stats"),
            Self::Figures => subject.figures().is_some(),
            Self::Export => of("get", "/export"),
            Self::History => of("get", "/{id}/history"),
            Self::Timeline => of("get", "/{id}/timeline"),
            Self::Changes => has("get", "/api/v1/changes"),
            Self::Update => of("patch", "/{id}"),
            Self::Batch => of("post", "/batch"),
            Self::Delete => of("delete", "/{id}"),
            Self::Restore => of("post", "/{id}/restore"),
        }
    }

    /// Whether going through it changes the record, so that each caller needs one of their own.
    fn changes(self) -> bool {
        matches!(self, Self::Update | Self::Batch | Self::Delete | Self::Restore)
    }
}

/// What `/search` looks through.
fn searched() -> Vec<String> {
    let parameters = crm_api::document()["paths"]["/api/v1/search"]["get"]["parameters"].as_array().unwrap();
    let types = parameters.iter().find(|parameter| parameter["name"] == "types").unwrap();
    types["schema"]["items"]["enum"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

pub struct Matrix {
    pub app: TestApp,
    pub callers: Vec<Caller>,
    pub observer: Observer,
    position: String,
    marks: usize,
    tried: usize,
    refused: usize,
}

/// A record that somebody tries a door for.
pub struct Target {
    pub id: Uuid,
    mark: String,
    /// The position of the change log before it was made.
    position: String,
}

impl Matrix {
    async fn over(test: TestDatabase) -> Self {
        let app = TestApp::spawn(test).await;
        stored::home(&app);
        let callers = callers(&app).await;
        let observer = Observer::of(&app.test);
        Self { app, callers, observer, position: "0".to_owned(), marks: 0, tried: 0, refused: 0 }
    }

    pub fn owned(&self, caller: usize, kind: Kind) -> Owned {
        let (north, south) = (Some(TestApp::team_id("north")), Some(TestApp::team_id("south")));
        // Somebody else of the team, whoever asks.
        let colleague = if self.callers[caller].name == "read_only" { "uma" } else { "rita" };
        match kind {
            Kind::Own | Kind::Deleted => self.callers[caller].own(),
            Kind::SameTeam => Owned::by(Some(TestApp::user_id(colleague)), north),
            Kind::OtherTeam => Owned::by(Some(TestApp::user_id("otto")), south),
            Kind::Unowned => Owned::by(None, None),
            Kind::Assigned => {
                Owned { assigned: self.callers[caller].own().by, ..Owned::by(Some(TestApp::user_id("otto")), south) }
            }
        }
    }

    /// A mark that no record has yet.
    pub fn mark(&mut self) -> String {
        self.marks += 1;
        format!("mark{:06}", self.marks)
    }

    pub async fn target(&mut self, subject: &Subject, caller: usize, kind: Kind, door: Option<Door>) -> Target {
        let mark = self.mark();
        if door.is_some_and(|door| !door.changes()) {
            self.position = last_position(&self.app, &self.position).await;
        }
        let position = self.position.clone();
        let id = subject.make(&self.app, &mark, self.owned(caller, kind)).await;
        if kind == Kind::Deleted || door == Some(Door::Restore) {
            subject.delete(&self.app, id).await;
        }
        Target { id, mark, position }
    }

    /// Sends one request and checks that the database is as before where it is refused.
    async fn cell(&mut self, subject: &Subject, caller: usize, door: Door, target: &Target) -> String {
        let before = self.observer.moment();
        let (status, more) = self.through(subject, caller, door, target).await;
        self.tried += 1;
        if status >= 400 {
            self.refused += 1;
            let who = self.callers[caller].name;
            assert!(
                before == self.observer.moment(),
                "{door:?} of {} was refused to {who} with {status} and changed something",
                subject.label
            );
        }
        format!("{status}{more}")
    }

    async fn through(&self, subject: &Subject, caller: usize, door: Door, target: &Target) -> (u16, &'static str) {
        let (client, Target { id, mark, position }) = (&self.callers[caller].client, target);
        let (record, list) = (subject.record(*id), subject.list());
        let get = async |path: String| client.get(&path).await;
        match door {
            Door::Read => (get(record).await.status, ""),
            Door::History => (get(format!("{record}/history")).await.status, ""),
            Door::Timeline => (get(format!("{record}/timeline")).await.status, ""),
            Door::List => seen(&get(format!("{list}?id={id}")).await, &id.to_string()),
            Door::Count => counted(&get(format!("{list}?id={id}&total=exact&limit=1")).await),
            Door::Query => seen(&get(format!("{list}?q={mark}")).await, &id.to_string()),
            Door::Search => {
                seen(&get(format!("{BASE}/search?q={mark}&types={}", subject.resource)).await, &id.to_string())
            }
            Door::Statistics | Door::Figures => {
                let path = if door == Door::Figures { subject.figures().unwrap() } else { format!("{list}/stats") };
                let (with, without) = (get(format!("{path}?id={id}")).await, get(format!("{path}?id={MISSING}")).await);
                (with.status, if with.status >= 400 { "" } else { sign(with.body != without.body) })
            }
            Door::Export => seen(&get(format!("{list}/export?id={id}")).await, &id.to_string()),
            Door::Changes => seen(&get(format!("{BASE}/changes?after={position}&limit=200")).await, &id.to_string()),
            Door::Explain => {
                let path = format!("{BASE}/access/explain?resource={}&action=read&id={id}", subject.resource);
                let answer = get(path).await;
                (answer.status, if answer.status >= 400 { "" } else { sign(answer.json()["is_allowed"] == true) })
            }
            Door::Update => {
                let body = (subject.change)(&format!("{mark}b")).to_string().into_bytes();
                let headers = [("If-Match", "*"), ("Content-Type", "application/json")];
                (client.raw("PATCH", &record, &headers, body).await.status, "")
            }
            Door::Batch => {
                let operation = json!({"op": "update", "id": id, "if_match": "*", "data": (subject.change)(mark)});
                let answer =
                    client.post(&format!("{list}/batch"), json!({"operations": [operation], "atomic": true})).await;
                let inner = answer.json()["results"][0]["status"].as_u64();
                (inner.map_or(answer.status, |status| u16::try_from(status).unwrap()), "")
            }
            Door::Delete => (delete(client, &record).await.status, ""),
            Door::Restore => (client.raw("POST", &format!("{record}/restore"), &[], Vec::new()).await.status, ""),
        }
    }

    async fn subject(&mut self, subject: &Subject, table: &mut String) {
        self.line(table, subject.label, "create", "-", async |matrix: &mut Self, caller| {
            let mut body = (subject.body)(&matrix.mark());
            if body["organisation_id"] == HOME {
                let own = matrix.target(Subject::named("organisations"), caller, Kind::Own, None).await;
                body["organisation_id"] = json!(own.id);
            }
            let before = matrix.observer.moment();
            let answer = matrix.callers[caller].client.post(&subject.list(), body).await;
            matrix.checked(&before, &answer)
        })
        .await;
        if subject.label == subject.resource {
            self.import(subject.resource, table).await;
        }
        let mut shared: BTreeMap<(usize, usize), Target> = BTreeMap::new();
        for (door, name) in DOORS.into_iter().filter(|(door, _)| door.is_there(subject)) {
            // Of two subjects of one resource the second differs by what is changed.
            if subject.label != subject.resource && door != Door::Update {
                continue;
            }
            let assigned = subject.is_assigned().then_some(ASSIGNED);
            for (number, (kind, of)) in KINDS.into_iter().chain(assigned).enumerate() {
                // All are made first: while nobody writes, the database need not be read again to know that it is as it was.
                let mut targets = Vec::new();
                for caller in 0..self.callers.len() {
                    let made = shared.remove(&(caller, number)).filter(|_| !door.changes());
                    targets.push(match made {
                        Some(target) => target,
                        None => self.target(subject, caller, kind, Some(door)).await,
                    });
                }
                let mut cells = Vec::new();
                for (caller, target) in targets.iter().enumerate() {
                    cells.push(self.cell(subject, caller, door, target).await);
                }
                if !door.changes() {
                    let places = (0..).map(|caller| (caller, number));
                    shared.extend(places.zip(targets));
                }
                row(table, subject.label, name, of, &cells);
            }
        }
    }

    /// One row of which each cell is made by this.
    pub async fn line(
        &mut self,
        table: &mut String,
        label: &str,
        door: &str,
        of: &str,
        mut cell: impl AsyncFnMut(&mut Self, usize) -> String,
    ) {
        let mut cells = Vec::new();
        for caller in 0..self.callers.len() {
            cells.push(cell(self, caller).await);
        }
        row(table, label, door, of, &cells);
    }

    /// The cell of an answer; what was refused must have left the database as it was before.
    pub fn checked(&mut self, before: &str, answer: &Answer) -> String {
        self.tried += 1;
        if answer.status >= 400 {
            self.refused += 1;
            assert!(before == self.observer.moment(), "{} changed something", answer.text());
        }
        answer.status.to_string()
    }
}

/// Where the change log ends.
async fn last_position(app: &TestApp, from: &str) -> String {
    let mut position = from.to_owned();
    loop {
        let page = app.ann().get(&format!("{BASE}/changes?after={position}&limit=200")).await.expect(200).json();
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut position),
            None => return position,
        }
    }
}

pub fn sign(is_seen: bool) -> &'static str {
    if is_seen { "+" } else { "-" }
}

/// Whether an answer shows the record.
pub fn seen(answer: &Answer, id: &str) -> (u16, &'static str) {
    (answer.status, if answer.status >= 400 { "" } else { sign(answer.text().contains(id)) })
}

fn counted(answer: &Answer) -> (u16, &'static str) {
    (answer.status, if answer.status >= 400 { "" } else { sign(answer.json()["total"] != 0) })
}

pub fn row(table: &mut String, resource: &str, door: &str, of: &str, cells: &[String]) {
    let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:<11}")).collect();
    writeln!(table, "{}", format!("{resource:<14} {door:<32} {of:<13} {}", cells.join(" ")).trim_end()).unwrap();
}

const HEAD: &str = "\
# Who gets through which door: the answers of the server, over HTTP, on both databases alike.
# A number is the status. + and - say whether the record was shown, where an answer of 200 may or may not show it.
# Do not edit: the test `doors` of crm-api compares it; where it differs, the test writes the present table and says where.

";

async fn compare(test: TestDatabase) {
    let (began, name) = (crate::stopwatch(), test.name());
    let mut matrix = Matrix::over(test).await;
    let mut table = HEAD.to_owned();
    let names: Vec<String> = matrix.callers.iter().map(|caller| caller.name.to_owned()).collect();
    row(&mut table, "resource", "door", "record", &names);
    for subject in SUBJECTS {
        matrix.subject(subject, &mut table).await;
    }
    for relation in RELATIONS {
        matrix.relation(relation, &mut table).await;
    }
    for reference in REFERENCES {
        matrix.reference(reference, &mut table).await;
    }
    matrix.imports(&mut table).await;
    println!(
        "{name}: {} cells, {} of them refused without a change, in {:?}",
        matrix.tried,
        matrix.refused,
        began.elapsed()
    );
    assert!(matrix.refused > 500, "only {} refusals", matrix.refused);
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/access.txt");
    if std::fs::read_to_string(&kept).is_ok_and(|expected| expected == table) {
        return;
    }
    let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("access.{name}.txt"));
    std::fs::write(&written, table).unwrap();
    panic!(
        "the matrix differs from the one that is kept; to see it, and to take it over:\n  diff {1} {0}\n  cp {0} {1}\n",
        written.display(),
        kept.display()
    );
}

#[actix_web::test]
async fn everybody_gets_through_the_doors_of_the_kept_matrix_and_no_other_on_sqlite() {
    compare(TestDatabase::sqlite()).await;
}

#[actix_web::test]
async fn everybody_gets_through_the_doors_of_the_kept_matrix_and_no_other_on_postgres() {
    if let Some(test) = TestDatabase::postgres() {
        compare(test).await;
    }
}
