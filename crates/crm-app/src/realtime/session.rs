//! The protocol of one socket as a state machine, free of sockets, clocks and databases.
//!
//! What a socket hears is in the order of positions, and nothing of it twice. Two things would spoil that: an event that is
//! pushed before the missed ones have been told, and one that was left out because the queue was full. So after the first
//! `subscribe`, and after a `resync`, events wait for a moment for the client's `resume`; and while missed events are read,
//! new ones wait as well. What waits is bounded: of more, the log is read again.

use std::{collections::VecDeque, sync::Arc};

use bytestring::ByteString;
use chrono::TimeDelta;
use crm_domain::values::Timestamp;

use super::{
    message::{self, ClientMessage},
    topic::{Topic, Topics},
};

/// How long events wait for a `resume`.
pub(super) const PATIENCE: TimeDelta = TimeDelta::milliseconds(500);

/// So many events wait at most.
pub(super) const WAITING: usize = 64;

/// A frame that goes to many, and its place in the order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pushed {
    /// The position of the change, or of the log when the notification was made.
    pub position: i64,
    /// The message.
    pub frame: ByteString,
    /// Whether it is a notification, of which several may stand at one position.
    pub is_notification: bool,
}

/// Why a socket is closed (RFC 6455, section 7.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Closing {
    /// 1001: the server goes away.
    GoingAway,
    /// 1008: the session has ended.
    SessionEnded,
    /// 1008: the user's rights are others than before.
    RightsChanged,
    /// 1008: the page that opened it is not one of ours.
    BadOrigin,
    /// 1008: what was said is no message of the protocol.
    Malformed,
    /// 1009: a message is too large.
    TooLarge,
    /// 1013: too many sockets, or the server is short of something.
    Overload,
}

impl Closing {
    /// The code.
    pub const fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::SessionEnded | Self::RightsChanged | Self::BadOrigin | Self::Malformed => 1008,
            Self::TooLarge => 1009,
            Self::Overload => 1013,
        }
    }

    /// A few words, and for who comes again the position to come with.
    pub fn reason(self, position: i64) -> String {
        match self {
            Self::GoingAway => format!("going away; position={position}"),
            Self::SessionEnded => "session ended".to_owned(),
            Self::RightsChanged => "rights changed".to_owned(),
            Self::BadOrigin => "bad origin".to_owned(),
            Self::Malformed => "malformed message".to_owned(),
            Self::TooLarge => "message too large".to_owned(),
            Self::Overload => "try again later".to_owned(),
        }
    }
}

/// What happens to a session.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// The client said something.
    Text(&'a str),
    /// An event that the subscriber may see and wants to hear of.
    Event(Arc<Pushed>),
    /// Events were left out, the last of them at this position or before it.
    Overflowed {
        /// How far the hub had come.
        position: i64,
    },
    /// What was missed has been told up to this position.
    Replayed {
        /// The last position that was read.
        upto: i64,
    },
    /// The history that was asked for is not there; the log stands at this position.
    HistoryGone {
        /// The last position of the log.
        head: i64,
    },
    /// Time goes by.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Out {
    /// Send this.
    Send(ByteString),
    /// From now on these topics are wanted.
    Want(Topics),
    /// Tell everything behind this position, then say `Input::Replayed`.
    Replay {
        /// The position.
        after: i64,
    },
    /// Close the socket.
    Close(Closing),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Nothing is wanted yet.
    Quiet,
    /// Events wait until then for the client to say from where it resumes.
    Waiting { until: Timestamp },
    /// Missed events are being told; whether the end of that is to be said.
    Replaying { is_asked_for: bool },
    /// Events are sent as they come.
    Live,
}

/// One session of the protocol.
#[derive(Debug)]
pub struct Session {
    state: State,
    topics: Topics,
    /// Everything up to here has been told, or was before the socket.
    last: i64,
    waiting: VecDeque<Arc<Pushed>>,
    has_overflowed: bool,
    heard_of: Timestamp,
}

impl Session {
    /// A session that begins at a position, with its first word.
    pub fn begin(position: i64, heartbeat_seconds: u64, now: Timestamp) -> (Self, ByteString) {
        let session = Self {
            state: State::Quiet,
            topics: Topics::default(),
            last: position,
            waiting: VecDeque::new(),
            has_overflowed: false,
            heard_of: now,
        };
        (session, message::hello(position, heartbeat_seconds))
    }

    /// What is wanted.
    pub fn topics(&self) -> &Topics {
        &self.topics
    }

    /// The last position that was told.
    pub fn position(&self) -> i64 {
        self.last
    }

