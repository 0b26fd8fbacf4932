//! Interactions, tasks and timelines: what one of them does to another, and who sees what of it.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crm_app::Expected;
use crm_domain::{
    Field, Task, TaskId, TaskPatch, TaskStatus, UserId,
    access::{Actor, Ownership, Scope, Update, policy},
    values::Timestamp,
};
use crm_testkit::{Client, TestApp};
use futures_util::future::join_all;
use serde_json::{Value, json};

const ORGANISATIONS: &str = "/api/v1/organisations";
const PEOPLE: &str = "/api/v1/people";
const INTERACTIONS: &str = "/api/v1/interactions";
const TASKS: &str = "/api/v1/tasks";

async fn made(client: &Client, path: &str, body: Value) -> Value {
    client.post(path, body).await.expect(201).json()
}

fn id(record: &Value) -> &str {
    record["id"].as_str().unwrap()
}

async fn read(client: &Client, path: &str, record: &Value) -> Value {
    client.get(&format!("{path}/{}", id(record))).await.expect(200).json()
}

async fn count(client: &Client, path: &str) -> usize {
    client.get(path).await.expect(200).json()["items"].as_array().unwrap().len()
}

fn call(organisation: &Value, people: &[&str], at: &str) -> Value {
    let organisation = id(organisation);
    json!({"subject": "Call", "occurred_at": at, "organisation_id": organisation, "participant_people": people})
}

#[actix_web::test]
async fn the_last_activity_follows_the_interactions_and_is_no_version_of_the_record() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let one = made(&ann, ORGANISATIONS, json!({"name": "One"})).await;
        let two = made(&ann, ORGANISATIONS, json!({"name": "Two"})).await;
        let person = made(&ann, PEOPLE, json!({"last_name": "Exemple"})).await;
        let of = async |path: &str, record: &Value| {
            let record = read(&ann, path, record).await;
            assert_eq!(record["version"], 1, "an interaction is no new version");
            record["last_activity_at"].as_str().map(str::to_owned)
        };
        let at = |day: u32| Some(format!("2026-01-{day:02}T09:00:00.000000Z"));
        let body = |day: u32| call(&one, &[id(&person)], &at(day).unwrap());
        assert_eq!((of(ORGANISATIONS, &one).await, of(PEOPLE, &person).await), (None, None));
        let older = made(&ann, INTERACTIONS, body(5)).await;
        let newer = made(&ann, INTERACTIONS, body(9)).await;
        made(&ann, INTERACTIONS, body(7)).await;
        assert_eq!((of(ORGANISATIONS, &one).await, of(PEOPLE, &person).await), (at(9), at(9)));
        // It moves on with a later time, back when the latest one is taken away, and to where that one is moved.
        let path = |record: &Value| format!("{INTERACTIONS}/{}", id(record));
        ann.patch(&path(&older), 1, json!({"occurred_at": at(20)})).await.expect(200);
        assert_eq!((of(ORGANISATIONS, &one).await, of(PEOPLE, &person).await), (at(20), at(20)));
        ann.patch(&path(&older), 2, json!({"organisation_id": id(&two), "participant_people": []})).await.expect(200);
        assert_eq!((of(ORGANISATIONS, &one).await, of(ORGANISATIONS, &two).await), (at(9), at(20)));
        assert_eq!(of(PEOPLE, &person).await, at(9));
        ann.delete(&path(&newer), 1).await.expect(204);
        assert_eq!((of(ORGANISATIONS, &one).await, of(PEOPLE, &person).await), (at(7), at(7)));
        ann.post(&format!("{}/restore", path(&newer)), json!({})).await.expect(200);
        assert_eq!((of(ORGANISATIONS, &one).await, of(PEOPLE, &person).await), (at(9), at(9)));
        let sorted = format!("{ORGANISATIONS}?sort=-last_activity_at&last_activity_at.gte=2026-01-09T00:00:00Z");
        let sorted = ann.get(&sorted).await.expect(200).json();
        assert_eq!((&sorted["items"][0]["id"], &sorted["items"][1]["id"]), (&two["id"], &one["id"]));
        let history = ann.get(&format!("{ORGANISATIONS}/{}/history", id(&one))).await.expect(200).json();
        assert_eq!(history["items"].as_array().unwrap().len(), 1, "and no change of it");
    }
}

