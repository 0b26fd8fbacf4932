//! Users, teams, roles, sessions and API keys over HTTP: who may be given what, and how soon it acts.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use actix_web::test::TestRequest;
use crm_domain::{UserId, access::BuiltInRole};
use crm_testkit::{Answer, Client, TestApp};
use futures_util::future::join;
use serde_json::{Value, json};

const USERS: &str = "/api/v1/users";
const TEAMS: &str = "/api/v1/teams";
const ROLES: &str = "/api/v1/roles";
const KEYS: &str = "/api/v1/auth/api-keys";
const SESSIONS: &str = "/api/v1/auth/sessions";
const ME: &str = "/api/v1/auth/me";
const PASSWORD: &str = "tamarin violet sous la pluie";

fn rule(resource: &str, action: &str, reach: &str) -> Value {
    json!({"resource": resource, "action": action, "reach": reach})
}

async fn role(app: &TestApp, name: &str, rules: &[Value]) -> Value {
    app.ann().post(ROLES, json!({"name": name, "rules": rules})).await.expect(201).json()
}

/// A user with a password, as the administrator makes one.
async fn user(app: &TestApp, name: &str, role: &Value, team: Option<&str>) -> Value {
    user_by(&app.ann(), name, role, team).await
}

async fn user_by(admin: &Client, name: &str, role: &Value, team: Option<&str>) -> Value {
    let team = team.map(TestApp::team_id);
    let email = format!("{name}@example.com");
    let body = json!({"email": email, "name": name, "role_id": role, "team_id": team, "password": PASSWORD});
    admin.post(USERS, body).await.expect(201).json()
}

fn signed_in(app: &TestApp, user: &Value) -> Client {
    app.sign_in(UserId::parse(user["id"].as_str().unwrap()).unwrap())
}

fn place(collection: &str, record: &Value) -> String {
    format!("{collection}/{}", record["id"].as_str().unwrap())
}

async fn login(app: &TestApp, name: &str, password: &str) -> Answer {
    let body = json!({"email": format!("{name}@example.com"), "password": password});
    app.anonymous().post("/api/v1/auth/login", body).await
}

