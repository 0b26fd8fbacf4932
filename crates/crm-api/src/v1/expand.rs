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
    Mandate, Organisation, Person, Product, Stamps, User, UserId,
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
    extract::{Caller, known},
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
    caller: &'a Caller,
    records: &'a [R],
    values: Vec<Value>,
}

/// The organisations with these relations.
pub(super) async fn organisations(
    app: &App,
    caller: &Caller,
    grant: &Grant<Read, Organisation>,
    relations: &[String],
    records: &[Organisation],
) -> Result<Vec<Value>, Problem> {
    let mut expanding = Expanding::of(app, caller, records);
    let person = policy::authorise::<Read, Person>(caller.actor());
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
    caller: &Caller,
    grant: &Grant<Read, Person>,
    relations: &[String],
    records: &[Person],
) -> Result<Vec<Value>, Problem> {
    let mut expanding = Expanding::of(app, caller, records);
    let organisation = policy::authorise::<Read, Organisation>(caller.actor());
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
    caller: &Caller,
    _grant: &Grant<Read, Product>,
    relations: &[String],
    records: &[Product],
) -> Result<Vec<Value>, Problem> {
    let mut expanding = Expanding::of(app, caller, records);
    if !relations.is_empty() {
        expanding.owners().await?;
    }
    Ok(expanding.values)
}

/// The mandates with these relations.
pub(super) async fn mandates(
    app: &App,
    caller: &Caller,
    grant: &Grant<Read, Mandate>,
    relations: &[String],
    records: &[Mandate],
) -> Result<Vec<Value>, Problem> {
    let mut expanding = Expanding::of(app, caller, records);
    for relation in relations {
        match relation.as_str() {
            "organisation" => {
                let mut found = HashMap::new();
                if let Ok(organisation) = policy::authorise::<Read, Organisation>(caller.actor()) {
                    let ids: HashSet<_> = records.iter().map(|record| record.organisation_id).collect();
                    let organisations = app.organisations().get_many(organisation, ids.into_iter().collect()).await?;
                    found.extend(organisations.into_iter().map(|one| (one.id, json!(one))));
                }
                expanding.one("organisation", |mandate| found.get(&mandate.organisation_id));
            }
            "products" => {
                let mut sold = Vec::new();
                if let Ok(product) = policy::authorise::<Read, Product>(caller.actor()) {
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
    fn of(app: &'a App, caller: &'a Caller, records: &'a [R]) -> Self {
        Self { app, caller, records, values: records.iter().map(|record| json!(record)).collect() }
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

    /// Inlines id and name of the owners: what a list shows of them, and all that it takes.
    async fn owners(&mut self) -> Result<(), Problem> {
        let mut found: HashMap<UserId, Value> = HashMap::new();
        if let Ok(grant) = policy::authorise::<Read, User>(self.caller.actor()) {
            let ids: HashSet<UserId> = self.records.iter().filter_map(|record| record.stamps().owner_id).collect();
            let users = self.app.users_with_ids(grant, ids.into_iter().collect()).await?;
            found.extend(users.into_iter().map(|user| (user.id, json!({"id": user.id, "name": user.name}))));
        }
        self.one("owner", |record| record.stamps().owner_id.and_then(|owner| found.get(&owner)));
        Ok(())
    }
}
