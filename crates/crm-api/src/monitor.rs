//! Between the use cases, which know no monitoring, and the monitoring, which knows no use cases.

use std::{sync::Arc, time::Duration};

use crm_app::{
    App, Background, BreakerState, CacheHealth, CacheStatistics, Error, Load, Measurable, Meter, Running, Task,
    WeakApp, Work, listen,
};
use crm_monitoring::{Context, Family, Finding, Kind, Measurement, Monitoring, Need};

/// Measures whatever happens in a context: which monitoring that is, the context knows.
struct ByContext;

impl Meter for ByContext {
    fn begin(&self, operation: Measurable, name: &'static str) -> Option<Box<dyn Running>> {
        let context = Context::current()?;
        let measurement = context.performance()?.begin(kind(operation), name);
        Some(Box::new(Guard(measurement)))
    }

    fn carry(&self, work: Work) -> Work {
        match Context::current() {
            Some(context) => Box::new(move || context.run(work)),
            None => work,
        }
    }
}

fn kind(operation: Measurable) -> Kind {
    match operation {
        Measurable::UseCase => Kind::UseCase,
        Measurable::Wait => Kind::Wait,
        Measurable::UnitOfWork => Kind::UnitOfWork,
        Measurable::Statement => Kind::Statement,
        Measurable::Cache => Kind::Cache,
        Measurable::Job => Kind::Job,
        Measurable::Outgoing => Kind::Outgoing,
    }
}

struct Guard(Measurement);

impl Running for Guard {
    fn fail(&mut self, code: &'static str) {
        self.0.fail(code);
    }
}

/// Gives each job a context of its own: for the setting `background` of the use cases.
#[derive(Clone, Debug)]
pub struct Monitored(Monitoring);

impl Monitored {
    /// Jobs are watched by this monitoring.
    pub fn by(monitoring: &Monitoring) -> Arc<Self> {
        Arc::new(Self(monitoring.clone()))
    }
}

impl Background for Monitored {
    fn apart(&self, name: &'static str, task: Task) -> Task {
        Box::pin(self.0.job(name, task))
    }
}

/// How long the order of changes may lag behind before somebody should look at it.
const LAG: Duration = Duration::from_secs(30);

/// Lets the monitoring know the parts of these use cases, and what they count. It does not keep them from ending.
pub(crate) fn watch(monitoring: &Monitoring, app: &App) {
    listen(&ByContext);
    let (metrics, health, weak) = (monitoring.metrics(), monitoring.health(), app.downgrade());
    let counted = weak.clone();
    metrics.add_source(move || counted.upgrade().map(|app| all_families(&app)).unwrap_or_default());
    for (name, part) in [("database", Part::Database), ("schema", Part::Schema)] {
        let asked = weak.clone();
        health.register(name, Need::Necessary, move || answers(asked.clone(), part));
    }
    let asked = weak.clone();
    health.register("relay", Need::Useful, move || {
        std::future::ready(asked.upgrade().map_or_else(ended, |app| relay(app.load().relay_lag)))
    });
    let asked = weak.clone();
    health.register("bus", Need::Useful, move || {
        std::future::ready(asked.upgrade().map_or_else(ended, |app| bus(&app.load())))
    });
    let asked = weak;
    health.register("cache", Need::Useful, move || {
        std::future::ready(asked.upgrade().map_or_else(ended, |app| cache(app.cache().health())))
    });
    let folder = app.settings().import_directory.clone();
    health.register("disk", Need::Useful, move || crm_monitoring::disk(folder.clone()));
}

#[derive(Clone, Copy)]
enum Part {
    Database,
    Schema,
}

/// A database that cannot be reached tells nothing about its schema, and one with another schema answers.
async fn answers(app: WeakApp, part: Part) -> Finding {
    let Some(app) = app.upgrade() else { return ended() };
    let Err(error) = app.ready().await else { return Finding::ok() };
    match part {
        _ if error.is_about_schema() == matches!(part, Part::Schema) => Finding::failed(causes(&error)),
        Part::Database => Finding::ok(),
        Part::Schema => Finding::degraded("it cannot be looked at"),
    }
}

fn ended() -> Finding {
    Finding::failed("it has ended")
}

fn relay(lag: Duration) -> Finding {
    if lag < LAG { Finding::ok() } else { Finding::degraded(format_args!("{} s behind", lag.as_secs())) }
}

fn bus(load: &Load) -> Finding {
    match (load.is_bus_shared, load.bus.is_listening) {
        (false, _) => Finding::off(),
        (true, true) => Finding::ok(),
        (true, false) => Finding::degraded("other instances are heard of within a second, and not at once"),
    }
}