    /// Until when events wait; none when they do not.
    pub fn wakes_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Quiet | State::Replaying { .. } | State::Live => None,
        }
    }

    /// When the client was last heard of.
    pub fn heard_of(&self) -> Timestamp {
        self.heard_of
    }

    /// The client gave a sign of life.
    pub fn is_alive(&mut self, now: Timestamp) {
        self.heard_of = now;
    }

    /// Whether `topic` is one that the subscriber may hear of is for `allowed` to say.
    pub fn on(&mut self, input: Input<'_>, now: Timestamp, allowed: impl Fn(&Topic) -> bool) -> Vec<Out> {
        match input {
            Input::Text(text) => {
                self.heard_of = now;
                match ClientMessage::read(text) {
                    Some(ClientMessage::Subscribe { topics }) => self.subscribe(&topics, now, allowed),
                    Some(ClientMessage::Resume { after }) if after >= 0 => self.resume(after),
                    Some(ClientMessage::Resume { .. }) | None => vec![Out::Close(Closing::Malformed)],
                }
            }
            Input::Event(event) => self.event(event),
            Input::Overflowed { position } => self.overflowed(position, now),
            Input::Replayed { upto } => self.replayed(upto),
            Input::HistoryGone { head } => self.history_gone(head),
            Input::Tick => self.tick(now),
        }
    }

    fn subscribe(&mut self, names: &[String], now: Timestamp, allowed: impl Fn(&Topic) -> bool) -> Vec<Out> {
        for topic in names.iter().filter_map(|name| Topic::parse(name)).filter(|topic| allowed(topic)) {
            self.topics.insert(topic);
        }
        let mut out = vec![Out::Want(self.topics.clone()), Out::Send(message::subscribed(self.topics.iter()))];
        match self.state {
            State::Quiet if !self.topics.is_empty() => self.state = State::Waiting { until: now.plus(PATIENCE) },
            // Resumed before anything was wanted: now there is something to tell.
            State::Replaying { .. } => out.push(Out::Replay { after: self.last }),
            State::Quiet | State::Waiting { .. } | State::Live => {}
        }
        out
    }

    fn resume(&mut self, after: i64) -> Vec<Out> {
        // What waits is behind what is read now, or is read as well.
        self.last = after;
        self.state = State::Replaying { is_asked_for: true };
        if self.topics.is_empty() {
            return Vec::new();
        }
        vec![Out::Replay { after }]
    }

    fn event(&mut self, event: Arc<Pushed>) -> Vec<Out> {
        match self.state {
            State::Live => self.tell(&event).into_iter().collect(),
            State::Quiet => Vec::new(),
            State::Waiting { .. } | State::Replaying { .. } => {
                if self.waiting.len() == WAITING {
                    self.has_overflowed = true;
                } else {
                    self.waiting.push_back(event);
                }
                Vec::new()
            }
        }
    }

    /// Sends an event unless it has been told. Of a notification that stands where the last event did nobody can tell, so it
    /// may be told twice.
    fn tell(&mut self, event: &Pushed) -> Option<Out> {
        let is_told = if event.is_notification { event.position < self.last } else { event.position <= self.last };
        if is_told {
            return None;
        }
        self.last = event.position;
        Some(Out::Send(event.frame.clone()))
    }

    fn overflowed(&mut self, position: i64, now: Timestamp) -> Vec<Out> {
        match self.state {
            State::Live => {
                self.state = State::Waiting { until: now.plus(PATIENCE) };
                vec![Out::Send(message::resync(position))]
            }
            State::Waiting { .. } | State::Replaying { .. } => {
                self.has_overflowed = true;
                Vec::new()
            }
            State::Quiet => Vec::new(),
        }
    }

    fn replayed(&mut self, upto: i64) -> Vec<Out> {
        let State::Replaying { is_asked_for } = self.state else { return Vec::new() };
        self.last = upto.max(self.last);
        if std::mem::take(&mut self.has_overflowed) {
            self.waiting.clear();
            return vec![Out::Replay { after: self.last }];
        }
        let mut out = Vec::new();
        if is_asked_for {
            out.push(Out::Send(message::live(self.last)));
        }
        out.extend(self.go_live());
        out
    }

    fn history_gone(&mut self, head: i64) -> Vec<Out> {
        self.last = head;
        self.has_overflowed = false;
        let mut out = vec![Out::Send(message::reset())];
        out.extend(self.go_live());
        out
    }

    fn tick(&mut self, now: Timestamp) -> Vec<Out> {
        let State::Waiting { until } = self.state else { return Vec::new() };
        if now < until {
            return Vec::new();
        }
        if std::mem::take(&mut self.has_overflowed) {
            self.waiting.clear();
            self.state = State::Replaying { is_asked_for: false };
            return vec![Out::Replay { after: self.last }];
        }
        self.go_live()
    }

    /// Sends what has waited.
    fn go_live(&mut self) -> Vec<Out> {
        self.state = State::Live;
        let waiting = std::mem::take(&mut self.waiting);
        waiting.iter().filter_map(|event| self.tell(event)).collect()
    }
}
