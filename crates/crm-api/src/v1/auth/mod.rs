//! `/auth`: signing in and out.

mod api_keys;
mod reset;
mod sessions;
mod totp;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, get, http::header, post, web::Data};
use crm_app::{App, Error, FactorStatus, LoggedIn, Origin, SignIn};
use crm_domain::{Invalid, User, access::Rule};
use crm_monitoring::ClientAddress;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use crate::{
    answer,
    extract::{Body, Caller, FromJson, Secret, typed},
    problem::{Code, Problem},
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(login).service(refresh).service(logout).service(me).service(change_password);
    sessions::routes(config);
    reset::routes(config);
    totp::routes(config);
    api_keys::routes(config);
}

/// Body of a sign-in.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
struct LoginRequest {
    /// The address of the account.
    #[schema(min_length = 1, max_length = 254)]
    #[validate(length(min = 1, max = 254, message = "must have 1 to 254 characters"))]
    email: String,
    /// The password.
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1024)]
    #[validate(length(min = 1, max = 1024, message = "must have 1 to 1024 bytes"))]
    password: Secret,
    /// A code of the second factor, or one of its recovery codes, for those who have one.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64)]
    #[validate(length(min = 1, max = 64, message = "must have 1 to 64 bytes"))]
    code: Option<Secret>,
}

/// Body of a renewal.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
struct RefreshRequest {
    /// The refresh token of the pair in use.
    #[schema(value_type = String, min_length = 1, max_length = 1024)]
    #[validate(length(min = 1, max = 1024, message = "must have 1 to 1024 bytes"))]
    refresh_token: Secret,
}

/// Body of a change of password.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
struct PasswordRequest {
    /// The password of now.
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1024)]
    #[validate(length(min = 1, max = 1024, message = "must have 1 to 1024 bytes"))]
    current_password: Secret,
    /// The password to be, 15 to 128 characters.
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1024)]
    #[validate(length(min = 1, max = 1024, message = "must have 1 to 1024 bytes"))]
    new_password: Secret,
}

impl FromJson for LoginRequest {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        typed(value)
    }
}
impl FromJson for RefreshRequest {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        typed(value)
    }
}
impl FromJson for PasswordRequest {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        typed(value)
    }
}

/// A pair of tokens, told this once.
#[derive(Serialize, ToSchema)]
struct Tokens<'a> {
    /// For `Authorization: Bearer`.
    access_token: &'a str,
    /// For the next pair.
    refresh_token: &'a str,
    /// Always `Bearer`.
    token_type: &'a str,
    /// How long the access token works, in seconds.
    expires_in: i64,
    /// Who has signed in.
    user: &'a User,
}

/// Who is signed in, and what they may.
#[derive(Serialize, ToSchema)]
struct Me<'a> {
    /// The user.
    user: &'a User,
    /// The name of their role.
    role: &'a str,
    /// What the role allows, and how far.
    permissions: &'a [Rule],
    /// How you stand with the second factor.
    second_factor: SecondFactor,
}

/// How somebody stands with the second factor.
#[derive(Serialize, ToSchema)]
#[allow(clippy::struct_field_names, reason = "the names are those of the contract")]
struct SecondFactor {
    /// Whether your role asks for one: without it you can do nothing but set one up.
    is_required: bool,
    /// Whether you have one.
    is_enrolled: bool,
    /// How many recovery codes you have left.
    recovery_codes_left: i64,
}

/// Signs in.
///
/// An unknown address, a wrong password and an account that is switched off have the same answer in the same time. After
/// several that failed one must wait, longer each time, as `Retry-After` says; sessions that go on are not touched by that.
/// Whoever has a second factor sends its `code` as well; without it the answer is 401 with `second_factor_required`.
#[utoipa::path(tag = "auth", security(()), request_body = LoginRequest, responses(
    (status = 200, description = "Signed in.", body = Tokens),
    (status = 401, description = "The address, the password or the code is wrong, or a code is asked for.")))]
#[post("/auth/login")]
async fn login(app: Data<App>, body: Body<LoginRequest>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let LoginRequest { email, password, code } = body.read?;
    let sign_in = SignIn { email, password: password.0, code: code.map(|code| code.0), origin: origin(&request) };
    let signed_in = app.sessions().sign_in(sign_in).await.map_err(refused)?;
    Ok(told(&signed_in))
}

