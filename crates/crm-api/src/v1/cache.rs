//! `/monitoring/cache`: how the read cache is doing, for administrators.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, delete, get, web::Data};
use crm_app::{App, CacheStatistics, GroupStatistics, RedisStatistics};
use crm_domain::access::{Manage, Settings};
use serde::Serialize;
use serde_json::json;
use utoipa::{
    ToSchema,
    openapi::path::{Parameter, ParameterIn},
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    extract::{Granted, Parameters},
    openapi::query,
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(read_cache).service(forget);
}

/// What the cache has done since the server started, and how it is.
#[derive(Serialize, ToSchema)]
struct CacheReport {
    /// `up`; `degraded` while Redis is configured and cannot be relied on; `off`.
    health: &'static str,
    /// All resources together.
    total: Counts,
    /// For each resource.
    resources: BTreeMap<String, Counts>,
    /// Answers that are kept in this process.
    memory_entries: u64,
    /// Their size in bytes.
    memory_bytes: u64,
    /// How many made room for others or expired.
    evictions: u64,
    /// Redis; none where none is configured.
    #[schema(required)]
    redis: Option<Redis>,
}

/// Reads of one resource.
#[derive(Serialize, ToSchema)]
struct Counts {
    /// Answered from this process.
    memory_hits: u64,
    /// Answered from Redis.
    redis_hits: u64,
    /// Answered from the database and kept.
    misses: u64,
    /// Answered from the database without asking the cache.
    bypasses: u64,
    /// The part answered from the cache, from 0 to 1; none before the first read.
    #[schema(required)]
    hit_rate: Option<f64>,
}

/// What is known of Redis.
#[derive(Serialize, ToSchema)]
struct Redis {
    /// `closed` while it answers, `open` while it is left alone, `half_open` while it is tried again.
    breaker: &'static str,
    /// Calls that failed or came too late.
    errors: u64,
    /// Writes that it has not been told of yet.
    owed: u64,
    /// Its memory in use, in bytes, where it says so.
    #[schema(required)]
    memory_bytes: Option<u64>,
}

impl From<GroupStatistics> for Counts {
    fn from(counts: GroupStatistics) -> Self {
        let hit_rate = counts.hit_rate();
        let GroupStatistics { memory_hits, redis_hits, misses, bypasses } = counts;
        Self { memory_hits, redis_hits, misses, bypasses, hit_rate }
    }
}

impl From<RedisStatistics> for Redis {
    fn from(redis: RedisStatistics) -> Self {
        let RedisStatistics { breaker, errors, owed, memory_bytes } = redis;
        Self { breaker: breaker.into(), errors, owed, memory_bytes }
    }
}

impl From<CacheStatistics> for CacheReport {
    fn from(cache: CacheStatistics) -> Self {
        let resources = cache.groups.into_iter().map(|(name, counts)| (name, counts.into())).collect();
        Self {
            health: cache.health.into(),
            total: cache.total.into(),
            resources,
            memory_entries: cache.memory_entries,
            memory_bytes: cache.memory_bytes,
            evictions: cache.evictions,
            redis: cache.redis.map(Redis::from),
        }
    }
}

/// Tells how the read cache of this instance is doing.
#[utoipa::path(tag = "monitoring",
    responses((status = 200, description = "Its counts and its state.", body = CacheReport)))]
#[get("/monitoring/cache")]
async fn read_cache(app: Data<App>, _granted: Granted<Manage, Settings>) -> HttpResponse {
    HttpResponse::Ok().json(CacheReport::from(app.cache().statistics().await))
}

/// Forgets kept answers, on all instances.
///
/// Nothing is lost by it: the next reads come from the database.
#[utoipa::path(tag = "monitoring", params(PatternParameter),
    responses((status = 200, description = "How many were removed.", body = Forgotten)))]
#[delete("/monitoring/cache")]
async fn forget(
    app: Data<App>,
    _granted: Granted<Manage, Settings>,
    Parameters(mut asked): Parameters,
) -> Result<HttpResponse, Problem> {
    let pattern = asked.take("pattern")?.unwrap_or_else(|| "*".to_owned());
    let removed = app.cache().forget(&pattern).await;
    Ok(HttpResponse::Ok().json(Forgotten { removed }))
}

/// What has been forgotten.
#[derive(Serialize, ToSchema)]
struct Forgotten {
    /// How many answers, in Redis or else in this process.
    removed: u64,
}

/// The parameter `pattern`, for the document.
struct PatternParameter;

impl utoipa::IntoParams for PatternParameter {
    fn into_params(_within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = json!({"type": "string", "minLength": 1, "maxLength": 100, "default": "*", "examples": ["organisations:*"]});
        vec![query("pattern", "Which ones, with `*` and `?`; they are named by their resource.", &schema)]
    }
}
