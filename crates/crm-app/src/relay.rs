//! The relay gives every committed change its position in one gapless order, and tells the caches of it once more, for
//! whoever wrote it and could not.
//!
//! A change gets its position after its commit, because two transactions that run at the same time commit in an order
//! that neither of them knows. The store sees to it that one instance at a time gives out positions.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crm_domain::access::Actor;
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
#[derive(Debug, Default)]
pub(crate) struct Relay {
    committed: Notify,
    pass: Mutex<()>,
    stopped: AtomicBool,
}

impl Relay {
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
                let _retried = app.catch_up().await;
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
        let actor = Actor::system("positions of changes");
        while self.read(|tx| Ok(changes::has_unpositioned(tx)?)).await? {
            let changed = self
                .write(&actor, |tx| {
                    let changed = changes::waiting(tx, BATCH)?;
                    changes::assign_positions(tx, BATCH)?;
                    Ok(tx.unchanged(changed))
                })
                .await?;
            self.tell_again(&changed).await;
        }
        Ok(())
    }
}
