//! Signing in and out. A session is a family of tokens: each refresh replaces both, and a refresh token that is used
//! twice has been stolen from somebody, so it ends the family.
//!
//! There is no time of grace. Of two honest requests that refresh one token at once, exactly one gets a pair, and the other
//! ends the family, that pair included: a thief who is a little faster looks just the same. A client refreshes in one place.

use std::net::IpAddr;

use chrono::TimeDelta;
use crm_domain::{
    ApiKeyId, NotificationKind, Session, SessionId, User,
    access::{Actor, Role},
    values::{EmailAddress, Timestamp},
};
use crm_persistence::{
    WriteTx,
    second_factors::Standing,
    sessions::{self, KnownSession, NewSession, Rotation, TokenOwner},
    users,
};
use secrecy::SecretString;

use crate::{
    App, Error,
    app::system_grant,
    limits::{self, SignInAttempt},
    notifications::{News, tell},
    password,
    second_factor::Shown,
    token::TokenKind,
};

/// How long an access token works.
pub const ACCESS: TimeDelta = TimeDelta::minutes(15);

/// How long a refresh token works.
pub const REFRESH: TimeDelta = TimeDelta::days(30);

/// The use cases of signing in and out.
#[derive(Clone, Debug)]
pub struct Sessions {
    pub(crate) app: App,
}

/// Where a sign-in came from, as far as that is known; shown to the user in the list of sessions.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Network address.
    pub address: Option<IpAddr>,
    /// What the client calls itself.
    pub agent: Option<String>,
}

/// What somebody says to sign in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The address of the account.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// A one-time code or a recovery code, for those who have a second factor.
    pub code: Option<SecretString>,
    /// Where it comes from.
    pub origin: Origin,
}

/// A new pair of tokens. The tokens are told this once.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// For `Authorization: Bearer`.
    pub access_token: SecretString,
    /// For the next pair.
    pub refresh_token: SecretString,
    /// How long the access token works, in seconds.
    pub expires_in: i64,
    /// Who has signed in.
    pub user: User,
}

/// What somebody showed to be let in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Credential {
    /// The access token of a session.
    Session(SessionId),
    /// The secret of an API key.
    ApiKey(ApiKeyId),
}

/// Who a token belongs to.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// What was shown.
    pub credential: Credential,
    /// Its user.
    pub user: User,
    /// The user with the role and the team of this moment, for the policy.
    pub actor: Actor,
    /// How they stand with the second factor.
    pub second_factor: Standing,
}

impl SignedIn {
    /// Whether a second factor must be set up before anything else is done.
    pub fn must_enrol(&self) -> bool {
        self.second_factor.is_required && !self.second_factor.is_enrolled
    }

    /// The session, for what no API key may do: make keys, change the password, end sessions.
    pub fn session(&self) -> Result<SessionId, Error> {
        match self.credential {
            Credential::Session(session) => Ok(session),
            Credential::ApiKey(_) => Err(Error::SessionRequired),
        }
    }
}

/// Whoever an access token belongs to, and how long.
struct Known {
    signed_in: SignedIn,
    expires_at: Timestamp,
}

/// The tokens of a session, for the caller and for the store.
struct Pair {
    access: (SecretString, [u8; 32]),
    refresh: (SecretString, [u8; 32]),
}

impl Pair {
    fn issue() -> Result<Self, Error> {
        Ok(Self { access: TokenKind::Access.issue()?, refresh: TokenKind::Refresh.issue()? })
    }

    fn told(self, user: User) -> LoggedIn {
        let (access_token, refresh_token) = (self.access.0, self.refresh.0);
        LoggedIn { access_token, refresh_token, expires_in: ACCESS.num_seconds(), user }
    }
}

impl Sessions {
    /// Signs in with a password alone.
    pub async fn login(&self, email: &str, password: SecretString, origin: Origin) -> Result<LoggedIn, Error> {
        self.sign_in(SignIn { email: email.to_owned(), password, code: None, origin }).await
    }

    /// Signs in. An unknown address, a wrong password and an inactive user take the same time and have the same answer.
    ///
    /// [`Error::SecondFactorRequired`] says that the password was right, and that a code must be shown with it.
    pub async fn sign_in(&self, sign_in: SignIn) -> Result<LoggedIn, Error> {
        let SignIn { email, password, code, origin } = sign_in;
        let (attempt, known) = self.look_up(email, origin.address).await?;
        // A place in the queue first: what is turned away there has cost no write.
        let place = self.app.hashing().place()?;
        self.app.count_sign_in(&attempt).await?;
        let (user, hash) = known.unzip();
        let hash = hash.flatten();
        let matches = self.app.hashing().verify(place, password.clone(), hash.clone()).await?;
        let user = user.filter(|user| matches && user.is_active).ok_or(Error::Unauthenticated)?;
        let entry = Entry { attempt, user, renewed: self.renewed(hash.clone(), password).await, hash, code, origin };
        self.enter(entry).await
    }

