//! The hub of one instance: who listens, what they may see at this moment, and what is pushed to them.
//!
//! It reads the log behind the position that it has, looks up once whose the changed records are, and decides in memory for each
//! subscriber. The rights by which it decides are read after the changes, so that whatever was committed after a right was
//! withdrawn is never pushed by it. Nothing here waits for a socket: each has a queue, and one that is full gets no more.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use crm_domain::{RecordKind, RecordedChange, UserId, access::Scope, values::Timestamp};
use crm_events::{Event, Received};
use crm_persistence::{
    access_changes::{self, Affected},
    changes::{self, Heads},
    notifications::{self, Delivered},
    owners::{self, Owners},
};
use strum::VariantArray;
use tokio::{
    sync::{Notify, mpsc, watch},
    time::sleep,
};
use uuid::Uuid;

use super::{
    message,
    session::{Closing, Pushed},
    topic::Topics,
};
use crate::{App, Credential, Error, SignedIn, app::system_grant, changes::scope_of, notifications::is_ones_own};

/// How often the hub looks without having been told of anything.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often it looks whether sessions have run out.
const RECHECK: TimeDelta = TimeDelta::minutes(1);

/// How many changes it reads in one go.
const PAGE: i64 = 500;

/// So many events wait for one socket.
const QUEUE: usize = 64;

/// How many sockets there may be, and how often they are asked for a sign of life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RealtimeSettings {
    /// On this instance.
    pub sockets: usize,
    /// Of one user, on this instance.
    pub sockets_per_user: usize,
    /// From one address, on this instance.
    pub sockets_per_address: usize,
    /// How often a socket is asked for a sign of life; one that gives none for twice as long is dropped.
    pub heartbeat: Duration,
}

impl Default for RealtimeSettings {
    fn default() -> Self {
        Self { sockets: 20_000, sockets_per_user: 20, sockets_per_address: 1000, heartbeat: Duration::from_secs(30) }
    }
}

/// What the hub has done, for whoever watches over it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RealtimeStatistics {
    /// Sockets that are open.
    pub sockets: u64,
    /// Sockets that were refused because there were too many.
    pub refused: u64,
    /// Events that were pushed, one for each socket.
    pub pushed: u64,
    /// Events that found a full queue.
    pub overflowed: u64,
    /// Sockets that were closed because somebody's rights or sessions changed.
    pub withdrawn: u64,
}

#[derive(Debug, Default)]
struct Counters {
    refused: AtomicU64,
    pushed: AtomicU64,
    overflowed: AtomicU64,
    withdrawn: AtomicU64,
}

/// What somebody may, by which it is told whether anything has changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Rights {
    role: crm_domain::RoleId,
    rules: BTreeSet<(crm_domain::access::Resource, crm_domain::access::Action, crm_domain::access::Reach)>,
    team: Option<crm_domain::TeamId>,
    must_enrol: bool,
    scopes: Vec<Option<Scope>>,
}

impl Rights {
    pub(crate) fn of(caller: &SignedIn) -> Self {
        let role = caller.actor.role();
        Self {
            role: caller.user.role_id,
            rules: role.rules.iter().map(|rule| (rule.resource, rule.action, rule.reach)).collect(),
            team: caller.actor.team_id(),
            must_enrol: caller.must_enrol(),
            scopes: RecordKind::VARIANTS.iter().map(|kind| scope_of(*kind, &caller.actor)).collect(),
        }
    }

    /// How far records of a kind are seen; none where not at all.
    pub(crate) fn scope(&self, kind: RecordKind) -> Option<Scope> {
        let at = RecordKind::VARIANTS.iter().position(|one| *one == kind)?;
        self.scopes.get(at).copied().flatten()
    }
}

/// What the hub and a socket tell each other beside events.
#[derive(Debug, Default)]
pub(crate) struct Control {
    closing: AtomicU8,
    pub(super) has_overflowed: AtomicBool,
    closed: Notify,
}

const CLOSINGS: [Closing; 4] = [Closing::GoingAway, Closing::SessionEnded, Closing::RightsChanged, Closing::Overload];

