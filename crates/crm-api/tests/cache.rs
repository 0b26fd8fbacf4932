//! The cache as a client sees it: what is a hit, what is not, and what nobody may be told.

#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

use actix_web::test::TestRequest;
use crm_domain::access::BuiltInRole;
use crm_testkit::{Client, TestApp};
use serde_json::{Value, json};

const LIST: &str = "/api/v1/organisations?limit=5";

async fn make(client: &Client, name: &str) -> Value {
    client.post("/api/v1/organisations", json!({"name": name})).await.expect(201).json()
}

fn path(record: &Value) -> String {
    format!("/api/v1/organisations/{}", record["id"].as_str().unwrap())
}

#[actix_rt::test]
async fn a_second_read_is_a_hit_with_the_same_bytes_until_something_is_written() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let made = make(&ann, "First").await;
        for path in [
            LIST.to_owned(),
            path(&made),
            format!("{}?expand=owner", path(&made)),
            "/api/v1/organisations/stats".to_owned(),
            "/api/v1/search?q=First".to_owned(),
            "/api/v1/figures/pipeline".to_owned(),
            format!("{}/timeline", path(&made)),
            format!("{}/history", path(&made)),
        ] {
            app.app.catch_up().await.unwrap();
            let first = ann.get(&path).await.expect(200);
            assert_eq!(first.header("x-cache"), "miss", "{path}");
            let second = ann.get(&path).await.expect(200);
            assert_eq!((second.header("x-cache"), &second.body), ("hit", &first.body), "{path}");
            for header in ["etag", "link", "content-type", "cache-control"] {
                assert_eq!(second.header(header), first.header(header), "{path} {header}");
            }
        }
        ann.patch(&path(&made), 1, json!({"name": "Second"})).await.expect(200);
        for path in
            [LIST.to_owned(), path(&made), "/api/v1/search?q=Second".to_owned(), format!("{}/history", path(&made))]
        {
            let answer = ann.get(&path).await.expect(200);
            assert_eq!(answer.header("x-cache"), "miss", "{path}");
            assert!(answer.text().contains("Second"), "{path}: {}", answer.text());
        }
    }
}

#[actix_rt::test]
async fn a_record_stays_while_others_are_written() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let (one, other) = (make(&ann, "One").await, make(&ann, "Other").await);
        ann.get(&path(&one)).await.expect(200);
        ann.patch(&path(&other), 1, json!({"name": "Changed"})).await.expect(200);
        make(&ann, "Third").await;
        assert_eq!(ann.get(&path(&one)).await.expect(200).header("x-cache"), "hit");
    }
}

#[actix_rt::test]
async fn who_knows_the_version_is_told_so_from_the_cache() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let made = path(&make(&ann, "First").await);
        let ask = |tag: &'static str| {
            let (ann, made) = (ann.clone(), made.clone());
            async move { ann.send(TestRequest::get().uri(&made).insert_header(("If-None-Match", tag))).await }
        };
        let first = ask("\"1\"").await.expect(304);
        assert_eq!((first.header("x-cache"), first.header("etag"), first.body.len()), ("miss", "\"1\"", 0));
        let second = ask("W/\"1\"").await.expect(304);
        assert_eq!((second.header("x-cache"), second.header("etag"), second.body.len()), ("hit", "\"1\"", 0));
        assert_eq!(ask("\"2\"").await.expect(200).header("x-cache"), "hit");
    }
}

#[actix_rt::test]
async fn whoever_wants_no_cache_and_whose_role_has_none_reads_the_database() {
    for test in crm_testkit::databases() {
        let log = slog::Logger::root(slog::Discard, slog::o!());
        let app = TestApp::spawn_with(test, log, |app, _| {
            app.uncached_roles = vec![crm_domain::access::BuiltInRole::Manager];
        })
        .await;
        let (ann, max) = (app.ann(), app.client("max"));
        ann.get(LIST).await.expect(200);
        let request = TestRequest::get().uri(LIST).insert_header(("Cache-Control", "max-age=0, No-Cache"));
        assert_eq!(ann.send(request).await.expect(200).header("x-cache"), "bypass");
        assert_eq!(ann.get(LIST).await.expect(200).header("x-cache"), "hit");
        max.get(LIST).await.expect(200);
        assert_eq!(max.get(LIST).await.expect(200).header("x-cache"), "bypass");
    }
}

