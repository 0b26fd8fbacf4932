//! Secrets of webhooks, and what is signed with them, as Standard Webhooks has it (<https://www.standardwebhooks.com>).

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use crm_domain::{WebhookId, values::Timestamp};
use crm_persistence::webhooks::SealedSecrets;
use ring::hmac::{HMAC_SHA256, Key, sign};
use secrecy::SecretString;

use crate::{Error, Vault};

/// For how long deliveries are signed with the secret before as well.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);

/// The length of a secret, in bytes: that of the hash.
const LENGTH: usize = 32;

/// A new secret.
pub(super) struct Made([u8; LENGTH]);

impl Made {
    pub(super) fn new() -> Result<Self, Error> {
        let mut bits = [0; LENGTH];
        getrandom::fill(&mut bits).map_err(Error::internal)?;
        Ok(Self(bits))
    }

    /// As it is kept: it opens for this webhook alone.
    pub(super) fn sealed(&self, vault: &Vault, id: WebhookId) -> Result<Vec<u8>, Error> {
        vault.seal(&owner(id), &self.0)
    }

    /// As it is told.
    pub(super) fn shown(&self) -> SecretString {
        format!("whsec_{}", STANDARD.encode(self.0)).into()
    }
}

fn owner(id: WebhookId) -> Vec<u8> {
    [b"webhook ".as_slice(), id.uuid().as_bytes()].concat()
}

/// The three headers of a delivery; none where the secret does not open.
pub(super) fn headers(
    vault: &Vault,
    id: WebhookId,
    secrets: &SealedSecrets,
    delivery: &str,
    body: &str,
    now: Timestamp,
) -> Option<[(&'static str, String); 3]> {
    let previous = secrets.previous.iter().filter(|(_, until)| now < *until).map(|(sealed, _)| sealed);
    let seconds = now.micros().div_euclid(1_000_000);
    let text = format!("{delivery}.{seconds}.{body}");
    let present = signature(&vault.open(&owner(id), &secrets.present)?, &text);
    let before = previous.filter_map(|sealed| Some(signature(&vault.open(&owner(id), sealed)?, &text)));
    let signatures = std::iter::once(present).chain(before).collect::<Vec<_>>().join(" ");
    Some([
        ("webhook-id", delivery.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signatures),
    ])
}

fn signature(secret: &[u8], text: &str) -> String {
    format!("v1,{}", STANDARD.encode(sign(&Key::new(HMAC_SHA256, secret), text.as_bytes())))
}