    /// What is known of whoever signs in, unless too many tries have failed.
    async fn look_up(
        &self,
        email: String,
        address: Option<IpAddr>,
    ) -> Result<(SignInAttempt, Option<(User, Option<String>)>), Error> {
        let now = self.app.now();
        self.app
            .read(move |tx| {
                let known = match EmailAddress::parse(&email) {
                    Ok(email) => users::credentials(tx, &email)?,
                    Err(_no_address) => None,
                };
                let user = known.as_ref().map(|(user, _)| user);
                let attempt = SignInAttempt::of(tx, &email, user, address, now)?;
                attempt.check(tx, now)?;
                Ok((attempt, known))
            })
            .await
    }

    /// Begins a session for whoever has shown the right password, if the second factor is right as well.
    async fn enter(&self, entry: Entry) -> Result<LoggedIn, Error> {
        let pair = Pair::issue()?;
        let session = self.new_session(&entry.user, self.app.now());
        let new = NewSession {
            access_hash: pair.access.1,
            refresh_hash: pair.refresh.1,
            address: entry.origin.address.map(|address| address.to_string()),
            agent: entry.origin.agent.clone(),
        };
        let (app, user) = (self.app.clone(), entry.user.clone());
        let shown = self
            .app
            .write(&Actor::system("sign-in"), move |tx| {
                // The password may have been changed, or the account switched off, while it was being checked. Whoever
                // does so at this very moment waits, and then ends the session that begins here.
                users::hold(tx, entry.user.id)?;
                let present = users::credentials(tx, &entry.user.email)?;
                if present.is_none_or(|(user, hash)| !user.is_active || hash != entry.hash) {
                    return Ok(tx.unchanged(Shown::Wrong));
                }
                let id = entry.user.id;
                // What is refused is an answer here and becomes an error outside, because the tally must be kept.
                let shown = app.show_code(tx, id, entry.code.as_ref())?;
                match shown {
                    // Taken back, but not forgotten: else whoever knows the password could guess codes without end.
                    Shown::Missing => entry.attempt.was_right(tx)?,
                    Shown::Wrong => {}
                    Shown::Right => {
                        if let Some(network) = entry.unknown_network() {
                            app.tell_of_sign_in(tx, &entry.user, session.id, network)?;
                        }
                        entry.attempt.succeeded(tx, id)?;
                        sessions::insert(tx, &session, &new)?;
                        users::signed_in(tx, id)?;
                        if let Some((before, after)) = &entry.renewed {
                            users::rehash(tx, id, before, after)?;
                        }
                    }
                }
                Ok(tx.unchanged(shown))
            })
            .await?;
        match shown {
            Shown::Right => Ok(pair.told(user)),
            Shown::Missing => Err(Error::SecondFactorRequired),
            Shown::Wrong => Err(Error::Unauthenticated),
        }
    }

    /// Replaces a pair of tokens. A refresh token that has been used already ends the session with all its tokens.
    pub async fn refresh(&self, refresh_token: &SecretString) -> Result<LoggedIn, Error> {
        let used = TokenKind::Refresh.hash_of(refresh_token).ok_or(Error::Unauthenticated)?;
        let pair = Pair::issue()?;
        let (access, refresh) = (pair.access.1, pair.refresh.1);
        let found = self
            .app
            .write(&Actor::system("renewal of a session"), move |tx| {
                let at = tx.at();
                let rotation = Rotation {
                    used,
                    refresh_hash: refresh,
                    access_hash: access,
                    access_expires_at: at.plus(ACCESS),
                    refresh_expires_at: at.plus(REFRESH),
                };
                // The end of a family must be kept, so a refusal is an answer here and becomes an error outside.
                let found = sessions::rotate(tx, &rotation)?;
                Ok(tx.unchanged(found))
            })
            .await?;
        found.map(|user| pair.told(user)).ok_or(Error::Unauthenticated)
    }

    /// The caller's sessions that have neither ended nor expired, the newest first.
    pub async fn list(&self, caller: &SignedIn) -> Result<Vec<KnownSession>, Error> {
        caller.session()?;
        let (user, now) = (caller.user.id, self.app.now());
        self.app.read(move |tx| Ok(sessions::list_of(tx, user, now)?)).await
    }

    /// Ends one of the caller's sessions at once; another user's is not there.
    pub async fn end(&self, caller: &SignedIn, session: SessionId) -> Result<(), Error> {
        caller.session()?;
        let user = caller.user.id;
        self.app
            .write(&caller.actor, move |tx| {
                sessions::end_of(tx, user, session)?;
                Ok(tx.unchanged(()))
            })
            .await
    }

    /// Ends the caller's session at once.
    pub async fn logout(&self, caller: &SignedIn) -> Result<(), Error> {
        let session = caller.session()?;
        self.app
            .write(&Actor::system("sign-out"), move |tx| {
                sessions::end(tx, session)?;
                Ok(tx.unchanged(()))
            })
            .await
    }

