//! Deliveries: written from the change log by a cursor, kept with what came of them, removed when they are old.

use crm_domain::{
    DeliveryId, RecordKind, WebhookDelivery, WebhookId,
    access::{Grant, Manage, Settings},
    query::Page,
    values::Timestamp,
};
use diesel::{ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper};
use uuid::Uuid;

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    connection::Multi,
    dialect::on_either,
    error::StoreError,
    page,
    schema::{relay, webhook_deliveries as table, webhooks},
    stored::choice,
    transaction::{Transaction, WriteTx, connection},
};

/// The cursor of the webhooks among those of the relay.
const CURSOR: &str = "webhooks";

/// A delivery to be.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// The id.
    pub id: DeliveryId,
    /// Where it goes.
    pub webhook_id: WebhookId,
    /// The change's place in the log; none for a ping.
    pub position: Option<i64>,
    /// The name of the event.
    pub event: String,
    /// The record that it is about; none for a ping.
    pub record: Option<(RecordKind, Uuid)>,
    /// What is sent.
    pub body: String,
}

/// A delivery that is to be sent.
#[derive(Clone, Debug)]
pub struct WaitingDelivery {
    /// The id.
    pub id: DeliveryId,
    /// The record that it is about; none for a ping.
    pub record: Option<(RecordKind, Uuid)>,
    /// What is sent.
    pub body: String,
    /// How often it was tried.
    pub attempts: i64,
}

#[derive(Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
struct NewRow {
    id: UuidColumn,
    webhook_id: UuidColumn,
    position: Option<i64>,
    event: String,
    resource: Option<String>,
    record_id: Option<UuidColumn>,
    body: String,
    state: &'static str,
    attempts: i64,
    next_attempt_at: Option<TimeColumn>,
    created_at: TimeColumn,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Row {
    id: UuidColumn,
    webhook_id: UuidColumn,
    position: Option<i64>,
    event: String,
    state: String,
    attempts: i64,
    next_attempt_at: Option<TimeColumn>,
    last_attempt_at: Option<TimeColumn>,
    status: Option<i64>,
    error: Option<String>,
    duration_milliseconds: Option<i64>,
    answer: Option<String>,
    created_at: TimeColumn,
    ended_at: Option<TimeColumn>,
}

impl From<Row> for WebhookDelivery {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            webhook_id: row.webhook_id.into(),
            position: row.position,
            event: row.event,
            state: choice(&row.state),
            attempts: row.attempts,
            next_attempt_at: maybe(row.next_attempt_at),
            last_attempt_at: maybe(row.last_attempt_at),
            status: row.status,
            error: row.error.as_deref().map(choice),
            duration_milliseconds: row.duration_milliseconds,
            answer: row.answer,
            created_at: row.created_at.into(),
            ended_at: maybe(row.ended_at),
        }
    }
}

/// How far deliveries have been written from the change log. Whoever else writes them waits until the unit of work ends.
pub fn hold_cursor(tx: &mut WriteTx) -> Result<i64, StoreError> {
    let cursor = relay::table.filter(relay::name.eq(CURSOR));
    diesel::update(cursor).set(relay::position.eq(relay::position)).execute(connection(tx))?;
    Ok(cursor.select(relay::position).first(connection(tx))?)
}

/// Notes how far deliveries have been written.
pub fn move_cursor(tx: &mut WriteTx, position: i64) -> Result<(), StoreError> {
    let cursor = relay::table.filter(relay::name.eq(CURSOR));
    diesel::update(cursor).set(relay::position.eq(position)).execute(connection(tx))?;
    Ok(())
}

/// Behind which position the next deliveries are written; none where no webhook is switched on.
pub fn starting_point(tx: &mut impl Transaction) -> Result<Option<i64>, StoreError> {
    let on = webhooks::table.filter(webhooks::is_enabled.eq(true));
    let first: Option<i64> = on.select(diesel::dsl::min(webhooks::starts_after)).first(connection(tx))?;
    let Some(first) = first else { return Ok(None) };
    let cursor = relay::table.filter(relay::name.eq(CURSOR)).select(relay::position);
    Ok(Some(first.max(cursor.first(connection(tx))?)))
}

