//! Webhooks: what those who manage the service can do with them.
//!
//! A secret is told once, when it is made; in the database it is sealed. Webhooks are made and changed at a session and by no API
//! key: what is sent is as much as their owner may see, which can be more than a key may.

mod dispatch;
mod fan_out;
mod secret;
mod sending;

use crm_domain::{
    DeliveryId, Invalid, Webhook, WebhookDelivery, WebhookId, WebhookPatch,
    access::{Grant, Manage, Settings},
    query::Page,
};
use crm_persistence::{
    WriteTx, changes,
    webhooks::{self, NewDelivery, SealedSecrets},
};
use secrecy::SecretString;
use serde_json::json;

pub(crate) use self::dispatch::Dispatch;
pub use self::secret::OVERLAP;
use crate::{Answer, App, Error, Expected, Input, Once, SignedIn, expected::settled, outgoing::OutgoingSettings};

/// So many webhooks there may be.
pub const MOST_WEBHOOKS: i64 = 100;

/// How webhooks are sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebhookSettings {
    /// Where they may go, and how long one may take.
    pub outgoing: OutgoingSettings,
    /// How many webhooks are served at once by this instance while they work.
    pub at_once: usize,
    /// How many of those that have failed are served at once besides.
    pub doubtful_at_once: usize,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self { outgoing: OutgoingSettings::default(), at_once: 24, doubtful_at_once: 8 }
    }
}

/// The use cases of webhooks.
#[derive(Clone, Debug)]
pub struct Webhooks {
    pub(crate) app: App,
}

/// A webhook with its secret, told this once.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// The webhook.
    pub webhook: Webhook,
    /// What its deliveries are signed with: `whsec_` and base64.
    pub secret: SecretString,
}

impl Webhooks {
    /// Makes a webhook of the caller, which is sent what changes from now on.
    pub async fn create(
        &self,
        caller: &SignedIn,
        grant: Grant<Manage, Settings>,
        input: Input<WebhookPatch>,
    ) -> Result<NewSecret, Error> {
        caller.session()?;
        let (id, owner, app) = (self.app.new_id(), caller.user.id, self.app.clone());
        let made = secret::Made::new()?;
        let sealed = made.sealed(&self.app.settings().vault, id)?;
        // What has no position yet is from before.
        self.app.catch_up().await?;
        let webhook = self
            .app
            .write(&caller.actor, move |tx| {
                let webhook = Webhook::create(id, input.get()?, owner, tx.at())?;
                app.check_address(&webhook)?;
                if webhooks::number(tx, &grant)? >= MOST_WEBHOOKS {
                    let detail = format!("there may be {MOST_WEBHOOKS} webhooks at most");
                    return Err(Error::Conflict { code: "too_many", detail });
                }
                let head = changes::heads(tx)?.changes;
                webhooks::insert(tx, &grant, &webhook, &sealed, head)?;
                // Like a key it belongs to the service, and is no record that others see the changes of.
                Ok(tx.unchanged(webhook))
            })
            .await?;
        Ok(NewSecret { webhook, secret: made.shown() })
    }