async fn refresh(app: &TestApp, token: &Value) -> Answer {
    app.anonymous().post("/api/v1/auth/refresh", json!({"refresh_token": token})).await
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

fn error(answer: &Answer) -> (u16, String, String) {
    let first = &answer.json()["errors"][0];
    let text = |name: &str| first[name].as_str().unwrap_or_default().to_owned();
    (answer.status, text("pointer"), text("code"))
}

#[actix_web::test]
async fn users_teams_and_roles_live_like_every_other_record() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let reader = json!(BuiltInRole::ReadOnly.id());
        let bodies = [
            (
                USERS,
                json!({"email": "zoé.Exemple@example.com", "name": "Zoé", "role_id": reader}),
                json!({"name": "Zoë"}),
            ),
            (TEAMS, json!({"name": "Élan", "manager_id": TestApp::user_id("max")}), json!({"manager_id": null})),
            (ROLES, json!({"name": "Clerc", "rules": [rule("people", "read", "own")]}), json!({"rules": null})),
        ];
        for (list, body, change) in bodies {
            if list == USERS {
                ann.post(list, body.clone()).await.expect(422);
            }
            let body = if list == USERS {
                json!({"email": "zoe.Exemple@EXAMPLE.com", "name": "Zoé", "role_id": reader})
            } else {
                body
            };
            let send = async || {
                let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "one")];
                ann.raw("POST", list, &headers, body.to_string().into_bytes()).await
            };
            let made = send().await.expect(201);
            let again = send().await.expect(201);
            assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", made.json()));
            let path = made.header("location").to_owned();
            let known = [("If-None-Match", "\"1\"")];
            assert_eq!(ann.raw("GET", &path, &known, Vec::new()).await.status, 304);
            assert_eq!(
                told(&ann.raw("PATCH", &path, &[("Content-Type", "application/json")], b"{}".to_vec()).await).1,
                "version_required"
            );
            let stale = ann.patch(&path, 7, change.clone()).await.expect(412).json();
            assert_eq!(stale["current"], made.json());
            let changed = ann.patch(&path, 1, change.clone()).await.expect(200);
            assert_eq!(changed.header("etag"), "\"2\"");
            assert_eq!(
                ann.patch(&path, 2, change).await.expect(200).header("etag"),
                "\"2\"",
                "nothing new is no change"
            );
            // The folded name finds it, and a second one of its kind is refused.
            let name = made.json()["name"].as_str().unwrap().to_owned();
            let word = if name == "Zoé" { "zo" } else { &name };
            let found = ann.get(&format!("{list}?q={}&total=exact", word.replace('É', "e"))).await.expect(200).json();
            assert_eq!((&found["total"], &found["items"][0]["id"]), (&json!(1), &made.json()["id"]), "{found}");
            assert_eq!(told(&ann.post(list, body.clone()).await), (409, "taken".to_owned()));
            ann.delete(&path, 2).await.expect(204);
            ann.get(&path).await.expect(404);
            // What is unique is free again, so that the one that was there cannot come back.
            let other = ann.post(list, body.clone()).await.expect(201);
            let restore = async || ann.raw("POST", &format!("{path}/restore"), &[], Vec::new()).await;
            assert_eq!(told(&restore().await), (409, "taken".to_owned()));
            ann.delete(other.header("location"), 1).await.expect(204);
            assert_eq!(restore().await.expect(200).header("etag"), "\"4\"");
            assert_eq!(told(&restore().await), (409, "not_deleted".to_owned()));
            let history = ann.get(&format!("{path}/history")).await.expect(200).json();
            let actions: Vec<_> =
                history["items"].as_array().unwrap().iter().map(|one| one["action"].clone()).collect();
            assert_eq!(actions, ["restored", "deleted", "updated", "created"]);
            let event = history["items"][3]["event"].as_str().unwrap().to_owned();
            assert!(["user.created", "team.created", "role.created"].contains(&event.as_str()), "{event}");
            let pages = ann.get(&format!("{list}?limit=1&sort=name,-created_at")).await.expect(200);
            assert!(pages.header("link").contains("cursor="));
        }
    }
}

