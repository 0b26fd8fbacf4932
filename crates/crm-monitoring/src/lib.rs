//! What happened and how it goes: logs, metrics, health, reports to Sentry, and one context for each request.
//!
//! A leaf: no crate of ours is known here, and nothing in here decides what the product does. Requests never wait for
//! this crate: when a log pipe or the way to Sentry is full, records are dropped and counted.
//!
//! ```
//! use crm_monitoring::{LogSettings, Logging, get_logger};
//!
//! let (root, guard) = Logging::start(&LogSettings::default());
//! let log = get_logger(&root, "relay");
//! slog::info!(log, "caught up"; "position" => 58, "token" => "never shown");
//! drop(guard); // writes what is still queued
//! ```

mod context;
mod health;
mod levels;
mod line;
mod logging;
mod metrics;
mod monitoring;
mod observe;
mod performance;
mod queue;
mod redaction;
mod reports;
mod request_id;
mod request_log;
mod settings;
mod trace;

pub use context::Context;
pub use health::{Finding, Health, Need, Report, State, disk};
pub use levels::{Levels, UnknownLevel};
pub use logging::{LogGuard, Logging, get_logger};
pub use metrics::{Family, FamilyKind, MOST_VALUES, Metrics, Sample, Source};
pub use monitoring::{Monitoring, MonitoringGuard, MonitoringSettings, report_panics};
pub use observe::{Observe, identify};
pub use performance::{Kind, Measurement, PerformanceMonitor};
pub use queue::{LogDrops, LogLevels};
pub use redaction::{REDACTED, Redacted, is_sensitive};
pub use reports::{Dsn, ReportCounts, ReportSettings, Reports};
pub use request_id::{AssignRequestId, REQUEST_ID_HEADER, RequestId};
pub use request_log::{CallerId, ClientAddress, RequestLog};
pub use settings::{Environment, LogFormat, LogSettings};
pub use trace::{TRACEPARENT_HEADER, TraceParent};
