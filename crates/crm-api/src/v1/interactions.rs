//! `/interactions`

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web::Data};
use crm_app::{Answer, App, BatchRequest, Once};
use crm_domain::{
    Interaction, InteractionField, InteractionPatch, Invalid, RecordedChange,
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
    openapi::{Documented, WholeListParameters},
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(export).service(run_batch);
    config.service(read).service(update).service(remove).service(restore).service(history);
}

/// Lists the interactions that you may see.
#[utoipa::path(tag = "interactions", params(ListParameters<InteractionField>, ExpandParameter<Interaction>),
    responses((status = 200, description = "A page of the list.", body = List<Interaction>)))]
#[get("/interactions")]
async fn list(
    app: Data<App>,
    Granted(grant): Granted<Read, Interaction>,
    parameters: ListParameters<InteractionField>,
    viewer: Viewer,
) -> Result<HttpResponse, Problem> {
    expand::checked::<Interaction>(&parameters.expand)?;
    let page = app.interactions().list(grant.clone(), parameters.query).await.map_err(asked)?;
    if parameters.expand.is_empty() {
        return Ok(answer::list(&page, &parameters.address));
    }
    let items = expand::interactions(&app, &viewer, &grant, &parameters.expand, &page.items).await?;
    let page = Page { items, next_cursor: page.next_cursor, total: page.total };
    Ok(answer::list(&page, &parameters.address))
}

/// Makes an interaction.
#[utoipa::path(tag = "interactions", request_body = InteractionPatch,
    responses((status = 201, description = "It was made.", body = Interaction)))]
#[post("/interactions")]
async fn create(
    app: Data<App>,
    Granted(grant): Granted<Create, Interaction>,
    body: Body<InteractionPatch>,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key.clone(), render: made };
    Ok(answer::sent(app.interactions().create(grant, body.input(), once).await?))
}

/// Reads an interaction.
#[utoipa::path(tag = "interactions", params(ExpandParameter<Interaction>), responses(
    (status = 200, description = "The interaction.", body = Interaction),
    (status = 304, description = "You have this version already.")))]
#[get("/interactions/{id}")]
async fn read(
    app: Data<App>,
    Granted(grant): Granted<Read, Interaction>,
    PathId(id): PathId<Interaction>,
    known: IfNoneMatch,
    Expand(relations): Expand,
    viewer: Viewer,
) -> Result<HttpResponse, Problem> {
    expand::checked::<Interaction>(&relations)?;
    let interaction = app.interactions().get(grant.clone(), id).await?;
    let version = interaction.stamps.version;
    // What is inlined has versions of its own.
    if relations.is_empty() && known.has(version) {
        return Ok(answer::not_modified(version));
    }
    let expanded = expand::interactions(&app, &viewer, &grant, &relations, &[interaction]).await?;
    Ok(answer::record(version, &expanded[0]))
}

/// Changes an interaction.
#[utoipa::path(tag = "interactions", request_body = InteractionPatch,
    responses((status = 200, description = "Its new state.", body = Interaction)))]
#[patch("/interactions/{id}")]
async fn update(
    app: Data<App>,
    Granted(grant): Granted<Update, Interaction>,
    PathId(id): PathId<Interaction>,
    IfMatch(expected): IfMatch,
    body: Body<InteractionPatch>,
) -> Result<HttpResponse, Problem> {
    let interaction = app.interactions().update(grant, id, expected, body.input()).await?;
    Ok(answer::record(interaction.stamps.version, &interaction))
}

/// Deletes an interaction; it can be restored.
#[utoipa::path(tag = "interactions", responses((status = 204, description = "It was deleted.")))]
#[delete("/interactions/{id}")]
async fn remove(
    app: Data<App>,
    Granted(grant): Granted<Delete, Interaction>,
    PathId(id): PathId<Interaction>,
    IfMatch(expected): IfMatch,
) -> Result<HttpResponse, Problem> {
    app.interactions().delete(grant, id, expected).await?;
    Ok(answer::done())
}

/// Brings a deleted interaction back.
#[utoipa::path(tag = "interactions", responses((status = 200, description = "It is back.", body = Interaction)))]
#[post("/interactions/{id}/restore")]
async fn restore(
    app: Data<App>,
    Granted(grant): Granted<Delete, Interaction>,
    PathId(id): PathId<Interaction>,
    key: Key,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: key.with_body(b""), render: restored };
    Ok(answer::sent(app.interactions().restore(grant, id, once).await?))
}

/// Lists the changes of an interaction, newest first.
#[utoipa::path(tag = "interactions", params(PageParameters),
    responses((status = 200, description = "A page of the history.", body = List<RecordedChange>)))]
#[get("/interactions/{id}/history")]
async fn history(
    app: Data<App>,
    Granted(grant): Granted<Read, Interaction>,
    PathId(id): PathId<Interaction>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let changes = app.interactions().history(grant, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&changes, &page.address))
}

/// Creates, changes and deletes many interactions in one request.
#[utoipa::path(tag = "interactions", request_body = BatchBody,
    responses((status = 200, description = "One result for each operation.", body = BatchResults)))]
#[post("/interactions/batch")]
async fn run_batch(
    app: Data<App>,
    caller: Caller,
    body: Body<BatchRequest>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key, render: batch::rendered };
    let answer = app.interactions().batch(caller.actor(), body.read?, once).await?;
    Ok(batch::sent(answer, RequestId::of(&request)))
}

/// Downloads all interactions that the list with the same filters would show.
#[utoipa::path(tag = "interactions", params(WholeListParameters<InteractionField>, super::Format),
    responses((status = 200, description = "A file, one line or row for each record.", content(
        (String = "text/csv"), (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
#[get("/interactions/export")]
async fn export(
    app: Data<App>,
    Granted(grant): Granted<Export, Interaction>,
    parameters: ListParameters<InteractionField>,
) -> Result<HttpResponse, Problem> {
    let format = super::format(parameters.format.as_deref())?;
    answer::exported(app.interactions().export(grant, parameters.query), format).await
}

fn made(interaction: &Interaction) -> Answer {
    answer::made("interactions", interaction.id.uuid(), interaction.stamps.version, interaction)
}

fn restored(interaction: &Interaction) -> Answer {
    answer::restored(interaction.stamps.version, interaction)
}

impl InPath for Interaction {
    const NAME: &'static str = "interaction_id";
}

impl FromJson for InteractionPatch {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }

    fn from_new_json(value: Value) -> Result<Self, Invalid> {
        Self::read_new(value)
    }
}

/// What the document says of the resource.
pub(super) const DOCUMENTED: Documented = Documented {
    tag: "interactions",
    about: "Calls, meetings, messages, with those who took part.",
    schema: "Interaction",
    present: &["type", "occurred_at", "subject"],
    required: &["occurred_at", "subject"],
    matched_by: &["subject"],
    example,
    change: || json!({"outcome": "They will decide in March.", "duration_minutes": 50}),
};

fn example() -> Value {
    json!({
        "type": "meeting", "occurred_at": "2026-02-03T14:30:00Z", "duration_minutes": 45, "subject": "Annual review",
        "body": "Went through the figures of the year.", "organisation_id": "0199aa3e-7c4e-7b1a-9d53-2f4f8a6c1e10",
        "participant_people": ["0199aa3e-7c4e-7b1a-9d53-2f4f8a6c1e12"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_bodies_are_taken() {
        InteractionPatch::read_new(example()).unwrap();
        InteractionPatch::read((DOCUMENTED.change)()).unwrap();
    }
}
