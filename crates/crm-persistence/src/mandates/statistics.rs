//! Counts of the mandates that a caller may see.

use std::collections::BTreeMap;

use crm_domain::{
    Mandate, MandateField,
    access::{Grant, Read},
    query::ListQuery,
};
use serde::Serialize;

use super::{TABLE, place::place};
use crate::{
    counts,
    error::StoreError,
    list,
    transaction::{Transaction, backend},
    visible::{Life, visible},
};

/// How many mandates there are of each kind.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct MandateStatistics {
    /// All of them.
    pub total: i64,
    /// By status.
    pub by_status: BTreeMap<String, i64>,
}

/// Counts of the live mandates in the scope of the grant that fit the filters and the search of `query`.
pub fn statistics(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Mandate>,
    query: &ListQuery<MandateField>,
) -> Result<MandateStatistics, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place, visible(grant, TABLE, Life::Live), query);
    let by_status = counts::by(tx, TABLE, "status", &conditions)?;
    Ok(MandateStatistics { total: by_status.values().sum(), by_status })
}
