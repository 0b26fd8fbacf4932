//! What the API needs to be told: limits and deadlines.

use std::time::Duration;

use crm_domain::values::Network;

use crate::RateSettings;

/// Limits and deadlines of requests.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// The greatest size of a JSON body, in bytes.
    pub body_bytes: usize,
    /// The greatest size of the JSON body of a batch, in bytes.
    pub batch_bytes: usize,
    /// How long a JSON body may take to arrive.
    pub body_deadline: Duration,
    /// How long the answer to a request may take, its body included.
    pub request_deadline: Duration,
    /// The same for an upload.
    pub upload_deadline: Duration,
    /// How many requests each caller may send.
    pub rates: RateSettings,
    /// The pages beside those of this very host that may open sockets, such as `https://crm.example.com`.
    pub origins: Vec<String>,
    /// The proxies whose word is taken for where a request comes from.
    pub trusted_proxies: Vec<Network>,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            batch_bytes: 8 * 1024 * 1024,
            body_deadline: Duration::from_secs(10),
            request_deadline: Duration::from_secs(30),
            upload_deadline: Duration::from_mins(15),
            rates: RateSettings::default(),
            origins: Vec::new(),
            trusted_proxies: Vec::new(),
        }
    }
}
