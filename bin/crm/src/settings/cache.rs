//! The read cache, and the Redis that instances share.

use std::time::Duration;

use crm_app::{Cache, CacheSettings};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use slog::Logger;

use super::{
    Settings, SettingsError, address_without_password,
    identity::{BuiltInRoles, secret},
};

/// Redis, which instances share.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisSection {
    /// Its address, `redis://user:password@host:port/database`, or `rediss://` with TLS.
    #[serde(serialize_with = "shown", deserialize_with = "secret")]
    pub url: Option<SecretString>,
}

/// The read cache.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSection {
    /// How long an answer is kept, in seconds.
    pub ttl_seconds: u64,
    /// How much is kept in the process, in MiB; 0 switches the cache off.
    pub memory_mib: u64,
    /// Built-in roles whose users' reads go past it.
    pub skip_roles: BuiltInRoles,
}

impl Default for CacheSection {
    fn default() -> Self {
        let defaults = CacheSettings::new();
        Self {
            ttl_seconds: defaults.ttl.as_secs(),
            memory_mib: defaults.memory_bytes / MIB,
            skip_roles: BuiltInRoles::default(),
        }
    }
}

const MIB: u64 = 1024 * 1024;

impl Settings {
    /// The cache of this process. Whoever writes tells the other instances, so commands have one as well.
    pub(super) fn cache(&self, log: Logger) -> Cache {
        Cache::new(self.cache_settings(log)).expect("the address was checked when the settings were read")
    }

    fn cache_settings(&self, log: Logger) -> CacheSettings {
        CacheSettings {
            ttl: Duration::from_secs(self.cache.ttl_seconds),
            memory_bytes: self.cache.memory_mib.saturating_mul(MIB),
            redis_url: self.redis.url.as_ref().map(|url| url.expose_secret().to_owned()),
            log,
            ..CacheSettings::new()
        }
    }

    pub(super) fn check_cache(&self) -> Result<(), SettingsError> {
        let wrong = |key, reason: String| Err(SettingsError::Value { key, reason });
        if self.cache.ttl_seconds == 0 {
            return wrong("cache.ttl_seconds", "must be at least 1".to_owned());
        }
        let log = Logger::root(slog::Discard, slog::o!());
        match Cache::new(self.cache_settings(log)) {
            Ok(_) => Ok(()),
            Err(bad) => wrong("redis.url", bad.to_string()),
        }
    }
}

#[expect(clippy::ref_option, reason = "serde passes a field by reference")]
fn shown<S: Serializer>(url: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match url {
        Some(url) => address_without_password(url, serializer),
        None => serializer.serialize_none(),
    }
}
