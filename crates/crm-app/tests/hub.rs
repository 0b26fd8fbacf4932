//! The hub over real databases, without sockets: the test says when it looks, so nothing here depends on time.

mod support;

use crm_app::{App, AppSettings, Bus, Connection, LoggedIn, Once, Origin, Out, Replay, Replayed, Signal, SignedIn};
use crm_domain::{
    OrganisationPatch, TeamId, TeamPatch, User,
    access::{BuiltInRole, policy},
};
use rand_like::Chance;
use serde_json::{Value, json};
use support::{PASSWORD, on_each_app, render, system, user};

/// Numbers that look random and are the same each time.
mod rand_like {
    pub struct Chance(pub u64);

    impl Chance {
        pub fn below(&mut self, bound: u64) -> u64 {
            // Knuth's multiplier; the high bits are the good ones.
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }
    }
}

async fn sign_in(app: &App, name: &str) -> SignedIn {
    let LoggedIn { access_token, .. } =
        app.sessions().login(&format!("{name}@exemple.fr"), PASSWORD.into(), Origin::default()).await.expect("in");
    app.sessions().actor(&access_token).await.expect("an actor")
}

async fn team(app: &App, name: &str) -> TeamId {
    let patch = TeamPatch::read_new(json!({"name": name})).expect("a body");
    let grant = policy::authorise(&system()).expect("may");
    let made = app.teams().create(grant, patch, Once::unkeyed(render)).await.expect("a team");
    serde_json::from_slice::<crm_domain::Team>(&made.body).expect("a team").id
}

async fn organisation(app: &App, owner: &User, team: TeamId) {
    let body = json!({"name": "Exemple", "owner_id": owner.id, "team_id": team});
    let patch = OrganisationPatch::read_new(body).expect("a body");
    let grant = policy::authorise(&system()).expect("may");
    app.organisations().create(grant, patch, Once::unkeyed(render)).await.expect("made");
}

