//! Notifications in the database. A user has their own and nobody else's, however far a role reaches.
//!
//! A notification is written by whoever has the news, in the same unit of work; its place in the order in which notifications
//! are passed on is given afterwards, as that of a change is.

use crm_domain::{
    Change, Notification, NotificationId, NotificationKind, NotificationPreferences, RecordKind, UserId, Version,
    access::{ActionType, Grant, Read, Update},
    query::Page,
    values::Timestamp,
};
use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
    dsl::count_star,
};
use uuid::Uuid;

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    connection::Multi,
    dialect::on_either,
    error::StoreError,
    observed, page,
    schema::{notification_preferences as preferences, notifications as table, relay},
    sql::{Bind, Sql},
    stored::choice,
    transaction::{Transaction, WriteTx, connection},
};

/// A notification to be, and what makes it the only one of its kind.
#[derive(Clone, Debug)]
pub struct NewNotification {
    /// Who is told.
    pub user_id: UserId,
    /// The record that it is about, or what else there is one of.
    pub subject: Uuid,
    /// When what it is about happens: nobody is told twice of the same.
    pub occasion: Timestamp,
    /// What is told.
    pub notification: Notification,
}

/// A notification on its way to its user.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// Its place in the order of all notifications.
    pub ordinal: i64,
    /// How far the change log had come: what stands there is known to whoever has come as far.
    pub position: i64,
    /// Who is told.
    pub user_id: UserId,
    /// What.
    pub notification: Notification,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
struct Row {
    id: UuidColumn,
    user_id: UuidColumn,
    kind: String,
    priority: String,
    title: String,
    message: String,
    link: Option<String>,
    resource: Option<String>,
    record_id: UuidColumn,
    occasion: TimeColumn,
    position: Option<i64>,
    ordinal: Option<i64>,
    version: i64,
    created_at: TimeColumn,
    read_at: Option<TimeColumn>,
    archived_at: Option<TimeColumn>,
    expires_at: TimeColumn,
}

impl From<&NewNotification> for Row {
    fn from(new: &NewNotification) -> Self {
        let told = &new.notification;
        Self {
            id: told.id.into(),
            user_id: new.user_id.into(),
            kind: told.kind.as_ref().to_owned(),
            priority: told.priority.as_ref().to_owned(),
            title: told.title.clone(),
            message: told.message.clone(),
            link: told.link.clone(),
            resource: told.resource.map(|kind| kind.as_ref().to_owned()),
            record_id: UuidColumn(new.subject),
            occasion: new.occasion.into(),
            position: None,
            ordinal: None,
            version: told.version.number(),
            created_at: told.created_at.into(),
            read_at: maybe(told.read_at),
            archived_at: maybe(told.archived_at),
            expires_at: told.expires_at.into(),
        }
    }
}

impl From<Row> for Notification {
    fn from(row: Row) -> Self {
        let resource: Option<RecordKind> = row.resource.as_deref().map(choice);
        Self {
            id: row.id.into(),
            kind: choice(&row.kind),
            priority: choice(&row.priority),
            title: row.title,
            message: row.message,
            link: row.link,
            resource,
            record_id: resource.map(|_| row.record_id.0),
            version: Version::from_stored(row.version),
            created_at: row.created_at.into(),
            read_at: maybe(row.read_at),
            archived_at: maybe(row.archived_at),
            expires_at: row.expires_at.into(),
        }
    }
}

/// Adds a notification unless the user has been told of the same; whether it is new. What is told and to whom is for the caller
/// to answer for, who sees the whole change log.
pub fn insert(tx: &mut WriteTx, _grant: &Grant<Read, Change>, new: &NewNotification) -> Result<bool, StoreError> {
    let row = Row::from(new);
    let rows = on_either!(connection(tx), inner => {
        diesel::insert_into(table::table).values(row).on_conflict_do_nothing().execute(inner)
    })?;
    Ok(rows == 1)
}

/// Which notifications of the caller a list shows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Shown {
    /// Only those that have not been read; or only those that have.
    pub unread: Option<bool>,
    /// Those that have been put away in place of the others.
    pub archived: bool,
}

/// Whose notifications a statement speaks of. It narrows what comes out to one caller, whatever their permission's reach: an
/// answer made from it is for nobody else.
fn own<A: ActionType>(grant: &Grant<A, Notification>) -> UuidColumn {
    observed::scoped();
    // The system has none: no user has this id.
    UuidColumn(grant.actor().user_id().map_or(Uuid::nil(), UserId::uuid))
}