#[actix_web::test]
async fn nobody_grants_what_they_do_not_hold() {
    for app in TestApp::each().await {
        let (user_role, manager_role, admin_role) =
            (json!(BuiltInRole::User.id()), json!(BuiltInRole::Manager.id()), json!(BuiltInRole::Admin.id()));
        // Somebody who manages users and roles, and may otherwise what a user of the team may.
        let mut rules: Vec<Value> = Vec::new();
        for resource in ["users", "roles", "teams"] {
            for action in ["create", "read", "update", "delete", "manage"] {
                rules.push(rule(resource, action, if resource == "users" { "team" } else { "all" }));
            }
        }
        rules.push(rule("people", "read", "team"));
        let chief = role(&app, "chief", &rules).await;
        let chief = signed_in(&app, &user(&app, "chief", &chief["id"], Some("north")).await);
        // Roles: a rule that is held, one that reaches further, and one that is not held at all.
        let held = [rule("people", "read", "team")];
        let made = chief.post(ROLES, json!({"name": "held", "rules": held})).await.expect(201).json();
        for more in [rule("people", "read", "all"), rule("people", "export", "own")] {
            let refused = chief.post(ROLES, json!({"name": "more", "rules": [more.clone()]})).await;
            assert_eq!(error(&refused), (422, "/rules/0".to_owned(), "not_held".to_owned()));
            let refused = chief.patch(&place(ROLES, &made), 1, json!({"rules": [held[0], more]})).await;
            assert!(["not_held", "repeated"].contains(&error(&refused).2.as_str()), "{}", refused.text());
        }
        // Users: with a role that is held, into one's own team, and no other.
        let new = |email: &str, role: &Value, team: &str| json!({"email": email, "name": "N", "role_id": role, "team_id": TestApp::team_id(team)});
        let mate = chief.post(USERS, new("mate@example.com", &made["id"], "north")).await.expect(201).json();
        for role in [&user_role, &manager_role, &admin_role] {
            let refused = chief.post(USERS, new("x@example.com", role, "north")).await;
            assert_eq!(error(&refused), (422, "/role_id".to_owned(), "not_held".to_owned()));
            let refused = chief.patch(&place(USERS, &mate), 1, json!({"role_id": role})).await;
            assert_eq!(error(&refused), (422, "/role_id".to_owned(), "not_held".to_owned()));
        }
        let refused = chief.post(USERS, new("x@example.com", &made["id"], "south")).await;
        assert_eq!(error(&refused), (422, "/team_id".to_owned(), "not_held".to_owned()));
        let refused = chief.patch(&place(USERS, &mate), 1, json!({"team_id": TestApp::team_id("south")})).await;
        assert_eq!(error(&refused), (422, "/team_id".to_owned(), "not_held".to_owned()));
        // Somebody of the team who may more can be neither taken over nor removed.
        let uma = format!("{USERS}/{}", TestApp::user_id("uma"));
        for change in
            [json!({"email": "mine@example.com"}), json!({"is_active": false}), json!({"role_id": made["id"]})]
        {
            assert_eq!(told(&chief.patch(&uma, 1, change).await), (409, "holds_more".to_owned()));
        }
        assert_eq!(told(&chief.delete(&uma, 1).await), (409, "holds_more".to_owned()));
        chief.patch(&uma, 1, json!({"name": "Uma E."})).await.expect(200);
        // Who may only update users changes names, and nothing that decides about access.
        let rules = [rule("users", "update", "all"), rule("users", "read", "all")];
        let scribe = role(&app, "scribe", &rules).await;
        let scribe = signed_in(&app, &user(&app, "scribe", &scribe["id"], Some("north")).await);
        scribe.patch(&place(USERS, &mate), 1, json!({"name": "Mate"})).await.expect(200);
        for change in [json!({"email": "mine@example.com"}), json!({"team_id": null}), json!({"is_active": false})] {
            assert_eq!(told(&scribe.patch(&place(USERS, &mate), 2, change).await), (403, "forbidden".to_owned()));
        }
        let refused = app
            .ann()
            .post(
                USERS,
                json!({"email": "x@example.com", "name": "N", "role_id": "01938a3c-5f00-7000-8000-000000000001"}),
            )
            .await;
        assert_eq!(error(&refused), (422, "/role_id".to_owned(), "not_found".to_owned()));
        let weak = json!({"email": "x@example.com", "name": "N", "role_id": user_role, "password": "passwordpassword"});
        assert_eq!(error(&app.ann().post(USERS, weak).await), (422, "/password".to_owned(), "common".to_owned()));
    }
}

