//! What the use cases need to be told.

use std::{fmt, path::PathBuf, sync::Arc};

use crm_cache::Cache;
use crm_domain::access::BuiltInRole;
use crm_events::Bus;
use slog::{Discard, Logger};

use crate::{
    Background, Clock, HashingSettings, MailSettings, SystemClock, Vault, background::Plain,
    realtime::RealtimeSettings, webhooks::WebhookSettings,
};

/// What the use cases need to be told.
#[derive(Clone)]
pub struct AppSettings {
    /// The folder in which uploads wait for their import.
    pub import_directory: PathBuf,
    /// The greatest size of an uploaded file, in bytes.
    pub import_bytes: u64,
    /// How much password hashing may go on at once.
    pub hashing: HashingSettings,
    /// Where mail goes.
    pub mail: MailSettings,
    /// What seals the secrets of second factors.
    pub vault: Vault,
    /// The built-in roles whose users must have a second factor.
    pub second_factor_roles: Vec<BuiltInRole>,
    /// What the instances say to each other.
    pub bus: Bus,
    /// How many sockets there may be.
    pub realtime: RealtimeSettings,
    /// How webhooks are sent.
    pub webhooks: WebhookSettings,
    /// The read cache.
    pub cache: Cache,
    /// The built-in roles whose users' reads go past it.
    pub uncached_roles: Vec<BuiltInRole>,
    /// Where what nobody waits for tells of its failures.
    pub log: Logger,
    /// Sets jobs apart from one another.
    pub background: Arc<dyn Background>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl AppSettings {
    /// The defaults: files up to 512 MiB, the machine's clock, no cache, no mail, no log, and a vault that opens for as long as these
    /// settings are kept.
    pub fn new(import_directory: impl Into<PathBuf>) -> Self {
        Self {
            import_directory: import_directory.into(),
            import_bytes: 512 * 1024 * 1024,
            hashing: HashingSettings::default(),
            mail: MailSettings::none(),
            vault: Vault::forgotten().expect("a system without random bits can do nothing at all"),
            second_factor_roles: Vec::new(),
            bus: Bus::in_process(),
            realtime: RealtimeSettings::default(),
            webhooks: WebhookSettings::default(),
            cache: Cache::off(),
            uncached_roles: Vec::new(),
            log: Logger::root(Discard, slog::o!()),
            background: Arc::new(Plain),
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for AppSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AppSettings")
            .field("import_directory", &self.import_directory)
            .field("import_bytes", &self.import_bytes)
            .field("hashing", &self.hashing)
            .field("mail", &self.mail)
            .field("cache", &self.cache)
            .field("second_factor_roles", &self.second_factor_roles)
            .field("bus", &self.bus)
            .field("realtime", &self.realtime)
            .field("webhooks", &self.webhooks)
            .finish_non_exhaustive()
    }
}
