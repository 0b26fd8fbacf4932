//! One row of the table, and what it means.

use crm_domain::{
    Product, Stamps, Version,
    values::{Isin, Name, Text, fold},
};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    schema::products,
    stored::{choice, choice_text, text},
};

#[derive(AsChangeset, Insertable, Queryable, Selectable)]
#[diesel(table_name = products, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct ProductRow {
    id: UuidColumn,
    name: String,
    name_key: String,
    isin: Option<String>,
    kind: Option<String>,
    status: String,
    notes: Option<String>,
    search_text: String,
    version: i64,
    owner_id: Option<UuidColumn>,
    team_id: Option<UuidColumn>,
    created_at: TimeColumn,
    created_by: Option<UuidColumn>,
    updated_at: TimeColumn,
    updated_by: Option<UuidColumn>,
    deleted_at: Option<TimeColumn>,
}

impl From<&Product> for ProductRow {
    fn from(product: &Product) -> Self {
        let Product { stamps, .. } = product;
        Self {
            id: product.id.into(),
            name: product.name.to_string(),
            name_key: fold(product.name.as_str()),
            isin: text(product.isin.as_ref()),
            kind: choice_text(product.kind),
            status: product.status.as_ref().to_owned(),
            notes: text(product.notes.as_ref()),
            search_text: product.search_text(),
            version: stamps.version.number(),
            owner_id: maybe(stamps.owner_id),
            team_id: maybe(stamps.team_id),
            created_at: stamps.created_at.into(),
            created_by: maybe(stamps.created_by),
            updated_at: stamps.updated_at.into(),
            updated_by: maybe(stamps.updated_by),
            deleted_at: maybe(stamps.deleted_at),
        }
    }
}

impl From<ProductRow> for Product {
    fn from(row: ProductRow) -> Self {
        Self {
            id: row.id.into(),
            name: Name::from_stored(row.name),
            isin: row.isin.map(Isin::from_stored),
            kind: row.kind.as_deref().map(choice),
            status: choice(&row.status),
            notes: row.notes.map(Text::from_stored),
            stamps: Stamps {
                version: Version::from_stored(row.version),
                owner_id: maybe(row.owner_id),
                team_id: maybe(row.team_id),
                created_at: row.created_at.into(),
                created_by: maybe(row.created_by),
                updated_at: row.updated_at.into(),
                updated_by: maybe(row.updated_by),
                deleted_at: maybe(row.deleted_at),
            },
        }
    }
}
