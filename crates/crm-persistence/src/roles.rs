//! Roles in the database. The rules of the built-in ones stand in the domain and not in their rows, so that a new version
//! of the program brings its own.
//!
//! A role is looked up for its user, who may always know it: reading one takes no grant.

use crm_domain::{
    RoleId,
    access::{BuiltInRole, Role},
    values::{Name, fold},
};
use diesel::{ExpressionMethods, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper};

use crate::{
    column::{JsonColumn, UuidColumn},
    error::StoreError,
    schema::roles as table,
    transaction::{Transaction, connection},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
pub(crate) struct RoleRow {
    id: UuidColumn,
    name: String,
    rules: JsonColumn,
}

impl From<RoleRow> for Role {
    fn from(row: RoleRow) -> Self {
        let id = RoleId::from(row.id);
        if let Some(built_in) = BuiltInRole::with_id(id) {
            return built_in.role();
        }
        let rules = serde_json::from_value(row.rules.0).expect("a stored set of rules was one before it was stored");
        Self { id, name: Name::from_stored(row.name), rules }
    }
}

/// The role with this id.
pub fn find(tx: &mut impl Transaction, id: RoleId) -> Result<Role, StoreError> {
    if let Some(built_in) = BuiltInRole::with_id(id) {
        return Ok(built_in.role());
    }
    let query = table::table.select(RoleRow::as_select()).filter(table::id.eq(UuidColumn::from(id)));
    Ok(query.first::<RoleRow>(connection(tx))?.into())
}

/// The role with this name, whatever its case.
pub fn find_by_name(tx: &mut impl Transaction, name: &str) -> Result<Role, StoreError> {
    let query = table::table.select(RoleRow::as_select()).filter(table::name_key.eq(fold(name)));
    Ok(query.first::<RoleRow>(connection(tx))?.into())
}