/// Adds deliveries, to be sent at once. A change that a webhook has a delivery of already is left out.
pub fn enqueue(tx: &mut WriteTx, _grant: &Grant<Manage, Settings>, new: &[NewDelivery]) -> Result<(), StoreError> {
    let at = TimeColumn::from(tx.at());
    let row = |new: &NewDelivery| NewRow {
        id: new.id.into(),
        webhook_id: new.webhook_id.into(),
        position: new.position,
        event: new.event.clone(),
        resource: new.record.map(|(kind, _)| kind.as_ref().to_owned()),
        record_id: new.record.map(|(_, id)| UuidColumn(id)),
        body: new.body.clone(),
        state: "waiting",
        attempts: 0,
        next_attempt_at: Some(at),
        created_at: at,
    };
    for new in new {
        let row = row(new);
        on_either!(connection(tx), inner => {
            diesel::insert_into(table::table).values(row).on_conflict_do_nothing().execute(inner)
        })?;
    }
    Ok(())
}

/// A page of the deliveries of a webhook, the newest first.
pub fn deliveries_of(
    tx: &mut impl Transaction,
    _grant: &Grant<Manage, Settings>,
    webhook: WebhookId,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Page<WebhookDelivery>, StoreError> {
    let query = table::table.select(Row::as_select()).filter(table::webhook_id.eq(UuidColumn::from(webhook)));
    let mut query = query.order_by(table::id.desc()).limit(page::to_load(limit)).into_boxed::<Multi>();
    if let Some(before) = page::read_cursor::<Uuid>(cursor)? {
        query = query.filter(table::id.lt(UuidColumn(before)));
    }
    let rows: Vec<Row> = query.load(connection(tx))?;
    let items = rows.into_iter().map(WebhookDelivery::from).collect();
    Ok(page::page(items, limit, |last: &WebhookDelivery| last.id.to_string()))
}

/// One delivery of a webhook.
pub fn delivery(
    tx: &mut impl Transaction,
    _grant: &Grant<Manage, Settings>,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<WebhookDelivery, StoreError> {
    let this = table::table.find(UuidColumn::from(id)).filter(table::webhook_id.eq(UuidColumn::from(webhook)));
    let row: Row = this.select(Row::as_select()).first(connection(tx))?;
    Ok(row.into())
}

/// Lets a delivery be sent again from the beginning, at once.
pub fn replay(
    tx: &mut WriteTx,
    grant: &Grant<Manage, Settings>,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<WebhookDelivery, StoreError> {
    let at = Some(TimeColumn::from(tx.at()));
    let this = table::table.filter(table::id.eq(UuidColumn::from(id)));
    let this = this.filter(table::webhook_id.eq(UuidColumn::from(webhook)));
    let set = (
        table::state.eq("waiting"),
        table::attempts.eq(0),
        table::next_attempt_at.eq(at),
        table::ended_at.eq(None::<TimeColumn>),
    );
    diesel::update(this).set(set).execute(connection(tx))?;
    delivery(tx, grant, webhook, id)
}

/// Removes the deliveries from before a time, up to `limit` of them; how many there were.
pub fn remove_old(tx: &mut WriteTx, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
    let old = table::table.select(table::id).filter(table::created_at.lt(TimeColumn::from(before))).limit(limit);
    let old: Vec<UuidColumn> = old.load(connection(tx))?;
    let mut removed = 0;
    for chunk in old.chunks(500) {
        let chunk = table::table.filter(table::id.eq_any(chunk.iter().copied()));
        removed += diesel::delete(chunk).execute(connection(tx))?;
    }
    Ok(removed)
}
