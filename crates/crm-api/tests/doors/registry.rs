//! The resources that the doors belong to, and all that stands between two of them, one line for each.

use crm_domain::{TeamId, UserId, access::BuiltInRole};
use crm_testkit::{Client, RESOURCES, TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    BASE,
    coverage::has,
    stored::{self, HOME, Store},
};

/// Whose a record is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Owned {
    pub by: Option<UserId>,
    pub team: Option<TeamId>,
    /// Who has made it, where that matters.
    pub made_by: Option<UserId>,
    /// Only where such a record can be assigned to somebody.
    pub assigned: Option<UserId>,
}

impl Owned {
    pub const fn by(by: Option<UserId>, team: Option<TeamId>) -> Self {
        Self { by, team, made_by: None, assigned: None }
    }
}

/// A resource with records.
#[derive(Clone, Copy)]
pub struct Subject {
    /// Its name in the golden file.
    pub label: &'static str,
    /// The last segment of its list's path, which is also the resource of the permissions.
    pub resource: &'static str,
    /// The body of a new record in which the mark can be found.
    pub body: fn(&str) -> Value,
    /// A change of any record.
    pub change: fn(&str) -> Value,
    /// How a record with an owner gets there.
    maker: Maker,
}

#[derive(Clone, Copy)]
enum Maker {
    /// By the administrator, over HTTP: owner and team are fields of the body.
    Http,
    /// Straight into the store, where the owner of such a record is not for clients to choose.
    Store(Store),
}

const fn over_http(resource: &'static str, body: fn(&str) -> Value, change: fn(&str) -> Value) -> Subject {
    Subject { label: resource, resource, body, change, maker: Maker::Http }
}

/// Every resource with records. A new one joins here.
pub const SUBJECTS: &[Subject] = &[
    over_http("organisations", |mark| json!({"name": mark}), |mark| json!({"notes": mark})),
    over_http("people", |mark| json!({"last_name": mark}), |mark| json!({"notes": mark})),
    over_http("products", |mark| json!({"name": mark}), |mark| json!({"notes": mark})),
    // One to which products can be attached.
    over_http(
        "mandates",
        |mark| json!({"number": mark, "organisation_id": HOME, "status": "signed"}),
        |mark| json!({"notes": mark}),
    ),
    over_http(
        "interactions",
        |mark| json!({"subject": mark, "organisation_id": HOME, "occurred_at": "2026-01-05T09:30:00Z"}),
        |mark| json!({"body": mark}),
    ),
    over_http("tasks", |mark| json!({"title": mark}), |mark| json!({"description": mark})),
    Subject {
        label: "users",
        resource: "users",
        body: user,
        change: |mark| json!({"name": mark}),
        maker: Maker::Store(stored::user),
    },
    Subject {
        label: "users' access",
        resource: "users",
        body: user,
        change: |_| json!({"is_active": false}),
        maker: Maker::Store(stored::user),
    },
    Subject {
        label: "teams",
        resource: "teams",
        body: |mark| json!({"name": mark}),
        change: |mark| json!({"name": mark}),
        maker: Maker::Store(stored::team),
    },
    Subject {
        label: "roles",
        resource: "roles",
        body: |mark| json!({"name": mark}),
        change: |mark| json!({"name": mark}),
        maker: Maker::Store(stored::role),
    },
];

/// A relation between two resources: from the one end, the field and the last segment of the list, the other end, and the
/// path that joins the two.
pub struct Relation {
    pub from: &'static str,
    pub name: &'static str,
    pub to: &'static str,
    /// `PUT` here joins: `{from}` and `{to}` are the ids.
    pub join: &'static str,
}

/// Every relation with a list of its own. A new one joins here.
pub const RELATIONS: &[Relation] = &[
    Relation { from: "organisations", name: "people", to: "people", join: "/organisations/{from}/people/{to}" },
    Relation { from: "people", name: "organisations", to: "organisations", join: "/organisations/{to}/people/{from}" },
    Relation { from: "mandates", name: "products", to: "products", join: "/mandates/{from}/products/{to}" },
    Relation { from: "products", name: "mandates", to: "mandates", join: "/mandates/{to}/products/{from}" },
];

/// A field of one resource that names records of another.
#[derive(Clone, Copy)]
pub struct Reference {
    pub from: &'static str,
    pub field: &'static str,
    pub to: &'static str,
    /// What `expand` calls what is named, where it can be inlined.
    pub relation: Option<&'static str>,
}

const fn named(from: &'static str, field: &'static str, to: &'static str, relation: Option<&'static str>) -> Reference {
    Reference { from, field, to, relation }
}

