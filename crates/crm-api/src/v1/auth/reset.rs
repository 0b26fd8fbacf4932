//! `/auth/password-reset`: a new password by a link that is sent by mail.

use actix_web::{HttpRequest, HttpResponse, post, web::Data};
use crm_app::App;
use crm_domain::Invalid;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::{origin, refused};
use crate::{
    answer,
    extract::{Body, FromJson, Secret, typed},
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(ask).service(confirm);
}

/// Body of a request for a link.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
struct ResetRequest {
    /// The address of the account.
    #[schema(min_length = 1, max_length = 254)]
    #[validate(length(min = 1, max = 254, message = "must have 1 to 254 characters"))]
    email: String,
}

/// Body of a new password by a link.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
struct ResetConfirmation {
    /// What stands behind the `#` of the link.
    #[schema(value_type = String, min_length = 1, max_length = 1024)]
    #[validate(length(min = 1, max = 1024, message = "must have 1 to 1024 bytes"))]
    token: Secret,
    /// The password to be, 15 to 128 characters.
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1024)]
    #[validate(length(min = 1, max = 1024, message = "must have 1 to 1024 bytes"))]
    new_password: Secret,
}

impl FromJson for ResetRequest {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        typed(value)
    }
}
impl FromJson for ResetConfirmation {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        typed(value)
    }
}

/// Asks for a link by which to set a new password.
///
/// The answer is always the same and comes at once, whether there is such an account or not. The link works once, for an
/// hour, and an account is sent three of them at most before it must wait.
#[utoipa::path(tag = "auth", security(()), request_body = ResetRequest, operation_id = "ask_for_password_reset", responses(
    (status = 202, description = "If there is such an account, a letter is on its way."),
    (status = 503, description = "No mail can be sent from this server.")))]
#[post("/auth/password-reset")]
async fn ask(app: Data<App>, body: Body<ResetRequest>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    app.users().ask_for_reset(body.read?.email, &origin(&request)).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Sets a new password by a link. All sessions end.
///
/// A second factor stays as it is: a mailbox alone lets nobody in.
#[utoipa::path(tag = "auth", security(()), request_body = ResetConfirmation, operation_id = "confirm_password_reset",
    responses(
        (status = 204, description = "The new password is set."),
        (status = 401, description = "The token is not valid, or not any more.")))]
#[post("/auth/password-reset/confirm")]
async fn confirm(app: Data<App>, body: Body<ResetConfirmation>) -> Result<HttpResponse, Problem> {
    let ResetConfirmation { token, new_password } = body.read?;
    app.users().finish_reset(&token.0, new_password.0).await.map_err(refused)?;
    Ok(answer::done())
}
