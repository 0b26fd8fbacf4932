//! Which products are sold under which mandates. Whoever sees both ends sees it; whoever may change the mandate, and sees
//! the product, may attach and detach, while the mandate is signed or active.

use crm_domain::{
    Change, ChangeAction, FieldChange, Mandate, MandateId, MandateProduct, MandateProductId, NewRecord, Product,
    ProductId, RecordKind, Version,
    access::{Grant, Read, Update},
    query::Page,
};
use crm_persistence::{Recorded, StoreError, WriteTx, mandate_products, mandates, products};

use crate::{
    App, Error, Expected,
    expected::{settled, upserted},
};

/// The use cases of what is sold under mandates.
#[derive(Clone, Debug)]
pub struct MandateProducts {
    pub(crate) app: App,
}

/// Which product of which mandate: one for each pair.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MandateAndProduct {
    /// The mandate.
    pub mandate: MandateId,
    /// The product.
    pub product: ProductId,
}

/// What a `PUT` has done.
#[derive(Clone, Debug, PartialEq)]
pub enum Attached {
    /// The product has been attached.
    Now(MandateProduct),
    /// The product was attached before.
    Before(MandateProduct),
}

/// What it takes to attach and detach.
#[derive(Clone, Debug)]
pub struct AttachGrants {
    /// To change the mandate.
    pub mandate: Grant<Update, Mandate>,
    /// To see the product.
    pub product: Grant<Read, Product>,
}

impl MandateProducts {
    /// One product as it is attached.
    pub async fn get(
        &self,
        mandate: Grant<Read, Mandate>,
        product: Grant<Read, Product>,
        pair: MandateAndProduct,
    ) -> Result<MandateProduct, Error> {
        self.app.read(move |tx| Ok(mandate_products::find(tx, &mandate, &product, pair.mandate, pair.product)?)).await
    }

    /// The products of a mandate.
    pub async fn of_mandate(
        &self,
        mandate: Grant<Read, Mandate>,
        product: Grant<Read, Product>,
        id: MandateId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<(MandateProduct, Product)>, Error> {
        self.app
            .read(move |tx| {
                mandates::find(tx, &mandate, id)?;
                Ok(mandate_products::of_mandate(tx, &mandate, &product, id, limit, cursor.as_deref())?)
            })
            .await
    }

    /// The mandates under which a product is or was sold.
    pub async fn of_product(
        &self,
        mandate: Grant<Read, Mandate>,
        product: Grant<Read, Product>,
        id: ProductId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<(MandateProduct, Mandate)>, Error> {
        self.app
            .read(move |tx| {
                products::find(tx, &product, id)?;
                Ok(mandate_products::of_product(tx, &mandate, &product, id, limit, cursor.as_deref())?)
            })
            .await
    }

    /// The products of several mandates, in one query.
    pub async fn of_mandates(
        &self,
        mandate: Grant<Read, Mandate>,
        product: Grant<Read, Product>,
        ids: Vec<MandateId>,
    ) -> Result<Vec<(MandateProduct, Product)>, Error> {
        self.app.read(move |tx| Ok(mandate_products::of_mandates(tx, &mandate, &product, &ids)?)).await
    }

    /// Attaches a product; nothing changes where it is attached already.
    pub async fn attach(
        &self,
        grants: AttachGrants,
        pair: MandateAndProduct,
        expected: Expected,
    ) -> Result<Attached, Error> {
        let (app, actor) = (self.app.clone(), grants.mandate.actor().clone());
        self.app
            .write(&actor, move |tx| {
                let mandate = mandates::find(tx, &grants.mandate, pair.mandate)?;
                products::find(tx, &grants.product, pair.product)?;
                upserted(
                    tx,
                    &format!("mandate_products {} {}", pair.mandate, pair.product),
                    |tx| there(tx, &grants, pair),
                    |tx| Ok(attach(&app, tx, &grants, &mandate, pair.product)?.map(Attached::Now)),
                    |tx, _| before(tx, &grants, pair, expected),
                )
            })
            .await
    }

    /// Detaches a product.
    pub async fn detach(&self, grants: AttachGrants, pair: MandateAndProduct, expected: Expected) -> Result<(), Error> {
        let actor = grants.mandate.actor().clone();
        self.app
            .write(&actor, move |tx| {
                settled(|| {
                    let mandate = mandates::find(tx, &grants.mandate, pair.mandate)?;
                    let MandateAndProduct { mandate: id, product } = pair;
                    let attached = mandate_products::find(tx, &grants.mandate, &grants.product, id, product)?;
                    expected.check(attached.version, &attached)?;
                    mandate.require_open()?;
                    let (at, by) = (tx.at(), tx.actor().user_id());
                    let removed = mandate_products::delete(tx, &grants.mandate, attached.id, attached.version, at, by);
                    if let Err(error) = removed {
                        return Ok(Err(error));
                    }
                    let version = attached.version.next();
                    Ok(tx.record(change(&attached, version, ChangeAction::Deleted, Vec::new())))
                })
            })
            .await
    }
}

/// The attached product, if it is attached.
fn there(tx: &mut WriteTx, grants: &AttachGrants, pair: MandateAndProduct) -> Result<Option<MandateProductId>, Error> {
    match mandate_products::find(tx, &grants.mandate, &grants.product, pair.mandate, pair.product) {
        Ok(attached) => Ok(Some(attached.id)),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What was attached before stays as it is.
fn before(
    tx: &mut WriteTx,
    grants: &AttachGrants,
    pair: MandateAndProduct,
    expected: Expected,
) -> Result<Recorded<Attached>, Error> {
    let attached = mandate_products::find(tx, &grants.mandate, &grants.product, pair.mandate, pair.product)?;
    expected.check(attached.version, &attached)?;
    Ok(tx.unchanged(Attached::Before(attached)))
}

fn attach(
    app: &App,
    tx: &mut WriteTx,
    grants: &AttachGrants,
    mandate: &Mandate,
    product: ProductId,
) -> Result<Recorded<MandateProduct>, Error> {
    let new = NewRecord { id: app.new_id(), owner_id: None, team_id: None, by: tx.actor().user_id(), at: tx.at() };
    let made = MandateProduct::attach(new, mandate, product)?;
    mandate_products::insert_many(tx, &grants.mandate, std::slice::from_ref(&made.state))?;
    let recorded = tx.record(change(&made.state, made.state.version, ChangeAction::Created, made.changes))?;
    Ok(recorded.with(made.state))
}

fn change(attached: &MandateProduct, version: Version, action: ChangeAction, fields: Vec<FieldChange>) -> Change {
    Change { kind: RecordKind::MandateProducts, record_id: attached.id.uuid(), version, action, fields }
}
