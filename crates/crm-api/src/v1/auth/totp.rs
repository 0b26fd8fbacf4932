//! `/auth/totp`: the second factor, a code that changes every thirty seconds (RFC 6238).

use actix_web::{HttpResponse, delete, post, web::Data};
use crm_app::{App, NewFactor};
use crm_domain::Invalid;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::refused;
use crate::{
    answer,
    extract::{Body, Caller, FromJson, Secret, typed},
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(begin).service(confirm).service(remove);
}

/// What an authenticator program needs, told this once.
#[derive(Serialize, ToSchema)]
struct Secretive<'a> {
    /// The secret as one types it: base32.
    secret: &'a str,
    /// The same as an address to draw as a picture: `otpauth://totp/…`.
    otpauth_uri: &'a str,
}

/// Body of a confirmation.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
struct CodeRequest {
    /// The six digits that the program shows.
    #[schema(value_type = String, min_length = 1, max_length = 64)]
    #[validate(length(min = 1, max = 64, message = "must have 1 to 64 bytes"))]
    code: Secret,
}

/// Body of a removal.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
struct PasswordProof {
    /// Your password.
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1024)]
    #[validate(length(min = 1, max = 1024, message = "must have 1 to 1024 bytes"))]
    password: Secret,
}

impl FromJson for CodeRequest {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        typed(value)
    }
}
impl FromJson for PasswordProof {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        typed(value)
    }
}

/// The codes for the day on which the telephone is lost, told this once.
#[derive(Serialize, ToSchema)]
struct RecoveryCodes<'a> {
    /// Each lets you sign in once in the place of a code.
    recovery_codes: Vec<&'a str>,
}

/// Begins a second factor.
///
/// It counts once it has been confirmed by a code; until then another one may be begun, which voids this one.
#[utoipa::path(tag = "auth", operation_id = "begin_totp", responses(
    (status = 200, description = "The secret. It is not shown again.", body = Secretive),
    (status = 403, description = "An API key is no session."),
    (status = 409, description = "You have a second factor; remove it first.")))]
#[post("/auth/totp")]
async fn begin(app: Data<App>, caller: Caller) -> Result<HttpResponse, Problem> {
    let NewFactor { secret, uri } = app.second_factors().begin(&caller.0).await?;
    Ok(HttpResponse::Ok().json(Secretive { secret: secret.expose_secret(), otpauth_uri: uri.expose_secret() }))
}

/// Confirms the second factor that was begun.
///
/// From now on a sign-in asks for a code.
#[utoipa::path(tag = "auth", operation_id = "confirm_totp", request_body = CodeRequest, responses(
    (status = 200, description = "Ten recovery codes. They are not shown again.", body = RecoveryCodes),
    (status = 401, description = "There is no session, or the code is wrong."),
    (status = 409, description = "None was begun, or you have one.")))]
#[post("/auth/totp/confirm")]
async fn confirm(app: Data<App>, caller: Caller, body: Body<CodeRequest>) -> Result<HttpResponse, Problem> {
    let codes = app.second_factors().confirm(&caller.0, body.read?.code.0).await.map_err(refused)?;
    let recovery_codes = codes.iter().map(ExposeSecret::expose_secret).collect();
    Ok(HttpResponse::Ok().json(RecoveryCodes { recovery_codes }))
}

/// Removes your second factor with its recovery codes.
#[utoipa::path(tag = "auth", operation_id = "remove_totp", request_body = PasswordProof, responses(
    (status = 204, description = "There is none any more."),
    (status = 401, description = "There is no session, or the password is wrong."),
    (status = 403, description = "An API key is no session.")))]
#[delete("/auth/totp")]
async fn remove(app: Data<App>, caller: Caller, body: Body<PasswordProof>) -> Result<HttpResponse, Problem> {
    app.second_factors().remove(&caller.0, body.read?.password.0).await.map_err(refused)?;
    Ok(answer::done())
}
