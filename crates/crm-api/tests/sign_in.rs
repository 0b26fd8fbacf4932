//! Signing in over HTTP: limits, second factors, new passwords by a link, and where a request comes from.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

use std::{fs, num::NonZeroU32};

use actix_web::test::TestRequest;
use chrono::TimeDelta;
use crm_api::{ApiSettings, Rate, RateSettings};
use crm_app::{AppSettings, MailSettings};
use crm_domain::{
    User,
    access::{Actor, BuiltInRole, Manage, policy},
};
use crm_testkit::{Answer, Client, TestApp};
use serde_json::{Value, json};
use slog::{Discard, Logger, o};
use totp_rs::{Algorithm, Builder, Secret};

const LOGIN: &str = "/api/v1/auth/login";
const RESET: &str = "/api/v1/auth/password-reset";
const TOTP: &str = "/api/v1/auth/totp";
const PASSWORD: &str = "tamarin violet sous la pluie";
const NEW: &str = "seven brass kettles at dawn";

/// One application for each database, with other settings than the defaults.
async fn each(adjust: impl Fn(&mut AppSettings, &mut ApiSettings)) -> Vec<TestApp> {
    let mut apps = Vec::new();
    for test in crm_testkit::databases() {
        apps.push(TestApp::spawn_with(test, Logger::root(Discard, o!()), &adjust).await);
    }
    apps
}

/// Gives a named user the password of these tests.
async fn with_password(app: &TestApp, name: &str) {
    let grant = policy::authorise::<Manage, User>(&Actor::system("test")).unwrap();
    app.app.users().set_password(grant, TestApp::user_id(name), PASSWORD.into()).await.unwrap();
}

/// A sign-in from an address, with what else its head says.
async fn login(app: &TestApp, peer: &str, headers: &[(&str, &str)], body: Value) -> Answer {
    let mut request = TestRequest::post().uri(LOGIN).peer_addr(format!("{peer}:4711").parse().unwrap());
    for header in headers {
        request = request.insert_header(*header);
    }
    app.anonymous().send(request.set_json(body)).await
}

fn uma(password: &str) -> Value {
    json!({"email": "uma@example.com", "password": password})
}

/// What an authenticator shows now.
fn code(secret: &Value) -> String {
    #[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "the application has the machine's clock")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let secret = Secret::try_from_base32(secret.as_str().unwrap()).unwrap();
    let builder =
        Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(30).with_secret(secret);
    builder.with_account_name("uma").build().unwrap().generate(now).to_string()
}

/// Sets a second factor up; its recovery codes.
async fn enrol(client: &Client) -> Vec<String> {
    let begun = client.post(TOTP, json!({})).await.expect(200).json();
    assert!(begun["otpauth_uri"].as_str().unwrap().starts_with("otpauth://totp/CRM:"), "{begun}");
    let shown = json!({"code": code(&begun["secret"])});
    let confirmed = client.post("/api/v1/auth/totp/confirm", shown).await.expect(200).json();
    confirmed["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn too_many_failed_sign_ins_are_told_when_to_come_back() {
    for app in TestApp::each().await {
        with_password(&app, "uma").await;
        let session = login(&app, "198.51.100.7", &[], uma(PASSWORD)).await.expect(200).json();
        for _ in 0..5 {
            let refused = login(&app, "192.0.2.1", &[], uma("wrong")).await.expect(401).json();
            assert_eq!(refused["code"], "invalid_credentials");
        }
        let refused = login(&app, "192.0.2.1", &[], uma(PASSWORD)).await.expect(429);
        assert_eq!(refused.json()["code"], "too_many_attempts");
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((10..=15).contains(&wait), "{wait}");
        // The session elsewhere goes on, and there one can still sign in.
        let client = app.with_token(session["access_token"].as_str().unwrap());
        client.get("/api/v1/auth/me").await.expect(200);
        login(&app, "198.51.100.7", &[], uma(PASSWORD)).await.expect(200);
    }
}

#[actix_web::test]
async fn only_trusted_proxies_say_where_a_request_comes_from() {
    for app in each(|_, api| api.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()]).await {
        with_password(&app, "uma").await;
        let address = async |peer: &str, headers: &[(&str, &str)]| {
            let session = login(&app, peer, headers, uma(PASSWORD)).await.expect(200).json();
            let client = app.with_token(session["access_token"].as_str().unwrap());
            let sessions = client.get("/api/v1/auth/sessions").await.expect(200).json();
            let current = sessions["items"].as_array().unwrap().iter().find(|one| one["is_current"] == true).cloned();
            current.unwrap()["address"].clone()
        };
        let named = [("X-Forwarded-For", "203.0.113.9, 198.51.100.7")];
        assert_eq!(address("192.0.2.1", &named).await, "192.0.2.1");
        assert_eq!(address("10.0.0.1", &named).await, "198.51.100.7");
        assert_eq!(address("10.0.0.1", &[("Forwarded", "for=198.51.100.8")]).await, "198.51.100.8");
        assert_eq!(address("10.0.0.1", &[]).await, "10.0.0.1");
        // Whoever invents another address for each guess is counted all the same.
        for number in 0..50 {
            let invented = format!("203.0.113.{number}");
            let body = json!({"email": format!("u{number}@example.com"), "password": "wrong"});
            login(&app, "192.0.2.77", &[("X-Forwarded-For", &invented)], body).await.expect(401);
        }
        login(&app, "192.0.2.77", &[("X-Forwarded-For", "203.0.113.250")], uma("wrong")).await.expect(429);
    }
}