#[actix_web::test]
async fn built_in_roles_are_fixed_and_what_is_in_use_stays() {
    for app in TestApp::each().await {
        let ann = app.ann();
        for built_in in [BuiltInRole::Admin, BuiltInRole::Manager, BuiltInRole::User, BuiltInRole::ReadOnly] {
            let path = format!("{ROLES}/{}", built_in.id());
            let shown = ann.get(&path).await.expect(200).json();
            assert_eq!((&shown["is_built_in"], &shown["rules"]), (&json!(true), &json!(built_in.role().rules)));
            assert_eq!(told(&ann.patch(&path, 1, json!({"name": "other"})).await), (409, "built_in".to_owned()));
            assert_eq!(told(&ann.delete(&path, 1).await), (409, "built_in".to_owned()));
        }
        assert_eq!(told(&ann.post(ROLES, json!({"name": "ADMIN"})).await), (409, "taken".to_owned()));
        let role = role(&app, "guest", &[rule("people", "read", "own")]).await;
        let guest = user(&app, "guest", &role["id"], Some("south")).await;
        assert_eq!(told(&ann.delete(&place(ROLES, &role), 1).await), (409, "in_use".to_owned()));
        let south = format!("{TEAMS}/{}", TestApp::team_id("south"));
        assert_eq!(told(&ann.delete(&south, 1).await), (409, "in_use".to_owned()));
        ann.delete(&place(USERS, &guest), 1).await.expect(204);
        ann.delete(&place(ROLES, &role), 1).await.expect(204);
        // Without their role they cannot come back.
        let refused = ann.raw("POST", &format!("{}/restore", place(USERS, &guest)), &[], Vec::new()).await;
        assert_eq!(error(&refused), (422, "/role_id".to_owned(), "not_found".to_owned()));
    }
}

#[actix_web::test]
async fn a_change_of_role_team_or_state_acts_on_the_very_next_request() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let of_south =
            json!({"name": "South", "team_id": TestApp::team_id("south"), "owner_id": TestApp::user_id("otto")});
        let record = ann.post("/api/v1/organisations", of_south).await.expect(201).header("location").to_owned();
        let uma = app.client("uma");
        let path = format!("{USERS}/{}", TestApp::user_id("uma"));
        uma.get(&record).await.expect(404);
        ann.patch(&path, 1, json!({"team_id": TestApp::team_id("south")})).await.expect(200);
        uma.get(&record).await.expect(200);
        ann.patch(&path, 2, json!({"role_id": BuiltInRole::ReadOnly.id()})).await.expect(200);
        uma.post("/api/v1/organisations", json!({"name": "Mine"})).await.expect(403);
        let custom = role(&app, "custom", &[rule("people", "read", "all")]).await;
        ann.patch(&path, 3, json!({"role_id": custom["id"]})).await.expect(200);
        uma.get(&record).await.expect(403);
        ann.patch(&place(ROLES, &custom), 1, json!({"rules": [rule("organisations", "read", "team")]}))
            .await
            .expect(200);
        uma.get(&record).await.expect(200);
        let key = json!({"name": "k", "expires_at": "2026-12-31T00:00:00Z", "rules": [rule("organisations", "read", "team")]});
        let secret = made_key(&app, &uma, &key).await;
        app.with_token(&secret).get(&record).await.expect(200);
        ann.patch(&path, 4, json!({"is_active": false})).await.expect(200);
        for client in [&uma, &app.with_token(&secret)] {
            client.get(&record).await.expect(401);
        }
        // Sessions and keys have ended: switching the account on again does not bring them back.
        ann.patch(&path, 5, json!({"is_active": true})).await.expect(200);
        for client in [&uma, &app.with_token(&secret)] {
            client.get(&record).await.expect(401);
        }
        let other = app.sign_in(TestApp::user_id("uma"));
        other.get(ME).await.expect(200);
        ann.delete(&path, 6).await.expect(204);
        other.get(ME).await.expect(401);
    }
}

