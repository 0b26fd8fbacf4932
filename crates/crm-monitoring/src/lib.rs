//! What happened: structured logs with redaction, request ids, and one line per request.
//!
//! A leaf: no crate of ours is known here, and nothing in here decides what the product does. Requests never wait for
//! this crate; when a log pipe is full, records are dropped and counted.
//!
//! ```
//! use crm_monitoring::{LogSettings, Logging, get_logger};
//!
//! let (root, guard) = Logging::start(&LogSettings::default());
//! let log = get_logger(&root, "relay");
//! slog::info!(log, "caught up"; "position" => 58, "token" => "never shown");
//! drop(guard); // writes what is still queued
//! ```

mod levels;
mod line;
mod logging;
mod queue;
mod redaction;
mod request_id;
mod request_log;
mod settings;

pub use levels::{Levels, UnknownLevel};
pub use logging::{LogGuard, Logging, get_logger};
pub use redaction::{REDACTED, Redacted, is_sensitive};
pub use request_id::{AssignRequestId, REQUEST_ID_HEADER, RequestId};
pub use request_log::{CallerId, ClientAddress, RequestLog};
pub use settings::{Environment, LogFormat, LogSettings};
