use crm_domain::{DeliveryId, WebhookPatch};
use crm_persistence::webhooks::SealedSecrets;
use serde_json::json;

use super::*;

const DAY: i64 = 86_400;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn served(failures: i64, failing_since: Option<Timestamp>) -> Served {
    let body = json!({"name": "n", "url": "https://example.com", "events": ["*"]});
    let patch = WebhookPatch::read_new(body).unwrap();
    let webhook = Webhook::create(WebhookId::from_u128(1), &patch, UserId::from_u128(2), at(0)).unwrap();
    Served { webhook: Webhook { failing_since, ..webhook }, secrets: SealedSecrets::default(), failures }
}

fn waiting(attempts: i64) -> WaitingDelivery {
    WaitingDelivery { id: DeliveryId::from_u128(3), record: None, body: "{}".to_owned(), attempts }
}

#[allow(clippy::unnecessary_wraps, reason = "it is what an attempt comes back with")]
fn answer(status: u16, retry_after: Option<u64>) -> Result<Answered, DeliveryError> {
    Ok(Answered { status, retry_after, excerpt: String::new() })
}

#[test]
fn every_success_settles_a_delivery_and_clears_the_failures() {
    for status in [200, 201, 202, 204, 299] {
        let done = outcome(&served(7, Some(at(1))), &waiting(2), answer(status, None), 5, 0, at(10));
        assert_eq!((done.state, done.failures, done.failing_since), (DeliveryState::Delivered, 0, None), "{status}");
        assert_eq!((done.paused_until, done.disabled, done.next_attempt_at), (None, None, None));
    }
}

#[test]
fn every_other_answer_is_tried_again_and_410_never() {
    for status in [100, 199, 300, 301, 307, 308, 400, 401, 404, 409, 429, 500, 502, 503, 504] {
        let failed = outcome(&served(0, None), &waiting(0), answer(status, None), 5, 0, at(10));
        assert_eq!((failed.state, failed.next_attempt_at), (DeliveryState::Waiting, Some(at(15))), "{status}");
        assert_eq!((failed.failures, failed.failing_since, failed.disabled), (1, Some(at(10)), None));
        assert_eq!(failed.paused_until, None, "one bad answer is no reason to keep the others waiting");
    }
    let gone = outcome(&served(0, None), &waiting(0), answer(410, None), 5, 0, at(10));
    assert_eq!((gone.state, gone.disabled), (DeliveryState::Failed, Some(DisabledReason::Gone)));
    assert_eq!(gone.next_attempt_at, None);
}

#[test]
fn a_receiver_is_given_the_time_that_it_asks_for_within_bounds() {
    let pause = |status, seconds| {
        let outcome = outcome(&served(0, None), &waiting(0), answer(status, Some(seconds)), 5, 0, at(0));
        (outcome.paused_until.map(|until| until.micros() / 1_000_000), outcome.next_attempt_at)
    };
    assert_eq!(pause(429, 40), (Some(40), Some(at(40))));
    assert_eq!(pause(503, 40), (Some(40), Some(at(40))));
    assert_eq!(pause(429, 1), (Some(1), Some(at(5))), "no sooner than it would be tried anyway");
    assert_eq!(pause(429, u64::MAX), (Some(3600), Some(at(3600))), "nobody asks for more than an hour");
    assert_eq!(pause(500, 40), (None, Some(at(5))), "others have no say");
}

#[test]
fn whoever_does_not_answer_is_given_a_pause_at_once_that_doubles_to_five_minutes() {
    let seconds = |failures, status| pause(failures, status, None).map(|pause| pause.num_seconds());
    assert_eq!([1, 2, 3, 8, 9, 10_000].map(|n| seconds(n, None)), [2, 4, 8, 256, 300, 300].map(Some));
    assert_eq!([1, 3, 4, 5].map(|n| seconds(n, Some(500))), [None, None, Some(2), Some(4)]);
}

#[test]
fn three_days_without_a_success_switch_it_off() {
    let fails = |now| outcome(&served(9, Some(at(0))), &waiting(3), answer(500, None), 5, 0, at(now)).disabled;
    assert_eq!(fails(3 * DAY - 1), None);
    assert_eq!(fails(3 * DAY), Some(DisabledReason::Failing));
    let first = outcome(&served(0, None), &waiting(0), answer(500, None), 5, 0, at(9 * DAY));
    assert_eq!(first.disabled, None, "the first failure begins the three days");
}

#[test]
fn the_last_attempt_gives_a_delivery_up() {
    let last = outcome(&served(9, Some(at(0))), &waiting(14), Err(DeliveryError::Timeout), 5, 0, at(DAY));
    assert_eq!((last.state, last.next_attempt_at), (DeliveryState::Failed, None));
    assert_eq!((last.error, last.status), (Some(DeliveryError::Timeout), None));
}
