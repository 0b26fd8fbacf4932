//! Those who act and what they may: resources with the life of a record, which are not the business that is searched,
//! imported, exported and worked on many at a time.

use crm_domain::{RoleField, TeamField, UserField, access::BuiltInRole};
use serde_json::{Value, json};

use super::{ListField, list_fields};

/// Every resource of identity.
pub const IDENTITY: [Identity; 3] = [USERS, TEAMS, ROLES];

/// One resource of identity.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The name of its collection.
    pub name: &'static str,
    /// The name of its schema in the document.
    pub schema: &'static str,
    /// Every field that a change can have.
    pub written: &'static [&'static str],
    /// Fields that only a new record can have.
    pub only_new: &'static [&'static str],
    /// The body of a new record with this name.
    pub body: fn(&str) -> Value,
    /// The fields by which its list is filtered and sorted.
    pub fields: fn() -> Vec<ListField>,
}

const USERS: Identity = Identity {
    name: "users",
    schema: "User",
    written: &["email", "name", "role_id", "team_id", "locale", "is_active"],
    only_new: &["password"],
    body: |name| json!({"email": format!("{name}@example.com"), "name": name, "role_id": BuiltInRole::ReadOnly.id()}),
    fields: list_fields::<UserField>,
};

const TEAMS: Identity = Identity {
    name: "teams",
    schema: "Team",
    written: &["name", "manager_id", "owner_id"],
    only_new: &[],
    body: |name| json!({"name": name}),
    fields: list_fields::<TeamField>,
};

const ROLES: Identity = Identity {
    name: "roles",
    schema: "Role",
    written: &["name", "rules", "requires_second_factor"],
    only_new: &[],
    body: |name| json!({"name": name, "rules": []}),
    fields: list_fields::<RoleField>,
};

impl Identity {
    /// Where its records live.
    pub fn path(&self) -> String {
        format!("/api/v1/{}", self.name)
    }
}
