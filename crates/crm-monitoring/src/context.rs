//! What belongs to one request or one run of a job, wherever it is being worked on.
//!
//! A worker polls many requests in turn on one thread, and hands parts of them to other threads. So the context is bound
//! to the future and not to the thread, and whatever moves work to another thread takes it along ([`Context::run`]).

use std::{
    future::Future,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sentry::{Hub, SentryFutureExt};

use crate::{Monitoring, PerformanceMonitor, request_id::RequestId, trace::TraceParent};

tokio::task_local! {
    static CURRENT: Context;
}

/// One request, or one run of a job. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    performance: Option<PerformanceMonitor>,
    hub: Arc<Hub>,
    /// The route with its method, or the job.
    name: String,
    trace: TraceParent,
    request_id: OnceLock<RequestId>,
    database: AtomicU64,
    cache: AtomicU64,
    has_panicked: AtomicBool,
}

impl Context {
    pub(crate) fn new(monitoring: &Monitoring, hub: Arc<Hub>, name: String, trace: TraceParent) -> Self {
        Self(Arc::new(Inner {
            performance: monitoring.performance().cloned(),
            hub,
            name,
            trace,
            request_id: OnceLock::new(),
            database: AtomicU64::new(0),
            cache: AtomicU64::new(0),
            has_panicked: AtomicBool::new(false),
        }))
    }

    /// The context of whoever asks, if there is one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs a future in this context.
    pub(crate) fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        let hub = Arc::clone(&self.0.hub);
        CURRENT.scope(self, work).bind_hub(hub)
    }

    /// Runs in this context on this thread.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let hub = Arc::clone(&self.0.hub);
        Hub::run(hub, || CURRENT.sync_scope(self.clone(), work))
    }

    /// The route with its method, or the job.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What measures its operations, unless that is switched off.
    pub fn performance(&self) -> Option<&PerformanceMonitor> {
        self.0.performance.as_ref()
    }

    /// The place in the trace; to be passed on to whoever is called, as the header `traceparent`.
    pub fn trace(&self) -> TraceParent {
        self.0.trace
    }

    /// The id of the request, once it has one.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.0.request_id.get()
    }

    pub(crate) fn set_request_id(&self, id: RequestId) {
        self.0.hub.configure_scope(|scope| scope.set_tag("request_id", id.as_str()));
        // Nobody gives a request a second id.
        let _first_one_stays = self.0.request_id.set(id);
    }

    pub(crate) fn add_database_time(&self, took: Duration) {
        add(&self.0.database, took);
    }

    pub(crate) fn add_cache_time(&self, took: Duration) {
        add(&self.0.cache, took);
    }

    /// How long it has used the database so far.
    pub fn database_time(&self) -> Duration {
        Duration::from_nanos(self.0.database.load(Ordering::Relaxed))
    }

    /// How long it has used the cache so far.
    pub fn cache_time(&self) -> Duration {
        Duration::from_nanos(self.0.cache.load(Ordering::Relaxed))
    }

    /// A panic has been reported: what follows from it is not a second defect.
    pub(crate) fn note_panic(&self) {
        self.0.has_panicked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_panicked(&self) -> bool {
        self.0.has_panicked.load(Ordering::Relaxed)
    }
}

fn add(total: &AtomicU64, took: Duration) {
    total.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
}
