//! The matrix: each caller at each door of each resource, for each kind of record. What is refused changes nothing.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use crm_testkit::{Answer, Observer, TestApp, TestDatabase};
use serde_json::json;
use uuid::Uuid;

use crate::{
    BASE, MISSING,
    coverage::has,
    firm::{Caller, callers},
    registry::{Owned, RELATIONS, Relation, SUBJECTS, Subject, delete},
};

/// Whose the record is that a caller tries a door for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Own,
    SameTeam,
    OtherTeam,
    Unowned,
    Deleted,
}

const KINDS: [(Kind, &str); 5] = [
    (Kind::Own, "own"),
    (Kind::SameTeam, "same team"),
    (Kind::OtherTeam, "other team"),
    (Kind::Unowned, "unowned"),
    (Kind::Deleted, "own, deleted"),
];

/// The ways to a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Door {
    Read,
    List,
    Count,
    Query,
    Search,
    Statistics,
    Export,
    History,
    Changes,
    Explain,
    Update,
    Batch,
    Delete,
    Restore,
}

const DOORS: [(Door, &str); 14] = [
    (Door::Read, "read"),
    (Door::List, "list"),
    (Door::Count, "count"),
    (Door::Query, "list by words"),
    (Door::Search, "search"),
    (Door::Statistics, "statistics"),
    (Door::Export, "export"),
    (Door::History, "history"),
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
            Self::Export => of("get", "/export"),
            Self::History => of("get", "/{id}/history"),
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

struct Matrix {
    app: TestApp,
    callers: Vec<Caller>,
    observer: Observer,
    position: String,
    marks: usize,
    tried: usize,
    refused: usize,
}

/// A record that somebody tries a door for.
struct Target {
    id: Uuid,
    mark: String,
    /// The position of the change log before it was made.
    position: String,
}

impl Matrix {
    async fn over(test: TestDatabase) -> Self {
        let app = TestApp::spawn(test).await;
        let callers = callers(&app).await;
        let observer = Observer::of(&app.test);
        Self { app, callers, observer, position: "0".to_owned(), marks: 0, tried: 0, refused: 0 }
    }

    fn owned(&self, caller: usize, kind: Kind) -> Owned {
        let (north, south) = (Some(TestApp::team_id("north")), Some(TestApp::team_id("south")));
        // Somebody else of the team, whoever asks.
        let colleague = if self.callers[caller].name == "read_only" { "uma" } else { "rita" };
        match kind {
            Kind::Own | Kind::Deleted => self.callers[caller].own(),
            Kind::SameTeam => Owned { by: Some(TestApp::user_id(colleague)), team: north },
            Kind::OtherTeam => Owned { by: Some(TestApp::user_id("otto")), team: south },
            Kind::Unowned => Owned { by: None, team: None },
        }
    }

    async fn target(&mut self, subject: &Subject, caller: usize, kind: Kind, door: Option<Door>) -> Target {
        self.marks += 1;
        let mark = format!("mark{:06}", self.marks);
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
        let before = self.observer.digest();
        let (status, more) = self.through(subject, caller, door, target).await;
        self.tried += 1;
        if status >= 400 {
            self.refused += 1;
            let after = self.observer.digest();
            let who = self.callers[caller].name;
            assert!(
                before == after,
                "{door:?} of {} was refused to {who} with {status} and changed something:\n{before}\n{after}",
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
            Door::List => seen(&get(format!("{list}?id={id}")).await, &id.to_string()),
            Door::Count => counted(&get(format!("{list}?id={id}&total=exact&limit=1")).await),
            Door::Query => seen(&get(format!("{list}?q={mark}")).await, &id.to_string()),
            Door::Search => {
                seen(&get(format!("{BASE}/search?q={mark}&types={}", subject.resource)).await, &id.to_string())
            }
            Door::Statistics => {
                let (with, without) =
                    (get(format!("{list}/stats?id={id}")).await, get(format!("{list}/stats?id={MISSING}")).await);
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
            matrix.marks += 1;
            let (before, body) = (matrix.observer.digest(), (subject.body)(&format!("mark{:06}", matrix.marks)));
            let answer = matrix.callers[caller].client.post(&subject.list(), body).await;
            matrix.checked(&before, &answer)
        })
        .await;
        if imported().contains(&subject.resource.to_owned()) {
            self.line(table, subject.label, "import", "-", async |matrix: &mut Self, caller| {
                let before = matrix.observer.digest();
                let answer = upload(&matrix.callers[caller], subject.resource).await;
                let told = matrix.checked(&before, &answer);
                finished(&matrix.app, &answer).await;
                told
            })
            .await;
        }
        let mut shared: BTreeMap<(usize, usize), Target> = BTreeMap::new();
        for (door, name) in DOORS.into_iter().filter(|(door, _)| door.is_there(subject)) {
            // Of two subjects of one resource the second differs by what is changed.
            if subject.label != subject.resource && door != Door::Update {
                continue;
            }
            for (number, (kind, of)) in KINDS.into_iter().enumerate() {
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

    /// Whether the one end of a relation shows the other.
    async fn relation(&mut self, relation: &Relation, table: &mut String) {
        let find = |resource: &str| SUBJECTS.iter().find(|subject| subject.label == resource).unwrap();
        let (from, to) = (find(relation.from), find(relation.to));
        for (kind, of) in KINDS {
            let mut ends = Vec::new();
            for caller in 0..self.callers.len() {
                ends.push(self.joined(relation, (from, to), caller, kind).await);
            }
            let mut rows: [Vec<String>; 6] = Default::default();
            for (caller, (near, far, join)) in ends.iter().enumerate() {
                let client = &self.callers[caller].client;
                let told = |answer: &Answer| {
                    let (status, sign) = seen(answer, &far.to_string());
                    format!("{status}{sign}")
                };
                rows[0].push(told(&client.get(&format!("{}/{}", from.record(*near), relation.name)).await));
                rows[1].push(told(&client.get(&format!("{}?expand={}", from.record(*near), relation.name)).await));
                let json = ("Content-Type", "application/json");
                let doors = [("GET", ""), ("PUT", "{}"), ("PATCH", "{\"notes\": \"a\"}"), ("DELETE", "")];
                for (at, (method, body)) in doors.into_iter().enumerate() {
                    let (before, body) = (self.observer.digest(), body.as_bytes().to_vec());
                    let client = &self.callers[caller].client;
                    let answer = client.raw(method, join, &[("If-Match", "*"), json], body).await;
                    let told = self.checked(&before, &answer);
                    rows[at + 2].push(told);
                }
            }
            let doors =
                ["list of", "expand of", "link read, from", "link put, from", "link update, from", "link delete, from"];
            for (door, cells) in doors.iter().zip(&rows) {
                row(table, relation.to, &format!("{door} {}", relation.from), of, cells);
            }
        }
    }

    /// Joins two records of a caller: the near end is their own, the far one is anybody's.
    async fn joined(
        &mut self,
        relation: &Relation,
        (from, to): (&Subject, &Subject),
        caller: usize,
        kind: Kind,
    ) -> (Uuid, Uuid, String) {
        let near = self.target(from, caller, Kind::Own, None).await.id;
        let alive = if kind == Kind::Deleted { Kind::Own } else { kind };
        let far = self.target(to, caller, alive, None).await.id;
        let join = relation.join.replace("{from}", &near.to_string()).replace("{to}", &far.to_string());
        let join = format!("{BASE}{join}");
        let joined = self.app.ann().put(&join, json!({})).await;
        assert!(joined.status < 300, "{}", joined.text());
        if kind == Kind::Deleted {
            to.delete(&self.app, far).await;
        }
        (near, far, join)
    }

    async fn line(
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

    fn checked(&mut self, before: &str, answer: &Answer) -> String {
        self.tried += 1;
        if answer.status >= 400 {
            self.refused += 1;
            assert!(before == self.observer.digest(), "{} changed something", answer.text());
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

/// The resources that files are imported into.
fn imported() -> Vec<String> {
    crm_domain::names_of::<crm_domain::ImportTarget>().into_iter().map(str::to_owned).collect()
}

/// A trial of an import, which every permission to import is enough for.
async fn upload(caller: &Caller, resource: &str) -> Answer {
    let part = |name: &str, value: &str| {
        format!("--limit\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let file = "--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\nname\r\nExemple\r\n\r\n--limit--\r\n";
    let body = [part("resource", resource), part("dry_run", "true"), file.to_owned()].concat();
    caller
        .client
        .raw(
            "POST",
            &format!("{BASE}/imports"),
            &[("Content-Type", "multipart/form-data; boundary=limit")],
            body.into_bytes(),
        )
        .await
}

/// Waits until what goes on behind an accepted import has come to its end.
async fn finished(app: &TestApp, accepted: &Answer) {
    let Some(id) = accepted.json()["id"].as_str().filter(|_| accepted.status == 202).map(str::to_owned) else { return };
    while ["queued", "running"]
        .contains(&app.ann().get(&format!("{BASE}/imports/{id}")).await.json()["status"].as_str().unwrap())
    {
        actix_web::rt::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

fn sign(is_seen: bool) -> &'static str {
    if is_seen { "+" } else { "-" }
}

/// Whether an answer shows the record.
fn seen(answer: &Answer, id: &str) -> (u16, &'static str) {
    (answer.status, if answer.status >= 400 { "" } else { sign(answer.text().contains(id)) })
}

fn counted(answer: &Answer) -> (u16, &'static str) {
    (answer.status, if answer.status >= 400 { "" } else { sign(answer.json()["total"] != 0) })
}

fn row(table: &mut String, resource: &str, door: &str, of: &str, cells: &[String]) {
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
