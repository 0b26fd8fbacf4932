//! The matrix between two resources: links, fields that name records, and timelines.
//!
//! The near record is always the caller's own, so that what they get to see depends on the other end alone.

use std::collections::HashMap;

use crm_testkit::Answer;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    BASE,
    coverage::{has, operations},
    door::{seen, sign},
    matrix::{Matrix, NONE, row},
    registry::{Owned, Reference, Relation, Subject},
    targets::{KINDS, Kind, Target, kinds_named},
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
                    cells.push(self.shown(caller, &path.replace("{}", &near.to_string()), far).await);
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
    ) -> (Uuid, String, String) {
        let near = self.own(from, caller).await.id;
        let far = self.far(to, caller, kind).await;
        let join = relation.join.replace("{from}", &near.to_string()).replace("{to}", &far.id.to_string());
        let join = format!("{BASE}{join}");
        let joined = self.app.ann().put(&join, json!({})).await;
        assert!(joined.status < 300, "{}", joined.text());
        self.gone(to, kind, &far).await;
        (near, far.id.to_string(), join)
    }

    /// What is named, or linked with, while it is there: only then can it be deleted.
    async fn far(&mut self, to: &Subject, caller: usize, kind: Kind) -> Target {
        let alive = if kind == Kind::Deleted { Kind::Own } else { kind };
        self.target(to, caller, alive, None).await.unwrap()
    }

    async fn gone(&mut self, to: &Subject, kind: Kind, far: &Target) {
        if kind == Kind::Deleted {
            to.delete(&self.app, far.id).await;
            self.spend(far);
        }
    }

    /// Whether a record that a field names can be named by whom, and whom it is shown to.
    pub async fn reference(&mut self, reference: &Reference, table: &mut String) {
        let (from, to) = (Subject::named(reference.from), Subject::named(reference.to));
        let label = format!("{}.{}", reference.from, reference.field);
        if reference.has_timeline() {
            // So that the timeline of what is named is short.
            for caller in 0..self.callers.len() {
                let near = self.own(to, caller).await;
                self.spend(&near);
            }
        }
        for (kind, of) in kinds_named(reference) {
            self.line(table, &label, "name", of, async |matrix: &mut Self, caller| {
                let near = matrix.own(from, caller).await;
                let Some(far) = matrix.named(to, caller, kind).await else { return NONE.to_owned() };
                let change = json!({ reference.field: reference.value(&far.to_string()) });
                let before = matrix.observer.moment();
                let answer = patch(matrix, caller, &from.record(near.id), &change).await;
                if answer.status < 400 {
                    matrix.spend(&near);
                }
                matrix.checked(&before, &answer)
            })
            .await;
            if let Some(relation) = reference.relation {
                self.inlined(reference, relation, (kind, of), table).await;
            }
            if reference.has_timeline() && KINDS.contains(&(kind, of)) {
                self.timeline(reference, (kind, of), table).await;
            }
        }
    }

    /// Whether what a record names is shown inside it: to whoever sees both.
    async fn inlined(&mut self, reference: &Reference, relation: &str, (kind, of): (Kind, &str), table: &mut String) {
        let (from, to) = (Subject::named(reference.from), Subject::named(reference.to));
        let (mut known, mut fars) = (HashMap::new(), HashMap::new());
        let mut ends = Vec::new();
        for caller in 0..self.callers.len() {
            let owned = self.owned(caller, Kind::Own);
            let far = if kind == Kind::Oneself {
                owned.by.unwrap().uuid()
            } else {
                let far = self.far(to, caller, kind).await;
                fars.insert(far.id, far.clone());
                far.id
            };
            // Who names an owner names them for this record, too; it is the caller's all the same, who has made it.
            let owned = match reference.field {
                "owner_id" => Owned { by: Some(crm_domain::UserId::new(far)), made_by: owned.by, ..owned },
                _ => owned,
            };
            let near = match known.get(&(owned, far)) {
                Some(near) => *near,
                None => self.naming(reference, from, owned, far).await,
            };
            known.insert((owned, far), near);
            ends.push((near, far));
        }
        for far in fars.values() {
            self.gone(to, kind, far).await;
        }
        let label = format!("{}.{}", reference.from, reference.field);
        for (door, path, place) in [
            ("expand", from.record(Uuid::nil()) + "?", format!("/{relation}")),
            ("expand in list", format!("{}?id={}&", from.list(), Uuid::nil()), format!("/items/0/{relation}")),
        ] {
            let mut cells = Vec::new();
            for (caller, (near, far)) in ends.iter().enumerate() {
                let path = format!("{path}expand={relation}").replace(&Uuid::nil().to_string(), &near.to_string());
                cells.push(self.within(caller, &path, &place, &far.to_string()).await);
            }
            row(table, &label, door, of, &cells);
        }
    }

    /// A record that names another.
    async fn naming(&mut self, reference: &Reference, from: &Subject, owned: Owned, named: Uuid) -> Uuid {
        let mut body = (from.body)(&self.mark());
        body[reference.field] = reference.value(&named.to_string());
        let id = from.make_with(&self.app, body, owned).await;
        self.made(from, id, owned);
        id
    }

    /// Whether a record stands in the timeline of what it names.
    async fn timeline(&mut self, reference: &Reference, (kind, of): (Kind, &str), table: &mut String) {
        let (from, to) = (Subject::named(reference.from), Subject::named(reference.to));
        let (mut known, mut ends) = (HashMap::new(), Vec::new());
        for caller in 0..self.callers.len() {
            let (near, owned) = (self.own(to, caller).await.id, self.owned(caller, kind));
            let far = if let Some(far) = known.get(&(owned, near)) {
                *far
            } else {
                let far = self.naming(reference, from, owned, near).await;
                if kind == Kind::Deleted {
                    from.delete(&self.app, far).await;
                }
                far
            };
            known.insert((owned, near), far);
            ends.push((near, far));
        }
        let label = format!("{}.{}", reference.from, reference.field);
        let mut cells = Vec::new();
        for (caller, (near, far)) in ends.iter().enumerate() {
            let path = format!("{}/timeline", to.record(*near));
            cells.push(self.shown(caller, &path, &far.to_string()).await);
        }
        row(table, &label, &format!("timeline of {}", reference.to), of, &cells);
    }

    /// Whether an answer shows the record with this id.
    async fn shown(&mut self, caller: usize, path: &str, id: &str) -> String {
        let before = self.observer.moment();
        let client = self.callers[caller].client.clone();
        let answer = self.visitor.get(&client, path).await;
        self.checked(&before, &answer) + &seen(&answer, id).1
    }

    /// The same for a part of the answer: the record names the other in any case.
    async fn within(&mut self, caller: usize, path: &str, place: &str, id: &str) -> String {
        let before = self.observer.moment();
        let client = self.callers[caller].client.clone();
        let answer = self.visitor.get(&client, path).await;
        let is_shown = answer.json().pointer(place).is_some_and(|part: &Value| part.to_string().contains(id));
        let sign = if answer.status >= 400 { "" } else { sign(is_shown) };
        self.checked(&before, &answer) + sign
    }
}

async fn patch(matrix: &Matrix, caller: usize, path: &str, change: &Value) -> Answer {
    let headers = [("If-Match", "*"), ("Content-Type", "application/json")];
    matrix.callers[caller].client.raw("PATCH", path, &headers, change.to_string().into_bytes()).await
}
