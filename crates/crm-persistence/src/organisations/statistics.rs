//! Counts and sums over the organisations that a caller may see.

use std::collections::BTreeMap;

use crm_domain::{
    Organisation, OrganisationField,
    access::{Grant, Read},
    query::ListQuery,
    values::Money,
};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Nullable, Text, Untyped},
};
use serde::Serialize;

use super::{TABLE, place::place};
use crate::{
    error::StoreError,
    list,
    sql::Sql,
    transaction::{Transaction, backend, connection},
    visible::{Life, visible},
};

/// How many organisations there are of each kind, and what they may be worth. Empty fields count under the empty word.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct OrganisationStatistics {
    /// All of them.
    pub total: i64,
    /// By type.
    pub by_type: BTreeMap<String, i64>,
    /// By category.
    pub by_category: BTreeMap<String, i64>,
    /// By country, ISO 3166-1 alpha-2.
    pub by_country_code: BTreeMap<String, i64>,
    /// By language, ISO 639-1.
    pub by_language: BTreeMap<String, i64>,
    /// By pipeline stage.
    pub by_pipeline_stage: BTreeMap<String, i64>,
    /// Sums of the potential amounts, one for each currency.
    pub potential_amounts: Vec<CurrencySum>,
}

/// A sum of amounts of one currency.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CurrencySum {
    /// The currency, ISO 4217.
    pub currency: String,
    /// The sum.
    pub sum: Money,
    /// How many organisations have an amount.
    pub count: i64,
}

#[derive(QueryableByName)]
struct Group {
    #[diesel(sql_type = Nullable<Text>)]
    word: Option<String>,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = BigInt)]
    amounts: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    sum: Option<i64>,
}

/// Counts and sums over the live organisations in the scope of the grant that fit the filters and the search of `query`.
pub fn statistics(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Organisation>,
    query: &ListQuery<OrganisationField>,
) -> Result<OrganisationStatistics, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place, visible(grant, TABLE, Life::Live), query);
    let mut count = |column: &'static str| -> Result<BTreeMap<String, i64>, StoreError> {
        let groups = groups(tx, column, &conditions)?;
        Ok(groups.into_iter().map(|group| (group.word.unwrap_or_default(), group.number)).collect())
    };
    let by_pipeline_stage = count("pipeline_stage")?;
    let mut statistics = OrganisationStatistics {
        total: by_pipeline_stage.values().sum(),
        by_type: count("type")?,
        by_category: count("category")?,
        by_country_code: count("country_code")?,
        by_language: count("language")?,
        by_pipeline_stage,
        potential_amounts: Vec::new(),
    };
    for group in groups(tx, "currency", &conditions)?.into_iter().filter(|group| group.amounts > 0) {
        let (currency, sum) = (group.word.unwrap_or_default(), Money::from_minor_units(group.sum.unwrap_or_default()));
        statistics.potential_amounts.push(CurrencySum { currency, sum, count: group.amounts });
    }
    statistics.potential_amounts.sort_by(|one, other| one.currency.cmp(&other.currency));
    Ok(statistics)
}

/// One pass over the table for each column; PostgreSQL sums to `numeric`, hence the cast.
fn groups(tx: &mut impl Transaction, column: &'static str, conditions: &Sql) -> Result<Vec<Group>, StoreError> {
    let sql = Sql::new()
        .push("SELECT ")
        .column(TABLE, column)
        .push(" AS word, COUNT(*) AS number, COUNT(potential_amount) AS amounts, ")
        .push(format!("CAST(SUM(potential_amount) AS BIGINT) AS sum FROM {TABLE} WHERE "))
        .append(conditions.clone())
        .push(" GROUP BY 1");
    Ok(sql.typed::<Untyped>().load(connection(tx))?)
}
