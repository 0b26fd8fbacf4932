//! `/webhooks`: where changes are sent to. For those who manage the service.

use actix_web::{
    HttpResponse, delete, get,
    http::{StatusCode, header},
    patch, post,
    web::Data,
};
use crm_app::{Answer, App, NewSecret, Once};
use crm_domain::{
    Webhook, WebhookDelivery, WebhookPatch,
    access::{Manage, Settings},
};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{BASE, List, asked};
use crate::{
    answer,
    extract::{Body, Caller, Granted, IfMatch, IfNoneMatch, Key, PageParameters, PathId, etag},
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(read).service(update).service(remove);
    config.service(rotate_secret).service(ping).service(deliveries).service(replay);
}

/// A webhook with its secret, told this once.
#[derive(Serialize, ToSchema)]
struct WebhookWithSecret<'a> {
    /// What deliveries are signed with, `whsec_` and base64. It is not shown again.
    secret: &'a str,
    /// The webhook.
    #[serde(flatten)]
    webhook: &'a Webhook,
}

/// Lists the webhooks, the newest first.
#[utoipa::path(tag = "webhooks", params(PageParameters),
    responses((status = 200, description = "A page of them.", body = List<Webhook>)))]
#[get("/webhooks")]
async fn list(
    app: Data<App>,
    Granted(grant): Granted<Manage, Settings>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let found = app.webhooks().list(grant, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&found, &page.address))
}

/// Makes a webhook of yours, which is sent what changes from now on.
///
/// It is sent what you may see at the moment of sending, and nothing when you may not manage webhooks any more. The secret is in
/// this answer and in no other, so a lost answer means another webhook: there is no `Idempotency-Key` here.
#[utoipa::path(tag = "webhooks", request_body = WebhookPatch, responses(
    (status = 201, description = "It was made.", body = WebhookWithSecret),
    (status = 403, description = "You may not manage webhooks, or you come with an API key.")))]
#[post("/webhooks")]
async fn create(
    app: Data<App>,
    Granted(grant): Granted<Manage, Settings>,
    caller: Caller,
    body: Body<WebhookPatch>,
) -> Result<HttpResponse, Problem> {
    let made = app.webhooks().create(&caller.0, grant, body.input()).await?;
    let place = (header::LOCATION, format!("{BASE}/webhooks/{}", made.webhook.id));
    Ok(with_secret(&made, HttpResponse::Created().insert_header(place)))
}

/// Reads a webhook.
#[utoipa::path(tag = "webhooks", responses(
    (status = 200, description = "The webhook.", body = Webhook),
    (status = 304, description = "You have this version already.")))]
#[get("/webhooks/{id}")]
async fn read(
    app: Data<App>,
    Granted(grant): Granted<Manage, Settings>,
    PathId(id): PathId<Webhook>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let webhook = app.webhooks().get(grant, id).await?;
    let version = webhook.version;
    Ok(if known.has(version) { answer::not_modified(version) } else { answer::record(version, &webhook) })
}

/// Changes a webhook, which is yours from then on.
///
/// Your rights decide what is sent. Switched on again it begins with what changes from then on; what waits is still sent.
#[utoipa::path(tag = "webhooks", request_body = WebhookPatch, responses(
    (status = 200, description = "Its new state.", body = Webhook),
    (status = 403, description = "You may not manage webhooks, or you come with an API key.")))]
#[patch("/webhooks/{id}")]
async fn update(
    app: Data<App>,
    Granted(grant): Granted<Manage, Settings>,
    caller: Caller,
    PathId(id): PathId<Webhook>,
    IfMatch(expected): IfMatch,
    body: Body<WebhookPatch>,
) -> Result<HttpResponse, Problem> {
    let webhook = app.webhooks().update(&caller.0, grant, id, expected, body.input()).await?;
    Ok(answer::record(webhook.version, &webhook))
}

/// Removes a webhook with its deliveries. It cannot be restored.
#[utoipa::path(tag = "webhooks", responses((status = 204, description = "It was removed.")))]
#[delete("/webhooks/{id}")]
async fn remove(
    app: Data<App>,
    Granted(grant): Granted<Manage, Settings>,
    PathId(id): PathId<Webhook>,
    IfMatch(expected): IfMatch,
) -> Result<HttpResponse, Problem> {
    app.webhooks().delete(grant, id, expected).await?;
    Ok(answer::done())
}

/// Gives a webhook a new secret.
///
/// For 24 hours deliveries are signed with the old one as well. The secret is in this answer and in no other, so there is no
/// `Idempotency-Key` here.
#[utoipa::path(tag = "webhooks", responses(
    (status = 200, description = "The new secret.", body = WebhookWithSecret),
    (status = 403, description = "You may not manage webhooks, or you come with an API key.")))]
#[post("/webhooks/{id}/rotate-secret")]
async fn rotate_secret(
    app: Data<App>,
    Granted(grant): Granted<Manage, Settings>,
    caller: Caller,
    PathId(id): PathId<Webhook>,
) -> Result<HttpResponse, Problem> {
    let made = app.webhooks().rotate_secret(&caller.0, grant, id).await?;
    Ok(with_secret(&made, &mut HttpResponse::Ok()))
}

/// Sends a webhook an event `ping`, whatever events it wants.
#[utoipa::path(tag = "webhooks",
    responses((status = 202, description = "It is on its way.", body = WebhookDelivery)))]
#[post("/webhooks/{id}/ping")]
async fn ping(
    app: Data<App>,
    Granted(grant): Granted<Manage, Settings>,
    PathId(id): PathId<Webhook>,
    key: Key,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: key.with_body(b""), render: accepted };
    Ok(answer::sent(app.webhooks().ping(grant, id, once).await?))
}

/// Lists the deliveries of a webhook, the newest first. They are kept for 30 days.
#[utoipa::path(tag = "webhooks", params(PageParameters),
    responses((status = 200, description = "A page of them.", body = List<WebhookDelivery>)))]
#[get("/webhooks/{id}/deliveries")]
async fn deliveries(
    app: Data<App>,
    Granted(grant): Granted<Manage, Settings>,
    PathId(id): PathId<Webhook>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let found = app.webhooks().deliveries(grant, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&found, &page.address))
}

/// Sends a delivery once more, whatever came of it. It keeps its `webhook-id`.
#[utoipa::path(tag = "webhooks",
    responses((status = 202, description = "It is on its way.", body = WebhookDelivery)))]
#[post("/webhooks/{id}/deliveries/{delivery_id}/replay")]
async fn replay(
    app: Data<App>,
    Granted(grant): Granted<Manage, Settings>,
    PathId(id): PathId<Webhook>,
    PathId(delivery): PathId<WebhookDelivery>,
    key: Key,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: key.with_body(b""), render: accepted };
    Ok(answer::sent(app.webhooks().replay(grant, id, delivery, once).await?))
}

fn with_secret(made: &NewSecret, response: &mut actix_web::HttpResponseBuilder) -> HttpResponse {
    let shown = WebhookWithSecret { secret: made.secret.expose_secret(), webhook: &made.webhook };
    response.insert_header((header::ETAG, etag(made.webhook.version))).json(shown)
}

fn accepted(delivery: &WebhookDelivery) -> Answer {
    answer::answer(StatusCode::ACCEPTED, None, None, delivery)
}
