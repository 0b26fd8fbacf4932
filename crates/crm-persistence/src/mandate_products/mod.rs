//! Which products are sold under which mandates.
//!
//! An attached product is there for whoever sees both its ends, live and in scope, and whoever may change the mandate may
//! attach and detach. A deleted end hides what is attached and keeps it. That the mandate must be signed or active is held
//! by triggers: [`StoreError::Refused`] tells when the domain's look at the status was too old.

mod row;

use crm_domain::{
    Mandate, MandateId, MandateProduct, MandateProductId, Product, ProductId, UserId, Version,
    access::{ActionType, Grant, Read, Update},
    query::Page,
    values::{Timestamp, fold},
};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};
use uuid::Uuid;

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    cursor,
    dialect::insert_all,
    error::StoreError,
    mandates::MandateRow,
    products::ProductRow,
    schema::{mandate_products as table, mandates, products},
    sql::{Bind, Sql},
    transaction::{Transaction, WriteTx, connection},
    visible::{Life, visible},
};
use row::MandateProductRow;

const TABLE: &str = "mandate_products";

/// The product as it is attached to the mandate.
pub fn find<A: ActionType>(
    tx: &mut impl Transaction,
    of_mandates: &Grant<A, Mandate>,
    of_products: &Grant<Read, Product>,
    mandate: MandateId,
    product: ProductId,
) -> Result<MandateProduct, StoreError> {
    let row: MandateProductRow = table::table
        .inner_join(mandates::table)
        .inner_join(products::table)
        .select(MandateProductRow::as_select())
        .filter(both_ends(of_mandates, of_products))
        .filter(table::mandate_id.eq(UuidColumn::from(mandate)))
        .filter(table::product_id.eq(UuidColumn::from(product)))
        .first(connection(tx))?;
    Ok(row.into())
}

/// A page of the products of a mandate, by name.
pub fn of_mandate<A: ActionType>(
    tx: &mut impl Transaction,
    of_mandates: &Grant<A, Mandate>,
    of_products: &Grant<Read, Product>,
    mandate: MandateId,
    limit: u32,
    after: Option<&str>,
) -> Result<Page<(MandateProduct, Product)>, StoreError> {
    let list = format!("mandate {mandate}");
    let place: Option<(String, Uuid)> = cursor::decode(&list, after)?;
    let later = place.map_or_else(always, |(name, id)| {
        let place = [Bind::Text(name), Bind::Id(UuidColumn(id))];
        Sql::new().push("(products.name_key, products.id) > (").binds(place).push(")")
    });
    let of_it = Sql::new().column(TABLE, "mandate_id").push(" = ").bind(Bind::Id(mandate.into()));
    let conditions = [both_ends(of_mandates, of_products), of_it, later];
    let found = products_of(tx, Sql::joined(conditions, " AND "), Some(limit))?;
    Ok(page(found, limit, &list, |(_, product)| (fold(product.name.as_str()), product.id.uuid())))
}

/// A page of the mandates under which a product is or was sold, the newest first.
pub fn of_product<A: ActionType>(
    tx: &mut impl Transaction,
    of_mandates: &Grant<A, Mandate>,
    of_products: &Grant<Read, Product>,
    product: ProductId,
    limit: u32,
    after: Option<&str>,
) -> Result<Page<(MandateProduct, Mandate)>, StoreError> {
    let list = format!("product {product}");
    let place: Option<Uuid> = cursor::decode(&list, after)?;
    let earlier =
        place.map_or_else(always, |id| Sql::new().column("mandates", "id").push(" < ").bind(Bind::Id(UuidColumn(id))));
    let of_it = Sql::new().column(TABLE, "product_id").push(" = ").bind(Bind::Id(product.into()));
    let conditions = [both_ends(of_mandates, of_products), of_it, earlier];
    let rows: Vec<(MandateProductRow, MandateRow)> = table::table
        .inner_join(mandates::table)
        .inner_join(products::table)
        .select((MandateProductRow::as_select(), MandateRow::as_select()))
        .filter(Sql::joined(conditions, " AND "))
        // An id begins with the time at which it was made.
        .order_by(mandates::id.desc())
        .limit(i64::from(limit) + 1)
        .load(connection(tx))?;
    let found = rows.into_iter().map(|(attached, mandate)| (attached.into(), mandate.into())).collect();
    Ok(page(found, limit, &list, |(_, mandate): &(MandateProduct, Mandate)| mandate.id.uuid()))
}

