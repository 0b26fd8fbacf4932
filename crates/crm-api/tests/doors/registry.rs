//! The resources that the doors belong to, one line for each, and how records of theirs get into the database.

use crm_domain::{
    Change, ChangeAction, Locale, NewRecord, RecordKind, RoleId, RoleRecord, Stamps, Team, TeamId, User, UserId,
    access::{Actor, BuiltInRole, policy},
    values::{EmailAddress, Name},
};
use crm_persistence::{Recorded, Stamp, StoreError, WriteTx, roles, teams, users};
use crm_testkit::{Client, TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::BASE;

/// Whose a record is.
#[derive(Clone, Copy, Debug)]
pub struct Owned {
    pub by: Option<UserId>,
    pub team: Option<TeamId>,
}

/// A resource with records.
#[derive(Clone, Copy)]
pub struct Subject {
    /// Its name in the golden file.
    pub label: &'static str,
    /// The last segment of its list's path, which is also the resource of the permissions.
    pub resource: &'static str,
    /// The body of a new record in which the mark can be found.
    pub body: fn(&str) -> Value,
    /// A change of any record.
    pub change: fn(&str) -> Value,
    /// How a record with an owner gets there.
    maker: Maker,
}

/// Puts a record with a mark and owners into the store.
type Store = fn(&mut WriteTx, &str, Owned) -> Result<(Uuid, RecordKind), StoreError>;

#[derive(Clone, Copy)]
enum Maker {
    /// By the administrator, over HTTP: owner and team are fields of the body.
    Http,
    /// Straight into the store, where the owner of such a record is not for clients to choose.
    Store(Store),
}

const fn over_http(resource: &'static str, body: fn(&str) -> Value, change: fn(&str) -> Value) -> Subject {
    Subject { label: resource, resource, body, change, maker: Maker::Http }
}

/// Every resource with records. A new one joins here.
pub const SUBJECTS: &[Subject] = &[
    over_http("organisations", |mark| json!({"name": mark}), |mark| json!({"notes": mark})),
    over_http("people", |mark| json!({"last_name": mark}), |mark| json!({"notes": mark})),
    Subject {
        label: "users",
        resource: "users",
        body: user,
        change: |mark| json!({"name": mark}),
        maker: Maker::Store(store_user),
    },
    Subject {
        label: "users' access",
        resource: "users",
        body: user,
        change: |_| json!({"is_active": false}),
        maker: Maker::Store(store_user),
    },
    Subject {
        label: "teams",
        resource: "teams",
        body: |mark| json!({"name": mark}),
        change: |mark| json!({"name": mark}),
        maker: Maker::Store(store_team),
    },
    Subject {
        label: "roles",
        resource: "roles",
        body: |mark| json!({"name": mark}),
        change: |mark| json!({"name": mark}),
        maker: Maker::Store(store_role),
    },
];

/// A relation between two resources: from the one end, the field and the last segment of the list, the other end, and the
/// path that joins the two.
pub struct Relation {
    pub from: &'static str,
    pub name: &'static str,
    pub to: &'static str,
    /// `PUT` here joins: `{from}` and `{to}` are the ids.
    pub join: &'static str,
}

/// Every relation with a list of its own. A new one joins here.
pub const RELATIONS: &[Relation] = &[
    Relation { from: "organisations", name: "people", to: "people", join: "/organisations/{from}/people/{to}" },
    Relation { from: "people", name: "organisations", to: "organisations", join: "/organisations/{to}/people/{from}" },
];

impl Subject {
    pub fn list(&self) -> String {
        format!("{BASE}/{}", self.resource)
    }

    pub fn record(&self, id: Uuid) -> String {
        format!("{BASE}/{}/{id}", self.resource)
    }

    /// Makes a record with this mark and these owners.
    pub async fn make(&self, app: &TestApp, mark: &str, owned: Owned) -> Uuid {
        match self.maker {
            Maker::Http => self.make_with(app, (self.body)(mark), owned).await,
            Maker::Store(store) => {
                let stamp = Stamp { actor: Actor::system("test fixture"), at: app.app.now(), import_id: None };
                let made: Result<Uuid, StoreError> = app.test.database.write(stamp, |tx| {
                    let (id, kind) = store(tx, mark, owned)?;
                    let made: Recorded<()> = tx.record(change_of(kind, id))?;
                    Ok(made.with(id))
                });
                made.unwrap()
            }
        }
    }

    /// Makes a record over HTTP with this body and these owners.
    pub async fn make_with(&self, app: &TestApp, mut body: Value, owned: Owned) -> Uuid {
        body["owner_id"] = json!(owned.by);
        body["team_id"] = json!(owned.team);
        let made = app.ann().post(&self.list(), body).await.expect(201).json();
        made["id"].as_str().unwrap().parse().unwrap()
    }

    /// Whether owners are fields of its body.
    pub fn is_owned_by_its_body(&self) -> bool {
        matches!(self.maker, Maker::Http)
    }

    /// Takes a record away, as the administrator.
    pub async fn delete(&self, app: &TestApp, id: Uuid) {
        delete(&app.ann(), &self.record(id)).await.expect(204);
    }
}

pub async fn delete(client: &Client, path: &str) -> crm_testkit::Answer {
    client.raw("DELETE", path, &[("If-Match", "*")], Vec::new()).await
}

fn user(mark: &str) -> Value {
    json!({"email": format!("{mark}@example.com"), "name": mark, "role_id": BuiltInRole::ReadOnly.id()})
}

fn change_of(kind: RecordKind, id: Uuid) -> Change {
    Change {
        kind,
        record_id: id,
        version: crm_domain::Version::FIRST,
        action: ChangeAction::Created,
        fields: Vec::new(),
    }
}

fn stamps<R>(tx: &WriteTx, id: crm_domain::Id<R>, owned: Owned) -> Stamps {
    NewRecord { id, owner_id: owned.by, team_id: owned.team, by: None, at: tx.at() }.stamps()
}

/// Ids of the fixtures' own, in the order of their making.
fn next_id() -> Uuid {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u64_pair(0x0193_8a3c_5f00_7000, 0x8000_0001_0000_0000 + NEXT.fetch_add(1, Ordering::Relaxed))
}

fn store_user(tx: &mut WriteTx, mark: &str, owned: Owned) -> Result<(Uuid, RecordKind), StoreError> {
    let id = UserId::new(next_id());
    let user = User {
        id,
        email: EmailAddress::parse(&format!("{mark}@example.com")).unwrap(),
        name: Name::parse(mark).unwrap(),
        role_id: BuiltInRole::ReadOnly.id(),
        locale: Locale::En,
        is_active: true,
        last_login_at: None,
        stamps: stamps(tx, id, owned),
    };
    let grant = policy::authorise::<crm_domain::access::Create, User>(tx.actor()).unwrap();
    users::insert(tx, &grant, &user, None)?;
    Ok((id.uuid(), RecordKind::Users))
}

fn store_team(tx: &mut WriteTx, mark: &str, owned: Owned) -> Result<(Uuid, RecordKind), StoreError> {
    let id = TeamId::new(next_id());
    let team = Team { id, name: Name::parse(mark).unwrap(), manager_id: None, stamps: stamps(tx, id, owned) };
    let grant = policy::authorise(tx.actor()).unwrap();
    teams::insert(tx, &grant, &team)?;
    Ok((id.uuid(), RecordKind::Teams))
}

fn store_role(tx: &mut WriteTx, mark: &str, owned: Owned) -> Result<(Uuid, RecordKind), StoreError> {
    let id = RoleId::new(next_id());
    let stamps = stamps(tx, id, owned);
    let role = RoleRecord {
        id,
        name: Name::parse(mark).unwrap(),
        is_built_in: false,
        rules: Vec::new(),
        requires_second_factor: false,
        stamps,
    };
    let grant = policy::authorise(tx.actor()).unwrap();
    roles::insert(tx, &grant, &role)?;
    Ok((id.uuid(), RecordKind::Roles))
}
