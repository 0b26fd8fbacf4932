//! Signing in and out over real databases.

mod support;

use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher};
use chrono::TimeDelta;
use crm_app::{App, Error, LoggedIn, Origin, Removed};
use crm_domain::{
    ApiKeyDraft, User,
    access::{Action, BuiltInRole, Manage, Reach, Resource, Rule, policy},
    values::Name,
};
use crm_persistence::{Stamp, StoreError, WriteTx, users};
use secrecy::SecretString;
use support::{PASSWORD, on_each_app, system, user};

async fn login(app: &App, email: &str, password: &str) -> Result<LoggedIn, Error> {
    app.sessions().login(email, password.into(), Origin::default()).await
}

#[tokio::test]
async fn only_the_right_password_of_an_active_user_signs_in() {
    on_each_app(async |app, _| {
        let (ann, _) = user(&app, "ann", BuiltInRole::User).await;
        user(&app, "root", BuiltInRole::Admin).await;
        let signed_in = login(&app, "ANN@exemple.fr", PASSWORD).await.expect("signed in");
        let found = app.sessions().actor(&signed_in.access_token).await.expect("an actor");
        assert_eq!(found.user.id, ann.id);
        for (email, password) in
            [("ann@exemple.fr", "wrong"), ("nobody@exemple.fr", PASSWORD), ("no address", PASSWORD)]
        {
            assert!(matches!(login(&app, email, password).await, Err(Error::Unauthenticated)), "{email}");
        }
        let may = policy::authorise(&system()).expect("may");
        app.users().deactivate(&may, ann.id).await.expect("deactivated");
        assert!(matches!(login(&app, "ann@exemple.fr", PASSWORD).await, Err(Error::Unauthenticated)));
        assert!(matches!(app.sessions().actor(&signed_in.access_token).await, Err(Error::Unauthenticated)));
    })
    .await;
}

#[tokio::test]
async fn a_refresh_token_that_is_used_twice_ends_the_family() {
    on_each_app(async |app, _| {
        user(&app, "ann", BuiltInRole::User).await;
        let first = login(&app, "ann@exemple.fr", PASSWORD).await.expect("signed in");
        let second = app.sessions().refresh(&first.refresh_token).await.expect("renewed");
        assert!(matches!(app.sessions().actor(&first.access_token).await, Err(Error::Unauthenticated)));
        assert!(app.sessions().actor(&second.access_token).await.is_ok());
        assert!(matches!(app.sessions().refresh(&first.refresh_token).await, Err(Error::Unauthenticated)));
        assert!(matches!(app.sessions().actor(&second.access_token).await, Err(Error::Unauthenticated)));
        assert!(matches!(app.sessions().refresh(&second.refresh_token).await, Err(Error::Unauthenticated)));
    })
    .await;
}

#[tokio::test]
async fn tokens_end_with_their_time_and_with_the_session() {
    on_each_app(async |app, clock| {
        user(&app, "ann", BuiltInRole::User).await;
        let tokens = login(&app, "ann@exemple.fr", PASSWORD).await.expect("signed in");
        clock.advance(Duration::from_mins(15));
        assert!(matches!(app.sessions().actor(&tokens.access_token).await, Err(Error::Unauthenticated)));
        let tokens = app.sessions().refresh(&tokens.refresh_token).await.expect("renewed");
        let found = app.sessions().actor(&tokens.access_token).await.expect("an actor");
        app.sessions().logout(&found).await.expect("signed out");
        assert!(matches!(app.sessions().actor(&tokens.access_token).await, Err(Error::Unauthenticated)));
        let tokens = login(&app, "ann@exemple.fr", PASSWORD).await.expect("signed in");
        clock.advance(Duration::from_hours(30 * 24));
        assert!(matches!(app.sessions().refresh(&tokens.refresh_token).await, Err(Error::Unauthenticated)));
    })
    .await;
}

#[tokio::test]
async fn the_last_active_administrator_stays_one() {
    on_each_app(async |app, _| {
        let (ann, _) = user(&app, "ann", BuiltInRole::Admin).await;
        let (bob, _) = user(&app, "bob", BuiltInRole::Admin).await;
        let may = || policy::authorise(&system()).expect("may");
        app.users().set_role(&may(), bob.id, BuiltInRole::User.id()).await.expect("there is another");
        let demoted = app.users().set_role(&may(), ann.id, BuiltInRole::User.id()).await;
        assert!(matches!(demoted, Err(Error::Conflict { code: "last_admin", .. })));
        let deactivated = app.users().deactivate(&may(), ann.id).await;
        assert!(matches!(deactivated, Err(Error::Conflict { code: "last_admin", .. })));
    })
    .await;
}

