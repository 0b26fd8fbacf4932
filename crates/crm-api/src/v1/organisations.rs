//! `/organisations`

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web::Data};
use crm_app::{Answer, App, BatchRequest, Once};
use crm_domain::{
    Invalid, Organisation, OrganisationField, OrganisationPatch, RecordedChange,
    access::{Create, Delete, Export, Read, Update},
    query::Page,
};
use crm_monitoring::RequestId;
use serde_json::{Value, json};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    List, asked,
    batch::{self, BatchBody, BatchResults},
    expand::{self, ExpandParameter},
};
use crate::{
    answer,
    extract::{
        Body, Caller, Expand, FromJson, Granted, IfMatch, IfNoneMatch, InPath, Key, ListParameters, PageParameters,
        PathId, Viewer,
    },
    openapi::{Documented, FilterParameters, WholeListParameters},
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(export).service(statistics).service(run_batch);
    config.service(read).service(update).service(remove).service(restore).service(history);
}

/// Lists the organisations that you may see.
#[utoipa::path(tag = "organisations", params(ListParameters<OrganisationField>, ExpandParameter<Organisation>),
    responses((status = 200, description = "A page of the list.", body = List<Organisation>)))]
#[get("/organisations")]
async fn list(
    app: Data<App>,
    Granted(grant): Granted<Read, Organisation>,
    parameters: ListParameters<OrganisationField>,
    viewer: Viewer,
) -> Result<HttpResponse, Problem> {
    expand::checked::<Organisation>(&parameters.expand)?;
    let page = app.organisations().list(grant.clone(), parameters.query).await.map_err(asked)?;
    if parameters.expand.is_empty() {
        return Ok(answer::list(&page, &parameters.address));
    }
    let items = expand::organisations(&app, &viewer, &grant, &parameters.expand, &page.items).await?;
    let page = Page { items, next_cursor: page.next_cursor, total: page.total };
    Ok(answer::list(&page, &parameters.address))
}

/// Makes an organisation.
#[utoipa::path(tag = "organisations", request_body = OrganisationPatch,
    responses((status = 201, description = "It was made.", body = Organisation)))]
#[post("/organisations")]
async fn create(
    app: Data<App>,
    Granted(grant): Granted<Create, Organisation>,
    body: Body<OrganisationPatch>,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key.clone(), render: made };
    Ok(answer::sent(app.organisations().create(grant, body.input(), once).await?))
}

/// Reads an organisation.
#[utoipa::path(tag = "organisations", params(ExpandParameter<Organisation>), responses(
    (status = 200, description = "The organisation.", body = Organisation),
    (status = 304, description = "You have this version already.")))]
#[get("/organisations/{id}")]
async fn read(
    app: Data<App>,
    Granted(grant): Granted<Read, Organisation>,
    PathId(id): PathId<Organisation>,
    known: IfNoneMatch,
    Expand(relations): Expand,
    viewer: Viewer,
) -> Result<HttpResponse, Problem> {
    expand::checked::<Organisation>(&relations)?;
    let organisation = app.organisations().get(grant.clone(), id).await?;
    let version = organisation.stamps.version;
    // What is inlined has versions of its own.
    if relations.is_empty() && known.has(version) {
        return Ok(answer::not_modified(version));
    }
    let expanded = expand::organisations(&app, &viewer, &grant, &relations, &[organisation]).await?;
    Ok(answer::record(version, &expanded[0]))
}

/// Changes an organisation.
#[utoipa::path(tag = "organisations", request_body = OrganisationPatch,
    responses((status = 200, description = "Its new state.", body = Organisation)))]
#[patch("/organisations/{id}")]
async fn update(
    app: Data<App>,
    Granted(grant): Granted<Update, Organisation>,
    PathId(id): PathId<Organisation>,
    IfMatch(expected): IfMatch,
    body: Body<OrganisationPatch>,
) -> Result<HttpResponse, Problem> {
    let organisation = app.organisations().update(grant, id, expected, body.input()).await?;
    Ok(answer::record(organisation.stamps.version, &organisation))
}

/// Deletes an organisation; it can be restored.
#[utoipa::path(tag = "organisations", responses((status = 204, description = "It was deleted.")))]
#[delete("/organisations/{id}")]
async fn remove(
    app: Data<App>,
    Granted(grant): Granted<Delete, Organisation>,
    PathId(id): PathId<Organisation>,
    IfMatch(expected): IfMatch,
) -> Result<HttpResponse, Problem> {
    app.organisations().delete(grant, id, expected).await?;
    Ok(answer::done())
}

