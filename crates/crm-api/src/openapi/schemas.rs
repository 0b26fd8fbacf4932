//! Schemas that differ from what the types alone tell: patches, creations, closed objects.

use serde_json::{Map, Value, json};

/// What a client writes: the name of the schema, the fields that cannot be `null`, those that a new record must have.
const WRITTEN: [(&str, &[&str], &[&str]); 3] = [
    ("Organisation", &["name", "pipeline_stage", "currency", "is_active"], &["name"]),
    ("Person", &["last_name", "is_active", "consent"], &["last_name"]),
    ("Link", &["is_primary"], &[]),
];

/// Makes the schemas say what the readers of the bodies really take.
pub(super) fn complete(schemas: &mut Value) {
    let schemas = schemas.as_object_mut().expect("there are schemas");
    for (name, present, required) in WRITTEN {
        let patch = schemas.get_mut(&format!("{name}Patch")).expect("each of these has a patch");
        let patch = patch.as_object_mut().expect("a patch is an object");
        patch.remove("required");
        patch.insert("additionalProperties".to_owned(), json!(false));
        close_fields(patch, present);
        if !required.is_empty() {
            let create = created(patch.clone(), name, required);
            schemas.insert(format!("{name}Create"), create);
        }
    }
    for schema in schemas.values_mut() {
        if schema.get("description").is_some_and(|text| text.as_str().is_some_and(|text| text.contains("Body of"))) {
            schema["additionalProperties"] = json!(false);
        }
    }
}

/// A `POST` that takes a patch takes a creation.
pub(super) fn use_create_schema(body: &mut Value) {
    let schema = &mut body["content"]["application/json"]["schema"]["$ref"];
    let create = WRITTEN.iter().find_map(|(name, _, _)| {
        schema.as_str().filter(|path| path.ends_with(&format!("/{name}Patch"))).map(|path| path.replace("Patch", "Create"))
    });
    if let Some(create) = create {
        *schema = json!(create);
    }
}

fn created(mut create: Map<String, Value>, name: &str, required: &[&str]) -> Value {
    create.insert("required".to_owned(), json!(required));
    create.insert("description".to_owned(), json!(format!("The fields of a new {}; those that are absent are empty.", name.to_lowercase())));
    Value::Object(create)
}

/// Takes `null` from the fields that must be present.
fn close_fields(patch: &mut Map<String, Value>, present: &[&str]) {
    let properties = patch.get_mut("properties").and_then(Value::as_object_mut).expect("a patch has fields");
    for name in present {
        let field = properties.get_mut(*name).expect("the table above names fields of the patch");
        let choices = field["oneOf"].as_array().cloned().unwrap_or_default();
        if let Some(value) = choices.into_iter().find(|choice| choice["type"] != "null") {
            *field = value;
        }
    }
}
