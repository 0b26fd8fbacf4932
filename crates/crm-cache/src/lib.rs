//! The read cache: answers to repeated reads without the database, and never an older one than the last acknowledged write.
//!
//! One tier in the process, bounded in bytes, and one in Redis where that is configured. Nothing is ever searched for to be
//! thrown away: an answer carries what it depends on and when it was worked out, and is good as long as nothing of that has
//! been written since. `docs/caching.md` has the argument. What may not enter: HTTP, the database, and anything that matters
//! when it is lost.

mod breaker;
mod cache;
mod entry;
mod flight;
mod generations;
mod key;
mod redis;
mod settings;
mod statistics;
mod topic;

pub use breaker::BreakerState;
pub use cache::{BadAddress, Begun, Cache, Found, Keys, Loaded, Use};
pub use entry::{Answer, Reach, Stored};
pub use key::Key;
pub use settings::CacheSettings;
pub use statistics::{CacheHealth, CacheStatistics, GroupStatistics, Outcome, RedisStatistics};
pub use topic::Topic;
