//! `kill -9` under write load: what was acknowledged is there after the restart, with its rows in the change log, and
//! nothing is there twice or by half.
//!
//! Each writer has one request under way when the server dies. Nobody knows what became of it, so it is sent again with
//! the same `Idempotency-Key` or the same `If-Match`, and must have happened exactly once in the end.

#![allow(clippy::unwrap_used)] // It is test code, which the lint does not see outside of the tests themselves.

mod support;

use std::{collections::BTreeMap, os::unix::process::ExitStatusExt, thread, time::Duration};

use crm_testkit::TestDatabase;
use serde_json::{Value, json};
use support::{PATIENCE, Place, Server};

/// Enough to notice a store that never keeps its promise, in the few seconds that a test of every day may take.
const FEW: usize = 5;
const MANY: usize = 50;
const WRITERS: usize = 6;
const EMAIL: &str = "ann@example.com";
const PASSWORD: &str = "a long and quiet afternoon";

#[test]
fn a_killed_server_has_kept_every_acknowledged_write_once_on_sqlite() {
    on_sqlite(FEW);
}

#[test]
fn a_killed_server_has_kept_every_acknowledged_write_once_on_postgresql() {
    on_postgresql(FEW);
}

#[test]
#[ignore = "slow: a minute or more, 50 kills"]
fn fifty_kills_lose_and_double_nothing_on_sqlite() {
    on_sqlite(MANY);
}

#[test]
#[ignore = "slow: a minute or more, 50 kills"]
fn fifty_kills_lose_and_double_nothing_on_postgresql() {
    on_postgresql(MANY);
}

fn on_sqlite(rounds: usize) {
    // What the dead process had not committed is rolled back when the file is opened.
    kill_again_and_again(rounds, &Place::new(), || {});
}

fn on_postgresql(rounds: usize) {
    let Some(database) = TestDatabase::postgres() else { return };
    let place = Place::new().with("CRM__DATABASE__URL", &database.settings.url);
    // The database's server outlives ours, and may still be ending what the dead process had begun.
    kill_again_and_again(rounds, &place, || database.execute(EVERY_CONNECTION_IS_IDLE));
}

