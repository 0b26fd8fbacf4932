//! Examples of the records and of what is written. The names are made up.

use serde_json::{Value, json};

use super::Documented;
use crate::v1::RESOURCES;

const ID: &str = "0199aa3e-7c4e-7b1a-9d53-2f4f8a6c1e10";
const OTHER: &str = "0199aa3e-7c51-7d02-8e6a-51b0c7d9e2f4";
const USER: &str = "0199aa3d-0a10-7f3b-b2c4-6e8d0f1a2b3c";
const TIME: &str = "2026-01-15T09:30:00.000000Z";

/// Adds an example to each schema that has one.
pub(super) fn add(schemas: &mut Value) {
    let examples = [
        ("LinkPatch", json!({"role": "decision_maker", "is_primary": true, "since": "2024-09-01"})),
        ("User", with_stamps(user(), &[("id", json!(USER)), ("last_login_at", json!(TIME))])),
        ("UserCreate", user()),
        ("UserPatch", json!({"is_active": false})),
        ("Team", with_stamps(team(), &[("id", json!(OTHER))])),
        ("TeamCreate", team()),
        ("TeamPatch", json!({"manager_id": null})),
        ("Role", with_stamps(role(), &[("id", json!(OTHER)), ("is_built_in", json!(false))])),
        ("RoleCreate", role()),
        ("RolePatch", json!({"name": "Assistant"})),
        ("ApiKeyDraft", api_key()),
        ("LoginRequest", json!({"email": "ann@example.com", "password": "a long and private sentence"})),
        ("CodeRequest", json!({"code": "287082"})),
        ("ResetRequest", json!({"email": "ann@example.com"})),
        ("ResetConfirmation", json!({"token": "crm_pr_…", "new_password": "a new and private sentence"})),
        ("RefreshRequest", json!({"refresh_token": "crm_rt_…"})),
        (
            "Problem",
            json!({
                "type": "/api/docs/problems#invalid", "title": "The input is not valid", "status": 422,
                "detail": "Some fields are not valid.", "code": "invalid", "request_id": "0199aa3e7c4e7b1a",
                "errors": [{"pointer": "/email", "code": "email", "detail": "must be an e-mail address"}],
            }),
        ),
    ];
    let of_resources = RESOURCES.iter().flat_map(|resource| of(resource));
    for (name, example) in examples.into_iter().map(|(name, one)| (name.to_owned(), one)).chain(of_resources) {
        if let Some(schema) = schemas.get_mut(&name) {
            schema["examples"] = json!([example]);
        }
    }
}

/// The examples of a resource, all made of its one new record and its one change.
fn of(resource: &Documented) -> [(String, Value); 4] {
    let Documented { schema, matched_by, .. } = resource;
    let (new, change) = ((resource.example)(), (resource.change)());
    let operations = json!([
        {"op": "create", "data": new},
        {"op": "update", "id": ID, "version": 3, "data": change},
        {"op": "upsert", "match": matched_by[0], "data": new},
        {"op": "delete", "id": OTHER, "if_match": "*"},
    ]);
    [
        ((*schema).to_owned(), with_stamps(new.clone(), &[("id", json!(ID))])),
        (format!("{schema}Create"), new),
        (format!("{schema}Patch"), change),
        (format!("{schema}Batch"), json!({"atomic": false, "operations": operations})),
    ]
}

fn user() -> Value {
    json!({
        "email": "ann@example.com", "name": "Ann Exemple", "role_id": crm_domain::access::BuiltInRole::User.id(),
        "team_id": null, "locale": "fr", "is_active": true,
    })
}

fn team() -> Value {
    json!({"name": "Paris", "manager_id": USER})
}

fn role() -> Value {
    json!({"name": "Assistant", "rules": [{"resource": "people", "action": "read", "reach": "team"}]})
}

fn api_key() -> Value {
    json!({
        "name": "Newsletter", "expires_at": "2026-12-31T00:00:00Z",
        "rules": [{"resource": "people", "action": "read", "reach": "team"}],
    })
}

fn with_stamps(mut record: Value, more: &[(&str, Value)]) -> Value {
    for (name, value) in more {
        record[*name] = value.clone();
    }
    for (name, value) in [
        ("version", json!(1)),
        ("owner_id", json!(USER)),
        ("team_id", Value::Null),
        ("created_at", json!(TIME)),
        ("created_by", json!(USER)),
        ("updated_at", json!(TIME)),
        ("updated_by", json!(USER)),
        ("deleted_at", Value::Null),
    ] {
        record[name] = value;
    }
    record
}

#[cfg(test)]
mod tests {
    use crm_domain::{ApiKeyDraft, RolePatch, TeamPatch, UserPatch};

    use super::*;

    #[test]
    fn the_examples_of_bodies_are_taken() {
        UserPatch::read_new(user()).unwrap();
        TeamPatch::read_new(team()).unwrap();
        RolePatch::read_new(role()).unwrap();
        ApiKeyDraft::read(api_key()).unwrap();
    }
}
