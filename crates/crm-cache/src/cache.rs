//! The one call that a read is wrapped in, and everything else that can be done with the cache.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use moka::{Expiry, notification::RemovalCause, sync::Cache as Memory};
use tokio::runtime::Handle;

use crate::{
    Answer, BreakerState, CacheHealth, CacheSettings, CacheStatistics, Key, Outcome, Reach, RedisStatistics, Stored,
    Topic,
    flight::{Flight, Flights, Lead, ended},
    generations::{Generations, Moment},
    redis::Redis,
    statistics::{self, Counters, Counts, count},
};

/// Larger answers are not kept, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;

/// So many keys are remembered for which one load is of no use to others.
const HINTS: u64 = 10_000;

/// What the last load of a key came to, where that was nothing to be shared by all with the same permissions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Hint {
    Personal,
    Unkept,
}

/// The read cache. Cheap to clone; all clones share it.
#[derive(Clone, Debug)]
pub struct Cache(Arc<Inner>);

struct Inner {
    settings: CacheSettings,
    generations: Arc<Generations>,
    memory: Memory<[u8; 32], Kept>,
    redis: Option<Arc<Redis>>,
    flights: Flights,
    hints: Memory<[u8; 32], Hint>,
    counters: Arc<Counters>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Cache").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Kept {
    stored: Arc<Stored>,
    ttl: Duration,
}

struct OwnTtl;

impl Expiry<[u8; 32], Kept> for OwnTtl {
    fn expire_after_create(&self, _key: &[u8; 32], kept: &Kept, _at: Instant) -> Option<Duration> {
        Some(kept.ttl)
    }

