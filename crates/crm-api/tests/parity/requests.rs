//! An endless sequence of requests that depends on nothing but its seed and the answers.

use std::collections::HashMap;

use crm_domain::query::Kind;
use crm_testkit::{ListField, MISSING, RESOURCES};
use serde_json::{Map, Value, json};

use super::{
    chance::Chance,
    values::{LINK, Words, good, name, value},
};

const BASE: &str = "/api/v1";
/// Fields that may refer to a record, beside those that must.
const REFERS: &[(&str, &str)] = &[
    ("person_id", "people"),
    ("product_id", "products"),
    ("mandate_id", "mandates"),
    ("interaction_id", "interactions"),
    ("previous_task_id", "tasks"),
    ("participant_people", "people"),
];
const LONG_AGO: &str = "2020-01-01T00:00:00Z";

/// A request in which `«n»` stands for the id, time or cursor with that name.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub user: &'static str,
    pub method: &'static str,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<String>,
}

/// Records that are tied to each other: both ends, the fields with their ids, and what a body may say.
struct Tie {
    ends: [&'static str; 2],
    ids: [&'static str; 2],
    written: &'static [&'static str],
}

const TIES: [Tie; 2] = [
    Tie { ends: ["organisations", "people"], ids: ["organisation_id", "person_id"], written: LINK },
    Tie { ends: ["mandates", "products"], ids: ["mandate_id", "product_id"], written: &[] },
];

/// What makes the requests, and what it has learnt from the answers.
pub struct Requests {
    chance: Chance,
    records: [Vec<String>; RESOURCES.len()],
    tied: [Vec<(String, String)>; TIES.len()],
    versions: HashMap<String, i64>,
    deleted: Vec<(usize, String)>,
    times: Vec<String>,
    next_page: Option<Request>,
}

impl Requests {
    pub fn new(seed: u64) -> Self {
        Self {
            chance: Chance::new(seed),
            records: Default::default(),
            tied: Default::default(),
            versions: HashMap::new(),
            deleted: Vec::new(),
            times: Vec::new(),
            next_page: None,
        }
    }

    /// The next request.
    pub fn make(&mut self) -> Request {
        if let Some(page) = self.next_page.take().filter(|_| self.chance.percent(70)) {
            return page;
        }
        let mut request = match self.chance.below(100) {
            0..14 => self.create(),
            14..30 => self.patch(),
            30..35 => self.delete(),
            35..39 => self.restore(),
            39..47 => self.tie(),
            47..50 => self.batch(),
            50..55 => self.read(),
            55..58 => self.tied(),
            58..61 => self.history(),
            61..63 => self.changes(),
            63..66 => self.statistics(),
            66..67 => self.export(),
            67..74 => self.search(),
            74..77 => self.bad(),
            _ => self.list(),
        };
        request.user = match self.chance.below(20) {
            0..9 => "ann",
            9..12 => "max",
            12..15 => "uma",
            15..17 => "otto",
            17..18 => "solo",
            _ => "rita",
        };
        if request.method == "POST" && self.chance.percent(10) {
            request.headers.push(("Idempotency-Key", format!("key-{}", self.chance.below(50))));
        }
        request
    }

    /// Learns from the named answer to a request.
    pub fn learn(&mut self, request: &Request, status: u16, body: &Value) {
        if let Some(cursor) = body["next_cursor"].as_str() {
            let mut page = request.clone();
            let parameter = if page.path.ends_with("/changes") { "after" } else { "cursor" };
            page.query.retain(|(name, _)| name != parameter);
            page.query.push((parameter.to_owned(), cursor.to_owned()));
            self.next_page = Some(page);
        }
        match (request.method, status) {
            ("DELETE", 204) => {
                let id = request.path.rsplit('/').next().unwrap_or_default().to_owned();
                let kind = RESOURCES.iter().position(|resource| request.path == format!("{}/{id}", resource.path()));
                self.deleted.extend(kind.map(|kind| (kind, id)));
            }
            ("POST" | "PUT" | "PATCH", 200 | 201 | 412) => self.learn_records(body),
            _ => {}
        }
    }

