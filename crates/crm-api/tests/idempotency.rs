//! `Idempotency-Key`: the first final answer to a `POST` is repeated for the same user, path and key, and for no other.

use crm_testkit::{Answer, Client, RESOURCES, TestApp};
use futures_util::future::join_all;
use serde_json::{Value, json};

const ORGANISATIONS: &str = "/api/v1/organisations";
const PEOPLE: &str = "/api/v1/people";
const BATCH: &str = "/api/v1/organisations/batch";

async fn post(client: &Client, path: &str, key: &str, body: &Value) -> Answer {
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key)];
    client.raw("POST", path, &headers, body.to_string().into_bytes()).await
}

/// How many records a list has.
async fn count(client: &Client, path: &str) -> Value {
    client.get(&format!("{path}?total=exact&limit=1")).await.expect(200).json()["total"].clone()
}

/// How many changes have ever been made.
async fn changes(client: &Client) -> usize {
    let log = client.get("/api/v1/changes?limit=200").await.expect(200).json();
    log["items"].as_array().map_or(0, Vec::len)
}

#[track_caller]
fn assert_replayed(first: &Answer, again: &Answer) {
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!((first.status, first.text()), (again.status, again.text()));
    for header in ["location", "etag", "content-type"] {
        assert_eq!(first.header(header), again.header(header), "{header}");
    }
}

#[actix_web::test]
async fn a_creation_is_replayed_with_status_body_and_location() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let body = json!({"name": "Crédit Étoile"});
        let first = post(&ann, ORGANISATIONS, "one", &body).await.expect(201);
        let id = first.json()["id"].clone();
        assert_eq!(first.header("location"), format!("{ORGANISATIONS}/{}", id.as_str().unwrap()));
        assert_replayed(&first, &post(&ann, ORGANISATIONS, "one", &body).await);
        // The answer is that of the first time, whatever has become of the record.
        ann.delete(first.header("location"), 1).await.expect(204);
        assert_replayed(&first, &post(&ann, ORGANISATIONS, "one", &body).await);
        assert_eq!((count(&ann, ORGANISATIONS).await, changes(&ann).await), (json!(0), 2));
    }
}

#[actix_web::test]
async fn every_post_of_every_resource_takes_a_key() {
    for app in TestApp::each().await {
        let ann = app.ann();
        for resource in RESOURCES {
            let (path, body) = (resource.path(), resource.body(&ann, "Exemple").await);
            let before = count(&ann, &path).await.as_i64().unwrap();
            let first = post(&ann, &path, "create", &body).await.expect(201);
            assert_replayed(&first, &post(&ann, &path, "create", &body).await);
            let record = first.header("location");
            ann.delete(record, 1).await.expect(204);
            let restore =
                async || ann.raw("POST", &format!("{record}/restore"), &[("Idempotency-Key", "restore")], vec![]).await;
            let back = restore().await.expect(200);
            assert_replayed(&back, &restore().await);
            let batch = json!({"operations": [{"op": "create", "data": body}]});
            let path = format!("{path}/batch");
            let done = post(&ann, &path, "batch", &batch).await.expect(200);
            assert_replayed(&done, &post(&ann, &path, "batch", &batch).await);
            assert_eq!(count(&ann, &resource.path()).await, before + 2, "{}", resource.name);
        }
    }
}

#[actix_web::test]
async fn a_key_with_another_body_is_refused() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let first = post(&ann, ORGANISATIONS, "one", &json!({"name": "Exemple"})).await.expect(201);
        let refused = post(&ann, ORGANISATIONS, "one", &json!({"name": "Autre"})).await.expect(422);
        assert_eq!(refused.json()["code"], "idempotency_key_reused");
        assert_eq!(refused.header("idempotency-replayed"), "");
        assert_eq!(count(&ann, ORGANISATIONS).await, 1);
        // The refusal has not taken the place of the first answer.
        assert_replayed(&first, &post(&ann, ORGANISATIONS, "one", &json!({"name": "Exemple"})).await);
    }
}

#[actix_web::test]
async fn a_key_belongs_to_its_user_and_its_path() {
    for app in TestApp::each().await {
        let (ann, uma) = (app.ann(), app.client("uma"));
        let body = json!({"name": "Exemple"});
        let of_ann = post(&ann, ORGANISATIONS, "one", &body).await.expect(201);
        let of_uma = post(&uma, ORGANISATIONS, "one", &body).await.expect(201);
        assert_eq!(of_uma.header("idempotency-replayed"), "");
        assert_ne!(of_ann.json()["id"], of_uma.json()["id"]);
        assert_eq!(of_uma.json()["created_by"], json!(TestApp::user_id("uma")));
        let person = post(&ann, PEOPLE, "one", &json!({"last_name": "Exemple"})).await.expect(201);
        assert_eq!(person.header("idempotency-replayed"), "");
        let other = post(&ann, ORGANISATIONS, "two", &body).await.expect(201);
        assert_ne!(of_ann.json()["id"], other.json()["id"]);
        assert_eq!((count(&ann, ORGANISATIONS).await, count(&ann, PEOPLE).await), (json!(3), json!(1)));
        assert_replayed(&of_uma, &post(&uma, ORGANISATIONS, "one", &body).await);
        assert_replayed(&of_ann, &post(&ann, ORGANISATIONS, "one", &body).await);
    }
}

