//! The resources, as the tests that hold for every one of them see them: those of the business, and those of identity. A
//! resource that is missing here fails `crm-api/tests/registry.rs`.

mod identity;
mod interactions;
mod mandates;
mod organisations;
mod people;
mod products;
mod tasks;

use std::{future::Future, pin::Pin};

use crm_domain::query::{FieldSet, Kind};
use serde_json::{Value, json};

pub use self::identity::{IDENTITY, Identity};
use crate::Client;

/// Every resource of the business: one that is listed, made, changed, deleted, restored, searched and exported.
pub const RESOURCES: [Resource; 6] = [
    organisations::ORGANISATIONS,
    people::PEOPLE,
    products::PRODUCTS,
    mandates::MANDATES,
    interactions::INTERACTIONS,
    tasks::TASKS,
];

/// An id that no record has.
pub const MISSING: &str = "01938a3c-5f00-7000-8000-000000000001";

/// A value that breaks the rule of a field: its pointer, the value, the code.
pub type Bad = (&'static str, Value, &'static str);

/// One resource.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// The name of its collection.
    pub name: &'static str,
    /// The name of its schema in the document.
    pub schema: &'static str,
    /// The field that names a record; it takes any line of text.
    pub title: &'static str,
    /// A field that no other resource has, by which a record is recognised.
    pub known_by: &'static str,
    /// Every field that a body can have.
    pub written: &'static [&'static str],
    /// Words that the fields with closed lists take.
    pub words: &'static [(&'static str, &'static [&'static str])],
    /// Fields of which a new record must have a value, the id of a record of that resource.
    pub refers: &'static [(&'static str, &'static str)],
    /// Other fields of which a new record must have a value, and one that they take.
    pub needs: &'static [(&'static str, &'static str)],
    /// The fields that an upsert can match by.
    pub matched_by: &'static [&'static str],
    /// What `expand` takes.
    pub relations: &'static [&'static str],
    /// Paths that count it, with the filters of its list.
    pub counted_at: &'static [&'static str],
    /// The fields by which its list is filtered and sorted.
    pub fields: fn() -> Vec<ListField>,
    /// Values that break the rules of its fields.
    pub bad: fn() -> Vec<Bad>,
}

/// A field by which a list is filtered and sorted.
#[derive(Clone, Copy, Debug)]
pub struct ListField {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether the list can be sorted by it.
    pub is_sortable: bool,
}

impl Resource {
    /// The resource with this name.
    pub fn named(name: &str) -> &'static Self {
        RESOURCES.iter().find(|resource| resource.name == name).expect("a resource")
    }

    /// Where its records live.
    pub fn path(&self) -> String {
        format!("/api/v1/{}", self.name)
    }

    /// The body of a new record with this title. The records that it must refer to are made by the client.
    pub fn body<'a>(&'a self, client: &'a Client, title: &'a str) -> Pin<Box<dyn Future<Output = Value> + 'a>> {
        Box::pin(async move {
            let mut body = json!({ self.title: title });
            for (field, value) in self.needs {
                body[*field] = json!(value);
            }
            for (field, of) in self.refers {
                let of = Self::named(of);
                let made = client.post(&of.path(), of.body(client, "Exemple").await).await.expect(201);
                body[*field] = made.json()["id"].clone();
            }
            body
        })
    }
}

/// The fields of a list.
fn list_fields<F: FieldSet>() -> Vec<ListField> {
    let named = crm_domain::names_of::<F>().into_iter().zip(F::VARIANTS);
    named.map(|(name, field)| ListField { name, kind: field.kind(), is_sortable: field.is_sortable() }).collect()
}
