//! Users, teams and units of work for the tests of this crate.
#![allow(dead_code)] // Each test program uses its own part.

use crm_domain::{
    Locale, NewRecord, Team, TeamId, User, UserId,
    access::{ActionType, Actor, BuiltInRole, Create, Grant, Guarded, policy},
    values::{EmailAddress, Name, Timestamp},
};
use crm_persistence::{Recorded, Stamp, StoreError, WriteTx, teams, users};
use crm_testkit::TestDatabase;
use diesel::{Connection, PgConnection, SqliteConnection, connection::SimpleConnection};

/// The moment so many seconds after the tests' beginning of time.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_780_000_000_000_000 + seconds * 1_000_000)
}

/// A grant of the system itself.
pub fn grant<A: ActionType, R: Guarded>() -> Grant<A, R> {
    policy::authorise(&Actor::system("test")).unwrap()
}

pub fn stamp(seconds: i64) -> Stamp {
    Stamp { actor: Actor::system("test"), at: at(seconds), import_id: None }
}

/// A writing unit of work at a moment, which changes nothing that the change log speaks of.
pub fn write<T>(
    test: &TestDatabase,
    seconds: i64,
    work: impl FnOnce(&mut WriteTx) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    test.database.write(stamp(seconds), |tx| {
        let value = work(tx)?;
        let recorded: Recorded<T> = tx.unchanged(value);
        Ok(recorded)
    })
}

pub fn user(number: u128) -> User {
    let record = NewRecord { id: UserId::from_u128(number), owner_id: None, team_id: None, by: None, at: at(0) };
    User {
        id: record.id,
        email: EmailAddress::parse(&format!("User{number}@example.com")).unwrap(),
        name: Name::parse(&format!("User {number}")).unwrap(),
        role_id: BuiltInRole::User.id(),
        locale: Locale::Fr,
        is_active: true,
        last_login_at: None,
        stamps: record.stamps(),
    }
}

/// Adds a user; their password hash is the word `hash`.
pub fn add(test: &TestDatabase, user: &User) {
    write(test, 0, |tx| users::insert(tx, &grant::<Create, User>(), user, "hash")).unwrap();
}

pub fn team(number: u128) -> Team {
    let record = NewRecord { id: TeamId::from_u128(number), owner_id: None, team_id: None, by: None, at: at(0) };
    Team {
        id: record.id,
        name: Name::parse(&format!("Team {number}")).unwrap(),
        manager_id: None,
        stamps: record.stamps(),
    }
}

pub fn add_team(test: &TestDatabase, team: &Team) {
    write(test, 0, |tx| teams::insert(tx, &grant::<Create, Team>(), team)).unwrap();
}

/// The next version of a user, after a change.
pub fn changed(user: &User, seconds: i64, change: impl FnOnce(&mut User)) -> User {
    let mut next = User { stamps: user.stamps.touched(None, at(seconds)), ..user.clone() };
    change(&mut next);
    next
}

/// Runs statements behind the store's back, as each database spells them.
pub fn execute(test: &TestDatabase, sqlite: &str, postgres: &str) {
    match test.settings.url.strip_prefix("sqlite://") {
        Some(path) => SqliteConnection::establish(path).unwrap().batch_execute(sqlite).unwrap(),
        None => PgConnection::establish(&test.settings.url).unwrap().batch_execute(postgres).unwrap(),
    }
}
