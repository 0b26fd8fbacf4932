//! `/webhooks`: who may manage them, which addresses are taken, what is told and what is not.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crm_testkit::{TestApp, USERS};
use serde_json::{Value, json};

const WEBHOOKS: &str = "/api/v1/webhooks";

fn body() -> Value {
    json!({"name": "ledger", "url": "https://hooks.example.com/crm", "events": ["organisation.*", "task.assigned"]})
}

async fn made(app: &TestApp) -> (String, Value) {
    let answer = app.ann().post(WEBHOOKS, body()).await.expect(201);
    let webhook = answer.json();
    let path = format!("{WEBHOOKS}/{}", webhook["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), path);
    (path, webhook)
}

#[actix_web::test]
async fn only_those_who_manage_the_service_get_to_webhooks() {
    for app in TestApp::each().await {
        let (path, _) = made(&app).await;
        for (name, role, _) in USERS {
            if role == crm_domain::access::BuiltInRole::Admin {
                continue;
            }
            let client = app.client(name);
            client.get(WEBHOOKS).await.expect(403);
            client.post(WEBHOOKS, body()).await.expect(403);
            client.get(&path).await.expect(403);
            client.get(&format!("{path}/deliveries")).await.expect(403);
            for action in ["rotate-secret", "ping"] {
                client.post(&format!("{path}/{action}"), json!({})).await.expect(403);
            }
            let delivery = format!("{path}/deliveries/01938a3c-5f00-7000-8000-00000000dead/replay");
            client.post(&delivery, json!({})).await.expect(403);
            let headers = [("If-Match", "*"), ("Content-Type", "application/json")];
            client.raw("PATCH", &path, &headers, b"{}".to_vec()).await.expect(403);
            client.raw("DELETE", &path, &headers[..1], Vec::new()).await.expect(403);
        }
    }
}

#[actix_web::test]
async fn a_secret_is_told_when_it_is_made_and_never_again() {
    for app in TestApp::each().await {
        let (path, webhook) = made(&app).await;
        let secret = webhook["secret"].as_str().unwrap().to_owned();
        assert!(secret.starts_with("whsec_") && secret.len() == "whsec_".len() + 44, "32 bytes in base64");
        let rotated = app.ann().post(&format!("{path}/rotate-secret"), json!({})).await.expect(200).json();
        let other = rotated["secret"].as_str().unwrap().to_owned();
        assert_ne!(secret, other);
        assert_eq!(rotated["version"], 2);
        for read in [WEBHOOKS, &path, &format!("{path}/deliveries")] {
            let text = app.ann().get(read).await.expect(200).text();
            assert!(!text.contains(&secret) && !text.contains(&other) && !text.contains("secret"), "{text}");
        }
        let changes = app.ann().get("/api/v1/changes?after=0").await.expect(200).text();
        assert!(!changes.contains(&secret) && !changes.contains(&other));
    }
}

#[actix_web::test]
async fn an_api_key_makes_and_changes_none() {
    for app in TestApp::each().await {
        let (path, _) = made(&app).await;
        let key = json!({"name": "k", "expires_at": app.app.now().plus(chrono::TimeDelta::days(1)),
            "rules": [{"resource": "settings", "action": "manage", "reach": "all"}]});
        let key = app.ann().post("/api/v1/auth/api-keys", key).await.expect(201).json();
        let client = app.with_token(key["secret"].as_str().unwrap());
        client.get(&path).await.expect(200);
        client.post(WEBHOOKS, body()).await.expect(403);
        client.post(&format!("{path}/rotate-secret"), json!({})).await.expect(403);
        let headers = [("If-Match", "*"), ("Content-Type", "application/json")];
        let elsewhere = json!({"url": "https://elsewhere.example.com/"}).to_string().into_bytes();
        client.raw("PATCH", &path, &headers, elsewhere).await.expect(403);
    }
}

#[actix_web::test]
async fn addresses_that_can_never_be_reached_and_events_that_are_none_are_refused() {
    for app in TestApp::each().await {
        for url in [
            "http://hooks.example.com/",
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest/meta-data/",
            "https://ann:secret@hooks.example.com/",
            "https://hooks.example.com:22/",
            "ftp://hooks.example.com/",
            "hooks.example.com",
        ] {
            let mut body = body();
            body["url"] = json!(url);
            let problem = app.ann().post(WEBHOOKS, body).await.expect(422).json();
            assert_eq!(problem["errors"][0]["pointer"], "/url", "{url}");
        }
        for (field, value) in [
            ("events", json!([])),
            ("events", json!(["planet.created"])),
            ("events", json!("*")),
            ("name", json!("")),
            ("name", json!(null)),
            ("colour", json!("red")),
        ] {
            let mut body = body();
            body[field] = value;
            let problem = app.ann().post(WEBHOOKS, body).await.expect(422).json();
            assert_eq!(problem["errors"][0]["pointer"], format!("/{field}"));
        }
    }
}

#[actix_web::test]
async fn a_webhook_is_listed_changed_at_its_version_switched_off_and_removed() {
    for app in TestApp::each().await {
        let (path, webhook) = made(&app).await;
        let ann = app.ann();
        let listed = ann.get(&format!("{WEBHOOKS}?limit=1")).await.expect(200).json();
        assert_eq!(listed["items"][0]["id"], webhook["id"]);
        let changed = ann.patch(&path, 1, json!({"is_enabled": false})).await.expect(200).json();
        assert_eq!((&changed["is_enabled"], &changed["disabled_reason"]), (&json!(false), &json!("asked")));
        ann.patch(&path, 1, json!({"name": "other"})).await.expect(412);
        assert_eq!(ann.post(&format!("{path}/ping"), json!({})).await.expect(409).json()["code"], "webhook_disabled");
        let changed = ann.patch(&path, 2, json!({"is_enabled": true, "events": ["*"]})).await.expect(200).json();
        assert_eq!((&changed["disabled_at"], &changed["events"]), (&Value::Null, &json!(["*"])));
        let pinged = ann.post(&format!("{path}/ping"), json!({})).await.expect(202).json();
        assert_eq!((&pinged["event"], &pinged["state"]), (&json!("ping"), &json!("waiting")));
        let deliveries = ann.get(&format!("{path}/deliveries")).await.expect(200).json();
        assert_eq!(deliveries["items"][0]["id"], pinged["id"]);
        let replay = format!("{path}/deliveries/{}/replay", pinged["id"].as_str().unwrap());
        ann.post(&replay, json!({})).await.expect(202);
        ann.raw("DELETE", &path, &[("If-Match", "\"3\"")], Vec::new()).await.expect(204);
        ann.get(&path).await.expect(404);
        ann.post(&replay, json!({})).await.expect(404);
    }
}
