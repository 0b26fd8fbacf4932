//! `/mandates/{id}/products/{product_id}`: what is sold under which mandate, seen from both ends.

use actix_web::{HttpResponse, delete, get, http::header, put, web::Data};
use crm_app::{App, AttachGrants, Attached, MandateAndProduct};
use crm_domain::{
    Mandate, MandateProduct, Product,
    access::{Read, Update},
    query::Page,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{List, asked};
use crate::{
    answer,
    extract::{Granted, IfMatch, IfNoneMatch, PageParameters, PathId, PutIfMatch},
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(of_mandate).service(of_product).service(read).service(attach).service(detach);
}

/// An attached product with the product itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct SoldProduct {
    /// How it is attached.
    #[serde(flatten)]
    pub(super) attached: MandateProduct,
    /// The product.
    pub(super) product: Product,
}

/// An attached product with its mandate.
#[derive(Serialize, ToSchema)]
pub(crate) struct SellingMandate {
    /// How it is attached.
    #[serde(flatten)]
    pub(super) attached: MandateProduct,
    /// The mandate.
    pub(super) mandate: Mandate,
}

/// Lists the products that are sold under a mandate, by name; of an ended one those that were.
#[utoipa::path(tag = "mandate_products", operation_id = "products_of_mandate", params(PageParameters),
    responses((status = 200, description = "A page of the products.", body = List<SoldProduct>)))]
#[get("/mandates/{id}/products")]
async fn of_mandate(
    app: Data<App>,
    Granted(mandate): Granted<Read, Mandate>,
    Granted(product): Granted<Read, Product>,
    PathId(id): PathId<Mandate>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let products = app.mandate_products();
    let sold = products.of_mandate(mandate, product, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&each(sold, |(attached, product)| SoldProduct { attached, product }), &page.address))
}

/// Lists the mandates under which a product is or was sold, the newest first.
#[utoipa::path(tag = "mandate_products", operation_id = "mandates_of_product", params(PageParameters),
    responses((status = 200, description = "A page of the mandates.", body = List<SellingMandate>)))]
#[get("/products/{id}/mandates")]
async fn of_product(
    app: Data<App>,
    Granted(mandate): Granted<Read, Mandate>,
    Granted(product): Granted<Read, Product>,
    PathId(id): PathId<Product>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let products = app.mandate_products();
    let selling = products.of_product(mandate, product, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&each(selling, |(attached, mandate)| SellingMandate { attached, mandate }), &page.address))
}

/// Tells how a product is attached to a mandate.
#[utoipa::path(tag = "mandate_products", responses(
    (status = 200, description = "It is attached.", body = MandateProduct),
    (status = 304, description = "You have this version already.")))]
#[get("/mandates/{id}/products/{product_id}")]
async fn read(
    app: Data<App>,
    Granted(mandate): Granted<Read, Mandate>,
    Granted(product): Granted<Read, Product>,
    ids: (PathId<Mandate>, PathId<Product>),
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let attached = app.mandate_products().get(mandate, product, pair(ids)).await?;
    let version = attached.version;
    Ok(if known.has(version) { answer::not_modified(version) } else { answer::record(version, &attached) })
}

/// Attaches a product to a mandate, which must be signed or active.
///
/// Nothing changes where it is attached already. With `If-Match`, that must then be at this version.
#[utoipa::path(tag = "mandate_products", responses(
    (status = 200, description = "It was attached before.", body = MandateProduct),
    (status = 201, description = "It has been attached.", body = MandateProduct)))]
#[put("/mandates/{id}/products/{product_id}")]
async fn attach(
    app: Data<App>,
    Granted(mandate): Granted<Update, Mandate>,
    Granted(product): Granted<Read, Product>,
    ids: (PathId<Mandate>, PathId<Product>),
    PutIfMatch(expected): PutIfMatch,
) -> Result<HttpResponse, Problem> {
    match app.mandate_products().attach(AttachGrants { mandate, product }, pair(ids), expected).await? {
        Attached::Before(attached) => Ok(answer::record(attached.version, &attached)),
        Attached::Now(attached) => Ok(created(&attached)),
    }
}

/// Detaches a product from a mandate, which must be signed or active: an ended one keeps its products as history.
#[utoipa::path(tag = "mandate_products", responses((status = 204, description = "It was detached.")))]
#[delete("/mandates/{id}/products/{product_id}")]
async fn detach(
    app: Data<App>,
    Granted(mandate): Granted<Update, Mandate>,
    Granted(product): Granted<Read, Product>,
    ids: (PathId<Mandate>, PathId<Product>),
    IfMatch(expected): IfMatch,
) -> Result<HttpResponse, Problem> {
    app.mandate_products().detach(AttachGrants { mandate, product }, pair(ids), expected).await?;
    Ok(answer::done())
}

fn pair((PathId(mandate), PathId(product)): (PathId<Mandate>, PathId<Product>)) -> MandateAndProduct {
    MandateAndProduct { mandate, product }
}

fn created(attached: &MandateProduct) -> HttpResponse {
    let MandateProduct { mandate_id, product_id, version, .. } = attached;
    let location = format!("{}/mandates/{mandate_id}/products/{product_id}", super::BASE);
    let etag = crate::extract::etag(*version);
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, location)).insert_header((header::ETAG, etag)).json(attached)
}

fn each<T, U>(page: Page<T>, make: impl FnMut(T) -> U) -> Page<U> {
    Page { items: page.items.into_iter().map(make).collect(), next_cursor: page.next_cursor, total: page.total }
}
