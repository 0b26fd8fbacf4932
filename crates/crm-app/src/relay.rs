//! The relay: it gives every committed change its position in one gapless order, works out who is to be told, and says on
//! the bus how far it has come. It tells the caches of each change once more, for whoever wrote it and could not.
//!
//! A change gets its position after its commit, because two transactions that run at the same time commit in an order
//! that neither of them knows. One instance at a time does this work, by a lease that it renews and that another one takes
//! when it is not. The lease only saves work: the rows that are changed keep two relays apart whatever the clocks say.
//! Everything here happens at least once, and may happen twice: each step begins where the last one that was committed
//! ended, and a notification is kept once by a unique key.

use std::{
    sync::{
        PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use crm_domain::{access::Actor, values::Timestamp};
use crm_events::{Event, Received};
use crm_persistence::{
    changes::{self, Heads},
    leases,
};
use tokio::{
    sync::{Mutex, Notify},
    time::{sleep, timeout},
};

use crate::{App, Error};

/// How often the relay looks for changes that nobody told it of: those of other instances that died before their relay
/// came to them.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// How long the lease holds. With the interval it is the longest time without a relay after its holder has died.
pub const LEASE: TimeDelta = TimeDelta::seconds(3);

/// With less than this left the lease is renewed.
const RENEWED_BELOW: TimeDelta = TimeDelta::seconds(2);

/// How often the relay looks whether anybody is to be reminded of anything.
const REMINDERS: TimeDelta = TimeDelta::minutes(1);

/// How many changes get their position in one transaction.
const BATCH: i64 = 1000;

const NAME: &str = "relay";

/// Who did the work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Relayed {
    /// This instance: everything committed before has been dealt with.
    Here,
    /// Another one holds the lease.
    Elsewhere,
}

/// What wakes the relay, and keeps two passes of this instance apart.
#[derive(Debug)]
pub(crate) struct Relay {
    committed: Notify,
    pass: Mutex<()>,
    stopped: AtomicBool,
    /// When the last pass began that left nothing to do, in microseconds since 1970.
    caught_up: AtomicI64,
    known: std::sync::Mutex<Known>,
}

/// What this instance has said and done as the relay.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    said: Option<Heads>,
    reminded: Option<Timestamp>,
}