#[actix_web::test]
async fn interactions_written_at_the_same_time_leave_the_latest_time() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let organisation = made(&ann, ORGANISATIONS, json!({"name": "One"})).await;
        let each = (1..=12).map(|day| {
            let body = call(&organisation, &[], &format!("2026-01-{:02}T09:00:00Z", 1 + day * 5 % 13));
            async { ann.post(INTERACTIONS, body).await.expect(201) }
        });
        join_all(each).await;
        let latest = &read(&ann, ORGANISATIONS, &organisation).await["last_activity_at"];
        assert_eq!(latest, "2026-01-13T09:00:00.000000Z");
    }
}

#[actix_web::test]
async fn completing_a_recurring_task_makes_the_next_one_once() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let body = json!({
            "title": "Report", "due_at": "2099-01-05T09:00:00Z", "recurrence": "FREQ=WEEKLY;COUNT=3", "priority": "high",
            "assignee_id": TestApp::user_id("uma"),
        });
        let task = made(&ann, TASKS, body).await;
        let path = format!("{TASKS}/{}", id(&task));
        let followers = format!("{TASKS}?previous_task_id={}", id(&task));
        let done = ann.patch(&path, 1, json!({"status": "done"})).await.expect(200).json();
        assert!(done["completed_at"].is_string());
        let next = ann.get(&followers).await.expect(200).json()["items"][0].clone();
        assert_eq!(
            (&next["due_at"], &next["recurrence"]),
            (&json!("2099-01-12T09:00:00.000000Z"), &json!("FREQ=WEEKLY;COUNT=2"))
        );
        for field in ["title", "priority", "assignee_id", "owner_id", "team_id"] {
            assert_eq!(next[field], task[field], "{field}");
        }
        assert_eq!((&next["status"], &next["completed_at"]), (&json!("todo"), &json!(null)));
        // Said again, reopened and completed again, and with the next one deleted: there is still no second one.
        ann.patch(&path, 2, json!({"status": "done"})).await.expect(200);
        ann.patch(&path, 2, json!({"status": "todo"})).await.expect(200);
        ann.patch(&path, 3, json!({"status": "done"})).await.expect(200);
        assert_eq!(count(&ann, &followers).await, 1);
        ann.delete(&format!("{TASKS}/{}", id(&next)), 1).await.expect(204);
        ann.patch(&path, 4, json!({"status": "doing"})).await.expect(200);
        ann.patch(&path, 5, json!({"status": "done"})).await.expect(200);
        assert_eq!(count(&ann, &followers).await, 0);
        let events = ann.get(&format!("{path}/history")).await.expect(200).json();
        let events: Vec<&str> =
            events["items"].as_array().unwrap().iter().map(|change| change["event"].as_str().unwrap()).collect();
        assert_eq!(
            events,
            ["task.completed", "task.updated", "task.completed", "task.updated", "task.completed", "task.created"]
        );
        // The last one of the series, and one that is cancelled, have none after them.
        let last = json!({"title": "Last", "due_at": "2099-01-05T09:00:00Z", "recurrence": "FREQ=DAILY;COUNT=1"});
        let last = made(&ann, TASKS, last).await;
        ann.patch(&format!("{TASKS}/{}", id(&last)), 1, json!({"status": "done"})).await.expect(200);
        assert_eq!(count(&ann, &format!("{TASKS}?previous_task_id={}", id(&last))).await, 0);
    }
}

