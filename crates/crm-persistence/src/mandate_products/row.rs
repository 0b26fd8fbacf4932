//! One row of the table, and what it means.

use crm_domain::{MandateProduct, Version};
use diesel::{Insertable, Queryable, Selectable};

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    schema::mandate_products,
};

/// A row without `deleted_at`: stores read and write live ones only.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = mandate_products, treat_none_as_default_value = false)]
pub struct MandateProductRow {
    id: UuidColumn,
    mandate_id: UuidColumn,
    product_id: UuidColumn,
    version: i64,
    created_at: TimeColumn,
    created_by: Option<UuidColumn>,
    updated_at: TimeColumn,
    updated_by: Option<UuidColumn>,
}

impl From<&MandateProduct> for MandateProductRow {
    fn from(attached: &MandateProduct) -> Self {
        Self {
            id: attached.id.into(),
            mandate_id: attached.mandate_id.into(),
            product_id: attached.product_id.into(),
            version: attached.version.number(),
            created_at: attached.created_at.into(),
            created_by: maybe(attached.created_by),
            updated_at: attached.updated_at.into(),
            updated_by: maybe(attached.updated_by),
        }
    }
}

impl From<MandateProductRow> for MandateProduct {
    fn from(row: MandateProductRow) -> Self {
        Self {
            id: row.id.into(),
            mandate_id: row.mandate_id.into(),
            product_id: row.product_id.into(),
            version: Version::from_stored(row.version),
            created_at: row.created_at.into(),
            created_by: maybe(row.created_by),
            updated_at: row.updated_at.into(),
            updated_by: maybe(row.updated_by),
        }
    }
}
