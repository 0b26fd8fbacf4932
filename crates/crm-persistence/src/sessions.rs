//! Sessions and their tokens, of which only the hashes are here.
//!
//! Nothing in this room takes a grant: a token is the proof itself, and the rest is about one's own sessions. Nothing of
//! it stands in the change log.

use crm_domain::{Session, SessionId, User, UserId, access::Role, values::Timestamp};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, NullableExpressionMethods, OptionalExtension, QueryDsl,
    Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use serde::{Deserialize, Serialize};

use crate::{
    access_changes::Affected,
    column::{TimeColumn, UuidColumn},
    connection::Multi,
    error::StoreError,
    observed,
    roles::RoleRow,
    schema::{refresh_tokens, roles, second_factors, sessions as table, users},
    second_factors::Standing,
    transaction::{Transaction, WriteTx, connection},
    users::UserRow,
};

/// What a new session has beside what the domain knows of it.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The hash of its access token.
    pub access_hash: [u8; 32],
    /// The hash of its first refresh token.
    pub refresh_hash: [u8; 32],
    /// The network address that it was begun from.
    pub address: Option<String>,
    /// What the client called itself.
    pub agent: Option<String>,
}

/// A session as its user sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownSession {
    /// The session.
    pub session: Session,
    /// When its tokens were last renewed.
    pub last_used_at: Timestamp,
    /// The network address that it was begun from.
    pub address: Option<String>,
    /// What the client called itself.
    pub agent: Option<String>,
}

const TABLE: &str = "sessions";

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
struct Row {
    id: UuidColumn,
    user_id: UuidColumn,
    access_expires_at: TimeColumn,
    refresh_expires_at: TimeColumn,
    created_at: TimeColumn,
    last_used_at: TimeColumn,
    address: Option<String>,
    agent: Option<String>,
}

impl From<Row> for KnownSession {
    fn from(row: Row) -> Self {
        Self {
            session: Session {
                id: row.id.into(),
                user_id: row.user_id.into(),
                created_at: row.created_at.into(),
                access_expires_at: row.access_expires_at.into(),
                refresh_expires_at: row.refresh_expires_at.into(),
            },
            last_used_at: row.last_used_at.into(),
            address: row.address,
            agent: row.agent,
        }
    }
}

/// Begins a session.
pub fn insert(tx: &mut WriteTx, session: &Session, new: &NewSession) -> Result<(), StoreError> {
    let row = Row {
        id: session.id.into(),
        user_id: session.user_id.into(),
        access_expires_at: session.access_expires_at.into(),
        refresh_expires_at: session.refresh_expires_at.into(),
        created_at: session.created_at.into(),
        last_used_at: session.created_at.into(),
        address: new.address.clone(),
        agent: new.agent.clone(),
    };
    let values = (row, table::access_hash.eq(new.access_hash.as_slice()));
    observed::writing_rows(TABLE, [session.id.uuid()]);
    diesel::insert_into(table::table).values(values).execute(connection(tx))?;
    insert_refresh_token(tx, session.id.into(), &new.refresh_hash)
}

fn insert_refresh_token(tx: &mut WriteTx, session: UuidColumn, hash: &[u8; 32]) -> Result<(), StoreError> {
    let values = (
        refresh_tokens::hash.eq(hash.as_slice()),
        refresh_tokens::session_id.eq(session),
        refresh_tokens::created_at.eq(TimeColumn::from(tx.at())),
    );
    diesel::insert_into(refresh_tokens::table).values(values).execute(connection(tx))?;
    Ok(())
}

/// Whoever an access token belongs to.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TokenOwner {
    /// The session, and how long the token works.
    pub session: (SessionId, Timestamp),
    /// Its user.
    pub user: User,
    /// The role that the user has now.
    pub role: Role,
    /// How they stand with the second factor.
    pub standing: Standing,
}

