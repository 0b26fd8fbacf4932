//! Webhooks: where changes are sent to, and what came of it.
//!
//! A webhook belongs to a user. It is sent what that user may see at the moment of sending, and nothing where the user may not
//! manage webhooks any more. Its secret is never part of it.

mod delivery;
mod event;
mod url;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    delivery::{DeliveryError, DeliveryState, WebhookDelivery},
    event::EventPattern,
    url::WebhookUrl,
};
use crate::{
    Applied, Editor, Field, InputReader, Invalid, UserId, Version, Violation, WebhookId,
    values::{Name, Timestamp},
};

/// Why a webhook is switched off.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, strum::AsRefStr, strum::EnumString, strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DisabledReason {
    /// Somebody switched it off.
    Asked,
    /// The receiver said that it is gone (410).
    Gone,
    /// No delivery has succeeded for three days.
    Failing,
}

/// Where changes are sent to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Webhook {
    /// The id.
    pub id: WebhookId,
    /// What it is for.
    pub name: Name,
    /// The address of the receiver.
    pub url: WebhookUrl,
    /// The events that are sent: `*`, `organisation.*`, `organisation.created`.
    pub events: Vec<EventPattern>,
    /// Whose rights decide what is sent: whoever last made or changed it.
    pub owner_id: UserId,
    /// Whether anything is sent. Switched on again it begins with the changes that come after.
    pub is_enabled: bool,
    /// Why nothing is sent.
    pub disabled_reason: Option<DisabledReason>,
    /// Since when nothing is sent.
    pub disabled_at: Option<Timestamp>,
    /// Since when no delivery has succeeded; none where the last one did.
    pub failing_since: Option<Timestamp>,
    /// The version, also the `ETag`.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a client says of a webhook: absent fields stay.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[allow(missing_docs)] // The fields are those of `Webhook`.
pub struct WebhookPatch {
    pub name: Field<Name>,
    pub url: Field<WebhookUrl>,
    pub events: Field<Vec<EventPattern>>,
    pub is_enabled: Field<bool>,
}

/// So many events can be named.
const MOST_EVENTS: usize = 50;

impl WebhookPatch {
    /// Reads a JSON object; every broken rule is told, unknown fields included.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        Self::take(InputReader::new(value)?)
    }

    /// Reads the JSON object of a new webhook: as [`Self::read`], and what is missing is told with the rest.
    pub fn read_new(value: Value) -> Result<Self, Invalid> {
        let mut input = InputReader::new(value)?;
        for name in ["name", "url", "events"] {
            input.require(name);
        }
        Self::take(input)
    }

    fn take(mut input: InputReader) -> Result<Self, Invalid> {
        let patch = Self {
            name: input.text("name", Name::parse),
            url: input.text("url", WebhookUrl::parse),
            events: input.texts("events", patterns),
            is_enabled: input.boolean("is_enabled"),
        };
        input.finish(patch)
    }
}

/// A set of patterns, in order; at least one.
fn patterns(texts: Vec<String>) -> Result<Vec<EventPattern>, Violation> {
    let mut patterns = texts.into_iter().map(|text| EventPattern::parse(&text)).collect::<Result<Vec<_>, _>>()?;
    patterns.sort_unstable();
    patterns.dedup();
    if (1..=MOST_EVENTS).contains(&patterns.len()) {
        return Ok(patterns);
    }
    Err(Violation::new("length", format!("must be 1 to {MOST_EVENTS} events")))
}

impl Webhook {
    /// How long deliveries may fail before nothing more is sent.
    pub const PATIENCE: TimeDelta = TimeDelta::days(3);

    /// A new webhook of a user. Name, address and events must be set.
    pub fn create(id: WebhookId, patch: &WebhookPatch, owner_id: UserId, at: Timestamp) -> Result<Self, Invalid> {
        let blank = Self {
            id,
            name: Name::from_stored(String::new()),
            url: WebhookUrl::from_stored(String::new()),
            events: Vec::new(),
            owner_id,
            is_enabled: true,
            disabled_reason: None,
            disabled_at: None,
            failing_since: None,
            version: Version::FIRST,
            created_at: at,
            updated_at: at,
        };
        Ok(blank.edit(Editor::of_new_record(), patch, at)?.state)
    }

    /// The state after a patch by a user: a version later where something changed, the same where nothing did. Whoever says
    /// what is sent where answers for it, with their own rights.
    pub fn apply(&self, patch: &WebhookPatch, by: UserId, at: Timestamp) -> Result<Applied<Self>, Invalid> {
        let mut applied = self.clone().edit(Editor::new(), patch, at)?;
        if !applied.changes.is_empty() {
            applied.state.owner_id = by;
            applied.state.version = self.version.next();
            applied.state.updated_at = at;
        }
        Ok(applied)
    }

    fn edit(mut self, mut edit: Editor, patch: &WebhookPatch, at: Timestamp) -> Result<Applied<Self>, Invalid> {
        edit.essential("name", &mut self.name, &patch.name);
        edit.essential("url", &mut self.url, &patch.url);
        edit.essential("events", &mut self.events, &patch.events);
        let was_enabled = self.is_enabled;
        edit.required("is_enabled", &mut self.is_enabled, &patch.is_enabled);
        match (was_enabled, self.is_enabled) {
            (true, false) => self.disable(DisabledReason::Asked, at),
            (false, true) => {
                (self.disabled_reason, self.disabled_at, self.failing_since) = (None, None, None);
            }
            _ => {}
        }
        edit.finish(self)
    }

    /// Switches it off.
    pub fn disable(&mut self, reason: DisabledReason, at: Timestamp) {
        self.is_enabled = false;
        self.disabled_reason = Some(reason);
        self.disabled_at = Some(at);
    }

    /// Whether events of this name are sent.
    pub fn wants(&self, event: &str) -> bool {
        self.events.iter().any(|pattern| pattern.fits(event))
    }
}
