//! Webhooks over real databases and real connections: what is sent, to whom, how often, and what is not.

#[path = "support/receiver.rs"]
mod receiver;
mod support;

use std::{collections::HashMap, sync::Arc, time::Duration};

use crm_app::{
    App, AppSettings, Clock, Expected, LoggedIn, ManualClock, NewSecret, Once, Origin, OutgoingSettings, Plain,
    Reachable, Shown, SignedIn, SystemClock, WebhookSettings,
};
use crm_domain::{
    DeliveryState, DisabledReason, NotificationKind, OrganisationPatch, UserPatch, Webhook, WebhookDelivery,
    WebhookPatch,
    access::{Actor, BuiltInRole, policy},
};
use crm_testkit::databases;
use receiver::{Manner, Received, Receiver};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::{PASSWORD, render, system, user};

/// Runs a body over each database with an administrator. The clock begins now, so that the public library takes the time of the
/// signatures for good, and moves when it is told.
async fn on_each(patience: Duration, body: impl AsyncFn(App, Arc<ManualClock>, SignedIn)) {
    for database in databases() {
        println!("on {}", database.name());
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let app = App::new(database.database.clone(), settings(&clock, patience));
        let root = sign_in(&app, "root", BuiltInRole::Admin).await;
        body(app, clock, root).await;
    }
}

fn settings(clock: &Arc<ManualClock>, patience: Duration) -> AppSettings {
    let loopback = "127.0.0.1".parse().expect("a network");
    let outgoing = OutgoingSettings { reachable: Reachable::public_and([loopback]), plain: Plain::Allowed, patience };
    AppSettings {
        clock: Arc::clone(clock) as _,
        webhooks: WebhookSettings { outgoing, ..WebhookSettings::default() },
        ..AppSettings::new(std::env::temp_dir())
    }
}

async fn sign_in(app: &App, name: &str, role: BuiltInRole) -> SignedIn {
    user(app, name, role).await;
    signed_in(app, name).await
}

async fn signed_in(app: &App, name: &str) -> SignedIn {
    let LoggedIn { access_token, .. } =
        app.sessions().login(&format!("{name}@exemple.fr"), PASSWORD.into(), Origin::default()).await.expect("in");
    app.sessions().actor(&access_token).await.expect("an actor")
}

async fn webhook(app: &App, owner: &SignedIn, url: &str, events: &[&str]) -> NewSecret {
    let patch = WebhookPatch::read_new(json!({"name": url, "url": url, "events": events}));
    let grant = policy::authorise(&owner.actor).expect("may manage");
    app.webhooks().create(owner, grant, patch.into()).await.expect("a webhook")
}

async fn organisation(app: &App, by: &Actor, name: &str) -> crm_domain::Organisation {
    let patch = OrganisationPatch::read_new(json!({"name": name})).expect("a body");
    let grant = policy::authorise(by).expect("may");
    let made = app.organisations().create(grant, patch, Once::unkeyed(render)).await.expect("one");
    serde_json::from_slice(&made.body).expect("an organisation")
}

/// Has everything passed on and sent that is due.
async fn deliver(app: &App) {
    app.relay_once().await.expect("relayed");
    app.deliver_webhooks().await.expect("delivered");
}

async fn read(app: &App, id: crm_domain::WebhookId) -> Webhook {
    app.webhooks().get(policy::authorise(&system()).expect("may"), id).await.expect("a webhook")
}

async fn deliveries(app: &App, id: crm_domain::WebhookId) -> Vec<WebhookDelivery> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let grant = policy::authorise(&system()).expect("may");
        let page = app.webhooks().deliveries(grant, id, cursor, 200).await.expect("a page");
        all.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

async fn patch(app: &App, by: &SignedIn, id: crm_domain::WebhookId, body: Value) -> Webhook {
    let grant = policy::authorise(&by.actor).expect("may manage");
    app.webhooks().update(by, grant, id, Expected::Any, WebhookPatch::read(body).into()).await.expect("changed")
}

/// Whether the public library takes it for signed with this secret, and for fresh.
fn is_verified(received: &Received, secret: &str) -> bool {
    let library = standardwebhooks::Webhook::new(secret).expect("a secret");
    library.verify(received.body.as_bytes(), &received.headers).is_ok()
}

