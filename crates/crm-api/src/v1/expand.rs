//! `?expand=`: relations inlined into records, one query for each relation however many records there are.
//!
//! What the caller may not see is inlined as nothing: `null` where there would be one record, an empty list where there
//! would be several.

use std::{
    collections::{HashMap, HashSet},
    marker::PhantomData,
};

use crm_app::App;
use crm_domain::{
    Id, Interaction, Mandate, Organisation, OrganisationId, Person, PersonId, Product, Stamps, Task, User, UserId,
    access::{Grant, Read, policy},
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::path::{Parameter, ParameterIn};
use uuid::Uuid;

use super::{
    links::{LinkedOrganisation, LinkedPerson},
    mandate_products::SoldProduct,
};
use crate::{
    extract::{Viewer, known},
    openapi::listed,
    problem::Problem,
};

/// A record whose relations can be inlined.
pub(crate) trait Expandable: Serialize + Sized {
    /// The names of its relations; `owner` is one of every record's.
    const RELATIONS: &'static [&'static str];

    /// Its id.
    fn id(&self) -> Uuid;

    /// Its stamps.
    fn stamps(&self) -> &Stamps;
}

impl Expandable for Organisation {
    const RELATIONS: &'static [&'static str] = &["owner", "people"];

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn stamps(&self) -> &Stamps {
        &self.stamps
    }
}

impl Expandable for Person {
    const RELATIONS: &'static [&'static str] = &["owner", "organisations"];

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn stamps(&self) -> &Stamps {
        &self.stamps
    }
}

impl Expandable for Product {
    const RELATIONS: &'static [&'static str] = &["owner"];

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn stamps(&self) -> &Stamps {
        &self.stamps
    }
}

impl Expandable for Mandate {
    const RELATIONS: &'static [&'static str] = &["owner", "organisation", "products"];

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn stamps(&self) -> &Stamps {
        &self.stamps
    }
}

impl Expandable for Interaction {
    const RELATIONS: &'static [&'static str] = &["owner", "organisation", "product", "people", "users"];

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn stamps(&self) -> &Stamps {
        &self.stamps
    }
}

impl Expandable for Task {
    const RELATIONS: &'static [&'static str] =
        &["owner", "assignee", "organisation", "person", "mandate", "interaction"];

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn stamps(&self) -> &Stamps {
        &self.stamps
    }
}

/// The parameter `expand` of records of type `R`, for the document.
#[derive(Debug)]
pub(crate) struct ExpandParameter<R>(PhantomData<R>);

impl<R: Expandable> utoipa::IntoParams for ExpandParameter<R> {
    fn into_params(_within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = json!({
            "type": "array", "items": {"type": "string", "enum": R::RELATIONS}, "minItems": 1, "uniqueItems": true,
        });
        vec![listed("expand", "Relations to inline, as far as you may see them.", &schema)]
    }
}

/// Refuses relations that records of type `R` do not have.
pub(super) fn checked<R: Expandable>(relations: &[String]) -> Result<(), Problem> {
    known("expand", relations, R::RELATIONS)
}

/// Records that get their relations, one after the other.
struct Expanding<'a, R> {
    app: &'a App,
    viewer: &'a Viewer,
    records: &'a [R],
    values: Vec<Value>,
}

/// The organisations with these relations.
pub(super) async fn organisations(
    app: &App,
    viewer: &Viewer,
    grant: &Grant<Read, Organisation>,
    relations: &[String],
    records: &[Organisation],
) -> Result<Vec<Value>, Problem> {
    let mut expanding = Expanding::of(app, viewer, records);
    let person = policy::authorise::<Read, Person>(viewer.actor());
    for relation in relations {
        match (relation.as_str(), &person) {
            ("people", Ok(person)) => {
                let ids = records.iter().map(|record| record.id).collect();
                let links = app.links().of_organisations(grant.clone(), person.clone(), ids).await?;
                let each = links.into_iter();
                let each = each.map(|(link, person)| (link.organisation_id.uuid(), LinkedPerson { link, person }));
                expanding.several("people", each);
            }
            ("people", Err(_)) => expanding.several("people", std::iter::empty::<(Uuid, ())>()),
            _ => expanding.owners().await?,
        }
    }
    Ok(expanding.values)
}

