//! The event bus: short words that one instance says to all, itself included.
//!
//! An event says where to look and nothing of what is found there: the truth is in the database, and whoever hears an event
//! reads on from the position that it has. So a bus may lose what it likes. What it must not do is lose it silently: a
//! subscriber that may have missed something is told [`Received::Gap`], and looks. What may not enter: HTTP, the database,
//! records, and anything that is lost when Redis is.

mod link;

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use tokio::sync::{
    Notify,
    broadcast::{self, error::RecvError},
    mpsc,
};
use uuid::Uuid;

/// What is said.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// Something was committed that has no position yet: whoever holds the relay should look.
    Committed,
    /// The change log has come to this position, and what follows from it has been worked out.
    Advanced {
        /// The last position.
        position: i64,
    },
    /// A session has ended, or somebody's rights are others than before.
    AccessChanged,
}

/// What a subscriber hears.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Received {
    /// An event.
    Event(Event),
    /// Something may have been missed: read on from the position that you have.
    Gap,
}

/// So many events wait for a subscriber that is slow; of more it hears [`Received::Gap`] in place of the oldest.
const WAITING: usize = 1024;

/// So many events wait for their way to Redis; more are dropped and counted, and the others hear of a gap.
const LEAVING: usize = 1024;

/// Where the other instances are reached.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://:password@host:port`. May hold a password: never print it.
    pub url: String,
    /// The channel, one for each database of the CRM.
    pub channel: String,
}

impl RedisSettings {
    /// The usual channel on this server.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), channel: "crm:events".to_owned() }
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RedisSettings").field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// The settings of a bus make no sense.
#[derive(Debug, thiserror::Error)]
#[error("the address of Redis must be redis://[:PASSWORD@]HOST[:PORT]")]
pub struct BusError;

/// What a bus has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BusStatistics {
    /// Events said on this instance.
    pub published: u64,
    /// Events heard from other instances.
    pub received: u64,
    /// Events that did not reach Redis.
    pub lost: u64,
    /// Gaps that were noticed.
    pub gaps: u64,
    /// How often the subscription was made, the first time included.
    pub subscribed: u64,
    /// Whether the other instances are heard at the moment; without Redis there are none.
    pub is_listening: bool,
}

#[derive(Debug, Default)]
struct Counters {
    published: AtomicU64,
    received: AtomicU64,
    lost: AtomicU64,
    gaps: AtomicU64,
    subscribed: AtomicU64,
    is_listening: AtomicBool,
}

/// The bus of one instance. Cheap to clone.
#[derive(Clone)]
pub struct Bus(Arc<Inner>);

struct Inner {
    id: Uuid,
    here: broadcast::Sender<Received>,
    elsewhere: Option<Elsewhere>,
    counters: Counters,
    stopped: AtomicBool,
    stop: Notify,
}

struct Elsewhere {
    client: deadpool_redis::redis::Client,
    channel: String,
    leaving: mpsc::Sender<Event>,
    /// Taken by [`Bus::start`].
    queue: Mutex<Option<mpsc::Receiver<Event>>>,
}

impl fmt::Debug for Bus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_shared() { "redis" } else { "in process" };
        write!(formatter, "Bus({kind}, {:?})", self.statistics())
    }
}

impl Bus {
    /// A bus that ends where the process does.
    pub fn in_process() -> Self {
        Self::new(Uuid::nil(), None)
    }

    /// A bus that reaches the other instances by Redis Pub/Sub. `instance` tells this one from them. Nothing is connected
    /// before [`Bus::start`], and a server that cannot be reached is no error.
    pub fn redis(settings: &RedisSettings, instance: Uuid) -> Result<Self, BusError> {
        let client =
            deadpool_redis::redis::Client::open(settings.url.as_str()).map_err(|_may_hold_a_password| BusError)?;
        let (leaving, queue) = mpsc::channel(LEAVING);
        let queue = Mutex::new(Some(queue));
        Ok(Self::new(instance, Some(Elsewhere { client, channel: settings.channel.clone(), leaving, queue })))
    }

