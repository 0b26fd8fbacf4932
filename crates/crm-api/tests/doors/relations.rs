//! The matrix between two resources: links, fields that name records, and timelines.
//!
//! The near record is always the caller's own, so that what they get to see depends on the other end alone.

use crm_testkit::Answer;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    BASE,
    coverage::{has, operations},
    matrix::{KINDS, Kind, Matrix, row, seen, sign},
    registry::{Reference, Relation, Subject},
};

/// A change of a link.
const NOTE: &str = "{\"notes\": \"a\"}";

/// What can be inlined into records of a resource.
pub fn expandable(resource: &str) -> Vec<&'static str> {
    let list = operations().into_iter().find(|one| one.method == "get" && one.path == format!("{BASE}/{resource}"));
    let parameters = list.and_then(|list| list.value["parameters"].as_array()).into_iter().flatten();
    let expand = parameters.into_iter().find(|one| one["name"] == "expand");
    let names = expand.and_then(|one| one["schema"]["items"]["enum"].as_array()).into_iter().flatten();
    names.map(|name| name.as_str().unwrap()).collect()
}

impl Matrix {
    /// Whether the one end of a relation shows the other.
    pub async fn relation(&mut self, relation: &Relation, table: &mut String) {
        let (from, to) = (Subject::named(relation.from), Subject::named(relation.to));
        for (kind, of) in KINDS {
            let mut ends = Vec::new();
            for caller in 0..self.callers.len() {
                ends.push(self.joined(relation, (from, to), caller, kind).await);
            }
            let join = format!("{BASE}{}", relation.join);
            let changes =
                [("GET", "read", ""), ("PUT", "put", "{}"), ("PATCH", "update", NOTE), ("DELETE", "delete", "")];
            let changes = changes.into_iter().filter(|(method, ..)| has(&method.to_lowercase(), &join));
            let is_inlined = expandable(relation.from).contains(&relation.name);
            let mut rows: Vec<(String, Vec<String>)> = Vec::new();
            let list = format!("{}?id={{}}&expand={}", from.list(), relation.name);
            let inlined = [format!("{}/{{}}?expand={}", from.list(), relation.name), list];
            let paths = [("list of", format!("{}/{{}}/{}", from.list(), relation.name))].into_iter();
            let inlined = ["expand of", "expand in list of"].into_iter().zip(inlined).filter(|_| is_inlined);
            for (door, path) in paths.chain(inlined) {
                let mut cells = Vec::new();
                for (caller, (near, far, _)) in ends.iter().enumerate() {
                    let answer = self.callers[caller].client.get(&path.replace("{}", &near.to_string())).await;
                    cells.push(self.shown(&answer, &far.to_string()));
                }
                rows.push((door.to_owned(), cells));
            }
            for (method, name, body) in changes {
                let mut cells = Vec::new();
                for (caller, (.., join)) in ends.iter().enumerate() {
                    let before = self.observer.moment();
                    let headers = [("If-Match", "*"), ("Content-Type", "application/json")];
                    let client = self.callers[caller].client.clone();
                    let answer = client.raw(method, join, &headers, body.as_bytes().to_vec()).await;
                    cells.push(self.checked(&before, &answer));
                }
                rows.push((format!("link {name}, from"), cells));
            }
            for (door, cells) in &rows {
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

    /// Whether a record that a field names can be named by whom, and whom it is shown to.
    pub async fn reference(&mut self, reference: &Reference, table: &mut String) {
        let (from, to) = (Subject::named(reference.from), Subject::named(reference.to));
        let label = format!("{}.{}", reference.from, reference.field);
        for (kind, of) in KINDS {
            let mut ends = Vec::new();
            for caller in 0..self.callers.len() {
                ends.push((
                    self.target(from, caller, Kind::Own, None).await.id,
                    self.target(to, caller, kind, None).await.id.to_string(),
                ));
            }
            let mut cells = Vec::new();
            for (caller, (near, far)) in ends.iter().enumerate() {
                let change = json!({ reference.field: reference.value(far) });
                let before = self.observer.moment();
                let answer = patch(self, caller, &from.record(*near), &change).await;
                cells.push(self.checked(&before, &answer));
            }
            row(table, &label, "name", of, &cells);
            if let Some(relation) = reference.relation {
                self.inlined(reference, relation, (kind, of), table).await;
            }
            if reference.has_timeline() {
                self.timeline(reference, (kind, of), table).await;
            }
        }
    }

    /// Whether what a record names is shown inside it: to whoever sees both.
    async fn inlined(&mut self, reference: &Reference, relation: &str, (kind, of): (Kind, &str), table: &mut String) {
        let (from, to) = (Subject::named(reference.from), Subject::named(reference.to));
        let alive = if kind == Kind::Deleted { Kind::Own } else { kind };
        let mut ends = Vec::new();
        for caller in 0..self.callers.len() {
            let far = self.target(to, caller, alive, None).await.id;
            let mut body = (from.body)(&self.mark());
            body[reference.field] = reference.value(&far.to_string());
            // Who names an owner names them for this record, too; all the same the caller has made it.
            let mut owned = self.owned(caller, Kind::Own);
            if reference.field == "owner_id" {
                (owned.assigned, owned.by) = (None, Some(crm_domain::UserId::new(far)));
            }
            let near = from.make_with(&self.app, body, owned).await;
            if kind == Kind::Deleted {
                to.delete(&self.app, far).await;
            }
            ends.push((near, far.to_string()));
        }
        let mut cells: [Vec<String>; 2] = Default::default();
        for (caller, (near, far)) in ends.iter().enumerate() {
            let client = self.callers[caller].client.clone();
            let one = client.get(&format!("{}?expand={relation}", from.record(*near))).await;
            cells[0].push(self.within(&one, &one.json()[relation], far));
            let many = client.get(&format!("{}?id={near}&expand={relation}", from.list())).await;
            cells[1].push(self.within(&many, &many.json()["items"][0][relation], far));
        }
        let label = format!("{}.{}", reference.from, reference.field);
        row(table, &label, "expand", of, &cells[0]);
        row(table, &label, "expand in list", of, &cells[1]);
    }

    /// Whether a record stands in the timeline of what it names.
    async fn timeline(&mut self, reference: &Reference, (kind, of): (Kind, &str), table: &mut String) {
        let (from, to) = (Subject::named(reference.from), Subject::named(reference.to));
        let mut ends = Vec::new();
        for caller in 0..self.callers.len() {
            let near = self.target(to, caller, Kind::Own, None).await.id;
            let mut body = (from.body)(&self.mark());
            body[reference.field] = reference.value(&near.to_string());
            let far = from.make_with(&self.app, body, self.owned(caller, kind)).await;
            if kind == Kind::Deleted {
                from.delete(&self.app, far).await;
            }
            ends.push((near, far.to_string()));
        }
        let mut cells = Vec::new();
        for (caller, (near, far)) in ends.iter().enumerate() {
            let answer = self.callers[caller].client.get(&format!("{}/timeline", to.record(*near))).await;
            cells.push(self.shown(&answer, far));
        }
        let label = format!("{}.{}", reference.from, reference.field);
        row(table, &label, &format!("timeline of {}", reference.to), of, &cells);
    }

    fn shown(&mut self, answer: &Answer, id: &str) -> String {
        let before = self.observer.moment();
        let (_, sign) = seen(answer, id);
        self.checked(&before, answer) + sign
    }

    /// The same for a part of the answer: the record names the other in any case.
    fn within(&mut self, answer: &Answer, part: &Value, id: &str) -> String {
        let before = self.observer.moment();
        let sign = if answer.status >= 400 { "" } else { sign(part.to_string().contains(id)) };
        self.checked(&before, answer) + sign
    }
}

async fn patch(matrix: &Matrix, caller: usize, path: &str, change: &Value) -> Answer {
    let headers = [("If-Match", "*"), ("Content-Type", "application/json")];
    matrix.callers[caller].client.raw("PATCH", path, &headers, change.to_string().into_bytes()).await
}
