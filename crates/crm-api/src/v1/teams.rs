//! `/teams`

use actix_web::{HttpResponse, delete, get, patch, post, web::Data};
use crm_app::{Answer, App, Once};
use crm_domain::{
    RecordedChange, Team, TeamField, TeamPatch,
    access::{Create, Delete, Read, Update},
};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{List, asked};
use crate::{
    answer,
    extract::{Body, Granted, IfMatch, IfNoneMatch, Key, ListParameters, PageParameters, PathId},
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list)
        .service(create)
        .service(read)
        .service(update)
        .service(remove)
        .service(restore)
        .service(history);
}

/// Lists the teams that you may see.
#[utoipa::path(tag = "teams", params(ListParameters<TeamField>),
    responses((status = 200, description = "A page of the list.", body = List<Team>)))]
#[get("/teams")]
async fn list(
    app: Data<App>,
    Granted(grant): Granted<Read, Team>,
    parameters: ListParameters<TeamField>,
) -> Result<HttpResponse, Problem> {
    let page = app.teams().list(grant, parameters.query).await.map_err(asked)?;
    Ok(answer::list(&page, &parameters.address))
}

/// Makes a team.
///
/// You own it unless the body names somebody else.
#[utoipa::path(tag = "teams", request_body = TeamPatch,
    responses((status = 201, description = "It was made.", body = Team)))]
#[post("/teams")]
async fn create(
    app: Data<App>,
    Granted(grant): Granted<Create, Team>,
    body: Body<TeamPatch>,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key.clone(), render: made };
    Ok(answer::sent(app.teams().create(grant, body.input(), once).await?))
}

/// Reads a team.
#[utoipa::path(tag = "teams", responses(
    (status = 200, description = "The team.", body = Team),
    (status = 304, description = "You have this version already.")))]
#[get("/teams/{id}")]
async fn read(
    app: Data<App>,
    Granted(grant): Granted<Read, Team>,
    PathId(id): PathId<Team>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let team = app.teams().get(grant, id).await?;
    let version = team.stamps.version;
    Ok(if known.has(version) { answer::not_modified(version) } else { answer::record(version, &team) })
}

/// Changes a team.
///
/// Owner and manager must be active users.
#[utoipa::path(tag = "teams", request_body = TeamPatch,
    responses((status = 200, description = "Its new state.", body = Team)))]
#[patch("/teams/{id}")]
async fn update(
    app: Data<App>,
    Granted(grant): Granted<Update, Team>,
    PathId(id): PathId<Team>,
    IfMatch(expected): IfMatch,
    body: Body<TeamPatch>,
) -> Result<HttpResponse, Problem> {
    let team = app.teams().update(grant, id, expected, body.input()).await?;
    Ok(answer::record(team.stamps.version, &team))
}

/// Deletes a team; it can be restored.
///
/// A team that still has users cannot be deleted.
#[utoipa::path(tag = "teams", responses((status = 204, description = "It was deleted.")))]
#[delete("/teams/{id}")]
async fn remove(
    app: Data<App>,
    Granted(grant): Granted<Delete, Team>,
    PathId(id): PathId<Team>,
    IfMatch(expected): IfMatch,
) -> Result<HttpResponse, Problem> {
    app.teams().delete(grant, id, expected).await?;
    Ok(answer::done())
}

/// Brings a deleted team back.
#[utoipa::path(tag = "teams", responses((status = 200, description = "It is back.", body = Team)))]
#[post("/teams/{id}/restore")]
async fn restore(
    app: Data<App>,
    Granted(grant): Granted<Delete, Team>,
    PathId(id): PathId<Team>,
    key: Key,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: key.with_body(b""), render: restored };
    Ok(answer::sent(app.teams().restore(grant, id, once).await?))
}

/// Lists the changes of a team, newest first.
#[utoipa::path(tag = "teams", params(PageParameters),
    responses((status = 200, description = "A page of the history.", body = List<RecordedChange>)))]
#[get("/teams/{id}/history")]
async fn history(
    app: Data<App>,
    Granted(grant): Granted<Read, Team>,
    PathId(id): PathId<Team>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let changes = app.teams().history(grant, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&changes, &page.address))
}

fn made(team: &Team) -> Answer {
    answer::made("teams", team.id.uuid(), team.stamps.version, team)
}

fn restored(team: &Team) -> Answer {
    answer::restored(team.stamps.version, team)
}