#[actix_web::test]
async fn two_who_complete_a_recurring_task_at_the_same_time_make_one_next_task() {
    for app in TestApp::each().await {
        let ann = app.ann();
        for round in 0..5 {
            let body = json!({"title": format!("Round {round}"), "due_at": "2099-01-05T09:00:00Z", "recurrence": "FREQ=DAILY"});
            let task = made(&ann, TASKS, body).await;
            let task_id = TaskId::parse(id(&task)).unwrap();
            let patch = TaskPatch { status: Field::Set(TaskStatus::Done), ..TaskPatch::default() };
            let both = (0..4).map(|_| {
                let grant = policy::authorise::<Update, Task>(&Actor::system("test")).unwrap();
                let (tasks, patch) = (app.app.tasks(), patch.clone());
                async move { tasks.update(grant, task_id, Expected::Any, patch).await.unwrap() }
            });
            let versions: Vec<i64> =
                join_all(both).await.into_iter().map(|task| task.stamps.version.number()).collect();
            assert_eq!(versions, [2; 4], "one of them completes it, the others find it done");
            assert_eq!(count(&ann, &format!("{TASKS}?previous_task_id={task_id}")).await, 1);
        }
    }
}

#[actix_web::test]
async fn a_repeated_completion_with_the_same_key_makes_one_next_task() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let body = json!({"title": "Report", "due_at": "2099-01-05T09:00:00Z", "recurrence": "FREQ=DAILY"});
        let task = made(&ann, TASKS, body).await;
        let operation = json!({"op": "update", "id": id(&task), "version": 1, "data": {"status": "done"}});
        let batch = json!({"operations": [operation]}).to_string().into_bytes();
        let headers = [("content-type", "application/json"), ("idempotency-key", "one")];
        for _ in 0..2 {
            ann.raw("POST", &format!("{TASKS}/batch"), &headers, batch.clone()).await.expect(200);
        }
        assert_eq!(count(&ann, &format!("{TASKS}?previous_task_id={}", id(&task))).await, 1);
    }
}

#[actix_web::test]
async fn the_database_itself_lets_one_task_follow_another() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let first = made(&ann, TASKS, json!({"title": "First"})).await;
        let ids = [made(&ann, TASKS, json!({"title": "a"})).await, made(&ann, TASKS, json!({"title": "b"})).await];
        let literal = |id: &str| match app.test.name() {
            "sqlite" => format!("X'{}'", id.replace('-', "")),
            _ => format!("'{id}'"),
        };
        let follow = |task: &Value| {
            format!("UPDATE tasks SET previous_task_id = {} WHERE id = {}", literal(id(&first)), literal(id(task)))
        };
        app.test.execute(&follow(&ids[0]));
        assert!(app.test.attempt(&follow(&ids[1])).is_err());
        let done = format!("UPDATE tasks SET status = 'done' WHERE id = {}", literal(id(&first)));
        assert!(app.test.attempt(&done).is_err(), "a task that is done has the time of it");
    }
}

#[actix_web::test]
async fn what_a_task_or_an_interaction_names_must_be_there_for_the_caller() {
    for app in TestApp::each().await {
        let (uma, otto) = (app.client("uma"), app.client("otto"));
        let theirs = made(&otto, ORGANISATIONS, json!({"name": "South"})).await;
        let person = made(&otto, PEOPLE, json!({"last_name": "South"})).await;
        let mandate = made(&otto, "/api/v1/mandates", json!({"organisation_id": id(&theirs)})).await;
        let product = made(&otto, "/api/v1/products", json!({"name": "South"})).await;
        let interaction = made(&otto, INTERACTIONS, call(&theirs, &[], "2026-01-05T09:00:00Z")).await;
        let refused = async |path: &str, body: Value, field: &str| {
            let problem = uma.post(path, body).await.expect(422).json();
            let told: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|one| &one["pointer"]).collect();
            assert_eq!((told, &problem["errors"][0]["code"]), (vec![&json!(format!("/{field}"))], &json!("not_found")));
        };
        let about = [
            ("organisation_id", &theirs),
            ("person_id", &person),
            ("mandate_id", &mandate),
            ("interaction_id", &interaction),
        ];
        for (field, record) in about {
            refused(TASKS, json!({"title": "a", field: id(record)}), field).await;
            made(&otto, TASKS, json!({"title": "a", field: id(record)})).await;
        }
        let at = "2026-01-05T09:00:00Z";
        refused(INTERACTIONS, call(&theirs, &[], at), "organisation_id").await;
        let mine = made(&uma, ORGANISATIONS, json!({"name": "North"})).await;
        refused(INTERACTIONS, call(&mine, &[id(&person)], at), "participant_people").await;
        refused(INTERACTIONS, json!({"subject": "a", "occurred_at": at, "product_id": id(&product)}), "product_id")
            .await;
        made(&uma, INTERACTIONS, call(&mine, &[], at)).await;
    }
}

