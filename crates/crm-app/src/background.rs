//! Jobs: what goes on beside the requests, how its failures are told, and how much there is to do.

use std::{
    any::Any,
    collections::BTreeMap,
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crm_persistence::{
    PoolState,
    measure::{self, Operation},
};
use futures_util::FutureExt;
use slog::{error, info, warn};

use crm_events::BusStatistics;

use crate::{App, Error, realtime::RealtimeStatistics};

/// A job on its way.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Sets jobs apart from one another, so that what led to a failure of one is not taken for what led to another's.
pub trait Background: fmt::Debug + Send + Sync {
    /// The same task, apart from all others.
    fn apart(&self, name: &'static str, task: Task) -> Task;
}

/// Nobody watches.
#[derive(Debug)]
pub(crate) struct Plain;

impl Background for Plain {
    fn apart(&self, _name: &'static str, task: Task) -> Task {
        task
    }
}

/// How much there is to do.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// The connections for reading and those for writing.
    pub pools: [PoolState; 2],
    /// Passwords that are hashed or wait for it.
    pub hashing: usize,
    /// Letters that wait.
    pub letters: usize,
    /// Imports that run or wait on this instance.
    pub imports: usize,
    /// For how long a change may have been waiting for its position.
    pub relay_lag: Duration,
    /// What has been said to the other instances, and heard of them.
    pub bus: BusStatistics,
    /// Whether there may be other instances to hear of.
    pub is_bus_shared: bool,
    /// Sockets.
    pub realtime: RealtimeStatistics,
}

/// How often each job has failed since it last worked.
#[derive(Debug, Default)]
pub(crate) struct Jobs(Mutex<BTreeMap<&'static str, u32>>);

impl Jobs {
    /// How often in a row, this time included.
    fn failed(&self, name: &'static str) -> u32 {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = failures.entry(name).or_default();
        *number = number.saturating_add(1);
        *number
    }

    /// Whether it had failed before.
    fn worked(&self, name: &'static str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name).is_some()
    }
}

impl App {
    /// Runs a job as a task of its own, and waits for it. A failure is told, and so is a defect; neither goes further.
    pub(crate) async fn job(&self, name: &'static str, work: impl Future<Output = Result<(), Error>> + Send + 'static) {
        let app = self.clone();
        let task = Box::pin(async move {
            let mut measured = measure::begin(Operation::Job, name);
            match AssertUnwindSafe(work).catch_unwind().await {
                Ok(Ok(())) => app.job_worked(name),
                Ok(Err(error)) => {
                    measured.fail(error.code());
                    app.job_failed(name, error.code(), &causes(&error));
                }
                Err(panic) => {
                    measured.fail("panic");
                    app.job_failed(name, "panic", message(&*panic));
                }
            }
        });
        // It catches its own panics, so it ends.
        let _ended = tokio::spawn(self.settings().background.apart(name, task)).await;
    }

    fn job_worked(&self, name: &'static str) {
        if self.jobs().worked(name) {
            info!(self.settings().log, "a job works again"; "job" => name);
        }
    }

    /// The first failure in a row is told as an error, and then the second, the fourth, the eighth: what fails every second
    /// would otherwise fill the log.
    fn job_failed(&self, name: &'static str, code: &'static str, cause: &str) {
        let failures = self.jobs().failed(name);
        let log = &self.settings().log;
        if failures.is_power_of_two() {
            error!(log, "a job has failed"; "job" => name, "code" => code, "cause" => cause, "failures" => failures);
        } else {
            warn!(log, "a job still fails"; "job" => name, "code" => code, "failures" => failures);
        }
    }
}

/// An error and what caused it.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_are_counted_until_the_job_works() {
        let jobs = Jobs::default();
        assert!(!jobs.worked("relay"));
        assert_eq!([jobs.failed("relay"), jobs.failed("relay"), jobs.failed("mail")], [1, 2, 1]);
        assert!(jobs.worked("relay") && !jobs.worked("relay"));
        assert_eq!([jobs.failed("relay"), jobs.failed("mail")], [1, 2]);
    }
}
