//! Where webhooks may go.

use crm_app::{OutgoingSettings, Plain, Reachable, WebhookSettings};
use crm_monitoring::Environment;
use serde::{Deserialize, Serialize};

use super::{Networks, Settings};

/// Where webhooks may go.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhooksSection {
    /// Networks that may be reached beside public addresses.
    pub networks: Networks,
}

impl Settings {
    /// Plain connections are for the machine of a developer.
    pub(super) fn webhooks(&self) -> WebhookSettings {
        let plain = if self.environment == Environment::Development { Plain::Allowed } else { Plain::Refused };
        let reachable = Reachable::public_and(self.webhooks.networks.0.iter().copied());
        let outgoing = OutgoingSettings { reachable, plain, ..OutgoingSettings::default() };
        WebhookSettings { outgoing, ..WebhookSettings::default() }
    }
}
