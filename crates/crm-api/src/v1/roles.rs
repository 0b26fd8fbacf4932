//! `/roles`

use actix_web::{HttpResponse, delete, get, patch, post, web::Data};
use crm_app::{Answer, App, Once};
use crm_domain::{
    RecordedChange, RoleField, RolePatch, RoleRecord,
    access::{Create, Delete, Read, Role, Update},
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

/// Lists the roles that you may see.
#[utoipa::path(tag = "roles", params(ListParameters<RoleField>),
    responses((status = 200, description = "A page of the list.", body = List<RoleRecord>)))]
#[get("/roles")]
async fn list(
    app: Data<App>,
    Granted(grant): Granted<Read, Role>,
    parameters: ListParameters<RoleField>,
) -> Result<HttpResponse, Problem> {
    let page = app.roles().list(grant, parameters.query).await.map_err(asked)?;
    Ok(answer::list(&page, &parameters.address))
}

/// Makes a role.
///
/// It may allow no more than your own role does.
#[utoipa::path(tag = "roles", request_body = RolePatch,
    responses((status = 201, description = "It was made.", body = RoleRecord)))]
#[post("/roles")]
async fn create(
    app: Data<App>,
    Granted(grant): Granted<Create, Role>,
    body: Body<RolePatch>,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key.clone(), render: made };
    Ok(answer::sent(app.roles().create(grant, body.input(), once).await?))
}

/// Reads a role.
#[utoipa::path(tag = "roles", responses(
    (status = 200, description = "The role.", body = RoleRecord),
    (status = 304, description = "You have this version already.")))]
#[get("/roles/{id}")]
async fn read(
    app: Data<App>,
    Granted(grant): Granted<Read, Role>,
    PathId(id): PathId<Role>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let role = app.roles().get(grant, id).await?;
    let version = role.stamps.version;
    Ok(if known.has(version) { answer::not_modified(version) } else { answer::record(version, &role) })
}

/// Changes a role.
///
/// A built-in role cannot be changed, and no role can be given what you do not hold. Its users feel it with their next request.
#[utoipa::path(tag = "roles", request_body = RolePatch,
    responses((status = 200, description = "Its new state.", body = RoleRecord)))]
#[patch("/roles/{id}")]
async fn update(
    app: Data<App>,
    Granted(grant): Granted<Update, Role>,
    PathId(id): PathId<Role>,
    IfMatch(expected): IfMatch,
    body: Body<RolePatch>,
) -> Result<HttpResponse, Problem> {
    let role = app.roles().update(grant, id, expected, body.input()).await?;
    Ok(answer::record(role.stamps.version, &role))
}

/// Deletes a role; it can be restored.
///
/// A role that users still have cannot be deleted, and a built-in one never.
#[utoipa::path(tag = "roles", responses((status = 204, description = "It was deleted.")))]
#[delete("/roles/{id}")]
async fn remove(
    app: Data<App>,
    Granted(grant): Granted<Delete, Role>,
    PathId(id): PathId<Role>,
    IfMatch(expected): IfMatch,
) -> Result<HttpResponse, Problem> {
    app.roles().delete(grant, id, expected).await?;
    Ok(answer::done())
}

/// Brings a deleted role back.
#[utoipa::path(tag = "roles", responses((status = 200, description = "It is back.", body = RoleRecord)))]
#[post("/roles/{id}/restore")]
async fn restore(
    app: Data<App>,
    Granted(grant): Granted<Delete, Role>,
    PathId(id): PathId<Role>,
    key: Key,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: key.with_body(b""), render: restored };
    Ok(answer::sent(app.roles().restore(grant, id, once).await?))
}

/// Lists the changes of a role, newest first.
#[utoipa::path(tag = "roles", params(PageParameters),
    responses((status = 200, description = "A page of the history.", body = List<RecordedChange>)))]
#[get("/roles/{id}/history")]
async fn history(
    app: Data<App>,
    Granted(grant): Granted<Read, Role>,
    PathId(id): PathId<Role>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let changes = app.roles().history(grant, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&changes, &page.address))
}

fn made(role: &RoleRecord) -> Answer {
    answer::made("roles", role.id.uuid(), role.stamps.version, role)
}

fn restored(role: &RoleRecord) -> Answer {
    answer::restored(role.stamps.version, role)
}
