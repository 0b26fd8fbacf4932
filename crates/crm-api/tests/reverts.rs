//! Taking an import back takes nothing away from under the work of others.

use std::io::Cursor;

use crm_app::ImportOptions;
use crm_domain::{ImportStatus, ImportTarget, access::Actor};
use crm_testkit::{Client, TestApp};
use serde_json::{Value, json};

/// The names and ids of all records of a list.
async fn named(client: &Client, collection: &str, name: &str) -> Vec<(String, String)> {
    let list = client.get(&format!("/api/v1/{collection}?limit=200&sort=created_at")).await.expect(200).json();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    list["items"].as_array().expect("a list").iter().map(|one| (text(&one[name]), text(&one["id"]))).collect()
}

async fn post(client: &Client, collection: &str, body: Value) -> String {
    let made = client.post(&format!("/api/v1/{collection}"), body).await.expect(201).json();
    made["id"].as_str().expect("an id").to_owned()
}

/// Imports a file, lets others work with what it made, and takes it back; the names that stay.
async fn taken_back(
    app: &TestApp,
    target: ImportTarget,
    file: &str,
    name: &str,
    work: impl AsyncFn(&Client, &[(String, String)]),
) -> (Vec<String>, i64, i64) {
    let (system, ann, imports) = (Actor::system("test"), app.ann(), app.app.imports());
    let options = ImportOptions::new(target, "file.csv");
    let import = imports.run_file(&system, Cursor::new(file.to_owned()), &options, |_| {}).expect("it runs");
    let before = named(&ann, target.as_ref(), name).await;
    assert_eq!(import.counts.created, i64::try_from(before.len()).expect("a few"), "{import:?}");
    work(&ann, &before).await;
    let reverted = imports.revert_now(&system, import.id).expect("it is taken back");
    assert_eq!(reverted.status, ImportStatus::Reverted);
    let left = named(&ann, target.as_ref(), name).await.into_iter().map(|(name, _)| name).collect();
    (left, reverted.counts.reverted, reverted.counts.kept)
}

#[actix_web::test]
async fn an_organisation_of_which_others_speak_by_now_is_kept_and_told() {
    for app in TestApp::each().await {
        let file = "name\nUn\nDeux\nTrois\nQuatre\nCinq\nSix\n";
        let outcome = taken_back(&app, ImportTarget::Organisations, file, "name", async |ann, made| {
            let id = |at: usize| &made[at].1;
            let person = post(ann, "people", json!({"last_name": "Durand"})).await;
            ann.put(&format!("/api/v1/organisations/{}/people/{person}", id(0)), json!({})).await.expect(201);
            post(ann, "tasks", json!({"title": "Appeler", "organisation_id": id(1)})).await;
            post(ann, "mandates", json!({"organisation_id": id(2)})).await;
            let met = json!({"type": "call", "subject": "Appel", "occurred_at": "2026-01-01T00:00:00Z", "organisation_id": id(3)});
            post(ann, "interactions", met).await;
            // What has been removed again is nobody's work any more.
            let task = post(ann, "tasks", json!({"title": "Écrire", "organisation_id": id(4)})).await;
            ann.delete(&format!("/api/v1/tasks/{task}"), 1).await.expect(204);
        });
        let (left, reverted, kept) = outcome.await;
        assert_eq!(left, ["Un", "Deux", "Trois", "Quatre"]);
        assert_eq!((reverted, kept), (2, 4));
    }
}

#[actix_web::test]
async fn a_person_goes_with_the_links_of_the_import_and_stays_with_those_of_others() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let employer = post(&ann, "organisations", json!({"name": "Exemple"})).await;
        let other = post(&ann, "organisations", json!({"name": "Autre"})).await;
        let file = "last_name;organisation\nUn;Exemple\nDeux;Exemple\nTrois;Exemple\n";
        let outcome = taken_back(&app, ImportTarget::People, file, "last_name", async |ann, made| {
            ann.put(&format!("/api/v1/organisations/{other}/people/{}", made[1].1), json!({})).await.expect(201);
            let met = json!({"type": "call", "subject": "Appel", "occurred_at": "2026-01-01T00:00:00Z", "organisation_id": other, "participant_people": [made[2].1]});
            post(ann, "interactions", met).await;
        });
        let (left, reverted, kept) = outcome.await;
        assert_eq!(left, ["Deux", "Trois"]);
        // Three links and one person are gone.
        assert_eq!((reverted, kept), (4, 2));
        let links = ann.get(&format!("/api/v1/organisations/{employer}/people")).await.expect(200).json();
        assert_eq!(links["items"], json!([]));
    }
}