    /// A page of the webhooks, the newest first.
    pub async fn list(
        &self,
        grant: Grant<Manage, Settings>,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<Webhook>, Error> {
        self.app.read(move |tx| Ok(webhooks::list(tx, &grant, cursor.as_deref(), limit)?)).await
    }

    /// One webhook.
    pub async fn get(&self, grant: Grant<Manage, Settings>, id: WebhookId) -> Result<Webhook, Error> {
        self.app.read(move |tx| Ok(webhooks::find(tx, &grant, id)?)).await
    }

    /// Changes a webhook, which is the caller's from then on.
    pub async fn update(
        &self,
        caller: &SignedIn,
        grant: Grant<Manage, Settings>,
        id: WebhookId,
        expected: Expected,
        input: Input<WebhookPatch>,
    ) -> Result<Webhook, Error> {
        caller.session()?;
        let (app, by) = (self.app.clone(), caller.user.id);
        self.app.catch_up().await?;
        self.app
            .write(&caller.actor, move |tx| {
                settled(|| {
                    let current = webhooks::find(tx, &grant, id)?;
                    expected.check(current.version, &current)?;
                    let updated = current.apply(input.get()?, by, tx.at())?;
                    if updated.changes.is_empty() {
                        return Ok(Ok(tx.unchanged(current)));
                    }
                    app.check_address(&updated.state)?;
                    if let Err(error) = webhooks::save(tx, &grant, current.version, &updated.state) {
                        return Ok(Err(error));
                    }
                    if updated.state.is_enabled && !current.is_enabled {
                        let head = changes::heads(tx)?.changes;
                        webhooks::begin_anew(tx, &grant, id, head)?;
                    }
                    Ok(Ok(tx.unchanged(updated.state)))
                })
            })
            .await
    }

    /// Removes a webhook with its deliveries.
    pub async fn delete(&self, grant: Grant<Manage, Settings>, id: WebhookId, expected: Expected) -> Result<(), Error> {
        let actor = grant.actor().clone();
        self.app
            .write(&actor, move |tx| {
                settled(|| {
                    let current = webhooks::find(tx, &grant, id)?;
                    expected.check(current.version, &current)?;
                    let removed = webhooks::remove(tx, &grant, id, current.version);
                    Ok(removed.map(|()| tx.unchanged(())))
                })
            })
            .await
    }

    /// Gives a webhook a new secret. Deliveries are signed with the old one as well for [`OVERLAP`].
    pub async fn rotate_secret(
        &self,
        caller: &SignedIn,
        grant: Grant<Manage, Settings>,
        id: WebhookId,
    ) -> Result<NewSecret, Error> {
        caller.session()?;
        let made = secret::Made::new()?;
        let sealed = made.sealed(&self.app.settings().vault, id)?;
        let webhook = self
            .app
            .write(&caller.actor, move |tx| {
                settled(|| {
                    let current = webhooks::find(tx, &grant, id)?;
                    let before = webhooks::secrets(tx, &grant, id)?.present;
                    let until = tx.at().plus(OVERLAP);
                    let secrets = SealedSecrets { present: sealed.clone(), previous: Some((before, until)) };
                    let rotated = Webhook { version: current.version.next(), updated_at: tx.at(), ..current.clone() };
                    let saved = webhooks::replace_secrets(tx, &grant, current.version, &rotated, &secrets);
                    Ok(saved.map(|()| tx.unchanged(rotated)))
                })
            })
            .await?;
        Ok(NewSecret { webhook, secret: made.shown() })
    }

    /// Sends a webhook an event that is about nothing, whatever events it wants.
    pub async fn ping(
        &self,
        grant: Grant<Manage, Settings>,
        id: WebhookId,
        once: Once<WebhookDelivery>,
    ) -> Result<Answer, Error> {
        let (actor, delivery_id) = (grant.actor().clone(), self.app.new_id());
        let answer = self
            .app
            .write(&actor, move |tx| {
                once.run(tx, |tx| {
                    enabled(tx, &grant, id)?;
                    let body = json!({"type": "ping", "timestamp": tx.at(), "data": {}}).to_string();
                    let event = "ping".to_owned();
                    let new =
                        NewDelivery { id: delivery_id, webhook_id: id, position: None, event, record: None, body };
                    webhooks::enqueue(tx, &grant, &[new])?;
                    let delivery = webhooks::delivery(tx, &grant, id, delivery_id)?;
                    Ok(tx.unchanged(delivery))
                })
            })
            .await?;
        self.app.dispatch().wake();
        Ok(answer)
    }

    /// A page of the deliveries of a webhook, the newest first.
    pub async fn deliveries(
        &self,
        grant: Grant<Manage, Settings>,
        id: WebhookId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<WebhookDelivery>, Error> {
        self.app
            .read(move |tx| {
                webhooks::find(tx, &grant, id)?;
                Ok(webhooks::deliveries_of(tx, &grant, id, cursor.as_deref(), limit)?)
            })
            .await
    }

    /// Sends a delivery once more, whatever came of it.
    pub async fn replay(
        &self,
        grant: Grant<Manage, Settings>,
        id: WebhookId,
        delivery: DeliveryId,
        once: Once<WebhookDelivery>,
    ) -> Result<Answer, Error> {
        let actor = grant.actor().clone();
        let answer = self
            .app
            .write(&actor, move |tx| {
                once.run(tx, |tx| {
                    enabled(tx, &grant, id)?;
                    let replayed = webhooks::replay(tx, &grant, id, delivery)?;
                    Ok(tx.unchanged(replayed))
                })
            })
            .await?;
        self.app.dispatch().wake();
        Ok(answer)
    }
}

/// The webhook, when it is switched on.
fn enabled(tx: &mut WriteTx, grant: &Grant<Manage, Settings>, id: WebhookId) -> Result<Webhook, Error> {
    let webhook = webhooks::find(tx, grant, id)?;
    if webhook.is_enabled {
        return Ok(webhook);
    }
    Err(Error::Conflict {
        code: "webhook_disabled",
        detail: "the webhook is switched off; switch it on first".to_owned(),
    })
}

impl App {
    fn check_address(&self, webhook: &Webhook) -> Result<(), Invalid> {
        if self.dispatch().outgoing.may_be_reached(&webhook.url) {
            return Ok(());
        }
        Err(Invalid::one("/url", "url", "must be the address (https) of a host that can be reached in public"))
    }
}