#[actix_web::test]
async fn the_assignee_of_a_task_is_one_of_its_owners_in_the_store_as_in_the_domain() {
    for app in TestApp::each().await {
        let (ann, uma) = (app.ann(), app.client("uma"));
        let user = |name: &str| TestApp::user_id(name);
        let mut all = Vec::new();
        for owner in [Some("ann"), Some("uma"), Some("otto"), None] {
            for assignee in [Some("uma"), Some("otto"), None] {
                for team in [Some("north"), Some("south"), None] {
                    let body = json!({
                        "title": "a", "owner_id": owner.map(user), "assignee_id": assignee.map(user), "team_id": team.map(TestApp::team_id),
                    });
                    let task: Task = serde_json::from_value(made(&ann, TASKS, body).await).unwrap();
                    all.push(task);
                }
            }
        }
        let scopes = [
            ("solo", Scope::Own { user: user("solo") }),
            ("uma", Scope::Team { user: user("uma"), team: TestApp::team_id("north") }),
            ("otto", Scope::Team { user: user("otto"), team: TestApp::team_id("south") }),
            ("max", Scope::All),
        ];
        for (name, scope) in scopes {
            let seen = app.client(name).get(&format!("{TASKS}?limit=200")).await.expect(200).json();
            let mut seen: Vec<String> =
                seen["items"].as_array().unwrap().iter().map(|task| id(task).to_owned()).collect();
            let mut expected: Vec<String> =
                all.iter().filter(|task| scope.admits(&task.ownership())).map(|task| task.id.to_string()).collect();
            seen.sort_unstable();
            expected.sort_unstable();
            assert_eq!(seen, expected, "{name}");
        }
        // Reach `own` of updates: who is assigned may, who merely shares the team may not.
        let with = |owner: &str, assignee: Option<&str>| {
            let found = all.iter().find(|task| {
                let Ownership { owner_id, team_id, .. } = Ownership::from(&task.stamps);
                owner_id == Some(user(owner))
                    && task.assignee_id == assignee.map(user)
                    && team_id == Some(TestApp::team_id("north"))
            });
            format!("{TASKS}/{}", found.unwrap().id)
        };
        uma.patch(&with("ann", Some("uma")), 1, json!({"status": "doing"})).await.expect(200);
        uma.patch(&with("ann", None), 1, json!({"status": "doing"})).await.expect(404);
    }
}

#[actix_web::test]
async fn me_and_mine_stand_for_the_caller_and_the_callers_team() {
    for app in TestApp::each().await {
        let (ann, uma) = (app.ann(), app.client("uma"));
        let of = |assignee: UserId, team: &str| json!({"title": "a", "assignee_id": assignee, "team_id": TestApp::team_id(team)});
        made(&ann, TASKS, of(TestApp::user_id("uma"), "north")).await;
        made(&ann, TASKS, of(TestApp::user_id("max"), "north")).await;
        made(&ann, TASKS, of(TestApp::user_id("otto"), "south")).await;
        assert_eq!(count(&uma, &format!("{TASKS}?assignee_id=me")).await, 1);
        assert_eq!(count(&uma, &format!("{TASKS}?team_id=mine")).await, 2);
        assert_eq!(count(&app.client("max"), &format!("{TASKS}?team_id=mine&assignee_id.ne=me")).await, 1);
        let two = format!("{TASKS}?assignee_id.in=me,{}", TestApp::user_id("otto"));
        assert_eq!(count(&app.client("max"), &two).await, 2);
        assert_eq!(count(&ann, &format!("{TASKS}?team_id=mine")).await, 0, "whoever has no team has nothing of theirs");
        assert_eq!(count(&ann, &format!("{TASKS}?owner_id=me")).await, 3);
        uma.get(&format!("{TASKS}?organisation_id=me")).await.expect(400);
        uma.get(&format!("{TASKS}?assignee_id=mine")).await.expect(400);
        // The next page of one's own is again one's own.
        made(&ann, TASKS, of(TestApp::user_id("uma"), "north")).await;
        let first = uma.get(&format!("{TASKS}?assignee_id=me&limit=1")).await.expect(200);
        assert!(first.header("link").contains("assignee_id=me"));
        let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
        assert_eq!(count(&uma, &format!("{TASKS}?assignee_id=me&limit=1&cursor={cursor}")).await, 1);
    }
}

