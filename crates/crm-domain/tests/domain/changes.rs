//! The names of events.

use crm_domain::{Change, ChangeAction, FieldChange, RecordKind, Version, access::Resource};
use serde_json::Value;
use strum::VariantArray;

fn event(kind: RecordKind, action: ChangeAction, fields: &[(&'static str, &str)]) -> String {
    let field = |(name, new): &(&'static str, &str)| FieldChange {
        field: (*name).into(),
        old: Value::Null,
        new: Value::from(*new),
    };
    let fields = fields.iter().map(field).collect();
    Change { kind, record_id: uuid::Uuid::nil(), version: Version::FIRST, action, fields }.event()
}

#[test]
fn an_event_is_named_by_the_kind_and_the_action() {
    let names: Vec<_> = RecordKind::VARIANTS
        .iter()
        .map(|kind| {
            ChangeAction::VARIANTS.iter().map(|action| event(*kind, *action, &[])).collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(
        names,
        [
            "organisation.created organisation.updated organisation.deleted organisation.restored",
            "person.created person.updated person.deleted person.restored",
            "link.created link.updated link.deleted link.restored",
            "product.created product.updated product.deleted product.restored",
            "mandate.created mandate.updated mandate.deleted mandate.restored",
            "mandate_product.created mandate_product.updated mandate_product.deleted mandate_product.restored",
            "user.created user.updated user.deleted user.restored",
            "team.created team.updated team.deleted team.restored",
            "role.created role.updated role.deleted role.restored",
            "import.created import.updated import.deleted import.restored",
        ]
    );
}

#[test]
fn a_moved_pipeline_stage_has_an_event_of_its_own() {
    use ChangeAction::{Created, Updated};
    let stage = ("pipeline_stage", "signed");
    assert_eq!(event(RecordKind::Organisations, Updated, &[("name", "a"), stage]), "organisation.pipeline_changed");
    assert_eq!(event(RecordKind::Organisations, Updated, &[("name", "a")]), "organisation.updated");
    assert_eq!(event(RecordKind::Organisations, Created, &[stage]), "organisation.created");
    assert_eq!(event(RecordKind::People, Updated, &[stage]), "person.updated");
}

#[test]
fn a_mandate_that_is_signed_or_ends_has_an_event_of_its_own() {
    use ChangeAction::{Created, Updated};
    assert_eq!(event(RecordKind::Mandates, Updated, &[("notes", "a"), ("status", "signed")]), "mandate.signed");
    assert_eq!(event(RecordKind::Mandates, Updated, &[("status", "ended")]), "mandate.ended");
    assert_eq!(event(RecordKind::Mandates, Updated, &[("status", "active")]), "mandate.updated");
    assert_eq!(event(RecordKind::Mandates, Updated, &[("notes", "ended")]), "mandate.updated");
    assert_eq!(event(RecordKind::Mandates, Created, &[("status", "signed")]), "mandate.created");
    assert_eq!(event(RecordKind::Products, Updated, &[("status", "signed")]), "product.updated");
}

#[test]
fn an_import_is_completed_when_its_status_says_so() {
    use ChangeAction::{Created, Updated};
    assert_eq!(event(RecordKind::Imports, Updated, &[("status", "completed")]), "import.completed");
    for status in ["running", "failed", "reverting", "reverted"] {
        assert_eq!(event(RecordKind::Imports, Updated, &[("status", status)]), "import.updated");
    }
    assert_eq!(event(RecordKind::Imports, Created, &[("status", "completed")]), "import.created");
    assert_eq!(event(RecordKind::Imports, Updated, &[("failure", "completed")]), "import.updated");
}

#[test]
fn every_kind_is_guarded_by_a_resource() {
    use Resource::{Mandates, Organisations, People, Products, Roles, Teams, Users};
    let guards: Vec<_> = RecordKind::VARIANTS.iter().map(|kind| kind.guarded_by()).collect();
    let records = [Organisations, People, Organisations, Products, Mandates, Mandates];
    assert_eq!(guards, [&records[..], &[Users, Teams, Roles, Organisations]].concat());
}