impl Relay {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            committed: Notify::new(),
            pass: Mutex::default(),
            stopped: AtomicBool::new(false),
            caught_up: AtomicI64::new(now.micros()),
            known: std::sync::Mutex::default(),
        }
    }

    /// For how long a change may have been waiting for its position, at most.
    pub(crate) fn lag(&self, now: Timestamp) -> Duration {
        let since = now.micros() - self.caught_up.load(Ordering::Acquire);
        Duration::from_micros(u64::try_from(since).unwrap_or_default())
    }

    fn caught_up_at(&self, began: Timestamp) {
        self.caught_up.store(began.micros(), Ordering::Release);
    }

    /// A change has been committed.
    pub(crate) fn wake(&self) {
        self.committed.notify_one();
    }

    /// Runs the relay until [`Relay::stop`].
    pub(crate) fn start(app: &App) {
        let app = app.clone();
        tokio::spawn(async move {
            let (relay, mut heard) = (app.relay(), app.bus().subscribe());
            let mut is_news = false;
            while !relay.stopped.load(Ordering::Acquire) {
                // A failure is not lost: what has no position yet is found by the next pass.
                let pass = app.clone();
                app.job(NAME, async move { pass.pass(is_news).await }).await;
                let others = async {
                    while let Received::Event(Event::Advanced { .. } | Event::AccessChanged) = heard.next().await {}
                };
                is_news = tokio::select! {
                    () = relay.committed.notified() => true,
                    () = others => false,
                    () = sleep(INTERVAL) => false,
                };
            }
            let released = app.release_lease();
            // Nobody is left to hear of a failure: the lease runs out by itself.
            let _runs_out = timeout(INTERVAL, released).await;
        });
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake();
    }

    fn known(&self) -> Known {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn know(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl App {
    /// One pass; says so to the relay on another instance where it is needed.
    async fn pass(&self, is_news: bool) -> Result<(), Error> {
        if self.relay_once().await? == Relayed::Elsewhere {
            if is_news && self.bus().is_shared() {
                self.bus().publish(Event::Committed);
            }
            let began = self.settings().clock.now();
            if !self.read(|tx| Ok(changes::has_unpositioned(tx)?)).await? {
                self.relay().caught_up_at(began);
            }
        }
        Ok(())
    }

    /// Does the relay's work for everything that was committed before this call, unless another instance holds the lease.
    pub async fn relay_once(&self) -> Result<Relayed, Error> {
        if !self.hold_lease().await? {
            return Ok(Relayed::Elsewhere);
        }
        self.catch_up().await?;
        self.work_out_notifications().await?;
        let (now, reminded) = (self.now(), self.relay().known().reminded);
        if reminded.is_none_or(|last| last.plus(REMINDERS) <= now) {
            self.remind().await?;
            self.relay().know(|known| known.reminded = Some(now));
        }
        self.order_notifications().await?;
        self.write_deliveries().await?;
        let heads = self.read(|tx| Ok(changes::heads(tx)?)).await?;
        if self.relay().known().said != Some(heads) {
            self.relay().know(|known| known.said = Some(heads));
            self.bus().publish(Event::Advanced { position: heads.changes });
        }
        Ok(Relayed::Here)
    }

    /// Gives positions to all changes committed before this call.
    ///
    /// Callers of one instance share the work: who waits for a pass that is going on finds nothing left to do after it. Readers
    /// of the change log do it on any instance, so that they find their own changes.
    pub async fn catch_up(&self) -> Result<(), Error> {
        let _pass = self.relay().pass.lock().await;
        // Not the time of a use case: no answer depends on it.
        let (actor, began) = (Actor::system("positions of changes"), self.settings().clock.now());
        while self.read(|tx| Ok(changes::has_unpositioned(tx)?)).await? {
            // Without Redis each instance looks at the log itself, see `others`.
            let is_heard = self.cache().is_shared();
            let changed = self
                .write(&actor, move |tx| {
                    let changed = if is_heard { changes::waiting(tx, BATCH)? } else { Vec::new() };
                    changes::assign_positions(tx, BATCH)?;
                    Ok(tx.unchanged(changed))
                })
                .await?;
            self.tell_again(&changed).await;
        }
        self.relay().caught_up_at(began);
        Ok(())
    }

    /// Takes or renews the lease; whether this instance has it. An idle relay writes only when the lease is about to run out.
    async fn hold_lease(&self) -> Result<bool, Error> {
        let (holder, now) = (self.instance(), self.now());
        if let Some((other, until)) = self.read(|tx| Ok(leases::holder(tx, NAME)?)).await? {
            let left = until.micros() - now.micros();
            let (is_free, is_fresh) = (left <= 0, left > RENEWED_BELOW.num_microseconds().unwrap_or(i64::MAX));
            if other != holder && !is_free {
                return Ok(false);
            }
            if other == holder && is_fresh {
                return Ok(true);
            }
        }
        self.write(&Actor::system("lease of the relay"), move |tx| {
            let until = tx.at().plus(LEASE);
            let held = leases::hold(tx, NAME, holder, until)?;
            Ok(tx.unchanged(held))
        })
        .await
    }

    async fn release_lease(&self) -> Result<(), Error> {
        let holder = self.instance();
        self.write(&Actor::system("lease of the relay"), move |tx| {
            leases::release(tx, NAME, holder)?;
            Ok(tx.unchanged(()))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_instance_takes_over_within_five_seconds() {
        let longest = LEASE.to_std().unwrap() + INTERVAL;
        assert!(longest <= Duration::from_secs(5));
        assert!(RENEWED_BELOW.to_std().unwrap() > INTERVAL, "a healthy holder never lets it run out");
    }
}