/// The caller's notifications that have not expired, the newest first.
pub fn list(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Notification>,
    shown: Shown,
    cursor: Option<&str>,
    limit: u32,
    now: Timestamp,
) -> Result<Page<Notification>, StoreError> {
    let mut query = table::table
        .select(Row::as_select())
        .filter(table::user_id.eq(own(grant)))
        .filter(table::expires_at.gt(TimeColumn::from(now)))
        .order_by(table::id.desc())
        .limit(page::to_load(limit))
        .into_boxed::<Multi>();
    query = if shown.archived {
        query.filter(table::archived_at.is_not_null())
    } else {
        query.filter(table::archived_at.is_null())
    };
    query = match shown.unread {
        Some(true) => query.filter(table::read_at.is_null()),
        Some(false) => query.filter(table::read_at.is_not_null()),
        None => query,
    };
    if let Some(before) = page::read_cursor::<Uuid>(cursor)? {
        query = query.filter(table::id.lt(UuidColumn(before)));
    }
    let rows: Vec<Row> = query.load(connection(tx))?;
    let items = rows.into_iter().map(Notification::from).collect();
    Ok(page::page(items, limit, |last: &Notification| last.id.to_string()))
}

/// One of the caller's notifications.
pub fn find<A: ActionType>(
    tx: &mut impl Transaction,
    grant: &Grant<A, Notification>,
    id: NotificationId,
    now: Timestamp,
) -> Result<Notification, StoreError> {
    let row: Row = table::table
        .select(Row::as_select())
        .filter(table::id.eq(UuidColumn::from(id)))
        .filter(table::user_id.eq(own(grant)))
        .filter(table::expires_at.gt(TimeColumn::from(now)))
        .first(connection(tx))?;
    Ok(row.into())
}

/// Saves what the caller did with one of their notifications, over the version `before`.
pub fn save(
    tx: &mut WriteTx,
    grant: &Grant<Update, Notification>,
    before: Version,
    new: &Notification,
) -> Result<(), StoreError> {
    let this = table::table.filter(table::id.eq(UuidColumn::from(new.id))).filter(table::user_id.eq(own(grant)));
    let rows = diesel::update(this.filter(table::version.eq(before.number())))
        .set((
            table::version.eq(new.version.number()),
            table::read_at.eq(maybe::<_, TimeColumn>(new.read_at)),
            table::archived_at.eq(maybe::<_, TimeColumn>(new.archived_at)),
        ))
        .execute(connection(tx))?;
    if rows == 1 {
        return Ok(());
    }
    match this.select(table::version).first(connection(tx)).optional()? {
        Some(current) => Err(StoreError::Stale { current: Version::from_stored(current) }),
        None => Err(StoreError::NotFound),
    }
}

/// Marks all of the caller's notifications as read; how many were not.
pub fn read_all(tx: &mut WriteTx, grant: &Grant<Update, Notification>) -> Result<usize, StoreError> {
    let at = Some(TimeColumn::from(tx.at()));
    let unread = table::table.filter(table::user_id.eq(own(grant))).filter(table::read_at.is_null());
    let set = (table::read_at.eq(at), table::version.eq(table::version + 1));
    Ok(diesel::update(unread.filter(table::archived_at.is_null())).set(set).execute(connection(tx))?)
}

/// How many of a user's notifications have neither been read nor put away. A number tells of nothing else.
pub fn unread_count(tx: &mut impl Transaction, user: UserId, now: Timestamp) -> Result<i64, StoreError> {
    observed::scoped();
    let unread = table::table.filter(table::user_id.eq(UuidColumn::from(user))).filter(table::read_at.is_null());
    let unread = unread.filter(table::archived_at.is_null()).filter(table::expires_at.gt(TimeColumn::from(now)));
    Ok(unread.select(count_star()).first(connection(tx))?)
}

/// The kinds that the caller does not want.
pub fn preferences(
    tx: &mut impl Transaction,
    grant: &Grant<Read, Notification>,
) -> Result<NotificationPreferences, StoreError> {
    let off = preferences::table.select(preferences::kind).filter(preferences::user_id.eq(own(grant)));
    let off: Vec<String> = off.load(connection(tx))?;
    let off: Vec<NotificationKind> = off.iter().map(|kind| choice(kind)).collect();
    Ok(NotificationPreferences::without(&off))
}

/// Says anew which kinds the caller wants.
pub fn set_preferences(
    tx: &mut WriteTx,
    grant: &Grant<Update, Notification>,
    wanted: &NotificationPreferences,
) -> Result<(), StoreError> {
    let user = own(grant);
    diesel::delete(preferences::table.filter(preferences::user_id.eq(user))).execute(connection(tx))?;
    for kind in wanted.off() {
        let values = [Bind::Id(user), Bind::Text(kind.as_ref().to_owned())];
        let insert = Sql::new().push("INSERT INTO notification_preferences (user_id, kind) VALUES (").binds(values);
        crate::dialect::insert_or_ignore(connection(tx), insert.push(")"))?;
    }
    Ok(())
}