/// The people with these relations.
pub(super) async fn people(
    app: &App,
    viewer: &Viewer,
    grant: &Grant<Read, Person>,
    relations: &[String],
    records: &[Person],
) -> Result<Vec<Value>, Problem> {
    let mut expanding = Expanding::of(app, viewer, records);
    let organisation = policy::authorise::<Read, Organisation>(viewer.actor());
    for relation in relations {
        match (relation.as_str(), &organisation) {
            ("organisations", Ok(organisation)) => {
                let ids = records.iter().map(|record| record.id).collect();
                let links = app.links().of_people(organisation.clone(), grant.clone(), ids).await?;
                let linked = |(link, organisation): (crm_domain::Link, Organisation)| {
                    (link.person_id.uuid(), LinkedOrganisation { link, organisation })
                };
                expanding.several("organisations", links.into_iter().map(linked));
            }
            ("organisations", Err(_)) => expanding.several("organisations", std::iter::empty::<(Uuid, ())>()),
            _ => expanding.owners().await?,
        }
    }
    Ok(expanding.values)
}

/// The products with these relations.
pub(super) async fn products(
    app: &App,
    viewer: &Viewer,
    _grant: &Grant<Read, Product>,
    relations: &[String],
    records: &[Product],
) -> Result<Vec<Value>, Problem> {
    let mut expanding = Expanding::of(app, viewer, records);
    if !relations.is_empty() {
        expanding.owners().await?;
    }
    Ok(expanding.values)
}

/// The interactions with these relations.
pub(super) async fn interactions(
    app: &App,
    viewer: &Viewer,
    _grant: &Grant<Read, Interaction>,
    relations: &[String],
    records: &[Interaction],
) -> Result<Vec<Value>, Problem> {
    let mut expanding = Expanding::of(app, viewer, records);
    for relation in relations {
        match relation.as_str() {
            "organisation" => expanding.organisations(|one| one.organisation_id).await?,
            "product" => {
                let ids = different(records, |one| one.product_id);
                let found = match policy::authorise::<Read, Product>(viewer.actor()) {
                    Ok(grant) => app.products().get_many(grant, ids).await?,
                    Err(_denied) => Vec::new(),
                };
                let found = by_id(found, |one| one.id);
                expanding.one("product", |one| found.get(&one.product_id?));
            }
            "people" => {
                let ids = different(records, |one| one.participant_people.as_slice().to_vec());
                let found = expanding.visible_people(ids).await?;
                let each =
                    records.iter().flat_map(|one| one.participant_people.as_slice().iter().map(|id| (one.id, id)));
                let each = each.filter_map(|(one, id)| Some((one.uuid(), found.get(id)?)));
                expanding.several("people", each);
            }
            "users" => {
                let ids = different(records, |one| one.participant_users.as_slice().to_vec());
                let found = expanding.named_users(ids).await?;
                let each =
                    records.iter().flat_map(|one| one.participant_users.as_slice().iter().map(|id| (one.id, id)));
                let each = each.filter_map(|(one, id)| Some((one.uuid(), found.get(id)?)));
                expanding.several("users", each);
            }
            _ => expanding.owners().await?,
        }
    }
    Ok(expanding.values)
}

/// The tasks with these relations.
pub(super) async fn tasks(
    app: &App,
    viewer: &Viewer,
    _grant: &Grant<Read, Task>,
    relations: &[String],
    records: &[Task],
) -> Result<Vec<Value>, Problem> {
    let mut expanding = Expanding::of(app, viewer, records);
    for relation in relations {
        match relation.as_str() {
            "assignee" => {
                let found = expanding.named_users(different(records, |one| one.assignee_id)).await?;
                expanding.one("assignee", |one| found.get(&one.assignee_id?));
            }
            "organisation" => expanding.organisations(|one| one.organisation_id).await?,
            "person" => {
                let found = expanding.visible_people(different(records, |one| one.person_id)).await?;
                expanding.one("person", |one| found.get(&one.person_id?));
            }
            "mandate" => {
                let ids = different(records, |one| one.mandate_id);
                let found = match policy::authorise::<Read, Mandate>(viewer.actor()) {
                    Ok(grant) => app.mandates().get_many(grant, ids).await?,
                    Err(_denied) => Vec::new(),
                };
                let found = by_id(found, |one| one.id);
                expanding.one("mandate", |one| found.get(&one.mandate_id?));
            }
            "interaction" => {
                let ids = different(records, |one| one.interaction_id);
                let found = match policy::authorise::<Read, Interaction>(viewer.actor()) {
                    Ok(grant) => app.interactions().get_many(grant, ids).await?,
                    Err(_denied) => Vec::new(),
                };
                let found = by_id(found, |one| one.id);
                expanding.one("interaction", |one| found.get(&one.interaction_id?));
            }
            _ => expanding.owners().await?,
        }
    }
    Ok(expanding.values)
}