/// Whose access token it is that has this hash. None when the token or the session has ended, or when the user may not sign
/// in. One query.
pub fn actor_by_access_hash(
    tx: &mut impl Transaction,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<TokenOwner>, StoreError> {
    let found = table::table
        .inner_join(users::table.inner_join(roles::table).left_join(second_factors::table))
        .filter(table::access_hash.eq(hash.as_slice()))
        .filter(table::ended_at.is_null())
        .filter(table::access_expires_at.gt(TimeColumn::from(now)))
        .filter(users::is_active.eq(true))
        .filter(users::deleted_at.is_null())
        .select((
            (table::id, table::access_expires_at),
            UserRow::as_select(),
            RoleRow::as_select(),
            roles::requires_second_factor,
            second_factors::confirmed_at.nullable(),
        ));
    let found = observed::reading_rows(&[TABLE, "users", "roles", "second_factors"], || {
        found.first::<((UuidColumn, TimeColumn), UserRow, RoleRow, bool, Option<TimeColumn>)>(connection(tx))
    });
    Ok(found.optional()?.map(|((session, expires_at), user, role, required, confirmed_at)| {
        let (session, user, role) = (SessionId::from(session), User::from(user), Role::from(role));
        observed::saw_row(TABLE, session.uuid());
        observed::saw_row("users", user.id.uuid());
        observed::saw_row("roles", role.id.uuid());
        observed::saw_row("second_factors", user.id.uuid());
        let standing = Standing::new(required, confirmed_at);
        TokenOwner { session: (session, expires_at.into()), user, role, standing }
    }))
}

/// Those of these sessions that go on: their users, the roles that these have now, and how they stand with the second factor.
/// It is told to whoever keeps something open for a session, which was let in by its token.
pub fn present(
    tx: &mut impl Transaction,
    sessions: &[SessionId],
    now: Timestamp,
) -> Result<Vec<(SessionId, User, Role, Standing)>, StoreError> {
    let mut found = Vec::with_capacity(sessions.len());
    for ids in sessions.chunks(500) {
        let ids = ids.iter().map(|id| UuidColumn::from(*id));
        let rows = table::table
            .inner_join(users::table.inner_join(roles::table).left_join(second_factors::table))
            .filter(table::id.eq_any(ids))
            .filter(table::ended_at.is_null())
            .filter(table::refresh_expires_at.gt(TimeColumn::from(now)))
            .filter(users::is_active.eq(true))
            .filter(users::deleted_at.is_null())
            .select((
                table::id,
                UserRow::as_select(),
                RoleRow::as_select(),
                roles::requires_second_factor,
                second_factors::confirmed_at.nullable(),
            ))
            .load::<(UuidColumn, UserRow, RoleRow, bool, Option<TimeColumn>)>(connection(tx))?;
        found.extend(rows.into_iter().map(|(session, user, role, required, confirmed_at)| {
            (session.into(), user.into(), role.into(), Standing::new(required, confirmed_at))
        }));
    }
    Ok(found)
}

/// A refresh token that is to be replaced, and what replaces it.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The hash of the refresh token that is used up.
    pub used: [u8; 32],
    /// The hash of the next one.
    pub refresh_hash: [u8; 32],
    /// The hash of the next access token.
    pub access_hash: [u8; 32],
    /// When the next access token stops working.
    pub access_expires_at: Timestamp,
    /// When the next refresh token stops working.
    pub refresh_expires_at: Timestamp,
}

/// Replaces the tokens of a session; its user. None when the token is unknown, the session has ended or expired, or the
/// user may not sign in.
///
/// None as well when the token has been used before: it was stolen, from its user or by them, and nobody can tell. Then
/// the session ends here, so the unit of work must be kept. Of two that use one token at the same time one succeeds, and
/// the other ends the session.
pub fn rotate(tx: &mut WriteTx, rotation: &Rotation) -> Result<Option<User>, StoreError> {
    let at = TimeColumn::from(tx.at());
    let token = refresh_tokens::table.filter(refresh_tokens::hash.eq(rotation.used.as_slice()));
    // A second user of the token waits here for the first one, and then finds it used.
    let unused = token.filter(refresh_tokens::used_at.is_null());
    let rows = diesel::update(unused).set(refresh_tokens::used_at.eq(at)).execute(connection(tx))?;
    let session = token.select(refresh_tokens::session_id).first::<UuidColumn>(connection(tx)).optional()?;
    let Some(session) = session else { return Ok(None) };
    if rows == 0 {
        end(tx, session.into())?;
        return Ok(None);
    }
    renew(tx, session, rotation)
}

