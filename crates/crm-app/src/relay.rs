//! The relay gives every committed change its position in one gapless order.
//!
//! A change gets its position after its commit, because two transactions that run at the same time commit in an order
//! that neither of them knows. The store sees to it that one instance at a time gives out positions.

use std::{
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    time::Duration,
};

use crm_domain::{access::Actor, values::Timestamp};
use crm_persistence::changes;
use tokio::{
    sync::{Mutex, Notify},
    time::timeout,
};

use crate::{App, Error};

/// How often the relay looks for changes that nobody told it of: those of other instances that died before their relay
/// came to them.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many changes get their position in one transaction.
const BATCH: i64 = 1000;

/// What wakes the relay, and keeps two passes of this instance apart.
#[derive(Debug)]
pub(crate) struct Relay {
    committed: Notify,
    pass: Mutex<()>,
    stopped: AtomicBool,
    /// When the last pass began that left nothing to do, in microseconds since 1970.
    caught_up: AtomicI64,
}

impl Relay {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            committed: Notify::new(),
            pass: Mutex::default(),
            stopped: AtomicBool::new(false),
            caught_up: AtomicI64::new(now.micros()),
        }
    }

    /// For how long a change may have been waiting for its position, at most.
    pub(crate) fn lag(&self, now: Timestamp) -> Duration {
        let since = now.micros() - self.caught_up.load(Ordering::Acquire);
        Duration::from_micros(u64::try_from(since).unwrap_or_default())
    }

    /// A change has been committed.
    pub(crate) fn wake(&self) {
        self.committed.notify_one();
    }

    /// Runs the relay until [`Relay::stop`].
    pub(crate) fn start(app: &App) {
        let app = app.clone();
        tokio::spawn(async move {
            let relay = app.relay();
            while !relay.stopped.load(Ordering::Acquire) {
                // A failure is not lost: what has no position yet is found by the next pass.
                let pass = app.clone();
                app.job("relay", async move { pass.catch_up().await }).await;
                let _woken = timeout(INTERVAL, relay.committed.notified()).await;
            }
        });
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake();
    }
}

impl App {
    /// Gives positions to all changes committed before this call.
    ///
    /// Callers of one instance share the work: who waits for a pass that is going on finds nothing left to do after it.
    pub async fn catch_up(&self) -> Result<(), Error> {
        let _pass = self.relay().pass.lock().await;
        let (actor, began) = (Actor::system("positions of changes"), self.now());
        while self.read(|tx| Ok(changes::has_unpositioned(tx)?)).await? {
            self.write(&actor, |tx| {
                let positioned = changes::assign_positions(tx, BATCH)?;
                Ok(tx.unchanged(positioned))
            })
            .await?;
        }
        self.relay().caught_up.store(began.micros(), Ordering::Release);
        Ok(())
    }
}
