//! Idempotency keys, on each database.
#![allow(clippy::unwrap_used)] // Helpers of tests fail the test when what they need is not there.

mod support_users;

use std::sync::Barrier;

use crm_domain::UserId;
use crm_persistence::{
    StoreError,
    idempotency::{self, Begun, KEPT, Key, StoredAnswer},
};
use crm_testkit::{TestDatabase, on_each_database};
use support_users::{add, at, user, write};

fn key(text: &str) -> Key {
    Key { user: UserId::from_u128(1), path: "/api/v1/people".to_owned(), key: text.to_owned(), body_hash: [7; 32] }
}

fn answer(body: &str) -> StoredAnswer {
    StoredAnswer {
        status: 201,
        location: Some("/api/v1/people/1".to_owned()),
        etag: None,
        body: body.as_bytes().to_vec(),
        replayed: false,
    }
}

/// One request: does the work when the key is new.
fn request(test: &TestDatabase, key: &Key, body: &str, seconds: i64) -> Result<Begun, StoreError> {
    write(test, seconds, |tx| {
        let begun = idempotency::begin(tx, key)?;
        if begun == Begun::First {
            idempotency::finish(tx, key, &answer(body))?;
        }
        Ok(begun)
    })
}

fn with_users(body: impl Fn(&TestDatabase)) {
    on_each_database(|test| {
        add(test, &user(1));
        add(test, &user(2));
        body(test);
    });
}

#[test]
fn the_first_answer_is_repeated() {
    with_users(|test| {
        assert_eq!(request(test, &key("a"), "one", 0).unwrap(), Begun::First);
        let replayed = StoredAnswer { replayed: true, ..answer("one") };
        assert_eq!(request(test, &key("a"), "two", 1).unwrap(), Begun::Replay(replayed));
    });
}

#[test]
fn a_key_counts_for_one_user_and_one_path() {
    with_users(|test| {
        assert_eq!(request(test, &key("a"), "", 0).unwrap(), Begun::First);
        assert_eq!(request(test, &key("b"), "", 0).unwrap(), Begun::First);
        assert_eq!(request(test, &Key { path: "/other".to_owned(), ..key("a") }, "", 0).unwrap(), Begun::First);
        assert_eq!(request(test, &Key { user: UserId::from_u128(2), ..key("a") }, "", 0).unwrap(), Begun::First);
    });
}

#[test]
fn the_same_key_with_another_body_is_told() {
    with_users(|test| {
        assert_eq!(request(test, &key("a"), "", 0).unwrap(), Begun::First);
        let other = Key { body_hash: [8; 32], ..key("a") };
        assert_eq!(request(test, &other, "", 0).unwrap(), Begun::OtherBody);
    });
}

#[test]
fn work_that_is_taken_back_leaves_no_key() {
    with_users(|test| {
        let failed: Result<(), StoreError> = write(test, 0, |tx| {
            assert_eq!(idempotency::begin(tx, &key("a"))?, Begun::First);
            idempotency::finish(tx, &key("a"), &answer(""))?;
            Err(StoreError::NotFound)
        });
        assert!(matches!(failed, Err(StoreError::NotFound)));
        assert_eq!(request(test, &key("a"), "", 0).unwrap(), Begun::First);
    });
}

#[test]
fn an_answer_is_kept_for_a_day_and_then_forgotten() {
    with_users(|test| {
        assert_eq!(request(test, &key("a"), "one", 0).unwrap(), Begun::First);
        assert!(matches!(request(test, &key("a"), "two", KEPT.num_seconds()).unwrap(), Begun::Replay(_)));
        assert_eq!(request(test, &key("a"), "two", KEPT.num_seconds() + 1).unwrap(), Begun::First);
        let Begun::Replay(replayed) = request(test, &key("a"), "three", KEPT.num_seconds() + 2).unwrap() else {
            panic!("the second answer is kept in its turn");
        };
        assert_eq!(replayed.body, b"two");
    });
}

#[test]
fn of_two_requests_with_one_key_at_the_same_time_one_does_the_work() {
    with_users(|test| {
        for round in 0..20 {
            let key = key(&format!("round {round}"));
            let start = Barrier::new(2);
            let begun = std::thread::scope(|scope| {
                let threads = ["one", "two"].map(|body| {
                    let (start, key) = (&start, &key);
                    scope.spawn(move || {
                        start.wait();
                        request(test, key, body, 0).unwrap()
                    })
                });
                threads.map(|thread| thread.join().unwrap())
            });
            let firsts = begun.iter().filter(|begun| **begun == Begun::First).count();
            let replays = begun.iter().filter(|begun| matches!(begun, Begun::Replay(_))).count();
            assert_eq!((firsts, replays), (1, 1), "round {round}: {begun:?}");
        }
    });
}

#[test]
fn a_request_that_waits_too_long_for_its_twin_hears_that_the_database_is_busy() {
    with_users(|test| {
        write(test, 0, |tx| {
            assert_eq!(idempotency::begin(tx, &key("a"))?, Begun::First);
            let twin = std::thread::scope(|scope| scope.spawn(|| request(test, &key("a"), "", 0)).join().unwrap());
            assert!(matches!(twin, Err(StoreError::Busy)), "{twin:?}");
            idempotency::finish(tx, &key("a"), &answer("one"))
        })
        .unwrap();
        assert!(matches!(request(test, &key("a"), "two", 0).unwrap(), Begun::Replay(_)));
    });
}

#[test]
fn a_key_is_finished_once_and_only_when_it_was_begun() {
    with_users(|test| {
        let finish = |seconds| write(test, seconds, |tx| idempotency::finish(tx, &key("a"), &answer("")));
        assert!(matches!(finish(0), Err(StoreError::Internal(_))));
        assert_eq!(request(test, &key("a"), "", 0).unwrap(), Begun::First);
        assert!(matches!(finish(1), Err(StoreError::Internal(_))));
    });
}

#[test]
fn expired_answers_are_removed_the_oldest_first() {
    with_users(|test| {
        for seconds in 0..5 {
            request(test, &key(&seconds.to_string()), "", seconds).unwrap();
        }
        let remove = |limit| write(test, 9, |tx| idempotency::remove_expired(tx, at(4), limit)).unwrap();
        assert_eq!(remove(3), 3);
        assert!(matches!(request(test, &key("3"), "", 9).unwrap(), Begun::Replay(_)));
        assert_eq!(remove(3), 1);
        assert_eq!(remove(3), 0);
        assert!(matches!(request(test, &key("4"), "", 9).unwrap(), Begun::Replay(_)));
    });
}