/// The secret of a new key; its end is put where the clock of the machine allows it.
async fn made_key(app: &TestApp, client: &Client, draft: &Value) -> String {
    let mut draft = draft.clone();
    draft["expires_at"] = json!(app.app.now().plus(chrono::TimeDelta::days(30)));
    client.post(KEYS, draft).await.expect(201).json()["secret"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn of_two_administrators_who_demote_each_other_at_once_one_stays() {
    for app in TestApp::each().await {
        let admin = json!(BuiltInRole::Admin.id());
        let changes = [json!({"role_id": BuiltInRole::User.id()}), json!({"is_active": false})];
        for round in 0..12 {
            let ann_path = format!("{USERS}/{}", TestApp::user_id("ann"));
            let ann = app.sign_in(TestApp::user_id("ann"));
            let other = user_by(&ann, &format!("admin{round}"), &admin, None).await;
            let bob = signed_in(&app, &other);
            let patch = |client: &Client, path: String, change: Value| {
                let request = TestRequest::patch().uri(&path).insert_header(("If-Match", "*")).set_json(change);
                let client = client.clone();
                async move { client.send(request).await }
            };
            let change = changes[round % 2].clone();
            let delete = round % 3 == 2;
            let attack = async |client: &Client, path: String| {
                if delete {
                    client.raw("DELETE", &path, &[("If-Match", "*")], Vec::new()).await
                } else {
                    patch(client, path, change.clone()).await
                }
            };
            let (one, two) = join(attack(&ann, place(USERS, &other)), attack(&bob, ann_path.clone())).await;
            let won = |answer: &Answer| answer.status < 300;
            assert!(won(&one) != won(&two), "{}: {} {}", app.test.name(), one.text(), two.text());
            let lost = if won(&one) { &two } else { &one };
            // Whoever comes second was shut out before they asked, may no more, or would leave nobody.
            assert!([401, 403, 409].contains(&lost.status), "{}", lost.text());
            // Whoever is left puts things right for the next round.
            let (left, path) = if won(&one) { (ann, None) } else { (bob, Some(ann_path)) };
            if let Some(path) = path {
                if delete {
                    left.raw("POST", &format!("{path}/restore"), &[], Vec::new()).await.expect(200);
                }
                patch(&left, path, json!({"role_id": admin, "is_active": true})).await.expect(200);
                let ann = app.sign_in(TestApp::user_id("ann"));
                ann.raw("DELETE", &place(USERS, &other), &[("If-Match", "*")], Vec::new()).await.expect(204);
            }
        }
        let ann = app.sign_in(TestApp::user_id("ann"));
        let path = format!("{USERS}/{}", TestApp::user_id("ann"));
        for change in [json!({"role_id": BuiltInRole::User.id()}), json!({"is_active": false})] {
            let request = TestRequest::patch().uri(&path).insert_header(("If-Match", "*")).set_json(change);
            assert_eq!(told(&ann.send(request).await), (409, "last_admin".to_owned()));
        }
        let removed = ann.raw("DELETE", &path, &[("If-Match", "*")], Vec::new()).await;
        assert_eq!(told(&removed), (409, "last_admin".to_owned()));
    }
}

#[actix_web::test]
async fn a_session_is_renewed_listed_and_ended() {
    for app in TestApp::each().await {
        user(&app, "kim", &json!(BuiltInRole::User.id()), Some("north")).await;
        let (one, two) = (
            login(&app, "kim", PASSWORD).await.expect(200).json(),
            login(&app, "kim", PASSWORD).await.expect(200).json(),
        );
        let (first, second) = (
            app.with_token(one["access_token"].as_str().unwrap()),
            app.with_token(two["access_token"].as_str().unwrap()),
        );
        let sessions = first.get(SESSIONS).await.expect(200).json()["items"].clone();
        let current: Vec<_> = sessions.as_array().unwrap().iter().map(|one| one["is_current"] == true).collect();
        assert_eq!(current, [false, true], "the newest comes first");
        // Other people's sessions are not there.
        let foreign = app.client("uma").get(SESSIONS).await.expect(200).json()["items"][0]["id"].clone();
        first.raw("DELETE", &format!("{SESSIONS}/{}", foreign.as_str().unwrap()), &[], Vec::new()).await.expect(404);
        app.client("uma").get(ME).await.expect(200);
        first
            .raw("DELETE", &format!("{SESSIONS}/{}", sessions[0]["id"].as_str().unwrap()), &[], Vec::new())
            .await
            .expect(204);
        second.get(ME).await.expect(401);
        // A renewal replaces both tokens; the old refresh token ends everything when it comes again.
        let next = refresh(&app, &one["refresh_token"]).await.expect(200).json();
        first.get(ME).await.expect(401);
        let renewed = app.with_token(next["access_token"].as_str().unwrap());
        renewed.get(ME).await.expect(200);
        refresh(&app, &one["refresh_token"]).await.expect(401);
        renewed.get(ME).await.expect(401);
        refresh(&app, &next["refresh_token"]).await.expect(401);
        // A change of password ends all other sessions and keeps this one.
        let (one, two) = (
            login(&app, "kim", PASSWORD).await.expect(200).json(),
            login(&app, "kim", PASSWORD).await.expect(200).json(),
        );
        let (first, second) = (
            app.with_token(one["access_token"].as_str().unwrap()),
            app.with_token(two["access_token"].as_str().unwrap()),
        );
        let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
        first.post("/api/v1/auth/password", change("wrong", "vieux phare et trois goelands")).await.expect(401);
        first.post("/api/v1/auth/password", change(PASSWORD, "short")).await.expect(422);
        second.get(ME).await.expect(200);
        first.post("/api/v1/auth/password", change(PASSWORD, "vieux phare et trois goelands")).await.expect(204);
        first.get(ME).await.expect(200);
        second.get(ME).await.expect(401);
        login(&app, "kim", PASSWORD).await.expect(401);
        first.post("/api/v1/auth/logout", json!({})).await.expect(204);
        first.get(ME).await.expect(401);
    }
}

#[actix_web::test]
async fn of_two_refreshes_of_one_token_exactly_one_wins_and_the_family_ends() {
    for app in TestApp::each().await {
        user(&app, "kim", &json!(BuiltInRole::User.id()), Some("north")).await;
        for _ in 0..10 {
            let pair = login(&app, "kim", PASSWORD).await.expect(200).json();
            let (one, two) = join(refresh(&app, &pair["refresh_token"]), refresh(&app, &pair["refresh_token"])).await;
            let statuses = [one.status, two.status];
            assert!(statuses == [200, 401] || statuses == [401, 200], "{statuses:?}");
            let won = if one.status == 200 { one.json() } else { two.json() };
            app.with_token(won["access_token"].as_str().unwrap()).get(ME).await.expect(401);
            refresh(&app, &won["refresh_token"]).await.expect(401);
        }
    }
}

#[actix_web::test]
async fn an_api_key_does_what_its_rules_and_its_users_role_both_allow_and_nothing_about_signing_in() {
    for app in TestApp::each().await {
        let uma = app.client("uma");
        let draft = |rules: &[Value]| json!({"name": "Newsletter", "rules": rules});
        let secret =
            made_key(&app, &uma, &draft(&[rule("people", "read", "own"), rule("people", "create", "all")])).await;
        assert!(secret.starts_with("crm_ak_"));
        let key = app.with_token(&secret);
        let mine = key.post("/api/v1/people", json!({"last_name": "Mine"})).await.expect(201).json();
        let of_team =
            json!({"last_name": "Team", "owner_id": TestApp::user_id("rita"), "team_id": TestApp::team_id("north")});
        let of_team = app.ann().post("/api/v1/people", of_team).await.expect(201).header("location").to_owned();
        uma.get(&of_team).await.expect(200);
        key.get(&of_team).await.expect(404);
        key.get(&place("/api/v1/people", &mine)).await.expect(200);
        key.patch(&place("/api/v1/people", &mine), 1, json!({"notes": "x"})).await.expect(403);
        let me = key.get(ME).await.expect(200).json();
        assert_eq!(me["permissions"], json!([rule("people", "read", "own"), rule("people", "create", "all")]));
        // What no key may do.
        for (method, path) in [("GET", KEYS), ("GET", SESSIONS), ("POST", "/api/v1/auth/logout")] {
            assert_eq!(
                told(&key.raw(method, path, &[], Vec::new()).await),
                (403, "session_required".to_owned()),
                "{path}"
            );
        }
        let mut more = draft(&[rule("people", "read", "own")]);
        more["expires_at"] = json!(app.app.now().plus(chrono::TimeDelta::days(1)));
        assert_eq!(told(&key.post(KEYS, more.clone()).await), (403, "session_required".to_owned()));
        let change = json!({"current_password": PASSWORD, "new_password": "vieux phare et trois goelands"});
        assert_eq!(told(&key.post("/api/v1/auth/password", change).await), (403, "session_required".to_owned()));
        // What no key may be given.
        let wrong = [
            (json!({"rules": [rule("people", "read", "all")]}), "/rules/0", "not_held"),
            (json!({"rules": [rule("people", "delete", "own")]}), "/rules/0", "not_held"),
            (json!({"rules": []}), "/rules", "required"),
            (json!({"expires_at": "2020-01-01T00:00:00Z"}), "/expires_at", "out_of_range"),
            (json!({"expires_at": "2099-01-01T00:00:00Z"}), "/expires_at", "out_of_range"),
            (json!({"rules": [{"resource": "people", "action": "fly", "reach": "own"}]}), "/rules/0/action", "choice"),
        ];
        for (change, pointer, code) in wrong {
            let mut body = more.clone();
            for (name, value) in change.as_object().unwrap() {
                body[name] = value.clone();
            }
            assert_eq!(error(&uma.post(KEYS, body).await), (422, pointer.to_owned(), code.to_owned()));
        }
        // The role of the moment counts: what it loses the key loses.
        let path = format!("{USERS}/{}", TestApp::user_id("uma"));
        app.ann().patch(&path, 1, json!({"role_id": BuiltInRole::ReadOnly.id()})).await.expect(200);
        key.post("/api/v1/people", json!({"last_name": "No"})).await.expect(403);
        key.get(&place("/api/v1/people", &mine)).await.expect(200);
        // Its use is noted, its secret never shown again, and it ends when told.
        let listed = uma.get(KEYS).await.expect(200);
        let item = listed.json()["items"][0].clone();
        assert!(item["last_used_at"].is_string() && !listed.text().contains(&secret) && item.get("secret").is_none());
        app.client("rita").raw("DELETE", &place(KEYS, &item), &[], Vec::new()).await.expect(404);
        uma.raw("DELETE", &place(KEYS, &item), &[], Vec::new()).await.expect(204);
        key.get(ME).await.expect(401);
        assert_eq!(uma.get(KEYS).await.expect(200).json()["items"], json!([]));
    }
}

#[actix_web::test]
async fn an_explanation_names_the_rule_and_tells_nothing_of_what_one_may_not_read() {
    for app in TestApp::each().await {
        let ask = async |client: &Client, query: &str| client.get(&format!("/api/v1/access/explain?{query}")).await;
        let uma = app.client("uma");
        let answer = ask(&uma, "resource=people&action=update").await.expect(200).json();
        assert_eq!(answer, json!({"is_allowed": true, "role": "user", "rule": rule("people", "update", "own")}));
        let answer = ask(&uma, "resource=people&action=export").await.expect(200).json();
        assert_eq!(answer, json!({"is_allowed": false, "role": "user", "rule": null}));
        let mine = uma.post("/api/v1/people", json!({"last_name": "Mine"})).await.expect(201).json();
        let id = mine["id"].as_str().unwrap();
        assert_eq!(
            ask(&uma, &format!("resource=people&action=update&id={id}")).await.expect(200).json()["is_allowed"],
            true
        );
        // A creation reaches everything, and still does not tell what there is.
        let hidden =
            ask(&app.client("otto"), &format!("resource=people&action=create&id={id}")).await.expect(200).json();
        assert_eq!(hidden["is_allowed"], false);
        for bad in [
            "",
            "resource=people",
            "resource=planets&action=read",
            "resource=people&action=read&id=7",
            "resource=people&action=read&x=1",
        ] {
            ask(&uma, bad).await.expect(400);
        }
    }
}
