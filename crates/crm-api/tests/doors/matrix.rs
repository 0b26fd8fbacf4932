//! The matrix: each caller at each door of each resource, for each kind of record. What is refused changes nothing.

use std::{collections::HashMap, fmt::Write, path::Path};

use crm_testkit::{Answer, Observer, TestApp, TestDatabase};
use serde_json::json;

use crate::{
    door::{DOORS, Door, Visitor},
    firm::{Caller, callers},
    registry::{REFERENCES, RELATIONS, SUBJECTS, Subject},
    stored::{self, HOME},
    targets::{Slot, Target, kinds},
};

pub struct Matrix {
    pub app: TestApp,
    pub callers: Vec<Caller>,
    pub observer: Observer,
    pub visitor: Visitor,
    /// The records that nobody has changed yet.
    pub kept: HashMap<Slot, Target>,
    /// Where the change log ended when it was last looked at.
    pub position: i64,
    pub marks: usize,
    tried: usize,
    refused: usize,
}

impl Matrix {
    async fn over(test: TestDatabase) -> Self {
        let app = TestApp::spawn(test).await;
        stored::home(&app);
        let callers = callers(&app).await;
        let (observer, visitor) = (Observer::of(&app.test), Visitor::default());
        Self { app, callers, observer, visitor, kept: HashMap::new(), position: 0, marks: 0, tried: 0, refused: 0 }
    }

    /// Sends one request and checks that the database is as before where it is refused.
    async fn cell(&mut self, subject: &Subject, caller: usize, door: Door, target: &Target) -> String {
        let client = target.client.clone().unwrap_or_else(|| self.callers[caller].client.clone());
        let before = self.observer.moment();
        let (status, more) = self.visitor.through((caller, &client), subject, door, target).await;
        self.tried += 1;
        if status >= 400 {
            self.refused += 1;
            let who = self.callers[caller].name;
            assert!(
                before == self.observer.moment(),
                "{door:?} of {} was refused to {who} with {status} and changed something",
                subject.label
            );
        } else if door.moves() || subject.label != subject.resource {
            self.spend(target);
        }
        format!("{status}{more}")
    }

    async fn subject(&mut self, subject: &Subject, table: &mut String) {
        self.line(table, subject.label, "create", "-", async |matrix: &mut Self, caller| {
            let mut body = (subject.body)(&matrix.mark());
            if body["organisation_id"] == HOME {
                body["organisation_id"] = json!(matrix.own(Subject::named("organisations"), caller).await.id);
            }
            let before = matrix.observer.moment();
            let answer = matrix.callers[caller].client.post(&subject.list(), body).await;
            matrix.checked(&before, &answer)
        })
        .await;
        if subject.label == subject.resource {
            self.import(subject.resource, table).await;
        }
        for (door, name) in DOORS.into_iter().filter(|(door, _)| door.is_there(subject)) {
            // Of two subjects of one resource the second differs by what is changed.
            if subject.label != subject.resource && door != Door::Update {
                continue;
            }
            for (kind, of) in kinds(subject, door) {
                self.line(table, subject.label, name, of, async |matrix: &mut Self, caller| {
                    match matrix.target(subject, caller, kind, Some(door)).await {
                        Some(target) => matrix.cell(subject, caller, door, &target).await,
                        None => NONE.to_owned(),
                    }
                })
                .await;
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

/// The cell of whoever has no such record.
pub const NONE: &str = "-";

pub fn row(table: &mut String, resource: &str, door: &str, of: &str, cells: &[String]) {
    let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:<11}")).collect();
    writeln!(table, "{}", format!("{resource:<14} {door:<32} {of:<16} {}", cells.join(" ")).trim_end()).unwrap();
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
        "{name}: {} cells, {} of them refused without a change, {} told again from the cache, in {:?}",
        matrix.tried,
        matrix.refused,
        matrix.visitor.hits,
        began.elapsed()
    );
    assert!(matrix.visitor.hits > 5_000, "only {} answers came from the cache", matrix.visitor.hits);
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