    fn learn_records(&mut self, body: &Value) {
        match body {
            Value::Array(items) => {
                for item in items {
                    self.learn_records(item);
                }
            }
            Value::Object(object) => {
                if let (Some(id), Some(version)) = (body["id"].as_str(), body["version"].as_i64()) {
                    self.learn_record(id, version, body);
                }
                for value in object.values() {
                    self.learn_records(value);
                }
            }
            _ => {}
        }
    }

    fn learn_record(&mut self, id: &str, version: i64, body: &Value) {
        let ends = |tie: &Tie| body[tie.ids[0]].as_str().zip(body[tie.ids[1]].as_str());
        let tied = TIES.iter().enumerate().find_map(|(at, tie)| Some((at, ends(tie)?)));
        let key = tied.map_or_else(|| id.to_owned(), |(_, (one, other))| format!("{one}{other}"));
        if self.versions.insert(key, version).is_none() {
            let kind = RESOURCES.iter().position(|resource| body.get(resource.known_by).is_some());
            match (tied, kind) {
                (Some((at, (one, other))), _) => self.tied[at].push((one.to_owned(), other.to_owned())),
                (None, Some(kind)) => self.records[kind].push(id.to_owned()),
                (None, None) => {}
            }
        }
        self.times.extend(body["updated_at"].as_str().map(str::to_owned));
        self.deleted.retain(|(_, deleted)| deleted != id);
    }

    fn kind(&mut self) -> usize {
        // Twice as often one of the first two, which are the richest.
        let kind = self.chance.index(RESOURCES.len() + 2);
        if kind < RESOURCES.len() { kind } else { kind - RESOURCES.len() }
    }

    /// A record, most often one of the latest.
    fn id(&mut self, kind: usize) -> String {
        let known = &self.records[kind];
        let latest = &known[known.len().saturating_sub(60)..];
        let ids = if self.chance.percent(80) { latest } else { known };
        let id = self.chance.any(ids).cloned();
        if self.chance.percent(2) { MISSING.to_owned() } else { id.unwrap_or_else(|| MISSING.to_owned()) }
    }

    fn if_match(&mut self, key: &str) -> Vec<(&'static str, String)> {
        let version = self.versions.get(key).copied().unwrap_or(1);
        match self.chance.below(20) {
            0 => vec![],
            1..4 => vec![("If-Match", "*".to_owned())],
            4..6 => vec![("If-Match", format!("\"{}\"", version + 1))],
            6 => vec![("If-Match", format!("\"{}\"", (version - 1).max(0)))],
            _ => vec![("If-Match", format!("\"{version}\""))],
        }
    }

    fn data(&mut self, kind: usize, most: u64) -> Map<String, Value> {
        self.fields(RESOURCES[kind].written, RESOURCES[kind].words, most)
    }

    fn fields(&mut self, fields: &'static [&'static str], words: Words, most: u64) -> Map<String, Value> {
        let number = self.chance.below(most);
        let field = |requests: &mut Self| {
            let field = *requests.chance.pick(fields);
            let value = match requests.referred(field) {
                Some(id) if field.starts_with("participant_") => json!([id]),
                Some(id) => json!(id),
                None if most > 6 => good(&mut requests.chance, words, field),
                None => value(&mut requests.chance, words, field),
            };
            (field.to_owned(), value)
        };
        (0..number).map(|_| field(self)).collect()
    }

    /// The id of a record that a field of this name refers to, if it is such a field.
    fn referred(&mut self, field: &str) -> Option<String> {
        let required = RESOURCES.iter().flat_map(|resource| resource.refers);
        let of = required.chain(REFERS).find(|(name, _)| *name == field)?.1;
        Some(self.id(place(of)))
    }