    fn new(id: Uuid, elsewhere: Option<Elsewhere>) -> Self {
        let (here, _) = broadcast::channel(WAITING);
        let (counters, stopped, stop) = (Counters::default(), AtomicBool::default(), Notify::new());
        Self(Arc::new(Inner { id, here, elsewhere, counters, stopped, stop }))
    }

    /// Whether other instances hear what is said here.
    pub fn is_shared(&self) -> bool {
        self.0.elsewhere.is_some()
    }

    /// Connects to the other instances, if there are any, and stays connected until [`Bus::stop`]. Must be called within a
    /// tokio runtime; a second call does nothing.
    pub fn start(&self) {
        let Some(elsewhere) = &self.0.elsewhere else { return };
        let queue = elsewhere.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(queue) = queue {
            tokio::spawn(link::publish(self.clone(), queue));
            tokio::spawn(link::subscribe(self.clone()));
        }
    }

    /// Ends the connections.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        self.0.stop.notify_waiters();
    }

    /// Says something to all subscribers of all instances. It never waits: what has no place is dropped and counted.
    pub fn publish(&self, event: Event) {
        self.0.counters.published.fetch_add(1, Ordering::Relaxed);
        self.tell(Received::Event(event));
        if let Some(elsewhere) = &self.0.elsewhere
            && elsewhere.leaving.try_send(event).is_err()
        {
            self.0.counters.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Hears everything that is said from now on.
    pub fn subscribe(&self) -> Subscription {
        Subscription { receiver: self.0.here.subscribe() }
    }

    /// What it has done.
    pub fn statistics(&self) -> BusStatistics {
        let counters = &self.0.counters;
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        BusStatistics {
            published: of(&counters.published),
            received: of(&counters.received),
            lost: of(&counters.lost),
            gaps: of(&counters.gaps),
            subscribed: of(&counters.subscribed),
            is_listening: counters.is_listening.load(Ordering::Relaxed),
        }
    }

    fn tell(&self, received: Received) {
        if received == Received::Gap {
            self.0.counters.gaps.fetch_add(1, Ordering::Relaxed);
        }
        // An error says that nobody listens, and then nobody misses anything.
        let _listeners = self.0.here.send(received);
    }
}

/// One who listens.
#[derive(Debug)]
pub struct Subscription {
    receiver: broadcast::Receiver<Received>,
}

impl Subscription {
    /// The next thing that is said; [`Received::Gap`] in place of what this subscriber was too slow for.
    pub async fn next(&mut self) -> Received {
        match self.receiver.recv().await {
            Ok(received) => received,
            Err(RecvError::Lagged(_)) => Received::Gap,
            // The bus is gone: nothing will ever be said again.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// What has been said and not been heard yet; none when that is nothing.
    pub fn try_next(&mut self) -> Option<Received> {
        match self.receiver.try_recv() {
            Ok(received) => Some(received),
            Err(broadcast::error::TryRecvError::Lagged(_)) => Some(Received::Gap),
            Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_hears_what_is_said_after_they_began_to_listen() {
        let bus = Bus::in_process();
        bus.publish(Event::Committed);
        let (mut one, mut other) = (bus.subscribe(), bus.subscribe());
        bus.publish(Event::Advanced { position: 7 });
        for subscriber in [&mut one, &mut other] {
            assert_eq!(subscriber.next().await, Received::Event(Event::Advanced { position: 7 }));
            assert_eq!(subscriber.try_next(), None);
        }
        assert_eq!(bus.statistics(), BusStatistics { published: 2, ..BusStatistics::default() });
    }

    #[tokio::test]
    async fn who_is_too_slow_is_told_that_something_is_missing() {
        let bus = Bus::in_process();
        let mut slow = bus.subscribe();
        for position in 0..=i64::try_from(WAITING).unwrap() {
            bus.publish(Event::Advanced { position });
        }
        assert_eq!(slow.next().await, Received::Gap);
        assert_eq!(slow.next().await, Received::Event(Event::Advanced { position: 1 }));
    }

    #[test]
    fn an_address_that_makes_no_sense_is_refused_without_being_shown() {
        let settings = RedisSettings::new("http://:secret@example.com");
        let error = Bus::redis(&settings, Uuid::nil()).unwrap_err();
        assert!(!format!("{error} {error:?} {settings:?}").contains("secret"));
    }
}
