//! The use cases of the CRM: what callers can do, each as one unit of work.
//!
//! This room stands between the async doors (HTTP, commands) and the synchronous store. A use case takes a grant, which
//! only the policy can make, runs on one blocking thread from its first query to its commit, and ends in a row of the
//! change log. What may not enter: HTTP, SQL, and any clock but [`Clock`].

mod api_keys;
mod app;
mod background;
mod batch;
mod cached;
mod changes;
mod clock;
mod error;
mod expected;
mod explain;
mod export;
mod figures;
pub mod import;
mod interactions;
mod limits;
mod links;
mod mail;
mod mandate_products;
mod mandates;
mod notifications;
mod once;
mod one_time_code;
mod organisations;
mod others;
mod outgoing;
mod ownership;
pub mod password;
mod people;
mod products;
mod realtime;
mod references;
mod relay;
mod roles;
mod search;
mod second_factor;
mod sessions;
mod settings;
pub mod table;
mod tasks;
mod teams;
mod timeline;
mod token;
mod upkeep;
mod users;
mod vault;
mod webhooks;

pub use api_keys::{ApiKeys, NewApiKey};
pub use app::{App, WeakApp};
pub use background::{Background, Load, Task};
pub use batch::{Atomicity, BatchOutcome, BatchRequest, Done, MOST_OPERATIONS, Operation};
pub use cached::{Question, Rendered};
pub use changes::Changes;
pub use clock::{Clock, ManualClock, SystemClock};
pub use crm_cache::{
    Answer as KeptAnswer, BadAddress, BreakerState, Cache, CacheHealth, CacheSettings, CacheStatistics, Found,
    GroupStatistics, Outcome, Reach, RedisStatistics, Stored, Use,
};
pub use crm_events::{Bus, BusError, BusStatistics, RedisSettings};
pub use crm_persistence::{
    PoolState,
    figures::{
        InteractionFigures, InteractionMonth, MandateFigures, PipelineFigures, StageAmounts, StageFigures, TaskFigures,
    },
    idempotency::StoredAnswer as Answer,
    imports::ImportError,
    mandates::MandateStatistics,
    measure::{Meter, Operation as Measurable, Running, Work, listen},
    organisations::OrganisationStatistics,
    products::ProductStatistics,
    sessions::KnownSession,
};
pub use error::Error;
pub use expected::{Expected, Input};
pub use explain::{Access, Explained};
pub use export::Export;
pub use figures::Figures;
pub use import::{ImportOptions, Imports, Progress, Spooled};
pub use interactions::Interactions;
pub use links::{LinkGrants, Links, Pair, Put};
pub use mail::{Encryption, MailError, MailSettings, Post, SmtpSettings};
pub use mandate_products::{AttachGrants, Attached, MandateAndProduct, MandateProducts};
pub use mandates::Mandates;
pub use notifications::{Notifications, Shown};
pub use once::{IdempotencyKey, Once};
pub use one_time_code::RECOVERY_CODES;
pub use organisations::Organisations;
pub use outgoing::{OutgoingSettings, Plain, Reachable};
pub use password::HashingSettings;
pub use people::People;
pub use products::Products;
pub use realtime::{
    Closing, Connection, Ending, MOST_TOPICS, Out, Pushed, Realtime, RealtimeSettings, RealtimeStatistics, Replay,
    Replayed, Signal, TICKET, Topic, Topics,
};
pub use relay::{LEASE, Relayed};
pub use roles::Roles;
pub use search::SearchQuery;
pub use second_factor::{FactorStatus, NewFactor, SecondFactors};
pub use sessions::{ACCESS, Credential, LoggedIn, Origin, REFRESH, Sessions, SignIn, SignedIn};
pub use settings::AppSettings;
pub use tasks::Tasks;
pub use teams::Teams;
pub use timeline::Timelines;
pub use upkeep::Removed;
pub use users::{NewUser, RESET, Users};
pub use vault::{SHORTEST_SECRET, Vault, WeakSecret};
pub use webhooks::{MOST_WEBHOOKS, NewSecret, OVERLAP, WebhookSettings, Webhooks};