#[actix_web::test]
async fn each_caller_has_a_rate_of_requests_and_strangers_have_one_for_each_network() {
    let rate = |burst| {
        let number = |number| NonZeroU32::new(number).unwrap();
        Some(Rate { per_second: number(1), burst: number(burst) })
    };
    let rates = RateSettings { callers: rate(30), strangers: rate(10) };
    for app in each(|_, api| api.rates = rates).await {
        let (uma, max) = (app.client("uma"), app.client("max"));
        let mut last = None;
        for _ in 0..60 {
            last = Some(uma.get("/api/v1/auth/me").await);
        }
        let refused = last.unwrap().expect(429);
        assert_eq!(refused.json()["code"], "rate_limited");
        assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
        max.get("/api/v1/auth/me").await.expect(200);
        // Tokens that nobody has, health and paths that are not there: all of one stranger's bucket.
        let ask = async |peer: &str, path: &str| {
            let request = TestRequest::get().uri(path).peer_addr(format!("{peer}:1").parse().unwrap());
            app.with_token("crm_at_nobodynobodynobodynobodynobodynobodynobodyn").send(request).await.status
        };
        let mut statuses = Vec::new();
        for _ in 0..10 {
            for path in ["/api/v1/auth/me", "/health/live", "/nowhere"] {
                statuses.push(ask("[2001:db8::1]", path).await);
            }
        }
        assert_eq!(statuses[..3], [401, 200, 404]);
        assert_eq!(statuses[27..], [429, 429, 429]);
        assert_eq!(ask("[2001:db8::2]", "/health/live").await, 429);
        assert_eq!(ask("192.0.2.1", "/health/live").await, 200);
        // A good token from there is not a stranger's.
        let request = TestRequest::get().uri("/api/v1/auth/me").peer_addr("[2001:db8::1]:1".parse().unwrap());
        max.send(request).await.expect(200);
    }
}