const EVERY_CONNECTION_IS_IDLE: &str = "DO $$ BEGIN
    WHILE EXISTS (SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle')
    LOOP PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP;
END $$";

fn kill_again_and_again(rounds: usize, place: &Place, settle: impl Fn()) {
    let add = ["user", "add", "--email", EMAIL, "--name", "Ann", "--role", "admin", "--password-stdin"];
    place.run_with_input(&add, PASSWORD).done();
    let mut everything = Acknowledged::new();
    let (mut server, mut position) = (place.serve(), 0);
    let (mut done, mut undone) = (0, 0);
    for round in 0..rounds {
        let client = Client::sign_in(&server);
        let (mut acknowledged, unanswered) = write_until_killed(server, &client, round);
        server = place.serve();
        settle();
        // The session has survived too: only the address is new.
        let client = Client { base: server.http.clone(), ..client };
        let names = format!("Round-{round}-");
        let seen = Seen::now(&client, &names, position);
        assert_eq!(seen.faults(&acknowledged, &unanswered, position), [""; 0], "round {round}, after the kill");
        for request in &unanswered {
            let was_done = seen.shows(request);
            let answer = request.send(&client).unwrap();
            assert_eq!(request.was_done_before(&answer), was_done, "round {round}: {request:?}: {answer:?}");
            request.happened(&answer, &mut acknowledged);
            *(if was_done { &mut done } else { &mut undone }) += 1;
        }
        let seen = Seen::now(&client, &names, position);
        assert_eq!(seen.faults(&acknowledged, &[], position), [""; 0], "round {round}, after sending again");
        position += i64::try_from(seen.positions.len()).unwrap();
        everything.append(&mut acknowledged);
    }
    let seen = Seen::now(&Client::sign_in(&server), "Round-", 0);
    assert_eq!(seen.faults(&everything, &[], 0), [""; 0], "after all rounds");
    let records = everything.len();
    println!("{rounds} kills, {records} records, {position} changes; unanswered: {done} done, {undone} not");
    assert!(records >= rounds, "there was no load");
}

/// Writes with all writers until the server is dead.
fn write_until_killed(server: Server, client: &Client, round: usize) -> (Acknowledged, Vec<Request>) {
    thread::scope(|scope| {
        let writer = |writer| scope.spawn(move || write(client, &format!("Round-{round}-writer-{writer}")));
        let writers: Vec<_> = (0..WRITERS).map(writer).collect();
        let moment = Duration::from_millis(100 + u64::from(random(500)));
        #[expect(clippy::disallowed_methods, reason = "the kill waits for no event: any moment must do")]
        thread::sleep(moment);
        server.signal("KILL");
        assert_eq!(server.end().0.signal(), Some(9), "it was alive until then");
        let mut all = (Acknowledged::new(), Vec::new());
        for writer in writers {
            let (mut acknowledged, unanswered) = writer.join().unwrap();
            all.0.append(&mut acknowledged);
            all.1.push(unanswered);
        }
        all
    })
}

/// One writer: what was acknowledged to it, and the request that was not.
fn write(client: &Client, name: &str) -> (Acknowledged, Request) {
    let mut acknowledged = Acknowledged::new();
    for number in 0.. {
        let request = Request::any(&acknowledged, &format!("{name}-number-{number}"));
        match request.send(client) {
            Ok(answer) => {
                assert!(!request.was_done_before(&answer), "{request:?}: {answer:?}");
                request.happened(&answer, &mut acknowledged);
            }
            Err(_dead) => return (acknowledged, request),
        }
    }
    unreachable!("the server is killed long before the numbers end")
}

/// What the client knows of its records, by id.
type Acknowledged = BTreeMap<String, State>;

/// A record as it must be, or as it is; of a deleted one only the version is known.
#[derive(Clone, Debug, PartialEq)]
struct State {
    version: i64,
    live: Option<Fields>,
}

#[derive(Clone, Debug, PartialEq)]
struct Fields {
    name: String,
    notes: Option<String>,
}

impl State {
    fn read(record: &Value) -> Self {
        let fields = Fields { name: text(&record["name"]), notes: record["notes"].as_str().map(str::to_owned) };
        Self { version: record["version"].as_i64().unwrap(), live: Some(fields) }
    }
}

/// Something that a writer asks for; sent again, it is the same request.
#[derive(Clone, Debug)]
enum Request {
    /// One record by itself, several by an atomic batch.
    Create {
        names: Vec<String>,
    },
    Update {
        id: String,
        from: State,
        notes: String,
    },
    Delete {
        id: String,
        from: State,
    },
}

impl Request {
    /// Something to do with the writer's own records. `name` is unique.
    fn any(own: &Acknowledged, name: &str) -> Self {
        let live: Vec<_> = own.iter().filter(|(_, state)| state.live.is_some()).collect();
        let choice = if live.is_empty() { 0 } else { random(8) };
        if choice < 3 {
            return Self::Create { names: vec![name.to_owned()] };
        }
        if choice == 3 {
            return Self::Create { names: ["a", "b", "c"].map(|part| format!("{name}-{part}")).to_vec() };
        }
        let (id, from) = live[random(u32::try_from(live.len()).unwrap()) as usize];
        let (id, from) = (id.clone(), from.clone());
        if choice == 4 { Self::Delete { id, from } } else { Self::Update { id, from, notes: name.to_owned() } }
    }

    /// Sends it until the server has the time for it; an error means that there was no whole answer.
    fn send(&self, client: &Client) -> Result<Answer, ureq::Error> {
        for _ in 0..1000 {
            let answer = self.send_once(client)?;
            if answer.status != 503 {
                return Ok(answer);
            }
        }
        panic!("the server has no time for {self:?}")
    }

    fn send_once(&self, client: &Client) -> Result<Answer, ureq::Error> {
        let Client { agent, base, token } = client;
        let base = format!("{base}/api/v1/organisations");
        let answer = match self {
            Self::Create { names } => {
                let one = |name: &String| json!({"name": name});
                let operation = |name| json!({"op": "create", "data": one(name)});
                let (path, body) = match names.as_slice() {
                    [name] => (base, one(name)),
                    names => {
                        let operations: Vec<Value> = names.iter().map(operation).collect();
                        (format!("{base}/batch"), json!({"operations": operations, "atomic": true}))
                    }
                };
                agent.post(path).header("Authorization", token).header("Idempotency-Key", &names[0]).send_json(body)
            }
            Self::Update { id, from, notes } => {
                let request = agent.patch(format!("{base}/{id}")).header("Authorization", token);
                request.header("If-Match", from.tag()).send_json(json!({"notes": notes}))
            }
            Self::Delete { id, from } => {
                let request = agent.delete(format!("{base}/{id}")).header("Authorization", token);
                request.header("If-Match", from.tag()).call()
            }
        };
        Answer::read(answer?)
    }

    /// Whether the answer says that the request had been done before it came.
    fn was_done_before(&self, answer: &Answer) -> bool {
        match self {
            Self::Create { .. } => answer.replayed,
            Self::Update { .. } => answer.status == 412,
            Self::Delete { .. } => answer.status == 404,
        }
    }

    /// Takes note of what the client knows now.
    fn happened(&self, answer: &Answer, known: &mut Acknowledged) {
        let wanted = match self {
            Self::Create { names } if names.len() > 1 => 200,
            Self::Create { .. } => 201,
            Self::Update { .. } => 200,
            Self::Delete { .. } => 204,
        };
        let was_done = answer.status == wanted || self.was_done_before(answer);
        assert!(was_done, "{self:?}: {answer:?}");
        if let Self::Create { names } = self {
            let records = match answer.body["results"].as_array() {
                None => vec![&answer.body],
                Some(results) => results.iter().map(|result| &result["record"]).collect(),
            };
            assert_eq!(records.len(), names.len(), "{answer:?}");
            for (record, name) in records.into_iter().zip(names) {
                let state = State { version: 1, live: Some(Fields { name: name.clone(), notes: None }) };
                assert_eq!(State::read(record), state);
                known.insert(text(&record["id"]), state);
            }
        }
        known.extend(self.after());
    }

    /// The record that it changes, as it is afterwards.
    fn after(&self) -> Option<(String, State)> {
        match self {
            Self::Create { .. } => None,
            Self::Update { id, from, notes } => {
                let live = from.live.clone().map(|fields| Fields { notes: Some(notes.clone()), ..fields });
                Some((id.clone(), State { version: from.version + 1, live }))
            }
            Self::Delete { id, from } => Some((id.clone(), State { version: from.version + 1, live: None })),
        }
    }
}

impl State {
    fn tag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

/// What can be seen from outside.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Those of all changes, in the order of the change log.
    positions: Vec<i64>,
    records: BTreeMap<String, SeenRecord>,
}

/// One organisation through each door.
#[derive(Clone, Debug, Default)]
struct SeenRecord {
    /// Its name in the change log.
    name: String,
    /// Its versions in the change log, and in its own history.
    logged: Vec<i64>,
    history: Vec<i64>,
    /// Whether its last change says that it was deleted.
    deleted: bool,
    read: Option<State>,
    listed: Vec<State>,
}

impl Seen {
    /// Everything behind a position of the change log, and in the list under names that begin so.
    fn now(client: &Client, names: &str, position: i64) -> Self {
        let mut seen = Self::default();
        let mut after = position.to_string();
        loop {
            let page = client.get(&format!("changes?limit=200&after={after}")).done();
            for change in page["items"].as_array().unwrap() {
                seen.positions.push(change["position"].as_i64().unwrap());
                if change["resource"] == "organisations" {
                    seen.records.entry(text(&change["id"])).or_default().add(change);
                }
            }
            let Some(next) = page["next_cursor"].as_str() else { break };
            next.clone_into(&mut after);
        }
        let mut cursor = String::new();
        loop {
            let page = client.get(&format!("organisations?limit=200&name.starts_with={names}{cursor}")).done();
            for item in page["items"].as_array().unwrap() {
                seen.records.entry(text(&item["id"])).or_default().listed.push(State::read(item));
            }
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        for (id, record) in &mut seen.records {
            let answer = client.get(&format!("organisations/{id}"));
            record.read = (answer.status != 404).then(|| State::read(&answer.done()));
            let history = client.get(&format!("organisations/{id}/history?limit=200")).done();
            let versions = history["items"].as_array().unwrap().iter().rev();
            record.history = versions.map(|change| change["version"].as_i64().unwrap()).collect();
        }
        seen
    }

    /// Whether the request has been done, wholly or in part.
    fn shows(&self, request: &Request) -> bool {
        match (request, request.after()) {
            (Request::Create { names }, _) => self.records.values().any(|record| names.contains(&record.name)),
            (_, Some((id, after))) => self.records.get(&id).is_some_and(|record| record.state() == after),
            (_, None) => false,
        }
    }

    /// What must not be. Each unanswered request may have been done or not, but not by half.
    fn faults(&self, acknowledged: &Acknowledged, unanswered: &[Request], position: i64) -> Vec<String> {
        let mut faults: Vec<String> = self
            .records
            .iter()
            .filter_map(|(id, record)| record.fault().map(|fault| format!("{id}: {fault}")))
            .collect();
        let gap = (position + 1..).zip(&self.positions).find(|(expected, position)| expected != *position);
        faults.extend(gap.map(|(expected, found)| format!("position {found} stands where {expected} should")));

        let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
        self.records.values().for_each(|record| *by_name.entry(&record.name).or_default() += 1);
        faults
            .extend(by_name.iter().filter(|(_, times)| **times > 1).map(|(name, _)| format!("{name} is there twice")));

        let unsure: BTreeMap<String, State> = unanswered.iter().filter_map(Request::after).collect();
        for (id, state) in acknowledged {
            match self.records.get(id).map(SeenRecord::state) {
                None => faults.push(format!("{id} is lost: {state:?}")),
                Some(seen) if seen == *state || Some(&seen) == unsure.get(id) => {}
                Some(seen) => faults.push(format!("{id} is {seen:?} and not {state:?}")),
            }
        }

        let mut nobodys: Vec<&str> = self
            .records
            .iter()
            .filter(|(id, _)| !acknowledged.contains_key(*id))
            .map(|(_, record)| record.name.as_str())
            .collect();
        for request in unanswered {
            let Request::Create { names } = request else { continue };
            let there = names.iter().filter(|name| by_name.contains_key(name.as_str())).count();
            if there != 0 && there != names.len() {
                faults.push(format!("{there} of {names:?}"));
            }
            nobodys.retain(|name| !names.iter().any(|wanted| wanted == name));
        }
        faults.extend(nobodys.iter().map(|name| format!("nobody asked for {name}")));
        faults
    }
}

impl SeenRecord {
    fn add(&mut self, change: &Value) {
        if change["action"] == "created" {
            let fields = change["changed"].as_array().unwrap();
            self.name = text(&fields.iter().find(|field| field["field"] == "name").unwrap()["new"]);
        }
        self.logged.push(change["version"].as_i64().unwrap());
        self.deleted = change["action"] == "deleted";
    }

    fn state(&self) -> State {
        let version = self.logged.last().copied().unwrap_or_default();
        State { version, live: self.read.clone().and_then(|read| read.live) }
    }

    /// Every version has one row of the log, and all doors show the same.
    fn fault(&self) -> Option<String> {
        let last = i64::try_from(self.logged.len()).unwrap();
        let is_logged = last > 0 && self.logged.iter().copied().eq(1..=last) && self.history == self.logged;
        let is_shown = self.listed.as_slice() == self.read.as_slice() && self.read.is_none() == self.deleted;
        let is_current = self.read.as_ref().is_none_or(|read| {
            read.version == last && read.live.as_ref().is_some_and(|fields| fields.name == self.name)
        });
        (!(is_logged && is_shown && is_current)).then(|| format!("{self:?}"))
    }
}

struct Client {
    agent: ureq::Agent,
    base: String,
    token: String,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    replayed: bool,
    body: Value,
}

impl Client {
    fn sign_in(server: &Server) -> Self {
        let settings = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        let (status, body) = support::post(
            &format!("{}/api/v1/auth/login", server.http),
            &json!({"email": EMAIL, "password": PASSWORD}),
        );
        assert_eq!(status, 200, "{body}");
        let token = format!("Bearer {}", text(&body["access_token"]));
        Self { agent: settings.build().into(), base: server.http.clone(), token }
    }

    fn get(&self, path: &str) -> Answer {
        let request = self.agent.get(format!("{}/api/v1/{path}", self.base)).header("Authorization", &self.token);
        Answer::read(request.call().unwrap()).unwrap()
    }
}

impl Answer {
    /// Reads it to its end: an answer that breaks off acknowledges nothing.
    fn read(mut answer: ureq::http::Response<ureq::Body>) -> Result<Self, ureq::Error> {
        let text = answer.body_mut().read_to_string()?;
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        let replayed = answer.headers().contains_key("idempotency-replayed");
        Ok(Self { status: answer.status().as_u16(), replayed, body })
    }

    fn done(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// A number below a limit.
fn random(limit: u32) -> u32 {
    getrandom::u32().unwrap() % limit
}

#[test]
fn the_check_finds_whatever_is_lost_doubled_or_half_done() {
    let state = |name: &str, version| {
        let notes = (version > 1).then(|| "new".to_owned());
        State { version, live: Some(Fields { name: name.to_owned(), notes }) }
    };
    let record = |name: &str, version| SeenRecord {
        name: name.to_owned(),
        logged: (1..=version).collect(),
        history: (1..=version).collect(),
        deleted: false,
        read: Some(state(name, version)),
        listed: vec![state(name, version)],
    };
    let gone = SeenRecord { deleted: true, read: None, listed: Vec::new(), ..record("gone", 2) };
    let records = [("1", record("one", 2)), ("2", record("two", 1)), ("3", gone)];
    let records = records.map(|(id, record)| (id.to_owned(), record)).into();
    let seen = Seen { positions: vec![8, 9, 10, 11, 12], records };
    let acknowledged: Acknowledged = seen.records.iter().map(|(id, record)| (id.clone(), record.state())).collect();
    let create = Request::Create { names: vec!["three".to_owned(), "four".to_owned()] };
    let update = Request::Update { id: "2".to_owned(), from: state("two", 1), notes: "new".to_owned() };
    let delete = Request::Delete { id: "1".to_owned(), from: state("one", 2) };
    let unanswered = [create, update, delete];
    let faults = |change: &dyn Fn(&mut BTreeMap<String, SeenRecord>)| {
        let mut seen = seen.clone();
        change(&mut seen.records);
        seen.faults(&acknowledged, &unanswered, 7)
    };
    assert_eq!(faults(&|_| {}), [""; 0], "nothing unanswered was done");
    let all_done = |records: &mut BTreeMap<String, SeenRecord>| {
        let gone = SeenRecord { deleted: true, read: None, listed: Vec::new(), ..record("one", 3) };
        let done = [("1", gone), ("2", record("two", 2)), ("4", record("three", 1)), ("5", record("four", 1))];
        records.extend(done.map(|(id, record)| (id.to_owned(), record)));
    };
    assert_eq!(faults(&all_done), [""; 0], "everything unanswered was done");

    let with =
        |id: &str, record: SeenRecord| faults(&move |records| drop(records.insert(id.to_owned(), record.clone())));
    let changed = |change: fn(&mut SeenRecord)| faults(&move |records| change(records.get_mut("1").unwrap()));
    for (wrong, faults) in [
        ("lost", faults(&|records| drop(records.remove("2")))),
        ("lost last change", with("1", record("one", 1))),
        ("change that nobody asked for", with("1", record("one", 3))),
        ("record that nobody asked for", with("9", record("nine", 1))),
        ("back from the dead", with("3", record("gone", 2))),
        ("half a batch", with("4", record("three", 1))),
        ("made twice", with("4", record("two", 1))),
        ("no row of the log", changed(|record| record.logged.truncate(1))),
        ("no row for a record", changed(|record| record.logged.clear())),
        ("two rows for a version", changed(|record| record.logged.push(2))),
        ("rows out of order", changed(|record| record.logged.reverse())),
        ("history without a change", changed(|record| record.history.truncate(1))),
        ("listed twice", changed(|record| record.listed.extend(record.read.clone()))),
        ("not listed", changed(|record| record.listed.clear())),
        ("not readable", changed(|record| record.read = None)),
        ("read otherwise than listed", changed(|record| record.read.as_mut().unwrap().version = 1)),
        ("deleted in the log alone", changed(|record| record.deleted = true)),
    ] {
        assert_ne!(faults, [""; 0], "{wrong}");
    }
    for positions in [vec![9, 10], vec![8, 10], vec![8, 8], vec![8, 10, 9]] {
        let seen = Seen { positions, ..seen.clone() };
        assert_ne!(seen.faults(&acknowledged, &unanswered, 7), [""; 0], "{:?}", seen.positions);
    }
}