fn renew(tx: &mut WriteTx, session: UuidColumn, rotation: &Rotation) -> Result<Option<User>, StoreError> {
    let at = TimeColumn::from(tx.at());
    let user = table::table.inner_join(users::table).filter(table::id.eq(session)).select(UserRow::as_select());
    let user = user.filter(users::is_active.eq(true)).filter(users::deleted_at.is_null());
    let Some(user) = user.first::<UserRow>(connection(tx)).optional()? else { return Ok(None) };
    let live = table::table.filter(table::id.eq(session)).filter(table::ended_at.is_null());
    observed::writing_rows(TABLE, [SessionId::from(session).uuid()]);
    let rows = diesel::update(live.filter(table::refresh_expires_at.gt(at)))
        .set((
            table::access_hash.eq(rotation.access_hash.as_slice()),
            table::access_expires_at.eq(TimeColumn::from(rotation.access_expires_at)),
            table::refresh_expires_at.eq(TimeColumn::from(rotation.refresh_expires_at)),
            table::last_used_at.eq(at),
        ))
        .execute(connection(tx))?;
    if rows == 0 {
        return Ok(None);
    }
    insert_refresh_token(tx, session, &rotation.refresh_hash)?;
    Ok(Some(user.into()))
}

/// Ends a session, if it has not ended yet.
pub fn end(tx: &mut WriteTx, session: SessionId) -> Result<(), StoreError> {
    let at = TimeColumn::from(tx.at());
    let live = table::table.filter(table::id.eq(UuidColumn::from(session))).filter(table::ended_at.is_null());
    observed::writing_rows(TABLE, [session.uuid()]);
    diesel::update(live).set(table::ended_at.eq(Some(at))).execute(connection(tx))?;
    let of = table::table.filter(table::id.eq(UuidColumn::from(session))).select(table::user_id);
    if let Some(user) = of.first::<UuidColumn>(connection(tx)).optional()? {
        tx.affects(Affected::User(user.into()));
    }
    Ok(())
}

/// Ends one of the sessions of a user; another user's is not there.
pub fn end_of(tx: &mut WriteTx, user: UserId, session: SessionId) -> Result<(), StoreError> {
    let own = table::table.filter(table::id.eq(UuidColumn::from(session)));
    let own = own.filter(table::user_id.eq(UuidColumn::from(user))).filter(table::ended_at.is_null());
    let at = TimeColumn::from(tx.at());
    observed::writing_rows(TABLE, [session.uuid()]);
    let rows = diesel::update(own).set(table::ended_at.eq(Some(at))).execute(connection(tx))?;
    tx.affects(Affected::User(user));
    if rows == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Ends all sessions of a user, but the one to keep.
pub fn end_all(tx: &mut WriteTx, user: UserId, keep: Option<SessionId>) -> Result<(), StoreError> {
    let at = TimeColumn::from(tx.at());
    let mut live = diesel::update(table::table)
        .filter(table::user_id.eq(UuidColumn::from(user)))
        .filter(table::ended_at.is_null())
        .into_boxed::<Multi>();
    if let Some(keep) = keep {
        live = live.filter(table::id.ne(UuidColumn::from(keep)));
    }
    live.set(table::ended_at.eq(Some(at))).execute(connection(tx))?;
    tx.affects(Affected::User(user));
    Ok(())
}

/// The sessions of a user that have neither ended nor expired, the newest first.
pub fn list_of(tx: &mut impl Transaction, user: UserId, now: Timestamp) -> Result<Vec<KnownSession>, StoreError> {
    let rows: Vec<Row> = table::table
        .select(Row::as_select())
        .filter(table::user_id.eq(UuidColumn::from(user)))
        .filter(table::ended_at.is_null())
        .filter(table::refresh_expires_at.gt(TimeColumn::from(now)))
        .order_by((table::created_at.desc(), table::id.desc()))
        .load(connection(tx))?;
    Ok(rows.into_iter().map(KnownSession::from).collect())
}

/// Removes the sessions that ended or expired before a time, with their tokens, and of the others the refresh tokens that
/// were used before it; how many sessions there were.
pub fn remove_expired(tx: &mut WriteTx, before: Timestamp) -> Result<usize, StoreError> {
    let before = TimeColumn::from(before);
    let over = || table::ended_at.lt(before).or(table::refresh_expires_at.lt(before));
    let sessions = table::table.select(table::id).filter(over());
    let of_them = refresh_tokens::session_id.eq_any(sessions);
    let used = refresh_tokens::used_at.lt(before);
    diesel::delete(refresh_tokens::table.filter(of_them.or(used))).execute(connection(tx))?;
    Ok(diesel::delete(table::table.filter(over())).execute(connection(tx))?)
}
