//! The one way out: every request that this service makes of its own goes through here, to public addresses alone.
//!
//! The name of a host is looked up once for each request; all its addresses are checked, and the connection is made to what was
//! checked and to nothing else, so that a name which means something else a moment later is of no use. No redirect is followed,
//! no proxy of the environment is asked, no connection is kept, and of an answer no more is read than its beginning.

mod reach;

use std::{error::Error as StdError, fmt, io::Read, sync::Arc, time::Duration};

use crm_domain::{DeliveryError, WebhookUrl};
use ureq::{
    Agent,
    config::Config,
    http::Uri,
    tls::{RootCerts, TlsConfig},
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{Connector, NextTimeout, RustlsConnector, TcpConnector},
    },
};

pub use self::reach::Reachable;

/// So much of an answer is read, in bytes.
const EXCERPT: u64 = 1024;

/// So long may the headers of an answer be, in bytes.
const HEADERS: usize = 16 * 1024;

/// For how long the excerpt of an answer is waited for, when its status is known.
const EXCERPT_PATIENCE: Duration = Duration::from_secs(2);

/// Where requests may go, and how long they may take.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OutgoingSettings {
    /// Which addresses may be reached.
    pub reachable: Reachable,
    /// Whether requests may go over connections that are not encrypted.
    pub plain: Plain,
    /// How long a request may take in all.
    pub patience: Duration,
}

/// Whether requests may go over connections that are not encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Plain {
    /// They may: on the machine of a developer.
    Allowed,
    /// They may not.
    Refused,
}

impl Default for OutgoingSettings {
    fn default() -> Self {
        Self { reachable: Reachable::public(), plain: Plain::Refused, patience: Duration::from_secs(10) }
    }
}

/// What came back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answered {
    pub status: u16,
    /// What `Retry-After` says, in seconds.
    pub retry_after: Option<u64>,
    /// How the body begins, as text.
    pub excerpt: String,
}

/// Sends requests.
#[derive(Clone)]
pub(crate) struct Outgoing {
    agent: Agent,
    settings: OutgoingSettings,
}

impl Outgoing {
    pub(crate) fn new(settings: OutgoingSettings) -> Self {
        Self::with_parts(settings, (), DefaultResolver::default())
    }

    /// The same with a first link of the connector and a resolver of one's own.
    fn with_parts(settings: OutgoingSettings, first: impl Connector<Out = ()>, resolver: impl Resolver) -> Self {
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .max_idle_connections(0)
            .max_idle_connections_per_host(0)
            .max_response_header_size(HEADERS)
            .timeout_global(Some(settings.patience))
            .timeout_recv_body(Some(settings.patience.min(EXCERPT_PATIENCE)))
            .user_agent(concat!("crm/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build();
        let connector = first.chain(TcpConnector::default()).chain(RustlsConnector::default());
        let checked = Checked { reachable: settings.reachable.clone(), resolver };
        Self { agent: Agent::with_parts(config, connector, checked), settings }
    }

    /// Whether an address can be good at all, without asking anybody what its name means.
    pub(crate) fn may_be_reached(&self, url: &WebhookUrl) -> bool {
        let is_fit = url.is_encrypted() || self.settings.plain == Plain::Allowed;
        is_fit && url.literal().is_none_or(|address| self.settings.reachable.admits(address))
    }

    /// Sends a JSON body, on this thread.
    pub(crate) fn post(
        &self,
        url: &WebhookUrl,
        headers: &[(&'static str, String)],
        body: &str,
    ) -> Result<Answered, DeliveryError> {
        // It was checked when it was taken; rules and settings may be others since.
        let is_good = WebhookUrl::parse(url.as_str()).is_ok_and(|read| read == *url) && self.may_be_reached(url);
        if !is_good {
            return Err(DeliveryError::Forbidden);
        }
        let mut request = self.agent.post(url.as_str()).content_type("application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let mut response = request.send(body).map_err(|error| reason(&error))?;
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = header.and_then(|text| text.trim().parse().ok());
        let mut excerpt = Vec::new();
        // The status is known: a body that does not come changes nothing.
        let _read_so_far = response.body_mut().as_reader().take(EXCERPT).read_to_end(&mut excerpt);
        Ok(Answered { status: response.status().as_u16(), retry_after, excerpt: printable(&excerpt) })
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Outgoing").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Text that any database keeps and any screen shows.
fn printable(bytes: &[u8]) -> String {
    let shown = |character: char| if character.is_control() && character != '\n' { ' ' } else { character };
    String::from_utf8_lossy(bytes).chars().map(shown).collect()
}

/// The name means an address that may not be reached.
#[derive(Debug)]
struct NotReachable;

impl fmt::Display for NotReachable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the address may not be reached")
    }
}

impl StdError for NotReachable {}

/// Looks names up, and lets nothing through of which a single address may not be reached: what the connection is made to is
/// what was checked.
#[derive(Debug)]
struct Checked<R> {
    reachable: Reachable,
    resolver: R,
}

impl<R: Resolver> Resolver for Checked<R> {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.resolver.resolve(uri, config, timeout)?;
        if found.iter().all(|address| self.reachable.admits(address.ip())) {
            return Ok(found);
        }
        Err(ureq::Error::Other(Box::new(NotReachable)))
    }
}

fn reason(error: &ureq::Error) -> DeliveryError {
    match error {
        ureq::Error::Other(other) if other.is::<NotReachable>() => DeliveryError::Forbidden,
        ureq::Error::HostNotFound => DeliveryError::NotFound,
        ureq::Error::Timeout(_) => DeliveryError::Timeout,
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => DeliveryError::Encryption,
        ureq::Error::ConnectionFailed => DeliveryError::Unreachable,
        ureq::Error::Io(error) => match error.kind() {
            std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => DeliveryError::Timeout,
            // A handshake that fails comes as an error of the connection.
            std::io::ErrorKind::InvalidData if is_of_encryption(error) => DeliveryError::Encryption,
            _ => DeliveryError::Unreachable,
        },
        _ => DeliveryError::Protocol,
    }
}

fn is_of_encryption(error: &std::io::Error) -> bool {
    matches!(error.get_ref(), Some(cause) if cause.is::<rustls::Error>())
}

#[cfg(test)]
mod tests;