    fn expire_after_update(&self, _: &[u8; 32], kept: &Kept, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(kept.ttl)
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the address of Redis cannot be used: {0}")]
pub struct BadAddress(#[from] redis::RedisError);

/// The two names of an answer: for all with the same permissions, and for one caller among them.
#[derive(Clone, Debug)]
pub struct Keys {
    /// For all with the same permissions.
    pub shared: Key,
    /// For one caller.
    pub personal: Key,
}

/// What a loader came back with.
#[derive(Debug)]
pub enum Loaded<T> {
    /// An answer that may be kept, what it depends on, and who else may be given it.
    Answer(Answer, Vec<Topic>, Reach),
    /// An answer that is good for now only.
    Passing(Answer),
    /// Something that is for this one caller now.
    Other(T),
}

/// What a read came to.
#[derive(Debug)]
pub enum Found<T> {
    /// An answer, from the cache or about to be kept there.
    Answer(Arc<Stored>),
    /// What the loader would not have kept.
    Other(T),
}

/// Whether a read asks the cache.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Use {
    /// It does.
    Cache,
    /// It goes to the database.
    Database,
}

impl Cache {
    /// A cache with these settings. A Redis that cannot be reached is no error: it is looked for whenever it is needed.
    pub fn new(settings: CacheSettings) -> Result<Self, BadAddress> {
        let counters = Arc::new(Counters::default());
        let generations = Arc::new(Generations::new(0, settings.generations));
        let url = settings.redis_url.as_deref();
        let redis =
            url.map(|url| Redis::new(url, &settings, Arc::clone(&generations), Arc::clone(&counters))).transpose()?;
        let evictions = Arc::clone(&counters);
        let memory = Memory::builder()
            .max_capacity(settings.memory_bytes)
            .weigher(|_key, kept: &Kept| kept.stored.weight())
            .expire_after(OwnTtl)
            .eviction_listener(move |_key, _kept, cause| {
                if matches!(cause, RemovalCause::Size | RemovalCause::Expired) {
                    count(&evictions.evictions);
                }
            })
            .build();
        let (redis, flights, hints) = (redis.map(Arc::new), Flights::default(), Memory::new(HINTS));
        Ok(Self(Arc::new(Inner { settings, generations, memory, redis, flights, hints, counters })))
    }

    /// A cache that keeps nothing.
    pub fn off() -> Self {
        Self::new(CacheSettings::off()).expect("without an address there is none that is bad")
    }

    /// Whether it keeps anything at all.
    pub fn is_on(&self) -> bool {
        self.0.settings.memory_bytes > 0
    }

    /// Whether other instances may tell it, through Redis, what they have written.
    pub fn is_shared(&self) -> bool {
        self.0.redis.is_some()
    }

    /// Begins to count among the instances that share a Redis, until [`Cache::stop`] is awaited. Must be called within a tokio
    /// runtime that lasts.
    pub async fn keep_counting(&self) {
        let Some(redis) = self.0.redis.clone() else { return };
        loop {
            let _tried_again = self.count().await;
            tokio::time::sleep(redis.pulse()).await;
        }
    }

    /// Counts for as long as one lease runs, and pays what is owed; whether Redis has taken it. The first time it only learns
    /// how late it is there.
    pub async fn count(&self) -> bool {
        match &self.0.redis {
            Some(redis) => redis.renew().await.is_ok(),
            None => true,
        }
    }

    /// Takes leave of the other instances. What is written afterwards may be missed by them.
    pub async fn stop(&self) {
        if let Some(redis) = &self.0.redis {
            redis.leave().await;
        }
    }

    /// One read: from the cache if it has an answer that is good now, else from `load`, and then kept.
    ///
    /// The answer is never older than the last write that was acknowledged before this call. Of several that miss the same
    /// key at once one loads; the others look again when it is done.
    pub async fn read<T, E>(
        &self,
        keys: &Keys,
        wish: Use,
        ttl: Option<Duration>,
        load: impl AsyncFnOnce() -> Result<Loaded<T>, E>,
    ) -> Result<(Found<T>, Outcome), E> {
        let counts = self.0.counters.of(keys.shared.group());
        let moment = if wish == Use::Cache { self.moment().await } else { None };
        let Some(moment) = moment else {
            count(&counts.bypasses);
            let found = match load().await? {
                Loaded::Answer(answer, ..) | Loaded::Passing(answer) => passing(keys, answer),
                Loaded::Other(other) => Found::Other(other),
            };
            return Ok((found, Outcome::Bypass));
        };
        if let Some(stored) = self.find(keys, &counts).await {
            return Ok((Found::Answer(stored), Outcome::Hit));
        }
        let _lead = self.wait_for_others(keys).await;
        // Whoever was faster may just have kept it.
        if let Some(stored) = self.remembered(keys) {
            count(&counts.memory_hits);
            return Ok((Found::Answer(stored), Outcome::Hit));
        }
        count(&counts.misses);
        let found = match load().await? {
            Loaded::Answer(answer, topics, reach) => {
                Found::Answer(self.keep(keys, moment, ttl, (answer, topics, reach)))
            }
            Loaded::Passing(answer) => {
                self.0.hints.insert(keys.shared.hash(), Hint::Unkept);
                passing(keys, answer)
            }
            Loaded::Other(other) => {
                self.0.hints.insert(keys.shared.hash(), Hint::Unkept);
                Found::Other(other)
            }
        };
        Ok((found, Outcome::Miss))
    }

    /// The same on a thread that may block, within a tokio runtime.
    pub fn read_blocking<T, E>(
        &self,
        keys: &Keys,
        wish: Use,
        ttl: Option<Duration>,
        load: impl FnOnce() -> Result<Loaded<T>, E>,
    ) -> Result<(Found<T>, Outcome), E> {
        Handle::current().block_on(self.read(keys, wish, ttl, async || load()))
    }

    /// The answer under a key, if it is good now.
    pub async fn get(&self, keys: &Keys) -> Option<Arc<Stored>> {
        self.moment().await?;
        self.find(keys, &self.0.counters.of(keys.shared.group())).await
    }

    /// Keeps an answer that was worked out after `begun`.
    pub fn set(&self, keys: &Keys, begun: Begun, answer: Answer, topics: Vec<Topic>, reach: Reach) {
        self.keep(keys, begun.0, None, (answer, topics, reach));
    }

    /// The time before something is worked out that is to be kept; none while nothing can be.
    pub async fn begin(&self) -> Option<Begun> {
        self.moment().await.map(Begun)
    }

    /// Forgets the answer under a key, in this process and in Redis.
    pub async fn delete(&self, key: &Key) {
        self.0.memory.invalidate(&key.hash());
        if let Some(redis) = &self.0.redis {
            redis.delete(key).await;
        }
    }

    /// Makes stale what depends on any of these, everywhere. To be called after the commit, and awaited before the write is
    /// acknowledged.
    pub async fn bump(&self, topics: &[Topic]) {
        match &self.0.redis {
            _ if topics.is_empty() => {}
            // Others may keep what this instance does not.
            Some(redis) => redis.bump(topics).await,
            None => self.0.generations.bump(topics),
        }
    }

    /// The same on a thread that may block. With Redis it needs a tokio runtime.
    pub fn bump_blocking(&self, topics: &[Topic]) {
        match &self.0.redis {
            Some(_) if !topics.is_empty() => match Handle::try_current() {
                Ok(handle) => handle.block_on(self.bump(topics)),
                Err(_none) => self.bump_from_outside(topics),
            },
            Some(_) => {}
            None => self.0.generations.bump(topics),
        }
    }

    fn bump_from_outside(&self, topics: &[Topic]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a thread can have a runtime").block_on(self.bump(topics));
    }

    /// Forgets all answers of one record, everywhere.
    pub async fn forget_record(&self, table: &str, id: uuid::Uuid) {
        self.bump(&[Topic::row(table, id), Topic::table(table)]).await;
    }

    /// Forgets all answers that depend on a table, everywhere.
    pub async fn forget_table(&self, table: &str) {
        self.bump(&[Topic::table(table), Topic::unnamed_rows(table)]).await;
    }

    /// Forgets everything, everywhere.
    pub async fn forget_everything(&self) -> u64 {
        self.forget("*").await
    }

    /// Forgets what stands under `group:…` names that fit a pattern with `*` and `?`, everywhere: in Redis by a sweep that
    /// keeps nobody waiting, and whole groups in the processes. How many entries were removed.
    pub async fn forget(&self, pattern: &str) -> u64 {
        let pattern = if pattern.contains(':') { pattern.to_owned() } else { format!("{pattern}:*") };
        let wanted = pattern.split(':').next().unwrap_or_default();
        let mut groups: Vec<String> = self.0.counters.groups().into_keys().filter(|name| fits(wanted, name)).collect();
        let mut removed = 0;
        if let Some(redis) = &self.0.redis {
            let (swept, found) = redis.sweep(&pattern).await;
            removed = swept;
            groups.extend(found);
        }
        let mut topics: Vec<Topic> = groups.iter().map(|group| Topic::group(group)).collect();
        if wanted == "*" {
            topics.push(Topic::everything());
        }
        self.bump(&topics).await;
        let old: Vec<_> = self.0.memory.iter().filter(|(_, kept)| groups.contains(&kept.stored.group)).collect();
        for (hash, _) in &old {
            self.0.memory.invalidate(hash.as_ref());
        }
        removed.max(u64::try_from(old.len()).unwrap_or(u64::MAX))
    }

    /// What it has done, and how it is.
    pub async fn statistics(&self) -> CacheStatistics {
        let mut statistics = self.known_statistics();
        if let (Some(redis), Some(known)) = (&self.0.redis, &mut statistics.redis) {
            known.memory_bytes = redis.memory().await;
        }
        statistics
    }

    /// The same as far as it is known without asking Redis.
    pub fn known_statistics(&self) -> CacheStatistics {
        let groups = self.0.counters.groups();
        self.0.memory.run_pending_tasks();
        let redis = self.0.redis.as_ref().map(|redis| RedisStatistics {
            memory_bytes: None,
            breaker: redis.breaker(),
            errors: self.0.counters.errors.load(Ordering::Relaxed),
            owed: redis.owed(),
        });
        CacheStatistics {
            health: self.health(),
            total: statistics::total(&groups),
            groups,
            memory_entries: self.0.memory.entry_count(),
            memory_bytes: self.0.memory.weighted_size(),
            evictions: self.0.counters.evictions.load(Ordering::Relaxed),
            redis,
        }
    }

    /// How it is, as far as is known without asking.
    pub fn health(&self) -> CacheHealth {
        match &self.0.redis {
            _ if !self.is_on() => CacheHealth::Off,
            Some(redis) if redis.breaker() != BreakerState::Closed || redis.owed() > 0 => CacheHealth::Degraded,
            _ => CacheHealth::Up,
        }
    }

    async fn moment(&self) -> Option<Moment> {
        if !self.is_on() {
            return None;
        }
        if let Some(redis) = &self.0.redis
            && !redis.look().await
        {
            return None;
        }
        Some(self.0.generations.moment())
    }

    /// The right to load, or none after somebody else's load: that one may have come to nothing that can be shared, or have
    /// begun too early for this caller, but there is no second wait.
    async fn wait_for_others(&self, keys: &Keys) -> Option<Lead> {
        let key = match self.0.hints.get(&keys.shared.hash()) {
            None => keys.shared.hash(),
            Some(Hint::Personal) => keys.personal.hash(),
            Some(Hint::Unkept) => return None,
        };
        match self.0.flights.join(key) {
            Flight::Own(lead) => Some(lead),
            Flight::Other(other) => {
                ended(other).await;
                None
            }
        }
    }

    fn remembered(&self, keys: &Keys) -> Option<Arc<Stored>> {
        let kept = |key: &Key| {
            let kept = self.0.memory.get(&key.hash())?;
            (kept.stored.whole == key.whole() && self.admits(&kept.stored)).then_some(kept.stored)
        };
        kept(&keys.shared).or_else(|| kept(&keys.personal))
    }

    async fn find(&self, keys: &Keys, counts: &Counts) -> Option<Arc<Stored>> {
        if let Some(stored) = self.remembered(keys) {
            count(&counts.memory_hits);
            return Some(stored);
        }
        let redis = self.0.redis.as_ref()?;
        let both = [&keys.shared, &keys.personal];
        for (key, bytes) in both.into_iter().zip(redis.get(both).await) {
            let stored = bytes.and_then(|bytes| Stored::decode(&bytes, key)).filter(|stored| self.admits(stored));
            if let Some(stored) = stored {
                count(&counts.redis_hits);
                let stored = Arc::new(stored);
                let ttl = self.shortened(self.0.settings.ttl, key);
                self.0.memory.insert(key.hash(), Kept { stored: Arc::clone(&stored), ttl });
                return Some(stored);
            }
        }
        None
    }

    fn admits(&self, stored: &Stored) -> bool {
        self.0.generations.admits(stored)
    }

    fn keep(
        &self,
        keys: &Keys,
        moment: Moment,
        ttl: Option<Duration>,
        (answer, mut topics, reach): (Answer, Vec<Topic>, Reach),
    ) -> Arc<Stored> {
        let key = match reach {
            Reach::Shared => &keys.shared,
            Reach::Personal => &keys.personal,
        };
        if reach == Reach::Personal {
            self.0.hints.insert(keys.shared.hash(), Hint::Personal);
        }
        topics.extend([Topic::group(key.group()), Topic::everything()]);
        topics.sort();
        topics.dedup();
        let stored = Arc::new(Stored::new(key, moment.epoch, moment.clock, topics, answer));
        if stored.answer.body.len() > LARGEST || !self.admits(&stored) {
            return stored;
        }
        let ttl = self.shortened(ttl.unwrap_or(self.0.settings.ttl), key);
        self.0.memory.insert(key.hash(), Kept { stored: Arc::clone(&stored), ttl });
        if let Some(redis) = self.0.redis.clone() {
            let (key, stored) = (key.clone(), Arc::clone(&stored));
            tokio::spawn(async move { redis.set(&key, stored.encode(), ttl).await });
        }
        stored
    }

    /// Up to a tenth shorter, by the key and the clock: what was stored together expires apart.
    fn shortened(&self, ttl: Duration, key: &Key) -> Duration {
        let chance = u32::from(key.hash()[0] ^ self.0.generations.moment().clock.to_be_bytes()[7]);
        ttl.saturating_sub(ttl / 10 * chance / 255)
    }
}

fn passing<T>(keys: &Keys, answer: Answer) -> Found<T> {
    Found::Answer(Arc::new(Stored::new(&keys.shared, 0, 0, Vec::new(), answer)))
}

/// The time before something was worked out.
#[derive(Clone, Copy, Debug)]
pub struct Begun(Moment);

/// Whether a name fits a pattern with `*` and `?`.
fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.chars().next(), name.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => {
            fits(&pattern[1..], name) || name.chars().next().is_some_and(|c| fits(pattern, &name[c.len_utf8()..]))
        }
        (Some('?'), Some(c)) => fits(&pattern[1..], &name[c.len_utf8()..]),
        (Some(p), Some(c)) if p == c => fits(&pattern[p.len_utf8()..], &name[c.len_utf8()..]),
        _ => false,
    }
}