    fn new_data(&mut self, kind: usize) -> Value {
        let resource = &RESOURCES[kind];
        let mut data = self.data(kind, 12);
        if !self.chance.percent(4) {
            data.insert(resource.title.to_owned(), json!(name(&mut self.chance)));
            for (field, value) in resource.needs {
                data.insert((*field).to_owned(), json!(value));
            }
            for (field, _) in resource.refers {
                let id = self.referred(field).expect("the field refers to a record");
                data.insert((*field).to_owned(), json!(id));
            }
        }
        Value::Object(data)
    }

    fn create(&mut self) -> Request {
        let kind = self.kind();
        let body = self.new_data(kind).to_string();
        Request { method: "POST", path: collection(kind), body: Some(body), ..Request::default() }
    }

    fn patch(&mut self) -> Request {
        let kind = self.kind();
        let id = self.id(kind);
        let body = Value::Object(self.data(kind, 5)).to_string();
        let headers = self.if_match(&id);
        Request { method: "PATCH", path: record(kind, &id), headers, body: Some(body), ..Request::default() }
    }

    fn delete(&mut self) -> Request {
        let kind = self.kind();
        let id = self.id(kind);
        let headers = self.if_match(&id);
        Request { method: "DELETE", path: record(kind, &id), headers, ..Request::default() }
    }

    fn restore(&mut self) -> Request {
        let deleted = self.chance.any(&self.deleted).cloned().filter(|_| self.chance.percent(90));
        let (kind, id) = deleted.unwrap_or_else(|| (0, self.id(0)));
        Request { method: "POST", path: format!("{}/restore", record(kind, &id)), ..Request::default() }
    }

    fn tie(&mut self) -> Request {
        let at = self.chance.index(TIES.len());
        let tie = &TIES[at];
        let known = self.chance.any(&self.tied[at]).cloned().filter(|_| self.chance.percent(60));
        let [one, other] = tie.ends.map(place);
        let ends = known.unwrap_or_else(|| (self.id(one), self.id(other)));
        let path = format!("{}/{}/{}", record(one, &ends.0), tie.ends[1], ends.1);
        let methods = ["PUT", "PUT", "PUT", "DELETE", "GET", "PATCH", "PATCH"];
        let method = *self.chance.pick(if tie.written.is_empty() { &methods[..5] } else { &methods });
        let headers = match method {
            "GET" => vec![],
            "PUT" if self.chance.percent(80) => vec![],
            _ => self.if_match(&format!("{}{}", ends.0, ends.1)),
        };
        let has_body = matches!(method, "PUT" | "PATCH") && !tie.written.is_empty();
        let body = has_body.then(|| Value::Object(self.fields(tie.written, &[], 5)).to_string());
        Request { method, path, headers, body, ..Request::default() }
    }

    fn batch(&mut self) -> Request {
        let kind = self.kind();
        let operations: Vec<Value> = (0..=self.chance.below(5)).map(|_| self.operation(kind)).collect();
        let mut body = json!({"operations": operations});
        if self.chance.percent(70) {
            body["atomic"] = json!(self.chance.percent(30));
        }
        let path = format!("{}/batch", collection(kind));
        Request { method: "POST", path, body: Some(body.to_string()), ..Request::default() }
    }

    fn operation(&mut self, kind: usize) -> Value {
        let id = self.id(kind);
        let version = self.versions.get(&id).copied().unwrap_or(1);
        match self.chance.below(10) {
            0..4 => json!({"op": "create", "data": self.new_data(kind)}),
            4..6 => {
                json!({"op": "update", "id": id, "version": version, "data": self.data(kind, 4)})
            }
            6..8 => {
                let resource = &RESOURCES[kind];
                let by = *self.chance.pick(resource.matched_by);
                let mut data = self.new_data(kind);
                data[by] = good(&mut self.chance, resource.words, by);
                json!({"op": "upsert", "match": by, "data": data})
            }
            8 => json!({"op": "delete", "id": id, "if_match": format!("\"{version}\"")}),
            _ => json!({"op": "merge", "id": id}),
        }
    }

