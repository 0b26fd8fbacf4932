//! Of two changes that start from the same version exactly one wins, and the other is told the current state.

use std::{sync::Arc, thread};

use crm_app::{App, Error, Expected};
use crm_domain::{
    Field, Organisation, OrganisationId, OrganisationPatch, Version,
    access::{Actor, BuiltInRole, Read, Update, policy},
    values::Name,
};
use crm_testkit::{Client, RESOURCES, TestApp};
use futures_util::future::{join, try_join_all};
use serde_json::json;
use tokio::{runtime::Builder, sync::Barrier, task::spawn};

const ORGANISATIONS: &str = "/api/v1/organisations";

/// Organisations that are fought over at the same time.
const LANES: u32 = 4;

async fn organisation(ann: &Client) -> OrganisationId {
    let made = ann.post(ORGANISATIONS, json!({"name": "Exemple"})).await.expect(201).json();
    made["id"].as_str().and_then(|id| OrganisationId::parse(id).ok()).expect("what was made has an id")
}

/// One change through the use cases, at the same moment as the other one of its pair.
async fn rename(
    app: App,
    actor: Actor,
    id: OrganisationId,
    version: Version,
    name: Name,
    start: Arc<Barrier>,
) -> Result<Organisation, Error> {
    let grant = policy::authorise::<Update, Organisation>(&actor)?;
    let patch = OrganisationPatch { name: Field::Set(name), ..OrganisationPatch::default() };
    start.wait().await;
    app.organisations().update(grant, id, Expected::Version(version), patch).await
}

/// Pairs of changes of one organisation, one pair after the other.
async fn fight(app: App, actor: Actor, id: OrganisationId, pairs: u32) -> [u32; 2] {
    let read = policy::authorise::<Read, Organisation>(&actor).expect("an administrator may read");
    let mut version = Version::FIRST;
    let mut wins = [0; 2];
    for pair in 0..pairs {
        let start = Arc::new(Barrier::new(2));
        let names = ["left", "right"].map(|side| Name::parse(&format!("{side} {pair}")).expect("a name"));
        let [left, right] =
            names.clone().map(|name| spawn(rename(app.clone(), actor.clone(), id, version, name, Arc::clone(&start))));
        let (left, right) = (left.await.expect("no panic"), right.await.expect("no panic"));
        let (winner, won, current) = match (left, right) {
            (Ok(won), Err(Error::Stale { current })) => (0, won, current),
            (Err(Error::Stale { current }), Ok(won)) => (1, won, current),
            both => panic!("pair {pair}: one wins and the other is stale, not {both:?}"),
        };
        wins[winner] += 1;
        assert_eq!((&won.name, won.stamps.version), (&names[winner], version.next()), "pair {pair}");
        assert_eq!(current, json!(won), "pair {pair}: the loser is told what the winner made");
        let stored = app.organisations().get(read.clone(), id).await.expect("it is there");
        assert_eq!(stored, won, "pair {pair}");
        let history = app.organisations().history(read.clone(), id, None, 2).await.expect("it has a history").items;
        let versions: Vec<Version> = history.iter().map(|change| change.version).collect();
        assert_eq!(versions, [version.next(), version], "pair {pair}: one row is new");
        assert_eq!(history[0].changed[0].new, json!(names[winner]), "pair {pair}");
        version = version.next();
    }
    wins
}

/// Lets pairs fight in several lanes, on threads of their own.
async fn fight_in_lanes(app: &TestApp, pairs: u32) {
    let ann = app.ann();
    let mut ids = Vec::new();
    for _ in 0..LANES {
        ids.push(organisation(&ann).await);
    }
    let actor = Actor::user(TestApp::user_id("ann"), None, BuiltInRole::Admin.role());
    let use_cases = app.app.clone();
    let (each, name) = (pairs / LANES, app.test.name());
    let threads = thread::spawn(move || {
        let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime starts");
        let lanes = ids.into_iter().map(|id| runtime.spawn(fight(use_cases.clone(), actor.clone(), id, each)));
        let lanes: Vec<_> = lanes.collect();
        runtime.block_on(try_join_all(lanes)).expect("every pair had one winner")
    });
    let wins = threads.join().expect("every pair had one winner");
    let [left, right] = wins.iter().fold([0; 2], |sum, wins| [sum[0] + wins[0], sum[1] + wins[1]]);
    println!("{name}: of {pairs} pairs {left} were won by the first and {right} by the second");
    assert_eq!(left + right, each * LANES);
    assert!(left > 0 && right > 0, "the same side always won: they did not run at the same time");
    // Nothing was written beside: one change for each organisation made, and one for each pair.
    let (mut position, mut changes) = ("0".to_owned(), 0);
    loop {
        let page = ann.get(&format!("/api/v1/changes?after={position}&limit=200")).await.expect(200).json();
        changes += page["items"].as_array().map_or(0, Vec::len);
        let Some(next) = page["next_cursor"].as_str() else { break };
        next.clone_into(&mut position);
    }
    assert_eq!(changes, usize::try_from(LANES + each * LANES).expect("a small number"));
}

