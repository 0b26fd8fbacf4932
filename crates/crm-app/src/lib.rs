//! The use cases of the CRM: what callers can do, each as one unit of work.
//!
//! This room stands between the async doors (HTTP, commands) and the synchronous store. A use case takes a grant, which
//! only the policy can make, runs on one blocking thread from its first query to its commit, and ends in a row of the
//! change log. What may not enter: HTTP, SQL, and any clock but [`Clock`].

mod api_keys;
mod app;
mod batch;
mod changes;
mod clock;
mod error;
mod expected;
mod explain;
mod export;
pub mod import;
mod limits;
mod links;
mod mail;
mod once;
mod one_time_code;
mod organisations;
mod ownership;
pub mod password;
mod people;
mod relay;
mod roles;
mod search;
mod second_factor;
mod sessions;
mod teams;
mod token;
mod upkeep;
mod users;
mod vault;

pub use api_keys::{ApiKeys, NewApiKey};
pub use app::{App, AppSettings};
pub use batch::{Atomicity, BatchOutcome, BatchRequest, Done, MOST_OPERATIONS, Operation};
pub use changes::Changes;
pub use clock::{Clock, ManualClock, SystemClock};
pub use crm_persistence::{
    idempotency::StoredAnswer as Answer, imports::ImportError, organisations::OrganisationStatistics,
    sessions::KnownSession,
};
pub use error::Error;
pub use expected::{Expected, Input};
pub use explain::{Access, Explained};
pub use export::Export;
pub use import::{ImportOptions, Imports, Progress, Spooled};
pub use links::{LinkGrants, Links, Pair, Put};
pub use mail::{Encryption, MailError, MailSettings, Post, SmtpSettings};
pub use once::{IdempotencyKey, Once};
pub use one_time_code::RECOVERY_CODES;
pub use organisations::Organisations;
pub use password::HashingSettings;
pub use people::People;
pub use roles::Roles;
pub use search::SearchQuery;
pub use second_factor::{FactorStatus, NewFactor, SecondFactors};
pub use sessions::{ACCESS, Credential, LoggedIn, Origin, REFRESH, Sessions, SignIn, SignedIn};
pub use teams::Teams;
pub use upkeep::Removed;
pub use users::{NewUser, RESET, Users};
pub use vault::{SHORTEST_SECRET, Vault, WeakSecret};
