//! Webhooks in the database: where changes are sent to, who serves each of them now, and how it fares.
//!
//! Secrets are here sealed. What a webhook is asked to do is under its version; how it fares is not, so that a failing receiver
//! never comes between its owner and a change of it.

mod deliveries;
mod serving;

use crm_domain::{
    Version, Webhook, WebhookId,
    access::{Grant, Manage, Settings},
    query::Page,
    values::{Name, Timestamp},
};
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};
use uuid::Uuid;

pub use self::{
    deliveries::{
        NewDelivery, WaitingDelivery, deliveries_of, delivery, enqueue, hold_cursor, move_cursor, remove_old, replay,
        starting_point,
    },
    serving::{Due, Outcome, Served, due, next, note, release, serve, served, withhold},
};
use crate::{
    column::{JsonColumn, TimeColumn, UuidColumn, maybe},
    connection::Multi,
    error::StoreError,
    page,
    schema::{webhook_deliveries, webhooks as table},
    stored::choice,
    transaction::{Transaction, WriteTx, connection},
};

/// The sealed secrets of a webhook.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SealedSecrets {
    /// The one that counts.
    pub present: Vec<u8>,
    /// The one before, and until when it is used as well.
    pub previous: Option<(Vec<u8>, Timestamp)>,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
pub(super) struct Row {
    id: UuidColumn,
    name: String,
    url: String,
    events: JsonColumn,
    owner_id: UuidColumn,
    is_enabled: bool,
    disabled_reason: Option<String>,
    disabled_at: Option<TimeColumn>,
    failing_since: Option<TimeColumn>,
    version: i64,
    created_at: TimeColumn,
    updated_at: TimeColumn,
}

impl From<&Webhook> for Row {
    fn from(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id.into(),
            name: webhook.name.to_string(),
            url: webhook.url.to_string(),
            events: events_json(webhook),
            owner_id: webhook.owner_id.into(),
            is_enabled: webhook.is_enabled,
            disabled_reason: webhook.disabled_reason.map(|reason| reason.as_ref().to_owned()),
            disabled_at: maybe(webhook.disabled_at),
            failing_since: maybe(webhook.failing_since),
            version: webhook.version.number(),
            created_at: webhook.created_at.into(),
            updated_at: webhook.updated_at.into(),
        }
    }
}

impl From<Row> for Webhook {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            name: Name::from_stored(row.name),
            url: crm_domain::WebhookUrl::from_stored(row.url),
            events: serde_json::from_value(row.events.0).expect("patterns were some before they were stored"),
            owner_id: row.owner_id.into(),
            is_enabled: row.is_enabled,
            disabled_reason: row.disabled_reason.as_deref().map(choice),
            disabled_at: maybe(row.disabled_at),
            failing_since: maybe(row.failing_since),
            version: Version::from_stored(row.version),
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
        }
    }
}

fn events_json(webhook: &Webhook) -> JsonColumn {
    JsonColumn(serde_json::to_value(&webhook.events).expect("patterns serialise to JSON"))
}

/// Adds a webhook that is sent the changes behind a position.
pub fn insert(
    tx: &mut WriteTx,
    _grant: &Grant<Manage, Settings>,
    webhook: &Webhook,
    secret: &[u8],
    starts_after: i64,
) -> Result<(), StoreError> {
    let besides = (table::secret.eq(secret), table::starts_after.eq(starts_after), table::failures.eq(0));
    diesel::insert_into(table::table).values((Row::from(webhook), besides)).execute(connection(tx))?;
    Ok(())
}

/// How many there are.
pub fn number(tx: &mut impl Transaction, _grant: &Grant<Manage, Settings>) -> Result<i64, StoreError> {
    Ok(table::table.count().get_result(connection(tx))?)
}

/// One webhook.
pub fn find(tx: &mut impl Transaction, _grant: &Grant<Manage, Settings>, id: WebhookId) -> Result<Webhook, StoreError> {
    let row: Row = table::table.find(UuidColumn::from(id)).select(Row::as_select()).first(connection(tx))?;
    Ok(row.into())
}