#[actix_web::test]
async fn of_each_pair_of_patches_from_one_version_exactly_one_wins_over_http() {
    for app in TestApp::each().await {
        let (ann, other) = (app.ann(), app.client("max"));
        let path = format!("{ORGANISATIONS}/{}", organisation(&ann).await);
        // A manager changes what belongs to the own team.
        ann.patch(&path, 1, json!({"team_id": TestApp::team_id("north")})).await.expect(200);
        for version in 2..302 {
            let body = |side: &str| json!({"name": format!("{side} {version}")});
            let (left, right) =
                join(ann.patch(&path, version, body("ann")), other.patch(&path, version, body("max"))).await;
            let (won, lost) = if left.status == 200 { (left, right) } else { (right, left) };
            let (won, lost) = (won.expect(200), lost.expect(412));
            assert_eq!(won.header("etag"), format!("\"{}\"", version + 1));
            let (won, lost) = (won.json(), lost.json());
            assert_eq!((&lost["code"], &lost["current"]), (&json!("stale"), &won));
            assert_eq!(ann.get(&path).await.expect(200).json(), won);
            let history = ann.get(&format!("{path}/history?limit=2")).await.expect(200).json();
            let versions = [&history["items"][0]["version"], &history["items"][1]["version"]];
            assert_eq!(versions, [&json!(version + 1), &json!(version)]);
        }
    }
}

#[actix_web::test]
async fn of_two_changes_of_any_resource_from_one_version_exactly_one_wins() {
    for app in TestApp::each().await {
        let ann = app.ann();
        for resource in RESOURCES {
            let made = ann.post(&resource.path(), resource.body(&ann, "Exemple").await).await.expect(201);
            let path = made.header("location").to_owned();
            for version in 1..31 {
                let body = |side: &str| json!({ resource.title: format!("{side} {version}") });
                let (left, right) =
                    join(ann.patch(&path, version, body("left")), ann.patch(&path, version, body("right"))).await;
                let (won, lost) = if left.status == 200 { (left, right) } else { (right, left) };
                let (won, lost) = (won.expect(200).json(), lost.expect(412).json());
                assert_eq!((&lost["code"], &lost["current"]), (&json!("stale"), &won), "{}", resource.name);
                assert_eq!(ann.get(&path).await.expect(200).json(), won);
            }
            // Of a change and a deletion one wins, too.
            let (changed, deleted) =
                join(ann.patch(&path, 31, json!({ resource.title: "Autre" })), ann.delete(&path, 31)).await;
            let outcome = (changed.status, deleted.status);
            assert!(matches!(outcome, (200, 412) | (404, 204)), "{}: {outcome:?}", resource.name);
            let history = ann.get(&format!("{path}/history?limit=200")).await.expect(200).json();
            assert_eq!(history["items"].as_array().map_or(0, Vec::len), 32, "{}", resource.name);
        }
    }
}

#[actix_web::test]
async fn of_each_pair_of_changes_from_one_version_exactly_one_wins_in_parallel() {
    for app in TestApp::each().await {
        fight_in_lanes(&app, 800).await;
    }
}

#[actix_web::test]
#[ignore = "slow: ten thousand pairs"]
async fn of_each_pair_of_changes_from_one_version_exactly_one_wins_in_parallel_10_000() {
    for app in TestApp::each().await {
        fight_in_lanes(&app, 5_000).await;
    }
}
