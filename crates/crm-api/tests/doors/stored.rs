//! Records that are put straight into the store: those whose owner is not for clients to choose.

use crm_domain::{
    Change, ChangeAction, Field, Locale, NewRecord, Organisation, OrganisationId, OrganisationPatch, RecordKind,
    RoleId, RoleRecord, Stamps, Team, TeamId, User, UserId,
    access::{Actor, BuiltInRole, policy},
    values::{EmailAddress, Name},
};
use crm_persistence::{Recorded, Stamp, StoreError, WriteTx, organisations, roles, teams, users};
use crm_testkit::TestApp;
use uuid::Uuid;

use crate::registry::Owned;

/// Puts a record with a mark and owners into the store.
pub type Store = fn(&mut WriteTx, &str, Owned) -> Result<(Uuid, RecordKind), StoreError>;

/// The organisation of records that must have one. Nobody but the administrator sees it.
pub const HOME: &str = "01938a3c-5f00-7000-8000-000000000a0e";

/// Puts it there.
pub fn home(app: &TestApp) {
    put(app, |tx| {
        let (id, owner_id) = (OrganisationId::parse(HOME).unwrap(), Some(TestApp::user_id("ann")));
        let new = NewRecord { id, owner_id, team_id: None, by: None, at: tx.at() };
        let patch =
            OrganisationPatch { name: Field::Set(Name::parse("Home").unwrap()), ..OrganisationPatch::default() };
        let made = Organisation::create(new, &patch).unwrap();
        organisations::insert(tx, &policy::authorise(tx.actor()).unwrap(), &made.state)?;
        Ok((id.uuid(), RecordKind::Organisations))
    });
}

/// Puts a record into the store, and its making into the log.
pub fn put(app: &TestApp, insert: impl FnOnce(&mut WriteTx) -> Result<(Uuid, RecordKind), StoreError>) -> Uuid {
    let stamp = Stamp { actor: Actor::system("test fixture"), at: app.app.now(), import_id: None };
    let made: Result<Uuid, StoreError> = app.test.database.write(stamp, |tx| {
        let (id, kind) = insert(tx)?;
        let made: Recorded<()> = tx.record(change_of(kind, id))?;
        Ok(made.with(id))
    });
    made.unwrap()
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
    NewRecord { id, owner_id: owned.by, team_id: owned.team, by: owned.made_by, at: tx.at() }.stamps()
}

/// Ids of the fixtures' own, in the order of their making.
fn next_id() -> Uuid {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u64_pair(0x0193_8a3c_5f00_7000, 0x8000_0001_0000_0000 + NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn user(tx: &mut WriteTx, mark: &str, owned: Owned) -> Result<(Uuid, RecordKind), StoreError> {
    let id = UserId::new(next_id());
    let stamps = stamps(tx, id, owned);
    insert_user(tx, mark, id, BuiltInRole::ReadOnly.id(), stamps)
}

/// A user who is their own owner, as all but those of the matrix are.
pub fn member(
    tx: &mut WriteTx,
    mark: &str,
    role: RoleId,
    team: Option<TeamId>,
) -> Result<(Uuid, RecordKind), StoreError> {
    let id = UserId::new(next_id());
    let stamps = stamps(tx, id, Owned::by(Some(id), team));
    insert_user(tx, mark, id, role, stamps)
}

fn insert_user(
    tx: &mut WriteTx,
    mark: &str,
    id: UserId,
    role_id: RoleId,
    stamps: Stamps,
) -> Result<(Uuid, RecordKind), StoreError> {
    let user = User {
        id,
        email: EmailAddress::parse(&format!("{mark}@example.com")).unwrap(),
        name: Name::parse(mark).unwrap(),
        role_id,
        locale: Locale::En,
        is_active: true,
        last_login_at: None,
        stamps,
    };
    let grant = policy::authorise::<crm_domain::access::Create, User>(tx.actor()).unwrap();
    users::insert(tx, &grant, &user, None)?;
    Ok((id.uuid(), RecordKind::Users))
}

pub fn team(tx: &mut WriteTx, mark: &str, owned: Owned) -> Result<(Uuid, RecordKind), StoreError> {
    let id = TeamId::new(next_id());
    let team = Team { id, name: Name::parse(mark).unwrap(), manager_id: None, stamps: stamps(tx, id, owned) };
    let grant = policy::authorise(tx.actor()).unwrap();
    teams::insert(tx, &grant, &team)?;
    Ok((id.uuid(), RecordKind::Teams))
}

pub fn role(tx: &mut WriteTx, mark: &str, owned: Owned) -> Result<(Uuid, RecordKind), StoreError> {
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