/// A page of them, the newest first.
pub fn list(
    tx: &mut impl Transaction,
    _grant: &Grant<Manage, Settings>,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Page<Webhook>, StoreError> {
    let query = table::table.select(Row::as_select()).order_by(table::id.desc()).limit(page::to_load(limit));
    let mut query = query.into_boxed::<Multi>();
    if let Some(before) = page::read_cursor::<Uuid>(cursor)? {
        query = query.filter(table::id.lt(UuidColumn(before)));
    }
    let rows: Vec<Row> = query.load(connection(tx))?;
    let items = rows.into_iter().map(Webhook::from).collect();
    Ok(page::page(items, limit, |last: &Webhook| last.id.to_string()))
}

/// Saves a change over the version `before`.
pub fn save(
    tx: &mut WriteTx,
    grant: &Grant<Manage, Settings>,
    before: Version,
    new: &Webhook,
) -> Result<(), StoreError> {
    let this = table::table.filter(table::id.eq(UuidColumn::from(new.id)));
    let rows = diesel::update(this.filter(table::version.eq(before.number())))
        .set((
            table::name.eq(new.name.as_str()),
            table::url.eq(new.url.as_str()),
            table::events.eq(events_json(new)),
            table::owner_id.eq(UuidColumn::from(new.owner_id)),
            table::is_enabled.eq(new.is_enabled),
            table::disabled_reason.eq(new.disabled_reason.map(|reason| reason.as_ref().to_owned())),
            table::disabled_at.eq(maybe::<_, TimeColumn>(new.disabled_at)),
            table::failing_since.eq(maybe::<_, TimeColumn>(new.failing_since)),
            table::version.eq(new.version.number()),
            table::updated_at.eq(TimeColumn::from(new.updated_at)),
        ))
        .execute(connection(tx))?;
    settled(tx, grant, new.id, rows)
}

/// Lets a webhook begin anew behind a position, as if nothing had ever failed.
pub fn begin_anew(
    tx: &mut WriteTx,
    _grant: &Grant<Manage, Settings>,
    id: WebhookId,
    starts_after: i64,
) -> Result<(), StoreError> {
    let none = None::<TimeColumn>;
    let set = (table::starts_after.eq(starts_after), table::failures.eq(0), table::paused_until.eq(none));
    diesel::update(table::table.find(UuidColumn::from(id))).set(set).execute(connection(tx))?;
    Ok(())
}

/// The sealed secrets of a webhook. Whoever may manage it may replace them; they are read to sign, and never shown.
pub fn secrets(
    tx: &mut impl Transaction,
    _grant: &Grant<Manage, Settings>,
    id: WebhookId,
) -> Result<SealedSecrets, StoreError> {
    let row = table::table.find(UuidColumn::from(id));
    let row = row.select((table::secret, table::previous_secret, table::previous_until));
    let (present, previous, until) = row.first::<(Vec<u8>, Option<Vec<u8>>, Option<TimeColumn>)>(connection(tx))?;
    Ok(SealedSecrets { present, previous: previous.zip(maybe(until)) })
}

/// Replaces the secrets, over the version `before`.
pub fn replace_secrets(
    tx: &mut WriteTx,
    grant: &Grant<Manage, Settings>,
    before: Version,
    new: &Webhook,
    secrets: &SealedSecrets,
) -> Result<(), StoreError> {
    let this = table::table.filter(table::id.eq(UuidColumn::from(new.id)));
    let (previous, until) = secrets.previous.clone().unzip();
    let rows = diesel::update(this.filter(table::version.eq(before.number())))
        .set((
            table::secret.eq(secrets.present.as_slice()),
            table::previous_secret.eq(previous),
            table::previous_until.eq(maybe::<_, TimeColumn>(until)),
            table::version.eq(new.version.number()),
            table::updated_at.eq(TimeColumn::from(new.updated_at)),
        ))
        .execute(connection(tx))?;
    settled(tx, grant, new.id, rows)
}

/// Removes a webhook with its deliveries, if it is at the version `before`.
pub fn remove(
    tx: &mut WriteTx,
    grant: &Grant<Manage, Settings>,
    id: WebhookId,
    before: Version,
) -> Result<(), StoreError> {
    let row = UuidColumn::from(id);
    // Whoever adds a delivery at the same time waits for this, and finds no webhook.
    let this = table::table.filter(table::id.eq(row)).filter(table::version.eq(before.number()));
    let held = diesel::update(this).set(table::failures.eq(table::failures)).execute(connection(tx))?;
    settled(tx, grant, id, held)?;
    let of_it = webhook_deliveries::table.filter(webhook_deliveries::webhook_id.eq(row));
    diesel::delete(of_it).execute(connection(tx))?;
    diesel::delete(table::table.find(row)).execute(connection(tx))?;
    Ok(())
}

fn settled(
    tx: &mut impl Transaction,
    _grant: &Grant<Manage, Settings>,
    id: WebhookId,
    rows: usize,
) -> Result<(), StoreError> {
    if rows == 1 {
        return Ok(());
    }
    let version = table::table.find(UuidColumn::from(id)).select(table::version);
    match version.first(connection(tx)).optional()? {
        Some(current) => Err(StoreError::Stale { current: Version::from_stored(current) }),
        None => Err(StoreError::NotFound),
    }
}

/// The webhooks that are switched on, each with the position behind which it is sent changes.
pub fn enabled(tx: &mut impl Transaction, _grant: &Grant<Manage, Settings>) -> Result<Vec<(Webhook, i64)>, StoreError> {
    let on = table::table.filter(table::is_enabled.eq(true)).select((Row::as_select(), table::starts_after));
    let rows: Vec<(Row, i64)> = on.order_by(table::id.asc()).load(connection(tx))?;
    Ok(rows.into_iter().map(|(row, starts_after)| (row.into(), starts_after)).collect())
}
