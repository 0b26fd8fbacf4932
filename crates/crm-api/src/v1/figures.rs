//! `/figures`: how the business stands, each figure over what the list with the same filters would show.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, get, web::Data};
use crm_app::App;
use crm_domain::{Mandate, MandateField, Organisation, OrganisationField, PipelineStage, access::Read, values::Money};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::asked;
use crate::{
    extract::{Granted, ListParameters},
    openapi::FilterParameters,
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(pipeline).service(mandates);
}

/// The pipeline, stage by stage.
#[derive(ToSchema)]
#[schema(as = PipelineFigures)]
#[allow(dead_code, reason = "it describes what the use case answers")]
struct PipelineFiguresBody {
    /// All organisations.
    total: i64,
    /// Every stage, in the order of the pipeline, also those where nobody is.
    stages: Vec<StageFiguresBody>,
}

/// One stage of the pipeline.
#[derive(ToSchema)]
#[schema(as = StageFigures)]
#[allow(dead_code, reason = "it describes what the use case answers")]
struct StageFiguresBody {
    /// The stage.
    stage: PipelineStage,
    /// How many organisations are in it.
    count: i64,
    /// What they may be worth, one entry for each currency in which there is an amount.
    amounts: Vec<StageAmountsBody>,
}

/// What the organisations of a stage may be worth in one currency.
#[derive(ToSchema)]
#[schema(as = StageAmounts)]
#[allow(dead_code, reason = "it describes what the use case answers")]
struct StageAmountsBody {
    /// The currency, ISO 4217.
    currency: String,
    /// How many organisations have an amount.
    count: i64,
    /// The sum of the potential amounts.
    potential: Money,
    /// The sum of potential amount × signature probability; without a probability an amount weighs nothing.
    weighted: Money,
}

/// How the mandates stand. Those that end soon, and those that should have ended, are signed or active.
#[derive(ToSchema)]
#[schema(as = MandateFigures)]
#[allow(dead_code, reason = "it describes what the use case answers")]
struct MandateFiguresBody {
    /// All mandates.
    total: i64,
    /// By status; every status is there.
    by_status: BTreeMap<String, i64>,
    /// Those whose last day lies behind.
    past_their_end: i64,
    /// Those whose last day is today (UTC) or one of the next 30.
    ending_within_30_days: i64,
    /// Those whose last day is today (UTC) or one of the next 90.
    ending_within_90_days: i64,
}

/// Counts the organisations of each pipeline stage, and sums what they may be worth.
#[utoipa::path(tag = "figures", params(FilterParameters<OrganisationField>),
    responses((status = 200, description = "The pipeline.", body = PipelineFiguresBody)))]
#[get("/figures/pipeline")]
async fn pipeline(
    app: Data<App>,
    Granted(grant): Granted<Read, Organisation>,
    parameters: ListParameters<OrganisationField>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(app.figures().pipeline(grant, parameters.query).await.map_err(asked)?))
}

/// Counts the mandates by status, and those that end soon.
#[utoipa::path(tag = "figures", params(FilterParameters<MandateField>),
    responses((status = 200, description = "The mandates.", body = MandateFiguresBody)))]
#[get("/figures/mandates")]
async fn mandates(
    app: Data<App>,
    Granted(grant): Granted<Read, Mandate>,
    parameters: ListParameters<MandateField>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(app.figures().mandates(grant, parameters.query).await.map_err(asked)?))
}
