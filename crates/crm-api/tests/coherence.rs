//! Two instances over one database and one Redis that is killed, frozen and emptied meanwhile: nobody may see a state older
//! than the last one that was acknowledged before they asked.

#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use crm_app::CacheSettings;
use crm_testkit::{Client, Instance, RedisServer, TestApp, TestDatabase};
use serde_json::{Value, json};
use tokio::task::yield_now;

/// What the checker does, and what it found.
struct Checker {
    clients: Vec<Client>,
    records: Vec<Record>,
    reads: Cell<u64>,
    wanted: u64,
    hits: Cell<u64>,
    stale: RefCell<Vec<String>>,
    failed: Cell<u64>,
}

struct Record {
    id: String,
    version: Cell<i64>,
    /// The last version whose write was acknowledged.
    acknowledged: Cell<i64>,
    is_being_written: Cell<bool>,
}

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }
}

impl Checker {
    async fn new(app: &TestApp, instances: &[Instance], records: usize, wanted: u64) -> Self {
        let mut made = Vec::new();
        for number in 0..records {
            let body = json!({"name": format!("Record {number}"), "potential_amount": "1.00"});
            let record = app.ann().post("/api/v1/organisations", body).await.expect(201).json();
            let id = record["id"].as_str().unwrap().to_owned();
            let (version, is_being_written) = (Cell::new(1), Cell::new(false));
            made.push(Record { id, version, acknowledged: Cell::new(1), is_being_written });
        }
        // Administrators and managers share answers; whoever sees a team only has their own.
        let clients = instances.iter().flat_map(|one| [one.client("ann"), one.client("max")]).collect();
        Self {
            clients,
            records: made,
            reads: Cell::new(0),
            wanted,
            hits: Cell::new(0),
            stale: RefCell::default(),
            failed: Cell::new(0),
        }
    }

    fn is_over(&self) -> bool {
        self.reads.get() >= self.wanted
    }

    async fn write(&self, mut chance: Chance) {
        while !self.is_over() {
            let record = &self.records[chance.below(self.records.len())];
            // The administrator of either instance.
            let client = &self.clients[chance.below(self.clients.len() / 2) * 2];
            if record.is_being_written.replace(true) {
                yield_now().await;
                continue;
            }
            let version = record.version.get();
            let body = json!({"notes": format!("state {}", version + 1)});
            let answer = client.patch(&format!("/api/v1/organisations/{}", record.id), version, body).await;
            if answer.status == 200 {
                record.version.set(version + 1);
                record.acknowledged.set(version + 1);
            } else {
                self.failed.set(self.failed.get() + 1);
            }
            record.is_being_written.set(false);
            // One write for so many reads.
            let until = self.reads.get() + 20;
            while self.reads.get() < until && !self.is_over() {
                yield_now().await;
            }
        }
    }

    async fn read(&self, mut chance: Chance) {
        while !self.is_over() {
            let client = &self.clients[chance.below(self.clients.len())];
            let known: Vec<i64> = self.records.iter().map(|record| record.acknowledged.get()).collect();
            let at = chance.below(self.records.len());
            let is_list = chance.below(3) == 0;
            let path = if is_list {
                "/api/v1/organisations?limit=200".to_owned()
            } else {
                format!("/api/v1/organisations/{}", self.records[at].id)
            };
            let answer = client.get(&path).await;
            self.reads.set(self.reads.get() + 1);
            if answer.status != 200 {
                self.failed.set(self.failed.get() + 1);
                continue;
            }
            if answer.header("x-cache") == "hit" {
                self.hits.set(self.hits.get() + 1);
            }
            let body = answer.json();
            let items = if is_list { body["items"].as_array().unwrap().clone() } else { vec![body] };
            for item in items {
                self.check(&item, &known, answer.header("x-cache"));
            }
        }
    }

    fn check(&self, item: &Value, known: &[i64], source: &str) {
        let at = self.records.iter().position(|record| item["id"] == record.id.as_str()).unwrap();
        let version = item["version"].as_i64().unwrap();
        if version < known[at] {
            let told = format!("record {at}: {version} after {} was acknowledged ({source})", known[at]);
            self.stale.borrow_mut().push(told);
        }
    }

