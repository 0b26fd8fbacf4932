//! Upkeep: what has expired is removed, now and then, by every instance.
//!
//! Nothing relies on it: whatever has expired is refused long before it is removed. So two instances that do it at the same
//! time, and a pass that fails, do no harm.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crm_domain::access::Actor;
use crm_persistence::{
    access_changes, api_keys, attempts, idempotency, notifications, password_resets, realtime_tickets, sessions,
    webhooks,
};
use tokio::{sync::Notify, time::timeout};

use crate::{App, Error, REFRESH, limits};

/// How often it is done.
const INTERVAL: Duration = Duration::from_mins(10);

/// How long the deliveries of webhooks are kept, with what came of them.
const DELIVERIES_KEPT: chrono::TimeDelta = chrono::TimeDelta::days(30);

/// How many idempotency keys or deliveries are removed in one unit of work, so that no writer waits long for it.
const BATCH: i64 = 1000;

/// What has been removed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Removed {
    /// Sessions, with their tokens.
    pub sessions: usize,
    /// API keys.
    pub api_keys: usize,
    /// Tokens for a new password.
    pub password_resets: usize,
    /// Tallies of attempts, and networks that nobody signs in from any more.
    pub attempts: usize,
    /// Answers to idempotency keys.
    pub idempotency_keys: usize,
    /// Notifications.
    pub notifications: usize,
    /// Tickets for sockets.
    pub tickets: usize,
    /// Deliveries of webhooks.
    pub deliveries: usize,
}

/// Ends the task when asked.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    stopped: AtomicBool,
    asked: Notify,
}

impl Upkeep {
    /// Runs until [`Upkeep::stop`].
    pub(crate) fn start(app: &App) {
        let app = app.clone();
        tokio::spawn(async move {
            let upkeep = app.upkeep();
            while !upkeep.stopped.load(Ordering::Acquire) {
                let pass = app.clone();
                // What fails now is tried again later.
                app.job("upkeep", async move { pass.remove_expired().await.map(drop) }).await;
                let _woken = timeout(INTERVAL, upkeep.asked.notified()).await;
            }
        });
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.asked.notify_one();
    }
}

impl App {
    /// Removes what has expired. Sessions and keys are kept as long after their end as a refresh token works, so that one
    /// that is used a second time is still recognised.
    pub async fn remove_expired(&self) -> Result<Removed, Error> {
        let actor = Actor::system("removal of what has expired");
        let long_ago = self.now().plus(-REFRESH);
        let mut removed = self
            .write(&actor, move |tx| {
                let now = tx.at();
                // Before the sessions that they are for; they have expired long before those are removed.
                let tickets = realtime_tickets::remove_expired(tx, now)?;
                let removed = Removed {
                    sessions: sessions::remove_expired(tx, long_ago)?,
                    api_keys: api_keys::remove_expired(tx, long_ago)?,
                    password_resets: password_resets::remove_expired(tx, now)?,
                    attempts: attempts::remove_old(tx, now.plus(-limits::REMEMBERED_FOR))?
                        + attempts::remove_old_networks(tx, now.plus(-limits::FAMILIAR_FOR))?,
                    idempotency_keys: 0,
                    notifications: notifications::remove_expired(tx, now)?,
                    tickets,
                    deliveries: 0,
                };
                // An instance that has not looked for a day looks at everybody.
                access_changes::remove_old(tx, now.plus(-chrono::TimeDelta::days(1)))?;
                Ok(tx.unchanged(removed))
            })
            .await?;
        let forgotten = self.now().plus(-idempotency::KEPT);
        loop {
            let batch = self
                .write(&actor, move |tx| {
                    let batch = idempotency::remove_expired(tx, forgotten, BATCH)?;
                    Ok(tx.unchanged(batch))
                })
                .await?;
            removed.idempotency_keys += batch;
            if i64::try_from(batch).is_ok_and(|batch| batch < BATCH) {
                break;
            }
        }
        let forgotten = self.now().plus(-DELIVERIES_KEPT);
        loop {
            let batch = self
                .write(&actor, move |tx| {
                    let batch = webhooks::remove_old(tx, forgotten, BATCH)?;
                    Ok(tx.unchanged(batch))
                })
                .await?;
            removed.deliveries += batch;
            if i64::try_from(batch).is_ok_and(|batch| batch < BATCH) {
                return Ok(removed);
            }
        }
    }
}
