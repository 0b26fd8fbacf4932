//! `/users`

use actix_web::{HttpResponse, delete, get, patch, post, web::Data};
use crm_app::{Answer, App, Once};
use crm_domain::{
    RecordedChange, User, UserField, UserPatch,
    access::{Create, Delete, Read, Update},
};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{List, asked};
use crate::{
    answer,
    extract::{Body, Granted, IfMatch, IfNoneMatch, Key, ListParameters, NewUserBody, PageParameters, PathId},
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

/// Lists the users that you may see.
#[utoipa::path(tag = "users", params(ListParameters<UserField>),
    responses((status = 200, description = "A page of the list.", body = List<User>)))]
#[get("/users")]
async fn list(
    app: Data<App>,
    Granted(grant): Granted<Read, User>,
    parameters: ListParameters<UserField>,
) -> Result<HttpResponse, Problem> {
    let page = app.users().list(grant, parameters.query).await.map_err(asked)?;
    Ok(answer::list(&page, &parameters.address))
}

/// Makes a user.
///
/// The role may allow no more than your own. Without a password the user cannot sign in before they have been given one.
/// Where the body names no team, it is yours.
#[utoipa::path(tag = "users", request_body = UserPatch,
    responses((status = 201, description = "It was made.", body = User)))]
#[post("/users")]
async fn create(
    app: Data<App>,
    Granted(grant): Granted<Create, User>,
    body: Body<NewUserBody>,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key.clone(), render: made };
    let NewUserBody { patch, password } = body.read?;
    let password = password.map(|password| password.0);
    Ok(answer::sent(app.users().create(grant, patch, password, once).await?))
}

/// Reads a user.
#[utoipa::path(tag = "users", responses(
    (status = 200, description = "The user.", body = User),
    (status = 304, description = "You have this version already.")))]
#[get("/users/{id}")]
async fn read(
    app: Data<App>,
    Granted(grant): Granted<Read, User>,
    PathId(id): PathId<User>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let user = app.users().get(grant, id).await?;
    let version = user.stamps.version;
    Ok(if known.has(version) { answer::not_modified(version) } else { answer::record(version, &user) })
}

/// Changes a user.
///
/// Address, role, team and state need the permission to manage users as well. Who is switched off loses all sessions and API
/// keys at once. The last active administrator can be neither demoted nor switched off.
#[utoipa::path(tag = "users", request_body = UserPatch,
    responses((status = 200, description = "Its new state.", body = User)))]
#[patch("/users/{id}")]
async fn update(
    app: Data<App>,
    Granted(grant): Granted<Update, User>,
    PathId(id): PathId<User>,
    IfMatch(expected): IfMatch,
    body: Body<UserPatch>,
) -> Result<HttpResponse, Problem> {
    let user = app.users().update(grant, id, expected, body.input()).await?;
    Ok(answer::record(user.stamps.version, &user))
}

/// Deletes a user; it can be restored.
///
/// Their sessions and API keys end at once. The last active administrator cannot be deleted.
#[utoipa::path(tag = "users", responses((status = 204, description = "It was deleted.")))]
#[delete("/users/{id}")]
async fn remove(
    app: Data<App>,
    Granted(grant): Granted<Delete, User>,
    PathId(id): PathId<User>,
    IfMatch(expected): IfMatch,
) -> Result<HttpResponse, Problem> {
    app.users().delete(grant, id, expected).await?;
    Ok(answer::done())
}

/// Brings a deleted user back.
#[utoipa::path(tag = "users", responses((status = 200, description = "It is back.", body = User)))]
#[post("/users/{id}/restore")]
async fn restore(
    app: Data<App>,
    Granted(grant): Granted<Delete, User>,
    PathId(id): PathId<User>,
    key: Key,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: key.with_body(b""), render: restored };
    Ok(answer::sent(app.users().restore(grant, id, once).await?))
}

/// Lists the changes of a user, newest first.
#[utoipa::path(tag = "users", params(PageParameters),
    responses((status = 200, description = "A page of the history.", body = List<RecordedChange>)))]
#[get("/users/{id}/history")]
async fn history(
    app: Data<App>,
    Granted(grant): Granted<Read, User>,
    PathId(id): PathId<User>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let changes = app.users().history(grant, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&changes, &page.address))
}

fn made(user: &User) -> Answer {
    answer::made("users", user.id.uuid(), user.stamps.version, user)
}

fn restored(user: &User) -> Answer {
    answer::restored(user.stamps.version, user)
}
