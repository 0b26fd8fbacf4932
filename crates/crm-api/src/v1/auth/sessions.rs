//! `/auth/sessions`: where one is signed in.

use actix_web::{HttpResponse, delete, get, web::Data};
use crm_app::{App, Credential, KnownSession};
use crm_domain::{Session, SessionId, values::Timestamp};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    answer,
    extract::{Caller, PathId},
    problem::Problem,
    v1::List,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_sessions).service(end_session);
}

/// One sign-in of yours.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct Shown<'a> {
    /// Its id.
    id: SessionId,
    /// When you signed in.
    created_at: Timestamp,
    /// When its tokens were last renewed.
    last_used_at: Timestamp,
    /// When it ends by itself unless its tokens are renewed.
    expires_at: Timestamp,
    /// The network address that you signed in from.
    #[schema(required)]
    address: Option<&'a str>,
    /// What your client called itself.
    #[schema(required)]
    agent: Option<&'a str>,
    /// Whether this request belongs to it.
    is_current: bool,
}

/// Lists your sessions that go on, the newest first.
#[utoipa::path(tag = "auth", responses(
    (status = 200, description = "All of them.", body = List<Shown>),
    (status = 403, description = "An API key is no session.")))]
#[get("/auth/sessions")]
async fn list_sessions(app: Data<App>, caller: Caller) -> Result<HttpResponse, Problem> {
    let sessions = app.sessions().list(&caller.0).await?;
    let shown: Vec<Shown> = sessions.iter().map(|session| shown(session, caller.0.credential)).collect();
    Ok(HttpResponse::Ok().json(json!({"items": shown, "next_cursor": null, "total": null})))
}

/// Ends one of your sessions at once, everywhere.
#[utoipa::path(tag = "auth", responses(
    (status = 204, description = "It has ended."),
    (status = 403, description = "An API key is no session.")))]
#[delete("/auth/sessions/{id}")]
async fn end_session(app: Data<App>, caller: Caller, PathId(id): PathId<Session>) -> Result<HttpResponse, Problem> {
    app.sessions().end(&caller.0, id).await?;
    Ok(answer::done())
}

fn shown(known: &KnownSession, credential: Credential) -> Shown<'_> {
    let KnownSession { session, last_used_at, address, agent } = known;
    Shown {
        id: session.id,
        created_at: session.created_at,
        last_used_at: *last_used_at,
        expires_at: session.refresh_expires_at,
        address: address.as_deref(),
        agent: agent.as_deref(),
        is_current: credential == Credential::Session(session.id),
    }
}
