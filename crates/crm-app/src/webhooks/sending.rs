//! Sending to one webhook: one delivery after the other, each with the rights and the address of the moment.

use chrono::TimeDelta;
use crm_domain::{
    DeliveryError, DeliveryState, DisabledReason, NotificationKind, UserId, Webhook, WebhookDelivery, WebhookId,
    access::{Actor, Grant, Manage, Settings, policy},
    values::Timestamp,
};
use crm_persistence::{
    ReadTx,
    measure::{self, Operation},
    second_factors,
    webhooks::{self, Outcome, Served, WaitingDelivery},
};

use super::secret;
use crate::{
    App, Error,
    app::{blocking, system_grant},
    changes::{present_user, sees},
    notifications::{News, tell},
    outgoing::Answered,
};

/// For how long a webhook is held at a time. It must be longer than a request may take.
const HELD: TimeDelta = TimeDelta::seconds(60);

/// With less than this left it is held anew.
const HELD_ANEW_BELOW: TimeDelta = TimeDelta::seconds(30);

/// How many deliveries are looked up at once.
const PAGE: i64 = 50;

/// The longest pause after failures in a row.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// How many answers in a row may be bad before the webhook is given a pause. Where there was no answer at all, it is given one
/// at once: it would keep the others of the same receiver waiting.
const BAD_ANSWERS: i64 = 3;

/// The longest pause that a receiver can ask for.
const LONGEST_ASKED: u64 = 3600;

/// What comes before a delivery is sent.
enum Ready {
    /// It is to be sent.
    Send(Box<Served>),
    /// The owner may not see what it is about.
    Withheld,
    /// The webhook is not to be served any more.
    Over,
}

/// Whether there is more to do for the same webhook.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Then {
    GoOn,
    Stop,
}

fn actor() -> Actor {
    Actor::system("deliveries of webhooks")
}

fn grant() -> Result<Grant<Manage, Settings>, Error> {
    Ok(system_grant("deliveries of webhooks")?)
}

