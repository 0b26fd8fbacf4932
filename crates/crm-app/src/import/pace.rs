//! How much one transaction of a job does, and when it begins. `SQLite` has one writer at a time, and whoever takes the
//! connection again right after giving it back is always faster than those who wait for it: so a job beside others stands
//! in line with them, and is short when its turn comes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, time::Instant};

use crate::App;

/// How long one transaction should hold the connection while others wait.
const TURN: Duration = Duration::from_millis(50);

/// The fewest rows of one transaction: with less, a slow disk would have nothing to do but to commit.
const FEWEST: usize = 10;

/// How much one transaction of a job does.
#[derive(Debug)]
pub(super) struct Pace {
    limit: usize,
    most: AtomicUsize,
    /// The runtime of those who wait; none where nobody does.
    others: Option<Handle>,
}

impl Pace {
    /// That of a command, beside which nobody waits.
    pub(super) fn alone(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, most: AtomicUsize::new(limit), others: None })
    }

    /// That of a job beside others, on one of the blocking threads of this runtime. It begins with little, because nobody
    /// knows yet how long a row takes here.
    pub(super) fn beside_others(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, most: AtomicUsize::new(FEWEST), others: Some(Handle::current()) })
    }

    /// How many rows the next transaction should have at most.
    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Runs a transaction of so many rows when it is its turn.
    pub(super) fn turn<T>(&self, app: &App, rows: usize, transaction: impl FnOnce() -> T) -> T {
        let Some(others) = &self.others else { return transaction() };
        let _until_done = others.block_on(app.stand_in_line());
        let begun = Instant::now();
        let done = transaction();
        self.fit(rows, begun.elapsed());
        done
    }

    /// Makes the next transaction as long as it should be, by how long this one took.
    fn fit(&self, rows: usize, took: Duration) {
        let told_by = u32::try_from(rows).ok().filter(|_| rows >= FEWEST);
        if let Some(each) = told_by.map(|rows| took / rows) {
            let fitting = TURN.as_nanos().checked_div(each.as_nanos()).unwrap_or(u128::MAX);
            // Never more than twice as much at once: a few rows say little about many.
            let fitting = usize::try_from(fitting).unwrap_or(usize::MAX).min(rows.saturating_mul(2));
            self.most.store(fitting.clamp(FEWEST, self.limit.max(FEWEST)), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: usize, took: Duration, most: usize) {
        let pace = Pace::alone(1000);
        pace.fit(rows, took);
        assert_eq!(pace.most(), most, "{rows} rows in {took:?}");
    }

    #[test]
    fn a_transaction_has_as_many_rows_as_fit_into_its_turn() {
        check(1000, Duration::from_millis(50), 1000);
        check(1000, Duration::from_millis(100), 500);
        check(1000, Duration::from_millis(10), 1000);
        check(200, Duration::from_millis(40), 250);
        check(1000, Duration::from_mins(1), FEWEST);
        check(1000, Duration::ZERO, 1000);
        check(60, Duration::from_millis(1), 120);
        // What is too short tells nothing about rows.
        check(3, Duration::from_secs(1), 1000);
        check(0, Duration::from_secs(1), 1000);
    }
}
