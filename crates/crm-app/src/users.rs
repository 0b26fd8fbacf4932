//! Those who sign in: adding them, and what they may.

use crm_domain::{
    Change, ChangeAction, FieldChange, Locale, NewRecord, RecordKind, SessionId, TeamId, User, UserId,
    access::{Actor, BuiltInRole, Create, Grant, Manage, Read, policy},
    query::Page,
    values::{EmailAddress, Name},
};
use crm_persistence::{Recorded, WriteTx, sessions, users};
use secrecy::SecretString;

use crate::{App, Error, app::system_grant, password, token::TokenKind};

/// The use cases of users.
#[derive(Clone, Debug)]
pub struct Users {
    pub(crate) app: App,
}

/// A user to be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The address they will sign in with.
    pub email: EmailAddress,
    /// Their name.
    pub name: Name,
    /// Their role.
    pub role: BuiltInRole,
    /// Their team.
    pub team_id: Option<TeamId>,
    /// The language that the service speaks to them in.
    pub locale: Locale,
    /// Their first password.
    pub password: SecretString,
}

impl Users {
    /// One user.
    pub async fn get(&self, grant: Grant<Read, User>, id: UserId) -> Result<User, Error> {
        self.app.read(move |tx| Ok(users::find(tx, &grant, id)?)).await
    }

    /// A page of the users, by name.
    pub async fn list(
        &self,
        grant: Grant<Read, User>,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<User>, Error> {
        self.app.read(move |tx| Ok(users::list(tx, &grant, cursor.as_deref(), limit)?)).await
    }

    /// The user with an address.
    pub async fn find_by_email(&self, grant: Grant<Read, User>, email: EmailAddress) -> Result<User, Error> {
        self.app.read(move |tx| Ok(users::find_by_email(tx, &grant, &email)?)).await
    }

    /// How many users there are.
    pub async fn count(&self) -> Result<i64, Error> {
        self.app.read(|tx| Ok(users::count(tx)?)).await
    }

    /// Adds a user.
    pub async fn add(&self, grant: Grant<Create, User>, new: NewUser) -> Result<User, Error> {
        password::check(&new.password, &[new.email.as_str(), new.name.as_str()])?;
        let hash = self.app.hashing().hash(new.password.clone()).await?;
        let (app, actor) = (self.app.clone(), grant.actor().clone());
        self.app.write(&actor, move |tx| add(&app, tx, &grant, new, &hash)).await
    }

    /// Gives a user another role. The last active administrator stays one.
    pub async fn set_role(&self, grant: Grant<Manage, User>, id: UserId, role: BuiltInRole) -> Result<User, Error> {
        self.change(grant, id, move |user| user.role_id = role.id()).await
    }

    /// Keeps a user from signing in, and ends all their sessions. The last active administrator stays active.
    pub async fn deactivate(&self, grant: Grant<Manage, User>, id: UserId) -> Result<User, Error> {
        self.change(grant, id, |user| user.is_active = false).await
    }

    /// Gives a user another password and ends all their sessions.
    pub async fn set_password(&self, grant: Grant<Manage, User>, id: UserId, new: SecretString) -> Result<(), Error> {
        let find = grant.clone();
        let user = self.app.read(move |tx| Ok(users::find(tx, &find, id)?)).await?;
        password::check(&new, &[user.email.as_str(), user.name.as_str()])?;
        let hash = self.app.hashing().hash(new).await?;
        self.app.write(grant.actor(), move |tx| put_password(tx, user, &hash, None)).await
    }

    /// On a database without users, adds an administrator with this address; their random password, told this once. None
    /// where there are users already.
    pub async fn ensure_first_admin(&self, email: EmailAddress) -> Result<Option<SecretString>, Error> {
        if self.count().await? > 0 {
            return Ok(None);
        }
        // A token is as good a password as any: 256 random bits.
        let (password, _) = TokenKind::Access.issue()?;
        let new = NewUser {
            email,
            name: Name::from_stored("Administrator".to_owned()),
            role: BuiltInRole::Admin,
            team_id: None,
            locale: Locale::default(),
            password: password.clone(),
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
                Ok(add(&app, tx, &grant, new, &hash)?.with(Some(password)))
            })
            .await
    }

    async fn change(
        &self,
        grant: Grant<Manage, User>,
        id: UserId,
        edit: impl Fn(&mut User) + Send + 'static,
    ) -> Result<User, Error> {
        let actor = grant.actor().clone();
        self.app
            .write(&actor, move |tx| {
                let before = users::find(tx, &grant, id)?;
                let mut after = before.clone();
                edit(&mut after);
                let fields = differences(&before, &after);
                if fields.is_empty() {
                    return Ok(tx.unchanged(after));
                }
                let was_admin = before.is_active && before.role_id == BuiltInRole::Admin.id();
                let is_admin = after.is_active && after.role_id == BuiltInRole::Admin.id();
                if was_admin && !is_admin && users::count_active_with_role(tx, BuiltInRole::Admin.id())? <= 1 {
                    let detail = "the last active administrator cannot be removed, demoted or deactivated".to_owned();
                    return Err(Error::Conflict { code: "last_admin", detail });
                }
                after.stamps = after.stamps.touched(tx.actor().user_id(), tx.at());
                users::save(tx, &grant, before.stamps.version, &after)?;
                if !after.is_active {
                    sessions::end_all(tx, id, None)?;
                }
                Ok(tx.record(change(&after, ChangeAction::Updated, fields))?.with(after))
            })
            .await
    }
}

fn add(
    app: &App,
    tx: &mut WriteTx,
    grant: &Grant<Create, User>,
    new: NewUser,
    hash: &str,
) -> Result<Recorded<User>, Error> {
    let NewUser { email, name, role, team_id, locale, .. } = new;
    let record = NewRecord { id: app.new_id(), owner_id: None, team_id, by: tx.actor().user_id(), at: tx.at() };
    let user = User {
        id: record.id,
        email,
        name,
        role_id: role.id(),
        locale,
        is_active: true,
        last_login_at: None,
        stamps: record.stamps(),
    };
    users::insert(tx, grant, &user, hash)?;
    let fields =
        [("email", user.email.to_string()), ("name", user.name.to_string()), ("role_id", user.role_id.to_string())];
    let fields =
        fields.map(|(field, new)| FieldChange { field: field.into(), old: serde_json::Value::Null, new: new.into() });
    Ok(tx.record(change(&user, ChangeAction::Created, fields.to_vec()))?.with(user))
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
    let secret = |word: &str| serde_json::Value::from(word);
    let field = FieldChange { field: "password".into(), old: secret("***"), new: secret("***") };
    Ok(tx.record(change(&after, ChangeAction::Updated, vec![field]))?)
}

fn differences(before: &User, after: &User) -> Vec<FieldChange> {
    let mut fields = Vec::new();
    if before.role_id != after.role_id {
        let (old, new) = (before.role_id.to_string().into(), after.role_id.to_string().into());
        fields.push(FieldChange { field: "role_id".into(), old, new });
    }
    if before.is_active != after.is_active {
        fields.push(FieldChange {
            field: "is_active".into(),
            old: before.is_active.into(),
            new: after.is_active.into(),
        });
    }
    fields
}

fn change(user: &User, action: ChangeAction, fields: Vec<FieldChange>) -> Change {
    Change { kind: RecordKind::Users, record_id: user.id.uuid(), version: user.stamps.version, action, fields }
}
