//! Sessions and their tokens, on each database.
#![allow(clippy::unwrap_used)] // Helpers of tests fail the test when what they need is not there.

mod support_users;

use std::sync::Barrier;

use crm_domain::{
    Session, SessionId, User, UserId, Version,
    access::{BuiltInRole, Manage, Role},
};
use crm_persistence::{
    StoreError,
    sessions::{self, NewSession, Rotation},
    users,
};
use crm_testkit::{TestDatabase, on_each_database};
use support_users::{add, at, changed, grant, user, write};

/// How long tokens work in these tests, in seconds.
const ACCESS: i64 = 900;
const REFRESH: i64 = 90_000;

fn hash(number: u8) -> [u8; 32] {
    [number; 32]
}

/// Begins a session at second 0 with the access token `number` and the refresh token `number`.
fn begin(test: &TestDatabase, user: &User, number: u8) -> SessionId {
    let session = Session {
        id: SessionId::from_u128(u128::from(number)),
        user_id: user.id,
        created_at: at(0),
        access_expires_at: at(ACCESS),
        refresh_expires_at: at(REFRESH),
    };
    let new = NewSession {
        access_hash: hash(number),
        refresh_hash: hash(number),
        address: Some("192.0.2.1".to_owned()),
        agent: None,
    };
    write(test, 0, |tx| sessions::insert(tx, &session, &new)).unwrap();
    session.id
}

/// Replaces the refresh token `used` by the pair `next` at a moment.
fn rotate(test: &TestDatabase, used: u8, next: u8, seconds: i64) -> Option<User> {
    let rotation = Rotation {
        used: hash(used),
        refresh_hash: hash(next),
        access_hash: hash(next),
        access_expires_at: at(seconds + ACCESS),
        refresh_expires_at: at(seconds + REFRESH),
    };
    write(test, seconds, |tx| sessions::rotate(tx, &rotation)).unwrap()
}

fn actor(test: &TestDatabase, number: u8, seconds: i64) -> Option<(SessionId, User, Role)> {
    let found = test.database.read(|tx| sessions::actor_by_access_hash(tx, &hash(number), at(seconds))).unwrap();
    let found = found.map(|owner| (owner.session.0, owner.user, owner.role, owner.standing));
    found.map(|(session, user, role, _)| (session, user, role))
}

#[test]
fn an_access_token_tells_the_user_with_the_role_of_this_moment() {
    on_each_database(|test| {
        let user = user(1);
        add(test, &user);
        let session = begin(test, &user, 1);
        assert_eq!(actor(test, 1, 1), Some((session, user.clone(), BuiltInRole::User.role())));
        assert_eq!(actor(test, 2, 1), None);
        let promoted = changed(&user, 2, |user| user.role_id = BuiltInRole::Manager.id());
        write(test, 2, |tx| users::save(tx, &grant::<Manage, User>(), Version::FIRST, &promoted)).unwrap();
        assert_eq!(actor(test, 1, 3), Some((session, promoted, BuiltInRole::Manager.role())));
    });
}

#[test]
fn an_expired_or_ended_session_and_an_inactive_or_deleted_user_yield_no_actor() {
    on_each_database(|test| {
        let user = user(1);
        add(test, &user);
        let session = begin(test, &user, 1);
        assert!(actor(test, 1, ACCESS - 1).is_some());
        assert!(actor(test, 1, ACCESS).is_none());

        let inactive = changed(&user, 1, |user| user.is_active = false);
        write(test, 1, |tx| users::save(tx, &grant::<Manage, User>(), Version::FIRST, &inactive)).unwrap();
        assert!(actor(test, 1, 1).is_none());
        assert!(rotate(test, 1, 2, 1).is_none());

        let deleted = changed(&inactive, 2, |user| {
            user.is_active = true;
            user.stamps.deleted_at = Some(at(2));
        });
        write(test, 2, |tx| users::save(tx, &grant::<Manage, User>(), inactive.stamps.version, &deleted)).unwrap();
        assert!(actor(test, 1, 2).is_none());

        let back = changed(&deleted, 3, |user| user.stamps.deleted_at = None);
        write(test, 3, |tx| users::save(tx, &grant::<Manage, User>(), deleted.stamps.version, &back)).unwrap();
        assert!(actor(test, 1, 3).is_some());
        write(test, 4, |tx| sessions::end(tx, session)).unwrap();
        assert!(actor(test, 1, 4).is_none());
    });
}

