//! New passwords by a link, over real databases.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

mod support;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    thread,
    time::Duration,
};

use crm_app::{App, Encryption, Error, MailSettings, ManualClock, Origin, Post, SmtpSettings};
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
        clock.advance(Duration::from_micros(3_600_000_000 - 1));
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

/// A mail server that takes one letter; what it was told.
fn mail_server() -> (u16, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut told, mut is_letter) = (String::new(), false);
        stream.write_all(b"220 mail.example.com\r\n").unwrap();
        for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
            told.push_str(&line);
            told.push('\n');
            let answer: &[u8] = match line.get(..4).unwrap_or_default() {
                _ if is_letter && line != "." => continue,
                "EHLO" => b"250 mail.example.com\r\n",
                "DATA" => b"354 go on\r\n",
                "QUIT" => b"221 bye\r\n",
                _ => b"250 ok\r\n",
            };
            is_letter = line == "DATA";
            stream.write_all(answer).unwrap();
            if line == "." || line == "QUIT" {
                break;
            }
        }
        told
    });
    (port, server)
}

#[tokio::test]
async fn letters_go_to_the_mail_server_in_the_language_of_their_reader() {
    for database in crm_testkit::databases() {
        let (port, server) = mail_server();
        let smtp = SmtpSettings { host: "127.0.0.1".to_owned(), port, encryption: Encryption::None, credentials: None };
        let folder = tempfile::tempdir().unwrap();
        let mut settings = crm_app::AppSettings::new(folder.path());
        settings.mail = MailSettings {
            post: Post::Smtp(smtp),
            from: "CRM <crm@example.com>".to_owned(),
            public_url: "https://crm.example.com".to_owned(),
        };
        let app = App::new(database.database.clone(), settings);
        let (ann, _) = user(&app, "ann", BuiltInRole::User).await;
        let grant = policy::authorise(&system()).unwrap();
        let french =
            crm_domain::UserPatch { locale: crm_domain::Field::Set(crm_domain::Locale::Fr), ..Default::default() };
        app.users().update(grant, ann.id, crm_app::Expected::Any, french).await.unwrap();
        ask(&app, "ann@exemple.fr").await.unwrap();
        app.send_mail().await;
        let told = server.join().unwrap();
        for part in
            ["MAIL FROM:<crm@example.com>", "RCPT TO:<ann@exemple.fr>", "Subject: Choisir un nouveau mot de passe"]
        {
            assert!(told.contains(part), "{part}: {told}");
        }
        // Encoded for the way: the link is in pieces, joined again by its reader.
        let joined = told.replace("=\n", "").replace("=3D", "=");
        assert!(joined.contains("https://crm.example.com/password-reset#crm_pr_"), "{told}");
        assert!(joined.contains("une demande de nouveau mot de passe"), "{told}");
    }
}
