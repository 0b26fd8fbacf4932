//! Counts of the products that a caller may see.

use std::collections::BTreeMap;

use crm_domain::{
    Product, ProductField,
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

/// How many products there are of each kind. Empty fields count under the empty word.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ProductStatistics {
    /// All of them.
    pub total: i64,
    /// By type.
    pub by_type: BTreeMap<String, i64>,
    /// By status.
    pub by_status: BTreeMap<String, i64>,
}

/// Counts of the live products in the scope of the grant that fit the filters and the search of `query`.
pub fn statistics(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Product>,
    query: &ListQuery<ProductField>,
) -> Result<ProductStatistics, StoreError> {
    let conditions = list::conditions(backend(tx), TABLE, place, visible(grant, TABLE, Life::Live), query);
    let by_status = counts::by(tx, TABLE, "status", &conditions)?;
    let by_type = counts::by(tx, TABLE, "type", &conditions)?;
    Ok(ProductStatistics { total: by_status.values().sum(), by_type, by_status })
}
