//! The second factor: begun, confirmed and removed by its user, and asked for at each sign-in.
//!
//! A secret is told once, sealed in the database, and in no change log. Codes are tried as seldom as passwords are.

use crm_domain::{
    Change, ChangeAction, FieldChange, RecordKind, User, UserId,
    access::{Grant, Manage},
};
use crm_persistence::{
    Recorded, StoreError, WriteTx,
    second_factors::{self, Standing},
    users,
};
use secrecy::SecretString;

use crate::{App, Error, SignedIn, app::system_grant, limits, one_time_code as code};

/// The use cases of the second factor.
#[derive(Clone, Debug)]
pub struct SecondFactors {
    pub(crate) app: App,
}

/// What an authenticator program needs, told this once.
#[derive(Clone, Debug)]
pub struct NewFactor {
    /// The secret as people type it: base32.
    pub secret: SecretString,
    /// The address that programs read from a picture: `otpauth://…`.
    pub uri: SecretString,
}

/// How the caller stands with the second factor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FactorStatus {
    /// Whether they must have one: until they do, they can do nothing else.
    pub is_required: bool,
    /// Whether they have one.
    pub is_enrolled: bool,
    /// How many recovery codes are left.
    pub recovery_codes_left: i64,
}

/// What came of the code that was shown at a sign-in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shown {
    /// There is no second factor, or the code is right and now used up.
    Right,
    /// There is a second factor, and no code was shown.
    Missing,
    /// The code is wrong, or was used before.
    Wrong,
}

impl SecondFactors {
    /// How the caller stands.
    pub async fn status(&self, caller: &SignedIn) -> Result<FactorStatus, Error> {
        let user = caller.user.id;
        let recovery_codes_left = self.app.read(move |tx| Ok(second_factors::codes_left(tx, user)?)).await?;
        let Standing { is_required, is_enrolled } = caller.second_factor;
        Ok(FactorStatus { is_required, is_enrolled, recovery_codes_left })
    }

    /// Begins one for the caller; it counts when it has been confirmed. One that was begun before is void.
    pub async fn begin(&self, caller: &SignedIn) -> Result<NewFactor, Error> {
        caller.session()?;
        let (user, secret) = (caller.user.id, code::new_secret()?);
        let sealed = self.app.settings().vault.seal(user.uuid().as_bytes(), &secret)?;
        let begun = self
            .app
            .write(&caller.actor, move |tx| {
                // Nothing has changed for anybody before it is confirmed.
                let begun = second_factors::begin(tx, user, &sealed)?;
                Ok(tx.unchanged(begun))
            })
            .await?;
        if !begun {
            return Err(enrolled());
        }
        let (secret, uri) = code::shown(&secret, caller.user.email.as_str())?;
        Ok(NewFactor { secret, uri })
    }

    /// Confirms the caller's by a code of it; the recovery codes, told this once.
    pub async fn confirm(&self, caller: &SignedIn, shown: SecretString) -> Result<Vec<SecretString>, Error> {
        caller.session()?;
        let user = caller.user.id;
        let found = self.app.read(move |tx| Ok(second_factors::find(tx, user)?)).await?;
        let sealed = match found {
            Some(factor) if factor.is_confirmed => return Err(enrolled()),
            Some(factor) => factor.secret,
            None => {
                let detail = "begin a second factor before you confirm it".to_owned();
                return Err(Error::Conflict { code: "not_begun", detail });
            }
        };
        self.app.count_attempt(vec![limits::shown_again(user)]).await?;
        let secret = self.app.settings().vault.open(user.uuid().as_bytes(), &sealed);
        let now = self.app.now();
        let step = secret.and_then(|secret| code::step_of(&secret, &shown, now)).ok_or(Error::Unauthenticated)?;
        let (codes, hashes) = code::recovery_codes()?;
        self.app
            .write(&caller.actor, move |tx| {
                // The user first, as at a sign-in, so that no two units of work wait for each other.
                users::hold(tx, user)?;
                if !second_factors::confirm(tx, user, &sealed, step, &hashes)? {
                    return Err(Error::Unauthenticated);
                }
                record(tx, user, Now::There)
            })
            .await?;
        self.app.forget_attempts(limits::shown_again(user)).await?;
        Ok(codes)
    }

    /// Removes the caller's own, with its recovery codes.
    pub async fn remove(&self, caller: &SignedIn, password: SecretString) -> Result<(), Error> {
        caller.session()?;
        self.app.sessions().show_again(caller, password).await?;
        let user = caller.user.id;
        self.app.write(&caller.actor, move |tx| remove(tx, user)).await
    }

    /// Removes that of somebody who has lost it, for those who may manage that user.
    pub async fn remove_of(&self, grant: Grant<Manage, User>, id: UserId) -> Result<(), Error> {
        let actor = grant.actor().clone();
        self.app
            .write(&actor, move |tx| {
                let user = users::find(tx, &grant, id)?;
                crate::users::may_take_away(tx, grant.actor(), &user)?;
                remove(tx, id)
            })
            .await
    }
}

impl App {
    /// Looks at the code that was shown at a sign-in, and uses it up.
    pub(crate) fn show_code(
        &self,
        tx: &mut WriteTx,
        user: UserId,
        shown: Option<&SecretString>,
    ) -> Result<Shown, Error> {
        let Some(factor) = second_factors::find(tx, user)?.filter(|factor| factor.is_confirmed) else {
            return Ok(Shown::Right);
        };
        let Some(shown) = shown else { return Ok(Shown::Missing) };
        let is_right = if let Some(hash) = code::recovery_hash(shown) {
            second_factors::use_recovery_code(tx, user, &hash)?
        } else {
            // A secret that was sealed by another key opens no more; the recovery codes still work.
            let secret = self.settings().vault.open(user.uuid().as_bytes(), &factor.secret);
            match secret.and_then(|secret| code::step_of(&secret, shown, tx.at())) {
                Some(step) => second_factors::use_step(tx, user, step)?,
                None => false,
            }
        };
        Ok(if is_right { Shown::Right } else { Shown::Wrong })
    }
}

fn enrolled() -> Error {
    Error::Conflict { code: "second_factor_exists", detail: "you have a second factor; remove it first".to_owned() }
}

fn remove(tx: &mut WriteTx, user: UserId) -> Result<Recorded<()>, Error> {
    users::hold(tx, user)?;
    if !second_factors::remove(tx, user)? {
        return Ok(tx.unchanged(()));
    }
    record(tx, user, Now::Gone)
}

/// What has become of a second factor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Now {
    There,
    Gone,
}

/// Records that it came or went, without a word of the secret.
fn record(tx: &mut WriteTx, id: UserId, now: Now) -> Result<Recorded<()>, Error> {
    let grant = system_grant::<Manage, User>("change of a second factor")?;
    let before = users::find(tx, &grant, id)?;
    let version = before.stamps.version;
    let stamps = before.stamps.touched(tx.actor().user_id(), tx.at());
    let user = User { stamps, ..before };
    users::save(tx, &grant, version, &user)?;
    let is_there = now == Now::There;
    let field = FieldChange { field: "second_factor".into(), old: (!is_there).into(), new: is_there.into() };
    let change = Change {
        kind: RecordKind::Users,
        record_id: id.uuid(),
        version: user.stamps.version,
        action: ChangeAction::Updated,
        fields: vec![field],
    };
    tx.record(change).map_err(StoreError::into)
}