    fn read(&mut self) -> Request {
        let kind = self.kind();
        let id = self.id(kind);
        let mut request = get(record(kind, &id));
        if self.chance.percent(30) {
            let version = self.versions.get(&id).copied().unwrap_or(1);
            request.headers.push(("If-None-Match", format!("\"{version}\"")));
        }
        request.query.extend(self.expand(kind));
        request
    }

    fn expand(&mut self, kind: usize) -> Option<(String, String)> {
        let of = if self.chance.percent(90) { kind } else { self.kind() };
        let relation = *self.chance.pick(RESOURCES[of].relations);
        self.chance.percent(15).then(|| ("expand".to_owned(), relation.to_owned()))
    }

    fn tied(&mut self) -> Request {
        let (at, side) = (self.chance.index(TIES.len()), self.chance.index(2));
        let ends = TIES[at].ends;
        let [one, other] = ends.map(place);
        let tied = self.chance.any(&self.tied[at]).cloned().unwrap_or_else(|| (self.id(one), self.id(other)));
        let path = if side == 0 { record(one, &tied.0) } else { record(other, &tied.1) };
        let mut request = get(format!("{path}/{}", ends[1 - side]));
        request.query.extend(self.limit());
        request
    }

    fn history(&mut self) -> Request {
        let kind = self.kind();
        let id = self.id(kind);
        let mut request = get(format!("{}/history", record(kind, &id)));
        request.query.extend(self.limit());
        request
    }

    fn changes(&mut self) -> Request {
        let mut request = get(format!("{BASE}/changes"));
        request.query.extend(self.limit());
        if self.chance.percent(90) {
            let changes = self.versions.values().sum::<i64>();
            let after = self.chance.below(changes.unsigned_abs() + 2);
            request.query.push(("after".to_owned(), after.to_string()));
        }
        request
    }

    fn limit(&mut self) -> Option<(String, String)> {
        let limit = match self.chance.below(10) {
            0..3 => return None,
            3..9 => 1 + self.chance.below(9),
            _ => *self.chance.pick(&[0, 100, 200, 201]),
        };
        Some(("limit".to_owned(), limit.to_string()))
    }

    fn search(&mut self) -> Request {
        let mut request = get(format!("{BASE}/search"));
        request.query.push(("q".to_owned(), self.words()));
        request.query.extend(self.limit());
        if self.chance.percent(30) {
            let types = *self.chance.pick(&[
                "organisations",
                "people",
                "people,organisations",
                "products,mandates",
                "mandates",
                "nothing",
            ]);
            request.query.push(("types".to_owned(), types.to_owned()));
        }
        request
    }

    /// The beginning, the end or the whole of a name, or two words.
    fn words(&mut self) -> String {
        let name = name(&mut self.chance);
        let letters: Vec<char> = name.chars().collect();
        let length = 1 + self.chance.index(letters.len().min(6));
        match self.chance.below(5) {
            0 => letters[..length].iter().collect(),
            1 => letters[letters.len() - length..].iter().collect(),
            2 => format!("{} {}", self.chance.below(30), letters[..length].iter().collect::<String>()),
            3 => name.to_uppercase(),
            _ => name,
        }
    }

    fn statistics(&mut self) -> Request {
        let kind = self.kind();
        let Some(path) = self.chance.any(RESOURCES[kind].counted_at) else { return self.search() };
        let mut request = get(format!("{BASE}/{path}"));
        request.query = self.filters(kind, 2);
        request
    }

    fn export(&mut self) -> Request {
        let kind = self.kind();
        let mut request = get(format!("{}/export", collection(kind)));
        request.query = self.order(kind);
        request.query.push(("format".to_owned(), "csv".to_owned()));
        request
    }

    fn list(&mut self) -> Request {
        let kind = self.kind();
        let mut request = get(collection(kind));
        request.query = self.order(kind);
        request.query.extend(self.limit());
        request.query.extend(self.expand(kind));
        if self.chance.percent(20) {
            let total = *self.chance.pick(&["exact", "estimated", "none"]);
            request.query.push(("total".to_owned(), total.to_owned()));
        }
        request
    }

