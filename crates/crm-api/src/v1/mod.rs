//! Version 1 of the API, one file for each resource. A handler takes what it needs from the request, calls one use case,
//! and sends its answer.

mod access;
mod auth;
mod batch;
mod cache;
mod changes;
mod expand;
mod figures;
mod imports;
mod interactions;
mod links;
mod mandate_products;
mod mandates;
mod monitoring;
mod notifications;
mod organisations;
mod people;
mod products;
mod realtime;
mod roles;
mod search;
mod statistics;
mod stream;
mod tasks;
mod teams;
mod timeline;
mod upload;
mod users;
mod webhooks;

use crm_app::{Error, table::FileFormat};
use crm_domain::parse_choice;
use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    extract::parameter,
    openapi::{Documented, query},
    problem::Problem,
};

/// Where version 1 lives.
pub(crate) const BASE: &str = "/api/v1";

/// Where files are sent to.
pub(crate) const IMPORTS_PATH: &str = "/api/v1/imports";

/// All routes. Fixed paths stand before those with parameters.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    auth::routes(config);
    access::routes(config);
    organisations::routes(config);
    people::routes(config);
    links::routes(config);
    products::routes(config);
    mandates::routes(config);
    mandate_products::routes(config);
    interactions::routes(config);
    tasks::routes(config);
    timeline::routes(config);
    figures::routes(config);
    search::routes(config);
    imports::routes(config);
    changes::routes(config);
    stream::routes(config);
    notifications::routes(config);
    realtime::routes(config);
    cache::routes(config);
    monitoring::routes(config);
    users::routes(config);
    teams::routes(config);
    roles::routes(config);
    webhooks::routes(config);
}

/// The resources: what the document says of each beside its routes.
pub(crate) const RESOURCES: [&Documented; 6] = [
    &organisations::DOCUMENTED,
    &people::DOCUMENTED,
    &products::DOCUMENTED,
    &mandates::DOCUMENTED,
    &interactions::DOCUMENTED,
    &tasks::DOCUMENTED,
];

/// A page of a list.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "it describes what `answer::list` writes from borrowed parts")]
pub(crate) struct List<T: utoipa::ToSchema> {
    /// The records, in order.
    items: Vec<T>,
    /// The `cursor` of the next page; `null` on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
    /// How many records there are in all; `null` unless asked for.
    #[schema(required)]
    total: Option<i64>,
}

/// What is invalid in a request without a body is one of its parameters.
pub(crate) fn asked(error: Error) -> Problem {
    match error {
        Error::Invalid(invalid) => Problem::parameters(invalid),
        error => error.into(),
    }
}

/// The parameter `format` of an export, for the document.
#[derive(Debug)]
pub(crate) struct Format;

impl utoipa::IntoParams for Format {
    fn into_params(_within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = json!({"type": "string", "enum": FileFormat::names(), "default": FileFormat::default().as_ref()});
        vec![query("format", "The format of the file.", &schema)]
    }
}

/// The format that was asked for; CSV unless one was.
pub(crate) fn format(named: Option<&str>) -> Result<FileFormat, Problem> {
    let format = named.map_or(Ok(FileFormat::default()), parse_choice);
    format.map_err(|violation| parameter("format", &violation))
}
