//! `/notifications`: what one is told. Everybody has their own and nobody else's.

use actix_web::{HttpResponse, get, http::StatusCode, patch, post, put, web::Data};
use crm_app::{Answer, App, Once, Shown};
use crm_domain::{
    Notification, NotificationPatch, NotificationPreferences, Violation,
    access::{Read, Update},
};
use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{List, asked};
use crate::{
    answer,
    extract::{Body, Granted, IfMatch, Key, PageParameters, PathId},
    openapi::query,
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(unread_count).service(read_all);
    config.service(preferences).service(set_preferences).service(update);
}

/// How many notifications are unread.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "it describes what the handler writes")]
struct UnreadCount {
    /// Neither read nor put away.
    unread_count: i64,
}

/// How many notifications were marked.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "it describes what the handler writes")]
struct ReadCount {
    /// They had not been read before.
    read: i64,
}

/// Lists your notifications, the newest first.
#[utoipa::path(tag = "notifications", params(PageParameters, ShownParameters),
    responses((status = 200, description = "A page of them.", body = List<Notification>)))]
#[get("/notifications")]
async fn list(
    app: Data<App>,
    Granted(grant): Granted<Read, Notification>,
    mut page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let unread = page.others.read("unread", flag)?;
    let archived = page.others.read("archived", flag)?.unwrap_or(false);
    let shown = Shown { unread, archived };
    let found = app.notifications().list(grant, shown, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&found, &page.address))
}

/// Counts your notifications that are neither read nor put away.
#[utoipa::path(tag = "notifications", responses((status = 200, description = "How many.", body = UnreadCount)))]
#[get("/notifications/unread-count")]
async fn unread_count(app: Data<App>, Granted(grant): Granted<Read, Notification>) -> Result<HttpResponse, Problem> {
    let number = app.notifications().unread_count(grant).await?;
    Ok(HttpResponse::Ok().json(json!({"unread_count": number})))
}

/// Marks one of your notifications as read, or puts it away.
#[utoipa::path(tag = "notifications", request_body = NotificationPatch,
    responses((status = 200, description = "The notification.", body = Notification)))]
#[patch("/notifications/{id}")]
async fn update(
    app: Data<App>,
    Granted(grant): Granted<Update, Notification>,
    PathId(id): PathId<Notification>,
    IfMatch(expected): IfMatch,
    body: Body<NotificationPatch>,
) -> Result<HttpResponse, Problem> {
    let updated = app.notifications().update(grant, id, expected, body.input()).await?;
    Ok(answer::record(updated.version, &updated))
}

/// Marks all your notifications as read.
#[utoipa::path(tag = "notifications", responses((status = 200, description = "How many were not.", body = ReadCount)))]
#[post("/notifications/read-all")]
async fn read_all(
    app: Data<App>,
    Granted(grant): Granted<Update, Notification>,
    key: Key,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: key.with_body(b""), render: counted };
    Ok(answer::sent(app.notifications().read_all(grant, once).await?))
}

/// Tells which kinds of notifications you want.
#[utoipa::path(tag = "notifications",
    responses((status = 200, description = "Every kind.", body = NotificationPreferences)))]
#[get("/notifications/preferences")]
async fn preferences(app: Data<App>, Granted(grant): Granted<Read, Notification>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(app.notifications().preferences(grant).await?))
}

/// Says which kinds of notifications you want. Those that are not named are wanted.
#[utoipa::path(tag = "notifications", request_body = NotificationPreferences,
    responses((status = 200, description = "Every kind.", body = NotificationPreferences)))]
#[put("/notifications/preferences")]
async fn set_preferences(
    app: Data<App>,
    Granted(grant): Granted<Update, Notification>,
    body: Body<NotificationPreferences>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(app.notifications().set_preferences(grant, body.read?).await?))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is what `Once` calls it with")]
fn counted(read: &usize) -> Answer {
    answer::answer(StatusCode::OK, None, None, &json!({"read": read}))
}

fn flag(text: &str) -> Result<bool, Violation> {
    text.parse().map_err(|_| Violation::new("boolean", "must be true or false"))
}

/// The parameters `unread` and `archived`, for the document.
struct ShownParameters;

impl utoipa::IntoParams for ShownParameters {
    fn into_params(_within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let flag = json!({"type": "boolean"});
        vec![
            query("unread", "Only those that have not been read, or only those that have.", &flag),
            query(
                "archived",
                "Those that have been put away, in place of the others.",
                &json!({"type": "boolean", "default": false}),
            ),
        ]
    }
}