impl Control {
    fn close(&self, closing: Closing) {
        let number = CLOSINGS.iter().position(|one| *one == closing).map_or(4, |at| at + 1);
        let number = u8::try_from(number).expect("there are a handful of reasons");
        // The first reason stays.
        let _was_closed = self.closing.compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire);
        self.closed.notify_one();
    }

    /// Why the socket is to be closed; none where it is not.
    pub(crate) fn closing(&self) -> Option<Closing> {
        let number = usize::from(self.closing.load(Ordering::Acquire));
        number.checked_sub(1).and_then(|at| CLOSINGS.get(at)).copied()
    }

    /// Waits until the socket is to be closed.
    pub(crate) async fn closed(&self) -> Closing {
        loop {
            let notified = self.closed.notified();
            if let Some(closing) = self.closing() {
                // Whoever asks again is told again.
                self.closed.notify_one();
                return closing;
            }
            notified.await;
        }
    }
}

#[derive(Debug)]
struct Socket {
    credential: Credential,
    user: UserId,
    address: Option<IpAddr>,
    rights: Arc<Rights>,
    topics: Topics,
    queue: mpsc::Sender<Arc<Pushed>>,
    control: Arc<Control>,
}

impl Socket {
    fn push(&self, event: &Arc<Pushed>, counters: &Counters) {
        match self.queue.try_send(Arc::clone(event)) {
            Ok(()) => counters.pushed.fetch_add(1, Ordering::Relaxed),
            Err(_full_or_gone) => {
                self.control.has_overflowed.store(true, Ordering::Release);
                counters.overflowed.fetch_add(1, Ordering::Relaxed)
            }
        };
    }
}

#[derive(Debug, Default)]
struct Registry {
    next: u64,
    sockets: HashMap<u64, Socket>,
    heads: Heads,
    rechecked: Option<Timestamp>,
    is_stopped: bool,
}

/// The hub of one instance.
#[derive(Debug)]
pub(crate) struct Hub {
    registry: Mutex<Registry>,
    pumping: tokio::sync::Mutex<()>,
    position: watch::Sender<i64>,
    counters: Counters,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            registry: Mutex::default(),
            pumping: tokio::sync::Mutex::default(),
            position: watch::Sender::new(0),
            counters: Counters::default(),
        }
    }
}

/// A place at the hub.
pub(crate) struct Place {
    pub(super) id: u64,
    pub(super) position: i64,
    pub(super) queue: mpsc::Receiver<Arc<Pushed>>,
    pub(super) control: Arc<Control>,
    pub(super) rights: Arc<Rights>,
}

/// What one look at the log has found.
struct Look {
    changes: Vec<RecordedChange>,
    notifications: Vec<Delivered>,
    unread: HashMap<UserId, i64>,
    owners: Owners,
    affected: Option<Vec<Affected>>,
    heads: Heads,
    has_more: bool,
}

impl Hub {
    /// Pushes events until the hub is stopped.
    pub(crate) fn start(app: &App) {
        let app = app.clone();
        tokio::spawn(async move {
            let mut heard = app.bus().subscribe();
            while !app.hub().lock().is_stopped {
                // What could not be read now is read by the next look: nothing moves on before it has been pushed.
                let _tried_again = app.pump().await;
                let news = async { while heard.next().await == Received::Event(Event::Committed) {} };
                tokio::select! {
                    () = news => {}
                    () = sleep(INTERVAL) => {}
                }
            }
        });
    }

    /// Closes all sockets: each is told to come again, and from which position.
    pub(crate) fn stop(&self) {
        let mut registry = self.lock();
        registry.is_stopped = true;
        registry.sockets.values().for_each(|socket| socket.control.close(Closing::GoingAway));
    }

    pub(crate) fn statistics(&self) -> RealtimeStatistics {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RealtimeStatistics {
            sockets: self.lock().sockets.len() as u64,
            refused: of(&self.counters.refused),
            pushed: of(&self.counters.pushed),
            overflowed: of(&self.counters.overflowed),
            withdrawn: of(&self.counters.withdrawn),
        }
    }

    /// Tells how far the hub has come.
    pub(crate) fn positions(&self) -> watch::Receiver<i64> {
        self.position.subscribe()
    }

