//! Settings about what is seen of the service: the log, measurements, reports.

use std::time::Duration;

use crm_monitoring::{Dsn, LogSettings, MonitoringSettings, ReportSettings};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    Settings, SettingsError,
    identity::{hidden, secret},
};

/// The version, and the commit that it was built from where that is known.
pub const RELEASE: &str = env!("CRM_RELEASE");

/// What is measured.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitoringSection {
    /// Whether use cases, units of work and statements are measured one by one.
    pub measure: bool,
    /// What takes longer is slow, in milliseconds.
    pub slow_milliseconds: u64,
}

/// Reports of defects.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SentrySection {
    /// The address of a project; nothing is sent without one.
    #[serde(serialize_with = "hidden", deserialize_with = "secret")]
    pub dsn: Option<SecretString>,
    /// The part of the requests whose traces are sent, from 0 to 1; by default as the environment wants it.
    pub traces: Option<f32>,
}

impl Default for MonitoringSection {
    fn default() -> Self {
        Self { measure: true, slow_milliseconds: 1000 }
    }
}

impl Settings {
    /// What the monitoring needs to be told.
    pub fn monitoring(&self) -> MonitoringSettings {
        MonitoringSettings {
            log: LogSettings {
                environment: self.environment,
                format: self.log.format,
                levels: self.log.level.clone(),
                ..LogSettings::default()
            },
            reports: ReportSettings {
                dsn: self.dsn().ok().flatten(),
                release: RELEASE.into(),
                environment: self.environment,
                traces: self.sentry.traces.unwrap_or(self.environment.traces()),
            },
            measure: self.monitoring.measure,
            slow: Duration::from_millis(self.monitoring.slow_milliseconds),
        }
    }

    fn dsn(&self) -> Result<Option<Dsn>, SettingsError> {
        let read = self.sentry.dsn.as_ref().map(|dsn| dsn.expose_secret().parse());
        // Why not is not told: it would quote the address, and there is a key in it.
        read.transpose().map_err(|_unreadable| SettingsError::Value {
            key: "sentry.dsn",
            reason: "must be an address such as https://key@host/project".to_owned(),
        })
    }

    /// Refuses what makes no sense.
    pub(super) fn check_monitoring(&self) -> Result<(), SettingsError> {
        if self.sentry.traces.is_some_and(|traces| !(0.0..=1.0).contains(&traces)) {
            return Err(SettingsError::Value { key: "sentry.traces", reason: "must be from 0 to 1".to_owned() });
        }
        self.dsn().map(drop)
    }
}
