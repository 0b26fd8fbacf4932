//! `/health`: whether the process runs, and whether it can serve.

use actix_web::{HttpResponse, get, web::Data};
use crm_app::App;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::problem::Problem;

/// The routes of this file.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(live).service(ready);
}

/// That all is well.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes what both handlers write")]
struct Health {
    /// Always `ok`.
    #[schema(pattern = "^ok$")]
    status: String,
}

/// Tells that the process runs.
#[utoipa::path(tag = "health", security(()), responses((status = 200, description = "It runs.", body = Health)))]
#[get("/health/live")]
async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// Tells whether requests can be served: the database answers and its schema is the one of this release.
#[utoipa::path(tag = "health", security(()), responses((status = 200, description = "They can.", body = Health)))]
#[get("/health/ready")]
async fn ready(app: Data<App>) -> Result<HttpResponse, Problem> {
    app.ready().await?;
    Ok(HttpResponse::Ok().json(json!({"status": "ok"})))
}
