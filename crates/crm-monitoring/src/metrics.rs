//! Metrics in Prometheus text: what is counted here, and how others join.
//!
//! Two kinds. What happens often is counted where it happens, in this file. What somebody else counts anyway (a pool, a
//! cache, a bus) is asked for when it is read: its owner hands in a source once, by [`Metrics::add_source`].
//!
//! No label takes a value from outside: routes are patterns, statuses are classes, names come from the program text. A label
//! that grows all the same stops at [`MOST_VALUES`] values, and the rest is counted together as `other`.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
    process_collector::ProcessCollector,
    proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType},
};

/// How many values one label may have.
pub const MOST_VALUES: usize = 400;

/// What is counted together once a label has too many values.
const OTHER: &str = "other";

/// Seconds; the longest is the deadline of a request.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Whether a number only grows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FamilyKind {
    /// It only grows, until the process ends; its name ends in `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// Numbers of one name, as a source tells them.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Its name: `crm_`, what is measured, the unit.
    pub name: &'static str,
    /// A sentence for whoever reads the page.
    pub help: &'static str,
    /// Whether it only grows.
    pub kind: FamilyKind,
    /// The numbers.
    pub samples: Vec<Sample>,
}

/// One number.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its labels.
    pub labels: Vec<(&'static str, String)>,
    /// The number itself.
    pub value: f64,
}

impl Family {
    /// A number that only grows.
    pub fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: FamilyKind::Counter, samples: Vec::new() }
    }

    /// A number that goes up and down.
    pub fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: FamilyKind::Gauge, samples: Vec::new() }
    }

    /// The same with one more number.
    #[must_use]
    pub fn with(mut self, labels: &[(&'static str, &str)], value: f64) -> Self {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.samples.push(Sample { labels, value });
        self
    }
}

/// Tells its numbers when it is asked.
pub type Source = Arc<dyn Fn() -> Vec<Family> + Send + Sync>;

/// Everything that is counted. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    requests: HistogramVec,
    operations: HistogramVec,
    failures: IntCounterVec,
    routes: Bounded,
    names: Bounded,
    codes: Bounded,
    sources: RwLock<Vec<Source>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Nothing has been counted yet.
    pub fn new() -> Self {
        let registry = Registry::new();
        let histogram = |name: &str, help: &str, labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
            let histogram = HistogramVec::new(options, labels).expect("names and buckets are constants");
            registry.register(Box::new(histogram.clone())).expect("each name is registered once");
            histogram
        };
        let requests = histogram(
            "crm_http_request_seconds",
            "Requests, by method, pattern of the route and class of the status.",
            &["method", "route", "status"],
        );
        let operations = histogram(
            "crm_operation_seconds",
            "Use cases, units of work, waits for a connection, statements, calls of the cache, jobs, outgoing calls.",
            &["kind", "name"],
        );
        let failures = Opts::new("crm_operation_failures_total", "Operations that failed, by the code of their error.");
        let failures = IntCounterVec::new(failures, &["kind", "name", "code"]).expect("names are constants");
        registry.register(Box::new(failures.clone())).expect("each name is registered once");
        registry.register(Box::new(ProcessCollector::for_self())).expect("each name is registered once");
        Self(Arc::new(Inner {
            registry,
            requests,
            operations,
            failures,
            routes: Bounded::default(),
            names: Bounded::default(),
            codes: Bounded::default(),
            sources: RwLock::default(),
        }))
    }

    /// Lets others join: the source is asked each time the page is read, so it must answer from memory.
    ///
    /// ```
    /// use crm_monitoring::{Family, Metrics};
    ///
    /// let metrics = Metrics::new();
    /// metrics.add_source(|| vec![Family::gauge("crm_bus_waiting", "Messages that wait.").with(&[], 3.0)]);
    /// assert!(metrics.text().contains("crm_bus_waiting 3"));
    /// ```
    pub fn add_source(&self, source: impl Fn() -> Vec<Family> + Send + Sync + 'static) {
        self.0.sources.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(source));
    }

    /// The page, in the text format of Prometheus.
    pub fn text(&self) -> String {
        let sources: Vec<Source> = self.0.sources.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut families = self.0.registry.gather();
        families.extend(sources.iter().flat_map(|source| source()).map(Family::into_proto));
        families.retain(|family| !family.get_metric().is_empty());
        TextEncoder::new().encode_to_string(&families).expect("families have samples, and names are constants")
    }

    pub(crate) fn request(&self, method: &str, route: Option<&str>, status: u16, took: Duration) {
        const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or(OTHER);
        let class = CLASSES.get(usize::from(status / 100).wrapping_sub(1)).copied().unwrap_or("aborted");
        let route = self.0.routes.bounded(route.unwrap_or("none"));
        self.0.requests.with_label_values(&[method, route, class]).observe(took.as_secs_f64());
    }

    pub(crate) fn operation(&self, kind: &str, name: &str, took: Duration) {
        self.0.operations.with_label_values(&[kind, self.0.names.bounded(name)]).observe(took.as_secs_f64());
    }

    pub(crate) fn failure(&self, kind: &str, name: &str, code: &str) {
        let labels = [kind, self.0.names.bounded(name), self.0.codes.bounded(code)];
        self.0.failures.with_label_values(&labels).inc();
    }
}

