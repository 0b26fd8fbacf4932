//! An import is no way around the permissions: what a row makes or changes, and what a revert takes back, is what the importer
//! may make, change and delete by any other door.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::io::Cursor;

use crm_app::ImportOptions;
use crm_domain::{
    Import, ImportTarget,
    access::{Action, Actor, BuiltInRole, Reach, Resource, Role, Rule},
    values::Name,
};
use crm_testkit::TestApp;
use serde_json::{Value, json};

/// Max, the manager of the north: reads everything, changes and deletes what is of the team.
fn max() -> Actor {
    Actor::user(TestApp::user_id("max"), Some(TestApp::team_id("north")), BuiltInRole::Manager.role())
}

/// Uma with a role of these actions on organisations alone, each of reach `all`.
fn only(actions: &[Action]) -> Actor {
    let rule = |action: &Action| Rule { resource: Resource::Organisations, action: *action, reach: Reach::All };
    let rules = actions.iter().map(rule).collect();
    let role = Role { id: BuiltInRole::User.id(), name: Name::parse("importer").unwrap(), rules };
    Actor::user(TestApp::user_id("uma"), Some(TestApp::team_id("north")), role)
}

fn import(app: &TestApp, actor: &Actor, resource: ImportTarget, file: &str) -> Import {
    let options = ImportOptions::new(resource, "file.csv");
    app.app.imports().run_file(actor, Cursor::new(file.to_owned()), &options, |_| {}).unwrap()
}

async fn codes(app: &TestApp, import: &Import) -> Vec<String> {
    let errors = app.app.imports().errors(&Actor::system("test"), import.id, None, 50).await.unwrap();
    errors.items.into_iter().map(|error| error.code).collect()
}

async fn named(app: &TestApp, name: &str) -> Value {
    let found = app.ann().get(&format!("/api/v1/organisations?name={name}")).await.expect(200).json();
    found["items"][0].clone()
}

#[actix_web::test]
async fn a_row_changes_only_what_its_importer_may_change() {
    for app in TestApp::each().await {
        let body = json!({"name": "Theirs", "licence_number": "GP-9"});
        app.client("otto").post("/api/v1/organisations", body).await.expect(201);
        let body = json!({"name": "Ours", "licence_number": "GP-8"});
        app.client("uma").post("/api/v1/organisations", body).await.expect(201);
        let file = "name,licence_number,city\nTheirs,GP-9,Lyon\nOurs,GP-8,Lyon\nNew,GP-7,Lyon\n";
        let done = import(&app, &max(), ImportTarget::Organisations, file);
        assert_eq!((done.counts.created, done.counts.updated, done.counts.failed), (1, 1, 1));
        assert_eq!(codes(&app, &done).await, ["forbidden"]);
        let theirs = named(&app, "Theirs").await;
        assert_eq!((&theirs["city"], &theirs["version"]), (&Value::Null, &json!(1)));
        assert_eq!(named(&app, "Ours").await["city"], "Lyon");
        // Said once more as it is, it changes nothing, and nothing is refused.
        let same = import(&app, &max(), ImportTarget::Organisations, "name,licence_number\nTheirs,GP-9\n");
        assert_eq!((same.counts.unchanged, same.counts.failed), (1, 0));
    }
}

#[actix_web::test]
async fn a_row_makes_nothing_for_who_may_not_make_it() {
    for app in TestApp::each().await {
        let file = "name,city\nNew,Lyon\n";
        let refused = import(&app, &only(&[Action::Import]), ImportTarget::Organisations, file);
        assert_eq!((refused.counts.created, refused.counts.failed), (0, 1));
        assert_eq!(codes(&app, &refused).await, ["forbidden"]);
        assert_eq!(named(&app, "New").await, Value::Null);
        let made = import(&app, &only(&[Action::Import, Action::Create]), ImportTarget::Organisations, file);
        assert_eq!((made.counts.created, made.counts.failed), (1, 0));
    }
}

#[actix_web::test]
async fn a_revert_takes_back_only_what_one_may_delete_or_change() {
    for app in TestApp::each().await {
        let otto = Actor::user(TestApp::user_id("otto"), Some(TestApp::team_id("south")), BuiltInRole::Manager.role());
        let theirs = import(&app, &otto, ImportTarget::Organisations, "name\nTheirs\n");
        let kept = app.app.imports().revert_now(&max(), theirs.id).unwrap();
        assert_eq!((kept.counts.reverted, kept.counts.kept), (0, 1));
        assert_eq!(named(&app, "Theirs").await["version"], 1);
        let ours = import(&app, &max(), ImportTarget::Organisations, "name\nOurs\n");
        let gone = app.app.imports().revert_now(&max(), ours.id).unwrap();
        assert_eq!((gone.counts.reverted, gone.counts.kept), (1, 0));
        assert_eq!(named(&app, "Ours").await, Value::Null);
    }
}

#[actix_web::test]
async fn days_that_do_not_fit_each_other_cost_no_row() {
    for app in TestApp::each().await {
        let file =
            "organisation,number,status,signed_on,starts_on,notes\nExemple,M-1,signed,2026-03-01,2026-02-01,kept\n";
        app.ann().post("/api/v1/organisations", json!({"name": "Exemple"})).await.expect(201);
        let done = import(&app, &Actor::system("test"), ImportTarget::Mandates, file);
        assert_eq!((done.counts.created, done.counts.failed, done.counts.invalid_cells), (1, 0, 1));
        let mandates = app.ann().get("/api/v1/mandates").await.expect(200).json();
        let mandate = &mandates["items"][0];
        assert_eq!((&mandate["notes"], &mandate["starts_on"]), (&json!("kept"), &Value::Null));
    }
}
