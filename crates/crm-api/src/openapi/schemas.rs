//! Schemas that differ from what the types alone tell: patches, creations, closed objects.

use crm_domain::FieldError;
use serde_json::{Map, Value, json};
use utoipa::PartialSchema;

use crate::{problem::ProblemDocument, v1::RESOURCES};

/// What a client writes that is no resource of its own: the name of the schema, the fields that cannot be `null`, those
/// that a new record must have.
const PARTS: [Written; 6] = [
    ("Link", &["is_primary"], &[]),
    ("User", &["email", "name", "role_id", "locale", "is_active"], &["email", "name", "role_id"]),
    ("Team", &["name"], &["name"]),
    ("Role", &["name"], &["name"]),
    ("Notification", &[], &[]),
    ("Webhook", &["name", "url", "events", "is_enabled"], &["name", "url", "events"]),
];

type Written = (&'static str, &'static [&'static str], &'static [&'static str]);

fn written() -> impl Iterator<Item = Written> {
    RESOURCES.iter().map(|resource| (resource.schema, resource.present, resource.required)).chain(PARTS)
}

/// What else is written: objects that take no other fields.
const CLOSED: [&str; 13] = [
    "ApiKeyDraft",
    "BatchBody",
    "CodeRequest",
    "LogLevels",
    "LoginRequest",
    "NotificationPreferences",
    "PasswordProof",
    "PasswordRequest",
    "RefreshRequest",
    "ResetConfirmation",
    "ResetRequest",
    "Rule",
    "UploadBody",
];

/// Makes the schemas say what the readers of the bodies really take.
pub(super) fn complete(schemas: &mut Value) {
    let schemas = schemas.as_object_mut().expect("there are schemas");
    for (name, schema) in [("Problem", ProblemDocument::schema()), ("FieldError", FieldError::schema())] {
        schemas.insert(name.to_owned(), json!(schema));
    }
    let fields = inline_fields(schemas);
    for (name, present, required) in written() {
        let patch = schemas.get_mut(&format!("{name}Patch")).expect("each of these has a patch");
        let patch = patch.as_object_mut().expect("a patch is an object");
        patch.remove("required");
        patch.insert("additionalProperties".to_owned(), json!(false));
        resolve_fields(patch, &fields);
        close_fields(patch, present);
        if !required.is_empty() {
            let create = created(patch.clone(), name, required);
            schemas.insert(format!("{name}Create"), create);
        }
    }
    // A password belongs to a new user, and to none that is read or changed.
    schemas["UserCreate"]["properties"]["password"] = json!({
        "type": ["string", "null"], "format": "password", "minLength": 15, "maxLength": 128,
        "description": "The first password; without one the user cannot sign in before they have been given one.",
    });
    for name in CLOSED {
        schemas.get_mut(name).expect("each of these is a body")["additionalProperties"] = json!(false);
    }
    for (name, schema) in schemas.iter_mut() {
        if let Some(item) = name.strip_prefix("List_") {
            schema["properties"]["items"]["items"] = json!({"$ref": format!("#/components/schemas/{item}")});
        }
    }
}

/// The three states of a field are no schema of their own: they are told where the field is.
fn inline_fields(schemas: &mut Map<String, Value>) -> Map<String, Value> {
    let names: Vec<String> = schemas.keys().filter(|name| name.starts_with("Field_")).cloned().collect();
    names.into_iter().filter_map(|name| schemas.remove(&name).map(|schema| (name, schema))).collect()
}

fn resolve_fields(patch: &mut Map<String, Value>, fields: &Map<String, Value>) {
    let properties = patch.get_mut("properties").and_then(Value::as_object_mut).expect("a patch has fields");
    for property in properties.values_mut() {
        let name = property["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        if let Some(schema) = name.and_then(|name| fields.get(name)) {
            *property = schema.clone();
        }
    }
}

/// A `POST` that takes a patch takes a creation.
pub(super) fn use_create_schema(body: &mut Value) {
    let Some(schema) = body.pointer_mut("/content/application~1json/schema/$ref") else {
        return;
    };
    let create = written().find_map(|(name, _, _)| {
        schema
            .as_str()
            .filter(|path| path.ends_with(&format!("/{name}Patch")))
            .map(|path| path.replace("Patch", "Create"))
    });
    if let Some(create) = create {
        *schema = json!(create);
    }
}

fn created(mut create: Map<String, Value>, name: &str, required: &[&str]) -> Value {
    create.insert("required".to_owned(), json!(required));
    create.insert(
        "description".to_owned(),
        json!(format!("The fields of a new {}; those that are absent are empty.", name.to_lowercase())),
    );
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