/// The same whenever it came: what the public library signs with this secret is one of its signatures.
fn is_signed(received: &Received, secret: &str) -> bool {
    let library = standardwebhooks::Webhook::new(secret).expect("a secret");
    let header = |name: &str| received.headers[name].to_str().expect("text");
    let seconds = header("webhook-timestamp").parse().expect("seconds");
    let expected = library.sign(header("webhook-id"), seconds, received.body.as_bytes()).expect("signed");
    header("webhook-signature").split(' ').any(|one| one == expected)
}

fn event(received: &Received) -> Value {
    serde_json::from_str(&received.body).expect("JSON")
}

/// The whole proof, with so many events for each receiver: none is lost, none is told twice but by a repeated attempt, each is
/// signed, and one that hangs delays no other.
async fn nothing_is_lost(events: usize) {
    on_each(Duration::from_millis(700), async |app, clock, root| {
        let manners = [
            Manner::Takes,
            Manner::Floods,
            Manner::Redirects,
            Manner::Limits,
            Manner::Fails,
            Manner::Hangs,
            Manner::Drips,
            Manner::Gone,
        ];
        let receivers: Vec<Receiver> = manners.into_iter().map(Receiver::start).collect();
        let mut hooks = Vec::new();
        for receiver in &receivers {
            hooks.push(webhook(&app, &root, &receiver.url(), &["organisation.created"]).await);
        }
        let mut names = Vec::new();
        for number in 0..events {
            names.push(organisation(&app, &root.actor, &format!("org {number}")).await.id.to_string());
        }
        deliver(&app).await;
        for (hook, manner) in hooks.iter().zip(manners) {
            let settled = deliveries(&app, hook.webhook.id).await;
            assert_eq!(settled.len(), events, "{manner:?}: each event once");
            let taken = settled.iter().filter(|one| one.state == DeliveryState::Delivered).count();
            match manner {
                Manner::Takes | Manner::Floods => assert_eq!(taken, events, "{manner:?}: not held up by the others"),
                Manner::Redirects | Manner::Hangs | Manner::Drips | Manner::Gone => assert_eq!(taken, 0, "{manner:?}"),
                Manner::Limits | Manner::Fails => assert!(taken < events, "{manner:?}"),
            }
        }
        assert_eq!(read(&app, hooks[7].webhook.id).await.disabled_reason, Some(DisabledReason::Gone));
        receivers.iter().for_each(Receiver::mend);
        patch(&app, &root, hooks[7].webhook.id, json!({"is_enabled": true})).await;
        // Long enough for every pause so far.
        for _ in 0..8 {
            clock.advance(Duration::from_secs(30));
            deliver(&app).await;
        }
        for (receiver, hook) in receivers.iter().zip(&hooks) {
            let (manner, received) = (receiver.manner, receiver.received());
            let settled = deliveries(&app, hook.webhook.id).await;
            // What a receiver that is gone was sent is not sent again.
            let lost = settled.iter().filter(|one| one.state != DeliveryState::Delivered).count();
            assert_eq!(lost, usize::from(manner == Manner::Gone), "{manner:?}");
            let secret = hook.secret.expose_secret();
            assert!(received.iter().all(|one| is_signed(one, secret)), "{manner:?}: every attempt is signed");
            let mut taken: HashMap<String, usize> = HashMap::new();
            for one in received.iter().filter(|one| one.is_taken) {
                *taken.entry(event(one)["data"]["id"].as_str().expect("an id").to_owned()).or_default() += 1;
            }
            assert!(taken.values().all(|times| *times == 1), "{manner:?}: none was taken twice");
            assert_eq!(taken.len(), events - lost, "{manner:?}: none is lost");
            assert!(taken.keys().all(|id| names.contains(id)), "{manner:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn no_event_is_lost_whatever_the_receivers_do_and_each_is_signed() {
    nothing_is_lost(25).await;
}

#[tokio::test]
#[ignore = "10,000 events take minutes"]
async fn no_event_of_ten_thousand_is_lost() {
    nothing_is_lost(1250).await;
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_no_other() {
    // Longer than the test takes: whatever hangs is still hanging when the others are done.
    on_each(Duration::from_secs(30), async |app, _, root| {
        let hanging: Vec<Receiver> = (0..4).map(|_| Receiver::start(Manner::Hangs)).collect();
        let mut hooks = Vec::new();
        for receiver in &hanging {
            hooks.push(webhook(&app, &root, &receiver.url(), &["*"]).await);
        }
        let good = Receiver::start(Manner::Takes);
        webhook(&app, &root, &good.url(), &["organisation.*"]).await;
        for number in 0..20 {
            organisation(&app, &root.actor, &format!("org {number}")).await;
        }
        app.relay_once().await.expect("relayed");
        let sending = app.clone();
        let sending = tokio::spawn(async move { sending.deliver_webhooks().await });
        let (good, hanging) = tokio::task::spawn_blocking(move || {
            for receiver in &hanging {
                receiver.wait_for(1);
            }
            good.wait_for(20);
            (good, hanging)
        })
        .await
        .expect("waited");
        assert_eq!(good.received().len(), 20);
        for (receiver, hook) in hanging.iter().zip(&hooks) {
            assert_eq!(receiver.requests(), 1, "one at a time");
            assert!(deliveries(&app, hook.webhook.id).await.iter().all(|one| one.attempts == 0), "it still hangs");
        }
        hanging.iter().for_each(Receiver::mend);
        assert!(sending.await.expect("ended").is_ok());
    })
    .await;
}

#[tokio::test]
async fn what_the_owner_may_not_see_at_the_moment_of_sending_is_not_sent() {
    on_each(Duration::from_secs(5), async |app, _, root| {
        let receiver = Receiver::start(Manner::Takes);
        let boss = sign_in(&app, "boss", BuiltInRole::Admin).await;
        let hook = webhook(&app, &boss, &receiver.url(), &["organisation.*"]).await;
        organisation(&app, &root.actor, "before").await;
        deliver(&app).await;
        assert_eq!(receiver.requests(), 1);

        organisation(&app, &root.actor, "written while the right is there").await;
        app.relay_once().await.expect("relayed");
        let manage = policy::authorise(&root.actor).expect("may");
        app.users().set_role(&manage, boss.user.id, BuiltInRole::Manager.id()).await.expect("a role");
        organisation(&app, &root.actor, "after").await;
        deliver(&app).await;
        assert_eq!(receiver.requests(), 1, "a manager may not manage webhooks");
        let states: Vec<_> = deliveries(&app, hook.webhook.id).await.iter().map(|one| one.state).collect();
        assert_eq!(states, [DeliveryState::Withheld, DeliveryState::Withheld, DeliveryState::Delivered]);

        // Whoever changes it answers for it, with their own rights.
        let changed = patch(&app, &root, hook.webhook.id, json!({"name": "taken over"})).await;
        assert_eq!(changed.owner_id, root.user.id);
        organisation(&app, &root.actor, "of the new owner").await;
        deliver(&app).await;
        assert_eq!(receiver.requests(), 2);

        let off = UserPatch::read(json!({"is_active": false})).expect("a body");
        let grant = policy::authorise(&system()).expect("may");
        sign_in(&app, "spare", BuiltInRole::Admin).await;
        app.users().update(grant, root.user.id, Expected::Any, off).await.expect("deactivated");
        organisation(&app, &system(), "of nobody").await;
        deliver(&app).await;
        assert_eq!(receiver.requests(), 2, "whoever may not sign in is sent nothing");
    })
    .await;
}

#[tokio::test]
async fn a_role_that_manages_webhooks_and_sees_no_record_is_sent_none() {
    on_each(Duration::from_secs(5), async |app, _, root| {
        let body = json!({"name": "operator", "rules": [{"resource": "settings", "action": "manage", "reach": "all"},
            {"resource": "people", "action": "read", "reach": "own"}]});
        let role = crm_domain::RolePatch::read_new(body).expect("a body");
        let grant = policy::authorise(&root.actor).expect("may");
        let role = app.roles().create(grant, role, Once::unkeyed(render)).await.expect("a role");
        let role: crm_domain::RoleRecord = serde_json::from_slice(&role.body).expect("a role");
        let operator = sign_in(&app, "operator", BuiltInRole::User).await;
        let manage = policy::authorise(&root.actor).expect("may");
        app.users().set_role(&manage, operator.user.id, role.id).await.expect("a role");
        let operator = signed_in(&app, "operator").await;
        let receiver = Receiver::start(Manner::Takes);
        let hook = webhook(&app, &operator, &receiver.url(), &["*"]).await;
        organisation(&app, &root.actor, "hidden").await;
        for owner in [root.user.id, operator.user.id] {
            let person = json!({"last_name": "Rossi", "owner_id": owner});
            let person = crm_domain::PersonPatch::read_new(person).expect("a body");
            let grant = policy::authorise(&root.actor).expect("may");
            app.people().create(grant, person, Once::unkeyed(render)).await.expect("a person");
        }
        deliver(&app).await;
        let sent: Vec<Value> = receiver.received().iter().map(event).collect();
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert_eq!(sent[0]["type"], "person.created");
        let withheld = deliveries(&app, hook.webhook.id).await;
        assert!(withheld.iter().filter(|one| one.state == DeliveryState::Withheld).count() >= 2);
    })
    .await;
}

#[tokio::test]
async fn a_new_secret_counts_at_once_and_the_old_one_for_a_day() {
    on_each(Duration::from_secs(5), async |app, clock, root| {
        let receiver = Receiver::start(Manner::Takes);
        let old = webhook(&app, &root, &receiver.url(), &["organisation.created"]).await;
        let grant = policy::authorise(&root.actor).expect("may");
        let new = app.webhooks().rotate_secret(&root, grant, old.webhook.id).await.expect("rotated");
        let (old, new) = (old.secret.expose_secret().to_owned(), new.secret.expose_secret().to_owned());
        assert_ne!(old, new);
        organisation(&app, &root.actor, "one").await;
        deliver(&app).await;
        let received = receiver.received();
        assert!(is_verified(&received[0], &old) && is_verified(&received[0], &new));
        let strange = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        assert!(!is_verified(&received[0], strange) && !is_signed(&received[0], strange));
        clock.advance(Duration::from_hours(24));
        organisation(&app, &root.actor, "two").await;
        deliver(&app).await;
        let received = receiver.received();
        assert!(is_signed(&received[1], &new) && !is_signed(&received[1], &old), "with the new one alone");
        assert_ne!(received[1].headers["webhook-id"], received[0].headers["webhook-id"]);
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_fails_for_three_days_is_switched_off_and_its_owner_is_told() {
    on_each(Duration::from_secs(5), async |app, clock, root| {
        let receiver = Receiver::start(Manner::Redirects);
        let hook = webhook(&app, &root, &receiver.url(), &["organisation.created"]).await;
        organisation(&app, &root.actor, "one").await;
        let mut hours = 0;
        while read(&app, hook.webhook.id).await.is_enabled {
            deliver(&app).await;
            clock.advance(Duration::from_hours(1));
            hours += 1;
            assert!(hours < 24 * 4, "it is never switched off");
        }
        assert!(hours > 24 * 3, "after {hours} hours");
        let off = read(&app, hook.webhook.id).await;
        assert_eq!(off.disabled_reason, Some(DisabledReason::Failing));
        let failed = deliveries(&app, hook.webhook.id).await;
        assert!(failed[0].attempts > 12 && failed[0].status == Some(302), "{failed:?}");
        let root = signed_in(&app, "root").await;
        let shown = Shown { unread: Some(true), archived: false };
        let inbox = app.notifications().list(policy::authorise(&root.actor).expect("may"), shown, None, 50).await;
        let told: Vec<_> = inbox.expect("a list").items.into_iter().map(|one| one.kind).collect();
        assert_eq!(told, [NotificationKind::WebhookDisabled]);

        let before = receiver.requests();
        organisation(&app, &root.actor, "while it is off").await;
        deliver(&app).await;
        receiver.mend();
        patch(&app, &root, hook.webhook.id, json!({"is_enabled": true})).await;
        organisation(&app, &root.actor, "when it is on again").await;
        deliver(&app).await;
        let since: Vec<Value> = receiver.received()[before..].iter().map(event).collect();
        assert_eq!(since.len(), 1, "it begins with what changes from then on: {since:?}");
    })
    .await;
}

#[tokio::test]
async fn what_waits_outlives_the_instance_and_is_sent_by_one_of_many() {
    on_each(Duration::from_millis(700), async |app, clock, root| {
        let receiver = Receiver::start(Manner::Fails);
        let hook = webhook(&app, &root, &receiver.url(), &["organisation.created"]).await;
        for number in 0..30 {
            organisation(&app, &root.actor, &format!("org {number}")).await;
        }
        app.relay_once().await.expect("relayed");
        // The first instance dies in the midst of it: whatever it was about to note or to give back, it does not.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
        let runtime = runtime.expect("a runtime");
        let dying = App::new(app.database().clone(), app.settings().clone());
        runtime.spawn(async move { dying.deliver_webhooks().await });
        let receiver = tokio::task::spawn_blocking(move || {
            receiver.wait_for(5);
            receiver
        });
        let receiver = receiver.await.expect("waited");
        runtime.shutdown_background();
        receiver.mend();
        let instances = [(); 3].map(|()| App::new(app.database().clone(), app.settings().clone()));
        assert_eq!(instances[0].deliver_webhooks().await.expect("looked"), 0, "the dead one still holds it");
        clock.advance(Duration::from_secs(61));
        for _ in 0..4 {
            let passes = instances.iter().map(App::deliver_webhooks);
            for done in futures_util::future::join_all(passes).await {
                done.expect("delivered");
            }
            clock.advance(Duration::from_secs(30));
        }
        let settled = deliveries(&app, hook.webhook.id).await;
        assert!(settled.iter().all(|one| one.state == DeliveryState::Delivered), "{settled:?}");
        let received = receiver.received();
        let taken: Vec<_> = received.iter().filter(|one| one.is_taken).map(|one| &one.headers["webhook-id"]).collect();
        let different: std::collections::HashSet<_> = taken.iter().collect();
        assert_eq!(different.len(), 30, "none is lost");
        assert!(taken.len() <= 31, "only what was on its way may come twice, though three instances tried");
    })
    .await;
}

#[tokio::test]
async fn events_are_filtered_told_without_values_pinged_and_replayed() {
    on_each(Duration::from_secs(5), async |app, _, root| {
        let receiver = Receiver::start(Manner::Takes);
        organisation(&app, &root.actor, "before there was a webhook").await;
        let hook = webhook(&app, &root, &receiver.url(), &["organisation.created", "team.*"]).await;
        let made = organisation(&app, &root.actor, "a secret name").await;
        let person = crm_domain::PersonPatch::read_new(json!({"last_name": "Rossi"})).expect("a body");
        let grant = policy::authorise(&root.actor).expect("may");
        app.people().create(grant, person, Once::unkeyed(render)).await.expect("a person");
        deliver(&app).await;
        let received = receiver.received();
        assert_eq!(received.len(), 1, "{received:?}");
        let told = event(&received[0]);
        assert_eq!((&told["type"], &told["data"]["id"]), (&json!("organisation.created"), &json!(made.id)));
        assert!(told["data"]["changed"].as_array().expect("names").contains(&json!("name")));
        assert!(!received[0].body.contains("a secret name"), "names of fields, and no values");

        let grant = || policy::authorise(&root.actor).expect("may");
        app.webhooks().ping(grant(), hook.webhook.id, Once::unkeyed(render)).await.expect("pinged");
        let first = deliveries(&app, hook.webhook.id).await.pop().expect("a delivery");
        app.webhooks().replay(grant(), hook.webhook.id, first.id, Once::unkeyed(render)).await.expect("replayed");
        deliver(&app).await;
        let received = receiver.received();
        let types: Vec<Value> = received.iter().map(|one| event(one)["type"].clone()).collect();
        assert_eq!(types.len(), 3);
        assert!(types.contains(&json!("ping")));
        let again = received.iter().filter(|one| one.headers["webhook-id"] == first.id.to_string().as_str()).count();
        assert_eq!(again, 2, "a replay keeps its id");

        app.webhooks().delete(grant(), hook.webhook.id, Expected::Any).await.expect("removed");
        organisation(&app, &root.actor, "after").await;
        deliver(&app).await;
        assert_eq!(receiver.requests(), 3);
    })
    .await;
}

#[tokio::test]
async fn deliveries_are_forgotten_after_thirty_days() {
    on_each(Duration::from_secs(5), async |app, clock, root| {
        let receiver = Receiver::start(Manner::Takes);
        let hook = webhook(&app, &root, &receiver.url(), &["organisation.created"]).await;
        organisation(&app, &root.actor, "old").await;
        deliver(&app).await;
        clock.advance(Duration::from_hours(24 * 30));
        assert_eq!(app.remove_expired().await.expect("removed").deliveries, 0);
        clock.advance(Duration::from_secs(1));
        assert_eq!(app.remove_expired().await.expect("removed").deliveries, 1);
        assert_eq!(deliveries(&app, hook.webhook.id).await, []);
    })
    .await;
}