#[actix_web::test]
async fn a_link_for_a_new_password_is_promised_to_anybody_and_sent_to_who_has_the_address() {
    let folder = tempfile::tempdir().unwrap();
    for app in each(|app, _| app.mail = MailSettings::files(folder.path())).await {
        with_password(&app, "uma").await;
        let nobody = app.anonymous();
        let mut answers = Vec::new();
        for email in ["nobody@example.com", "uma@example.com", "no address"] {
            // The host is nobody's to choose.
            let request = TestRequest::post().uri(RESET).insert_header(("Host", "evil.example"));
            let request = request.insert_header(("X-Request-Id", "one"));
            let answer = nobody.send(request.set_json(json!({"email": email}))).await.expect(202);
            answers.push(format!("{:?} {:?}", answer.headers, answer.body));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        app.app.send_mail().await;
        let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
        let [file] = &files[..] else { panic!("one letter: {files:?}") };
        let letter = fs::read_to_string(file).unwrap();
        fs::remove_file(file).unwrap();
        let token = letter.lines().find_map(|line| line.strip_prefix("http://localhost:8080/password-reset#")).unwrap();
        let confirm = async |token: &str| nobody_confirms(&app, token).await;
        assert_eq!(
            confirm("crm_pr_0000000000000000000000000000000000000000000").await,
            (401, json!("invalid_credentials"))
        );
        assert_eq!(confirm(token).await, (204, Value::Null));
        assert_eq!(confirm(token).await, (401, json!("invalid_credentials")));
        app.client("uma").get("/api/v1/auth/me").await.expect(401);
        login(&app, "192.0.2.1", &[], uma(NEW)).await.expect(200);
    }
}

async fn nobody_confirms(app: &TestApp, token: &str) -> (u16, Value) {
    let body = json!({"token": token, "new_password": NEW});
    let answer = app.anonymous().post("/api/v1/auth/password-reset/confirm", body).await;
    (answer.status, answer.json()["code"].clone())
}

#[actix_web::test]
async fn a_server_without_mail_promises_nothing() {
    for app in TestApp::each().await {
        let refused = app.anonymous().post(RESET, json!({"email": "uma@example.com"})).await.expect(503);
        assert_eq!(refused.json()["code"], "no_mail");
    }
}

#[actix_web::test]
async fn with_a_second_factor_a_sign_in_asks_for_a_code() {
    for app in TestApp::each().await {
        with_password(&app, "uma").await;
        let session = login(&app, "192.0.2.1", &[], uma(PASSWORD)).await.expect(200).json();
        let client = app.with_token(session["access_token"].as_str().unwrap());
        let codes = enrol(&client).await;
        let me = client.get("/api/v1/auth/me").await.expect(200).json();
        let expected = json!({"is_required": false, "is_enrolled": true, "recovery_codes_left": 10});
        assert_eq!(me["second_factor"], expected);
        let asked = login(&app, "192.0.2.1", &[], uma(PASSWORD)).await.expect(401);
        assert_eq!(asked.json()["code"], "second_factor_required");
        let mut with_code = uma(PASSWORD);
        with_code["code"] = json!("000000");
        let refused = login(&app, "192.0.2.1", &[], with_code.clone()).await.expect(401);
        assert_eq!(refused.json()["code"], "invalid_credentials");
        with_code["code"] = json!(codes[0]);
        login(&app, "192.0.2.1", &[], with_code).await.expect(200);
        assert_eq!(client.post(TOTP, json!({})).await.expect(409).json()["code"], "second_factor_exists");
        let remove = async |password: &str| {
            client.send(TestRequest::delete().uri(TOTP).set_json(json!({"password": password}))).await.status
        };
        assert_eq!([remove("wrong").await, remove(PASSWORD).await], [401, 204]);
        login(&app, "192.0.2.1", &[], uma(PASSWORD)).await.expect(200);
        let unbegun = client.post("/api/v1/auth/totp/confirm", json!({"code": "000000"})).await.expect(409);
        assert_eq!(unbegun.json()["code"], "not_begun");
    }
}

#[actix_web::test]
async fn who_must_have_a_second_factor_can_set_it_up_and_sign_out_and_nothing_else() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let rules = json!([{"resource": "organisations", "action": "read", "reach": "all"}]);
        let role = json!({"name": "Careful", "rules": rules, "requires_second_factor": true});
        let role = ann.post("/api/v1/roles", role).await.expect(201).json();
        assert_eq!(role["requires_second_factor"], true);
        let uma = app.client("uma");
        let own = json!([{"resource": "organisations", "action": "read", "reach": "team"}]);
        let key = json!({"name": "key", "expires_at": app.app.now().plus(TimeDelta::days(1)), "rules": own});
        let key = uma.post("/api/v1/auth/api-keys", key).await;
        let path = format!("/api/v1/users/{}", TestApp::user_id("uma"));
        let version = ann.get(&path).await.expect(200).json()["version"].as_i64().unwrap();
        ann.patch(&path, version, json!({"role_id": role["id"]})).await.expect(200);
        let refused = uma.get("/api/v1/organisations").await.expect(403);
        assert_eq!(refused.json()["code"], "second_factor_enrolment_required");
        for path in ["/api/v1/auth/sessions", "/api/v1/search?q=abc", "/api/v1/changes", "/api/v1/access/explain"] {
            assert_eq!(uma.get(path).await.expect(403).json()["code"], "second_factor_enrolment_required", "{path}");
        }
        // A key is no way around it.
        let key = app.with_token(key.expect(201).json()["secret"].as_str().unwrap());
        key.get("/api/v1/organisations").await.expect(403);
        key.post(TOTP, json!({})).await.expect(403);
        let me = uma.get("/api/v1/auth/me").await.expect(200).json();
        let expected = json!({"is_required": true, "is_enrolled": false, "recovery_codes_left": 0});
        assert_eq!(me["second_factor"], expected);
        enrol(&uma).await;
        uma.get("/api/v1/organisations").await.expect(200);
        key.get("/api/v1/organisations").await.expect(200);
        uma.post("/api/v1/auth/logout", json!({})).await.expect(204);
    }
}

#[actix_web::test]
async fn the_settings_say_which_built_in_roles_must_have_a_second_factor() {
    for app in each(|app, _| app.second_factor_roles = vec![BuiltInRole::Manager]).await {
        app.client("max").get("/api/v1/organisations").await.expect(403);
        app.client("max").post("/api/v1/auth/logout", json!({})).await.expect(204);
        app.client("uma").get("/api/v1/organisations").await.expect(200);
        let roles = app.ann().get("/api/v1/roles?limit=50").await.expect(200).json();
        let asking = roles["items"].as_array().unwrap().iter().filter(|role| role["requires_second_factor"] == true);
        let names: Vec<_> = asking.map(|role| role["name"].clone()).collect();
        assert_eq!(names, ["manager"]);
    }
}
