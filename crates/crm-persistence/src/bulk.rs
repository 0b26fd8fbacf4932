//! Filling an empty database: its indexes are left out meanwhile and made at the end, each by one sort.
//!
//! What is left out is written down in the same transaction, and no program serves a database that lacks it: a filling that
//! was interrupted is ended by `crm migrate up`. Unique indexes stay, because they are rules.

use diesel::{
    Connection, RunQueryDsl,
    sql_types::{BigInt, Text},
};

use crate::{
    connection::AnyConnection,
    database::DatabaseSettings,
    dialect,
    error::StoreError,
    migrations,
    sql::{Bind, Sql},
};

/// The tables that are filled.
const TABLES: [&str; 10] = [
    "organisations",
    "people",
    "links",
    "products",
    "mandates",
    "mandate_products",
    "interactions",
    "interaction_people",
    "interaction_users",
    "tasks",
];

/// Leaves the indexes of empty tables out until [`restore_indexes`]; how many they are. Where there is a record, nobody must
/// wait for an index, and none is left out.
pub fn suspend_indexes(settings: &DatabaseSettings) -> Result<usize, StoreError> {
    let mut connection = migrations::connect(settings)?;
    for table in TABLES {
        let count = Sql::new().push(format!("SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT 1) AS first"));
        let rows: Vec<i64> = count.typed::<BigInt>().load(&mut connection)?;
        if rows.first().is_some_and(|rows| *rows > 0) {
            return Ok(0);
        }
    }
    let all: Vec<(String, String, String)> =
        dialect::indexes(&connection).typed::<(Text, Text, Text)>().load(&mut connection)?;
    let ours: Vec<_> = all.into_iter().filter(|(table, ..)| TABLES.contains(&table.as_str())).collect();
    connection.transaction(|connection| {
        for (_, name, definition) in &ours {
            let noted = Sql::new().push("INSERT INTO suspended_indexes (name, definition) VALUES (");
            let noted = noted.binds([Bind::Text(name.clone()), Bind::Text(definition.clone())]).push(")");
            noted.execute(connection)?;
            // The name comes from the catalogue of the schema, which only migrations write.
            Sql::new().push(format!("DROP INDEX {name}")).execute(connection)?;
        }
        Ok(ours.len())
    })
}

/// Makes the indexes that were left out; their names.
pub fn restore_indexes(settings: &DatabaseSettings) -> Result<Vec<String>, StoreError> {
    restore(&mut migrations::connect(settings)?)
}

/// The same on a connection that there is. Each index is made in a transaction of its own, so that an interruption costs
/// one of them.
pub(crate) fn restore(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    let suspended = suspended(connection)?;
    if suspended.is_empty() {
        return Ok(Vec::new());
    }
    dialect::prepare_sorting(connection)?;
    for (name, definition) in &suspended {
        connection.transaction(|connection| {
            Sql::new().push(definition.clone()).execute(connection)?;
            let done = Sql::new().push("DELETE FROM suspended_indexes WHERE name = ").bind(Bind::Text(name.clone()));
            done.execute(connection)
        })?;
    }
    dialect::tidy(connection)?;
    Ok(suspended.into_iter().map(|(name, _)| name).collect())
}

/// The indexes that are left out, each with the statement that makes it.
pub(crate) fn suspended(connection: &mut AnyConnection) -> Result<Vec<(String, String)>, StoreError> {
    let all = Sql::new().push("SELECT name, definition FROM suspended_indexes ORDER BY name");
    Ok(all.typed::<(Text, Text)>().load(connection)?)
}
