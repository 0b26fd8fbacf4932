//! The bodies of batches: what an operation takes depends on the resource.

use serde_json::{Map, Value, json};

use super::complete::ENTITY_TAG;
use crate::v1::RESOURCES;

/// Replaces the one schema of all batches by one for each resource.
pub(super) fn complete(schemas: &mut Value) {
    let schemas = schemas.as_object_mut().expect("there are schemas");
    let body = schemas.remove("BatchBody").expect("there are batches");
    for resource in RESOURCES {
        let (name, keys) = (resource.schema, resource.matched_by);
        let mut batch = body.clone();
        let operations = &mut batch["properties"]["operations"];
        operations["description"] = json!("What to do, in order.");
        operations["items"] = reference(&format!("{name}BatchOperation"));
        schemas.insert(format!("{name}Batch"), batch);
        schemas.insert(format!("{name}BatchOperation"), operation(name, keys));
    }
}

/// Makes a body that takes batches take those of its resource.
pub(super) fn use_schema(tag: &str, body: &mut Value) {
    let schema = body.pointer_mut("/content/application~1json/schema/$ref");
    let found = RESOURCES.iter().find(|resource| resource.tag == tag);
    if let (Some(schema), Some(resource)) = (schema.filter(|path| *path == "#/components/schemas/BatchBody"), found) {
        *schema = json!(format!("#/components/schemas/{}Batch", resource.schema));
    }
}

fn operation(name: &str, keys: &[&str]) -> Value {
    let (create, patch) = (reference(&format!("{name}Create")), reference(&format!("{name}Patch")));
    let key = json!({"type": "string", "enum": keys, "description": "The field that tells which record is meant; `data` has a value for it."});
    json!({
        "description": "One operation, as a request of its own would be.",
        "oneOf": [
            choice("create", vec![("data", create)]),
            versioned(choice("update", vec![("id", id()), ("data", patch.clone())])),
            choice("upsert", vec![("match", key), ("data", patch)]),
            versioned(choice("delete", vec![("id", id())])),
        ],
    })
}

fn id() -> Value {
    json!({"type": "string", "format": "uuid", "description": "The record."})
}

/// An operation that takes all these fields and no other.
fn choice(word: &str, fields: Vec<(&str, Value)>) -> Value {
    let op = ("op", json!({"type": "string", "enum": [word]}));
    let all = [op].into_iter().chain(fields);
    let properties: Map<String, Value> = all.map(|(name, schema)| (name.to_owned(), schema)).collect();
    let required: Vec<&String> = properties.keys().collect();
    json!({"type": "object", "title": word, "required": required, "properties": properties, "additionalProperties": false})
}

/// The operation, which also takes one of the two ways to say the version.
fn versioned(mut operation: Value) -> Value {
    operation["properties"]["version"] = json!({
        "type": "integer", "format": "int64", "minimum": 1, "maximum": i64::MAX,
        "description": "The version that the record must have.",
    });
    operation["properties"]["if_match"] = json!({
        "type": "string", "maxLength": 20, "pattern": ENTITY_TAG,
        "description": "The `ETag` that the record must have, or `*`.",
    });
    operation["oneOf"] = json!([{"required": ["version"]}, {"required": ["if_match"]}]);
    operation
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