/// Whether a user wants to hear of such things. Whoever asks sees the whole change log.
pub fn is_wanted(
    tx: &mut impl Transaction,
    _grant: &Grant<Read, Change>,
    user: UserId,
    kind: NotificationKind,
) -> Result<bool, StoreError> {
    let off = preferences::table.find((UuidColumn::from(user), kind.as_ref())).select(preferences::kind);
    Ok(off.first::<String>(connection(tx)).optional()?.is_none())
}

/// How far notifications have been worked out from the change log. Whoever else works them out waits until the unit of work
/// ends.
pub fn hold_cursor(tx: &mut WriteTx) -> Result<i64, StoreError> {
    let cursor = relay::table.filter(relay::name.eq("notified"));
    diesel::update(cursor).set(relay::position.eq(relay::position)).execute(connection(tx))?;
    Ok(cursor.select(relay::position).first(connection(tx))?)
}

/// Notes how far notifications have been worked out.
pub fn move_cursor(tx: &mut WriteTx, position: i64) -> Result<(), StoreError> {
    let cursor = relay::table.filter(relay::name.eq("notified"));
    diesel::update(cursor).set(relay::position.eq(position)).execute(connection(tx))?;
    Ok(())
}

/// Whether some committed notification has no place in their order yet.
pub fn has_waiting(tx: &mut impl Transaction) -> Result<bool, StoreError> {
    let first = table::table.select(table::id).filter(table::ordinal.is_null()).limit(1);
    Ok(first.first::<UuidColumn>(connection(tx)).optional()?.is_some())
}

/// Gives the next places to up to `limit` committed notifications; how many there were. While that goes on no change gets a
/// position, so that whoever has come further in the change log has been told of them.
pub fn give_ordinals(tx: &mut WriteTx, limit: i64) -> Result<usize, StoreError> {
    let log = relay::table.filter(relay::name.eq("changes"));
    diesel::update(log).set(relay::position.eq(relay::position)).execute(connection(tx))?;
    let position: i64 = log.select(relay::position).first(connection(tx))?;
    let counter = relay::table.filter(relay::name.eq("notifications"));
    let mut ordinal: i64 = counter.select(relay::position).first(connection(tx))?;
    let waiting = table::table.select(table::id).filter(table::ordinal.is_null());
    let waiting: Vec<UuidColumn> = waiting.order_by(table::id.asc()).limit(limit).load(connection(tx))?;
    for id in &waiting {
        ordinal += 1;
        let set = (table::ordinal.eq(Some(ordinal)), table::position.eq(Some(position)));
        diesel::update(table::table.find(*id)).set(set).execute(connection(tx))?;
    }
    diesel::update(counter).set(relay::position.eq(ordinal)).execute(connection(tx))?;
    Ok(waiting.len())
}

fn delivered(rows: Vec<Row>) -> Vec<Delivered> {
    let one = |row: Row| {
        let (user_id, ordinal, position) = (row.user_id.into(), row.ordinal?, row.position?);
        Some(Delivered { ordinal, position, user_id, notification: row.into() })
    };
    rows.into_iter().filter_map(one).collect()
}

/// The notifications behind a place in their order. Whoever asks sees the whole change log.
pub fn after_ordinal(
    tx: &mut impl Transaction,
    _grant: &Grant<Read, Change>,
    ordinal: i64,
    limit: i64,
) -> Result<Vec<Delivered>, StoreError> {
    let rows: Vec<Row> = table::table
        .select(Row::as_select())
        .filter(table::ordinal.gt(ordinal))
        .order_by(table::ordinal.asc())
        .limit(limit)
        .load(connection(tx))?;
    Ok(delivered(rows))
}

/// The notifications of a user that were given their place while the change log stood between two positions, both included.
pub fn of_user_between(
    tx: &mut impl Transaction,
    _grant: &Grant<Read, Change>,
    user: UserId,
    (from, to): (i64, i64),
) -> Result<Vec<Delivered>, StoreError> {
    let rows: Vec<Row> = table::table
        .select(Row::as_select())
        .filter(table::user_id.eq(UuidColumn::from(user)))
        .filter(table::position.ge(from))
        .filter(table::position.le(to))
        .order_by(table::ordinal.asc())
        .load(connection(tx))?;
    Ok(delivered(rows))
}

/// Removes the notifications that expired before a time; how many there were.
pub fn remove_expired(tx: &mut WriteTx, before: Timestamp) -> Result<usize, StoreError> {
    Ok(diesel::delete(table::table.filter(table::expires_at.lt(TimeColumn::from(before)))).execute(connection(tx))?)
}
