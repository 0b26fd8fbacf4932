//! `/products`

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web::Data};
use crm_app::{Answer, App, BatchRequest, Once};
use crm_domain::{
    Invalid, Product, ProductField, ProductPatch, RecordedChange,
    access::{Create, Delete, Export, Read, Update},
    query::Page,
};
use crm_monitoring::RequestId;
use serde_json::{Value, json};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    List, asked,
    batch::{self, BatchBody, BatchResults},
    expand::{self, ExpandParameter},
};
use crate::{
    answer,
    extract::{
        Body, Caller, Expand, FromJson, Granted, IfMatch, IfNoneMatch, InPath, Key, ListParameters, PageParameters,
        PathId, Viewer,
    },
    openapi::{Documented, FilterParameters, WholeListParameters},
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(export).service(statistics).service(run_batch);
    config.service(read).service(update).service(remove).service(restore).service(history);
}

/// Lists the products that you may see.
#[utoipa::path(tag = "products", params(ListParameters<ProductField>, ExpandParameter<Product>),
    responses((status = 200, description = "A page of the list.", body = List<Product>)))]
#[get("/products")]
async fn list(
    app: Data<App>,
    Granted(grant): Granted<Read, Product>,
    parameters: ListParameters<ProductField>,
    viewer: Viewer,
) -> Result<HttpResponse, Problem> {
    expand::checked::<Product>(&parameters.expand)?;
    let page = app.products().list(grant.clone(), parameters.query).await.map_err(asked)?;
    if parameters.expand.is_empty() {
        return Ok(answer::list(&page, &parameters.address));
    }
    let items = expand::products(&app, &viewer, &grant, &parameters.expand, &page.items).await?;
    let page = Page { items, next_cursor: page.next_cursor, total: page.total };
    Ok(answer::list(&page, &parameters.address))
}

/// Makes a product.
#[utoipa::path(tag = "products", request_body = ProductPatch,
    responses((status = 201, description = "It was made.", body = Product)))]
#[post("/products")]
async fn create(
    app: Data<App>,
    Granted(grant): Granted<Create, Product>,
    body: Body<ProductPatch>,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key.clone(), render: made };
    Ok(answer::sent(app.products().create(grant, body.input(), once).await?))
}

/// Reads a product.
#[utoipa::path(tag = "products", params(ExpandParameter<Product>), responses(
    (status = 200, description = "The product.", body = Product),
    (status = 304, description = "You have this version already.")))]
#[get("/products/{id}")]
async fn read(
    app: Data<App>,
    Granted(grant): Granted<Read, Product>,
    PathId(id): PathId<Product>,
    known: IfNoneMatch,
    Expand(relations): Expand,
    viewer: Viewer,
) -> Result<HttpResponse, Problem> {
    expand::checked::<Product>(&relations)?;
    let product = app.products().get(grant.clone(), id).await?;
    let version = product.stamps.version;
    // What is inlined has versions of its own.
    if relations.is_empty() && known.has(version) {
        return Ok(answer::not_modified(version));
    }
    let expanded = expand::products(&app, &viewer, &grant, &relations, &[product]).await?;
    Ok(answer::record(version, &expanded[0]))
}

/// Changes a product.
#[utoipa::path(tag = "products", request_body = ProductPatch,
    responses((status = 200, description = "Its new state.", body = Product)))]
#[patch("/products/{id}")]
async fn update(
    app: Data<App>,
    Granted(grant): Granted<Update, Product>,
    PathId(id): PathId<Product>,
    IfMatch(expected): IfMatch,
    body: Body<ProductPatch>,
) -> Result<HttpResponse, Problem> {
    let product = app.products().update(grant, id, expected, body.input()).await?;
    Ok(answer::record(product.stamps.version, &product))
}

