//! The use cases of the CRM: what callers can do, each as one unit of work.
//!
//! This room stands between the async doors (HTTP, commands) and the synchronous store. A use case takes a grant, which
//! only the policy can make, runs on one blocking thread from its first query to its commit, and ends in a row of the
//! change log. What may not enter: HTTP, SQL, and any clock but [`Clock`].

mod app;
mod batch;
mod changes;
mod clock;
mod error;
mod expected;
mod export;
mod figures;
pub mod import;
mod links;
mod mandate_products;
mod mandates;
mod once;
mod organisations;
mod ownership;
pub mod password;
mod people;
mod products;
mod relay;
mod search;
mod sessions;
pub mod table;
mod token;
mod users;

pub use app::{App, AppSettings};
pub use batch::{Atomicity, BatchOutcome, BatchRequest, Done, MOST_OPERATIONS, Operation};
pub use changes::Changes;
pub use clock::{Clock, ManualClock, SystemClock};
pub use crm_persistence::{
    figures::{MandateFigures, PipelineFigures, StageAmounts, StageFigures},
    idempotency::StoredAnswer as Answer,
    imports::ImportError,
    mandates::MandateStatistics,
    organisations::OrganisationStatistics,
    products::ProductStatistics,
};
pub use error::Error;
pub use expected::{Expected, Input};
pub use export::Export;
pub use figures::Figures;
pub use import::{ImportOptions, Imports, Progress, Spooled};
pub use links::{LinkGrants, Links, Pair, Put};
pub use mandate_products::{AttachGrants, Attached, MandateAndProduct, MandateProducts};
pub use mandates::Mandates;
pub use once::{IdempotencyKey, Once};
pub use organisations::Organisations;
pub use password::HashingSettings;
pub use people::People;
pub use products::Products;
pub use search::SearchQuery;
pub use sessions::{ACCESS, LoggedIn, Origin, REFRESH, Sessions, SignedIn};
pub use users::{NewUser, Users};
