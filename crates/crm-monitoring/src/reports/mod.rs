//! Reports to Sentry: defects with what led to them, and the traces of some requests.
//!
//! Nothing here is done while a request waits but putting an envelope into a bounded queue. What is in it is cleaned and
//! sent by a thread of its own. Without a DSN there is no client, no thread and no queue.
//!
//! `sentry-actix` is deliberately absent: see `docs/adr/0050-sentry.md`.

mod clean;
mod drain;
mod transport;

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use sentry::{
    Client, ClientOptions, Hub, Integration, Scope,
    integrations::{
        backtrace::{AttachStacktraceIntegration, ProcessStacktraceIntegration},
        contexts::ContextIntegration,
    },
    protocol::SpanId,
};

pub(crate) use drain::{REPORTED_ALREADY, SLOW_REQUEST, report_drain};
pub use sentry::types::Dsn;
pub use transport::ReportCounts;
use transport::Sending;

use crate::{Environment, Finding};

/// How long the end of the program waits for reports to be sent.
const FLUSH_DEADLINE: Duration = Duration::from_secs(1);

/// Where reports go and which.
#[derive(Clone)]
pub struct ReportSettings {
    /// The address of a project; reports are off without one.
    pub dsn: Option<Dsn>,
    /// The version and the commit.
    pub release: Cow<'static, str>,
    /// Where the server runs.
    pub environment: Environment,
    /// The part of the requests whose traces are sent, from 0 to 1.
    pub traces: f32,
}

impl ReportSettings {
    /// No reports.
    pub fn off() -> Self {
        Self { dsn: None, release: "".into(), environment: Environment::default(), traces: 0.0 }
    }
}

/// Shows no address: it has a key in it.
impl fmt::Debug for ReportSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReportSettings").field("release", &self.release).finish_non_exhaustive()
    }
}

/// The way to Sentry. Cheap to clone.
#[derive(Clone)]
pub struct Reports {
    hub: Arc<Hub>,
    sending: Option<Arc<Sending>>,
    traces: f32,
}

impl fmt::Debug for Reports {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reports").field("are_on", &self.are_on()).finish_non_exhaustive()
    }
}

impl Reports {
    /// Starts it. Must be called before the runtime is built, so that its threads have their hub from the main one.
    pub fn start(settings: &ReportSettings) -> Self {
        let Some(dsn) = settings.dsn.clone() else {
            return Self { hub: Arc::new(Hub::new(None, Arc::new(Scope::default()))), sending: None, traces: 0.0 };
        };
        let sending = Arc::new(Sending::start(&dsn));
        let mut options = ClientOptions::new()
            .release(settings.release.clone())
            .environment(settings.environment.name())
            .traces_sample_rate(settings.traces)
            .attach_stacktrace(true)
            .send_default_pii(false)
            .default_integrations(false)
            .in_app_include(["crm"])
            .max_breadcrumbs(50)
            .shutdown_timeout(FLUSH_DEADLINE);
        options.dsn = Some(dsn);
        // The name of the machine tells an operator what they know and a stranger what they should not.
        options.server_name = None;
        options.integrations = vec![
            Arc::new(AttachStacktraceIntegration) as Arc<dyn Integration>,
            Arc::new(ContextIntegration::new().add_os(false)),
            Arc::new(ProcessStacktraceIntegration),
        ];
        options.transport = Some(Arc::new(transport::Factory(Arc::clone(&sending))));
        let client = Arc::new(Client::from(options));
        Self {
            hub: Arc::new(Hub::new(Some(client), Arc::new(Scope::default()))),
            sending: Some(sending),
            traces: settings.traces,
        }
    }

    /// Whether anything is sent at all.
    pub fn are_on(&self) -> bool {
        self.sending.is_some()
    }

    /// Whether the trace of what begins with this span is sent.
    pub(crate) fn keeps(&self, span: SpanId) -> bool {
        let digits = span.to_string();
        let chance = u16::from_str_radix(digits.get(..4).unwrap_or_default(), 16).unwrap_or(u16::MAX);
        self.are_on() && f32::from(chance) < self.traces * 65536.0
    }

    /// A hub of its own for one request or one run of a job.
    pub(crate) fn hub(&self) -> Arc<Hub> {
        Arc::new(Hub::new_from_top(&self.hub))
    }

    /// Makes it the way for whatever happens outside of all requests and jobs.
    pub(crate) fn become_main(&self) {
        Hub::main().bind_client(self.hub.client());
    }

    /// What has become of the reports so far.
    pub fn counts(&self) -> ReportCounts {
        self.sending.as_ref().map(|sending| sending.counts()).unwrap_or_default()
    }

    /// How it goes.
    pub fn finding(&self) -> Finding {
        match &self.sending {
            None => Finding::off(),
            Some(sending) => match sending.trouble() {
                None => Finding::ok(),
                Some(trouble) => Finding::degraded(trouble),
            },
        }
    }

    /// Sends what still waits, for a second at most.
    pub(crate) fn flush(&self) {
        if let Some(client) = self.hub.client() {
            client.close(Some(FLUSH_DEADLINE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_traces_that_is_kept_is_the_one_of_the_settings() {
        for environment in [Environment::Development, Environment::Staging, Environment::Production] {
            let settings = ReportSettings {
                dsn: Some("http://key@127.0.0.1:9/1".parse().unwrap()),
                traces: environment.traces(),
                ..ReportSettings::off()
            };
            let reports = Reports::start(&settings);
            let kept: u16 = (0..4_000).map(|_| u16::from(reports.keeps(SpanId::default()))).sum();
            let kept = f32::from(kept) / 4_000.0;
            assert!((kept - settings.traces).abs() < 0.05, "{kept} of {}", settings.traces);
        }
        assert!(!Reports::start(&ReportSettings::off()).keeps(SpanId::default()));
        let traces = [Environment::Development, Environment::Staging, Environment::Production].map(Environment::traces);
        assert_eq!(traces.map(|part| part.to_string()), ["1", "0.5", "0.1"]);
    }
}