/// A connection that hears of organisations from now on.
async fn listen(app: &App, caller: &SignedIn) -> Connection {
    let mut connection = app.realtime().connect(caller, None).await.expect("read").expect("a place");
    drop(connection.hello());
    connection.on_text(r#"{"type":"subscribe","topics":["organisations"]}"#);
    let position = connection.position();
    let out = connection.on_text(&format!(r#"{{"type":"resume","after":{position}}}"#));
    assert_eq!(out, [Out::Replay { after: position }]);
    let Replayed::Done(missed, upto) = connection.replay(Replay::after(position)).await.expect("read") else {
        panic!("a page is enough")
    };
    assert!(missed.is_empty());
    connection.on_replayed(upto);
    connection
}

async fn pass_on(app: &App) {
    app.relay_once().await.expect("relayed");
    app.pump().await.expect("pumped");
}

/// What stands in the queue of a connection, as it would be sent; or why it is closed.
async fn heard(connection: &mut Connection) -> Result<Vec<Value>, u16> {
    let mut messages = Vec::new();
    loop {
        if let Some(closing) = connection.ending().now() {
            return Err(closing.code());
        }
        let next = tokio::select! {
            biased;
            signal = connection.next() => signal,
            () = std::future::ready(()) => return Ok(messages),
        };
        match next {
            Signal::Event(event) => {
                for out in connection.on_event(event) {
                    if let Out::Send(frame) = out {
                        messages.push(serde_json::from_str(&frame).expect("JSON"));
                    }
                }
            }
            Signal::Close(closing) => return Err(closing.code()),
        }
    }
}

#[tokio::test]
async fn who_does_not_read_is_told_to_come_again_and_nobody_else_notices() {
    on_each_app(async |app, _| {
        let (ann, _) = user(&app, "ann", BuiltInRole::Admin).await;
        let north = team(&app, "north").await;
        let caller = sign_in(&app, "ann").await;
        pass_on(&app).await;
        let (mut slow, mut quick) = (listen(&app, &caller).await, listen(&app, &caller).await);
        let mut told = 0;
        for _ in 0..80 {
            organisation(&app, &ann, north).await;
            pass_on(&app).await;
            told += heard(&mut quick).await.expect("open").len();
        }
        assert_eq!(told, 80);
        let messages = heard(&mut slow).await.expect("open");
        let (last, events) = messages.split_last().expect("something");
        assert_eq!((events.len(), &last["type"]), (64, &json!("resync")));
        let from = events[63]["position"].as_i64().expect("a position");
        let out = slow.on_text(&format!(r#"{{"type":"resume","after":{from}}}"#));
        assert_eq!(out, [Out::Replay { after: from }]);
        let Replayed::Done(missed, upto) = slow.replay(Replay::after(from)).await.expect("read") else {
            panic!("more")
        };
        assert_eq!((missed.len(), upto), (16, from + 16));
        assert_eq!(app.realtime().statistics().overflowed, 16);
    })
    .await;
}

#[tokio::test]
async fn a_role_without_the_right_hears_of_nothing_and_is_told_so() {
    on_each_app(async |app, _| {
        user(&app, "rita", BuiltInRole::ReadOnly).await;
        let caller = sign_in(&app, "rita").await;
        let mut connection = app.realtime().connect(&caller, None).await.expect("read").expect("a place");
        let out = connection.on_text(r#"{"type":"subscribe","topics":["users","notifications","tasks"]}"#);
        let Some(Out::Send(frame)) = out.get(1) else { panic!("{out:?}") };
        assert_eq!(frame as &str, r#"{"type":"subscribed","topics":["tasks"]}"#);
    })
    .await;
}

/// Withdraws something from a subscriber at random, on another instance, and then changes a record that they could see before.
async fn withdraw(app: &App, trials: u64) {
    let other = App::new(app.database().clone(), AppSettings { bus: Bus::in_process(), ..app.settings().clone() });
    let (north, south) = (team(app, "north").await, team(app, "south").await);
    let (boss, _) = user(app, "boss", BuiltInRole::Manager).await;
    let (ann, _) = user(app, "ann", BuiltInRole::User).await;
    let manage = || policy::authorise(&system()).expect("may");
    let mut chance = Chance(20_261_125);
    let mut seen = [0; 5];
    for trial in 0..trials {
        // As it was before each trial: a user of the north, who sees what belongs to it.
        other.users().activate(&manage(), ann.id).await.expect("active");
        other.users().set_role(&manage(), ann.id, BuiltInRole::User.id()).await.expect("a role");
        other.users().set_team(&manage(), ann.id, Some(north)).await.expect("a team");
        let caller = sign_in(app, "ann").await;
        pass_on(app).await;
        let mut connection = listen(app, &caller).await;
        organisation(&other, &boss, north).await;
        pass_on(app).await;
        assert_eq!(heard(&mut connection).await.expect("open").len(), 1, "trial {trial}: it is hers to see");

        let what = chance.below(5);
        seen[usize::try_from(what).expect("small")] += 1;
        let of = match what {
            0 => {
                other.users().set_role(&manage(), ann.id, BuiltInRole::ReadOnly.id()).await.expect("a role");
                north
            }
            1 => {
                other.users().set_team(&manage(), ann.id, Some(south)).await.expect("a team");
                north
            }
            2 => {
                other.sessions().logout(&caller).await.expect("out");
                north
            }
            3 => {
                other.users().deactivate(&manage(), ann.id).await.expect("inactive");
                north
            }
            // Nothing is withdrawn from her, but the record is of another team.
            _ => south,
        };
        organisation(&other, &boss, of).await;
        pass_on(app).await;
        match heard(&mut connection).await {
            Ok(messages) => assert!(what == 4 && messages.is_empty(), "trial {trial}, {what}: {messages:?}"),
            Err(code) => assert!(what != 4 && code == 1008, "trial {trial}, {what}: closed with {code}"),
        }
    }
    println!("{trials} trials: {seen:?}");
    assert!(seen.iter().all(|number| *number > 0), "{seen:?}");
}

#[tokio::test]
async fn what_was_withdrawn_lets_not_one_further_event_through() {
    on_each_app(async |app, _| withdraw(&app, 20).await).await;
}

#[tokio::test]
#[ignore = "slow: fifty times as many trials"]
async fn what_was_withdrawn_lets_not_one_further_event_through_1_000() {
    on_each_app(async |app, _| withdraw(&app, 1_000).await).await;
}
