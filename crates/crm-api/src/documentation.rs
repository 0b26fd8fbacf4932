//! `/api/openapi.json` and `/api/docs`: the contract for programs and for people, without any file from elsewhere.

use std::sync::{Arc, LazyLock};

use actix_web::{
    HttpResponse, get,
    http::header::{self, HeaderName},
    web::Path,
};
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::Config;

use crate::{
    openapi::document,
    problem::{Problem, problems_page},
};

/// The routes of this file.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(openapi).service(problems).service(index).service(index_folder).service(file);
}

/// Scripts and styles of this server alone; the page draws its icons from `data:` addresses and sets styles by script.
const PAGE_POLICY: (HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

/// The contract, as `OpenAPI` 3.1.
#[utoipa::path(tag = "documentation", security(()), responses(
    (status = 200, description = "The document.", body = Object, content_type = "application/json")))]
#[get("/api/openapi.json")]
async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.as_str())
}

/// The codes of problem documents, each with what to do.
#[utoipa::path(tag = "documentation", security(()), responses(
    (status = 200, description = "A page.", body = String, content_type = "text/html")))]
#[get("/api/docs/problems")]
async fn problems() -> HttpResponse {
    HttpResponse::Ok().content_type(HTML).insert_header(PAGE_POLICY).body(problems_page())
}

/// The contract to read and to try.
#[utoipa::path(tag = "documentation", security(()), responses(
    (status = 302, description = "The page is one segment further down, so that its files are found.")))]
#[get("/api/docs")]
async fn index() -> HttpResponse {
    HttpResponse::Found().insert_header((header::LOCATION, "/api/docs/index.html")).finish()
}

/// The contract to read and to try, by the address of its folder.
#[utoipa::path(tag = "documentation", security(()), operation_id = "index_folder", responses(
    (status = 302, description = "The page itself.")))]
#[get("/api/docs/")]
async fn index_folder() -> HttpResponse {
    HttpResponse::Found().insert_header((header::LOCATION, "/api/docs/index.html")).finish()
}

/// The files of the page, `index.html` first.
#[utoipa::path(tag = "documentation", security(()), params(("file" = String, Path, description = "The name of a file.", example = "index.html")),
    responses((status = 200, description = "The file.", content((String = "text/html"), (String = "text/css"),
        (String = "text/javascript"), (String = "image/png"), (String = "application/json")))))]
#[get("/api/docs/{file}")]
async fn file(name: Path<String>) -> Result<HttpResponse, Problem> {
    static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(Config::from("/api/openapi.json")));
    let found = utoipa_swagger_ui::serve(&name, Arc::clone(&CONFIG)).map_err(Problem::internal)?;
    let file = found.ok_or_else(Problem::not_found)?;
    let mut response = HttpResponse::Ok();
    if file.gzpipped {
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    Ok(response.content_type(file.content_type).insert_header(PAGE_POLICY).body(file.bytes.into_owned()))
}

const HTML: &str = "text/html; charset=utf-8";
