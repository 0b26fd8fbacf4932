//! `/mandates`

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web::Data};
use crm_app::{Answer, App, BatchRequest, Once};
use crm_domain::{
    Invalid, Mandate, MandateField, MandatePatch, RecordedChange,
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

/// Lists the mandates that you may see.
#[utoipa::path(tag = "mandates", params(ListParameters<MandateField>, ExpandParameter<Mandate>),
    responses((status = 200, description = "A page of the list.", body = List<Mandate>)))]
#[get("/mandates")]
async fn list(
    app: Data<App>,
    Granted(grant): Granted<Read, Mandate>,
    parameters: ListParameters<MandateField>,
    viewer: Viewer,
) -> Result<HttpResponse, Problem> {
    expand::checked::<Mandate>(&parameters.expand)?;
    let page = app.mandates().list(grant.clone(), parameters.query).await.map_err(asked)?;
    if parameters.expand.is_empty() {
        return Ok(answer::list(&page, &parameters.address));
    }
    let items = expand::mandates(&app, &viewer, &grant, &parameters.expand, &page.items).await?;
    let page = Page { items, next_cursor: page.next_cursor, total: page.total };
    Ok(answer::list(&page, &parameters.address))
}

/// Makes a mandate.
#[utoipa::path(tag = "mandates", request_body = MandatePatch,
    responses((status = 201, description = "It was made.", body = Mandate)))]
#[post("/mandates")]
async fn create(
    app: Data<App>,
    Granted(grant): Granted<Create, Mandate>,
    body: Body<MandatePatch>,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key.clone(), render: made };
    Ok(answer::sent(app.mandates().create(grant, body.input(), once).await?))
}

/// Reads a mandate.
#[utoipa::path(tag = "mandates", params(ExpandParameter<Mandate>), responses(
    (status = 200, description = "The mandate.", body = Mandate),
    (status = 304, description = "You have this version already.")))]
#[get("/mandates/{id}")]
async fn read(
    app: Data<App>,
    Granted(grant): Granted<Read, Mandate>,
    PathId(id): PathId<Mandate>,
    known: IfNoneMatch,
    Expand(relations): Expand,
    viewer: Viewer,
) -> Result<HttpResponse, Problem> {
    expand::checked::<Mandate>(&relations)?;
    let mandate = app.mandates().get(grant.clone(), id).await?;
    let version = mandate.stamps.version;
    // What is inlined has versions of its own.
    if relations.is_empty() && known.has(version) {
        return Ok(answer::not_modified(version));
    }
    let expanded = expand::mandates(&app, &viewer, &grant, &relations, &[mandate]).await?;
    Ok(answer::record(version, &expanded[0]))
}

/// Changes a mandate.
#[utoipa::path(tag = "mandates", request_body = MandatePatch,
    responses((status = 200, description = "Its new state.", body = Mandate)))]
#[patch("/mandates/{id}")]
async fn update(
    app: Data<App>,
    Granted(grant): Granted<Update, Mandate>,
    PathId(id): PathId<Mandate>,
    IfMatch(expected): IfMatch,
    body: Body<MandatePatch>,
) -> Result<HttpResponse, Problem> {
    let mandate = app.mandates().update(grant, id, expected, body.input()).await?;
    Ok(answer::record(mandate.stamps.version, &mandate))
}

/// Deletes a mandate; it can be restored.
#[utoipa::path(tag = "mandates", responses((status = 204, description = "It was deleted.")))]
#[delete("/mandates/{id}")]
async fn remove(
    app: Data<App>,
    Granted(grant): Granted<Delete, Mandate>,
    PathId(id): PathId<Mandate>,
    IfMatch(expected): IfMatch,
) -> Result<HttpResponse, Problem> {
    app.mandates().delete(grant, id, expected).await?;
    Ok(answer::done())
}

