//! Organisations by pipeline stage, and what they may be worth.

use crm_domain::{
    Organisation, OrganisationField, PipelineStage,
    access::{Grant, Read},
    query::ListQuery,
    values::Money,
};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Text, Untyped},
};
use serde::Serialize;
use strum::VariantArray;

use crate::{
    dialect::{self, Backend},
    error::StoreError,
    list,
    organisations::place::place,
    sql::Sql,
    stored::choice,
    transaction::{Transaction, backend, connection},
    visible::{Life, visible},
};

const TABLE: &str = "organisations";

/// The pipeline, stage by stage.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct PipelineFigures {
    /// All organisations.
    pub total: i64,
    /// Every stage, in the order of the pipeline, also those where nobody is.
    pub stages: Vec<StageFigures>,
}

/// One stage of the pipeline.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct StageFigures {
    /// The stage.
    pub stage: PipelineStage,
    /// How many organisations are in it.
    pub count: i64,
    /// What they may be worth, one entry for each currency in which there is an amount.
    pub amounts: Vec<StageAmounts>,
}

/// What the organisations of a stage may be worth in one currency.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct StageAmounts {
    /// The currency, ISO 4217.
    pub currency: String,
    /// How many organisations have an amount.
    pub count: i64,
    /// The sum of the potential amounts.
    pub potential: Money,
    /// The sum of potential amount × signature probability; without a probability an amount weighs nothing.
    pub weighted: Money,
}

#[derive(QueryableByName)]
struct Group {
    #[diesel(sql_type = Text)]
    stage: String,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = BigInt)]
    amounts: i64,
    #[diesel(sql_type = BigInt)]
    potential: i64,
    #[diesel(sql_type = BigInt)]
    whole: i64,
    #[diesel(sql_type = BigInt)]
    rest: i64,
}

/// The product of amount and percentage would outgrow 64 bits when it is summed before it is divided by a hundred, so its
/// two halves are summed apart. PostgreSQL sums to `numeric`, hence the casts.
const SUMS: &str = "COUNT(*) AS number, COUNT(potential_amount) AS amounts, \
    CAST(COALESCE(SUM(potential_amount), 0) AS BIGINT) AS potential, \
    CAST(COALESCE(SUM(potential_amount / 100 * signature_probability), 0) AS BIGINT) AS whole, \
    CAST(COALESCE(SUM(potential_amount % 100 * signature_probability), 0) AS BIGINT) AS rest";

/// The pipeline of the live organisations in the scope of the grant that fit the filters and the search of `query`.
pub fn pipeline(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Organisation>,
    query: &ListQuery<OrganisationField>,
) -> Result<PipelineFigures, StoreError> {
    let groups: Vec<Group> = statement(backend(tx), grant, query).typed::<Untyped>().load(connection(tx))?;
    Ok(figures(groups))
}

/// The database's plan for it, for tests and for whoever wonders why it is slow.
pub fn pipeline_plan(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Organisation>,
    query: &ListQuery<OrganisationField>,
) -> Result<Vec<String>, StoreError> {
    let sql = statement(backend(tx), grant, query);
    Ok(dialect::explain(connection(tx), sql)?)
}

fn statement(backend: Backend, grant: &Grant<Read, Organisation>, query: &ListQuery<OrganisationField>) -> Sql {
    let conditions = list::conditions(backend, TABLE, place, visible(grant, TABLE, Life::Live), query);
    Sql::new()
        .push(format!("SELECT pipeline_stage AS stage, currency, {SUMS} FROM {TABLE} WHERE "))
        .append(conditions)
        .push(" GROUP BY pipeline_stage, currency")
}

fn figures(groups: Vec<Group>) -> PipelineFigures {
    let empty = |stage: &PipelineStage| StageFigures { stage: *stage, count: 0, amounts: Vec::new() };
    let mut stages: Vec<StageFigures> = PipelineStage::VARIANTS.iter().map(empty).collect();
    for group in groups {
        let stage: PipelineStage = choice(&group.stage);
        let figures = stages.iter_mut().find(|figures| figures.stage == stage).expect("every stage has its place");
        figures.count += group.number;
        if group.amounts > 0 {
            figures.amounts.push(StageAmounts {
                currency: group.currency,
                count: group.amounts,
                potential: Money::from_minor_units(group.potential),
                weighted: Money::from_minor_units(group.whole + hundredth(group.rest)),
            });
        }
    }
    for stage in &mut stages {
        stage.amounts.sort_by(|one, other| one.currency.cmp(&other.currency));
    }
    PipelineFigures { total: stages.iter().map(|stage| stage.count).sum(), stages }
}

/// A hundredth, rounded half away from zero.
const fn hundredth(number: i64) -> i64 {
    (number + if number < 0 { -50 } else { 50 }) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredth_is_rounded_half_away_from_zero() {
        for (number, expected) in [(0, 0), (49, 0), (50, 1), (149, 1), (150, 2), (-49, 0), (-50, -1), (-150, -2)] {
            assert_eq!(hundredth(number), expected, "{number}");
        }
    }
}
