//! What came of sending a change.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{DeliveryId, WebhookId, values::Timestamp};

/// What has become of a delivery.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, strum::AsRefStr, strum::EnumString, strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryState {
    /// It is to be sent, for the first time or again.
    Waiting,
    /// The receiver has it.
    Delivered,
    /// It is not sent any more.
    Failed,
    /// The webhook's owner may not see the record, so it was not sent.
    Withheld,
}

/// Why there was no answer.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, strum::AsRefStr, strum::EnumString, strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryError {
    /// The address is none that may be reached.
    Forbidden,
    /// The name of the host is not known.
    NotFound,
    /// No connection could be made.
    Unreachable,
    /// No encrypted connection could be made: the certificate is not good, or there is none.
    Encryption,
    /// No answer in time.
    Timeout,
    /// What came was no answer.
    Protocol,
    /// The secret cannot be opened with the key of this server.
    Secret,
}

/// One change on its way to one receiver.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookDelivery {
    /// The id, and the `webhook-id` of every attempt.
    pub id: DeliveryId,
    /// Where it goes.
    pub webhook_id: WebhookId,
    /// The change's place in the log; none for a ping.
    pub position: Option<i64>,
    /// The name of the event.
    pub event: String,
    /// What has become of it.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was last tried.
    pub last_attempt_at: Option<Timestamp>,
    /// The status of the last answer.
    pub status: Option<i64>,
    /// Why there was no answer the last time.
    pub error: Option<DeliveryError>,
    /// How long the last attempt took.
    pub duration_milliseconds: Option<i64>,
    /// How the last answer began.
    pub answer: Option<String>,
    /// When it came to be.
    pub created_at: Timestamp,
    /// When it was settled.
    pub ended_at: Option<Timestamp>,
}

/// How long after each attempt the next one follows, in seconds: three days in all, and a little more, so that the last one
/// finds a receiver that has failed all along after [`crate::Webhook::PATIENCE`].
const PAUSES: [i64; 14] =
    [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 43_200, 43_200, 43_200, 32_400];

impl WebhookDelivery {
    /// How long to wait after so many attempts, and no more than a tenth longer by `jitter` (of 255); none where it is given up.
    pub fn pause_after(attempts: i64, jitter: u8) -> Option<TimeDelta> {
        let pause = PAUSES.get(usize::try_from(attempts).ok()?.checked_sub(1)?)?;
        let pause = TimeDelta::seconds(*pause);
        Some(pause + pause / 10 * i32::from(jitter) / 255)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Webhook;

    #[test]
    fn attempts_go_on_for_three_days_and_the_last_one_is_after_them() {
        let all = |jitter: u8| -> TimeDelta { (1..=14).filter_map(|n| WebhookDelivery::pause_after(n, jitter)).sum() };
        assert!(all(0) >= Webhook::PATIENCE && all(0) < Webhook::PATIENCE + TimeDelta::hours(1));
        assert!(all(255) > all(0) && all(255) <= all(0) * 11 / 10);
        assert_eq!(WebhookDelivery::pause_after(15, 0), None);
        assert_eq!(WebhookDelivery::pause_after(0, 0), None);
    }
}
