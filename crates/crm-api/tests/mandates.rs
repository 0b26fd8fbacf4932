//! Mandates and what is sold under them, over HTTP: the steps of the status, who may make one for whom, and which products
//! can be attached when.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crm_testkit::{Answer, Client, MISSING, TestApp};
use serde_json::{Value, json};

const ORGANISATIONS: &str = "/api/v1/organisations";
const MANDATES: &str = "/api/v1/mandates";
const PRODUCTS: &str = "/api/v1/products";

/// Makes a record; its path and its id.
async fn made(client: &Client, collection: &str, body: Value) -> (String, String) {
    let made = client.post(collection, body).await.expect(201);
    (made.header("location").to_owned(), made.json()["id"].as_str().unwrap().to_owned())
}

async fn mandate(client: &Client, mut body: Value) -> (String, String) {
    let (_, organisation) = made(client, ORGANISATIONS, json!({"name": "Exemple"})).await;
    body["organisation_id"] = json!(organisation);
    made(client, MANDATES, body).await
}

async fn put(client: &Client, path: &str) -> Answer {
    client.raw("PUT", path, &[], Vec::new()).await
}

async fn delete(client: &Client, path: &str) -> Answer {
    client.raw("DELETE", path, &[("If-Match", "*")], Vec::new()).await
}

#[track_caller]
fn refused(answer: Answer, status: u16, code: &str) {
    let answer = answer.expect(status);
    assert_eq!(answer.json()["code"], code, "{}", answer.text());
}

#[actix_web::test]
async fn each_step_that_is_not_the_next_one_is_refused_with_its_code_and_changes_nothing() {
    const STATUSES: [&str; 4] = ["proposed", "signed", "active", "ended"];
    for app in TestApp::each().await {
        let ann = app.ann();
        for (from, status) in STATUSES.iter().enumerate() {
            let (path, _) = mandate(&ann, json!({"status": status})).await;
            for (to, next) in STATUSES.iter().enumerate() {
                if to == from || to == from + 1 {
                    continue;
                }
                refused(ann.patch(&path, 1, json!({"status": next})).await, 409, "illegal_transition");
            }
            assert_eq!(ann.get(&path).await.expect(200).json()["version"], 1);
        }
        let (path, id) = mandate(&ann, json!({})).await;
        for (version, status) in (1..).zip(&STATUSES[1..]) {
            let moved = ann.patch(&path, version, json!({"status": status})).await.expect(200).json();
            assert!(moved["status"] == *status && moved["signed_on"].is_string(), "{moved}");
        }
        let history = ann.get(&format!("{path}/history")).await.expect(200).json();
        let events: Vec<&str> =
            history["items"].as_array().unwrap().iter().map(|one| one["event"].as_str().unwrap()).collect();
        assert_eq!(events, ["mandate.ended", "mandate.updated", "mandate.signed", "mandate.created"]);

        let operation = json!({"op": "update", "id": id, "if_match": "*", "data": {"status": "proposed"}});
        let batch = ann.post(&format!("{MANDATES}/batch"), json!({"atomic": false, "operations": [operation]})).await;
        let result = batch.expect(200).json()["results"][0].clone();
        assert_eq!((&result["status"], &result["problem"]["code"]), (&json!(409), &json!("illegal_transition")));
    }
}

#[actix_web::test]
async fn an_organisation_that_the_caller_cannot_see_is_as_one_that_is_not_there() {
    for app in TestApp::each().await {
        let (ann, uma, otto) = (app.ann(), app.client("uma"), app.client("otto"));
        let (_, theirs) = made(&otto, ORGANISATIONS, json!({"name": "Theirs"})).await;
        let (path, gone) = made(&ann, ORGANISATIONS, json!({"name": "Gone"})).await;
        ann.delete(&path, 1).await.expect(204);
        let refusal = async |client: &Client, id: &str| {
            let answer = client.post(MANDATES, json!({"organisation_id": id})).await.expect(422).json();
            answer["errors"].clone()
        };
        let missing = refusal(&uma, MISSING).await;
        assert_eq!((&missing[0]["pointer"], &missing[0]["code"]), (&json!("/organisation_id"), &json!("not_found")));
        assert_eq!(refusal(&uma, &theirs).await, missing);
        assert_eq!(refusal(&ann, &gone).await, missing);
        made(&ann, MANDATES, json!({"organisation_id": theirs})).await;
        // Nor can one be moved there.
        let (path, _) = mandate(&uma, json!({})).await;
        let moved = uma.patch(&path, 1, json!({"organisation_id": theirs})).await.expect(422).json();
        assert_eq!(moved["errors"], missing);
    }
}

