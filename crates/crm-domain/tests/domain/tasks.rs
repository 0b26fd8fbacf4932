//! Tasks: their fields, their completion, their series, and whose they are.

use crm_domain::{
    Change, ChangeAction, FieldChange, Id, NewRecord, RecordKind, Task, TaskPatch, TaskStatus, UserId, Version,
    access::{Ownership, Scope},
};
use serde_json::{Value, json};

use crate::subject::{STAMPS, Subject, USER, at, new, told};

const ONE: &str = "00000000-0000-0000-0000-000000000001";
const DUE: &str = "2026-01-05T09:00:00.000000Z";

/// A task has one subject at a time, so the table has one of the four; the others have a test of their own.
fn tasks() -> Subject<Task, TaskPatch> {
    const FIXED: [&str; 12] = {
        let mut fixed = ["completed_at"; 12];
        let rest = ["previous_task_id", "person_id", "mandate_id", "interaction_id"];
        let mut place = 0;
        while place < 7 {
            fixed[place] = STAMPS[place];
            place += 1;
        }
        while place < 11 {
            fixed[place] = rest[place - 7];
            place += 1;
        }
        fixed
    };
    Subject {
        read: TaskPatch::read,
        create: |patch| Task::create(new(), patch),
        apply: |record, patch| record.apply(patch, Some(UserId::from_u128(4)), at(2)),
        least: json!({"title": "Exemple", "due_at": DUE}),
        fields: json!({
            "title": "Été", "description": "Call.", "due_at": "2026-01-06T09:00:00.000000Z", "priority": "urgent",
            "status": "doing", "assignee_id": USER, "organisation_id": ONE, "recurrence": "FREQ=WEEKLY",
            "owner_id": USER, "team_id": USER,
        }),
        // The due time may go where the task does not come again; the table's does.
        required: &["title", "priority", "status", "due_at"],
        emptied: &[],
        brings: &[],
        fixed: &FIXED,
    }
}

fn applied(task: &Task, patch: Value, day: u32) -> (Task, Vec<FieldChange>) {
    let applied = task.apply(&tasks().patch(patch), Some(UserId::from_u128(4)), at(day)).unwrap();
    (applied.state, applied.changes)
}

#[test]
fn every_field_of_a_task_is_read_applied_and_told() {
    tasks().keeps_its_promises();
}

#[test]
fn completing_stamps_a_task_and_reopening_clears_the_stamp() {
    let first = tasks().first().state;
    let (done, changes) = applied(&first, json!({"status": "done"}), 2);
    assert_eq!(done.completed_at, Some(at(2)));
    assert_eq!(changes.iter().map(|change| change.field.as_ref()).collect::<Vec<_>>(), ["status", "completed_at"]);
    let (again, changes) = applied(&done, json!({"status": "done"}), 3);
    assert_eq!((again.completed_at, changes.len()), (Some(at(2)), 0));
    for status in ["todo", "doing", "cancelled"] {
        assert_eq!(applied(&done, json!({ "status": status }), 3).0.completed_at, None);
    }
    let born_done = Task::create(new(), &tasks().patch(json!({"title": "a", "status": "done"}))).unwrap().state;
    assert_eq!(born_done.completed_at, Some(at(1)));
}

#[test]
fn a_task_is_about_one_record() {
    let fields = ["organisation_id", "person_id", "mandate_id", "interaction_id"];
    for (place, field) in fields.iter().enumerate() {
        let (task, _) = applied(&tasks().first().state, json!({ *field: ONE }), 2);
        for (other_place, other) in fields.iter().enumerate().filter(|(_, other)| *other != field) {
            let second = task.apply(&tasks().patch(json!({ *other: ONE })), None, at(3)).unwrap_err();
            assert_eq!(told(&second), [format!("/{} one_subject", fields[place.max(other_place)])]);
            let moved = json!({ *field: null, *other: ONE });
            assert!(task.apply(&tasks().patch(moved), None, at(3)).is_ok());
        }
    }
}

#[test]
fn what_comes_again_has_a_due_time() {
    let patch = tasks().patch(json!({"title": "a", "recurrence": "FREQ=DAILY"}));
    assert_eq!(told(&Task::create(new(), &patch).unwrap_err()), ["/due_at required"]);
}

#[test]
fn the_next_task_of_a_series_begins_anew_for_the_same_people() {
    let (task, _) = applied(&tasks().first().state, tasks().fields, 2);
    let (done, _) = applied(&task, json!({"status": "done", "recurrence": "FREQ=WEEKLY;COUNT=2"}), 3);
    let new =
        NewRecord { id: Id::from_u128(70), owner_id: None, team_id: None, by: Some(UserId::from_u128(5)), at: at(3) };
    let next = done.next(new).unwrap();
    let mut expected = done.clone();
    (expected.id, expected.previous_task_id) = (Id::from_u128(70), Some(done.id));
    (expected.status, expected.completed_at) = (TaskStatus::Todo, None);
    expected.due_at = Some(crm_domain::values::Timestamp::parse("2026-01-13T09:00:00Z").unwrap());
    expected.recurrence = Some("FREQ=WEEKLY;COUNT=1".parse().unwrap());
    expected.stamps = NewRecord { owner_id: done.stamps.owner_id, team_id: done.stamps.team_id, ..new }.stamps();
    assert_eq!(next.state, expected);
    assert!(next.changes.iter().any(|change| change.field == "previous_task_id" && change.new == json!(done.id)));
    assert!(next.state.next(NewRecord { id: Id::from_u128(71), ..new }).is_none(), "it was the last one");
    assert!(tasks().first().state.next(new).is_none(), "without a rule there is no next one");
}

#[test]
fn an_assignee_is_one_of_the_owners_of_a_task() {
    let me = UserId::from_u128(9);
    let (task, _) = applied(&tasks().first().state, json!({"assignee_id": USER}), 2);
    assert!(Scope::Own { user: me }.admits(&task.ownership()));
    assert!(!Scope::Own { user: me }.admits(&Ownership::from(&task.stamps)));
    let (unowned, _) = applied(&task, json!({"owner_id": null}), 3);
    assert!(!Scope::Own { user: me }.admits(&unowned.ownership()), "a record with no owner is seen at reach all only");
}

#[test]
fn completing_and_assigning_have_events_of_their_own() {
    let event = |changes: Vec<FieldChange>| {
        let (kind, action) = (RecordKind::Tasks, ChangeAction::Updated);
        Change { kind, record_id: uuid::Uuid::nil(), version: Version::FIRST, action, fields: changes }.event()
    };
    let first = tasks().first().state;
    let changes = |patch: Value| applied(&first, patch, 2).1;
    assert_eq!(event(changes(json!({"status": "done", "assignee_id": USER}))), "task.completed");
    assert_eq!(event(changes(json!({"assignee_id": USER, "title": "b"}))), "task.assigned");
    assert_eq!(event(changes(json!({"status": "doing"}))), "task.updated");
    let (assigned, _) = applied(&first, json!({"assignee_id": USER}), 2);
    assert_eq!(event(applied(&assigned, json!({"assignee_id": null}), 3).1), "task.updated");
}

#[test]
fn a_task_is_found_by_its_texts_and_read_back_from_its_json() {
    let full = tasks().applied(&tasks().first().state, tasks().fields).state;
    assert_eq!(full.search_text(), " ete call");
    assert_eq!(serde_json::from_value::<Task>(json!(full)).unwrap(), full);
}
