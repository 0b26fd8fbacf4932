//! The records that the matrix tries its doors for: whose they are, and how they get there.
//!
//! A record serves every caller to whom it is the same, until somebody has changed it: a refusal changes nothing, which is
//! checked, so the next one may try the same record.

use crm_domain::{TeamId, UserId};
use crm_persistence::{StoreError, changes};
use crm_testkit::{Client, TestApp};
use serde_json::json;
use uuid::Uuid;

use crate::{
    BASE,
    door::Door,
    firm::Caller,
    matrix::Matrix,
    registry::{Owned, Reference, Subject},
    stored,
};

/// Whose the record is that a caller tries a door for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// The caller's own; of a restoration, deleted before.
    Own,
    /// Somebody else's of the team north.
    SameTeam,
    /// Somebody's of another team.
    OtherTeam,
    /// The same, but made by the caller.
    Created,
    /// Nobody's, though of the team north: without an owner a team and a creator count for nothing.
    Unowned,
    /// Nobody's, and of no team, but made by the caller.
    CreatedUnowned,
    /// The caller's own, and deleted.
    Deleted,
    /// The caller's own and there, of a restoration.
    Live,
    /// Somebody's of another team, and assigned to the caller.
    Assigned,
    /// The caller as a user.
    Oneself,
    /// The team that the caller belongs to.
    OwnTeam,
}

pub const KINDS: [(Kind, &str); 7] = [
    (Kind::Own, "own"),
    (Kind::SameTeam, "same team"),
    (Kind::OtherTeam, "other team"),
    (Kind::Created, "created"),
    (Kind::Unowned, "unowned"),
    (Kind::CreatedUnowned, "created, unowned"),
    (Kind::Deleted, "own, deleted"),
];

/// What callers are to users and to teams.
fn oneself(resource: &str) -> Option<(Kind, &'static str)> {
    match resource {
        "users" => Some((Kind::Oneself, "oneself")),
        "teams" => Some((Kind::OwnTeam, "own team")),
        _ => None,
    }
}

/// All kinds of records of a resource that a door is tried for.
pub fn kinds(subject: &Subject, door: Door) -> Vec<(Kind, &'static str)> {
    let assigned = subject.is_assigned().then_some((Kind::Assigned, "assigned"));
    let mut kinds: Vec<_> = KINDS.into_iter().chain(assigned).chain(oneself(subject.resource)).collect();
    if door == Door::Restore {
        // What is restored has been deleted in any case, but for one's own that has not.
        kinds.retain(|(kind, _)| *kind != Kind::Deleted);
        kinds.push((Kind::Live, "own, live"));
    }
    kinds
}

/// All kinds of records that a field may name.
pub fn kinds_named(reference: &Reference) -> Vec<(Kind, &'static str)> {
    KINDS.into_iter().chain(oneself(reference.to)).collect()
}

/// A record that somebody tries a door for.
#[derive(Clone)]
pub struct Target {
    pub id: Uuid,
    pub mark: String,
    /// The position of the change log before it was made.
    pub position: i64,
    /// Whoever it is about, where it is about them.
    pub client: Option<Client>,
    slot: Slot,
}

/// What makes a record the same for two callers.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Slot {
    label: &'static str,
    owned: Owned,
    is_deleted: bool,
    /// What is about the caller is theirs alone, and what is about their team is the team's.
    about: Option<(Kind, Option<usize>)>,
}

impl Matrix {
    pub fn owned(&self, caller: usize, kind: Kind) -> Owned {
        let (north, south) = (Some(TestApp::team_id("north")), Some(TestApp::team_id("south")));
        let own = self.callers[caller].own();
        let otto = Owned::by(Some(TestApp::user_id("otto")), south);
        // Somebody else of the team, whoever asks.
        let colleague = if self.callers[caller].name == "read_only" { "uma" } else { "rita" };
        match kind {
            Kind::Own | Kind::Deleted | Kind::Live | Kind::Oneself => own,
            Kind::OwnTeam => Owned::by(None, own.team),
            Kind::SameTeam => Owned::by(Some(TestApp::user_id(colleague)), north),
            Kind::OtherTeam => otto,
            Kind::Created => Owned { made_by: own.by, ..otto },
            Kind::Unowned => Owned::by(None, north),
            Kind::CreatedUnowned => Owned { made_by: own.by, ..Owned::by(None, None) },
            Kind::Assigned => Owned { assigned: own.by, ..otto },
        }
    }

