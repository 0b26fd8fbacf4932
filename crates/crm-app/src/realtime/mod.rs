//! Realtime: sockets hear of changes and notifications as they happen, and of what they missed.
//!
//! What may not enter: sockets. The HTTP layer owns them; it hands what clients say to a [`Connection`] and does what that asks
//! for.

mod hub;
mod message;
mod replay;
mod session;
#[cfg(test)]
mod session_tests;
mod tickets;
mod topic;

use std::{net::IpAddr, sync::Arc};

use crm_domain::values::Timestamp;
use crm_persistence::changes;
use tokio::sync::{mpsc, watch};

pub(crate) use hub::{Hub, Rights};
pub use hub::{RealtimeSettings, RealtimeStatistics};
pub use replay::{Replay, Replayed};
pub use session::{Closing, Out, Pushed};
pub use tickets::TICKET;
pub use topic::{MOST_TOPICS, Topic, Topics};

use crate::{
    App, Error, SignedIn,
    realtime::session::{Input, Session},
};
use hub::Control;

/// The use cases of sockets.
#[derive(Clone, Debug)]
pub struct Realtime {
    pub(crate) app: App,
}

impl Realtime {
    /// A place for one more socket of somebody who is signed in; none where there are too many, or where they have lost their
    /// rights at this very moment.
    pub async fn connect(&self, caller: &SignedIn, address: Option<IpAddr>) -> Result<Option<Connection>, Error> {
        let heads = self.app.read(|tx| Ok(changes::heads(tx)?)).await?;
        let settings = self.app.settings().realtime;
        let Some(place) = self.app.hub().admit(&settings, caller, address, heads) else { return Ok(None) };
        let now = self.app.now();
        let (session, hello) = Session::begin(place.position, settings.heartbeat.as_secs(), now);
        let connection = Connection {
            app: self.app.clone(),
            caller: caller.clone(),
            id: place.id,
            rights: place.rights,
            control: place.control,
            queue: place.queue,
            session,
            hello: Some(Out::Send(hello)),
        };
        // Rights that went between the sign-in and this place are seen here; from now on the hub sees them.
        connection.verify().await?;
        Ok(Some(connection))
    }

    /// Tells how far changes have been passed on.
    pub fn positions(&self) -> watch::Receiver<i64> {
        self.app.hub().positions()
    }

    /// What has been done.
    pub fn statistics(&self) -> RealtimeStatistics {
        self.app.hub().statistics()
    }
}

/// One subscriber: its place at the hub, and its session of the protocol. Dropping it gives up the place.
#[derive(Debug)]
pub struct Connection {
    app: App,
    caller: SignedIn,
    id: u64,
    rights: Arc<Rights>,
    control: Arc<Control>,
    queue: mpsc::Receiver<Arc<Pushed>>,
    session: Session,
    hello: Option<Out>,
}

/// What happens to a connection from the hub's side.
#[derive(Debug)]
pub enum Signal {
    /// An event to be passed on.
    Event(Arc<Pushed>),
    /// It is to be closed.
    Close(Closing),
}

/// Asks whether a connection is to be closed, while it is busy with something else.
#[derive(Clone, Debug)]
pub struct Ending(Arc<Control>);

impl Ending {
    /// Waits until the connection is to be closed.
    pub async fn wait(&self) -> Closing {
        self.0.closed().await
    }

    /// Why it is to be closed; none where it is not.
    pub fn now(&self) -> Option<Closing> {
        self.0.closing()
    }
}

impl Connection {
    /// The first word, once.
    pub fn hello(&mut self) -> Option<Out> {
        self.hello.take()
    }

    /// Where it is asked whether the connection is to be closed.
    pub fn ending(&self) -> Ending {
        Ending(Arc::clone(&self.control))
    }

    /// The last position that was told.
    pub fn position(&self) -> i64 {
        self.session.position()
    }

    /// Waits for the next signal of the hub.
    pub async fn next(&mut self) -> Signal {
        if let Some(closing) = self.control.closing() {
            return Signal::Close(closing);
        }
        tokio::select! {
            biased;
            closing = self.control.closed() => Signal::Close(closing),
            event = self.queue.recv() => match event {
                Some(event) => Signal::Event(event),
                // The hub has let go of it.
                None => Signal::Close(self.control.closing().unwrap_or(Closing::GoingAway)),
            },
        }
    }

    /// The client said something.
    pub fn on_text(&mut self, text: &str) -> Vec<Out> {
        self.on(Input::Text(text))
    }

    /// The client gave a sign of life.
    pub fn on_life(&mut self) {
        let now = self.app.now();
        self.session.is_alive(now);
    }

    /// An event came from the hub.
    pub fn on_event(&mut self, event: Arc<Pushed>) -> Vec<Out> {
        let mut out = self.on(Input::Event(event));
        if self.queue.is_empty() {
            out.extend(self.on_overflow());
        }
        out
    }

    /// What was missed has been told up to this position. What came meanwhile goes before it, so that nothing of it is lost.
    pub fn on_replayed(&mut self, upto: i64) -> Vec<Out> {
        let mut out = Vec::new();
        while let Ok(event) = self.queue.try_recv() {
            out.extend(self.on(Input::Event(event)));
        }
        out.extend(self.on_overflow());
        out.extend(self.on(Input::Replayed { upto }));
        out
    }

    /// The history that was asked for is not there.
    pub fn on_history_gone(&mut self, head: i64) -> Vec<Out> {
        self.on(Input::HistoryGone { head })
    }

    /// Time went by. None where the client has not been heard of for too long.
    pub fn on_tick(&mut self) -> Option<Vec<Out>> {
        let now = self.app.now();
        let patience = 2 * i64::try_from(self.app.settings().realtime.heartbeat.as_micros()).unwrap_or(i64::MAX / 2);
        let is_silent = now.micros() - self.session.heard_of().micros() > patience;
        (!is_silent).then(|| self.on(Input::Tick))
    }

    /// How long until events that wait for a `resume` are to be sent, in microseconds; none where none wait.
    pub fn wakes_in(&self) -> Option<u64> {
        let now: Timestamp = self.app.now();
        self.session.wakes_at().map(|at| u64::try_from(at.micros() - now.micros()).unwrap_or(0))
    }

    fn on_overflow(&mut self) -> Vec<Out> {
        if !self.control.has_overflowed.swap(false, std::sync::atomic::Ordering::AcqRel) {
            return Vec::new();
        }
        let position = *self.app.hub().positions().borrow();
        self.on(Input::Overflowed { position })
    }

    fn on(&mut self, input: Input<'_>) -> Vec<Out> {
        let rights = Arc::clone(&self.rights);
        let allowed = |topic: &Topic| match topic {
            Topic::Kind(kind) | Topic::Record(kind, _) => rights.scope(*kind).is_some(),
            Topic::Notifications => self.caller.may_read_notifications(),
        };
        let out = self.session.on(input, self.app.now(), allowed);
        for one in &out {
            if let Out::Want(topics) = one {
                self.app.hub().want(self.id, topics.clone());
            }
        }
        out
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.app.hub().leave(self.id);
    }
}