#[tokio::test]
async fn a_token_sets_a_new_password_once_and_ends_all_sessions() {
    const NEW: &str = "vieux phare et trois goelands";
    on_each_app(async |app, clock| {
        let (ann, _) = user(&app, "ann", BuiltInRole::User).await;
        let session = login(&app, "ann@exemple.fr", PASSWORD).await.expect("signed in");
        let begin = async || app.users().begin_reset(policy::authorise(&system()).expect("may"), ann.id).await;
        let (void, token) = (begin().await.expect("a token"), begin().await.expect("a token"));
        let finish = async |token: &SecretString, new: &str| app.users().finish_reset(token, new.into()).await;
        assert!(
            matches!(finish(&void, NEW).await, Err(Error::Unauthenticated)),
            "the later token voids the earlier one"
        );
        assert!(matches!(finish(&session.access_token, NEW).await, Err(Error::Unauthenticated)));
        assert!(matches!(finish(&token, "short").await, Err(Error::Invalid(_))), "which does not use the token up");
        finish(&token, NEW).await.expect("set");
        assert!(matches!(finish(&token, NEW).await, Err(Error::Unauthenticated)), "a token works once");
        assert!(matches!(app.sessions().actor(&session.access_token).await, Err(Error::Unauthenticated)));
        assert!(matches!(login(&app, "ann@exemple.fr", PASSWORD).await, Err(Error::Unauthenticated)));
        login(&app, "ann@exemple.fr", NEW).await.expect("the new password signs in");
        let late = begin().await.expect("a token");
        clock.advance(Duration::from_hours(1));
        assert!(matches!(finish(&late, PASSWORD).await, Err(Error::Unauthenticated)), "a token expires");
        let shut_out = begin().await.expect("a token");
        app.users().deactivate(&policy::authorise(&system()).expect("may"), ann.id).await.expect("another one");
        assert!(matches!(finish(&shut_out, PASSWORD).await, Err(Error::Unauthenticated)));
    })
    .await;
}

#[tokio::test]
async fn a_hash_of_lower_parameters_is_renewed_by_the_next_sign_in() {
    on_each_app(async |app, _| {
        let (ann, _) = user(&app, "ann", BuiltInRole::User).await;
        let weak = Argon2::new(
            Algorithm::Argon2id,
            argon2::Version::V0x13,
            Params::new(8192, 1, 1, None).expect("parameters"),
        );
        let weak = weak.hash_password(PASSWORD.as_bytes()).expect("a hash").to_string();
        let stamp = Stamp { actor: system(), at: app.now(), import_id: None };
        let put = |tx: &mut WriteTx| {
            users::set_password(tx, &policy::authorise::<Manage, User>(&system()).expect("may"), ann.id, &weak)?;
            Ok::<_, StoreError>(tx.unchanged(()))
        };
        app.database().write(stamp, put).expect("written");
        let stored = || {
            app.database()
                .read(|tx| users::credentials(tx, &ann.email))
                .expect("read")
                .expect("there")
                .1
                .expect("a hash")
        };
        assert!(login(&app, "ann@exemple.fr", "wrong").await.is_err());
        assert_eq!(stored(), weak, "a failure renews nothing");
        login(&app, "ann@exemple.fr", PASSWORD).await.expect("signed in");
        let renewed = stored();
        assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
        login(&app, "ann@exemple.fr", PASSWORD).await.expect("the password is the same");
        assert_eq!(stored(), renewed, "a hash of now is left alone");
    })
    .await;
}

#[tokio::test]
async fn what_has_expired_is_removed_and_nothing_else() {
    on_each_app(async |app, clock| {
        let (_, _) = user(&app, "ann", BuiltInRole::User).await;
        let old = login(&app, "ann@exemple.fr", PASSWORD).await.expect("signed in");
        let found = app.sessions().actor(&old.access_token).await.expect("an actor");
        let rule = Rule { resource: Resource::People, action: Action::Read, reach: Reach::Own };
        let draft = |days| ApiKeyDraft {
            name: Name::parse("k").expect("a name"),
            expires_at: app.now().plus(TimeDelta::days(days)),
            rules: vec![rule],
        };
        app.api_keys().create(&found, draft(1)).await.expect("a key");
        let kept = app.api_keys().create(&found, draft(365)).await.expect("a key");
        assert_eq!(app.remove_expired().await.expect("nothing to do"), Removed::default());
        clock.advance(Duration::from_hours(24 * 61));
        let now = login(&app, "ann@exemple.fr", PASSWORD).await.expect("signed in");
        let removed = app.remove_expired().await.expect("removed");
        assert_eq!((removed.sessions, removed.api_keys), (1, 1));
        assert!(app.sessions().actor(&now.access_token).await.is_ok());
        assert!(app.sessions().actor(&kept.secret).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn the_use_of_a_key_is_written_down_once_a_minute_at_most() {
    on_each_app(async |app, clock| {
        user(&app, "ann", BuiltInRole::User).await;
        let session = login(&app, "ann@exemple.fr", PASSWORD).await.expect("signed in");
        let found = app.sessions().actor(&session.access_token).await.expect("an actor");
        let rules = vec![Rule { resource: Resource::People, action: Action::Read, reach: Reach::Own }];
        let draft = ApiKeyDraft {
            name: Name::parse("k").expect("a name"),
            expires_at: app.now().plus(TimeDelta::days(2)),
            rules,
        };
        let key = app.api_keys().create(&found, draft).await.expect("a key");
        let begin = app.now();
        let mut noted = Vec::new();
        for _ in 0..5 {
            app.sessions().actor(&key.secret).await.expect("an actor");
            noted.push(app.api_keys().list(&found).await.expect("keys")[0].last_used_at.expect("noted"));
            clock.advance(Duration::from_secs(25));
        }
        let seconds: Vec<i64> = noted.iter().map(|at| (at.micros() - begin.micros()) / 1_000_000).collect();
        assert_eq!(seconds, [0, 0, 0, 75, 75]);
        clock.advance(Duration::from_hours(48));
        assert!(matches!(app.sessions().actor(&key.secret).await, Err(Error::Unauthenticated)), "a key expires");
    })
    .await;
}
