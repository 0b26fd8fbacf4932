//! The relay over real databases: one order for all writers, one holder at a time.

mod support;

use std::time::Duration;

use crm_app::{App, Bus, LEASE, Once, Relayed};
use crm_domain::{
    OrganisationPatch,
    access::{BuiltInRole, policy},
};
use crm_events::{Event, Received};
use serde_json::json;
use support::{on_each_app, render, system, user};

/// Another instance over the same database.
fn another(app: &App) -> App {
    let settings = crm_app::AppSettings { bus: Bus::in_process(), ..app.settings().clone() };
    App::new(app.database().clone(), settings)
}

async fn make(app: &App, name: &str) {
    let patch = OrganisationPatch::read_new(json!({"name": name})).expect("a body");
    // Writers wait for each other; one that waits too long is told so, and comes again.
    loop {
        let grant = policy::authorise(&system()).expect("the system may");
        match app.organisations().create(grant, patch.clone(), Once::unkeyed(render)).await {
            Err(error) if error.is_fault_of_service() => {}
            made => return drop(made.expect("made")),
        }
    }
}

async fn positions(app: &App) -> Vec<i64> {
    let mut positions: Vec<i64> = Vec::new();
    loop {
        let grant = policy::authorise(&system()).expect("the system may");
        let after = positions.last().copied().unwrap_or(0);
        let page = app.changes().read_after(grant, after, 200).await.expect("read");
        if page.is_empty() {
            return positions;
        }
        positions.extend(page.iter().filter_map(|change| change.position));
    }
}

#[tokio::test]
async fn many_writers_and_two_relays_make_one_order_without_gaps() {
    on_each_app(async |app, _| {
        let other = another(&app);
        let writers = (0..6).map(|writer| {
            let app = if writer % 2 == 0 { app.clone() } else { other.clone() };
            tokio::spawn(async move {
                for number in 0..15 {
                    make(&app, &format!("{writer} {number}")).await;
                    let _positions_come_later = app.catch_up().await;
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("a writer");
        }
        assert_eq!(positions(&app).await, (1..=90).collect::<Vec<i64>>());
    })
    .await;
}

#[tokio::test]
async fn one_instance_holds_the_relay_until_its_lease_runs_out() {
    on_each_app(async |app, clock| {
        let other = another(&app);
        assert_eq!(app.relay_once().await.expect("relayed"), Relayed::Here);
        assert_eq!(other.relay_once().await.expect("relayed"), Relayed::Elsewhere);
        clock.advance(Duration::from_secs(2));
        assert_eq!(app.relay_once().await.expect("renewed"), Relayed::Here);
        clock.advance(Duration::from_secs(2));
        assert_eq!(other.relay_once().await.expect("relayed"), Relayed::Elsewhere, "it was renewed meanwhile");
        // Its holder dies: nothing renews it.
        clock.advance(LEASE.to_std().expect("a span"));
        assert_eq!(other.relay_once().await.expect("taken"), Relayed::Here);
        assert_eq!(app.relay_once().await.expect("relayed"), Relayed::Elsewhere);
    })
    .await;
}

#[tokio::test]
async fn what_one_instance_had_not_passed_on_the_next_one_does() {
    on_each_app(async |app, clock| {
        let (next, bus) = {
            let bus = Bus::in_process();
            let settings = crm_app::AppSettings { bus: bus.clone(), ..app.settings().clone() };
            (App::new(app.database().clone(), settings), bus)
        };
        user(&app, "ann", BuiltInRole::User).await;
        app.relay_once().await.expect("relayed");
        make(&app, "left behind").await;
        clock.advance(LEASE.to_std().expect("a span"));
        let mut heard = bus.subscribe();
        next.relay_once().await.expect("taken");
        assert_eq!(heard.try_next(), Some(Received::Event(Event::Advanced { position: 2 })));
        next.relay_once().await.expect("nothing new");
        assert_eq!(heard.try_next(), None, "what has been said is not said again");
    })
    .await;
}