#[test]
fn a_rotation_replaces_both_tokens() {
    on_each_database(|test| {
        let user = user(1);
        add(test, &user);
        let session = begin(test, &user, 1);
        assert_eq!(rotate(test, 1, 2, 1000), Some(user.clone()));
        assert!(actor(test, 1, 1).is_none());
        assert_eq!(actor(test, 2, 1000 + ACCESS - 1).unwrap().0, session);
        assert_eq!(rotate(test, 2, 3, 2000), Some(user.clone()));
        let known = test.database.read(|tx| sessions::list_of(tx, user.id, at(2000))).unwrap();
        assert_eq!((known[0].last_used_at, known[0].session.refresh_expires_at), (at(2000), at(2000 + REFRESH)));
        assert!(rotate(test, 9, 10, 2001).is_none(), "an unknown token");
        assert!(actor(test, 3, 2002).is_some(), "an unknown token ends no session");
    });
}

#[test]
fn an_expired_refresh_token_is_of_no_use() {
    on_each_database(|test| {
        let user = user(1);
        add(test, &user);
        begin(test, &user, 1);
        assert!(rotate(test, 1, 2, REFRESH).is_none());
        assert!(actor(test, 2, REFRESH).is_none());
    });
}

#[test]
fn a_refresh_token_that_is_used_again_ends_the_session_with_all_its_tokens() {
    on_each_database(|test| {
        let user = user(1);
        add(test, &user);
        begin(test, &user, 1);
        begin(test, &user, 9);
        assert!(rotate(test, 1, 2, 1).is_some());
        assert!(rotate(test, 1, 3, 2).is_none());
        assert!(actor(test, 2, 2).is_none());
        assert!(actor(test, 3, 2).is_none());
        assert!(rotate(test, 2, 4, 3).is_none(), "the token that was never used ends with its family");
        assert!(actor(test, 9, 3).is_some(), "another session goes on");
    });
}

#[test]
fn of_two_who_use_one_token_at_the_same_time_exactly_one_succeeds() {
    on_each_database(|test| {
        let user = user(1);
        add(test, &user);
        for round in 0..20 {
            let (old, one, two) = (round * 3 + 1, round * 3 + 2, round * 3 + 3);
            begin(test, &user, old);
            let start = Barrier::new(2);
            let (one, two) = std::thread::scope(|scope| {
                let [one, two] = [one, two].map(|next| {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        rotate(test, old, next, 1).map(|_| next)
                    })
                });
                (one.join().unwrap(), two.join().unwrap())
            });
            assert!(one.is_some() != two.is_some(), "round {round}: {one:?} {two:?}");
            let winner = one.or(two).unwrap();
            assert!(actor(test, winner, 2).is_none(), "the one that came too late has ended the session");
        }
    });
}

#[test]
fn sessions_are_listed_and_ended_for_their_own_user_alone() {
    on_each_database(|test| {
        let (ann, bob) = (user(1), user(2));
        add(test, &ann);
        add(test, &bob);
        let [first, second, third] = [1, 2, 3].map(|number| begin(test, &ann, number));
        let bobs = begin(test, &bob, 4);
        let ids = |user: UserId, seconds| {
            let known = test.database.read(|tx| sessions::list_of(tx, user, at(seconds))).unwrap();
            known.into_iter().map(|known| known.session.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(ann.id, 1), [third, second, first]);
        let foreign = write(test, 1, |tx| sessions::end_of(tx, ann.id, bobs));
        assert!(matches!(foreign, Err(StoreError::NotFound)));
        write(test, 1, |tx| sessions::end_of(tx, ann.id, third)).unwrap();
        assert!(matches!(write(test, 1, |tx| sessions::end_of(tx, ann.id, third)), Err(StoreError::NotFound)));
        assert_eq!(ids(ann.id, 1), [second, first]);
        write(test, 2, |tx| sessions::end_all(tx, ann.id, Some(first))).unwrap();
        assert_eq!(ids(ann.id, 2), [first]);
        write(test, 3, |tx| sessions::end_all(tx, ann.id, None)).unwrap();
        assert_eq!((ids(ann.id, 3), ids(bob.id, 3)), (vec![], vec![bobs]));
        assert!(ids(bob.id, REFRESH).is_empty());
    });
}

#[test]
fn what_ended_or_expired_long_ago_is_removed() {
    on_each_database(|test| {
        let user = user(1);
        add(test, &user);
        let [ended, live, _expired] = [1, 2, 3].map(|number| begin(test, &user, number));
        write(test, 10, |tx| sessions::end(tx, ended)).unwrap();
        assert!(rotate(test, 2, 4, 10).is_some());
        let remove = |seconds| write(test, seconds, |tx| sessions::remove_expired(tx, at(seconds))).unwrap();
        assert_eq!(remove(10), 0);
        assert_eq!(remove(11), 1);
        assert_eq!(remove(REFRESH + 5), 1);
        assert!(rotate(test, 4, 5, REFRESH + 5).is_some(), "the live session still has its token");
        let known = test.database.read(|tx| sessions::list_of(tx, user.id, at(REFRESH + 5))).unwrap();
        assert_eq!(known.len(), 1);
        assert_eq!(known[0].session.id, live);
    });
}
