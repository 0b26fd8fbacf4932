//! The OpenAPI document: reviewed as a snapshot, and true to itself.

use std::collections::HashSet;

use serde_json::Value;

#[test]
fn the_document_is_the_reviewed_one() {
    insta::assert_json_snapshot!("openapi", crm_api::document());
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = crm_api::document();
    let mut references = Vec::new();
    collect(document, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("references stay within the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn every_operation_is_named_once_and_described() {
    let mut names = HashSet::new();
    for (place, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap_or_default();
        assert!(names.insert(name.to_owned()), "{place}: {name} is taken");
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{place} has no summary");
        assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{place} has not one tag");
    }
    assert!(names.len() > 30, "only {} operations", names.len());
}

#[test]
fn what_writes_says_which_version_or_takes_a_key() {
    for (place, operation) in operations()
        .into_iter()
        .filter(|(place, _)| place.contains("/api/v1") && !place.contains("/auth/") && !place.contains("/monitoring/"))
    {
        let headers: Vec<&str> = operation["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["in"] == "header")
            .filter_map(|one| one["name"].as_str())
            .collect();
        match place.split(' ').next().unwrap() {
            // A ticket and a secret are told once: no answer with one is kept.
            "post" if ["/realtime/tickets", "/webhooks", "/rotate-secret"].iter().any(|end| place.ends_with(end)) => {}
            "post" => assert!(headers.contains(&"Idempotency-Key"), "{place}"),
            "patch" | "delete" => assert!(headers.contains(&"If-Match"), "{place}"),
            _ => {}
        }
        assert!(operation["responses"]["401"].is_object() && operation["responses"]["500"].is_object(), "{place}");
    }
}

fn operations() -> Vec<(String, Value)> {
    let paths = crm_api::document()["paths"].as_object().expect("the document has paths with operations");
    let each = paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .expect("the document has paths with operations")
            .iter()
            .map(move |(method, operation)| (format!("{method} {path}"), operation.clone()))
    });
    each.collect()
}

fn collect<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::Object(object) => {
            into.extend(object.get("$ref").and_then(Value::as_str));
            object.values().for_each(|value| collect(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, into)),
        _ => {}
    }
}
