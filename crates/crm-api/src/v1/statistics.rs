//! What counts and sums look like, for the document.

use std::collections::BTreeMap;

use crm_domain::values::Money;
use utoipa::ToSchema;

/// Counts and sums. Empty fields count under the empty word.
#[derive(ToSchema)]
#[schema(as = OrganisationStatistics)]
#[allow(dead_code, reason = "it describes what the use case answers")]
pub(crate) struct OrganisationStatisticsBody {
    /// All of them.
    total: i64,
    /// By type.
    by_type: BTreeMap<String, i64>,
    /// By category.
    by_category: BTreeMap<String, i64>,
    /// By country, ISO 3166-1 alpha-2.
    by_country_code: BTreeMap<String, i64>,
    /// By language, ISO 639-1.
    by_language: BTreeMap<String, i64>,
    /// By pipeline stage.
    by_pipeline_stage: BTreeMap<String, i64>,
    /// Sums of the potential amounts, one for each currency.
    potential_amounts: Vec<CurrencySum>,
}

/// A sum of amounts of one currency.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes what the use case answers")]
pub(crate) struct CurrencySum {
    /// The currency, ISO 4217.
    currency: String,
    /// The sum.
    sum: Money,
    /// How many organisations have an amount.
    count: i64,
}

/// Counts of products. Empty fields count under the empty word.
#[derive(ToSchema)]
#[schema(as = ProductStatistics)]
#[allow(dead_code, reason = "it describes what the use case answers")]
pub(crate) struct ProductStatisticsBody {
    /// All of them.
    total: i64,
    /// By type.
    by_type: BTreeMap<String, i64>,
    /// By status.
    by_status: BTreeMap<String, i64>,
}

/// Counts of mandates.
#[derive(ToSchema)]
#[schema(as = MandateStatistics)]
#[allow(dead_code, reason = "it describes what the use case answers")]
pub(crate) struct MandateStatisticsBody {
    /// All of them.
    total: i64,
    /// By status.
    by_status: BTreeMap<String, i64>,
}
