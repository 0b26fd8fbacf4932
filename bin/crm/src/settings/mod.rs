//! The settings of the process: what can be set, its defaults, and nothing that does nothing.

mod cache;
mod identity;
mod load;
mod monitoring;
#[cfg(test)]
mod tests;
mod webhooks;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    thread::available_parallelism,
    time::Duration,
};

use crm_api::{ApiSettings, Rate, RateSettings};
use crm_app::{AppSettings, HashingSettings, RealtimeSettings};
use crm_monitoring::{Environment, LogFormat, REDACTED};
use crm_persistence::DatabaseSettings;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IntoDeserializer};
use slog::{Discard, Logger};

pub use cache::{CacheSection, RedisSection};
pub use identity::{MailSection, Networks, SecuritySection};
pub use load::{SettingsError, Sources};
pub use monitoring::{MonitoringSection, RELEASE, SentrySection};
pub use webhooks::WebhooksSection;

/// Everything that can be set. Serialising it shows no secret.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the server runs; sets the log format, and whether a first administrator is made.
    #[serde(deserialize_with = "word")]
    pub environment: Environment,
    /// The public listener.
    pub http: HttpSettings,
    /// The listener of whoever operates the server.
    pub operations: OperationsSettings,
    /// The database.
    pub database: DatabaseSection,
    /// Redis, which instances share.
    pub redis: RedisSection,
    /// The read cache.
    pub cache: CacheSection,
    /// The log.
    pub log: LogSection,
    /// What is measured.
    pub monitoring: MonitoringSection,
    /// Reports of defects.
    pub sentry: SentrySection,
    /// Sizes and deadlines.
    pub limits: LimitsSection,
    /// Imports of files.
    pub imports: ImportsSection,
    /// Webhooks.
    pub webhooks: WebhooksSection,
    /// Mail.
    pub mail: MailSection,
    /// Secrets, and what is asked of those who sign in.
    pub security: SecuritySection,
}

/// The public listener.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where the users' part of the service is; links in letters are made from it.
    pub public_url: Option<String>,
    /// Networks of the proxies whose forwarding headers are believed.
    pub trusted_proxies: Networks,
    /// Threads that answer requests.
    pub workers: NonZeroUsize,
    /// The most connections open at once, shared out among the workers.
    pub connections: NonZeroUsize,
    /// How long an idle connection is kept, in seconds.
    pub keep_alive_seconds: u64,
    /// How long the head of a request may take to arrive, in seconds.
    pub head_seconds: u64,
    /// How long requests under way may take to end when the process is asked to stop, in seconds; at most 30.
    pub drain_seconds: u64,
}

/// The listener of whoever operates the server.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct OperationsSettings {
    /// Where it listens.
    pub listen: SocketAddr,
}

/// The database.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseSection {
    /// Its address, `sqlite://path` or `postgres://user:password@host/database`.
    #[serde(serialize_with = "address_without_password", deserialize_with = "secret")]
    pub url: SecretString,
    /// Connections for reading.
    pub read_connections: NonZeroU32,
    /// Connections for writing; `SQLite` always has one.
    pub write_connections: NonZeroU32,
    /// How long a unit of work waits for a connection, in milliseconds.
    pub wait_milliseconds: u64,
    /// How long one statement may take, in seconds (PostgreSQL).
    pub statement_seconds: u64,
}

/// The log.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSection {
    /// Which records are written, such as `info,crm_api=debug`.
    pub level: crm_monitoring::Levels,
    /// How they are written; by default as the environment wants it.
    #[serde(deserialize_with = "some_word")]
    pub format: Option<LogFormat>,
}

