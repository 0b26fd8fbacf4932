//! Products: their fields, their defaults, what they are found by.

use crm_domain::{Product, ProductPatch, UserId};
use serde_json::json;

use crate::subject::{STAMPS, Subject, USER, at, new, told};

fn products() -> Subject<Product, ProductPatch> {
    Subject {
        read: ProductPatch::read,
        create: |patch| Product::create(new(), patch),
        apply: |record, patch| record.apply(patch, Some(UserId::from_u128(4)), at(2)),
        least: json!({"name": "Exemple Monde"}),
        fields: json!({
            "name": "Été Monde", "isin": "FR0000120271", "type": "ucits", "status": "inactive",
            "notes": "For institutions.", "owner_id": USER, "team_id": USER,
        }),
        required: &["name", "status"],
        emptied: &[],
        brings: &[],
        fixed: &STAMPS,
    }
}

#[test]
fn every_field_of_a_product_is_read_applied_and_told() {
    products().keeps_its_promises();
}

#[test]
fn a_new_product_is_active_and_has_a_name() {
    let told_of = |changes: Vec<crm_domain::FieldChange>| -> Vec<String> {
        changes.into_iter().map(|change| format!("{}={}", change.field, change.new)).take(2).collect()
    };
    assert_eq!(told_of(products().first().changes), ["name=\"Exemple Monde\"", "status=\"active\""]);
    let nameless = ProductPatch::read_new(json!({"isin": "FR0000120272"})).unwrap_err();
    assert_eq!(told(&nameless), ["/name required", "/isin isin"]);
    assert_eq!(told(&Product::create(new(), &ProductPatch::default()).unwrap_err()), ["/name required"]);
}

#[test]
fn a_product_is_found_by_name_and_isin_and_read_back_from_its_json() {
    let full = products().applied(&products().first().state, products().fields).state;
    assert_eq!(full.search_text(), " ete monde fr0000120271");
    assert_eq!(serde_json::from_value::<Product>(json!(full)).unwrap(), full);
}
