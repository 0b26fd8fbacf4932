//! The doors: the ways to a record, and what is to be seen of it behind each.

use std::collections::HashMap;

use crm_testkit::{Answer, Client};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    BASE, MISSING,
    coverage::has,
    registry::{Subject, delete},
    targets::Target,
};

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

pub const DOORS: [(Door, &str); 16] = [
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
    pub fn is_there(self, subject: &Subject) -> bool {
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

    /// Whether going through it changes the record.
    pub fn changes(self) -> bool {
        matches!(self, Self::Update | Self::Batch) || self.moves()
    }

    /// Whether the record is not there any more afterwards, or again, so that the next caller needs another.
    pub fn moves(self) -> bool {
        matches!(self, Self::Delete | Self::Restore)
    }
}

/// What `/search` looks through.
fn searched() -> Vec<String> {
    let parameters = crm_api::document()["paths"]["/api/v1/search"]["get"]["parameters"].as_array().unwrap();
    let types = parameters.iter().find(|parameter| parameter["name"] == "types").unwrap();
    types["schema"]["items"]["enum"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// Goes through doors, and asks everything twice: what the cache keeps is told the second time as it was the first.
#[derive(Default)]
pub struct Visitor {
    /// How many second answers were kept ones.
    pub hits: usize,
    changes: usize,
    /// What the statistics say to each caller where there is nothing.
    nothing: HashMap<(String, usize), Vec<u8>>,
}

impl Visitor {
    /// An answer, and where it is not a refusal the same once more: refusals are never kept.
    pub async fn get(&mut self, client: &Client, path: &str) -> Answer {
        let mut first = client.get(path).await;
        if first.status != 200 {
            return first;
        }
        if path.starts_with(&format!("{BASE}/changes")) {
            // Whoever is the first to read the change log gives the latest changes their places, and that answer is not kept.
            first = client.get(path).await;
        }
        let second = client.get(path).await;
        assert_eq!((second.status, second.text()), (200, first.text()), "{path}");
        for name in ["etag", "link", "content-type"] {
            assert_eq!(first.header(name), second.header(name), "{name} of {path}");
        }
        if is_kept(path, &first) {
            assert_eq!(second.header("x-cache"), "hit", "{path} was a {} before", first.header("x-cache"));
            self.hits += 1;
        }
        second
    }

    /// Sends what the door asks for; the status, and what is to be seen.
    pub async fn through(
        &mut self,
        (caller, client): (usize, &Client),
        subject: &Subject,
        door: Door,
        target: &Target,
    ) -> (u16, String) {
        let Target { id, mark, position, .. } = target;
        let (record, list, word) = (subject.record(*id), subject.list(), id.to_string());
        let plain = |answer: &Answer| (answer.status, String::new());
        match door {
            Door::Read => plain(&self.get(client, &record).await),
            Door::History => plain(&self.get(client, &format!("{record}/history")).await),
            Door::Timeline => plain(&self.get(client, &format!("{record}/timeline")).await),
            Door::List => seen(&self.get(client, &format!("{list}?id={id}")).await, &word),
            Door::Count => counted(&self.get(client, &format!("{list}?id={id}&total=exact&limit=1")).await),
            Door::Query => seen(&self.get(client, &format!("{list}?q={mark}")).await, &word),
            Door::Search => {
                seen(&self.get(client, &format!("{BASE}/search?q={mark}&types={}", subject.resource)).await, &word)
            }
            Door::Statistics => self.counts(caller, client, format!("{list}/stats"), id).await,
            Door::Figures => self.counts(caller, client, subject.figures().unwrap(), id).await,
            Door::Export => seen(&self.get(client, &format!("{list}/export?id={id}")).await, &word),
            // The next change that is seen at all is the making of the record, or another one.
            Door::Changes => seen(&self.get(client, &format!("{BASE}/changes?after={position}&limit=3")).await, &word),
            Door::Explain => {
                let question = format!("{BASE}/access/explain?resource={}&action=read&id={id}", subject.resource);
                let answer = self.get(client, &question).await;
                told(&answer, answer.json()["is_allowed"] == true)
            }
            Door::Update => {
                let body = self.change(subject).to_string().into_bytes();
                let headers = [("If-Match", "*"), ("Content-Type", "application/json")];
                plain(&client.raw("PATCH", &record, &headers, body).await)
            }
            Door::Batch => {
                let operation = json!({"op": "update", "id": id, "if_match": "*", "data": self.change(subject)});
                let batch = json!({"operations": [operation], "atomic": true});
                let answer = client.post(&format!("{list}/batch"), batch).await;
                // The status of the whole, and that of the operation in it.
                let inner = answer.json()["results"][0]["status"].as_u64();
                (answer.status, inner.map_or(String::new(), |inner| format!("/{inner}")))
            }
            Door::Delete => plain(&delete(client, &record).await),
            Door::Restore => plain(&client.raw("POST", &format!("{record}/restore"), &[], Vec::new()).await),
        }
    }

    /// A change that the record has not seen yet.
    fn change(&mut self, subject: &Subject) -> Value {
        self.changes += 1;
        (subject.change)(&format!("changed{:06}", self.changes))
    }

    /// Whether figures of this one record differ from those of none.
    async fn counts(&mut self, caller: usize, client: &Client, path: String, id: &Uuid) -> (u16, String) {
        let with = self.get(client, &format!("{path}?id={id}")).await;
        let key = (path, caller);
        if !self.nothing.contains_key(&key) {
            let without = self.get(client, &format!("{}?id={MISSING}", key.0)).await.body;
            self.nothing.insert(key.clone(), without);
        }
        told(&with, with.body != self.nothing[&key])
    }
}

/// Whether the cache keeps such an answer: all JSON but what depends on more than the database and permissions.
fn is_kept(path: &str, answer: &Answer) -> bool {
    let others = ["/access/", "/auth/", "/imports", "/figures/tasks", "/figures/mandates"];
    let is_other = others.iter().any(|other| path.starts_with(&format!("{BASE}{other}")));
    answer.status == 200 && answer.header("content-type") == "application/json" && !is_other
}

fn told(answer: &Answer, is_seen: bool) -> (u16, String) {
    (answer.status, if answer.status >= 400 { String::new() } else { sign(is_seen).to_owned() })
}

/// Whether an answer shows the record.
pub fn seen(answer: &Answer, id: &str) -> (u16, String) {
    told(answer, answer.text().contains(id))
}

fn counted(answer: &Answer) -> (u16, String) {
    told(answer, answer.json()["total"] != 0)
}

pub fn sign(is_seen: bool) -> &'static str {
    if is_seen { "+" } else { "-" }
}
