//! Mandates by status, and those that end soon.

use std::collections::BTreeMap;

use chrono::Days;
use crm_domain::{
    Mandate, MandateField, MandateStatus,
    access::{Grant, Read},
    names_of,
    query::ListQuery,
    values::Date,
};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Text, Untyped},
};
use serde::Serialize;

use crate::{
    dialect::{self, Backend},
    error::StoreError,
    list,
    mandates::place::place,
    sql::{Bind, Sql},
    transaction::{Transaction, backend, connection},
    visible::{Life, visible},
};

const TABLE: &str = "mandates";

/// How the mandates stand. Those that end soon, and those that should have ended, are signed or active.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct MandateFigures {
    /// All mandates.
    pub total: i64,
    /// By status; every status is there.
    pub by_status: BTreeMap<String, i64>,
    /// Those whose last day lies behind.
    pub past_their_end: i64,
    /// Those whose last day is today or one of the next 30.
    pub ending_within_30_days: i64,
    /// Those whose last day is today or one of the next 90.
    pub ending_within_90_days: i64,
}

#[derive(QueryableByName)]
struct Group {
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = BigInt)]
    past: i64,
    #[diesel(sql_type = BigInt)]
    within_30: i64,
    #[diesel(sql_type = BigInt)]
    within_90: i64,
}

/// How the live mandates in the scope of the grant stand today that fit the filters and the search of `query`.
pub fn mandates(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Mandate>,
    query: &ListQuery<MandateField>,
    today: Date,
) -> Result<MandateFigures, StoreError> {
    let groups: Vec<Group> = statement(backend(tx), grant, query, today).typed::<Untyped>().load(connection(tx))?;
    let by_status = names_of::<MandateStatus>().into_iter().map(|status| (status.to_owned(), 0)).collect();
    Ok(groups.into_iter().fold(MandateFigures { by_status, ..MandateFigures::default() }, MandateFigures::with))
}

/// The database's plan for it, for tests and for whoever wonders why it is slow.
pub fn mandates_plan(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Mandate>,
    query: &ListQuery<MandateField>,
    today: Date,
) -> Result<Vec<String>, StoreError> {
    let sql = statement(backend(tx), grant, query, today);
    Ok(dialect::explain(connection(tx), sql)?)
}

fn statement(backend: Backend, grant: &Grant<Read, Mandate>, query: &ListQuery<MandateField>, today: Date) -> Sql {
    let conditions = list::conditions(backend, TABLE, place, visible(grant, TABLE, Life::Live), query);
    let within = |days: u64| {
        let last = today.checked_add_days(Days::new(days)).unwrap_or(Date::MAX);
        Sql::new().push("ends_on BETWEEN ").bind(Bind::Date(today)).push(" AND ").bind(Bind::Date(last))
    };
    let past = Sql::new().push("ends_on < ").bind(Bind::Date(today));
    Sql::new()
        .push("SELECT status, COUNT(*) AS number")
        .append(counted(past, "past"))
        .append(counted(within(30), "within_30"))
        .append(counted(within(90), "within_90"))
        .push(format!(" FROM {TABLE} WHERE "))
        .append(conditions)
        .push(" GROUP BY status")
}

/// One more column: how many rows fit the condition.
fn counted(condition: Sql, name: &str) -> Sql {
    let end = format!(" AND status IN ('signed', 'active') THEN 1 END) AS {name}");
    Sql::new().push(", COUNT(CASE WHEN ").append(condition).push(end)
}

impl MandateFigures {
    fn with(mut self, group: Group) -> Self {
        self.total += group.number;
        self.past_their_end += group.past;
        self.ending_within_30_days += group.within_30;
        self.ending_within_90_days += group.within_90;
        self.by_status.insert(group.status, group.number);
        self
    }
}
