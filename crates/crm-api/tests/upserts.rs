//! What makes a record or changes it settles, however many come with the same key at once: one makes it, all others find it.

use crm_testkit::{Answer, Client, RESOURCES, Resource, TestApp};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// How many come at once.
const WRITERS: usize = 8;

/// How often they come.
const ROUNDS: usize = 3;

/// One makes it and all others find it.
#[track_caller]
fn one_makes_it(mut statuses: Vec<u64>, what: &str) {
    statuses.sort_unstable();
    let mut expected = vec![200; WRITERS - 1];
    expected.push(201);
    assert_eq!(statuses, expected, "{what}");
}

fn statuses(answers: &[Answer]) -> Vec<u64> {
    answers.iter().map(|answer| answer.status.into()).collect()
}

/// A value that this field takes.
fn key(field: &str) -> &'static str {
    match field {
        "email" => "exemple@exemple.fr",
        "isin" => "FR0000120271",
        "lei" => "529900T8BM49AURSDO55",
        _ => "EX-1",
    }
}

async fn made(client: &Client, name: &str) -> String {
    let resource = Resource::named(name);
    let made = client.post(&resource.path(), resource.body(client, "Exemple").await).await.expect(201);
    made.json()["id"].as_str().expect("what was made has an id").to_owned()
}

async fn removed(client: &Client, path: &str) {
    client.raw("DELETE", path, &[("If-Match", "*")], Vec::new()).await.expect(204);
}

#[actix_web::test]
async fn of_many_upserts_of_one_key_one_makes_the_record_and_all_others_change_it() {
    for app in TestApp::each().await {
        let ann = app.ann();
        for resource in RESOURCES {
            for field in resource.matched_by {
                let body = resource.body(&ann, "Exemple").await;
                for round in 0..ROUNDS {
                    let upsert = |writer: usize| {
                        let mut data = body.clone();
                        data[resource.title] = json!(format!("Exemple {writer}"));
                        data[*field] = json!(key(field));
                        let operation = json!({"op": "upsert", "match": field, "data": data});
                        json!({"operations": [operation]})
                    };
                    let batch = format!("{}/batch", resource.path());
                    let answers = join_all((0..WRITERS).map(|writer| ann.post(&batch, upsert(writer)))).await;
                    let results: Vec<Value> =
                        answers.iter().map(|answer| answer.json()["results"][0].clone()).collect();
                    let statuses = results.iter().map(|result| result["status"].as_u64().unwrap_or_default()).collect();
                    let what = format!("{} by {field}, round {round}: {results:?}", resource.name);
                    one_makes_it(statuses, &what);
                    let ids = results.iter().map(|result| &result["record"]["id"]);
                    assert!(ids.clone().all(|id| id == &results[0]["record"]["id"]), "{what}");
                    let id = results[0]["record"]["id"].as_str().expect("a record has an id");
                    removed(&ann, &format!("{}/{id}", resource.path())).await;
                }
            }
        }
    }
}

#[actix_web::test]
async fn of_many_who_put_one_link_one_makes_it_and_all_others_replace_it() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let (organisation, person) = (made(&ann, "organisations").await, made(&ann, "people").await);
        let path = format!("/api/v1/organisations/{organisation}/people/{person}");
        for round in 0..ROUNDS {
            let body = |writer: usize| json!({"job_title": format!("Exemple {writer}")});
            let answers = join_all((0..WRITERS).map(|writer| ann.put(&path, body(writer)))).await;
            one_makes_it(statuses(&answers), &format!("round {round}: {answers:?}"));
            removed(&ann, &path).await;
        }
    }
}

#[actix_web::test]
async fn of_many_who_put_the_primary_person_of_an_organisation_each_is_done_and_one_stays() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let organisation = made(&ann, "organisations").await;
        let people = format!("/api/v1/organisations/{organisation}/people");
        let mut paths = Vec::new();
        for _ in 0..WRITERS {
            paths.push(format!("{people}/{}", made(&ann, "people").await));
        }
        for round in 0..ROUNDS {
            let primary = || json!({"is_primary": true});
            let answers = join_all(paths.iter().map(|path| ann.put(path, primary()))).await;
            let expected = if round == 0 { 201 } else { 200 };
            assert!(answers.iter().all(|answer| answer.status == expected), "round {round}: {answers:?}");
            let links = ann.get(&people).await.expect(200).json();
            let links = links["items"].as_array().expect("a list").iter();
            assert_eq!(links.filter(|link| link["is_primary"] == json!(true)).count(), 1, "round {round}");
        }
    }
}

#[actix_web::test]
async fn of_many_who_attach_one_product_one_does_it_and_all_others_find_it_done() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let (organisation, product) = (made(&ann, "organisations").await, made(&ann, "products").await);
        let body = json!({"organisation_id": organisation, "status": "active"});
        let mandate = ann.post("/api/v1/mandates", body).await.expect(201).header("location").to_owned();
        let path = format!("{mandate}/products/{product}");
        for round in 0..ROUNDS {
            let answers = join_all((0..WRITERS).map(|_| ann.raw("PUT", &path, &[], Vec::new()))).await;
            one_makes_it(statuses(&answers), &format!("round {round}: {answers:?}"));
            removed(&ann, &path).await;
        }
    }
}
