//! The queue of reports, and the thread that sends them.
//!
//! The transport of the `sentry` crate would do nearly this, but it has no deadline for a server that hangs, does not tell
//! what it drops, and joins its thread at the end of the program.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use sentry::{
    Envelope, Transport, TransportFactory, TransportOptions,
    protocol::EnvelopeItem,
    transports::{RateLimiter, RateLimitingCategory},
    types::Dsn,
};
use ureq::{
    Agent,
    http::Response,
    tls::{RootCerts, TlsConfig},
};

use super::clean::cleaned;

/// How many reports may wait; more are dropped and counted.
pub(crate) const CAPACITY: usize = 100;

/// How long one report may take on its way, connection and answer included.
const DEADLINE: Duration = Duration::from_secs(5);

/// What has become of the reports so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReportCounts {
    /// Taken by the server.
    pub sent: u64,
    /// Dropped: too many waited.
    pub overflowed: u64,
    /// Dropped: the server has asked for a pause.
    pub limited: u64,
    /// Dropped: the server could not be reached, or did not answer in time.
    pub unreachable: u64,
    /// Dropped: the server has refused them.
    pub refused: u64,
    /// Waiting now.
    pub waiting: usize,
}

impl ReportCounts {
    /// All that are lost.
    pub fn dropped(&self) -> u64 {
        self.overflowed + self.limited + self.unreachable + self.refused
    }
}

enum Message {
    Send(Box<Envelope>),
    /// Answered when everything before it has been dealt with.
    Flush(SyncSender<()>),
}

/// The front of the queue: never waits.
pub(super) struct Sending {
    sender: SyncSender<Message>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    sent: AtomicU64,
    overflowed: AtomicU64,
    limited: AtomicU64,
    unreachable: AtomicU64,
    refused: AtomicU64,
    waiting: AtomicUsize,
    trouble: Mutex<Option<&'static str>>,
}

impl Shared {
    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn set_trouble(&self, trouble: Option<&'static str>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

impl Sending {
    pub(super) fn start(dsn: &Dsn) -> Self {
        let (sender, receiver) = sync_channel(CAPACITY);
        let shared = Arc::new(Shared::default());
        let post = Post {
            agent: Agent::config_builder()
                .http_status_as_error(false)
                .timeout_global(Some(DEADLINE))
                .max_redirects(0)
                .tls_config(
                    TlsConfig::builder()
                        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
                        .root_certs(RootCerts::PlatformVerifier)
                        .build(),
                )
                .build()
                .into(),
            url: dsn.envelope_api_url().to_string(),
            key: dsn.to_auth(Some(concat!("crm/", env!("CARGO_PKG_VERSION")))).to_string(),
            limits: RateLimiter::new(),
            shared: Arc::clone(&shared),
        };
        thread::Builder::new()
            .name("reports".to_owned())
            .spawn(move || post.send_all(&receiver))
            .expect("the system can start a thread while the program starts");
        Self { sender, shared }
    }

    pub(super) fn counts(&self) -> ReportCounts {
        let shared = &self.shared;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ReportCounts {
            sent: read(&shared.sent),
            overflowed: read(&shared.overflowed),
            limited: read(&shared.limited),
            unreachable: read(&shared.unreachable),
            refused: read(&shared.refused),
            waiting: shared.waiting.load(Ordering::Relaxed),
        }
    }

    /// What went wrong with the last report, if anything did.
    pub(super) fn trouble(&self) -> Option<&'static str> {
        *self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Factory(pub(super) Arc<Sending>);

impl TransportFactory for Factory {
    fn create_transport_with_options(&self, _: TransportOptions) -> Arc<dyn Transport> {
        Arc::new(Front(Arc::clone(&self.0)))
    }
}

struct Front(Arc<Sending>);

impl Transport for Front {
    fn send_envelope(&self, envelope: Envelope) {
        let shared = &self.0.shared;
        shared.waiting.fetch_add(1, Ordering::Relaxed);
        if self.0.sender.try_send(Message::Send(Box::new(envelope))).is_err() {
            shared.waiting.fetch_sub(1, Ordering::Relaxed);
            Shared::count(&shared.overflowed);
        }
    }

    fn flush(&self, deadline: Duration) -> bool {
        let (report, done) = sync_channel(1);
        // A full queue behind a server that hangs has no room for this either: then nothing is to be waited for.
        self.0.sender.try_send(Message::Flush(report)).is_ok() && done.recv_timeout(deadline).is_ok()
    }

    fn shutdown(&self, deadline: Duration) -> bool {
        self.flush(deadline)
    }
}

/// The back of the queue.
struct Post {
    agent: Agent,
    url: String,
    key: String,
    limits: RateLimiter,
    shared: Arc<Shared>,
}

impl Post {
    fn send_all(mut self, receiver: &Receiver<Message>) {
        while let Ok(message) = receiver.recv() {
            match message {
                Message::Send(envelope) => {
                    self.send(*envelope);
                    self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
                }
                // Whoever asked may have given up.
                Message::Flush(report) => drop(report.send(())),
            }
        }
    }

    fn send(&mut self, envelope: Envelope) {
        let is_event = envelope.items().any(|item| matches!(item, EnvelopeItem::Event(_)));
        let category = if is_event { RateLimitingCategory::Error } else { RateLimitingCategory::Transaction };
        if !self.limits.is_enabled(category) {
            return Shared::count(&self.shared.limited);
        }
        let Some(body) = cleaned(envelope) else {
            return Shared::count(&self.shared.refused);
        };
        let answer = self.agent.post(&self.url).header("X-Sentry-Auth", &self.key).send(&body);
        let shared = Arc::clone(&self.shared);
        let (counter, trouble) = match answer {
            Err(_unreachable) => (&shared.unreachable, Some("the server cannot be reached")),
            Ok(response) => {
                self.heed(&response);
                match response.status().as_u16() {
                    200..=299 => (&shared.sent, None),
                    429 => (&shared.limited, Some("the server has asked for a pause")),
                    _ => (&shared.refused, Some("the server refuses reports")),
                }
            }
        };
        Shared::count(counter);
        shared.set_trouble(trouble);
    }

    /// Takes in what the server says about pauses.
    fn heed<B>(&mut self, response: &Response<B>) {
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        if let Some(limits) = header("x-sentry-rate-limits") {
            self.limits.update_from_sentry_header(limits);
        } else if let Some(pause) = header("retry-after") {
            self.limits.update_from_retry_after(pause);
        } else if response.status().as_u16() == 429 {
            self.limits.update_from_429();
        }
    }
}
