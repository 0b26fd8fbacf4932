//! Interactions by type and month.

use std::collections::BTreeMap;

use crm_domain::{
    Interaction, InteractionField, InteractionType,
    access::{Grant, Read},
    names_of,
    query::ListQuery,
};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Text, Untyped},
};
use serde::Serialize;

use crate::{
    dialect::{self, Backend},
    error::StoreError,
    interactions::place::place,
    list,
    sql::Sql,
    transaction::{Transaction, backend, connection},
    visible::{Life, visible},
};

const TABLE: &str = "interactions";

/// How much has happened.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct InteractionFigures {
    /// All interactions.
    pub total: i64,
    /// By type; every type is there.
    pub by_type: BTreeMap<String, i64>,
    /// Every month (in UTC) in which something happened, the latest first.
    pub months: Vec<InteractionMonth>,
}

/// One month of interactions.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct InteractionMonth {
    /// The month, `YYYY-MM`.
    pub month: String,
    /// All interactions of the month.
    pub count: i64,
    /// By type; only types of which there are some.
    pub by_type: BTreeMap<String, i64>,
}

#[derive(QueryableByName)]
struct Group {
    #[diesel(sql_type = BigInt)]
    month: i64,
    #[diesel(sql_type = Text)]
    word: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// The live interactions in the scope of the grant that fit the filters and the search of `query`, by type and month.
pub fn interactions(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Interaction>,
    query: &ListQuery<InteractionField>,
) -> Result<InteractionFigures, StoreError> {
    let groups: Vec<Group> = statement(backend(tx), grant, query).typed::<Untyped>().load(connection(tx))?;
    Ok(figures(groups))
}

/// The database's plan for it, for tests and for whoever wonders why it is slow.
pub fn interactions_plan(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Interaction>,
    query: &ListQuery<InteractionField>,
) -> Result<Vec<String>, StoreError> {
    let sql = statement(backend(tx), grant, query);
    Ok(dialect::explain(connection(tx), sql)?)
}

fn statement(backend: Backend, grant: &Grant<Read, Interaction>, query: &ListQuery<InteractionField>) -> Sql {
    let conditions = list::conditions(backend, TABLE, place, visible(grant, TABLE, Life::Live), query);
    Sql::new()
        .push(format!("SELECT occurred_month AS month, type AS word, COUNT(*) AS number FROM {TABLE} WHERE "))
        .append(conditions)
        .push(" GROUP BY occurred_month, type ORDER BY occurred_month DESC, type")
}

fn figures(groups: Vec<Group>) -> InteractionFigures {
    let by_type = names_of::<InteractionType>().into_iter().map(|kind| (kind.to_owned(), 0)).collect();
    let mut figures = InteractionFigures { by_type, ..InteractionFigures::default() };
    for Group { month, word, number } in groups {
        let month = format!("{:04}-{:02}", month / 100, month % 100);
        if figures.months.last().is_none_or(|last| last.month != month) {
            figures.months.push(InteractionMonth { month, count: 0, by_type: BTreeMap::new() });
        }
        let last = figures.months.last_mut().expect("one was put there if there was none");
        last.count += number;
        figures.total += number;
        *figures.by_type.entry(word.clone()).or_default() += number;
        last.by_type.insert(word, number);
    }
    figures
}
