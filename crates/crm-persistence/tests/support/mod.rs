//! What the tests of several stores share: named users in two teams, grants, and records with few words.

#![allow(dead_code, unreachable_pub)] // Each test program uses a part of it.

use crm_domain::{
    Choice, Field, Id, Link, LinkPatch, NewRecord, Organisation, OrganisationPatch, Person, PersonPatch, TeamId,
    UserId,
    access::{ActionType, Actor, Grant, Guarded, Reach, Resource, Role, Rule, policy},
    values::{Name, Timestamp},
};
use crm_persistence::{Backend, Database, Recorded, Stamp, StoreError, WriteTx};
use crm_testkit::TestDatabase;
use diesel::{Connection, PgConnection, SqliteConnection, connection::SimpleConnection};

pub const ANN: UserId = UserId::from_u128(0xa1);
pub const BOB: UserId = UserId::from_u128(0xb0);
pub const EVE: UserId = UserId::from_u128(0xe0);
pub const NORTH: TeamId = TeamId::from_u128(0xa0a0);
pub const SOUTH: TeamId = TeamId::from_u128(0xb0b0);

/// Runs one test body on each database, after the users and teams have been put there.
pub fn on_each_database(body: impl Fn(&Database)) {
    crm_testkit::on_each_database(|one| {
        seed(one);
        body(&one.database);
    });
}

fn seed(one: &TestDatabase) {
    let teams = [("north", NORTH.uuid()), ("south", SOUTH.uuid())];
    let users = [("ann", ANN.uuid()), ("bob", BOB.uuid()), ("eve", EVE.uuid())];
    let (time, truth) = match one.database.backend() {
        Backend::Postgres => ("'2026-01-01T00:00:00Z'", "true"),
        Backend::Sqlite => ("1767225600000000", "1"),
    };
    let id = |id: uuid::Uuid| match one.database.backend() {
        Backend::Postgres => format!("'{id}'"),
        Backend::Sqlite => format!("X'{}'", id.simple()),
    };
    let role = id(crm_domain::access::BuiltInRole::User.id().uuid());
    let teams = teams.map(|(name, team)| {
        let into = "INSERT INTO teams (id, name, name_key, version, created_at, updated_at)";
        format!("{into} VALUES ({}, '{name}', '{name}', 1, {time}, {time});", id(team))
    });
    let users = users.map(|(name, user)| {
        let (user, email) = (id(user), format!("'{name}@example.com'"));
        let columns = "id, email, email_key, name, role_id, locale, is_active, version, created_at, updated_at";
        let values = format!("{user}, {email}, {email}, '{name}', {role}, 'en', {truth}, 1, {time}, {time}");
        format!("INSERT INTO users ({columns}) VALUES ({values});")
    });
    let sql = [teams.concat(), users.concat()].concat();
    let url = &one.settings.url;
    match one.database.backend() {
        Backend::Postgres => PgConnection::establish(url).unwrap().batch_execute(&sql).unwrap(),
        Backend::Sqlite => {
            let path = url.trim_start_matches("sqlite://");
            SqliteConnection::establish(path).unwrap().batch_execute(&sql).unwrap();
        }
    }
}

/// A user whose role allows everything on organisations and people, that far.
pub fn actor(user: UserId, team: Option<TeamId>, reach: Reach) -> Actor {
    let rules = [Resource::Organisations, Resource::People]
        .into_iter()
        .flat_map(|resource| variants().iter().map(move |action| Rule { resource, action: *action, reach }));
    let role = Role { id: Id::from_u128(9), name: Name::from_stored("test".to_owned()), rules: rules.collect() };
    Actor::user(user, team, role)
}

/// All values of an enumeration.
pub fn variants<T: Choice>() -> &'static [T] {
    T::VARIANTS
}

/// What an actor may do.
pub fn grant<A: ActionType, R: Guarded>(actor: &Actor) -> Grant<A, R> {
    policy::authorise(actor).unwrap()
}

/// A grant for everything.
pub fn all<A: ActionType, R: Guarded>() -> Grant<A, R> {
    grant(&Actor::system("test"))
}

/// So many seconds after the beginning of 2026.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000 + seconds * 1_000_000)
}

/// Writes, and says that nothing has changed that the change log speaks of.
pub fn write<T>(
    database: &Database,
    work: impl FnOnce(&mut WriteTx) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    database.write(stamp(), |tx| work(tx).map(|value| tx.unchanged(value)))
}

/// Writes and reads, and takes it all back.
pub fn rehearse<T>(
    database: &Database,
    work: impl FnOnce(&mut WriteTx) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let recorded = |tx: &mut WriteTx| -> Result<Recorded<T>, StoreError> { work(tx).map(|value| tx.unchanged(value)) };
    database.rehearse(stamp(), recorded)
}

fn stamp() -> Stamp {
    Stamp { actor: Actor::system("test"), at: at(0), import_id: None }
}

pub fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn new<R>(number: u128) -> NewRecord<R> {
    NewRecord { id: Id::from_u128(number), owner_id: None, team_id: None, by: None, at: at(0) }
}

/// A person with this last name and nothing else.
pub fn person(number: u128, last_name: &str) -> Person {
    let patch = PersonPatch { last_name: Field::Set(name(last_name)), ..PersonPatch::default() };
    Person::create(new(number), &patch).unwrap().state
}

/// An organisation with this name and nothing else.
pub fn organisation(number: u128, called: &str) -> Organisation {
    let patch = OrganisationPatch { name: Field::Set(name(called)), ..OrganisationPatch::default() };
    Organisation::create(new(number), &patch).unwrap().state
}

/// A link between these two and nothing else.
pub fn link(number: u128, organisation: &Organisation, person: &Person) -> Link {
    Link::create(new(number), organisation.id, person.id, &LinkPatch::default()).unwrap().state
}