impl Family {
    fn into_proto(self) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        let kind = self.kind;
        family.set_field_type(match kind {
            FamilyKind::Counter => MetricType::COUNTER,
            FamilyKind::Gauge => MetricType::GAUGE,
        });
        family.set_metric(self.samples.into_iter().map(|sample| sample.into_proto(kind)).collect());
        family
    }
}

impl Sample {
    fn into_proto(self, kind: FamilyKind) -> Metric {
        let label = |(name, value): (&str, String)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.to_owned());
            pair.set_value(value);
            pair
        };
        let mut metric = Metric::from_label(self.labels.into_iter().map(label).collect());
        match kind {
            FamilyKind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(self.value);
                metric.set_counter(counter);
            }
            FamilyKind::Gauge => {
                let mut gauge = Gauge::default();
                gauge.set_value(self.value);
                metric.set_gauge(gauge);
            }
        }
        metric
    }
}

/// The values of one label that have been seen, up to [`MOST_VALUES`].
#[derive(Default)]
struct Bounded(RwLock<HashSet<String>>);

impl Bounded {
    fn bounded<'a>(&self, value: &'a str) -> &'a str {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.contains(value) {
            return value;
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST_VALUES || known.contains(value) {
            known.insert(value.to_owned());
            value
        } else {
            OTHER
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: Duration = Duration::from_millis(3);

    #[test]
    fn a_request_is_counted_by_method_route_and_class() {
        let metrics = Metrics::new();
        metrics.request("GET", Some("/people/{id}"), 404, SOME);
        metrics.request("BREW", None, 0, SOME);
        let text = metrics.text();
        let count = "crm_http_request_seconds_count";
        assert!(
            text.contains(&format!("{count}{{method=\"GET\",route=\"/people/{{id}}\",status=\"4xx\"}} 1")),
            "{text}"
        );
        assert!(text.contains(&format!("{count}{{method=\"other\",route=\"none\",status=\"aborted\"}} 1")), "{text}");
    }

    #[test]
    fn no_label_grows_without_end() {
        let metrics = Metrics::new();
        for number in 0..5 * MOST_VALUES {
            metrics.request(&format!("M{number}"), Some(&format!("/{number}")), 200, SOME);
            metrics.operation("use_case", &format!("case {number}"), SOME);
            metrics.failure("use_case", &format!("case {number}"), &format!("code {number}"));
        }
        let text = metrics.text();
        let series = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(series("crm_http_request_seconds_count"), MOST_VALUES + 1);
        assert_eq!(series("crm_operation_seconds_count"), MOST_VALUES + 1);
        assert_eq!(series("crm_operation_failures_total"), MOST_VALUES + 1);
        assert!(text.contains("route=\"other\""), "the rest is counted together");
    }

    #[test]
    fn sources_are_asked_when_the_page_is_read() {
        let metrics = Metrics::new();
        let count = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let told = Arc::clone(&count);
        metrics.add_source(move || {
            let number = told.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let read = Family::counter("crm_pages_total", "Pages.").with(&[("kind", "a\"b")], f64::from(number));
            vec![read, Family::gauge("crm_empty", "Nothing.")]
        });
        assert!(metrics.text().contains("# TYPE crm_pages_total counter\ncrm_pages_total{kind=\"a\\\"b\"} 0\n"));
        assert!(metrics.text().contains("crm_pages_total{kind=\"a\\\"b\"} 1\n"));
        assert!(!metrics.text().contains("crm_empty"));
    }

    #[test]
    fn the_process_is_measured() {
        let text = Metrics::new().text();
        for name in ["process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"] {
            assert!(text.contains(&format!("\n{name} ")), "{name}");
        }
    }
}
