//! New passwords by a link, over real databases.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

mod support;

use std::{fs, path::Path, time::Duration};

use crm_app::{App, Error, MailSettings, ManualClock, Origin};
use crm_domain::access::{BuiltInRole, policy};
use support::{PASSWORD, on_each_app_with, system, user};

const NEW: &str = "seven brass kettles at dawn";

/// Runs a body on each database, with a folder to which letters go.
async fn with_letters(body: impl AsyncFn(App, std::sync::Arc<ManualClock>, &Path)) {
    let folder = tempfile::tempdir().unwrap();
    let settings = || MailSettings {
        public_url: "https://crm.example.com".to_owned(),
        from: "CRM <crm@example.com>".to_owned(),
        ..MailSettings::files(folder.path())
    };
    on_each_app_with(
        |app| app.mail = settings(),
        async |app, clock| {
            for old in fs::read_dir(folder.path()).unwrap() {
                fs::remove_file(old.unwrap().path()).unwrap();
            }
            body(app, clock, folder.path()).await;
        },
    )
    .await;
}

async fn ask(app: &App, email: &str) -> Result<(), Error> {
    app.users().ask_for_reset(email.to_owned(), &Origin::default()).await
}

/// The letters so far, the oldest first.
async fn letters(app: &App, folder: &Path) -> Vec<String> {
    app.send_mail().await;
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

fn token(letter: &str) -> &str {
    let line = letter.lines().find_map(|line| line.strip_prefix("https://crm.example.com/password-reset#"));
    line.unwrap_or_else(|| panic!("no link: {letter}"))
}

async fn confirm(app: &App, token: &str) -> Result<(), Error> {
    app.users().finish_reset(&token.into(), NEW.into()).await
}

#[tokio::test]
async fn a_link_sets_a_new_password_once_and_ends_all_sessions() {
    with_letters(async |app, _, folder| {
        user(&app, "ann", BuiltInRole::User).await;
        let session = app.sessions().login("ann@exemple.fr", PASSWORD.into(), Origin::default()).await.unwrap();
        ask(&app, "ANN@exemple.fr").await.unwrap();
        let [letter] = &letters(&app, folder).await[..] else { panic!("one letter") };
        assert!(letter.contains("To: ann@exemple.fr") && letter.contains("From: CRM <crm@example.com>"), "{letter}");
        assert!(letter.contains("Subject: Set a new password"), "{letter}");
        confirm(&app, token(letter)).await.unwrap();
        assert!(matches!(app.sessions().actor(&session.access_token).await, Err(Error::Unauthenticated)));
        assert!(matches!(app.sessions().refresh(&session.refresh_token).await, Err(Error::Unauthenticated)));
        let old = app.sessions().login("ann@exemple.fr", PASSWORD.into(), Origin::default()).await;
        assert!(matches!(old, Err(Error::Unauthenticated)));
        app.sessions().login("ann@exemple.fr", NEW.into(), Origin::default()).await.expect("the new one");
        assert!(matches!(confirm(&app, token(letter)).await, Err(Error::Unauthenticated)));
    })
    .await;
}

#[tokio::test]
async fn a_link_works_for_an_hour_and_until_the_next_one_is_asked_for() {
    with_letters(async |app, clock, folder| {
        user(&app, "ann", BuiltInRole::User).await;
        ask(&app, "ann@exemple.fr").await.unwrap();
        ask(&app, "ann@exemple.fr").await.unwrap();
        let [first, second] = &letters(&app, folder).await[..] else { panic!("two letters") };
        assert!(matches!(confirm(&app, token(first)).await, Err(Error::Unauthenticated)));
        clock.advance(Duration::from_hours(1));
        assert!(matches!(confirm(&app, token(second)).await, Err(Error::Unauthenticated)));
        ask(&app, "ann@exemple.fr").await.unwrap();
        let third = letters(&app, folder).await.pop().unwrap();
        clock.advance(Duration::from_hours(1) - Duration::from_micros(1));
        confirm(&app, token(&third)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn whoever_asks_is_told_the_same_and_only_who_may_sign_in_is_written_to() {
    with_letters(async |app, _, folder| {
        let (bob, _) = user(&app, "bob", BuiltInRole::User).await;
        user(&app, "root", BuiltInRole::Admin).await;
        let may = policy::authorise(&system()).unwrap();
        app.users().deactivate(&may, bob.id).await.unwrap();
        for email in ["bob@exemple.fr", "nobody@exemple.fr", "no address", "root@exemple.fr\r\nBcc: eve@exemple.fr"] {
            ask(&app, email).await.unwrap();
        }
        assert_eq!(letters(&app, folder).await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn an_account_is_sent_three_letters_and_then_one_in_a_while() {
    with_letters(async |app, clock, folder| {
        user(&app, "ann", BuiltInRole::User).await;
        for _ in 0..9 {
            ask(&app, "ann@exemple.fr").await.unwrap();
        }
        assert_eq!(letters(&app, folder).await.len(), 3);
        clock.advance(Duration::from_mins(15));
        ask(&app, "ann@exemple.fr").await.unwrap();
        ask(&app, "ann@exemple.fr").await.unwrap();
        assert_eq!(letters(&app, folder).await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn one_network_asks_for_twenty_links_and_then_waits() {
    with_letters(async |app, _, _| {
        let origin = Origin { address: Some("192.0.2.1".parse().unwrap()), agent: None };
        for number in 0..20 {
            app.users().ask_for_reset(format!("u{number}@exemple.fr"), &origin).await.unwrap();
        }
        let refused = app.users().ask_for_reset("ann@exemple.fr".to_owned(), &origin).await;
        assert!(matches!(refused, Err(Error::TooManyAttempts { retry_after_seconds: 60 })));
    })
    .await;
}

#[tokio::test]
async fn a_server_without_mail_says_so() {
    on_each_app_with(
        |_| {},
        async |app, _| {
            assert!(matches!(ask(&app, "ann@exemple.fr").await, Err(Error::NoMail)));
        },
    )
    .await;
}

#[tokio::test]
async fn a_password_that_breaks_the_rules_does_not_use_the_link_up() {
    with_letters(async |app, _, folder| {
        user(&app, "ann", BuiltInRole::User).await;
        ask(&app, "ann@exemple.fr").await.unwrap();
        let letter = letters(&app, folder).await.remove(0);
        let refused = app.users().finish_reset(&token(&letter).into(), "short".into()).await;
        assert!(matches!(refused, Err(Error::Invalid(_))));
        confirm(&app, token(&letter)).await.unwrap();
    })
    .await;
}
