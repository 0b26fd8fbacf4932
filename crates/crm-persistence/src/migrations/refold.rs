//! Folded text of rows that a migration gave a new column: SQL does not know how the domain folds.

use crm_domain::values::{fold, search_text};
use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{Nullable, Text, Untyped},
};

use crate::{
    column::{DbUuid, UuidColumn},
    connection::AnyConnection,
    error::StoreError,
    sql::{Bind, Sql},
};

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = DbUuid)]
    id: UuidColumn,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
}

/// The tables with names, and the column that is searched beside the name.
const TABLES: [(&str, &str); 3] = [("roles", "NULL"), ("teams", "NULL"), ("users", "email")];

/// Fills the keys of names that are still empty.
pub fn names(connection: &mut AnyConnection) -> Result<(), StoreError> {
    for (table, email) in TABLES {
        let empty = Sql::new().push(format!("SELECT id, name, {email} AS email FROM {table} WHERE search_text = ''"));
        let rows: Vec<Named> = empty.typed::<Untyped>().load(connection)?;
        for row in rows {
            let text = search_text(&[Some(&row.name), row.email.as_deref()]);
            let update = Sql::new().push(format!("UPDATE {table} SET search_text = ")).bind(Bind::Text(text));
            let update = update.push(", name_key = ").bind(Bind::Text(fold(&row.name)));
            update.push(" WHERE id = ").bind(Bind::Id(row.id)).execute(connection)?;
        }
    }
    Ok(())
}
