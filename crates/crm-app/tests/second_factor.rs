//! The second factor, over real databases.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

mod support;

use std::time::Duration;

use crm_app::{App, Error, LoggedIn, ManualClock, Origin, SignIn, SignedIn, Vault};
use crm_domain::{
    User,
    access::{BuiltInRole, policy},
};
use crm_persistence::second_factors;
use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use support::{PASSWORD, on_each_app, on_each_app_with, system, user};
use totp_rs::{Algorithm, Builder, Secret};

async fn sign_in(app: &App, password: &str, code: Option<&str>) -> Result<LoggedIn, Error> {
    let email = "ann@exemple.fr".to_owned();
    let code = code.map(SecretString::from);
    app.sessions().sign_in(SignIn { email, password: password.into(), code, origin: Origin::default() }).await
}

async fn caller(app: &App, session: &LoggedIn) -> SignedIn {
    app.sessions().actor(&session.access_token).await.expect("an actor")
}

/// What an authenticator shows at this moment of the clock, so many steps later or earlier.
fn code(secret: &SecretString, clock: &ManualClock, steps: i64) -> String {
    use crm_app::Clock as _;
    let seconds = u64::try_from(clock.now().micros() / 1_000_000 + 30 * steps).unwrap();
    let secret = Secret::try_from_base32(secret.expose_secret()).unwrap();
    let builder =
        Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(30).with_secret(secret);
    builder.with_account_name("ann").build().unwrap().generate(seconds).to_string()
}

/// Ann with a second factor: her secret, her recovery codes, her session.
async fn enrolled(app: &App, clock: &ManualClock) -> (SecretString, Vec<SecretString>, SignedIn, User) {
    let (ann, _) = user(app, "ann", BuiltInRole::User).await;
    let ann_signed_in = caller(app, &sign_in(app, PASSWORD, None).await.expect("no factor yet")).await;
    let factor = app.second_factors().begin(&ann_signed_in).await.expect("begun");
    let shown = code(&factor.secret, clock, 0);
    let codes = app.second_factors().confirm(&ann_signed_in, shown.into()).await.expect("confirmed");
    clock.advance(Duration::from_secs(30));
    let session = sign_in(app, PASSWORD, Some(&code(&factor.secret, clock, 0))).await.expect("signed in");
    let ann_signed_in = caller(app, &session).await;
    clock.advance(Duration::from_secs(30));
    (factor.secret, codes, ann_signed_in, ann)
}

#[tokio::test]
async fn with_a_second_factor_the_password_alone_lets_nobody_in() {
    on_each_app(async |app, clock| {
        let (secret, _, caller, _) = enrolled(&app, &clock).await;
        assert!(caller.second_factor.is_enrolled);
        assert!(matches!(sign_in(&app, PASSWORD, None).await, Err(Error::SecondFactorRequired)));
        assert!(matches!(sign_in(&app, PASSWORD, Some("000000")).await, Err(Error::Unauthenticated)));
        // Whoever has not got the password is not told that there is one.
        assert!(matches!(sign_in(&app, "wrong", None).await, Err(Error::Unauthenticated)));
        let right = code(&secret, &clock, 0);
        assert!(matches!(sign_in(&app, "wrong", Some(&right)).await, Err(Error::Unauthenticated)));
        sign_in(&app, PASSWORD, Some(&right)).await.expect("signed in");
    })
    .await;
}