/// All entries of a timeline, by pages of this size.
async fn walked(client: &Client, path: &str, limit: u32) -> Vec<Value> {
    let (mut entries, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}?limit={limit}{cursor}")).await.expect(200).json();
        entries.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return entries };
        cursor = format!("&cursor={next}");
    }
}

#[actix_web::test]
async fn a_timeline_has_each_entry_once_newest_first_and_only_what_the_caller_sees() {
    for app in TestApp::each().await {
        let (ann, uma) = (app.ann(), app.client("uma"));
        let north = json!({"name": "One", "team_id": TestApp::team_id("north")});
        let organisation = made(&ann, ORGANISATIONS, north).await;
        let person = made(&ann, PEOPLE, json!({"last_name": "Exemple", "team_id": TestApp::team_id("north")})).await;
        let path = format!("{ORGANISATIONS}/{}/timeline", id(&organisation));
        for number in 0..6 {
            // Some at one and the same time, some for the team of the reader.
            let mut body = call(&organisation, &[id(&person)], &format!("2026-01-0{}T09:00:00Z", 1 + number / 3));
            body["team_id"] = json!((number % 2 == 0).then(|| TestApp::team_id("north")));
            made(&ann, INTERACTIONS, body).await;
            let team = (number % 3 == 0).then(|| TestApp::team_id("north"));
            made(&ann, TASKS, json!({"title": "a", "organisation_id": id(&organisation), "team_id": team})).await;
        }
        made(&ann, TASKS, json!({"title": "p", "person_id": id(&person)})).await;
        made(&ann, "/api/v1/mandates", json!({"organisation_id": id(&organisation)})).await;
        ann.patch(&format!("{ORGANISATIONS}/{}", id(&organisation)), 1, json!({"city": "Lyon"})).await.expect(200);
        let kinds = |entries: &[Value]| {
            let of = |kind: &str| entries.iter().filter(|entry| entry["type"] == kind).count();
            ["interaction", "task", "mandate", "change"].map(of)
        };
        let all = walked(&ann, &path, 200).await;
        assert_eq!(kinds(&all), [6, 6, 1, 2]);
        assert!(all.is_sorted_by(|one, other| one["at"].as_str() >= other["at"].as_str()));
        for limit in [1, 2, 3, 7] {
            assert_eq!(walked(&ann, &path, limit).await, all, "pages of {limit}");
        }
        assert_eq!(kinds(&walked(&uma, &path, 4).await), [3, 2, 0, 2]);
        let of_person = format!("{PEOPLE}/{}/timeline", id(&person));
        let entries = walked(&ann, &of_person, 200).await;
        assert_eq!(kinds(&entries), [6, 1, 0, 1]);
        for limit in [1, 4] {
            assert_eq!(walked(&ann, &of_person, limit).await, entries, "pages of {limit}");
        }
        assert_eq!(kinds(&walked(&uma, &of_person, 2).await), [3, 0, 0, 1]);
        app.client("otto").get(&path).await.expect(404);
        app.client("otto").get(&of_person).await.expect(404);
        let cursor = ann.get(&format!("{path}?limit=1")).await.expect(200).json()["next_cursor"].clone();
        ann.get(&format!("{of_person}?cursor={}", cursor.as_str().unwrap())).await.expect(400);
    }
}

