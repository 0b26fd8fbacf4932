//! The HTTP contract of the CRM: routes, extractors, problem documents, the `OpenAPI` document.
//!
//! This room turns requests into calls of use cases and their outcomes into answers. It decides nothing about the
//! business. What may not enter: the database, SQL, and any refusal that is not a [`problem::Problem`].
//!
//! ```no_run
//! # fn example(app: crm_app::App, log: slog::Logger) -> std::io::Result<()> {
//! use crm_api::{Api, ApiSettings};
//!
//! let api = Api::new(app, ApiSettings::default(), log);
//! let server = actix_web::HttpServer::new(move || crm_api::server(&api));
//! # let _ = server; Ok(())
//! # }
//! ```

mod answer;
mod client;
mod documentation;
mod extract;
mod health;
mod middleware;
mod monitor;
mod openapi;
pub mod problem;
mod rates;
mod server;
mod settings;
mod socket;
mod v1;

pub use monitor::Monitored;
pub use openapi::document;
pub use rates::{Rate, RateSettings};
pub use server::{Api, server};
pub use settings::ApiSettings;

pub(crate) use server::routes;