    /// A place for one more socket; none where there are too many. `heads` is how far the log had come a moment ago: a hub that
    /// nobody listened to begins there.
    pub(super) fn admit(
        &self,
        settings: &RealtimeSettings,
        caller: &SignedIn,
        address: Option<IpAddr>,
        heads: Heads,
    ) -> Option<Place> {
        let mut registry = self.lock();
        if registry.sockets.is_empty() && registry.heads.changes <= heads.changes {
            registry.heads = heads;
        }
        let of_user =
            registry.sockets.values().filter(|one| one.user == caller.user.id).take(settings.sockets_per_user);
        let is_full = registry.sockets.len() >= settings.sockets
            || of_user.count() >= settings.sockets_per_user
            || (address.is_some()
                && registry.sockets.values().filter(|one| one.address == address).count()
                    >= settings.sockets_per_address);
        if is_full || registry.is_stopped {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        registry.next += 1;
        let (id, position) = (registry.next, registry.heads.changes);
        let (sender, queue) = mpsc::channel(QUEUE);
        let (control, rights) = (Arc::new(Control::default()), Arc::new(Rights::of(caller)));
        let socket = Socket {
            credential: caller.credential,
            user: caller.user.id,
            address,
            rights: Arc::clone(&rights),
            topics: Topics::default(),
            queue: sender,
            control: Arc::clone(&control),
        };
        registry.sockets.insert(id, socket);
        Some(Place { id, position, queue, control, rights })
    }

    pub(super) fn leave(&self, id: u64) {
        self.lock().sockets.remove(&id);
    }

    pub(super) fn want(&self, id: u64, topics: Topics) {
        if let Some(socket) = self.lock().sockets.get_mut(&id) {
            socket.topics = topics;
        }
    }

    pub(super) fn withdraw(&self, control: &Control, closing: Closing) {
        self.counters.withdrawn.fetch_add(1, Ordering::Relaxed);
        control.close(closing);
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        // A panic while the registry was held leaves it as it was between two steps, each of which is whole.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deliver(&self, look: &Look) {
        let changes = look.changes.iter().filter_map(|change| {
            let position = change.position?;
            let frame = message::change(position, change);
            Some((change, Arc::new(Pushed { position, frame, is_notification: false })))
        });
        let changes: Vec<_> = changes.collect();
        let notifications = look.notifications.iter().map(|one| {
            let unread = look.unread.get(&one.user_id).copied().unwrap_or_default();
            let frame = message::notification(one.position, &one.notification, unread);
            (one, Arc::new(Pushed { position: one.position, frame, is_notification: true }))
        });
        let notifications: Vec<_> = notifications.collect();
        let mut registry = self.lock();
        for socket in registry.sockets.values() {
            let mut pending =
                notifications.iter().filter(|(one, _)| socket_hears(socket, one, &look.owners)).peekable();
            for (change, event) in &changes {
                // A notification comes behind the change at its position, and before the next one.
                while let Some((_, told)) = pending.next_if(|(_, told)| told.position < event.position) {
                    socket.push(told, &self.counters);
                }
                let scope = socket.rights.scope(change.resource);
                let is_wanted = socket.topics.want(change.resource, change.id);
                if is_wanted && scope.is_some_and(|scope| look.owners.admits(scope, change.resource, change.id)) {
                    socket.push(event, &self.counters);
                }
            }
            pending.for_each(|(_, told)| socket.push(told, &self.counters));
        }
        registry.heads.changes = registry.heads.changes.max(look.heads.changes);
        registry.heads.notifications = registry.heads.notifications.max(look.heads.notifications);
        registry.heads.access = registry.heads.access.max(look.heads.access);
        self.position.send_replace(registry.heads.changes);
    }

    /// The sockets of those whose rights may be others than before; of all where it is not known whose.
    fn touched(&self, affected: Option<&[Affected]>) -> HashMap<Credential, Vec<u64>> {
        let mut touched: HashMap<Credential, Vec<u64>> = HashMap::new();
        for (id, socket) in &self.lock().sockets {
            let is_meant = affected.is_none_or(|affected| {
                affected.contains(&Affected::User(socket.user))
                    || affected.contains(&Affected::Role(socket.rights.role))
            });
            if is_meant {
                touched.entry(socket.credential).or_default().push(*id);
            }
        }
        touched
    }

    /// Closes the sockets of those who are not let in any more, or with other rights than before.
    fn settle(&self, touched: HashMap<Credential, Vec<u64>>, present: &HashMap<Credential, Rights>) {
        let registry = self.lock();
        for (credential, ids) in touched {
            for socket in ids.iter().filter_map(|id| registry.sockets.get(id)) {
                match present.get(&credential) {
                    None => self.withdraw(&socket.control, Closing::SessionEnded),
                    Some(rights) if *rights != *socket.rights => self.withdraw(&socket.control, Closing::RightsChanged),
                    Some(_) => {}
                }
            }
        }
        let mut registry = registry;
        registry.sockets.retain(|_, socket| socket.control.closing().is_none());
    }
}

fn socket_hears(socket: &Socket, told: &Delivered, owners: &Owners) -> bool {
    let of = &told.notification;
    let sees = |(kind, id): (RecordKind, Uuid)| {
        is_ones_own(of.kind) || socket.rights.scope(kind).is_some_and(|scope| owners.admits(scope, kind, id))
    };
    socket.user == told.user_id && socket.topics.want_notifications() && of.resource.zip(of.record_id).is_none_or(sees)
}

impl App {
    /// Pushes everything that has been given a position to those who may see it now, and closes the sockets of those who lost
    /// their rights.
    pub async fn pump(&self) -> Result<(), Error> {
        let _one_at_a_time = self.hub().pumping.lock().await;
        loop {
            let (from, users) = {
                let registry = self.hub().lock();
                let users: BTreeSet<UserId> = registry.sockets.values().map(|socket| socket.user).collect();
                (registry.heads, users)
            };
            if users.is_empty() && self.hub().position.receiver_count() == 0 {
                return Ok(());
            }
            let look = self.look(from, users).await?;
            let now = self.now();
            let is_due = {
                let mut registry = self.hub().lock();
                let is_due = registry.rechecked.is_none_or(|last| last.plus(RECHECK) <= now);
                if is_due {
                    registry.rechecked = Some(now);
                }
                is_due
            };
            let affected = look.affected.as_deref().filter(|_| !is_due);
            if affected.is_none_or(|affected| !affected.is_empty()) {
                let touched = self.hub().touched(affected);
                let present = self.present(touched.keys().copied().collect()).await?;
                self.hub().settle(touched, &present);
            }
            self.hub().deliver(&look);
            if !look.has_more {
                return Ok(());
            }
        }
    }