#[actix_web::test]
async fn participants_are_filtered_by_and_inlined() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let organisation = made(&ann, ORGANISATIONS, json!({"name": "One"})).await;
        let people =
            [made(&ann, PEOPLE, json!({"last_name": "A"})).await, made(&ann, PEOPLE, json!({"last_name": "B"})).await];
        let [first, second] = [id(&people[0]), id(&people[1])];
        made(&ann, INTERACTIONS, call(&organisation, &[first], "2026-01-05T09:00:00Z")).await;
        let mut body = call(&organisation, &[second, first], "2026-01-06T09:00:00Z");
        body["participant_users"] = json!([TestApp::user_id("uma")]);
        let both = made(&ann, INTERACTIONS, body).await;
        assert_eq!(count(&ann, &format!("{INTERACTIONS}?participant_people.any={first}")).await, 2);
        assert_eq!(count(&ann, &format!("{INTERACTIONS}?participant_people.any={second}")).await, 1);
        assert_eq!(
            count(&ann, &format!("{INTERACTIONS}?participant_users.any=me,{}", TestApp::user_id("uma"))).await,
            1
        );
        let path = format!("{INTERACTIONS}/{}?expand=organisation,people,users,product", id(&both));
        let expanded = ann.get(&path).await.expect(200).json();
        assert_eq!(expanded["people"].as_array().unwrap().len(), 2);
        assert_eq!(expanded["users"], json!([{"id": TestApp::user_id("uma"), "name": "uma"}]));
        assert_eq!((&expanded["organisation"]["name"], &expanded["product"]), (&json!("One"), &json!(null)));
    }
}

#[actix_web::test]
async fn figures_count_by_type_month_status_and_due_time() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let organisation = made(&ann, ORGANISATIONS, json!({"name": "One"})).await;
        for (kind, at) in
            [("call", "2025-12-31T23:59:59Z"), ("call", "2026-01-01T00:00:00Z"), ("visit", "2026-01-31T12:00:00Z")]
        {
            let mut body = call(&organisation, &[], at);
            body["type"] = json!(kind);
            made(&ann, INTERACTIONS, body).await;
        }
        let figures = ann.get("/api/v1/figures/interactions").await.expect(200).json();
        let by_type = json!({"call": 2, "email": 0, "meeting": 0, "webinar": 0, "visit": 1, "other": 0});
        let months = json!([
            {"month": "2026-01", "count": 2, "by_type": {"call": 1, "visit": 1}},
            {"month": "2025-12", "count": 1, "by_type": {"call": 1}},
        ]);
        assert_eq!(figures, json!({"total": 3, "by_type": by_type, "months": months}));
        let filtered = ann.get("/api/v1/figures/interactions?type=visit").await.expect(200).json();
        assert_eq!((&filtered["total"], filtered["months"].as_array().unwrap().len()), (&json!(1), 1));
        let now = app.app.now();
        let hours = |hours: i64| Timestamp::from_micros(now.micros() + hours * 3_600_000_000);
        for (status, due) in [
            ("todo", Some(-1)),
            ("done", Some(-1)),
            ("doing", Some(12)),
            ("todo", Some(100)),
            ("todo", Some(200)),
            ("cancelled", None),
        ] {
            made(&ann, TASKS, json!({"title": "a", "status": status, "due_at": due.map(hours)})).await;
        }
        let figures = ann.get("/api/v1/figures/tasks").await.expect(200).json();
        let by_status = json!({"todo": 3, "doing": 1, "done": 1, "cancelled": 1});
        let expected = json!({
            "total": 6, "by_status": by_status, "overdue": 1, "due_within_24_hours": 1, "due_within_7_days": 2,
        });
        assert_eq!(figures, expected);
        assert_eq!(app.client("otto").get("/api/v1/figures/tasks").await.expect(200).json()["total"], 0);
    }
}
