//! Everything of this crate put together, once for each process.

use std::{
    fmt,
    future::Future,
    io::Write,
    panic::{self, PanicHookInfo},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sentry::integrations::panic::PanicIntegration;
use slog::{Discard, Logger, error, o};

use crate::{
    Family, Finding, Health, LogDrops, LogGuard, LogLevels, LogSettings, Logging, Metrics, Need, PerformanceMonitor,
    ReportSettings, Reports, context::Context, observe::begin, reports::REPORTED_ALREADY,
};

/// Everything that [`Monitoring::start`] needs to know.
#[derive(Clone, Debug)]
pub struct MonitoringSettings {
    /// The log.
    pub log: LogSettings,
    /// Reports to Sentry.
    pub reports: ReportSettings,
    /// Whether operations are measured one by one; requests are counted all the same.
    pub measure: bool,
    /// What takes longer goes to the log, and if it is a request to Sentry.
    pub slow: Duration,
}

impl Default for MonitoringSettings {
    fn default() -> Self {
        Self {
            log: LogSettings::default(),
            reports: ReportSettings::off(),
            measure: true,
            slow: Duration::from_secs(1),
        }
    }
}

/// Metrics, health, reports, and the switches of the log. Cheap to clone.
#[derive(Clone)]
pub struct Monitoring(Arc<Inner>);

struct Inner {
    metrics: Metrics,
    health: Health,
    reports: Reports,
    performance: Option<PerformanceMonitor>,
    levels: LogLevels,
    drops: LogDrops,
    slow: Duration,
}

impl fmt::Debug for Monitoring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Monitoring").field("reports", &self.0.reports).finish_non_exhaustive()
    }
}

/// Keeps the log and the reports running. Dropping it waits a moment for what is still queued: one second for reports, two
/// for the log.
#[derive(Debug)]
pub struct MonitoringGuard {
    reports: Reports,
    log: LogGuard,
}

impl MonitoringGuard {
    /// How many log records were lost since the start.
    pub fn dropped(&self) -> u64 {
        self.log.dropped()
    }
}

impl Drop for MonitoringGuard {
    fn drop(&mut self) {
        self.reports.flush();
    }
}

impl Monitoring {
    /// Starts everything, with a log to standard error. Call it before a runtime is built: threads that it starts take
    /// their way to Sentry from this one.
    pub fn start(settings: &MonitoringSettings) -> (Self, Logger, MonitoringGuard) {
        let reports = Reports::start(&settings.reports);
        let (log, guard) = Logging::start_reporting(&settings.log, &reports);
        reports.become_main();
        Self::assemble(settings, reports, log, guard)
    }

    /// The same with a log to any other output, and without becoming the way to Sentry of the whole process.
    pub fn start_with(
        settings: &MonitoringSettings,
        output: impl Write + Send + 'static,
    ) -> (Self, Logger, MonitoringGuard) {
        let reports = Reports::start(&settings.reports);
        let (log, guard) = Logging::start_reporting_with(&settings.log, &reports, output);
        Self::assemble(settings, reports, log, guard)
    }

    /// Metrics and health that nobody reads yet; no log, no reports.
    pub fn quiet() -> Self {
        let settings = MonitoringSettings::default();
        let (levels, drops) = (LogLevels::default(), LogDrops::default());
        Self::of(&settings, Reports::start(&settings.reports), &Logger::root(Discard, o!()), levels, drops)
    }

    fn assemble(
        settings: &MonitoringSettings,
        reports: Reports,
        log: Logger,
        guard: LogGuard,
    ) -> (Self, Logger, MonitoringGuard) {
        let monitoring = Self::of(settings, reports.clone(), &log, guard.levels(), guard.drops());
        (monitoring, log, MonitoringGuard { reports, log: guard })
    }

    fn of(settings: &MonitoringSettings, reports: Reports, log: &Logger, levels: LogLevels, drops: LogDrops) -> Self {
        let metrics = Metrics::new();
        let health = Health::new(log.clone());
        let performance = PerformanceMonitor::new(metrics.clone(), log.clone(), settings.slow);
        let performance = settings.measure.then_some(performance);
        let (told_drops, told_reports) = (drops.clone(), reports.clone());
        metrics.add_source(move || families(&told_drops, &told_reports));
        let (seen, told_drops, told_reports) = (Arc::new(AtomicU64::new(0)), drops.clone(), reports.clone());
        health.register("log", Need::Useful, move || {
            let dropped = told_drops.count();
            let since = dropped - seen.swap(dropped, Ordering::Relaxed).min(dropped);
            std::future::ready(match since {
                0 => Finding::ok(),
                since => Finding::degraded(format_args!("{since} records were dropped")),
            })
        });
        health.register("sentry", Need::Useful, move || std::future::ready(told_reports.finding()));
        Self(Arc::new(Inner { metrics, health, reports, performance, levels, drops, slow: settings.slow }))
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// How the parts are.
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// Reports to Sentry.
    pub fn reports(&self) -> &Reports {
        &self.0.reports
    }

    /// What measures operations, unless that is switched off.
    pub fn performance(&self) -> Option<&PerformanceMonitor> {
        self.0.performance.as_ref()
    }

    /// The levels of the log, to be changed while it runs.
    pub fn levels(&self) -> &LogLevels {
        &self.0.levels
    }

    /// How many log records were lost.
    pub fn drops(&self) -> &LogDrops {
        &self.0.drops
    }

    /// From when on something is slow.
    pub fn slow(&self) -> Duration {
        self.0.slow
    }

    /// Runs a job in a context and a trace of its own, so that what led to a failure of it is not mixed with anything else.
    pub fn job<T, F: Future<Output = T>>(&self, name: &'static str, work: F) -> impl Future<Output = T> + use<T, F> {
        let (context, transaction) = begin(self, name.to_owned(), "queue.process", None);
        context.scope(async move {
            let done = work.await;
            if let Some(transaction) = transaction {
                transaction.finish();
            }
            done
        })
    }
}

fn families(drops: &LogDrops, reports: &Reports) -> Vec<Family> {
    let counts = reports.counts();
    vec![
        Family::counter("crm_log_dropped_total", "Log records that were lost.").with(&[], number(drops.count())),
        Family::counter("crm_reports_total", "Reports to Sentry, by what has become of them.")
            .with(&[("outcome", "sent")], number(counts.sent))
            .with(&[("outcome", "overflowed")], number(counts.overflowed))
            .with(&[("outcome", "limited")], number(counts.limited))
            .with(&[("outcome", "unreachable")], number(counts.unreachable))
            .with(&[("outcome", "refused")], number(counts.refused)),
        Family::gauge("crm_reports_waiting", "Reports to Sentry that wait.").with(&[], number(counts.waiting as u64)),
    ]
}

/// A count as metrics want it.
#[expect(clippy::cast_precision_loss, reason = "a metric that has come so far may be off by one")]
fn number(count: u64) -> f64 {
    count as f64
}

/// From now on every panic is reported with its stack, and logged in these words.
pub fn report_panics(log: Logger, describe: impl Fn(&PanicHookInfo<'_>) -> String + Send + Sync + 'static) {
    panic::set_hook(Box::new(move |defect| {
        if let Some(context) = Context::current() {
            context.note_panic();
        }
        sentry::capture_event(PanicIntegration::new().event_from_panic_info(defect));
        error!(log, #REPORTED_ALREADY, "{}", describe(defect));
    }));
}
