//! How often somebody has tried to get in, for the limits of record: they hold on every instance and outlive restarts.
//!
//! Nothing in this room takes a grant, because whoever tries is nobody yet. Nothing of it stands in the change log.

use chrono::TimeDelta;
use crm_domain::{Tally, Throttle, UserId, values::Timestamp};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use crate::{
    column::{TimeColumn, UuidColumn, maybe},
    dialect,
    error::StoreError,
    schema::{attempts as table, known_networks as networks},
    sql::{Bind, Sql},
    transaction::{Transaction, WriteTx, connection},
};

/// What is counted.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum AttemptKind {
    /// Sign-ins to one account, from networks that it has not been used from.
    Account,
    /// Sign-ins to one account from one network that it has been used from.
    Familiar,
    /// Sign-ins from one network, whatever the account.
    Network,
    /// Passwords and codes that somebody who is signed in shows again.
    Password,
    /// Links for a new password of one account.
    ResetAccount,
    /// Links for new passwords that one network asks for.
    ResetNetwork,
}

impl AttemptKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Familiar => "familiar",
            Self::Network => "network",
            Self::Password => "password",
            Self::ResetAccount => "reset_account",
            Self::ResetNetwork => "reset_network",
        }
    }
}

/// Whose tries are counted together, and by which rule. Units of work that count several do so in their order, so that no
/// two of them wait for each other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subject {
    /// What is counted.
    pub kind: AttemptKind,
    /// Whose it is.
    pub key: String,
    /// The rule.
    pub rule: Throttle,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Row {
    count: i64,
    since: TimeColumn,
    blocked_until: Option<TimeColumn>,
}

impl From<Row> for Tally {
    fn from(row: Row) -> Self {
        Self { count: row.count, since: row.since.into(), blocked_until: maybe(row.blocked_until) }
    }
}

/// How long the party must still wait; none when it may try.
pub fn wait(tx: &mut impl Transaction, subject: &Subject, now: Timestamp) -> Result<Option<TimeDelta>, StoreError> {
    Ok(find(tx, subject)?.and_then(|tally| tally.wait(now)))
}

/// Counts one try, before it is known whether it is a right one: of many at the same time no more come through than the
/// rule says. How long to wait instead, if it may not be made; then it does not count.
pub fn count(tx: &mut WriteTx, subject: &Subject) -> Result<Option<TimeDelta>, StoreError> {
    let at = tx.at();
    let values = [
        Bind::Text(subject.kind.name().to_owned()),
        Bind::Text(subject.key.clone()),
        Bind::Integer(0),
        Bind::Time(at.into()),
    ];
    let insert = Sql::new().push("INSERT INTO attempts (kind, key, count, since) VALUES (").binds(values).push(")");
    dialect::insert_or_ignore(connection(tx), insert)?;
    let Some(before) = held(tx, subject)? else { return Err(StoreError::Busy) };
    if let Some(wait) = before.wait(at) {
        return Ok(Some(wait));
    }
    save(tx, subject, subject.rule.counted(Some(before), at))?;
    Ok(None)
}

/// Takes back one try that was a right one.
pub fn forgive(tx: &mut WriteTx, subject: &Subject) -> Result<(), StoreError> {
    match held(tx, subject)? {
        Some(tally) => save(tx, subject, tally.forgiven()),
        None => Ok(()),
    }
}

/// Forgets all tries of a party.
pub fn forget(tx: &mut WriteTx, subject: &Subject) -> Result<(), StoreError> {
    let at = tx.at();
    // The row stays, so that whoever counts at this moment finds it; it is removed when it is old.
    save(tx, subject, Tally { count: 0, since: at, blocked_until: None })
}

/// Removes what has been counted since before a time and not after it; how many parties there were.
pub fn remove_old(tx: &mut WriteTx, before: Timestamp) -> Result<usize, StoreError> {
    let old = table::table.filter(table::since.lt(TimeColumn::from(before)));
    Ok(diesel::delete(old).execute(connection(tx))?)
}

fn find(tx: &mut impl Transaction, subject: &Subject) -> Result<Option<Tally>, StoreError> {
    let row = table::table.find((subject.kind.name(), &subject.key)).select(Row::as_select());
    Ok(row.first::<Row>(connection(tx)).optional()?.map(Tally::from))
}

/// The tally, which nobody else changes until the unit of work ends.
fn held(tx: &mut WriteTx, subject: &Subject) -> Result<Option<Tally>, StoreError> {
    let this = table::table.find((subject.kind.name(), &subject.key));
    diesel::update(this).set(table::count.eq(table::count)).execute(connection(tx))?;
    find(tx, subject)
}

fn save(tx: &mut WriteTx, subject: &Subject, tally: Tally) -> Result<(), StoreError> {
    let values = (
        table::count.eq(tally.count),
        table::since.eq(TimeColumn::from(tally.since)),
        table::blocked_until.eq(maybe::<_, TimeColumn>(tally.blocked_until)),
    );
    let this = table::table.find((subject.kind.name(), &subject.key));
    diesel::update(this).set(values).execute(connection(tx))?;
    Ok(())
}

/// Whether a user has signed in from a network since a time.
pub fn is_known_network(
    tx: &mut impl Transaction,
    user: UserId,
    network: &str,
    since: Timestamp,
) -> Result<bool, StoreError> {
    let this = networks::user_id.eq(UuidColumn::from(user)).and(networks::network.eq(network));
    let recent = networks::table.filter(this).filter(networks::last_seen_at.ge(TimeColumn::from(since)));
    Ok(recent.select(networks::network).first::<String>(connection(tx)).optional()?.is_some())
}

/// Notes that a user has signed in from a network.
pub fn saw_network(tx: &mut WriteTx, user: UserId, network: &str) -> Result<(), StoreError> {
    let at = TimeColumn::from(tx.at());
    let this = networks::table.find((UuidColumn::from(user), network));
    if diesel::update(this).set(networks::last_seen_at.eq(at)).execute(connection(tx))? == 1 {
        return Ok(());
    }
    let values = [Bind::Id(user.into()), Bind::Text(network.to_owned()), Bind::Time(at), Bind::Time(at)];
    let insert = Sql::new().push("INSERT INTO known_networks (user_id, network, first_seen_at, last_seen_at) VALUES (");
    dialect::insert_or_ignore(connection(tx), insert.binds(values).push(")"))?;
    Ok(())
}

/// Removes the networks from which nobody has signed in since a time; how many there were.
pub fn remove_old_networks(tx: &mut WriteTx, before: Timestamp) -> Result<usize, StoreError> {
    let old = networks::table.filter(networks::last_seen_at.lt(TimeColumn::from(before)));
    Ok(diesel::delete(old).execute(connection(tx))?)
}