    /// Whose access token or API key it is: what is kept of it is as new as a query, so that a change of role, team or state
    /// acts on the next request.
    pub async fn actor(&self, token: &SecretString) -> Result<SignedIn, Error> {
        let Some(hash) = TokenKind::Access.hash_of(token) else {
            return self.app.api_keys().actor(token).await;
        };
        let now = self.app.now();
        let load = async || {
            let found = self.app.read(move |tx| Ok(sessions::actor_by_access_hash(tx, &hash, now)?)).await?;
            let owner = found.ok_or(Error::Unauthenticated)?;
            serde_json::to_vec(&owner).map_err(Error::internal)
        };
        let kept = self.app.cached_lookup("sessions", &hash, load).await?;
        let known = kept.decoded(|bytes| Some(self.known(serde_json::from_slice(bytes).ok()?)));
        let known = known.ok_or_else(|| Error::internal("a kept session cannot be read"))?;
        // The time goes on without anybody telling the cache.
        if known.expires_at <= now { Err(Error::Unauthenticated) } else { Ok(known.signed_in.clone()) }
    }

    fn known(&self, owner: TokenOwner) -> Known {
        let TokenOwner { session: (session, expires_at), user, role, standing } = owner;
        let second_factor = self.app.standing(&role, standing);
        let actor = Actor::user(user.id, user.stamps.team_id, role);
        Known {
            signed_in: SignedIn { credential: Credential::Session(session), user, actor, second_factor },
            expires_at,
        }
    }

    /// Changes one's own password and ends all other sessions.
    pub async fn change_password(
        &self,
        signed_in: &SignedIn,
        current: SecretString,
        new: SecretString,
    ) -> Result<(), Error> {
        let (user, session) = (signed_in.user.clone(), signed_in.session()?);
        password::check(&new, &[user.email.as_str(), user.name.as_str()])?;
        self.show_again(signed_in, current).await?;
        let hash = self.app.hashing().hash(new).await?;
        self.app.write(&signed_in.actor, move |tx| crate::users::put_password(tx, user, &hash, Some(session))).await
    }

    /// Checks the password of somebody who is signed in, as seldom as at a sign-in.
    pub(crate) async fn show_again(&self, caller: &SignedIn, password: SecretString) -> Result<(), Error> {
        let (email, subject) = (caller.user.email.clone(), limits::shown_again(caller.user.id));
        let place = self.app.hashing().place()?;
        self.app.count_attempt(vec![subject.clone()]).await?;
        let known = self.app.read(move |tx| Ok(users::credentials(tx, &email)?)).await?;
        if !self.app.hashing().verify(place, password, known.and_then(|(_, hash)| hash)).await? {
            return Err(Error::Unauthenticated);
        }
        self.app.forget_attempts(subject).await
    }

    /// The hash of a right password and a new one with the parameters of now, where those have risen since. A queue that is
    /// full is no reason to refuse the sign-in: the next one renews the hash.
    async fn renewed(&self, hash: Option<String>, password: SecretString) -> Option<(String, String)> {
        let before = hash.filter(|hash| password::is_outdated(hash))?;
        let after = self.app.hashing().hash(password).await.ok()?;
        Some((before, after))
    }

    fn new_session(&self, user: &User, at: Timestamp) -> Session {
        Session {
            id: self.app.new_id(),
            user_id: user.id,
            created_at: at,
            access_expires_at: at.plus(ACCESS),
            refresh_expires_at: at.plus(REFRESH),
        }
    }
}

/// Somebody whose password was right, on the way in.
struct Entry {
    attempt: SignInAttempt,
    user: User,
    /// The hash that the password was right for.
    hash: Option<String>,
    renewed: Option<(String, String)>,
    code: Option<SecretString>,
    origin: Origin,
}

impl Entry {
    /// The network, where the user has signed in before and never from there.
    fn unknown_network(&self) -> Option<&str> {
        self.user.last_login_at.and_then(|_| self.attempt.unknown_network())
    }
}

impl App {
    /// Tells a user that somebody has signed in as them from a network that was not seen before.
    fn tell_of_sign_in(&self, tx: &mut WriteTx, user: &User, session: SessionId, network: &str) -> Result<(), Error> {
        let at = tx.at();
        let news = News {
            kind: NotificationKind::NewSignIn,
            record: None,
            subject: session.uuid(),
            occasion: at,
            name: network,
            actor: None,
            at: Some(at),
            on: None,
        };
        tell(self, tx, &system_grant("sign-in")?, user.id, &news)?;
        Ok(())
    }

    /// How somebody stands with the second factor: a custom role says itself whether it asks for one, for the built-in ones
    /// the settings do.
    pub(crate) fn standing(&self, role: &Role, stored: Standing) -> Standing {
        let is_built_in = self.settings().second_factor_roles.iter().any(|built_in| built_in.id() == role.id);
        Standing { is_required: stored.is_required || is_built_in, ..stored }
    }
}
