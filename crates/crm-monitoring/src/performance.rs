//! How long things take: one guard around an operation makes a number, a span, a breadcrumb and, when it was slow, a line.

use std::time::{Duration, Instant};

use sentry::{
    Breadcrumb, Hub,
    protocol::{Level, SpanStatus},
};
use slog::{Logger, warn};

use crate::{context::Context, metrics::Metrics};

/// What kind of operation is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Something that a caller can do, from the wait for its turn to its end.
    UseCase,
    /// Waiting for a connection to the database.
    Wait,
    /// A unit of work on a connection.
    UnitOfWork,
    /// One statement.
    Statement,
    /// A call of the cache.
    Cache,
    /// One run of a job in the background.
    Job,
    /// A call to somebody else's server.
    Outgoing,
}

impl Kind {
    /// Its name in metrics and in log lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::UseCase => "use_case",
            Self::Wait => "wait",
            Self::UnitOfWork => "unit_of_work",
            Self::Statement => "statement",
            Self::Cache => "cache",
            Self::Job => "job",
            Self::Outgoing => "outgoing",
        }
    }

    /// Its name in spans, after the conventions of Sentry.
    fn span(self) -> &'static str {
        match self {
            Self::UseCase => "function",
            Self::Wait => "db.connection",
            Self::UnitOfWork => "db",
            Self::Statement => "db.query",
            Self::Cache => "cache",
            Self::Job => "queue.process",
            Self::Outgoing => "http.client",
        }
    }

    /// Statements are too many to be told one by one; their unit of work is told.
    fn leaves_breadcrumb(self) -> bool {
        matches!(self, Self::UnitOfWork | Self::Cache | Self::Outgoing)
    }
}

/// Measures operations. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PerformanceMonitor {
    metrics: Metrics,
    log: Logger,
    slow: Duration,
}

impl PerformanceMonitor {
    /// Counts in these metrics; what takes longer than `slow` goes to the log.
    pub fn new(metrics: Metrics, log: Logger, slow: Duration) -> Self {
        Self { metrics, log, slow }
    }

    /// Begins to measure; the guard ends it when it is dropped.
    pub fn begin(&self, kind: Kind, name: &'static str) -> Measurement {
        let is_kept = Context::current().is_some_and(|context| context.trace().is_sampled());
        let parent = if is_kept { Hub::with_active(|hub| hub.configure_scope(|scope| scope.get_span())) } else { None };
        let span = parent.map(|parent| parent.start_child(kind.span(), name));
        Measurement { monitor: self.clone(), kind, name, started: stopwatch(), failed: None, span }
    }
}

/// An operation that goes on.
#[derive(Debug)]
#[must_use = "what is dropped at once measures nothing"]
pub struct Measurement {
    monitor: PerformanceMonitor,
    kind: Kind,
    name: &'static str,
    started: Instant,
    failed: Option<&'static str>,
    span: Option<sentry::Span>,
}

impl Measurement {
    /// It has failed, with this stable code.
    pub fn fail(&mut self, code: &'static str) {
        self.failed = Some(code);
    }
}

impl Drop for Measurement {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        let (kind, name, metrics) = (self.kind, self.name, &self.monitor.metrics);
        metrics.operation(kind.name(), name, took);
        if let Some(code) = self.failed {
            metrics.failure(kind.name(), name, code);
        }
        if let Some(context) = Context::current() {
            match kind {
                Kind::Wait | Kind::UnitOfWork => context.add_database_time(took),
                Kind::Cache => context.add_cache_time(took),
                Kind::UseCase | Kind::Statement | Kind::Job | Kind::Outgoing => {}
            }
        }
        if let Some(span) = self.span.take() {
            span.set_status(if self.failed.is_some() { SpanStatus::UnknownError } else { SpanStatus::Ok });
            span.finish();
        }
        if kind.leaves_breadcrumb() {
            sentry::add_breadcrumb(|| breadcrumb(kind, name, took, self.failed));
        }
        if took > self.monitor.slow {
            warn!(self.monitor.log, "slow operation"; "kind" => kind.name(), "name" => name,
                "duration_ms" => milliseconds(took), "code" => self.failed);
        }
    }
}

fn breadcrumb(kind: Kind, name: &str, took: Duration, failed: Option<&str>) -> Breadcrumb {
    let mut breadcrumb = Breadcrumb {
        category: Some(kind.name().to_owned()),
        message: Some(name.to_owned()),
        level: if failed.is_some() { Level::Warning } else { Level::Info },
        ..Breadcrumb::default()
    };
    breadcrumb.data.insert("duration_ms".to_owned(), milliseconds(took).into());
    if let Some(code) = failed {
        breadcrumb.data.insert("code".to_owned(), code.into());
    }
    breadcrumb
}

/// Milliseconds with three decimals.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

#[expect(clippy::disallowed_methods, reason = "how long something takes is measured here and decides nothing")]
pub(crate) fn stopwatch() -> Instant {
    Instant::now()
}