fn cache(health: CacheHealth) -> Finding {
    match health {
        CacheHealth::Up => Finding::ok(),
        CacheHealth::Degraded => Finding::degraded("Redis cannot be relied on: reads go to the database"),
        CacheHealth::Off => Finding::off(),
    }
}

fn causes(error: &Error) -> String {
    let first: &(dyn std::error::Error + 'static) = error;
    let chain = std::iter::successors(Some(first), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn all_families(app: &App) -> Vec<Family> {
    let (load, cache) = (app.load(), app.cache().known_statistics());
    families(&load).into_iter().chain(cache_families(&cache)).chain(realtime_families(&load)).collect()
}

fn cache_families(cache: &CacheStatistics) -> Vec<Family> {
    let mut reads = Family::counter("crm_cache_reads_total", "Reads by resource and by where their answer came from.");
    for (group, counts) in &cache.groups {
        for (outcome, number) in [
            ("memory_hit", counts.memory_hits),
            ("redis_hit", counts.redis_hits),
            ("miss", counts.misses),
            ("bypass", counts.bypasses),
        ] {
            reads = reads.with(&[("resource", group), ("outcome", outcome)], total(number));
        }
    }
    let entries = Family::gauge("crm_cache_entries", "Answers kept in the process.");
    let bytes = Family::gauge("crm_cache_bytes", "Their size.");
    let evictions = Family::counter("crm_cache_evictions_total", "Answers that made room or expired.");
    let errors = Family::counter("crm_cache_redis_errors_total", "Calls of Redis that failed or came too late.");
    let open = Family::gauge("crm_cache_breaker_open", "1 while Redis is left alone.");
    let owed = Family::gauge("crm_cache_owed", "Writes that Redis has not been told of yet.");
    let redis = cache.redis;
    vec![
        reads,
        entries.with(&[], total(cache.memory_entries)),
        bytes.with(&[], total(cache.memory_bytes)),
        evictions.with(&[], total(cache.evictions)),
        errors.with(&[], total(redis.map_or(0, |redis| redis.errors))),
        open.with(&[], redis.is_some_and(|redis| redis.breaker != BreakerState::Closed).into()),
        owed.with(&[], total(redis.map_or(0, |redis| redis.owed))),
    ]
}

fn realtime_families(load: &Load) -> Vec<Family> {
    let (bus, realtime) = (&load.bus, &load.realtime);
    vec![
        Family::counter("crm_bus_events_total", "Events between instances, by what became of them.")
            .with(&[("outcome", "published")], total(bus.published))
            .with(&[("outcome", "received")], total(bus.received))
            .with(&[("outcome", "lost")], total(bus.lost)),
        Family::counter("crm_bus_gaps_total", "Gaps that were noticed and caught up with from the change log.")
            .with(&[], total(bus.gaps)),
        Family::gauge("crm_sockets", "Sockets that are open.").with(&[], total(realtime.sockets)),
        Family::counter("crm_socket_events_total", "Events for sockets, by what became of them.")
            .with(&[("outcome", "pushed")], total(realtime.pushed))
            .with(&[("outcome", "overflowed")], total(realtime.overflowed)),
        Family::counter("crm_sockets_ended_total", "Sockets that were not let in or were ended, by why.")
            .with(&[("reason", "too_many")], total(realtime.refused))
            .with(&[("reason", "withdrawn")], total(realtime.withdrawn)),
    ]
}

fn families(load: &Load) -> Vec<Family> {
    let mut connections = Family::gauge("crm_database_connections", "Connections of a pool, by their state.");
    let mut most = Family::gauge("crm_database_connections_max", "How many connections a pool may have.");
    for pool in load.pools {
        let used = f64::from(pool.open.saturating_sub(pool.idle));
        connections = connections
            .with(&[("pool", pool.name), ("state", "used")], used)
            .with(&[("pool", pool.name), ("state", "idle")], f64::from(pool.idle));
        most = most.with(&[("pool", pool.name)], f64::from(pool.most));
    }
    let waiting = Family::gauge("crm_queue_depth", "What waits or is being worked on, by queue.")
        .with(&[("queue", "hashing")], total(load.hashing as u64))
        .with(&[("queue", "mail")], total(load.letters as u64))
        .with(&[("queue", "imports")], total(load.imports as u64));
    let lag = Family::gauge("crm_relay_lag_seconds", "For how long a change may have been waiting for its position.");
    vec![connections, most, waiting, lag.with(&[], load.relay_lag.as_secs_f64())]
}

#[expect(clippy::cast_precision_loss, reason = "a metric that has come so far may be off by one")]
fn total(number: u64) -> f64 {
    number as f64
}
