//! Who is told of a change, and in which words.

use crm_domain::{
    ChangeAction, Facts, FieldChange, ImportId, Locale, NotificationKind, NotificationPreferences,
    NotificationPriority, RecordKind, RecordedChange, UserId, Version, Whom, audience, values::Timestamp, words,
};
use serde_json::{Value, json};
use strum::VariantArray;

use ChangeAction::{Created, Deleted, Restored, Updated};

const ANN: UserId = UserId::from_u128(7);

fn change(resource: RecordKind, action: ChangeAction, field: &str, new: Value) -> RecordedChange {
    RecordedChange {
        position: Some(1),
        at: Timestamp::from_micros(0),
        actor_id: None,
        reason: None,
        resource,
        id: uuid::Uuid::from_u128(9),
        version: Version::FIRST,
        action,
        event: String::new(),
        changed: vec![FieldChange { field: field.to_owned().into(), old: Value::Null, new }],
        request_id: None,
        import_id: None,
    }
}

#[track_caller]
fn check(change: &RecordedChange, expected: &[(NotificationKind, Whom)]) {
    let told: Vec<_> = audience(change).into_iter().map(|told| (told.kind, told.whom)).collect();
    assert_eq!(told, expected, "{change:?}");
}

#[test]
fn the_table_of_who_is_told() {
    use NotificationKind::*;
    let ann = json!(ANN);
    let both = |kind| [(kind, Whom::Owner), (kind, Whom::ManagerOfOwner)];
    for action in [Created, Updated] {
        check(&change(RecordKind::Tasks, action, "assignee_id", ann.clone()), &[(TaskAssigned, Whom::User(ANN))]);
    }
    check(&change(RecordKind::Tasks, Updated, "assignee_id", Value::Null), &[]);
    check(&change(RecordKind::Tasks, Updated, "status", json!("done")), &[(TaskCompleted, Whom::Creator)]);
    check(&change(RecordKind::Tasks, Updated, "status", json!("doing")), &[]);
    for kind in [
        RecordKind::Organisations,
        RecordKind::People,
        RecordKind::Products,
        RecordKind::Mandates,
        RecordKind::Interactions,
        RecordKind::Tasks,
    ] {
        check(&change(kind, Updated, "owner_id", ann.clone()), &[(OwnerChanged, Whom::User(ANN))]);
        check(&change(kind, Created, "owner_id", ann.clone()), &[]);
    }
    let stage = |stage: &str| change(RecordKind::Organisations, Updated, "pipeline_stage", json!(stage));
    check(&stage("signed"), &both(PipelineSigned));
    check(&stage("lost"), &both(PipelineLost));
    check(&stage("prospect"), &[]);
    check(&change(RecordKind::Mandates, Updated, "status", json!("signed")), &both(MandateSigned));
    check(&change(RecordKind::Mandates, Updated, "status", json!("ended")), &[]);
    for status in ["completed", "failed"] {
        check(&change(RecordKind::Imports, Updated, "status", json!(status)), &[(ImportFinished, Whom::Creator)]);
    }
    check(&change(RecordKind::Imports, Updated, "status", json!("running")), &[]);
    let itself = Whom::User(UserId::from_u128(9));
    check(&change(RecordKind::Users, Updated, "role_id", ann), &[(RoleChanged, itself)]);
}

#[test]
fn of_what_is_removed_or_brought_back_nobody_is_told() {
    for kind in RecordKind::VARIANTS {
        for action in [Deleted, Restored] {
            for field in ["owner_id", "assignee_id", "status", "role_id", "pipeline_stage"] {
                check(&change(*kind, action, field, json!(ANN)), &[]);
            }
        }
    }
}

#[test]
fn of_what_an_import_does_nobody_is_told_but_that_it_has_ended() {
    let by_import = |change: RecordedChange| RecordedChange { import_id: Some(ImportId::from_u128(1)), ..change };
    check(&by_import(change(RecordKind::People, Updated, "owner_id", json!(ANN))), &[]);
    let ended = by_import(change(RecordKind::Imports, Updated, "status", json!("completed")));
    check(&ended, &[(NotificationKind::ImportFinished, Whom::Creator)]);
}

#[test]
fn every_kind_has_words_of_its_own_in_both_languages() {
    let at = Timestamp::parse("2026-03-09T14:05:00Z").unwrap();
    let facts = Facts { name: "Exemple", actor: Some("Ann"), at: Some(at), on: Some(at.date()) };
    let mut seen = std::collections::BTreeSet::new();
    for kind in NotificationKind::VARIANTS {
        let [english, french] = [Locale::En, Locale::Fr].map(|locale| words(*kind, locale, &facts));
        assert_ne!(english, french, "{kind:?}");
        for told in [english, french] {
            assert!(told.message.contains("Exemple"), "{kind:?}: {}", told.message);
            assert!(seen.insert(told.title), "{} stands for two kinds", told.title);
        }
    }
    let due = |locale| words(NotificationKind::TaskDue, locale, &facts).message;
    assert_eq!(due(Locale::En), "“Exemple” is due on 9 March 2026 at 14:05 UTC.");
    assert_eq!(due(Locale::Fr), "« Exemple » est à faire pour le 09/03/2026 à 14:05 UTC.");
    let nobody = Facts { actor: None, ..facts };
    assert!(words(NotificationKind::TaskAssigned, Locale::Fr, &nobody).message.starts_with("Le service"));
}

#[test]
fn priorities_are_those_of_the_table() {
    use NotificationKind::{
        MandateExpiring, PipelineSigned, TaskAssigned, TaskCompleted, TaskOverdue, WebhookDisabled,
    };

    let high: Vec<_> =
        NotificationKind::VARIANTS.iter().filter(|kind| kind.priority() == NotificationPriority::High).collect();
    assert_eq!(high, [&TaskAssigned, &TaskOverdue, &PipelineSigned, &MandateExpiring, &WebhookDisabled]);
    assert_eq!(TaskCompleted.priority(), NotificationPriority::Low);
}

#[test]
fn preferences_name_kinds_and_say_yes_or_no() {
    let read = |value: Value| {
        let read = NotificationPreferences::read(value);
        read.map(|read| read.off())
            .map_err(|invalid| invalid.errors.into_iter().map(|error| (error.pointer, error.code)).collect::<Vec<_>>())
    };
    assert_eq!(read(json!({"kinds": {"task_due": false, "role_changed": true}})), Ok(vec![NotificationKind::TaskDue]));
    assert_eq!(read(json!({"kinds": {}})), Ok(vec![]));
    assert_eq!(read(json!({})), Err(vec![("/kinds".to_owned(), "required")]));
    assert_eq!(read(json!({"kinds": {"noise": true}})), Err(vec![("/kinds/noise".to_owned(), "choice")]));
    assert_eq!(read(json!({"kinds": {"task_due": 1}})), Err(vec![("/kinds/task_due".to_owned(), "type")]));
}
