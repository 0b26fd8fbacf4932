//! The bodies of batches: what an operation takes depends on the resource.

use serde_json::{Map, Value, json};

use super::complete::ENTITY_TAG;

/// The tag of a resource, the name of its schema, the fields that an upsert can match by.
const BATCHES: [(&str, &str, &[&str]); 2] = [
    ("organisations", "Organisation", &["lei", "licence_number", "registration_number"]),
    ("people", "Person", &["email"]),
];

/// Replaces the one schema of all batches by one for each resource.
pub(super) fn complete(schemas: &mut Value) {
    let schemas = schemas.as_object_mut().expect("there are schemas");
    let body = schemas.remove("BatchBody").expect("there are batches");
    for (_, name, keys) in BATCHES {
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
    let found = BATCHES.iter().find(|(of, _, _)| *of == tag);
    if let (Some(schema), Some((_, name, _))) = (schema.filter(|path| *path == "#/components/schemas/BatchBody"), found)
    {
        *schema = json!(format!("#/components/schemas/{name}Batch"));
    }
}

fn operation(name: &str, keys: &[&str]) -> Value {
    let (create, patch) = (reference(&format!("{name}Create")), reference(&format!("{name}Patch")));
    let id = json!({"type": "string", "format": "uuid", "description": "The record."});
    let versions = [
        (
            "version",
            json!({"type": "integer", "format": "int64", "minimum": 1, "maximum": i64::MAX, "description": "The version that the record must have."}),
        ),
        (
            "if_match",
            json!({"type": "string", "maxLength": 20, "pattern": ENTITY_TAG, "description": "The `ETag` that the record must have, or `*`."}),
        ),
    ];
    let mut choices = vec![choice("create", &[("data", create)])];
    for (field, version) in versions {
        let (id, version) = (("id", id.clone()), (field, version));
        choices.push(choice("update", &[id.clone(), version.clone(), ("data", patch.clone())]));
        choices.push(choice("delete", &[id, version]));
    }
    for field in keys {
        let has_value = json!({"type": "object", "required": [field], "properties": {*field: {"type": "string"}}});
        let by =
            json!({"type": "string", "enum": [field], "description": "The field that tells which record is meant."});
        choices.push(choice("upsert", &[("match", by), ("data", json!({"allOf": [patch, has_value]}))]));
    }
    json!({"description": "One operation, as a request of its own would be.", "oneOf": choices})
}

/// An operation that takes all these fields and no other.
fn choice(word: &str, fields: &[(&str, Value)]) -> Value {
    let mut properties = Map::from_iter([("op".to_owned(), json!({"type": "string", "enum": [word]}))]);
    properties.extend(fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())));
    let required: Vec<&String> = properties.keys().collect();
    json!({"type": "object", "title": word, "required": required, "properties": properties, "additionalProperties": false})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
