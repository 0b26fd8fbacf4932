//! The only place that reads the clock and makes ids.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use crm_domain::{Id, values::Timestamp};
use uuid::{ContextV7, Uuid};

/// Something that tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The time now, in whole microseconds: finer ones would differ between the two databases.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from(chrono::Utc::now())
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `at`.
    pub fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.micros()))
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).expect("tests do not wait for 292,000 years");
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// The clock with the sequence of ids that belongs to it: ids made in one process sort in the order of their making.
#[derive(Clone)]
pub(crate) struct Times {
    clock: Arc<dyn Clock>,
    sequence: Arc<Mutex<ContextV7>>,
}

impl Times {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, sequence: Arc::default() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn new_id<R>(&self) -> Id<R> {
        let micros = u64::try_from(self.now().micros()).unwrap_or_default();
        let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
        let nanos =
            u32::try_from(rest * 1000).expect("less than a million microseconds are less than 2^32 nanoseconds");
        // A panic while the sequence was held cannot have broken it: it holds two numbers, each whole.
        let sequence = self.sequence.lock().unwrap_or_else(PoisonError::into_inner);
        Id::new(Uuid::new_v7(uuid::Timestamp::from_unix(&*sequence, seconds, nanos)))
    }
}

impl fmt::Debug for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Times").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_at_one_instant_differ_and_sort_in_the_order_of_their_making() {
        let times = Times::new(Arc::new(ManualClock::new(Timestamp::from_micros(1_767_225_600_000_123))));
        let ids: Vec<Id<()>> = (0..1000).map(|_| times.new_id()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(ids[0].uuid().get_version_num(), 7);
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(Timestamp::from_micros(5));
        assert_eq!(clock.now().micros(), 5);
        clock.advance(Duration::from_micros(2));
        assert_eq!(clock.now().micros(), 7);
    }
}