#[actix_web::test]
async fn duplicates_at_the_same_time_make_one_record() {
    for app in TestApp::each().await {
        let ann = app.ann();
        for round in 1..=20 {
            let (key, body) = (format!("round-{round}"), json!({"name": format!("Exemple {round}")}));
            let answers = join_all((0..8).map(|_| post(&ann, ORGANISATIONS, &key, &body))).await;
            let (replayed, made): (Vec<Answer>, Vec<Answer>) =
                answers.into_iter().partition(|answer| answer.header("idempotency-replayed") == "true");
            let [made] = made.as_slice() else { panic!("{} of 8 were made: {made:?}", made.len()) };
            assert_eq!((made.status, replayed.len()), (201, 7));
            for again in &replayed {
                assert_replayed(made, again);
            }
            assert_eq!((count(&ann, ORGANISATIONS).await, changes(&ann).await), (json!(round), round));
        }
    }
}

#[actix_web::test]
async fn a_refused_request_is_not_stored() {
    for app in TestApp::each().await {
        let ann = app.ann();
        // 422: the key is free for the corrected body.
        let refused = post(&ann, ORGANISATIONS, "invalid", &json!({"name": ""})).await.expect(422);
        assert_eq!(refused.json()["code"], "invalid");
        post(&ann, ORGANISATIONS, "invalid", &json!({"name": "Exemple"})).await.expect(201);
        // 409: the same request succeeds once the value is free again.
        let body = json!({"last_name": "Exemple", "email": "person@example.com"});
        let holder = ann.post(PEOPLE, body.clone()).await.expect(201);
        post(&ann, PEOPLE, "taken", &body).await.expect(409);
        ann.delete(holder.header("location"), 1).await.expect(204);
        let made = post(&ann, PEOPLE, "taken", &body).await.expect(201);
        assert_replayed(&made, &post(&ann, PEOPLE, "taken", &body).await);
        // 403: nothing is stored for those who may not.
        let rita = app.client("rita");
        post(&rita, ORGANISATIONS, "one", &json!({"name": "Exemple"})).await.expect(403);
        post(&rita, ORGANISATIONS, "one", &json!({"name": "Autre"})).await.expect(403);
        // An atomic batch that fails.
        let batch = |name: &str| json!({"operations": [{"op": "create", "data": {"name": name}}]});
        assert_eq!(post(&ann, BATCH, "batch", &batch("")).await.expect(422).json()["code"], "batch_refused");
        let made = post(&ann, BATCH, "batch", &batch("Exemple")).await.expect(200);
        assert_eq!(made.header("idempotency-replayed"), "");
        assert_eq!((count(&ann, ORGANISATIONS).await, count(&ann, PEOPLE).await), (json!(2), json!(1)));
    }
}

#[actix_web::test]
async fn a_batch_is_replayed_with_the_failures_of_its_operations() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let operations = json!([{"op": "create", "data": {"name": "Un"}}, {"op": "create", "data": {"name": ""}}]);
        let body = json!({"operations": operations, "atomic": false});
        let first = post(&ann, BATCH, "one", &body).await.expect(200);
        let statuses = [&first.json()["results"][0]["status"], &first.json()["results"][1]["status"]].map(Value::clone);
        assert_eq!(statuses, [json!(201), json!(422)]);
        assert_replayed(&first, &post(&ann, BATCH, "one", &body).await);
        let refused = post(&ann, BATCH, "one", &json!({"operations": operations, "atomic": true})).await.expect(422);
        assert_eq!(refused.json()["code"], "idempotency_key_reused");
        assert_eq!((count(&ann, ORGANISATIONS).await, changes(&ann).await), (json!(1), 1));
        // Sent at the same time it happens once, too.
        let operations: Vec<Value> =
            (0..5).map(|number| json!({"op": "create", "data": {"name": format!("Exemple {number}")}})).collect();
        let body = json!({"operations": operations});
        let answers = join_all((0..8).map(|_| post(&ann, BATCH, "two", &body))).await;
        assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body));
        let replayed = answers.iter().filter(|answer| answer.header("idempotency-replayed") == "true").count();
        assert_eq!((replayed, count(&ann, ORGANISATIONS).await), (7, json!(6)));
    }
}

#[actix_web::test]
async fn a_restoration_is_replayed() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let made = ann.post(ORGANISATIONS, json!({"name": "Exemple"})).await.expect(201);
        let record = made.header("location");
        let path = format!("{record}/restore");
        // Not deleted yet: the refusal is not stored.
        let restore = async |key: &str| ann.raw("POST", &path, &[("Idempotency-Key", key)], Vec::new()).await;
        restore("one").await.expect(409);
        ann.delete(record, 1).await.expect(204);
        let first = restore("one").await.expect(200);
        assert_eq!((first.json()["version"].clone(), first.header("etag")), (json!(3), "\"3\""));
        assert_replayed(&first, &restore("one").await);
        assert_eq!(restore("two").await.expect(409).json()["code"], "not_deleted");
        // A replay restores nothing.
        ann.delete(record, 3).await.expect(204);
        assert_replayed(&first, &restore("one").await);
        ann.get(record).await.expect(404);
        assert_eq!(changes(&ann).await, 4);
    }
}
