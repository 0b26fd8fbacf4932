//! Mandates: their one way from proposed to ended, the days that go with it, and what is sold under them.

use crm_domain::{
    Id, Mandate, MandatePatch, MandateProduct, MandateStatus, NewRecord, ProductId, Refused, UserId, Version,
};
use serde_json::{Value, json};
use strum::VariantArray;

use crate::subject::{STAMPS, Subject, USER, at, new, object, told};

const ORGANISATION: &str = "00000000-0000-0000-0000-000000000005";
const OTHER: &str = "00000000-0000-0000-0000-000000000006";

fn mandates() -> Subject<Mandate, MandatePatch> {
    Subject {
        read: MandatePatch::read,
        create: |patch| Mandate::create(new(), patch),
        apply: |record, patch| {
            record.apply(patch, Some(UserId::from_u128(4)), at(2)).map_err(|refused| refused.at("/status"))
        },
        least: json!({"organisation_id": ORGANISATION}),
        fields: json!({
            "organisation_id": OTHER, "number": "M-17", "status": "signed", "signed_on": "2025-12-01",
            "starts_on": "2026-01-01", "ends_on": "2026-12-31", "notes": "Renewed each year.",
            "owner_id": USER, "team_id": USER,
        }),
        required: &["organisation_id", "status", "signed_on"],
        emptied: &[],
        brings: &[("status", "signed_on", "2026-01-02")],
        fixed: &STAMPS,
    }
}

fn made(body: &Value) -> Mandate {
    let mut all = json!({"organisation_id": ORGANISATION});
    all.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    Mandate::create(new(), &MandatePatch::read_new(all).unwrap()).unwrap().state
}

fn in_status(status: MandateStatus) -> Mandate {
    made(&json!({"status": status}))
}

fn changed(mandate: &Mandate, body: Value) -> Result<Mandate, Refused> {
    mandate.apply(&MandatePatch::read(body).unwrap(), None, at(2)).map(|applied| applied.state)
}

/// The days as one line, `-` for none.
fn days(mandate: &Mandate) -> String {
    let day = |day: Option<crm_domain::values::Date>| day.map_or_else(|| "-".to_owned(), |day| day.to_string());
    [mandate.signed_on, mandate.starts_on, mandate.ends_on].map(day).join(" ")
}

#[test]
fn every_field_of_a_mandate_is_read_applied_and_told() {
    mandates().keeps_its_promises();
}

#[test]
fn a_new_mandate_is_proposed_and_has_an_organisation() {
    assert_eq!(mandates().first().state.status, MandateStatus::Proposed);
    let lost = MandatePatch::read_new(json!({"status": "over"})).unwrap_err();
    assert_eq!(told(&lost), ["/organisation_id required", "/status choice"]);
    assert_eq!(told(&Mandate::create(new(), &MandatePatch::default()).unwrap_err()), ["/organisation_id required"]);
}

#[test]
fn a_mandate_moves_one_step_at_a_time_and_never_back() {
    use MandateStatus::{Active, Ended, Proposed, Signed};
    for from in MandateStatus::VARIANTS {
        for to in MandateStatus::VARIANTS {
            let moved = changed(&in_status(*from), json!({"status": to}));
            let legal = matches!((from, to), (Proposed, Signed) | (Signed, Active) | (Active, Ended)) || from == to;
            match moved {
                Ok(moved) => assert!(legal && moved.status == *to, "{from:?} to {to:?}"),
                Err(Refused::Conflict(conflict)) => {
                    assert!(!legal && conflict.code == "illegal_transition", "{from:?} to {to:?}: {conflict:?}");
                    assert!(conflict.detail.contains(from.as_ref()), "{conflict:?}");
                }
                Err(refused) => panic!("{from:?} to {to:?}: {refused:?}"),
            }
        }
    }
}

#[test]
fn what_is_invalid_is_told_before_what_the_status_forbids() {
    let refused = changed(&in_status(MandateStatus::Ended), json!({"status": "proposed", "organisation_id": null}));
    assert!(matches!(refused, Err(Refused::Invalid(invalid)) if told(&invalid) == ["/organisation_id required"]));
}

#[test]
fn a_mandate_may_begin_in_any_status_and_is_then_known_to_be_signed() {
    let begun = |body: Value| days(&made(&body));
    assert_eq!(begun(json!({})), "- - -");
    assert_eq!(begun(json!({"status": "signed"})), "2026-01-01 - -");
    assert_eq!(begun(json!({"status": "active"})), "2026-01-01 2026-01-01 -");
    assert_eq!(begun(json!({"status": "ended"})), "2026-01-01 - 2026-01-01");
    assert_eq!(begun(json!({"status": "active", "starts_on": "2020-05-01"})), "2020-05-01 2020-05-01 -");
    assert_eq!(begun(json!({"status": "ended", "ends_on": "2019-05-01"})), "2019-05-01 - 2019-05-01");
    assert_eq!(begun(json!({"status": "active", "signed_on": "2030-01-01"})), "2030-01-01 2030-01-01 -");
    let unsigned =
        MandatePatch::read(json!({"organisation_id": OTHER, "status": "active", "signed_on": null})).unwrap();
    assert_eq!(told(&Mandate::create(new(), &unsigned).unwrap_err()), ["/signed_on required"]);
}

