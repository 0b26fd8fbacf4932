//! The crawl of the canaries: every door, about every record, as one user.

use std::{collections::BTreeSet, io::Cursor};

use calamine::{Reader, Xlsx};
use crm_testkit::{Answer, Client};
use serde_json::{Value, json};

use crate::{
    BASE, MISSING,
    canaries::{Aviary, Bird},
    coverage::operations,
    marks::{marks, word},
    registry::{SUBJECTS, Subject},
    relations::expandable,
};

pub struct Crawler {
    client: Client,
    pub allowed: BTreeSet<usize>,
    pub shown: BTreeSet<usize>,
    pub answers: usize,
    /// How many answers came from the cache the second time.
    pub hits: usize,
    /// The doors of one record, by the document: paths with one parameter.
    doors: Vec<String>,
}

impl Crawler {
    pub fn new(client: Client, allowed: BTreeSet<usize>) -> Self {
        let doors = operations().into_iter().filter(|one| one.method == "get" && one.parameters().len() == 1);
        let doors = doors.map(|one| one.path).filter(|path| path.starts_with(BASE)).collect();
        Self { client, allowed, shown: BTreeSet::new(), answers: 0, hits: 0, doors }
    }

    pub async fn everything(&mut self, aviary: &Aviary) {
        for bird in &aviary.birds {
            self.record(bird).await;
            for (field, (value, number)) in &bird.fields {
                self.mark(bird.subject, field, value, *number).await;
            }
        }
        for perch in &aviary.perches {
            self.get(&perch.path).await;
            self.send("DELETE", &perch.path, "\"7\"", &json!({})).await;
        }
        for subject in SUBJECTS.iter().filter(|subject| subject.label == subject.resource) {
            self.lists(subject).await;
        }
        self.pages(&format!("{BASE}/changes?limit=200"), "after").await;
        self.pages(&format!("{BASE}/search?q=zq0&limit=50"), "cursor").await;
        for path in ["/imports", "/auth/me", "/auth/sessions", "/auth/api-keys"] {
            self.get(&format!("{BASE}{path}")).await;
        }
    }