/// Every field that names a record. A new one joins here.
pub const REFERENCES: &[Reference] = &[
    named("organisations", "owner_id", "users", Some("owner")),
    named("organisations", "team_id", "teams", None),
    named("people", "owner_id", "users", Some("owner")),
    named("people", "team_id", "teams", None),
    named("products", "owner_id", "users", Some("owner")),
    named("products", "team_id", "teams", None),
    named("mandates", "owner_id", "users", Some("owner")),
    named("mandates", "team_id", "teams", None),
    named("mandates", "organisation_id", "organisations", Some("organisation")),
    named("interactions", "owner_id", "users", Some("owner")),
    named("interactions", "team_id", "teams", None),
    named("interactions", "organisation_id", "organisations", Some("organisation")),
    named("interactions", "product_id", "products", Some("product")),
    named("interactions", "participant_people", "people", Some("people")),
    named("interactions", "participant_users", "users", Some("users")),
    named("tasks", "owner_id", "users", Some("owner")),
    named("tasks", "team_id", "teams", None),
    named("tasks", "assignee_id", "users", Some("assignee")),
    named("tasks", "organisation_id", "organisations", Some("organisation")),
    named("tasks", "person_id", "people", Some("person")),
    named("tasks", "mandate_id", "mandates", Some("mandate")),
    named("tasks", "interaction_id", "interactions", Some("interaction")),
    named("users", "role_id", "roles", None),
    named("users", "team_id", "teams", None),
    named("teams", "owner_id", "users", None),
    named("teams", "manager_id", "users", None),
];

impl Reference {
    /// What a body says to name this record.
    pub fn value(&self, id: &str) -> Value {
        if self.field.starts_with("participant_") { json!([id]) } else { json!(id) }
    }

    /// Whether what it names has a timeline in which the naming record stands.
    pub fn has_timeline(&self) -> bool {
        has("get", &format!("{BASE}/{}/{{id}}/timeline", self.to))
    }
}

impl Subject {
    /// The resource with this name.
    pub fn named(name: &str) -> &'static Self {
        SUBJECTS.iter().find(|subject| subject.label == name).unwrap()
    }

    pub fn list(&self) -> String {
        format!("{BASE}/{}", self.resource)
    }

    pub fn record(&self, id: Uuid) -> String {
        format!("{BASE}/{}/{id}", self.resource)
    }

    /// Makes a record with this mark and these owners.
    pub async fn make(&self, app: &TestApp, mark: &str, owned: Owned) -> Uuid {
        match self.maker {
            Maker::Http => self.make_with(app, (self.body)(mark), owned).await,
            Maker::Store(store) => stored::put(app, |tx| store(tx, mark, owned)),
        }
    }

    /// Makes a record over HTTP with this body and these owners.
    pub async fn make_with(&self, app: &TestApp, mut body: Value, owned: Owned) -> Uuid {
        body["owner_id"] = json!(owned.by);
        body["team_id"] = json!(owned.team);
        if let Some(assignee) = owned.assigned {
            body["assignee_id"] = json!(assignee);
        }
        let made = app.ann().post(&self.list(), body).await.expect(201).json();
        made["id"].as_str().unwrap().parse().unwrap()
    }

    /// Whether owners are fields of its body.
    pub fn is_owned_by_its_body(&self) -> bool {
        matches!(self.maker, Maker::Http)
    }

    /// Whether a record of it can be assigned to somebody.
    pub fn is_assigned(&self) -> bool {
        RESOURCES.iter().any(|one| one.name == self.resource && one.written.contains(&"assignee_id"))
    }

    /// Where it is counted outside its own collection, with the filters of its list.
    pub fn figures(&self) -> Option<String> {
        let counted = RESOURCES.iter().filter(|one| one.name == self.resource).flat_map(|one| one.counted_at);
        counted.into_iter().find(|path| path.starts_with("figures/")).map(|path| format!("{BASE}/{path}"))
    }

    /// Takes a record away, as the administrator.
    pub async fn delete(&self, app: &TestApp, id: Uuid) {
        delete(&app.ann(), &self.record(id)).await.expect(204);
    }
}

pub async fn delete(client: &Client, path: &str) -> crm_testkit::Answer {
    client.raw("DELETE", path, &[("If-Match", "*")], Vec::new()).await
}

fn user(mark: &str) -> Value {
    json!({"email": format!("{mark}@example.com"), "name": mark, "role_id": BuiltInRole::ReadOnly.id()})
}