#[test]
fn each_step_has_the_day_that_is_named_or_else_the_day_of_the_change() {
    let step = |mandate: &Mandate, body: Value| changed(mandate, body).unwrap();
    let proposed = made(&json!({}));
    let signed = step(&proposed, json!({"status": "signed"}));
    assert_eq!(days(&signed), "2026-01-02 - -");
    assert_eq!(days(&step(&proposed, json!({"status": "signed", "signed_on": "2025-12-24"}))), "2025-12-24 - -");
    let planned = made(&json!({"starts_on": "2026-03-01", "ends_on": "2026-12-31"}));
    let planned = step(&step(&planned, json!({"status": "signed"})), json!({"status": "active"}));
    assert_eq!(days(&planned), "2026-01-02 2026-03-01 2026-12-31");
    let active = step(&signed, json!({"status": "active"}));
    assert_eq!(days(&active), "2026-01-02 2026-01-02 -");
    assert_eq!(days(&step(&active, json!({"status": "ended"}))), "2026-01-02 2026-01-02 2026-01-02");
    // What has a day keeps it, and a step that was made before makes none anew.
    assert_eq!(days(&step(&planned, json!({"status": "ended"}))), "2026-01-02 2026-03-01 2026-12-31");
    let unknown_end = step(&step(&active, json!({"status": "ended"})), json!({"ends_on": null}));
    assert_eq!(days(&step(&unknown_end, json!({"status": "ended", "notes": "a"}))), "2026-01-02 2026-01-02 -");
}

#[test]
fn signature_beginning_and_end_are_in_order() {
    let check = |body: Value, expected: &[&str]| {
        let mut all = json!({"organisation_id": ORGANISATION});
        all.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let made = Mandate::create(new(), &MandatePatch::read(all).unwrap());
        assert_eq!(made.map_err(|invalid| told(&invalid)).err().unwrap_or_default(), expected, "{body}");
    };
    check(json!({"signed_on": "2026-01-01", "starts_on": "2026-01-01", "ends_on": "2026-01-01"}), &[]);
    check(json!({"signed_on": "2026-01-02", "starts_on": "2026-01-01"}), &["/starts_on date_order"]);
    check(json!({"starts_on": "2026-01-02", "ends_on": "2026-01-01"}), &["/ends_on date_order"]);
    check(json!({"signed_on": "2026-01-02", "ends_on": "2026-01-01"}), &["/ends_on date_order"]);
    check(
        json!({"signed_on": "2026-01-03", "starts_on": "2026-01-02", "ends_on": "2026-01-01"}),
        &["/starts_on date_order", "/ends_on date_order"],
    );
}

#[test]
fn products_are_attached_and_detached_while_the_mandate_is_signed_or_active() {
    let (at, by) = (at(1), Some(UserId::from_u128(3)));
    let new = || NewRecord { id: Id::from_u128(8), owner_id: None, team_id: None, by, at };
    for status in MandateStatus::VARIANTS {
        let mandate = in_status(*status);
        let attached = MandateProduct::attach(new(), &mandate, ProductId::from_u128(9));
        if matches!(status, MandateStatus::Signed | MandateStatus::Active) {
            let attached = attached.unwrap();
            let told: Vec<_> = attached.changes.iter().map(|change| change.field.as_ref()).collect();
            assert_eq!(told, ["mandate_id", "product_id"]);
            let state = object(&attached.state);
            assert_eq!((&state["mandate_id"], &state["version"]), (&json!(mandate.id), &json!(Version::FIRST)));
            assert!(mandate.require_open().is_ok());
        } else {
            let refused = attached.unwrap_err();
            assert!(refused.code == "mandate_not_open" && refused.detail.contains(status.as_ref()), "{refused:?}");
            assert_eq!(mandate.require_open().unwrap_err(), refused);
        }
    }
}

#[test]
fn a_mandate_is_found_by_number_and_notes_and_read_back_from_its_json() {
    let full = mandates().applied(&mandates().first().state, mandates().fields).state;
    assert_eq!(full.search_text(), " m 17 renewed each year");
    assert_eq!(serde_json::from_value::<Mandate>(json!(full)).unwrap(), full);
}