/// Sizes and deadlines.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsSection {
    /// The greatest JSON body, in bytes.
    pub body_bytes: NonZeroUsize,
    /// The greatest JSON body of a batch, in bytes.
    pub batch_bytes: NonZeroUsize,
    /// The greatest uploaded file, in bytes.
    pub upload_bytes: u64,
    /// How long a JSON body may take to arrive, in seconds.
    pub body_seconds: u64,
    /// How long an answer may take, in seconds.
    pub request_seconds: u64,
    /// How long an upload may take, in seconds.
    pub upload_seconds: u64,
    /// Passwords that are hashed at once; each takes 19 MiB and one core.
    pub hashes_at_once: NonZeroUsize,
    /// Sign-ins that may wait for one of them; more are told to come back.
    pub hashes_waiting: usize,
    /// Requests a second that each user and each API key may send for ever; 0 is no limit.
    pub requests_per_second: u32,
    /// Requests that each of them may send at once.
    pub requests_at_once: NonZeroU32,
    /// The same for each address that sends requests without a good token; 0 is no limit.
    pub anonymous_per_second: u32,
    /// Requests that each such address may send at once.
    pub anonymous_at_once: NonZeroU32,
    /// Sockets that may be open on one instance.
    pub sockets: usize,
    /// Those of one user.
    pub sockets_per_user: usize,
    /// Those from one address.
    pub sockets_per_address: usize,
}

/// Imports of files.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportsSection {
    /// The folder in which uploads wait for their import.
    pub directory: PathBuf,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: loopback(8080),
            public_url: None,
            trusted_proxies: Networks::default(),
            workers: available_parallelism().unwrap_or(NonZeroUsize::MIN),
            connections: nonzero_usize(10_000),
            keep_alive_seconds: 30,
            head_seconds: 5,
            drain_seconds: MOST_DRAIN_SECONDS,
        }
    }
}

impl Default for OperationsSettings {
    fn default() -> Self {
        Self { listen: loopback(9090) }
    }
}

impl Default for DatabaseSection {
    fn default() -> Self {
        let defaults = DatabaseSettings::new("sqlite://data/crm.db");
        Self {
            url: defaults.url.into(),
            read_connections: nonzero_u32(defaults.read_connections),
            write_connections: nonzero_u32(defaults.write_connections),
            wait_milliseconds: u64::try_from(defaults.wait.as_millis()).expect("the default wait is about a second"),
            statement_seconds: defaults.statement_timeout.as_secs(),
        }
    }
}

impl Default for LimitsSection {
    fn default() -> Self {
        let (api, app) = (ApiSettings::default(), AppSettings::new("."));
        Self {
            body_bytes: nonzero_usize(api.body_bytes),
            batch_bytes: nonzero_usize(api.batch_bytes),
            upload_bytes: app.import_bytes,
            body_seconds: api.body_deadline.as_secs(),
            request_seconds: api.request_deadline.as_secs(),
            upload_seconds: api.upload_deadline.as_secs(),
            hashes_at_once: nonzero_usize(app.hashing.at_once),
            hashes_waiting: app.hashing.waiting,
            requests_per_second: 100,
            requests_at_once: nonzero_u32(1000),
            anonymous_per_second: 20,
            anonymous_at_once: nonzero_u32(200),
            sockets: app.realtime.sockets,
            sockets_per_user: app.realtime.sockets_per_user,
            sockets_per_address: app.realtime.sockets_per_address,
        }
    }
}

impl Default for ImportsSection {
    fn default() -> Self {
        Self { directory: PathBuf::from("data/imports") }
    }
}

/// The longest that the process may take to stop, in seconds.
const MOST_DRAIN_SECONDS: u64 = 30;

impl Settings {
    /// What the store needs to be told.
    pub fn database(&self) -> DatabaseSettings {
        let section = &self.database;
        DatabaseSettings {
            url: section.url.expose_secret().to_owned(),
            read_connections: section.read_connections.get(),
            write_connections: section.write_connections.get(),
            wait: Duration::from_millis(section.wait_milliseconds),
            statement_timeout: Duration::from_secs(section.statement_seconds),
        }
    }

