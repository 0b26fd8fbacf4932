//! What the cache needs to be told.

use std::{fmt, time::Duration};

use slog::{Discard, Logger, o};

/// What the cache needs to be told.
#[derive(Clone)]
pub struct CacheSettings {
    /// The greatest size of the tier in this process, in bytes; with zero nothing is cached at all.
    pub memory_bytes: u64,
    /// How long an answer is kept, unless a read says otherwise; up to a tenth shorter, so that what was stored together
    /// does not expire together.
    pub ttl: Duration,
    /// The Redis server that all instances share; none for one instance alone. May hold a password: never print it.
    pub redis_url: Option<String>,
    /// What the names of all keys in Redis begin with.
    pub namespace: String,
    /// How long what this instance holds in Redis counts after its last sign of life: the longest that a write waits when
    /// Redis has just gone.
    pub lease: Duration,
    /// How long nobody trusts a Redis that has forgotten everything, so that every instance can find it first.
    pub settle: Duration,
    /// Whether generations are looked at. Without them the cache is wrong: for the test that shows that the checker sees it.
    #[doc(hidden)]
    pub generations: bool,
    /// Where it tells of what goes wrong.
    pub log: Logger,
}

impl CacheSettings {
    /// The defaults: 64 MiB, five minutes, no Redis.
    pub fn new() -> Self {
        Self {
            memory_bytes: 64 * 1024 * 1024,
            ttl: Duration::from_mins(5),
            redis_url: None,
            namespace: "crm".to_owned(),
            lease: Duration::from_millis(500),
            settle: Duration::from_secs(2),
            generations: true,
            log: Logger::root(Discard, o!()),
        }
    }

    /// Settings with which nothing is cached.
    pub fn off() -> Self {
        Self { memory_bytes: 0, ..Self::new() }
    }
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CacheSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CacheSettings")
            .field("memory_bytes", &self.memory_bytes)
            .field("ttl", &self.ttl)
            .field("redis", &self.redis_url.is_some())
            .finish_non_exhaustive()
    }
}
