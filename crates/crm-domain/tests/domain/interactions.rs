//! Interactions: their fields, their defaults, what they are found by.

use crm_domain::{Interaction, InteractionPatch, UserId};
use serde_json::json;

use crate::subject::{STAMPS, Subject, USER, at, new, told};

const ONE: &str = "00000000-0000-0000-0000-000000000001";
const TWO: &str = "00000000-0000-0000-0000-000000000002";

fn interactions() -> Subject<Interaction, InteractionPatch> {
    Subject {
        read: InteractionPatch::read,
        create: |patch| Interaction::create(new(), patch),
        apply: |record, patch| record.apply(patch, Some(UserId::from_u128(4)), at(2)),
        least: json!({"subject": "Exemple", "occurred_at": "2026-01-05T09:00:00Z", "organisation_id": ONE}),
        fields: json!({
            "type": "visit", "occurred_at": "2026-01-06T09:00:00.000000Z", "duration_minutes": 45, "subject": "Été",
            "body": "Talked.\nAgreed.", "outcome": "A mandate", "organisation_id": TWO, "product_id": TWO,
            "participant_people": [ONE, TWO], "participant_users": [USER], "owner_id": USER, "team_id": USER,
        }),
        required: &["type", "occurred_at", "subject"],
        emptied: &["participant_people", "participant_users"],
        brings: &[],
        fixed: &STAMPS,
    }
}

#[test]
fn every_field_of_an_interaction_is_read_applied_and_told() {
    interactions().keeps_its_promises();
}

#[test]
fn a_new_interaction_has_a_time_a_subject_and_an_organisation_or_a_product() {
    let missing = InteractionPatch::read_new(json!({"type": "chat"})).unwrap_err();
    assert_eq!(told(&missing), ["/occurred_at required", "/subject required", "/type choice"]);
    let refused = Interaction::create(new(), &InteractionPatch::default()).unwrap_err();
    assert_eq!(told(&refused), ["/occurred_at required", "/subject required", "/organisation_id required"]);
    let of_product = json!({"subject": "a", "occurred_at": "2026-01-05T09:00:00Z", "product_id": ONE});
    let made = Interaction::create(new(), &InteractionPatch::read_new(of_product).unwrap()).unwrap().state;
    assert_eq!((made.kind.as_ref(), made.organisation_id), ("other", None));
}

#[test]
fn the_last_organisation_or_product_cannot_be_taken_away() {
    let first = interactions().first().state;
    let alone = first.apply(&interactions().patch(json!({"organisation_id": null})), None, at(2)).unwrap_err();
    assert_eq!(told(&alone), ["/organisation_id required"]);
    assert!(
        first.apply(&interactions().patch(json!({"organisation_id": null, "product_id": ONE})), None, at(2)).is_ok()
    );
}

#[test]
fn participants_are_sets_in_one_order() {
    let patch = interactions().patch(json!({"participant_people": [TWO, ONE, TWO]}));
    let state = interactions().first().state.apply(&patch, None, at(2)).unwrap().state;
    assert_eq!(json!(state.participant_people), json!([ONE, TWO]));
    let same = interactions().patch(json!({"participant_people": [ONE, TWO]}));
    assert!(state.apply(&same, None, at(3)).unwrap().changes.is_empty());
    let many: Vec<String> = (0..101).map(|number| UserId::from_u128(number).to_string()).collect();
    let wrong = InteractionPatch::read(json!({"participant_people": many, "participant_users": ["x"]})).unwrap_err();
    assert_eq!(told(&wrong), ["/participant_people too_many", "/participant_users uuid"]);
}

#[test]
fn an_interaction_is_found_by_its_texts_and_read_back_from_its_json() {
    let full = interactions().applied(&interactions().first().state, interactions().fields).state;
    assert_eq!(full.search_text(), " ete a mandate talked agreed");
    assert_eq!(serde_json::from_value::<Interaction>(json!(full)).unwrap(), full);
}
