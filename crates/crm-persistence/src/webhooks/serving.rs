//! Serving: one instance at a time sends what waits for a webhook. It holds the row of the webhook for a while, and whatever it
//! notes is noted only while it does.

use crm_domain::{
    DeliveryError, DeliveryState, DisabledReason, Webhook, WebhookId,
    access::{Grant, Manage, Settings},
    values::Timestamp,
};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, RunQueryDsl,
    SelectableHelper,
    sql_types::{BigInt, Untyped},
};
use uuid::Uuid;

use super::{Row, SealedSecrets, deliveries::WaitingDelivery};
use crate::{
    column::{DbUuid, TimeColumn, UuidColumn, maybe},
    error::StoreError,
    schema::{webhook_deliveries as deliveries, webhooks as table},
    sql::{Bind, Sql},
    stored::choice,
    transaction::{Transaction, WriteTx, connection},
};

/// A webhook for which something waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Due {
    /// Which one.
    pub id: WebhookId,
    /// How often in a row it has failed.
    pub failures: i64,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = DbUuid)]
    id: UuidColumn,
    #[diesel(sql_type = BigInt)]
    failures: i64,
}

/// The webhooks for which something is to be sent now, and that nobody serves.
pub fn due(
    tx: &mut impl Transaction,
    _grant: &Grant<Manage, Settings>,
    now: Timestamp,
) -> Result<Vec<Due>, StoreError> {
    let now = || Bind::Time(now.into());
    let query = Sql::new()
        .push("SELECT id, failures FROM webhooks WHERE is_enabled AND (paused_until IS NULL OR paused_until <= ")
        .bind(now())
        .push(") AND (held_until IS NULL OR held_until <= ")
        .bind(now())
        .push(
            ") AND EXISTS (SELECT 1 FROM webhook_deliveries WHERE webhook_deliveries.webhook_id = webhooks.id \
             AND state = 'waiting' AND next_attempt_at <= ",
        )
        .bind(now())
        .push(") ORDER BY id");
    let rows: Vec<DueRow> = query.typed::<Untyped>().load(connection(tx))?;
    Ok(rows.into_iter().map(|row| Due { id: row.id.into(), failures: row.failures }).collect())
}

/// A webhook while it is served.
#[derive(Clone, Debug)]
pub struct Served {
    /// The webhook as it is now.
    pub webhook: Webhook,
    /// Its sealed secrets.
    pub secrets: SealedSecrets,
    /// How often in a row it has failed.
    pub failures: i64,
}

/// Takes a webhook that nobody serves, or goes on serving it; whether it is one's own now.
pub fn serve(
    tx: &mut WriteTx,
    _grant: &Grant<Manage, Settings>,
    id: WebhookId,
    holder: Uuid,
    until: Timestamp,
) -> Result<bool, StoreError> {
    let (at, holder) = (TimeColumn::from(tx.at()), UuidColumn(holder));
    let free = table::held_until.is_null().or(table::held_until.le(at)).or(table::held_by.eq(holder));
    // None of the three is unknown where the row is held: it has both or neither.
    let this = table::table.filter(table::id.eq(UuidColumn::from(id))).filter(free);
    let set = (table::held_by.eq(Some(holder)), table::held_until.eq(Some(TimeColumn::from(until))));
    Ok(diesel::update(this).set(set).execute(connection(tx))? == 1)
}

/// Lets others serve a webhook.
pub fn release(
    tx: &mut WriteTx,
    _grant: &Grant<Manage, Settings>,
    id: WebhookId,
    holder: Uuid,
) -> Result<(), StoreError> {
    let own = table::table.filter(table::id.eq(UuidColumn::from(id))).filter(table::held_by.eq(UuidColumn(holder)));
    let set = (table::held_by.eq(None::<UuidColumn>), table::held_until.eq(None::<TimeColumn>));
    diesel::update(own).set(set).execute(connection(tx))?;
    Ok(())
}

/// The webhook that one serves; none where it is gone, switched off, paused, or served by another.
pub fn served(
    tx: &mut impl Transaction,
    _grant: &Grant<Manage, Settings>,
    id: WebhookId,
    holder: Uuid,
    now: Timestamp,
) -> Result<Option<Served>, StoreError> {
    let now = TimeColumn::from(now);
    let own = table::table
        .filter(table::id.eq(UuidColumn::from(id)))
        .filter(table::is_enabled.eq(true))
        .filter(table::held_by.eq(UuidColumn(holder)))
        .filter(table::held_until.gt(now))
        .filter(table::paused_until.is_null().or(table::paused_until.le(now)));
    let columns = (Row::as_select(), table::secret, table::previous_secret, table::previous_until, table::failures);
    let row = own.select(columns).first::<(Row, Vec<u8>, Option<Vec<u8>>, Option<TimeColumn>, i64)>(connection(tx));
    Ok(row.optional()?.map(|(row, present, previous, until, failures)| Served {
        webhook: row.into(),
        secrets: SealedSecrets { present, previous: previous.zip(maybe(until)) },
        failures,
    }))
}

/// Id, kind and id of the record, body, attempts.
type WaitingRow = (UuidColumn, Option<String>, Option<UuidColumn>, String, i64);

