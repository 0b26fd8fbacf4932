//! How often somebody may guess, over real databases.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

mod support;

use std::time::Duration;

use crm_app::{App, Error, LoggedIn, Origin};
use crm_domain::access::BuiltInRole;
use futures_util::future::join_all;
use support::{PASSWORD, on_each_app, user};

const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.7";

async fn login_from(app: &App, address: &str, email: &str, password: &str) -> Result<LoggedIn, Error> {
    let origin = Origin { address: Some(address.parse().unwrap()), agent: None };
    app.sessions().login(email, password.into(), origin).await
}

/// Fails as often as it costs nothing, and once more: the seconds to wait after that.
async fn fail_until_blocked(app: &App, address: &str, email: &str) -> u64 {
    for _ in 0..5 {
        assert!(matches!(login_from(app, address, email, "wrong").await, Err(Error::Unauthenticated)), "{email}");
    }
    wait_of(&login_from(app, address, email, "wrong").await).expect("too many have failed")
}

/// How long a refused sign-in must wait; none when it was not refused for that.
fn wait_of(result: &Result<LoggedIn, Error>) -> Option<u64> {
    match result {
        Err(Error::TooManyAttempts { retry_after_seconds }) => Some(*retry_after_seconds),
        _ => None,
    }
}

#[tokio::test]
async fn after_five_failures_an_account_waits_longer_each_time_whether_it_exists_or_not() {
    on_each_app(async |app, clock| {
        user(&app, "ann", BuiltInRole::User).await;
        for (address, email) in [(HOME, "ann@exemple.fr"), (ELSEWHERE, "nobody@exemple.fr")] {
            assert_eq!(fail_until_blocked(&app, address, email).await, 15, "{email}");
            // Not from another network either, nor in other letters, nor with the right password.
            let refused = login_from(&app, "203.0.113.1", &email.to_uppercase(), PASSWORD).await;
            assert_eq!(wait_of(&refused), Some(15), "{email}");
            for wait in [15, 30, 60, 120] {
                clock.advance(Duration::from_micros(wait * 1_000_000 - 1));
                assert_eq!(wait_of(&login_from(&app, address, email, "wrong").await), Some(1), "{email}");
                clock.advance(Duration::from_micros(1));
                assert!(matches!(login_from(&app, address, email, "wrong").await, Err(Error::Unauthenticated)));
                assert_eq!(wait_of(&login_from(&app, address, email, "wrong").await), Some(2 * wait), "{email}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_right_password_after_the_wait_begins_the_count_anew() {
    on_each_app(async |app, clock| {
        user(&app, "ann", BuiltInRole::User).await;
        for _ in 0..3 {
            fail_until_blocked(&app, HOME, "ann@exemple.fr").await;
            clock.advance(Duration::from_secs(15));
            login_from(&app, HOME, "ann@exemple.fr", PASSWORD).await.expect("signed in");
        }
        // However often it is right, it is never one too many.
        for _ in 0..60 {
            login_from(&app, HOME, "ann@exemple.fr", PASSWORD).await.expect("signed in");
        }
    })
    .await;
}

#[tokio::test]
async fn a_stranger_locks_nobody_out_of_a_session_nor_of_where_they_usually_sign_in() {
    on_each_app(async |app, clock| {
        user(&app, "ann", BuiltInRole::User).await;
        let session = login_from(&app, HOME, "ann@exemple.fr", PASSWORD).await.expect("signed in");
        fail_until_blocked(&app, ELSEWHERE, "ann@exemple.fr").await;
        assert!(app.sessions().actor(&session.access_token).await.is_ok());
        app.sessions().refresh(&session.refresh_token).await.expect("renewed");
        login_from(&app, HOME, "ann@exemple.fr", PASSWORD).await.expect("the usual network is counted apart");
        // There one cannot guess without end either.
        assert_eq!(fail_until_blocked(&app, HOME, "ann@exemple.fr").await, 15);
        // A sign-in at home does not forgive the stranger.
        clock.advance(Duration::from_secs(15));
        login_from(&app, HOME, "ann@exemple.fr", PASSWORD).await.expect("signed in");
        assert!(matches!(login_from(&app, ELSEWHERE, "ann@exemple.fr", "wrong").await, Err(Error::Unauthenticated)));
        assert_eq!(wait_of(&login_from(&app, ELSEWHERE, "ann@exemple.fr", "wrong").await), Some(30));
        // After 90 days without a sign-in the network is one like any other.
        clock.advance(Duration::from_hours(91 * 24));
        assert!(matches!(login_from(&app, ELSEWHERE, "ann@exemple.fr", "wrong").await, Err(Error::Unauthenticated)));
        for _ in 0..4 {
            assert!(matches!(login_from(&app, HOME, "ann@exemple.fr", "wrong").await, Err(Error::Unauthenticated)));
        }
        assert_eq!(wait_of(&login_from(&app, HOME, "ann@exemple.fr", PASSWORD).await), Some(15));
    })
    .await;
}

#[tokio::test]
async fn a_network_waits_after_fifty_failures_of_whichever_accounts() {
    on_each_app(async |app, clock| {
        user(&app, "ann", BuiltInRole::User).await;
        // Each from another address of one /64.
        for number in 0..50 {
            let (address, email) = (format!("2001:db8::{number:x}"), format!("u{number}@exemple.fr"));
            assert!(matches!(login_from(&app, &address, &email, "wrong").await, Err(Error::Unauthenticated)));
        }
        assert_eq!(wait_of(&login_from(&app, "2001:db8::ffff", "ann@exemple.fr", PASSWORD).await), Some(15));
        login_from(&app, "2001:db8:0:1::1", "ann@exemple.fr", PASSWORD).await.expect("the next /64 is another's");
        clock.advance(Duration::from_secs(15));
        login_from(&app, "2001:db8::ffff", "ann@exemple.fr", PASSWORD).await.expect("signed in");
        // A right one takes back itself and no other: whoever has an account cannot wipe out their guesses.
        assert!(matches!(login_from(&app, "2001:db8::1", "x@exemple.fr", "wrong").await, Err(Error::Unauthenticated)));
        assert_eq!(wait_of(&login_from(&app, "2001:db8::2", "y@exemple.fr", "wrong").await), Some(30));
    })
    .await;
}

#[tokio::test]
async fn of_many_guesses_at_the_same_time_no_more_are_looked_at_than_are_free() {
    on_each_app(async |app, _| {
        user(&app, "ann", BuiltInRole::User).await;
        let guesses = join_all((0..18).map(|_| login_from(&app, HOME, "ann@exemple.fr", "wrong"))).await;
        let looked_at = guesses.iter().filter(|result| matches!(result, Err(Error::Unauthenticated))).count();
        let refused = guesses.iter().filter(|result| matches!(result, Err(Error::TooManyAttempts { .. }))).count();
        assert_eq!((looked_at, refused), (5, 13));
    })
    .await;
}

#[tokio::test]
async fn whoever_holds_a_token_cannot_guess_the_password_with_it() {
    on_each_app(async |app, clock| {
        user(&app, "ann", BuiltInRole::User).await;
        let session = login_from(&app, HOME, "ann@exemple.fr", PASSWORD).await.expect("signed in");
        let caller = app.sessions().actor(&session.access_token).await.expect("an actor");
        let change = async |current: &str| {
            app.sessions().change_password(&caller, current.into(), "seven brass kettles at dawn".into()).await
        };
        for _ in 0..5 {
            assert!(matches!(change("wrong").await, Err(Error::Unauthenticated)));
        }
        assert!(matches!(change(PASSWORD).await, Err(Error::TooManyAttempts { retry_after_seconds: 15 })));
        login_from(&app, HOME, "ann@exemple.fr", PASSWORD).await.expect("a sign-in is counted apart");
        clock.advance(Duration::from_secs(15));
        change(PASSWORD).await.expect("changed");
    })
    .await;
}

#[tokio::test]
async fn what_is_counted_outlives_a_restart_and_is_removed_in_the_end() {
    on_each_app(async |app, clock| {
        user(&app, "ann", BuiltInRole::User).await;
        fail_until_blocked(&app, HOME, "ann@exemple.fr").await;
        let restarted = App::new(app.database().clone(), app.settings().clone());
        assert_eq!(wait_of(&login_from(&restarted, HOME, "ann@exemple.fr", PASSWORD).await), Some(15));
        assert_eq!(app.remove_expired().await.expect("removed").attempts, 0);
        clock.advance(Duration::from_hours(49));
        assert_eq!(app.remove_expired().await.expect("removed").attempts, 2);
        login_from(&app, HOME, "ann@exemple.fr", PASSWORD).await.expect("signed in");
        clock.advance(Duration::from_hours(24 * 91));
        assert_eq!(app.remove_expired().await.expect("removed").attempts, 3, "two tallies and one network");
    })
    .await;
}