/// All products of all these mandates, those of each one in the order of [`of_mandate`].
pub fn of_mandates<A: ActionType>(
    tx: &mut impl Transaction,
    of_mandates: &Grant<A, Mandate>,
    of_products: &Grant<Read, Product>,
    ids: &[MandateId],
) -> Result<Vec<(MandateProduct, Product)>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = ids.iter().map(|id| Bind::Id(UuidColumn::from(*id)));
    let of_them = Sql::new().column(TABLE, "mandate_id").push(" IN (").binds(ids).push(")");
    products_of(tx, Sql::joined([both_ends(of_mandates, of_products), of_them], " AND "), None)
}

/// Well below the most values that a statement can have on either database.
const IDS_OF_A_QUERY: usize = 500;

/// Attaches products to mandates in the scope of the grant; none when one of these is not there.
pub fn insert_many(tx: &mut WriteTx, grant: &Grant<Update, Mandate>, new: &[MandateProduct]) -> Result<(), StoreError> {
    for chunk in new.chunks(IDS_OF_A_QUERY) {
        let mut ids: Vec<UuidColumn> = chunk.iter().map(|attached| attached.mandate_id.into()).collect();
        ids.sort_unstable_by_key(|id| id.0);
        ids.dedup();
        let seen = mandates::table.filter(visible(grant, "mandates", Life::Live));
        let seen: i64 = seen.filter(mandates::id.eq_any(ids.clone())).count().get_result(connection(tx))?;
        if usize::try_from(seen) != Ok(ids.len()) {
            return Err(StoreError::NotFound);
        }
        let rows: Vec<MandateProductRow> = chunk.iter().map(MandateProductRow::from).collect();
        insert_all!(connection(tx), table::table, &rows)?;
    }
    Ok(())
}

/// Detaches the product that stands at the version `before`; the removal is one version later.
pub fn delete(
    tx: &mut WriteTx,
    grant: &Grant<Update, Mandate>,
    id: MandateProductId,
    before: Version,
    at_time: Timestamp,
    by: Option<UserId>,
) -> Result<(), StoreError> {
    let target = table::table.filter(at(grant, id)).filter(table::version.eq(before.number()));
    let rows = diesel::update(target)
        .set((
            table::version.eq(before.next().number()),
            table::updated_at.eq(TimeColumn::from(at_time)),
            table::updated_by.eq(maybe::<_, UuidColumn>(by)),
            table::deleted_at.eq(Some(TimeColumn::from(at_time))),
        ))
        .execute(connection(tx))?;
    if rows == 1 {
        return Ok(());
    }
    let current = table::table.select(table::version).filter(at(grant, id)).first(connection(tx));
    match current.optional()? {
        Some(current) => Err(StoreError::Stale { current: Version::from_stored(current) }),
        None => Err(StoreError::NotFound),
    }
}

/// The condition that a row is the live one with this id, of a live mandate in the scope of the grant.
fn at(grant: &Grant<Update, Mandate>, id: MandateProductId) -> Sql {
    Sql::new()
        .column(TABLE, "id")
        .push(" = ")
        .bind(Bind::Id(id.into()))
        .push(" AND mandate_products.deleted_at IS NULL AND EXISTS (SELECT 1 FROM mandates ")
        .push("WHERE mandates.id = mandate_products.mandate_id AND ")
        .append(visible(grant, "mandates", Life::Live))
        .push(")")
}

/// The condition that a product is attached and both ends are live and in scope.
fn both_ends<A: ActionType>(of_mandates: &Grant<A, Mandate>, of_products: &Grant<Read, Product>) -> Sql {
    let ends = [
        Sql::new().column(TABLE, "deleted_at").push(" IS NULL"),
        visible(of_mandates, "mandates", Life::Live),
        visible(of_products, "products", Life::Live),
    ];
    Sql::joined(ends, " AND ")
}

fn always() -> Sql {
    Sql::new().push("1 = 1")
}

fn products_of(
    tx: &mut impl Transaction,
    condition: Sql,
    limit: Option<u32>,
) -> Result<Vec<(MandateProduct, Product)>, StoreError> {
    let mut query = table::table
        .inner_join(mandates::table)
        .inner_join(products::table)
        .select((MandateProductRow::as_select(), ProductRow::as_select()))
        .filter(condition)
        .order_by((products::name_key.asc(), products::id.asc()))
        .into_boxed();
    if let Some(limit) = limit {
        query = query.limit(i64::from(limit) + 1);
    }
    let rows: Vec<(MandateProductRow, ProductRow)> = query.load(connection(tx))?;
    Ok(rows.into_iter().map(|(attached, product)| (attached.into(), product.into())).collect())
}

fn page<T, P: serde::Serialize>(mut items: Vec<T>, limit: u32, list: &str, place: impl Fn(&T) -> P) -> Page<T> {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| more).map(|last| cursor::encode(list, &place(last)));
    Page { items, next_cursor, total: None }
}