/// The ids that records name, each once.
fn different<R, I: IntoIterator<Item = Id<T>>, T>(records: &[R], named: impl Fn(&R) -> I) -> Vec<Id<T>> {
    records.iter().flat_map(named).collect::<HashSet<_>>().into_iter().collect()
}

fn by_id<T: Serialize>(records: Vec<T>, id: impl Fn(&T) -> Id<T>) -> HashMap<Id<T>, Value> {
    records.into_iter().map(|record| (id(&record), json!(record))).collect()
}

/// The mandates with these relations.
pub(super) async fn mandates(
    app: &App,
    viewer: &Viewer,
    grant: &Grant<Read, Mandate>,
    relations: &[String],
    records: &[Mandate],
) -> Result<Vec<Value>, Problem> {
    let mut expanding = Expanding::of(app, viewer, records);
    for relation in relations {
        match relation.as_str() {
            "organisation" => expanding.organisations(|mandate| Some(mandate.organisation_id)).await?,
            "products" => {
                let mut sold = Vec::new();
                if let Ok(product) = policy::authorise::<Read, Product>(viewer.actor()) {
                    let ids = records.iter().map(|record| record.id).collect();
                    sold = app.mandate_products().of_mandates(grant.clone(), product, ids).await?;
                }
                let each = sold.into_iter();
                let each =
                    each.map(|(attached, product)| (attached.mandate_id.uuid(), SoldProduct { attached, product }));
                expanding.several("products", each);
            }
            _ => expanding.owners().await?,
        }
    }
    Ok(expanding.values)
}

impl<'a, R: Expandable> Expanding<'a, R> {
    fn of(app: &'a App, viewer: &'a Viewer, records: &'a [R]) -> Self {
        Self { app, viewer, records, values: records.iter().map(|record| json!(record)).collect() }
    }

    /// Inlines a list: what belongs to the record with each id.
    fn several<T: Serialize>(&mut self, name: &str, related: impl Iterator<Item = (Uuid, T)>) {
        let mut of: HashMap<Uuid, Vec<Value>> = HashMap::new();
        for (id, one) in related {
            of.entry(id).or_default().push(json!(one));
        }
        for (record, value) in self.records.iter().zip(&mut self.values) {
            value[name] = Value::Array(of.remove(&record.id()).unwrap_or_default());
        }
    }

    /// Inlines at most one record.
    fn one<'v>(&mut self, name: &str, related: impl Fn(&R) -> Option<&'v Value>) {
        for (record, value) in self.records.iter().zip(&mut self.values) {
            value[name] = related(record).cloned().unwrap_or(Value::Null);
        }
    }

    /// Inlines the organisation that each record names.
    async fn organisations(&mut self, named: impl Fn(&R) -> Option<OrganisationId>) -> Result<(), Problem> {
        let ids = different(self.records, &named);
        let found = match policy::authorise::<Read, Organisation>(self.viewer.actor()) {
            Ok(grant) => self.app.organisations().get_many(grant, ids).await?,
            Err(_denied) => Vec::new(),
        };
        let found = by_id(found, |one| one.id);
        self.one("organisation", |record| found.get(&named(record)?));
        Ok(())
    }

    /// Those of these people whom the caller may see.
    async fn visible_people(&self, ids: Vec<PersonId>) -> Result<HashMap<PersonId, Value>, Problem> {
        let found = match policy::authorise::<Read, Person>(self.viewer.actor()) {
            Ok(grant) => self.app.people().get_many(grant, ids).await?,
            Err(_denied) => Vec::new(),
        };
        Ok(by_id(found, |one| one.id))
    }

    /// Id and name of those of these users whom the caller may see: what a list shows of them, and all that it takes.
    async fn named_users(&self, ids: Vec<UserId>) -> Result<HashMap<UserId, Value>, Problem> {
        let found = match policy::authorise::<Read, User>(self.viewer.actor()) {
            Ok(grant) => self.app.users_with_ids(grant, ids).await?,
            Err(_denied) => Vec::new(),
        };
        Ok(found.into_iter().map(|user| (user.id, json!({"id": user.id, "name": user.name}))).collect())
    }

    /// Inlines the owners.
    async fn owners(&mut self) -> Result<(), Problem> {
        let found = self.named_users(different(self.records, |record| record.stamps().owner_id)).await?;
        self.one("owner", |record| found.get(&record.stamps().owner_id?));
        Ok(())
    }
}