impl App {
    /// Sends all that is due to a webhook, unless another instance serves it.
    pub(super) async fn send_all(&self, id: WebhookId) -> Result<(), Error> {
        let Some(mut held_until) = self.hold_webhook(id).await? else { return Ok(()) };
        let sent = loop {
            let now = self.settings().clock.now();
            let page = self.read(move |tx| Ok(webhooks::next(tx, &grant()?, id, now, PAGE)?)).await?;
            match self.send_page(id, &mut held_until, page).await {
                Ok(Then::GoOn) => {}
                Ok(Then::Stop) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let holder = self.instance();
        self.write(&actor(), move |tx| {
            webhooks::release(tx, &grant()?, id, holder)?;
            Ok(tx.unchanged(()))
        })
        .await?;
        sent
    }

    async fn send_page(
        &self,
        id: WebhookId,
        held_until: &mut Timestamp,
        page: Vec<WaitingDelivery>,
    ) -> Result<Then, Error> {
        if page.is_empty() {
            return Ok(Then::Stop);
        }
        for delivery in page {
            if self.dispatch().is_stopped() {
                return Ok(Then::Stop);
            }
            if self.settings().clock.now().plus(HELD_ANEW_BELOW) > *held_until {
                let Some(until) = self.hold_webhook(id).await? else { return Ok(Then::Stop) };
                *held_until = until;
            }
            if self.send_one(id, delivery).await? == Then::Stop {
                return Ok(Then::Stop);
            }
        }
        Ok(Then::GoOn)
    }

    /// Takes the webhook, or holds it longer; until when.
    async fn hold_webhook(&self, id: WebhookId) -> Result<Option<Timestamp>, Error> {
        let holder = self.instance();
        self.write(&actor(), move |tx| {
            let until = tx.at().plus(HELD);
            let is_ours = webhooks::serve(tx, &grant()?, id, holder, until)?;
            Ok(tx.unchanged(is_ours.then_some(until)))
        })
        .await
    }

    async fn send_one(&self, id: WebhookId, delivery: WaitingDelivery) -> Result<Then, Error> {
        let (app, looked_at) = (self.clone(), delivery.clone());
        match self.read(move |tx| app.ready_to_send(tx, id, &looked_at)).await? {
            Ready::Over => Ok(Then::Stop),
            Ready::Withheld => {
                self.write(&actor(), move |tx| {
                    webhooks::withhold(tx, &grant()?, &delivery)?;
                    Ok(tx.unchanged(Then::GoOn))
                })
                .await
            }
            Ready::Send(served) => {
                let began = self.settings().clock.now();
                let answer = self.attempt(&served, &delivery, began).await?;
                let took = self.settings().clock.now().micros() - began.micros();
                self.note_attempt(*served, delivery, answer, took / 1000).await
            }
        }
    }

    /// Looks everything up that decides about a delivery, at one moment.
    fn ready_to_send(&self, tx: &mut ReadTx, id: WebhookId, delivery: &WaitingDelivery) -> Result<Ready, Error> {
        let now = self.settings().clock.now();
        let Some(served) = webhooks::served(tx, &grant()?, id, self.instance(), now)? else { return Ok(Ready::Over) };
        let is_theirs = self.may_be_told(tx, served.webhook.owner_id, delivery)?;
        Ok(if is_theirs { Ready::Send(Box::new(served)) } else { Ready::Withheld })
    }

    /// Whether a user may manage webhooks and see the record, at this moment. A ping is about no record.
    fn may_be_told(&self, tx: &mut ReadTx, user: UserId, delivery: &WaitingDelivery) -> Result<bool, Error> {
        let Some((user, actor)) = present_user(tx, user)? else { return Ok(false) };
        let standing = self.standing(actor.role(), second_factors::standing(tx, &user)?);
        let lacks_factor = standing.is_required && !standing.is_enrolled;
        if lacks_factor || policy::authorise::<Manage, Settings>(&actor).is_err() {
            return Ok(false);
        }
        delivery.record.map_or(Ok(true), |(kind, record)| sees(tx, &actor, kind, record))
    }

    async fn attempt(
        &self,
        served: &Served,
        delivery: &WaitingDelivery,
        now: Timestamp,
    ) -> Result<Result<Answered, DeliveryError>, Error> {
        let (id, name) = (served.webhook.id, delivery.id.to_string());
        let vault = &self.settings().vault;
        let Some(headers) = secret::headers(vault, id, &served.secrets, &name, &delivery.body, now) else {
            return Ok(Err(DeliveryError::Secret));
        };
        let (outgoing, url, body) =
            (self.dispatch().outgoing.clone(), served.webhook.url.clone(), delivery.body.clone());
        blocking(move || {
            let mut call = measure::begin(Operation::Outgoing, "webhook");
            let answer = outgoing.post(&url, &headers, &body);
            if answer.is_err() {
                call.fail("no_answer");
            }
            Ok(answer)
        })
        .await
    }

    async fn note_attempt(
        &self,
        served: Served,
        delivery: WaitingDelivery,
        answer: Result<Answered, DeliveryError>,
        duration_milliseconds: i64,
    ) -> Result<Then, Error> {
        let mut jitter = [0];
        getrandom::fill(&mut jitter).map_err(Error::internal)?;
        let app = self.clone();
        self.write(&actor(), move |tx| {
            let outcome = outcome(&served, &delivery, answer, duration_milliseconds, jitter[0], tx.at());
            let is_noted = webhooks::note(tx, &grant()?, served.webhook.id, &delivery, &outcome)?;
            if is_noted && outcome.disabled.is_some() {
                let news = switched_off(&served.webhook, tx.at());
                tell(&app, tx, &system_grant("notifications")?, served.webhook.owner_id, &news)?;
            }
            let is_over = outcome.disabled.is_some() || outcome.paused_until.is_some();
            Ok(tx.unchanged(if is_over { Then::Stop } else { Then::GoOn }))
        })
        .await
    }
}

fn switched_off(webhook: &Webhook, at: Timestamp) -> News<'_> {
    News {
        kind: NotificationKind::WebhookDisabled,
        record: None,
        subject: webhook.id.uuid(),
        occasion: at,
        name: webhook.name.as_str(),
        actor: None,
        at: None,
        on: None,
    }
}

/// What an answer means, for the delivery and for the webhook.
fn outcome(
    served: &Served,
    delivery: &WaitingDelivery,
    answer: Result<Answered, DeliveryError>,
    duration_milliseconds: i64,
    jitter: u8,
    now: Timestamp,
) -> Outcome {
    let (answer, error) = answer.map_or_else(|error| (None, Some(error)), |answer| (Some(answer), None));
    let status = answer.as_ref().map(|answer| answer.status);
    let asked = answer.as_ref().filter(|answer| matches!(answer.status, 429 | 503)).and_then(|one| one.retry_after);
    let mut outcome = Outcome {
        state: DeliveryState::Delivered,
        next_attempt_at: None,
        status,
        error,
        duration_milliseconds,
        answer: answer.map(|answer| answer.excerpt),
        failures: 0,
        failing_since: None,
        paused_until: None,
        disabled: None,
    };
    if status.is_some_and(|status| (200..300).contains(&status)) {
        return outcome;
    }
    let since = served.webhook.failing_since.unwrap_or(now);
    outcome.failures = served.failures + 1;
    outcome.failing_since = Some(since);
    outcome.paused_until = pause(outcome.failures, status, asked).map(|pause| now.plus(pause));
    outcome.disabled = if status == Some(410) {
        Some(DisabledReason::Gone)
    } else {
        (now >= since.plus(Webhook::PATIENCE)).then_some(DisabledReason::Failing)
    };
    // A receiver that is gone wants none of it, now or later.
    let pause = WebhookDelivery::pause_after(delivery.attempts + 1, jitter).filter(|_| status != Some(410));
    let asked = asked.map(asked_for);
    outcome.next_attempt_at = pause.map(|pause| now.plus(asked.map_or(pause, |asked| asked.max(pause))));
    outcome.state = if pause.is_some() { DeliveryState::Waiting } else { DeliveryState::Failed };
    outcome
}

fn asked_for(seconds: u64) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(seconds.min(LONGEST_ASKED)).expect("an hour is few seconds"))
}

/// How long nothing is sent to a webhook after so many failures in a row.
fn pause(failures: i64, status: Option<u16>, asked: Option<u64>) -> Option<TimeDelta> {
    let beyond = if status.is_none() { failures } else { failures - BAD_ANSWERS };
    let own = (beyond > 0).then(|| {
        let doubled = 1_i64.checked_shl(u32::try_from(beyond).unwrap_or(u32::MAX).min(20)).unwrap_or(i64::MAX);
        TimeDelta::seconds(doubled).min(LONGEST_PAUSE)
    });
    own.max(asked.map(asked_for))
}

#[cfg(test)]
#[path = "sending_tests.rs"]
mod tests;