    /// Looks at all of an answer.
    fn seen(&mut self, told: &str, answer: &Answer) {
        self.answers += 1;
        assert!(answer.status < 500, "{told}: {}", answer.text());
        let headers: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}\n")).collect();
        let is_book = answer.header("content-type").contains("spreadsheet");
        let body = if is_book { cells(answer) } else { answer.text() };
        let found = marks(&(headers.concat() + &body));
        let foreign: Vec<_> = found.difference(&self.allowed).collect();
        assert!(foreign.is_empty(), "{told} shows the marks {foreign:?} of others:\n{body}");
        self.shown.extend(found);
    }

    /// Asks twice: what is kept must be no more than what was worked out.
    async fn get(&mut self, path: &str) -> Value {
        let cold = self.client.get(path).await;
        self.seen(path, &cold);
        // What is refused is never kept.
        if cold.status != 200 {
            return cold.json();
        }
        let warm = self.client.get(path).await;
        self.seen(path, &warm);
        // A workbook says when it was written.
        if cold.header("content-type") == "application/json" {
            assert_eq!(cold.text(), warm.text(), "{path}");
        }
        self.hits += usize::from(warm.header("x-cache") == "hit");
        warm.json()
    }

    async fn send(&mut self, method: &str, path: &str, version: &str, body: &Value) {
        let headers = [("If-Match", version), ("Content-Type", "application/json")];
        let answer = self.client.raw(method, path, &headers, body.to_string().into_bytes()).await;
        self.seen(&format!("{method} {path}"), &answer);
    }

    /// A list to its end.
    async fn pages(&mut self, path: &str, parameter: &str) {
        let mut from = String::new();
        loop {
            let page = self.get(&format!("{path}{from}")).await;
            let Some(next) = page["next_cursor"].as_str() else { return };
            from = format!("&{parameter}={next}");
        }
    }

    /// All that can be asked of one record, seen or not; nothing of it changes the record.
    async fn record(&mut self, bird: &Bird) {
        let (resource, id, list) = (bird.subject.resource, bird.id, bird.subject.list());
        let (path, mine) = (bird.subject.record(id), self.may_see(bird));
        let doors: Vec<String> =
            self.doors.iter().filter(|door| door.starts_with(&format!("{list}/{{"))).cloned().collect();
        for door in doors {
            self.get(&door.replace("{id}", &id.to_string())).await;
        }
        let known = self.client.raw("GET", &path, &[("If-None-Match", "\"1\"")], Vec::new()).await;
        assert_eq!(known.status == 304, mine, "{path}: {}", known.text());
        self.seen(&path, &known);
        for counted in [Some(list.clone()), bird.subject.figures()].into_iter().flatten() {
            let answer =
                self.get(&format!("{counted}?id={id}{}", if counted == list { "&total=exact" } else { "" })).await;
            assert_eq!(answer["total"].as_i64().unwrap_or(0), i64::from(mine), "{counted}?id={id}");
        }
        self.get(&format!("{BASE}/access/explain?resource={resource}&action=update&id={id}")).await;
        // The version of before, a field that there is not, and a deletion of a version that is not yet.
        self.send("PATCH", &path, "\"7\"", &json!({"notes": "x"})).await;
        self.send("PATCH", &path, "\"1\"", &json!({"colour": "red"})).await;
        self.send("DELETE", &path, "\"7\"", &json!({})).await;
        self.send("POST", &format!("{path}/restore"), "*", &json!({})).await;
        let operations =
            json!([{"op": "update", "id": id, "version": 7, "data": {}}, {"op": "delete", "id": id, "version": 7}]);
        let batch = json!({"operations": operations, "atomic": true});
        self.send("POST", &format!("{list}/batch"), "*", &batch).await;
    }

    fn may_see(&self, bird: &Bird) -> bool {
        bird.fields.values().all(|(_, number)| self.allowed.contains(number))
    }

    /// All that finds a record by what a field holds.
    async fn mark(&mut self, subject: &Subject, field: &str, value: &Value, number: usize) {
        let (list, word) = (subject.list(), word(number));
        let mine = self.allowed.contains(&number);
        let (filter, text) = match value {
            Value::Array(_) => (format!("{field}.any"), word.clone()),
            value => (field.to_owned(), value.as_str().unwrap().replace('+', "%2B")),
        };
        let paths = [
            format!("{BASE}/search?q={word}"),
            format!("{list}?q={word}&total=exact"),
            format!("{list}?{filter}={text}&total=exact"),
        ];
        for path in paths {
            let answer = self.get(&path).await;
            let is_empty = answer["items"].as_array().is_none_or(Vec::is_empty);
            assert!(mine || is_empty, "{path} finds something");
            assert!(mine || answer["total"].as_i64().unwrap_or(0) == 0, "{path} counts something");
        }
        // A value that somebody else's record has may be refused, but says nothing about that record.
        let is_unique = ["email", "lei", "isin"].contains(&field) || field.ends_with("_number");
        if is_unique && subject.is_owned_by_its_body() && !mine {
            let mut body = (subject.body)("x");
            body[field] = value.clone();
            let fails = json!({"op": "update", "id": MISSING, "version": 1, "data": {}});
            let batch = json!({"operations": [{"op": "create", "data": body}, fails], "atomic": true});
            let answer = self.client.post(&format!("{list}/batch"), batch).await;
            // The record that was tried is told back; what it holds was in the request.
            let mut told = marks(&answer.text());
            told.remove(&number);
            assert!(told.is_subset(&self.allowed), "{}", answer.text());
            self.answers += 1;
        }
    }

    /// The lists in their orders, page by page and as a whole, with what can be inlined, and as files.
    async fn lists(&mut self, subject: &Subject) {
        let path = subject.list();
        let list = operations().into_iter().find(|one| one.method == "get" && one.path == path).unwrap();
        let sort = list.value["parameters"].as_array().unwrap().iter().find(|one| one["name"] == "sort").unwrap();
        for sort in sort["schema"]["items"]["enum"].as_array().unwrap() {
            let sort = sort.as_str().unwrap();
            self.get(&format!("{path}?limit=200&total=exact&sort={sort}")).await;
            self.pages(&format!("{path}?limit=3&sort={sort}"), "cursor").await;
        }
        for relation in expandable(subject.resource) {
            self.get(&format!("{path}?limit=200&expand={relation}")).await;
        }
        for more in ["/stats", "/export", "/export?format=csv", "/export?format=xlsx"] {
            self.get(&format!("{path}{more}")).await;
        }
        if let Some(figures) = subject.figures() {
            self.get(&figures).await;
        }
    }
}

/// What the cells of a workbook say.
fn cells(answer: &Answer) -> String {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(answer.body.clone())).unwrap();
    let sheets = book.worksheets();
    let cells = sheets.iter().flat_map(|(_, sheet)| sheet.used_cells().map(|(_, _, cell)| format!("{cell}\n")));
    cells.collect()
}