/// The deliveries of a webhook that are to be sent now, those first that have waited longest.
pub fn next(
    tx: &mut impl Transaction,
    _grant: &Grant<Manage, Settings>,
    id: WebhookId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<WaitingDelivery>, StoreError> {
    let waiting = deliveries::table
        .filter(deliveries::webhook_id.eq(UuidColumn::from(id)))
        .filter(deliveries::state.eq("waiting"))
        .filter(deliveries::next_attempt_at.le(TimeColumn::from(now)))
        .order_by((deliveries::next_attempt_at.asc(), deliveries::id.asc()))
        .limit(limit)
        .select((deliveries::id, deliveries::resource, deliveries::record_id, deliveries::body, deliveries::attempts));
    let rows: Vec<WaitingRow> = waiting.load(connection(tx))?;
    let delivery = |(id, resource, record, body, attempts): WaitingRow| {
        let record = resource.as_deref().map(choice).zip(record.map(|id| id.0));
        WaitingDelivery { id: id.into(), record, body, attempts }
    };
    Ok(rows.into_iter().map(delivery).collect())
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the delivery is now.
    pub state: DeliveryState,
    /// When it is tried next; only of one that waits.
    pub next_attempt_at: Option<Timestamp>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<DeliveryError>,
    /// How long it took.
    pub duration_milliseconds: i64,
    /// How the answer began.
    pub answer: Option<String>,
    /// How often in a row the webhook has failed now.
    pub failures: i64,
    /// Since when it fails.
    pub failing_since: Option<Timestamp>,
    /// Until when nothing is sent to it.
    pub paused_until: Option<Timestamp>,
    /// Why it is switched off, if it is.
    pub disabled: Option<DisabledReason>,
}

/// Notes what came of an attempt, if the delivery still is as it was when the attempt was made; whether it was.
pub fn note(
    tx: &mut WriteTx,
    _grant: &Grant<Manage, Settings>,
    webhook: WebhookId,
    delivery: &WaitingDelivery,
    outcome: &Outcome,
) -> Result<bool, StoreError> {
    let at = TimeColumn::from(tx.at());
    let is_over = outcome.state != DeliveryState::Waiting;
    let set = (
        deliveries::state.eq(outcome.state.as_ref().to_owned()),
        deliveries::attempts.eq(delivery.attempts + 1),
        deliveries::next_attempt_at.eq(maybe::<_, TimeColumn>(outcome.next_attempt_at)),
        deliveries::last_attempt_at.eq(Some(at)),
        deliveries::status.eq(outcome.status.map(i64::from)),
        deliveries::error.eq(outcome.error.map(|error| error.as_ref().to_owned())),
        deliveries::duration_milliseconds.eq(Some(outcome.duration_milliseconds)),
        deliveries::answer.eq(outcome.answer.clone()),
        deliveries::ended_at.eq(is_over.then_some(at)),
    );
    let is_noted = diesel::update(as_it_was(delivery)).set(set).execute(connection(tx))? == 1;
    let set = (
        table::failures.eq(outcome.failures),
        table::failing_since.eq(maybe::<_, TimeColumn>(outcome.failing_since)),
        table::paused_until.eq(maybe::<_, TimeColumn>(outcome.paused_until)),
    );
    let this = UuidColumn::from(webhook);
    diesel::update(table::table.find(this)).set(set).execute(connection(tx))?;
    if let Some(reason) = outcome.disabled {
        let on = table::table.filter(table::id.eq(this)).filter(table::is_enabled.eq(true));
        let set = (
            table::is_enabled.eq(false),
            table::disabled_reason.eq(Some(reason.as_ref().to_owned())),
            table::disabled_at.eq(Some(at)),
            table::updated_at.eq(at),
            table::version.eq(table::version + 1),
        );
        diesel::update(on).set(set).execute(connection(tx))?;
    }
    Ok(is_noted)
}

/// Settles a delivery whose record the owner may not see; it was not sent.
pub fn withhold(
    tx: &mut WriteTx,
    _grant: &Grant<Manage, Settings>,
    delivery: &WaitingDelivery,
) -> Result<(), StoreError> {
    let at = Some(TimeColumn::from(tx.at()));
    let set = (
        deliveries::state.eq("withheld"),
        deliveries::next_attempt_at.eq(None::<TimeColumn>),
        deliveries::ended_at.eq(at),
    );
    diesel::update(as_it_was(delivery)).set(set).execute(connection(tx))?;
    Ok(())
}

type AsItWas = diesel::dsl::Filter<
    diesel::dsl::Filter<
        diesel::dsl::Filter<deliveries::table, diesel::dsl::Eq<deliveries::id, UuidColumn>>,
        diesel::dsl::Eq<deliveries::state, &'static str>,
    >,
    diesel::dsl::Eq<deliveries::attempts, i64>,
>;

fn as_it_was(delivery: &WaitingDelivery) -> AsItWas {
    deliveries::table
        .filter(deliveries::id.eq(UuidColumn::from(delivery.id)))
        .filter(deliveries::state.eq("waiting"))
        .filter(deliveries::attempts.eq(delivery.attempts))
}
