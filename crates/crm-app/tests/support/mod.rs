//! The use cases over an empty database of each kind, with users.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::Arc;

use crm_app::{Answer, App, AppSettings, HashingSettings, ManualClock, NewUser};
use crm_domain::{
    Locale, User,
    access::{Actor, BuiltInRole, policy},
    values::{EmailAddress, Name, Timestamp},
};
use crm_testkit::databases;
use serde::Serialize;

/// The password of every user of these tests.
pub const PASSWORD: &str = "tamarin violet sous la pluie";

/// Runs a test body on each database. The clock stands still until the body moves it.
pub async fn on_each_app(body: impl AsyncFn(App, Arc<ManualClock>)) {
    on_each_app_with(|_| {}, body).await;
}

/// The same, with other settings.
pub async fn on_each_app_with(adjust: impl Fn(&mut AppSettings), body: impl AsyncFn(App, Arc<ManualClock>)) {
    for database in databases() {
        println!("on {}", database.name());
        let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-01-01T00:00:00Z").expect("a time")));
        let folder = std::env::temp_dir().join(format!("crm-app-{}", std::process::id()));
        let mut settings = AppSettings {
            clock: Arc::clone(&clock) as _,
            hashing: HashingSettings { at_once: 2, waiting: 16 },
            ..AppSettings::new(folder)
        };
        adjust(&mut settings);
        body(App::new(database.database.clone(), settings), clock).await;
    }
}

/// The service itself.
pub fn system() -> Actor {
    Actor::system("test")
}

/// A user with this role, and what they act as.
pub async fn user(app: &App, name: &str, role: BuiltInRole) -> (User, Actor) {
    let new = NewUser {
        email: EmailAddress::parse(&format!("{name}@exemple.fr")).expect("an address"),
        name: Name::parse(name).expect("a name"),
        role_id: role.id(),
        team_id: None,
        locale: Locale::default(),
        password: PASSWORD.into(),
    };
    let user = app.users().add(policy::authorise(&system()).expect("the system may"), new).await.expect("a user");
    let actor = Actor::user(user.id, None, role.role());
    (user, actor)
}

/// An answer with the record as its body.
pub fn render<T: Serialize>(record: &T) -> Answer {
    Answer {
        status: 201,
        location: None,
        etag: None,
        body: serde_json::to_vec(record).expect("a record is JSON"),
        replayed: false,
    }
}