/// Replaces a pair of tokens.
///
/// A refresh token works once. One that is used again has been stolen from somebody: the session ends, with all its tokens.
/// There is no time of grace: of two requests that use one token at once exactly one gets a pair, and the other ends the
/// session. So refresh in one place, and sign in again where an answer was lost.
#[utoipa::path(tag = "auth", security(()), request_body = RefreshRequest, responses(
    (status = 200, description = "A new pair.", body = Tokens),
    (status = 401, description = "The token is not valid, or not any more.")))]
#[post("/auth/refresh")]
async fn refresh(app: Data<App>, body: Body<RefreshRequest>) -> Result<HttpResponse, Problem> {
    Ok(told(&app.sessions().refresh(&body.read?.refresh_token.0).await.map_err(refused)?))
}

/// Ends the session at once, everywhere.
#[utoipa::path(tag = "auth", responses((status = 204, description = "Signed out."),
    (status = 403, description = "An API key is no session.")))]
#[post("/auth/logout")]
async fn logout(app: Data<App>, caller: Caller) -> Result<HttpResponse, Problem> {
    app.sessions().logout(&caller.0).await?;
    Ok(answer::done())
}

/// Tells who is signed in, and what they may.
#[utoipa::path(tag = "auth", responses((status = 200, description = "The caller.", body = Me)))]
#[get("/auth/me")]
async fn me(app: Data<App>, caller: Caller) -> Result<HttpResponse, Problem> {
    let role = caller.actor().role();
    let FactorStatus { is_required, is_enrolled, recovery_codes_left } = app.second_factors().status(&caller.0).await?;
    let second_factor = SecondFactor { is_required, is_enrolled, recovery_codes_left };
    let (user, name) = (&caller.0.user, role.name.as_str());
    Ok(HttpResponse::Ok().json(Me { user, role: name, permissions: &role.rules, second_factor }))
}

/// Changes your password. All your other sessions end.
#[utoipa::path(tag = "auth", request_body = PasswordRequest, responses(
    (status = 204, description = "Changed."),
    (status = 401, description = "There is no session, or the current password is wrong."),
    (status = 403, description = "An API key is no session.")))]
#[post("/auth/password")]
async fn change_password(app: Data<App>, caller: Caller, body: Body<PasswordRequest>) -> Result<HttpResponse, Problem> {
    let PasswordRequest { current_password, new_password } = body.read?;
    app.sessions().change_password(&caller.0, current_password.0, new_password.0).await.map_err(refused)?;
    Ok(answer::done())
}

fn told(signed_in: &LoggedIn) -> HttpResponse {
    HttpResponse::Ok().json(Tokens {
        access_token: signed_in.access_token.expose_secret(),
        refresh_token: signed_in.refresh_token.expose_secret(),
        token_type: "Bearer",
        expires_in: signed_in.expires_in,
        user: &signed_in.user,
    })
}

fn refused(error: Error) -> Problem {
    match error {
        Error::Unauthenticated => {
            Problem::new(Code::InvalidCredentials, "The address, the password, the code or the token is not right.")
        }
        error => error.into(),
    }
}

fn origin(request: &HttpRequest) -> Origin {
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Origin {
        address: request.extensions().get::<ClientAddress>().map(|address| address.0),
        agent: agent.map(|agent| agent.chars().take(LONGEST_AGENT).collect()),
    }
}

/// How much of a client's name is kept, in characters.
const LONGEST_AGENT: usize = 255;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(body: Value, pointers: &[&str]) {
        let errors = LoginRequest::from_json(body).err().map(|invalid| invalid.errors).unwrap_or_default();
        assert_eq!(errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(), pointers);
    }

    #[test]
    fn a_sign_in_needs_both_fields_within_their_bounds_and_no_other() {
        check(json!({"email": "ann@example.com", "password": "x"}), &[]);
        check(json!({"email": "ann@example.com", "password": "x", "code": "123456"}), &[]);
        check(json!({"email": "ann@example.com", "password": "x", "code": ""}), &["/code"]);
        check(json!({"email": "", "password": "x"}), &["/email"]);
        check(json!({"email": "a", "password": ""}), &["/password"]);
        check(json!({"email": "a", "password": "x".repeat(1025)}), &["/password"]);
        check(json!({"email": 1, "password": "x"}), &["/email"]);
        check(json!({"email": "a", "password": "x", "otp": 1}), &["/otp"]);
        check(json!([]), &[""]);
    }
}
