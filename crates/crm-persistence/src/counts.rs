//! Counts by the words of one column: what the statistics of several resources are made of.

use std::collections::BTreeMap;

use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Nullable, Text, Untyped},
};

use crate::{
    error::StoreError,
    sql::Sql,
    transaction::{Transaction, connection},
};

#[derive(QueryableByName)]
struct Group {
    #[diesel(sql_type = Nullable<Text>)]
    word: Option<String>,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// How many rows that fit the conditions have each word in `column`. Empty fields count under the empty word.
pub fn by(
    tx: &mut impl Transaction,
    table: &'static str,
    column: &'static str,
    conditions: &Sql,
) -> Result<BTreeMap<String, i64>, StoreError> {
    let sql = Sql::new()
        .push("SELECT ")
        .column(table, column)
        .push(format!(" AS word, COUNT(*) AS number FROM {table} WHERE "))
        .append(conditions.clone())
        .push(" GROUP BY 1");
    let groups: Vec<Group> = sql.typed::<Untyped>().load(connection(tx))?;
    Ok(groups.into_iter().map(|group| (group.word.unwrap_or_default(), group.number)).collect())
}