    /// What the use cases of a command need to be told: they send no mail and open no vault.
    pub fn app(&self) -> AppSettings {
        let limits = &self.limits;
        AppSettings {
            import_bytes: limits.upload_bytes,
            hashing: HashingSettings { at_once: limits.hashes_at_once.get(), waiting: limits.hashes_waiting },
            second_factor_roles: self.security.second_factor_roles.0.clone(),
            realtime: RealtimeSettings {
                sockets: limits.sockets,
                sockets_per_user: limits.sockets_per_user,
                sockets_per_address: limits.sockets_per_address,
                ..RealtimeSettings::default()
            },
            webhooks: self.webhooks(),
            cache: self.cache(Logger::root(Discard, slog::o!())),
            uncached_roles: self.cache.skip_roles.0.clone(),
            ..AppSettings::new(&self.imports.directory)
        }
    }

    /// What the HTTP layer needs to be told.
    pub fn api(&self) -> ApiSettings {
        let limits = &self.limits;
        ApiSettings {
            body_bytes: limits.body_bytes.get(),
            batch_bytes: limits.batch_bytes.get(),
            body_deadline: Duration::from_secs(limits.body_seconds),
            request_deadline: Duration::from_secs(limits.request_seconds),
            upload_deadline: Duration::from_secs(limits.upload_seconds),
            rates: RateSettings {
                callers: rate(limits.requests_per_second, limits.requests_at_once),
                strangers: rate(limits.anonymous_per_second, limits.anonymous_at_once),
            },
            origins: self.http.public_url.as_deref().and_then(origin).into_iter().collect(),
            trusted_proxies: self.http.trusted_proxies.0.clone(),
        }
    }

    /// Refuses values that are of the right type but make no sense. Units of time must not be 0, sizes neither.
    fn check(&self) -> Result<(), SettingsError> {
        let wrong = |key, reason: &str| Err(SettingsError::Value { key, reason: reason.to_owned() });
        if let Err(error) = self.database().backend() {
            return wrong("database.url", &error.to_string());
        }
        if self.http.drain_seconds > MOST_DRAIN_SECONDS {
            return wrong("http.drain_seconds", "must be at most 30");
        }
        let http = &self.http;
        let positive = [
            ("http.keep_alive_seconds", http.keep_alive_seconds),
            ("http.head_seconds", http.head_seconds),
            ("monitoring.slow_milliseconds", self.monitoring.slow_milliseconds),
            ("database.wait_milliseconds", self.database.wait_milliseconds),
            ("database.statement_seconds", self.database.statement_seconds),
            ("limits.upload_bytes", self.limits.upload_bytes),
            ("limits.body_seconds", self.limits.body_seconds),
            ("limits.request_seconds", self.limits.request_seconds),
            ("limits.upload_seconds", self.limits.upload_seconds),
        ];
        match positive.into_iter().find(|(_, value)| *value == 0) {
            Some((key, _)) => wrong(key, "must be at least 1"),
            None => self.check_monitoring().and_then(|()| self.check_identity()).and_then(|()| self.check_cache()),
        }
    }
}

/// The origin of an address, as browsers say it.
fn origin(address: &str) -> Option<String> {
    let origin = url::Url::parse(address).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

/// A rate, or none where it is 0.
fn rate(per_second: u32, burst: NonZeroU32) -> Option<Rate> {
    NonZeroU32::new(per_second).map(|per_second| Rate { per_second, burst })
}

/// A word of a closed list. The crate that reads settings takes a word for the name of a variant, and where there is none it
/// does not say which ones there are.
fn word<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(String::deserialize(deserializer)?.into_deserializer())
}

fn some_word<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?;
    word.map(|word| T::deserialize(word.into_deserializer())).transpose()
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn nonzero_usize(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).expect("defaults are not zero")
}

fn nonzero_u32(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("defaults are not zero")
}

/// Reads a text that is not to be printed.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

/// Shows the address without its password; one that cannot be read is not shown at all.
fn address_without_password<S: Serializer>(url: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    let text = url.expose_secret();
    if text.starts_with("sqlite://") {
        return serializer.serialize_str(text);
    }
    let shown = url::Url::parse(text).ok().and_then(|mut url| {
        if url.password().is_some() {
            url.set_password(Some("redacted")).ok()?;
        }
        // A query may hold a password as well (libpq's `password=`).
        url.set_query(None);
        Some(url.to_string())
    });
    serializer.serialize_str(shown.as_deref().unwrap_or(REDACTED))
}