/// Brings a deleted organisation back.
#[utoipa::path(tag = "organisations", responses((status = 200, description = "It is back.", body = Organisation)))]
#[post("/organisations/{id}/restore")]
async fn restore(
    app: Data<App>,
    Granted(grant): Granted<Delete, Organisation>,
    PathId(id): PathId<Organisation>,
    key: Key,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: key.with_body(b""), render: restored };
    Ok(answer::sent(app.organisations().restore(grant, id, once).await?))
}

/// Lists the changes of an organisation, newest first.
#[utoipa::path(tag = "organisations", params(PageParameters),
    responses((status = 200, description = "A page of the history.", body = List<RecordedChange>)))]
#[get("/organisations/{id}/history")]
async fn history(
    app: Data<App>,
    Granted(grant): Granted<Read, Organisation>,
    PathId(id): PathId<Organisation>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let changes = app.organisations().history(grant, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&changes, &page.address))
}

/// Creates, changes and deletes many organisations in one request.
#[utoipa::path(tag = "organisations", request_body = BatchBody,
    responses((status = 200, description = "One result for each operation.", body = BatchResults)))]
#[post("/organisations/batch")]
async fn run_batch(
    app: Data<App>,
    caller: Caller,
    body: Body<BatchRequest>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key, render: batch::rendered };
    let answer = app.organisations().batch(caller.actor(), body.read?, once).await?;
    Ok(batch::sent(answer, RequestId::of(&request)))
}

/// Counts and sums the organisations that the list with the same filters would show.
#[utoipa::path(tag = "organisations", params(FilterParameters<OrganisationField>),
    responses((status = 200, description = "Counts and sums.", body = super::statistics::OrganisationStatisticsBody)))]
#[get("/organisations/stats")]
async fn statistics(
    app: Data<App>,
    Granted(grant): Granted<Read, Organisation>,
    parameters: ListParameters<OrganisationField>,
) -> Result<HttpResponse, Problem> {
    let statistics = app.organisations().statistics(grant, parameters.query).await.map_err(asked)?;
    Ok(HttpResponse::Ok().json(statistics))
}

/// Downloads all organisations that the list with the same filters would show.
#[utoipa::path(tag = "organisations", params(WholeListParameters<OrganisationField>, super::Format),
    responses((status = 200, description = "A file, one line or row for each record.", content(
        (String = "text/csv"), (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
#[get("/organisations/export")]
async fn export(
    app: Data<App>,
    Granted(grant): Granted<Export, Organisation>,
    parameters: ListParameters<OrganisationField>,
) -> Result<HttpResponse, Problem> {
    let format = super::format(parameters.format.as_deref())?;
    answer::exported(app.organisations().export(grant, parameters.query), format).await
}

fn made(organisation: &Organisation) -> Answer {
    answer::made("organisations", organisation.id.uuid(), organisation.stamps.version, organisation)
}

fn restored(organisation: &Organisation) -> Answer {
    answer::restored(organisation.stamps.version, organisation)
}

impl InPath for Organisation {
    const NAME: &'static str = "organisation_id";
}

impl FromJson for OrganisationPatch {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }

    fn from_new_json(value: Value) -> Result<Self, Invalid> {
        Self::read_new(value)
    }
}

/// What the document says of the resource.
pub(super) const DOCUMENTED: Documented = Documented {
    tag: "organisations",
    about: "Companies one deals with.",
    schema: "Organisation",
    present: &["name", "pipeline_stage", "currency", "is_active"],
    required: &["name"],
    matched_by: &["lei", "licence_number", "registration_number"],
    example,
    change: || json!({"pipeline_stage": "proposal", "signature_probability": 60, "notes": null}),
};

fn example() -> Value {
    json!({
        "name": "Exemple Gestion", "type": "client", "category": "asset_manager", "email": "contact@example.com",
        "phone": "+33123456789", "website": "https://www.example.com/", "city": "Paris", "postal_code": "75008",
        "country_code": "FR", "language": "fr", "aum": "1250000.00", "aum_date": "2025-12-31", "currency": "EUR",
        "strategies": ["equity"], "tags": ["esg", "vip"], "lei": "529900T8BM49AURSDO55", "pipeline_stage": "prospect", "is_active": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_bodies_are_taken() {
        OrganisationPatch::read_new(example()).unwrap();
        OrganisationPatch::read((DOCUMENTED.change)()).unwrap();
    }
}
