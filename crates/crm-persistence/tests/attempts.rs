//! Tallies of attempts, and known networks, on both databases.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

mod support_users;

use std::thread;

use chrono::TimeDelta;
use crm_domain::{Throttle, UserId};
use crm_persistence::attempts::{self, AttemptKind, Subject};
use crm_testkit::{TestDatabase, on_each_database};
use support_users::{add, at, user, write};

const RULE: Throttle = Throttle {
    free: 3,
    first_wait: TimeDelta::seconds(10),
    longest_wait: TimeDelta::minutes(1),
    one_forgotten_every: TimeDelta::hours(1),
};

fn subject(kind: AttemptKind, key: &str) -> Subject {
    Subject { kind, key: key.to_owned(), rule: RULE }
}

/// Counts one try; the seconds to wait where it is refused.
fn count(test: &TestDatabase, seconds: i64, subject: &Subject) -> Option<i64> {
    write(test, seconds, |tx| attempts::count(tx, subject)).unwrap().map(|wait| wait.num_seconds())
}

#[test]
fn tries_are_counted_for_each_party_apart_and_refused_ones_are_not() {
    on_each_database(|test| {
        let ann = subject(AttemptKind::Account, "ann");
        for _ in 0..3 {
            assert_eq!(count(test, 0, &ann), None);
        }
        assert_eq!(count(test, 4, &ann), Some(6));
        for other in [subject(AttemptKind::Network, "ann"), subject(AttemptKind::Account, "bob")] {
            assert_eq!(count(test, 4, &other), None);
        }
        // Nine refusals later the wait is as long as after the third try.
        for _ in 0..9 {
            assert_eq!(count(test, 9, &ann), Some(1));
        }
        assert_eq!(test.database.read(|tx| attempts::wait(tx, &ann, at(10))).unwrap(), None);
        assert_eq!(count(test, 10, &ann), None);
        assert_eq!(count(test, 10, &ann), Some(20));
    });
}

#[test]
fn a_right_try_is_taken_back_and_a_party_can_be_forgotten() {
    on_each_database(|test| {
        let ann = subject(AttemptKind::Account, "ann");
        for _ in 0..20 {
            assert_eq!(count(test, 0, &ann), None);
            write(test, 0, |tx| attempts::forgive(tx, &ann)).unwrap();
        }
        for _ in 0..3 {
            assert_eq!(count(test, 0, &ann), None);
        }
        assert!(count(test, 0, &ann).is_some());
        write(test, 0, |tx| attempts::forget(tx, &ann)).unwrap();
        assert_eq!(count(test, 0, &ann), None);
        // Nothing is there to take back.
        write(test, 0, |tx| attempts::forgive(tx, &subject(AttemptKind::Account, "nobody"))).unwrap();
    });
}

#[test]
fn of_many_at_the_same_time_no_more_come_through_than_are_free() {
    on_each_database(|test| {
        for round in 0..5 {
            let ann = subject(AttemptKind::Account, &format!("ann {round}"));
            let through: usize = thread::scope(|scope| {
                let tries: Vec<_> =
                    (0..16).map(|_| scope.spawn(|| usize::from(count(test, 0, &ann).is_none()))).collect();
                tries.into_iter().map(|one| one.join().unwrap()).sum()
            });
            assert_eq!(through, 3, "round {round}");
        }
    });
}

#[test]
fn networks_are_known_for_a_while_and_to_their_user_alone() {
    on_each_database(|test| {
        let (ann, bob) = (user(1), user(2));
        add(test, &ann);
        add(test, &bob);
        let is_known = |user: UserId, network: &str, since| {
            test.database.read(|tx| attempts::is_known_network(tx, user, network, at(since))).unwrap()
        };
        assert!(!is_known(ann.id, "192.0.2.1/32", 0));
        write(test, 5, |tx| attempts::saw_network(tx, ann.id, "192.0.2.1/32")).unwrap();
        assert!(is_known(ann.id, "192.0.2.1/32", 5));
        assert!(!is_known(ann.id, "192.0.2.1/32", 6));
        assert!(!is_known(bob.id, "192.0.2.1/32", 0));
        assert!(!is_known(ann.id, "192.0.2.2/32", 0));
        write(test, 9, |tx| attempts::saw_network(tx, ann.id, "192.0.2.1/32")).unwrap();
        assert!(is_known(ann.id, "192.0.2.1/32", 9));
        assert_eq!(write(test, 10, |tx| attempts::remove_old_networks(tx, at(9))).unwrap(), 0);
        assert_eq!(write(test, 10, |tx| attempts::remove_old_networks(tx, at(10))).unwrap(), 1);
        assert!(!is_known(ann.id, "192.0.2.1/32", 0));
    });
}

#[test]
fn old_tallies_are_removed() {
    on_each_database(|test| {
        count(test, 0, &subject(AttemptKind::Account, "ann"));
        count(test, 100, &subject(AttemptKind::Account, "bob"));
        assert_eq!(write(test, 200, |tx| attempts::remove_old(tx, at(100))).unwrap(), 1);
        assert_eq!(write(test, 200, |tx| attempts::remove_old(tx, at(101))).unwrap(), 1);
    });
}