    /// What has happened behind these positions. What somebody may is read last.
    async fn look(&self, from: Heads, users: BTreeSet<UserId>) -> Result<Look, Error> {
        let now = self.now();
        self.read(move |tx| {
            let grant = system_grant("realtime")?;
            let heads = changes::heads(tx)?;
            let mut look = Look {
                changes: Vec::new(),
                notifications: Vec::new(),
                unread: HashMap::new(),
                owners: Owners::default(),
                affected: Some(Vec::new()),
                heads: from,
                has_more: false,
            };
            if heads.changes > from.changes {
                look.changes = changes::all_after(tx, &grant, from.changes, PAGE)?;
            }
            look.heads.changes = look.changes.last().and_then(|last| last.position).unwrap_or(from.changes);
            if heads.notifications > from.notifications {
                look.notifications = notifications::after_ordinal(tx, &grant, from.notifications, PAGE)?;
                look.heads.notifications = look.notifications.last().map_or(from.notifications, |last| last.ordinal);
                look.notifications.retain(|one| users.contains(&one.user_id));
            }
            look.has_more = heads.changes > look.heads.changes || heads.notifications > look.heads.notifications;
            for one in &look.notifications {
                if let Entry::Vacant(place) = look.unread.entry(one.user_id) {
                    place.insert(notifications::unread_count(tx, one.user_id, now)?);
                }
            }
            let told_of =
                look.notifications.iter().filter_map(|one| one.notification.resource.zip(one.notification.record_id));
            let records = look.changes.iter().map(|change| (change.resource, change.id)).chain(told_of);
            let records: Vec<(RecordKind, Uuid)> = records.collect();
            look.owners = owners::of(tx, &grant, records)?;
            (look.affected, look.heads.access) = access_changes::after(tx, from.access)?;
            Ok(look)
        })
        .await
    }
}
