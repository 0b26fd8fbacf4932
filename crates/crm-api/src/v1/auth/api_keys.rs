//! `/auth/api-keys`: keys for programs that act for you.

use actix_web::{HttpResponse, delete, get, http::header, post, web::Data};
use crm_app::{App, NewApiKey};
use crm_domain::{ApiKey, ApiKeyDraft};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    answer,
    extract::{Body, Caller, PathId},
    problem::Problem,
    v1::{BASE, List},
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_keys).service(create_key).service(end_key);
}

/// A new key with its secret, told this once.
#[derive(Serialize, ToSchema)]
struct Secretive<'a> {
    /// For `Authorization: Bearer`. It is not shown again.
    secret: &'a str,
    /// The key.
    #[serde(flatten)]
    key: &'a ApiKey,
}

/// Lists your API keys, the newest first; those that have expired are among them.
#[utoipa::path(tag = "auth", responses(
    (status = 200, description = "All of them.", body = List<ApiKey>),
    (status = 403, description = "An API key may not do this.")))]
#[get("/auth/api-keys")]
async fn list_keys(app: Data<App>, caller: Caller) -> Result<HttpResponse, Problem> {
    let keys = app.api_keys().list(&caller.0).await?;
    Ok(HttpResponse::Ok().json(json!({"items": keys, "next_cursor": null, "total": null})))
}

/// Makes an API key for yourself.
///
/// It may do what its rules and your role of the moment both allow, and never make keys, change passwords or end sessions.
/// Its secret is in this answer and in no other, so a lost answer means another key: there is no `Idempotency-Key` here.
#[utoipa::path(tag = "auth", request_body = ApiKeyDraft, responses(
    (status = 201, description = "It was made.", body = Secretive),
    (status = 403, description = "An API key may not do this.")))]
#[post("/auth/api-keys")]
async fn create_key(app: Data<App>, caller: Caller, body: Body<ApiKeyDraft>) -> Result<HttpResponse, Problem> {
    let NewApiKey { key, secret } = app.api_keys().create(&caller.0, body.input()).await?;
    let place = (header::LOCATION, format!("{BASE}/auth/api-keys/{}", key.id));
    Ok(HttpResponse::Created().insert_header(place).json(Secretive { secret: secret.expose_secret(), key: &key }))
}

/// Ends one of your API keys at once.
#[utoipa::path(tag = "auth", responses(
    (status = 204, description = "It has ended."),
    (status = 403, description = "An API key may not do this.")))]
#[delete("/auth/api-keys/{id}")]
async fn end_key(app: Data<App>, caller: Caller, PathId(id): PathId<ApiKey>) -> Result<HttpResponse, Problem> {
    app.api_keys().end(&caller.0, id).await?;
    Ok(answer::done())
}