/// Deletes a product; it can be restored.
#[utoipa::path(tag = "products", responses((status = 204, description = "It was deleted.")))]
#[delete("/products/{id}")]
async fn remove(
    app: Data<App>,
    Granted(grant): Granted<Delete, Product>,
    PathId(id): PathId<Product>,
    IfMatch(expected): IfMatch,
) -> Result<HttpResponse, Problem> {
    app.products().delete(grant, id, expected).await?;
    Ok(answer::done())
}

/// Brings a deleted product back.
#[utoipa::path(tag = "products", responses((status = 200, description = "It is back.", body = Product)))]
#[post("/products/{id}/restore")]
async fn restore(
    app: Data<App>,
    Granted(grant): Granted<Delete, Product>,
    PathId(id): PathId<Product>,
    key: Key,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: key.with_body(b""), render: restored };
    Ok(answer::sent(app.products().restore(grant, id, once).await?))
}

/// Lists the changes of a product, newest first.
#[utoipa::path(tag = "products", params(PageParameters),
    responses((status = 200, description = "A page of the history.", body = List<RecordedChange>)))]
#[get("/products/{id}/history")]
async fn history(
    app: Data<App>,
    Granted(grant): Granted<Read, Product>,
    PathId(id): PathId<Product>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let changes = app.products().history(grant, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&changes, &page.address))
}

/// Creates, changes and deletes many products in one request.
#[utoipa::path(tag = "products", request_body = BatchBody,
    responses((status = 200, description = "One result for each operation.", body = BatchResults)))]
#[post("/products/batch")]
async fn run_batch(
    app: Data<App>,
    caller: Caller,
    body: Body<BatchRequest>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key, render: batch::rendered };
    let answer = app.products().batch(caller.actor(), body.read?, once).await?;
    Ok(batch::sent(answer, RequestId::of(&request)))
}

/// Counts the products that the list with the same filters would show.
#[utoipa::path(tag = "products", params(FilterParameters<ProductField>),
    responses((status = 200, description = "Counts.", body = super::statistics::ProductStatisticsBody)))]
#[get("/products/stats")]
async fn statistics(
    app: Data<App>,
    Granted(grant): Granted<Read, Product>,
    parameters: ListParameters<ProductField>,
) -> Result<HttpResponse, Problem> {
    let statistics = app.products().statistics(grant, parameters.query).await.map_err(asked)?;
    Ok(HttpResponse::Ok().json(statistics))
}

/// Downloads all products that the list with the same filters would show.
#[utoipa::path(tag = "products", params(WholeListParameters<ProductField>, super::Format),
    responses((status = 200, description = "A file, one line or row for each record.", content(
        (String = "text/csv"), (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
#[get("/products/export")]
async fn export(
    app: Data<App>,
    Granted(grant): Granted<Export, Product>,
    parameters: ListParameters<ProductField>,
) -> Result<HttpResponse, Problem> {
    let format = super::format(parameters.format.as_deref())?;
    answer::exported(app.products().export(grant, parameters.query), format).await
}

fn made(product: &Product) -> Answer {
    answer::made("products", product.id.uuid(), product.stamps.version, product)
}

fn restored(product: &Product) -> Answer {
    answer::restored(product.stamps.version, product)
}

impl InPath for Product {
    const NAME: &'static str = "product_id";
}

impl FromJson for ProductPatch {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }

    fn from_new_json(value: Value) -> Result<Self, Invalid> {
        Self::read_new(value)
    }
}

/// What the document says of the resource.
pub(super) const DOCUMENTED: Documented = Documented {
    tag: "products",
    about: "Funds and other instruments.",
    schema: "Product",
    present: &["name", "status"],
    required: &["name"],
    matched_by: &["isin"],
    example,
    change: || json!({"status": "inactive", "notes": null}),
};

fn example() -> Value {
    json!({
        "name": "Exemple Obligations Monde", "isin": "FR0000120271", "type": "ucits", "status": "active",
        "notes": "Share class for institutions.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_bodies_are_taken() {
        ProductPatch::read_new(example()).unwrap();
        ProductPatch::read((DOCUMENTED.change)()).unwrap();
    }
}