/// Brings a deleted mandate back.
#[utoipa::path(tag = "mandates", responses((status = 200, description = "It is back.", body = Mandate)))]
#[post("/mandates/{id}/restore")]
async fn restore(
    app: Data<App>,
    Granted(grant): Granted<Delete, Mandate>,
    PathId(id): PathId<Mandate>,
    key: Key,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: key.with_body(b""), render: restored };
    Ok(answer::sent(app.mandates().restore(grant, id, once).await?))
}

/// Lists the changes of a mandate, newest first.
#[utoipa::path(tag = "mandates", params(PageParameters),
    responses((status = 200, description = "A page of the history.", body = List<RecordedChange>)))]
#[get("/mandates/{id}/history")]
async fn history(
    app: Data<App>,
    Granted(grant): Granted<Read, Mandate>,
    PathId(id): PathId<Mandate>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let changes = app.mandates().history(grant, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&changes, &page.address))
}

/// Creates, changes and deletes many mandates in one request.
#[utoipa::path(tag = "mandates", request_body = BatchBody,
    responses((status = 200, description = "One result for each operation.", body = BatchResults)))]
#[post("/mandates/batch")]
async fn run_batch(
    app: Data<App>,
    caller: Caller,
    body: Body<BatchRequest>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key, render: batch::rendered };
    let answer = app.mandates().batch(caller.actor(), body.read?, once).await?;
    Ok(batch::sent(answer, RequestId::of(&request)))
}

/// Counts the mandates that the list with the same filters would show.
#[utoipa::path(tag = "mandates", params(FilterParameters<MandateField>),
    responses((status = 200, description = "Counts.", body = super::statistics::MandateStatisticsBody)))]
#[get("/mandates/stats")]
async fn statistics(
    app: Data<App>,
    Granted(grant): Granted<Read, Mandate>,
    parameters: ListParameters<MandateField>,
) -> Result<HttpResponse, Problem> {
    let statistics = app.mandates().statistics(grant, parameters.query).await.map_err(asked)?;
    Ok(HttpResponse::Ok().json(statistics))
}

/// Downloads all mandates that the list with the same filters would show.
#[utoipa::path(tag = "mandates", params(WholeListParameters<MandateField>, super::Format),
    responses((status = 200, description = "A file, one line or row for each record.", content(
        (String = "text/csv"), (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
#[get("/mandates/export")]
async fn export(
    app: Data<App>,
    Granted(grant): Granted<Export, Mandate>,
    parameters: ListParameters<MandateField>,
) -> Result<HttpResponse, Problem> {
    let format = super::format(parameters.format.as_deref())?;
    answer::exported(app.mandates().export(grant, parameters.query), format).await
}

fn made(mandate: &Mandate) -> Answer {
    answer::made("mandates", mandate.id.uuid(), mandate.stamps.version, mandate)
}

fn restored(mandate: &Mandate) -> Answer {
    answer::restored(mandate.stamps.version, mandate)
}

impl InPath for Mandate {
    const NAME: &'static str = "mandate_id";
}

impl FromJson for MandatePatch {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }

    fn from_new_json(value: Value) -> Result<Self, Invalid> {
        Self::read_new(value)
    }
}

/// What the document says of the resource.
pub(super) const DOCUMENTED: Documented = Documented {
    tag: "mandates",
    about: "Contracts to distribute products.",
    schema: "Mandate",
    present: &["organisation_id", "status"],
    required: &["organisation_id"],
    matched_by: &["number"],
    example,
    change: || json!({"status": "active", "notes": null}),
};

fn example() -> Value {
    json!({
        "organisation_id": "0199aa3e-7c4e-7b1a-9d53-2f4f8a6c1e10", "number": "M-2026-017", "status": "signed",
        "signed_on": "2026-01-10", "starts_on": "2026-02-01", "ends_on": "2027-01-31", "notes": "Renewed each year.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_bodies_are_taken() {
        MandatePatch::read_new(example()).unwrap();
        MandatePatch::read((DOCUMENTED.change)()).unwrap();
    }
}