#[actix_rt::test]
async fn two_managers_share_an_answer_and_nobody_with_a_narrower_scope_does() {
    for app in TestApp::each().await {
        let (ann, max, uma, otto) = (app.ann(), app.client("max"), app.client("uma"), app.client("otto"));
        make(&ann, "Hidden from the teams").await;
        make(&uma, "North").await;
        for client in [&ann, &max, &uma, &otto] {
            assert_eq!(client.get(LIST).await.expect(200).header("x-cache"), "miss");
        }
        assert!(otto.get(LIST).await.text().contains("\"items\":[]"));
        assert!(uma.get(LIST).await.text().contains("North") && !uma.get(LIST).await.text().contains("Hidden"));
        assert!(max.get(LIST).await.text().contains("Hidden"));
        let paths = [
            "search?q=hidden",
            "organisations/stats",
            "organisations?q=hidden",
            "figures/pipeline",
            "organisations?total=exact&limit=1",
        ];
        for path in paths.map(|path| format!("/api/v1/{path}")) {
            let mut answers = Vec::new();
            for client in [&ann, &uma, &otto] {
                let answer = client.get(&path).await.expect(200);
                assert_eq!(answer.header("x-cache"), "miss", "{path}");
                answers.push(answer.text());
            }
            assert!(answers[0] != answers[2], "{path} tells both the same: {}", answers[0]);
        }
    }
}

#[actix_rt::test]
async fn a_word_for_the_caller_is_never_answered_with_what_another_was_told() {
    for app in TestApp::each().await {
        let (max, ann) = (app.client("max"), app.ann());
        let body = json!({"email": "mia@example.com", "name": "Mia", "role_id": BuiltInRole::Manager.id()});
        let made = ann.post("/api/v1/users", body).await.expect(201).json();
        let mia = app.sign_in(made["id"].as_str().unwrap().parse().unwrap());
        make(&max, "Of Max").await;
        let mine = "/api/v1/organisations?owner_id=me";
        for _ in 0..2 {
            assert!(max.get(mine).await.expect(200).text().contains("Of Max"));
            assert!(!mia.get(mine).await.expect(200).text().contains("Of Max"));
        }
        // What does not speak of the caller is theirs together, although one has a team and the other none: not even then.
        max.get(LIST).await.expect(200);
        assert_eq!(mia.get(LIST).await.expect(200).header("x-cache"), "miss");
    }
}

#[actix_rt::test]
async fn the_end_of_a_session_and_a_change_of_role_act_on_the_next_request() {
    for app in TestApp::each().await {
        let (ann, uma, otto) = (app.ann(), app.client("uma"), app.client("otto"));
        for client in [&uma, &otto] {
            client.get("/api/v1/auth/me").await.expect(200);
            client.get(LIST).await.expect(200);
            client.get(LIST).await.expect(200);
        }
        uma.post("/api/v1/auth/logout", json!({})).await.expect(204);
        uma.get(LIST).await.expect(401);
        let user = format!("/api/v1/users/{}", TestApp::user_id("otto"));
        let version = ann.get(&user).await.expect(200).json()["version"].as_i64().unwrap();
        ann.patch(&user, version, json!({"name": "Otto the Second"})).await.expect(200);
        assert!(otto.get("/api/v1/auth/me").await.expect(200).text().contains("Otto the Second"));
        ann.patch(&user, version + 1, json!({"is_active": false})).await.expect(200);
        otto.get(LIST).await.expect(401);
    }
}

#[actix_rt::test]
async fn administrators_see_what_the_cache_does_and_empty_it() {
    for app in TestApp::each().await {
        let (ann, max) = (app.ann(), app.client("max"));
        let monitoring = "/api/v1/monitoring/cache";
        max.get(monitoring).await.expect(403);
        max.raw("DELETE", monitoring, &[], Vec::new()).await.expect(403);
        ann.get(LIST).await.expect(200);
        ann.get(LIST).await.expect(200);
        let report = ann.get(monitoring).await.expect(200).json();
        assert_eq!((&report["health"], &report["redis"]), (&json!("up"), &Value::Null));
        assert_eq!(report["resources"]["organisations"]["memory_hits"], 1, "{report}");
        assert_eq!(report["resources"]["organisations"]["misses"], 1, "{report}");
        let removed =
            ann.raw("DELETE", &format!("{monitoring}?pattern=organisations:*"), &[], Vec::new()).await.expect(200);
        assert_eq!(removed.json(), json!({"removed": 1}));
        assert_eq!(ann.get(LIST).await.expect(200).header("x-cache"), "miss");
    }
}
