//! `/monitoring`: how the service is, and what it logs. For those who run it, whatever else they may see.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, get, put, web::Data};
use crm_domain::{
    Invalid,
    access::{Manage, Read, Settings},
};
use crm_monitoring::{Levels, Monitoring};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use slog::{Logger, warn};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use crate::{
    extract::{Body, Caller, FromJson, Granted, typed},
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(health).service(log_levels).service(set_log_levels);
}

/// How a part of the service is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "it describes what the report writes")]
enum PartState {
    /// As it should be.
    Ok,
    /// Not in use, as the settings want it.
    Off,
    /// It works, and somebody should look at it.
    Degraded,
    /// It does not work.
    Failed,
}

/// How the service is.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes what the report writes")]
struct HealthReport {
    /// `failed` where a part has failed without which nothing can be served.
    status: PartState,
    /// Each part by its name.
    parts: BTreeMap<String, PartState>,
}

/// What is logged.
#[derive(Debug, Deserialize, Serialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
struct LogLevels {
    /// A level for everything, and levels for modules: `info,crm_api=debug,crm_app::relay=off`. The levels are `off`,
    /// `critical`, `error`, `warn`, `info`, `debug` and `trace`.
    #[schema(min_length = 1, max_length = 1000, example = "info,crm_api=debug")]
    #[validate(length(min = 1, max = 1000, message = "must have 1 to 1000 bytes"))]
    level: String,
}

impl FromJson for LogLevels {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        typed(value)
    }
}

/// Tells how each part of the service is, as this instance sees it.
#[utoipa::path(tag = "monitoring", responses((status = 200, description = "The states.", body = HealthReport)))]
#[get("/monitoring/health")]
async fn health(_: Granted<Read, Settings>, monitoring: Data<Monitoring>) -> HttpResponse {
    HttpResponse::Ok().json(monitoring.health().report().await)
}

/// Tells what this instance logs.
#[utoipa::path(tag = "monitoring", responses((status = 200, description = "The levels.", body = LogLevels)))]
#[get("/monitoring/log-levels")]
async fn log_levels(_: Granted<Read, Settings>, monitoring: Data<Monitoring>) -> HttpResponse {
    HttpResponse::Ok().json(LogLevels { level: monitoring.levels().get().to_string() })
}

/// Changes what this instance logs, until it ends.
#[utoipa::path(tag = "monitoring", request_body = LogLevels,
    responses((status = 200, description = "The levels of now.", body = LogLevels)))]
#[put("/monitoring/log-levels")]
async fn set_log_levels(
    _: Granted<Manage, Settings>,
    caller: Caller,
    monitoring: Data<Monitoring>,
    log: Data<Logger>,
    body: Body<LogLevels>,
) -> Result<HttpResponse, Problem> {
    let levels = body
        .read?
        .level
        .parse::<Levels>()
        .map_err(|unknown: crm_monitoring::UnknownLevel| Invalid::one("/level", "choice", unknown.to_string()))?;
    // Told before, so that it is told even where nothing is logged afterwards.
    let (before, now) = (monitoring.levels().get().to_string(), levels.to_string());
    warn!(log, "log levels are changed"; "from" => before, "to" => &now, "user_id" => caller.0.user.id.to_string());
    monitoring.levels().set(levels);
    Ok(HttpResponse::Ok().json(LogLevels { level: now }))
}
