//! Signing in and out over real databases.

mod support;

use std::time::Duration;

use crm_app::{App, Error, LoggedIn, Origin};
use crm_domain::access::{BuiltInRole, policy};
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
