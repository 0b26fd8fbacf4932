//! `/organisations/{id}/people/{person_id}`: who works with which organisation, seen from both ends.

use actix_web::{HttpResponse, delete, get, http::header, patch, put, web::Data};
use crm_app::{App, LinkGrants, Pair, Put};
use crm_domain::{
    Link, LinkPatch, Organisation, Person,
    access::{Read, Update},
    query::Page,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{List, asked};
use crate::{
    answer,
    extract::{Body, Granted, IfMatch, IfNoneMatch, PageParameters, PathId, PutIfMatch},
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(of_organisation).service(of_person).service(read).service(replace).service(update).service(remove);
}

/// A link with the person at its other end.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkedPerson {
    /// The link.
    #[serde(flatten)]
    pub(super) link: Link,
    /// The person.
    pub(super) person: Person,
}

/// A link with the organisation at its other end.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkedOrganisation {
    /// The link.
    #[serde(flatten)]
    pub(super) link: Link,
    /// The organisation.
    pub(super) organisation: Organisation,
}

/// Lists the people who work with an organisation, the primary contact first.
#[utoipa::path(tag = "links", operation_id = "people_of_organisation", params(PageParameters),
    responses((status = 200, description = "A page of the links.", body = List<LinkedPerson>)))]
#[get("/organisations/{id}/people")]
async fn of_organisation(
    app: Data<App>,
    Granted(organisation): Granted<Read, Organisation>,
    Granted(person): Granted<Read, Person>,
    PathId(id): PathId<Organisation>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let links = app.links().of_organisation(organisation, person, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&each(links, |(link, person)| LinkedPerson { link, person }), &page.address))
}

/// Lists the organisations that a person works with.
#[utoipa::path(tag = "links", operation_id = "organisations_of_person", params(PageParameters),
    responses((status = 200, description = "A page of the links.", body = List<LinkedOrganisation>)))]
#[get("/people/{id}/organisations")]
async fn of_person(
    app: Data<App>,
    Granted(organisation): Granted<Read, Organisation>,
    Granted(person): Granted<Read, Person>,
    PathId(id): PathId<Person>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let links = app.links().of_person(organisation, person, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&each(links, |(link, organisation)| LinkedOrganisation { link, organisation }), &page.address))
}

/// Reads a link.
#[utoipa::path(tag = "links", responses(
    (status = 200, description = "The link.", body = Link),
    (status = 304, description = "You have this version already.")))]
#[get("/organisations/{id}/people/{person_id}")]
async fn read(
    app: Data<App>,
    Granted(organisation): Granted<Read, Organisation>,
    Granted(person): Granted<Read, Person>,
    ids: (PathId<Organisation>, PathId<Person>),
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let link = app.links().get(organisation, person, pair(ids)).await?;
    Ok(if known.has(link.version) { answer::not_modified(link.version) } else { answer::record(link.version, &link) })
}

/// Links a person with an organisation, or makes their link what the body says and nothing else.
///
/// With `If-Match`, only a link at that version is replaced.
#[utoipa::path(tag = "links", request_body = LinkPatch, responses(
    (status = 200, description = "The link was there and is now as the body says.", body = Link),
    (status = 201, description = "The link is new.", body = Link)))]
#[put("/organisations/{id}/people/{person_id}")]
async fn replace(
    app: Data<App>,
    Granted(organisation): Granted<Update, Organisation>,
    Granted(person): Granted<Read, Person>,
    ids: (PathId<Organisation>, PathId<Person>),
    PutIfMatch(expected): PutIfMatch,
    body: Body<LinkPatch>,
) -> Result<HttpResponse, Problem> {
    let grants = LinkGrants { organisation, person };
    match app.links().put(grants, pair(ids), expected, body.input()).await? {
        Put::Replaced(link) => Ok(answer::record(link.version, &link)),
        Put::Created(link) => Ok(created(&link)),
    }
}

/// Changes a link.
#[utoipa::path(tag = "links", request_body = LinkPatch,
    responses((status = 200, description = "Its new state.", body = Link)))]
#[patch("/organisations/{id}/people/{person_id}")]
async fn update(
    app: Data<App>,
    Granted(organisation): Granted<Update, Organisation>,
    Granted(person): Granted<Read, Person>,
    ids: (PathId<Organisation>, PathId<Person>),
    IfMatch(expected): IfMatch,
    body: Body<LinkPatch>,
) -> Result<HttpResponse, Problem> {
    let grants = LinkGrants { organisation, person };
    let link = app.links().patch(grants, pair(ids), expected, body.input()).await?;
    Ok(answer::record(link.version, &link))
}

/// Removes a link.
#[utoipa::path(tag = "links", responses((status = 204, description = "It was removed.")))]
#[delete("/organisations/{id}/people/{person_id}")]
async fn remove(
    app: Data<App>,
    Granted(organisation): Granted<Update, Organisation>,
    Granted(person): Granted<Read, Person>,
    ids: (PathId<Organisation>, PathId<Person>),
    IfMatch(expected): IfMatch,
) -> Result<HttpResponse, Problem> {
    app.links().delete(LinkGrants { organisation, person }, pair(ids), expected).await?;
    Ok(answer::done())
}

fn pair((PathId(organisation), PathId(person)): (PathId<Organisation>, PathId<Person>)) -> Pair {
    Pair { organisation, person }
}

fn created(link: &Link) -> HttpResponse {
    let location = format!("{}/organisations/{}/people/{}", super::BASE, link.organisation_id, link.person_id);
    let etag = crate::extract::etag(link.version);
    HttpResponse::Created().insert_header((header::LOCATION, location)).insert_header((header::ETAG, etag)).json(link)
}

fn each<T, U>(page: Page<T>, make: impl FnMut(T) -> U) -> Page<U> {
    Page { items: page.items.into_iter().map(make).collect(), next_cursor: page.next_cursor, total: page.total }
}
