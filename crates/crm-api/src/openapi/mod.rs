//! The `OpenAPI` document: collected from the attributes of the handlers, then completed by rules that hold for all.
//!
//! Handlers say what is theirs: parameters, bodies, successes. What follows from that is added here and nowhere else:
//! the problems that such an operation can answer, the headers that such a request takes, the schemas of bodies. The
//! server itself goes by the finished document ([`Routes`]): it refuses parameters that are not in it, and asks for a
//! token wherever it says so.

mod batch;
mod complete;
mod examples;
mod parameters;
mod resource;
mod routes;
mod schemas;

use std::sync::LazyLock;

use serde_json::Value;
use utoipa_actix_web::AppExt;

pub(crate) use parameters::{FilterParameters, WholeListParameters, listed, query};
pub(crate) use resource::Documented;
pub(crate) use routes::{Operation, Routes};

static DOCUMENT: LazyLock<Value> = LazyLock::new(build);

/// The document, `OpenAPI` 3.1.
pub fn document() -> &'static Value {
    &DOCUMENT
}

fn build() -> Value {
    let (_, collected) = actix_web::App::new().into_utoipa_app().configure(crate::routes).split_for_parts();
    let mut document = serde_json::to_value(collected).expect("an OpenAPI document is plain JSON");
    complete::complete(&mut document);
    document
}