    /// A mark that no record has yet.
    pub fn mark(&mut self) -> String {
        self.marks += 1;
        format!("mark{:06}", self.marks)
    }

    /// A record of this kind for one door, or none where the caller has none.
    pub async fn target(&mut self, subject: &Subject, caller: usize, kind: Kind, door: Option<Door>) -> Option<Target> {
        let is_restored = door == Some(Door::Restore) && !matches!(kind, Kind::Live | Kind::Oneself | Kind::OwnTeam);
        let slot = Slot {
            label: subject.label,
            owned: self.owned(caller, kind),
            is_deleted: kind == Kind::Deleted || is_restored,
            about: match kind {
                Kind::Oneself => Some((kind, Some(caller))),
                Kind::OwnTeam => Some((kind, None)),
                _ => None,
            },
        };
        if let Some(kept) = self.kept.get(&slot) {
            return Some(kept.clone());
        }
        // Only reading needs to know from where on the change log speaks of it.
        if door.is_some_and(|door| !door.changes()) {
            self.position = last_position(&self.app).await;
        }
        let (mark, position) = (self.mark(), self.position);
        let (id, client) = match kind {
            Kind::Oneself => self.double(caller, &mark),
            Kind::OwnTeam => (self.named_team(self.callers[caller].team?, &mark).await, None),
            _ => (subject.make(&self.app, &mark, slot.owned).await, None),
        };
        self.made(subject, id, slot.owned);
        if slot.is_deleted {
            subject.delete(&self.app, id).await;
        }
        let target = Target { id, mark, position, client, slot };
        self.kept.insert(slot, target.clone());
        Some(target)
    }

    /// One's own record, which everybody has.
    pub async fn own(&mut self, subject: &Subject, caller: usize) -> Target {
        self.target(subject, caller, Kind::Own, None).await.unwrap()
    }

    /// Somebody has changed it, so it is no longer what it was.
    pub fn spend(&mut self, target: &Target) {
        self.kept.remove(&target.slot);
    }

    /// What a field may name: a record of this kind, the caller, or their team.
    pub async fn named(&mut self, to: &Subject, caller: usize, kind: Kind) -> Option<Uuid> {
        match kind {
            Kind::Oneself => Some(self.callers[caller].own().by.unwrap().uuid()),
            Kind::OwnTeam => self.callers[caller].team.map(TeamId::uuid),
            _ => self.target(to, caller, kind, None).await.map(|target| target.id),
        }
    }

    /// Says who has made a record. The administrator has, over HTTP, for that is not for clients to choose.
    pub fn made(&mut self, subject: &Subject, id: Uuid, owned: Owned) {
        let Some(user) = owned.made_by.filter(|_| subject.is_owned_by_its_body()) else { return };
        let literal = |id: Uuid| match self.app.test.name() {
            "sqlite" => format!("X'{}'", id.simple()),
            _ => format!("'{id}'"),
        };
        let (table, user, record) = (subject.resource, literal(user.uuid()), literal(id));
        self.observer.execute(&format!("UPDATE {table} SET created_by = {user} WHERE id = {record}"));
    }

    /// Somebody like the caller, so that the caller is still there for the next door.
    fn double(&self, caller: usize, mark: &str) -> (Uuid, Option<Client>) {
        let Caller { id, team, role, .. } = &self.callers[caller];
        let double = stored::put(&self.app, |tx| stored::member(tx, mark, *role, *team));
        (double, id.map(|_| self.app.sign_in(UserId::new(double))))
    }

    /// The team itself, with this name and an owner from now on.
    async fn named_team(&self, team: TeamId, mark: &str) -> Uuid {
        let (path, owner) = (format!("{BASE}/teams/{team}"), TestApp::user_id("ann"));
        let body = json!({"name": mark, "owner_id": owner}).to_string();
        let headers = [("If-Match", "*"), ("Content-Type", "application/json")];
        self.app.ann().raw("PATCH", &path, &headers, body.into_bytes()).await.expect(200);
        team.uuid()
    }
}

/// Where the change log ends, once all changes have their places.
async fn last_position(app: &TestApp) -> i64 {
    app.app.catch_up().await.unwrap();
    let heads: Result<_, StoreError> = app.test.database.read(|tx| changes::heads(tx));
    heads.unwrap().changes
}
