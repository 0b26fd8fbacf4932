//! Passwords of users: put in place by the operator, by a single-use token, or at the first start.

use chrono::TimeDelta;
use crm_domain::{
    ChangeAction, FieldChange, SessionId, User, UserId, UserPatch,
    access::{Actor, BuiltInRole, Grant, Manage, policy},
    values::{EmailAddress, Name},
};
use crm_persistence::{Recorded, WriteTx, password_resets, sessions, users};
use secrecy::SecretString;

use super::{Users, change, create};
use crate::{Error, app::system_grant, password, token::TokenKind};

/// How long a token for a new password works.
pub const RESET: TimeDelta = TimeDelta::hours(1);

impl Users {
    /// Gives a user another password and ends all their sessions.
    pub async fn set_password(&self, grant: Grant<Manage, User>, id: UserId, new: SecretString) -> Result<(), Error> {
        let find = grant.clone();
        let user = self.app.read(move |tx| Ok(users::find(tx, &find, id)?)).await?;
        password::check(&new, &[user.email.as_str(), user.name.as_str()])?;
        let hash = self.app.hashing().hash(new).await?;
        self.app.write(grant.actor(), move |tx| put_password(tx, user, &hash, None)).await
    }

    /// Makes a token by which its holder sets a new password once, within [`RESET`]. Earlier tokens of the user are void.
    pub async fn begin_reset(&self, grant: Grant<Manage, User>, id: UserId) -> Result<SecretString, Error> {
        let (token, hash) = TokenKind::Reset.issue()?;
        let actor = grant.actor().clone();
        self.app
            .write(&actor, move |tx| {
                let user = users::find(tx, &grant, id)?;
                super::access::may_take_away(tx, grant.actor(), &user)?;
                password_resets::begin(tx, id, &hash, tx.at().plus(RESET))?;
                Ok(tx.unchanged(()))
            })
            .await?;
        Ok(token)
    }

    /// Sets the password that a token lets one set, and ends all sessions of the user. The token is used up by success
    /// alone: a password that breaks the rules may be mended.
    pub async fn finish_reset(&self, token: &SecretString, new: SecretString) -> Result<(), Error> {
        let hash_of_token = TokenKind::Reset.hash_of(token).ok_or(Error::Unauthenticated)?;
        let now = self.app.now();
        let found = self.app.read(move |tx| Ok(password_resets::find(tx, &hash_of_token, now)?)).await?;
        let user = found.ok_or(Error::Unauthenticated)?;
        password::check(&new, &[user.email.as_str(), user.name.as_str()])?;
        let hash = self.app.hashing().hash(new).await?;
        let actor = Actor::system("reset of a password");
        self.app
            .write(&actor, move |tx| {
                // Looked up again: the user may have been shut out while the password was hashed.
                let user = password_resets::find(tx, &hash_of_token, tx.at())?.ok_or(Error::Unauthenticated)?;
                if !password_resets::take(tx, &hash_of_token)? {
                    return Err(Error::Unauthenticated);
                }
                put_password(tx, user, &hash, None)
            })
            .await
    }

    /// On a database without users, adds an administrator with this address; their random password, told this once. None
    /// where there are users already.
    pub async fn ensure_first_admin(&self, email: EmailAddress) -> Result<Option<SecretString>, Error> {
        if self.count().await? > 0 {
            return Ok(None);
        }
        let password = password::random()?;
        let patch = UserPatch {
            email: crm_domain::Field::Set(email),
            name: crm_domain::Field::Set(Name::from_stored("Administrator".to_owned())),
            role_id: crm_domain::Field::Set(BuiltInRole::Admin.id()),
            ..UserPatch::default()
        };
        let hash = self.app.hashing().hash(password.clone()).await?;
        let app = self.app.clone();
        let actor = Actor::system("first administrator");
        let grant = policy::authorise(&actor)?;
        self.app
            .write(&actor, move |tx| {
                // Two instances may start at once on one empty database.
                if users::count(tx)? > 0 {
                    return Ok(tx.unchanged(None));
                }
                Ok(create(&app, tx, &grant, &patch, Some(&hash))?.with(Some(password)))
            })
            .await
    }
}

/// Puts a password in place, ends the sessions but the one to keep, and records that, without a word of the password.
pub(crate) fn put_password(
    tx: &mut WriteTx,
    user: User,
    hash: &str,
    keep: Option<SessionId>,
) -> Result<Recorded<()>, Error> {
    let grant = system_grant::<Manage, User>("change of a password")?;
    let before = user.stamps.version;
    let mut after = user;
    after.stamps = after.stamps.touched(tx.actor().user_id(), tx.at());
    users::save(tx, &grant, before, &after)?;
    users::set_password(tx, &grant, after.id, hash)?;
    sessions::end_all(tx, after.id, keep)?;
    password_resets::end_all(tx, after.id)?;
    let secret = |word: &str| serde_json::Value::from(word);
    let field = FieldChange { field: "password".into(), old: secret("***"), new: secret("***") };
    Ok(tx.record(change(&after, ChangeAction::Updated, vec![field]))?)
}