#[actix_web::test]
async fn a_mandate_outlives_its_organisation() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let (organisation, id) = made(&ann, ORGANISATIONS, json!({"name": "Exemple"})).await;
        let (path, _) = made(&ann, MANDATES, json!({"organisation_id": id, "number": "M-1"})).await;
        let expanded = async || ann.get(&format!("{path}?expand=organisation")).await.expect(200).json();
        assert_eq!(expanded().await["organisation"]["name"], "Exemple");
        ann.delete(&organisation, 1).await.expect(204);
        let kept = expanded().await;
        assert_eq!((&kept["organisation"], &kept["organisation_id"]), (&Value::Null, &json!(id)));
        let listed = ann.get(&format!("{MANDATES}?organisation_id={id}")).await.expect(200).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        ann.patch(&path, 1, json!({"status": "signed"})).await.expect(200);
    }
}

#[actix_web::test]
async fn products_are_attached_while_a_mandate_is_signed_or_active_and_kept_when_it_ends() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let (path, id) = mandate(&ann, json!({})).await;
        let (product, product_id) = made(&ann, PRODUCTS, json!({"name": "Monde"})).await;
        let attached = format!("{path}/products/{product_id}");
        refused(put(&ann, &attached).await, 409, "mandate_not_open");
        refused(put(&ann, &format!("{path}/products/{MISSING}")).await, 404, "not_found");
        ann.patch(&path, 1, json!({"status": "signed"})).await.expect(200);

        let first = put(&ann, &attached).await.expect(201);
        assert_eq!((first.header("location"), first.header("etag")), (attached.as_str(), "\"1\""));
        assert_eq!(put(&ann, &attached).await.expect(200).json(), first.json());
        assert_eq!(ann.get(&attached).await.expect(200).json(), first.json());
        ann.raw("GET", &attached, &[("If-None-Match", "\"1\"")], Vec::new()).await.expect(304);
        ann.raw("PUT", &attached, &[("If-Match", "\"7\"")], Vec::new()).await.expect(412);

        refused(ann.raw("DELETE", &attached, &[], Vec::new()).await, 428, "version_required");
        refused(ann.delete(&attached, 7).await, 412, "stale");
        ann.delete(&attached, 1).await.expect(204);
        refused(ann.get(&attached).await, 404, "not_found");
        put(&ann, &attached).await.expect(201);

        let products = ann.get(&format!("{path}/products")).await.expect(200).json();
        assert_eq!(products["items"][0]["product"]["name"], "Monde");
        let mandates = ann.get(&format!("{product}/mandates")).await.expect(200).json();
        assert_eq!(mandates["items"][0]["mandate"]["id"], json!(id));
        let expanded = ann.get(&format!("{MANDATES}?expand=products,organisation,owner")).await.expect(200).json();
        assert_eq!(expanded["items"][0]["products"][0]["product"]["id"], json!(product_id));

        ann.patch(&path, 2, json!({"status": "active"})).await.expect(200);
        ann.patch(&path, 3, json!({"status": "ended"})).await.expect(200);
        refused(delete(&ann, &attached).await, 409, "mandate_not_open");
        let (_, other) = made(&ann, PRODUCTS, json!({"name": "Autre"})).await;
        refused(put(&ann, &format!("{path}/products/{other}")).await, 409, "mandate_not_open");
        let products = ann.get(&format!("{path}/products")).await.expect(200).json();
        assert_eq!(products["items"].as_array().unwrap().len(), 1, "they stay as history");

        // So does its organisation, while what else was written down can still be mended.
        let (_, organisation) = made(&ann, ORGANISATIONS, json!({"name": "Autre"})).await;
        refused(ann.patch(&path, 4, json!({"organisation_id": organisation})).await, 409, "mandate_not_open");

        // What is deleted is hidden with what is attached, and comes back with it.
        ann.delete(&path, 4).await.expect(204);
        assert_eq!(ann.get(&format!("{product}/mandates")).await.expect(200).json()["items"], json!([]));
        ann.post(&format!("{path}/restore"), json!({})).await.expect(200);
        assert_eq!(
            ann.get(&format!("{product}/mandates")).await.expect(200).json()["items"][0]["product_id"],
            product_id
        );

        let log = ann.get("/api/v1/changes?limit=200").await.expect(200).json();
        let of_ties = log["items"].as_array().unwrap().iter().filter(|one| one["resource"] == "mandate_products");
        let events: Vec<&str> = of_ties.map(|one| one["event"].as_str().unwrap()).collect();
        assert_eq!(events, ["mandate_product.created", "mandate_product.deleted", "mandate_product.created"]);
    }
}

