//! `?expand=`: relations inlined into records, one query for each relation however many records there are.

use std::{collections::HashMap, marker::PhantomData};

use crm_app::App;
use crm_domain::{
    Organisation, Person,
    access::{Grant, Read, policy},
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::path::{Parameter, ParameterIn};
use uuid::Uuid;

use super::links::{LinkedOrganisation, LinkedPerson};
use crate::{
    extract::{Caller, known},
    openapi::listed,
    problem::Problem,
};

/// A record whose relations can be inlined.
pub(crate) trait Expandable: Serialize + Sized {
    /// The names of its relations.
    const RELATIONS: &'static [&'static str];

    /// Its id.
    fn id(&self) -> Uuid;
}

impl Expandable for Organisation {
    const RELATIONS: &'static [&'static str] = &["people"];

    fn id(&self) -> Uuid {
        self.id.uuid()
    }
}

impl Expandable for Person {
    const RELATIONS: &'static [&'static str] = &["organisations"];

    fn id(&self) -> Uuid {
        self.id.uuid()
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

/// The organisations with these relations.
pub(super) async fn organisations(
    app: &App,
    caller: &Caller,
    grant: &Grant<Read, Organisation>,
    relations: &[String],
    records: &[Organisation],
) -> Result<Vec<Value>, Problem> {
    if relations.is_empty() {
        return Ok(values(records));
    }
    let person = policy::authorise::<Read, Person>(caller.actor())?;
    let ids = records.iter().map(|record| record.id).collect();
    let links = app.links().of_organisations(grant.clone(), person, ids).await?;
    let linked = links.into_iter().map(|(link, person)| (link.organisation_id.uuid(), LinkedPerson { link, person }));
    Ok(inlined(records, "people", linked))
}

/// The people with these relations.
pub(super) async fn people(
    app: &App,
    caller: &Caller,
    grant: &Grant<Read, Person>,
    relations: &[String],
    records: &[Person],
) -> Result<Vec<Value>, Problem> {
    if relations.is_empty() {
        return Ok(values(records));
    }
    let organisation = policy::authorise::<Read, Organisation>(caller.actor())?;
    let ids = records.iter().map(|record| record.id).collect();
    let links = app.links().of_people(organisation, grant.clone(), ids).await?;
    let linked = links.into_iter();
    let linked = linked.map(|(link, organisation)| (link.person_id.uuid(), LinkedOrganisation { link, organisation }));
    Ok(inlined(records, "organisations", linked))
}

fn inlined<R: Expandable, T: Serialize>(
    records: &[R],
    name: &str,
    related: impl Iterator<Item = (Uuid, T)>,
) -> Vec<Value> {
    let mut of: HashMap<Uuid, Vec<Value>> = HashMap::new();
    for (id, one) in related {
        of.entry(id).or_default().push(json!(one));
    }
    let mut values = values(records);
    for (record, value) in records.iter().zip(&mut values) {
        value[name] = Value::Array(of.remove(&record.id()).unwrap_or_default());
    }
    values
}

fn values<R: Serialize>(records: &[R]) -> Vec<Value> {
    records.iter().map(|record| json!(record)).collect()
}
