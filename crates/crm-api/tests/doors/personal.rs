//! What belongs to one user alone: somebody else's session, API key, notification or import is the same as none, to the
//! byte, whatever one may do with records. Imports are also seen by who may import without bounds, who is not asked here.

use crm_testkit::{Client, TestApp};
use serde_json::{Value, json};

use crate::{
    BASE,
    coverage::operations,
    firm::{self, Caller},
    hidden::{Pair, owner, try_operation},
    imports,
};

/// The lists in which one finds one's own.
const LISTS: [&str; 4] = ["/notifications", "/auth/sessions", "/auth/api-keys", "/imports"];

/// Gives this user one of each; their ids.
async fn given(app: &TestApp, user: &Caller) -> Vec<String> {
    app.ann().post(&format!("{BASE}/tasks"), json!({"title": "Call", "assignee_id": user.id})).await.expect(201);
    app.app.relay_once().await.unwrap();
    let rule = json!({"resource": "people", "action": "read", "reach": "own"});
    let key = json!({"name": "theirs", "expires_at": app.app.now().plus(chrono::TimeDelta::days(30)), "rules": [rule]});
    user.client.post(&format!("{BASE}/auth/api-keys"), key).await.expect(201);
    let import = imports::upload(&user.client, "organisations", "false").await.expect(202);
    imports::finished(app, &import).await;
    let mut ids = Vec::new();
    for list in LISTS {
        let listed = user.client.get(&format!("{BASE}{list}")).await.expect(200).json();
        ids.push(listed["items"][0]["id"].as_str().unwrap_or_else(|| panic!("nothing in {list}")).to_owned());
    }
    ids
}

/// Somebody with the same role, in the same team.
async fn twin(app: &TestApp, of: &Caller) -> Caller {
    firm::user(app, "twin", &json!(of.role), of.team).await
}

#[actix_web::test]
async fn what_is_somebody_elses_alone_and_what_is_missing_are_the_same_to_the_byte() {
    for app in TestApp::each().await {
        let owner = owner(&app).await;
        let (twin, ids) = (twin(&app, &owner).await, given(&app, &owner).await);
        let mut compared = 0;
        for (list, id) in LISTS.into_iter().zip(&ids) {
            let prefix = format!("{BASE}{list}/{{");
            let of_list = operations().into_iter().filter(|operation| operation.path.starts_with(&prefix));
            // The administrator may everything with records, and with the imports of others.
            let clients = match list {
                "/imports" => vec![twin.client.clone()],
                _ => vec![twin.client.clone(), app.ann()],
            };
            for operation in of_list {
                for client in &clients {
                    let mut pair = Pair::new(client, id.clone());
                    try_operation(&mut pair, &operation, &json!({"read": true}).to_string()).await;
                    compared += pair.compared;
                }
            }
            for client in &clients {
                let theirs = client.get(&format!("{BASE}{list}")).await;
                assert!(!theirs.text().contains(id.as_str()), "{list} shows somebody else's");
            }
        }
        assert!(compared > 100, "only {compared} pairs");
        still_theirs(&owner, &ids).await;
    }
}

/// They were there all the time, under these ids, and are their owner's to change.
async fn still_theirs(owner: &Caller, ids: &[String]) {
    let [notification, session, key, import] = ids else { panic!("one of each") };
    let read = json!({"read": true}).to_string().into_bytes();
    let path = format!("{BASE}/notifications/{notification}");
    let headers = [("If-Match", "\"1\""), ("Content-Type", "application/json")];
    let marked: Value = owner.client.raw("PATCH", &path, &headers, read).await.expect(200).json();
    assert!(marked["read_at"].is_string());
    owner.client.get(&format!("{BASE}/imports/{import}")).await.expect(200);
    owner.client.raw("DELETE", &format!("{BASE}/auth/api-keys/{key}"), &[], Vec::new()).await.expect(204);
    owner.client.raw("DELETE", &format!("{BASE}/auth/sessions/{session}"), &[], Vec::new()).await.expect(204);
    owner.client.get(&format!("{BASE}/auth/me")).await.expect(401);
}

#[actix_web::test]
async fn whoever_reads_counts_or_switches_off_notifications_does_it_for_themselves_alone() {
    for app in TestApp::each().await {
        let (uma, otto) = (app.client("uma"), app.client("otto"));
        for name in ["uma", "otto"] {
            let task = json!({"title": "Call", "assignee_id": TestApp::user_id(name)});
            app.ann().post(&format!("{BASE}/tasks"), task).await.expect(201);
        }
        app.app.relay_once().await.unwrap();
        let unread = async |client: &Client| {
            client.get(&format!("{BASE}/notifications/unread-count")).await.expect(200).json()["unread_count"].clone()
        };
        assert_eq!((unread(&uma).await, unread(&otto).await), (json!(1), json!(1)));
        // The administrator's permission to read notifications is about their own, too.
        assert_eq!(unread(&app.ann()).await, 0);
        for client in [&app.ann(), &otto] {
            client.post(&format!("{BASE}/notifications/read-all"), json!({})).await.expect(200);
        }
        assert_eq!((unread(&uma).await, unread(&otto).await), (json!(1), json!(0)));

        let preferences = format!("{BASE}/notifications/preferences");
        let wanted = async |client: &Client| client.get(&preferences).await.expect(200).json();
        let before = wanted(&uma).await;
        assert_eq!(before["kinds"]["task_assigned"], true);
        otto.put(&preferences, json!({"kinds": {"task_assigned": false}})).await.expect(200);
        assert_eq!(wanted(&otto).await["kinds"]["task_assigned"], false);
        assert_eq!(wanted(&uma).await, before);
    }
}