#[tokio::test]
async fn a_code_works_once_and_so_does_no_earlier_one_after_it() {
    on_each_app(async |app, clock| {
        let (secret, ..) = enrolled(&app, &clock).await;
        let (earlier, now) = (code(&secret, &clock, -1), code(&secret, &clock, 0));
        sign_in(&app, PASSWORD, Some(&now)).await.expect("signed in");
        assert!(matches!(sign_in(&app, PASSWORD, Some(&now)).await, Err(Error::Unauthenticated)));
        assert!(matches!(sign_in(&app, PASSWORD, Some(&earlier)).await, Err(Error::Unauthenticated)));
        sign_in(&app, PASSWORD, Some(&code(&secret, &clock, 1))).await.expect("the next one");
        // Of many who show one code at the same time one gets in.
        clock.advance(Duration::from_secs(90));
        let now = code(&secret, &clock, 0);
        let entered = join_all((0..4).map(|_| sign_in(&app, PASSWORD, Some(&now)))).await;
        assert_eq!(entered.iter().filter(|result| result.is_ok()).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn each_recovery_code_works_once_in_the_place_of_a_code() {
    on_each_app(async |app, clock| {
        let (_, codes, caller, _) = enrolled(&app, &clock).await;
        assert_eq!(codes.len(), crm_app::RECOVERY_CODES);
        for (used, recovery) in codes.iter().enumerate() {
            sign_in(&app, PASSWORD, Some(recovery.expose_secret())).await.expect("signed in");
            let again = sign_in(&app, PASSWORD, Some(recovery.expose_secret())).await;
            assert!(matches!(again, Err(Error::Unauthenticated)));
            let left = app.second_factors().status(&caller).await.unwrap().recovery_codes_left;
            assert_eq!(left, 9 - i64::try_from(used).unwrap());
        }
    })
    .await;
}

#[tokio::test]
async fn codes_are_guessed_no_faster_than_passwords_whatever_is_asked_in_between() {
    on_each_app(async |app, clock| {
        let (secret, ..) = enrolled(&app, &clock).await;
        for _ in 0..5 {
            assert!(matches!(sign_in(&app, PASSWORD, Some("000000")).await, Err(Error::Unauthenticated)));
            // The right password without a code forgives no wrong code.
            let _asked_in_between = sign_in(&app, PASSWORD, None).await;
        }
        let right = code(&secret, &clock, 0);
        assert!(matches!(sign_in(&app, PASSWORD, Some(&right)).await, Err(Error::TooManyAttempts { .. })));
        clock.advance(Duration::from_secs(30));
        sign_in(&app, PASSWORD, Some(&code(&secret, &clock, 0))).await.expect("signed in");
    })
    .await;
}

#[tokio::test]
async fn a_factor_counts_once_it_is_confirmed_and_only_the_last_one_begun_can_be() {
    on_each_app(async |app, clock| {
        user(&app, "ann", BuiltInRole::User).await;
        let ann = caller(&app, &sign_in(&app, PASSWORD, None).await.unwrap()).await;
        let factors = app.second_factors();
        let unbegun = factors.confirm(&ann, "000000".into()).await;
        assert!(matches!(unbegun, Err(Error::Conflict { code: "not_begun", .. })));
        let first = factors.begin(&ann).await.unwrap();
        let second = factors.begin(&ann).await.unwrap();
        sign_in(&app, PASSWORD, None).await.expect("it does not count yet");
        let void = factors.confirm(&ann, code(&first.secret, &clock, 0).into()).await;
        assert!(matches!(void, Err(Error::Unauthenticated)));
        factors.confirm(&ann, code(&second.secret, &clock, 0).into()).await.unwrap();
        for again in [factors.begin(&ann).await.map(drop), factors.confirm(&ann, "000000".into()).await.map(drop)] {
            assert!(matches!(again, Err(Error::Conflict { code: "second_factor_exists", .. })));
        }
        // The code that confirmed it is used up.
        let replayed = sign_in(&app, PASSWORD, Some(&code(&second.secret, &clock, 0))).await;
        assert!(matches!(replayed, Err(Error::Unauthenticated)));
    })
    .await;
}

#[tokio::test]
async fn confirmations_are_throttled() {
    on_each_app(async |app, clock| {
        user(&app, "ann", BuiltInRole::User).await;
        let ann = caller(&app, &sign_in(&app, PASSWORD, None).await.unwrap()).await;
        let factor = app.second_factors().begin(&ann).await.unwrap();
        for _ in 0..5 {
            assert!(matches!(app.second_factors().confirm(&ann, "000000".into()).await, Err(Error::Unauthenticated)));
        }
        let right = code(&factor.secret, &clock, 0);
        let refused = app.second_factors().confirm(&ann, right.into()).await;
        assert!(matches!(refused, Err(Error::TooManyAttempts { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_factor_is_removed_by_its_user_with_the_password_or_by_who_may_manage_the_user() {
    on_each_app(async |app, clock| {
        let (_, codes, caller, ann) = enrolled(&app, &clock).await;
        let refused = app.second_factors().remove(&caller, "wrong".into()).await;
        assert!(matches!(refused, Err(Error::Unauthenticated)));
        assert!(matches!(sign_in(&app, PASSWORD, None).await, Err(Error::SecondFactorRequired)));
        app.second_factors().remove(&caller, PASSWORD.into()).await.unwrap();
        sign_in(&app, PASSWORD, None).await.expect("no factor any more");
        assert_eq!(app.second_factors().status(&caller).await.unwrap().recovery_codes_left, 0);
        // Its codes are gone for the next one as well.
        let again = app.second_factors().begin(&caller).await.unwrap();
        let shown = code(&again.secret, &clock, 0);
        app.second_factors().confirm(&caller, shown.into()).await.unwrap();
        let old = sign_in(&app, PASSWORD, Some(codes[0].expose_secret())).await;
        assert!(matches!(old, Err(Error::Unauthenticated)));
        app.second_factors().remove_of(policy::authorise(&system()).unwrap(), ann.id).await.unwrap();
        sign_in(&app, PASSWORD, None).await.expect("no factor any more");
    })
    .await;
}

#[tokio::test]
async fn the_change_log_tells_that_a_factor_came_and_went_and_no_secret() {
    on_each_app(async |app, clock| {
        let (secret, codes, caller, ann) = enrolled(&app, &clock).await;
        app.second_factors().remove(&caller, PASSWORD.into()).await.unwrap();
        let read = policy::authorise(&system()).unwrap();
        let history = app.users().history(read, ann.id, None, 50).await.unwrap().items;
        let changed: Vec<_> = history.iter().flat_map(|change| &change.changed).collect();
        let factor = changed.iter().filter(|change| change.field == "second_factor");
        let moves: Vec<_> = factor.map(|change| (change.old.clone(), change.new.clone())).collect();
        assert_eq!(moves, [(true.into(), false.into()), (false.into(), true.into())]);
        let log = format!("{history:?}");
        assert!(!log.contains(secret.expose_secret()) && codes.iter().all(|code| !log.contains(code.expose_secret())));
    })
    .await;
}

#[tokio::test]
async fn in_the_database_a_secret_is_sealed_and_opens_with_no_other_key() {
    on_each_app(async |app, clock| {
        let (secret, codes, _, ann) = enrolled(&app, &clock).await;
        let stored = app.database().read(|tx| second_factors::find(tx, ann.id)).unwrap().unwrap().secret;
        let plain = Secret::try_from_base32(secret.expose_secret()).unwrap();
        assert!(!stored.windows(plain.as_bytes().len()).any(|part| part == plain.as_bytes()));
        let mut settings = app.settings().clone();
        settings.vault = Vault::forgotten().unwrap();
        let other = App::new(app.database().clone(), settings);
        let right = code(&secret, &clock, 0);
        assert!(matches!(sign_in(&other, PASSWORD, Some(&right)).await, Err(Error::Unauthenticated)));
        sign_in(&other, PASSWORD, Some(codes[0].expose_secret())).await.expect("recovery codes need no key");
    })
    .await;
}

#[tokio::test]
async fn whose_role_asks_for_a_factor_must_enrol_first() {
    let admins = |settings: &mut crm_app::AppSettings| settings.second_factor_roles = vec![BuiltInRole::Admin];
    on_each_app_with(admins, async |app, clock| {
        user(&app, "ann", BuiltInRole::Admin).await;
        let session = sign_in(&app, PASSWORD, None).await.expect("so far");
        let ann = caller(&app, &session).await;
        assert!(ann.must_enrol() && app.second_factors().status(&ann).await.unwrap().is_required);
        let factor = app.second_factors().begin(&ann).await.unwrap();
        assert!(caller(&app, &session).await.must_enrol());
        app.second_factors().confirm(&ann, code(&factor.secret, &clock, 0).into()).await.unwrap();
        assert!(!caller(&app, &session).await.must_enrol(), "at the next request");
        app.second_factors().remove(&ann, PASSWORD.into()).await.unwrap();
        assert!(caller(&app, &session).await.must_enrol(), "at the next request");
    })
    .await;
}

#[tokio::test]
async fn a_password_that_was_changed_while_it_was_checked_lets_nobody_in() {
    on_each_app(async |app, _| {
        let (ann, _) = user(&app, "ann", BuiltInRole::User).await;
        let entering = sign_in(&app, PASSWORD, None);
        let users = app.users();
        let changing =
            users.set_password(policy::authorise(&system()).unwrap(), ann.id, "seven brass kettles at dawn".into());
        let (entered, changed) = tokio::join!(entering, changing);
        changed.expect("changed");
        if let Ok(session) = entered {
            // It was in before the change, so the change has ended it.
            assert!(matches!(app.sessions().actor(&session.access_token).await, Err(Error::Unauthenticated)));
        }
    })
    .await;
}