    /// Filters and sort keys.
    fn order(&mut self, kind: usize) -> Vec<(String, String)> {
        let mut query = self.filters(kind, 3);
        if self.chance.percent(70) {
            let mut sortable: Vec<ListField> = (RESOURCES[kind].fields)();
            sortable.retain(|field| field.is_sortable);
            let keys: Vec<String> = (0..=self.chance.below(3))
                .map(|_| {
                    let field = sortable.remove(self.chance.index(sortable.len())).name;
                    if self.chance.percent(50) { format!("-{field}") } else { field.to_owned() }
                })
                .collect();
            query.push(("sort".to_owned(), keys.join(",")));
        }
        query
    }

    fn filters(&mut self, kind: usize, most: u64) -> Vec<(String, String)> {
        let number = self.chance.below(most + 1);
        let mut query: Vec<(String, String)> = (0..number).map(|_| self.filter(kind)).collect();
        if self.chance.percent(15) {
            query.push(("q".to_owned(), self.words()));
        }
        query
    }

    fn filter(&mut self, of: usize) -> (String, String) {
        let ListField { name, kind, .. } = *self.chance.pick(&(RESOURCES[of].fields)());
        let operator = if self.chance.percent(3) { "like" } else { self.chance.pick(kind.operators()).as_ref() };
        let text = match operator {
            "is" => (*self.chance.pick(&["null", "not_null"])).to_owned(),
            "in" | "any" => {
                let texts: Vec<String> = (0..3).map(|_| self.text_of(of, name, kind)).collect();
                texts.join(",")
            }
            "contains" | "starts_with" => self.words(),
            _ => self.text_of(of, name, kind),
        };
        let is_plain = operator == "eq" && self.chance.percent(50);
        (if is_plain { name.to_owned() } else { format!("{name}.{operator}") }, text)
    }

    /// A value of a field as it stands in a query.
    fn text_of(&mut self, of: usize, name: &str, kind: Kind) -> String {
        if self.chance.percent(2) {
            return "nonsense".to_owned();
        }
        match kind {
            Kind::Time => self.chance.any(&self.times).cloned().unwrap_or_else(|| LONG_AGO.to_owned()),
            _ if name == "id" => self.id(of),
            _ => match self
                .referred(name)
                .map_or_else(|| good(&mut self.chance, RESOURCES[of].words, name), Value::from)
            {
                Value::String(text) => text,
                Value::Array(words) => words.first().map_or("vip", |word| word.as_str().unwrap_or_default()).to_owned(),
                other => other.to_string(),
            },
        }
    }

    fn bad(&mut self) -> Request {
        let id = self.id(0);
        let mut request = get(match self.chance.below(7) {
            0 => record(0, "not-a-uuid"),
            1 => format!("{BASE}/nothing"),
            _ => record(0, &id),
        });
        match self.chance.below(6) {
            0 => request.method = "PUT",
            1 => request.query.push(("colour".to_owned(), "red".to_owned())),
            2 => (request.method, request.body) = ("PATCH", Some("{".to_owned())),
            3 => (request.method, request.headers) = ("DELETE", vec![("If-Match", "W/\"1\"".to_owned())]),
            4 => (request.path, request.query) = (collection(0), vec![("cursor".to_owned(), "abc".to_owned())]),
            _ => (request.method, request.path, request.body) = ("POST", collection(1), Some("[]".to_owned())),
        }
        request
    }
}

fn get(path: String) -> Request {
    Request { method: "GET", path, ..Request::default() }
}

fn collection(kind: usize) -> String {
    RESOURCES[kind].path()
}

fn record(kind: usize, id: &str) -> String {
    format!("{}/{id}", collection(kind))
}

/// The place of the resource with this name.
fn place(name: &str) -> usize {
    RESOURCES.iter().position(|resource| resource.name == name).expect("a resource")
}