#[actix_web::test]
async fn whoever_may_change_the_mandate_and_sees_the_product_may_attach_it() {
    for app in TestApp::each().await {
        let (ann, uma, otto) = (app.ann(), app.client("uma"), app.client("otto"));
        let (of_uma, _) = mandate(&uma, json!({"status": "active"})).await;
        let (of_otto, _) = mandate(&otto, json!({"status": "active"})).await;
        let (_, hers) = made(&uma, PRODUCTS, json!({"name": "Hers"})).await;
        let (_, his) = made(&otto, PRODUCTS, json!({"name": "His"})).await;
        put(&uma, &format!("{of_uma}/products/{hers}")).await.expect(201);
        refused(put(&uma, &format!("{of_uma}/products/{his}")).await, 404, "not_found");
        refused(put(&uma, &format!("{of_otto}/products/{hers}")).await, 404, "not_found");
        refused(put(&app.client("rita"), &format!("{of_uma}/products/{hers}")).await, 403, "forbidden");
        refused(delete(&otto, &format!("{of_uma}/products/{hers}")).await, 404, "not_found");
        // A manager of the team reads what is attached; somebody of another team does not.
        let seen = app.client("max").get(&format!("{of_uma}/products")).await.expect(200).json();
        assert_eq!(seen["items"].as_array().unwrap().len(), 1);
        otto.get(&format!("{of_uma}/products")).await.expect(404);
        // The administrator attaches what uma does not see, and uma still does not see it.
        put(&ann, &format!("{of_uma}/products/{his}")).await.expect(201);
        let seen = uma.get(&format!("{of_uma}/products")).await.expect(200).json();
        assert_eq!(seen["items"].as_array().unwrap().len(), 1);
        delete(&uma, &format!("{of_uma}/products/{hers}")).await.expect(204);
    }
}

#[actix_web::test]
async fn an_owner_is_inlined_for_whoever_may_read_users_and_empty_for_the_others() {
    for app in TestApp::each().await {
        let uma = app.client("uma");
        let (path, _) = made(&uma, PRODUCTS, json!({"name": "Hers"})).await;
        let owner = async |client: &Client| {
            client.get(&format!("{path}?expand=owner")).await.expect(200).json()["owner"].clone()
        };
        assert_eq!(owner(&uma).await, json!({"id": TestApp::user_id("uma"), "name": "uma"}));
        assert_eq!(owner(&app.client("rita")).await, Value::Null);
        let unowned = app.ann().patch(&path, 1, json!({"owner_id": null})).await.expect(200);
        assert_eq!((unowned.json()["owner_id"].clone(), owner(&app.ann()).await), (Value::Null, Value::Null));
    }
}