    /// Runs all of them, and `trouble` beside.
    async fn run(&self, trouble: impl AsyncFnOnce(&Self)) {
        let chance = |number: u64| Chance(0x9e37_79b9_7f4a_7c15 ^ (number << 17));
        tokio::join!(
            self.write(chance(1)),
            self.write(chance(2)),
            self.read(chance(3)),
            self.read(chance(4)),
            self.read(chance(5)),
            self.read(chance(6)),
            trouble(self),
        );
    }
}

fn shared(server: &RedisServer) -> CacheSettings {
    CacheSettings { redis_url: Some(server.url()), ..CacheSettings::new() }
}

/// The same for a Redis that nobody has used before.
fn at_once(server: &RedisServer) -> CacheSettings {
    CacheSettings { settle: Duration::ZERO, ..shared(server) }
}

/// PostgreSQL where there is one.
fn database() -> TestDatabase {
    TestDatabase::postgres().unwrap_or_else(TestDatabase::sqlite)
}

async fn two(app: &TestApp, settings: &CacheSettings) -> Vec<Instance> {
    let mut instances = Vec::new();
    for _ in 0..2 {
        let instance = app.beside(settings.clone()).await;
        instance.app.start();
        instances.push(instance);
    }
    instances
}

async fn rests(checker: &Checker, reads: u64) {
    let until = checker.reads.get() + reads;
    while checker.reads.get() < until && !checker.is_over() {
        yield_now().await;
    }
}

async fn under_trouble(records: usize, reads: u64, pause: u64) {
    let Some(mut server) = RedisServer::start() else { return };
    let app = TestApp::spawn(database()).await;
    let instances = two(&app, &shared(&server)).await;
    let checker = Checker::new(&app, &instances, records, reads).await;
    checker
        .run(async |checker| {
            let mut chance = Chance(0x2545_f491_4f6c_dd1d);
            while !checker.is_over() {
                rests(checker, pause).await;
                match chance.below(3) {
                    0 => {
                        server.kill();
                        rests(checker, pause / 2).await;
                        server.restart();
                    }
                    1 => {
                        server.freeze();
                        rests(checker, pause / 2).await;
                        server.thaw();
                    }
                    _ => server.empty(),
                }
            }
        })
        .await;
    for instance in &instances {
        instance.app.stop();
        instance.app.leave().await;
    }
    println!("{} reads, {} hits, {} refused", checker.reads.get(), checker.hits.get(), checker.failed.get());
    let stale = checker.stale.borrow();
    assert!(
        stale.is_empty(),
        "{} of {} reads were stale, such as {:?}",
        stale.len(),
        reads,
        &stale[..stale.len().min(5)]
    );
    assert_eq!(checker.failed.get(), 0, "trouble with Redis is nobody's error");
}

#[actix_rt::test]
async fn no_read_is_older_than_an_acknowledged_write_whatever_becomes_of_redis() {
    under_trouble(10, 3_000, 400).await;
}

#[actix_rt::test]
#[ignore = "slow: a million reads"]
async fn no_read_of_a_million_is_older_than_an_acknowledged_write() {
    under_trouble(200, 1_000_000, 20_000).await;
}

#[actix_rt::test]
async fn without_trouble_reads_are_hits_and_none_is_stale() {
    let Some(server) = RedisServer::start() else { return };
    let app = TestApp::spawn(database()).await;
    let instances = two(&app, &at_once(&server)).await;
    let checker = Checker::new(&app, &instances, 5, 3_000).await;
    checker.run(async |_| {}).await;
    let stale = checker.stale.borrow();
    assert!(stale.is_empty(), "{} stale reads, such as {:?}", stale.len(), stale.first());
    // How many depends on how often a busy machine lets Redis answer in time.
    assert!(checker.hits.get() > 100, "{} hits", checker.hits.get());
}

#[actix_rt::test]
async fn a_cache_that_does_not_look_at_generations_is_found_out() {
    let Some(server) = RedisServer::start() else { return };
    let app = TestApp::spawn(database()).await;
    let settings = CacheSettings { generations: false, ..at_once(&server) };
    let instances = two(&app, &settings).await;
    let checker = Checker::new(&app, &instances, 5, 3_000).await;
    checker.run(async |_| {}).await;
    assert!(!checker.stale.borrow().is_empty(), "the checker sees nothing");
}
