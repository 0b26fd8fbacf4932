//! What the cache has done, as plain numbers.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::BreakerState;

/// What the cache has done since it began, and how it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheStatistics {
    /// How it is.
    pub health: CacheHealth,
    /// For each group of keys.
    pub groups: BTreeMap<String, GroupStatistics>,
    /// All groups together.
    pub total: GroupStatistics,
    /// How many answers the tier in this process keeps.
    pub memory_entries: u64,
    /// How large they are together, in bytes.
    pub memory_bytes: u64,
    /// How many had to make room for others, or had expired.
    pub evictions: u64,
    /// Redis; none where none is configured.
    pub redis: Option<RedisStatistics>,
}

/// The counts of one group of keys.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct GroupStatistics {
    /// Answers from this process.
    pub memory_hits: u64,
    /// Answers from Redis.
    pub redis_hits: u64,
    /// Answers that were worked out and kept, or could have been.
    pub misses: u64,
    /// Answers that were worked out without asking the cache.
    pub bypasses: u64,
}

impl GroupStatistics {
    /// The part of all reads that was answered from the cache, from 0 to 1; none where there was no read.
    #[allow(clippy::cast_precision_loss)] // A rate is read by people.
    pub fn hit_rate(&self) -> Option<f64> {
        let hits = self.memory_hits + self.redis_hits;
        let all = hits + self.misses + self.bypasses;
        (all > 0).then(|| hits as f64 / all as f64)
    }
}

/// What is known of Redis.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RedisStatistics {
    /// Whether it is being asked.
    pub breaker: BreakerState,
    /// Calls that failed or came too late.
    pub errors: u64,
    /// Writes that Redis has not been told of yet.
    pub owed: u64,
    /// Its memory in use, in bytes, where it says so.
    pub memory_bytes: Option<u64>,
}

/// How the cache is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, strum::AsRefStr, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum CacheHealth {
    /// It answers.
    Up,
    /// Redis is configured and cannot be relied on at the moment: answers come from the database.
    Degraded,
    /// It is switched off.
    Off,
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, strum::AsRefStr, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// The cache.
    Hit,
    /// The database, and it may be kept.
    Miss,
    /// The database, without asking the cache.
    Bypass,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    groups: RwLock<BTreeMap<String, Arc<Counts>>>,
    pub(crate) evictions: AtomicU64,
    pub(crate) errors: AtomicU64,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) memory_hits: AtomicU64,
    pub(crate) redis_hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) bypasses: AtomicU64,
}

impl Counters {
    pub(crate) fn of(&self, group: &str) -> Arc<Counts> {
        if let Some(known) = self.groups.read().unwrap_or_else(PoisonError::into_inner).get(group) {
            return Arc::clone(known);
        }
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(groups.entry(group.to_owned()).or_default())
    }

    pub(crate) fn groups(&self) -> BTreeMap<String, GroupStatistics> {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        groups.iter().map(|(name, counts)| (name.clone(), counts.read())).collect()
    }
}

impl Counts {
    fn read(&self) -> GroupStatistics {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        GroupStatistics {
            memory_hits: read(&self.memory_hits),
            redis_hits: read(&self.redis_hits),
            misses: read(&self.misses),
            bypasses: read(&self.bypasses),
        }
    }
}

/// All groups together.
pub(crate) fn total(groups: &BTreeMap<String, GroupStatistics>) -> GroupStatistics {
    groups.values().fold(GroupStatistics::default(), |sum, one| GroupStatistics {
        memory_hits: sum.memory_hits + one.memory_hits,
        redis_hits: sum.redis_hits + one.redis_hits,
        misses: sum.misses + one.misses,
        bypasses: sum.bypasses + one.bypasses,
    })
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
