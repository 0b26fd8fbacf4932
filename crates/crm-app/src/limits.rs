//! The limits of record on guessing: how often an account, a network or a caller may be wrong. They are kept in the
//! database, so they hold on every instance and outlive restarts and the cache.
//!
//! A try is counted before it is looked at and taken back when it was right, so that many at the same time gain nothing.
//! Sessions that go on are not touched: nobody is locked out of what they have by what others do. And whoever comes from a
//! network from which the account has been used before is counted apart, so that a stranger cannot keep them from signing in.

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use crm_domain::{
    Throttle, User, UserId,
    access::Actor,
    values::{Network, Timestamp},
};
use crm_persistence::{
    StoreError, Transaction, WriteTx,
    attempts::{self, AttemptKind, Subject},
};
use sha2::{Digest, Sha256};

use crate::{App, Error};

/// Wrong passwords of one account: about 150 a day for whoever never stops.
const GUESSES: Throttle = Throttle {
    free: 5,
    first_wait: TimeDelta::seconds(15),
    longest_wait: TimeDelta::minutes(15),
    one_forgotten_every: TimeDelta::minutes(10),
};

/// Wrong passwords from one network, behind which there may be a whole office.
const NETWORK: Throttle = Throttle {
    free: 50,
    first_wait: TimeDelta::seconds(15),
    longest_wait: TimeDelta::minutes(15),
    one_forgotten_every: TimeDelta::minutes(1),
};

/// Links for a new password of one account.
const RESETS: Throttle = Throttle {
    free: 3,
    first_wait: TimeDelta::minutes(15),
    longest_wait: TimeDelta::hours(4),
    one_forgotten_every: TimeDelta::hours(1),
};

/// Links for new passwords that one network asks for.
const NETWORK_RESETS: Throttle = Throttle {
    free: 20,
    first_wait: TimeDelta::minutes(1),
    longest_wait: TimeDelta::minutes(15),
    one_forgotten_every: TimeDelta::minutes(3),
};

/// How long a network is known from which an account has been used.
pub(crate) const FAMILIAR_FOR: TimeDelta = TimeDelta::days(90);

/// After this nothing of a tally is left to remember, whatever it was.
pub(crate) const REMEMBERED_FOR: TimeDelta = TimeDelta::days(2);

/// A sign-in that is counted, and against whom.
#[derive(Clone, Debug)]
pub(crate) struct SignInAttempt {
    /// The account, by the address that was given: there need not be one.
    account: Subject,
    /// The network, where it is known.
    network: Option<Subject>,
}

impl SignInAttempt {
    /// An attempt to sign in with this address, to this user if there is one.
    pub(crate) fn of(
        tx: &mut impl Transaction,
        email: &str,
        user: Option<&User>,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let network = address.map(|address| Network::around(address).to_string());
        let key = account_key(email);
        let since = now.plus(-FAMILIAR_FOR);
        let is_familiar = match (user, &network) {
            (Some(user), Some(network)) => attempts::is_known_network(tx, user.id, network, since)?,
            _ => false,
        };
        let account = match &network {
            Some(network) if is_familiar => {
                Subject { kind: AttemptKind::Familiar, key: format!("{key} {network}"), rule: GUESSES }
            }
            _ => Subject { kind: AttemptKind::Account, key, rule: GUESSES },
        };
        let network = network.map(|key| Subject { kind: AttemptKind::Network, key, rule: NETWORK });
        Ok(Self { account, network })
    }

    /// Refuses what may not be tried now. It is looked at before anything is written, so that a flood costs no writes.
    pub(crate) fn check(&self, tx: &mut impl Transaction, now: Timestamp) -> Result<(), Error> {
        for subject in self.subjects() {
            refuse(attempts::wait(tx, subject, now)?)?;
        }
        Ok(())
    }

    /// Takes back a try that was right, and does not tell whether the next one will be.
    pub(crate) fn was_right(&self, tx: &mut WriteTx) -> Result<(), StoreError> {
        self.subjects().try_for_each(|subject| attempts::forgive(tx, subject))
    }

    /// The network, where the account has not been used from it; none where it has, or where it is not known.
    pub(crate) fn unknown_network(&self) -> Option<&str> {
        let is_familiar = self.account.kind == AttemptKind::Familiar;
        self.network.as_ref().filter(|_| !is_familiar).map(|network| network.key.as_str())
    }

    /// The user is in: the account begins anew, and the network is known.
    pub(crate) fn succeeded(&self, tx: &mut WriteTx, user: UserId) -> Result<(), StoreError> {
        attempts::forget(tx, &self.account)?;
        if let Some(network) = &self.network {
            attempts::forgive(tx, network)?;
            attempts::saw_network(tx, user, &network.key)?;
        }
        Ok(())
    }

    fn subjects(&self) -> impl Iterator<Item = &Subject> {
        std::iter::once(&self.account).chain(&self.network)
    }
}

/// Passwords and codes that somebody who is signed in shows again: a stolen token must not be a place to guess them.
pub(crate) fn shown_again(user: UserId) -> Subject {
    Subject { kind: AttemptKind::Password, key: user.to_string(), rule: GUESSES }
}

/// Links for a new password of one account.
pub(crate) fn resets_of(email: &str) -> Subject {
    Subject { kind: AttemptKind::ResetAccount, key: account_key(email), rule: RESETS }
}

/// Links for new passwords that one network asks for.
pub(crate) fn resets_from(address: IpAddr) -> Subject {
    Subject { kind: AttemptKind::ResetNetwork, key: Network::around(address).to_string(), rule: NETWORK_RESETS }
}

impl App {
    /// Counts a sign-in, or refuses it.
    pub(crate) async fn count_sign_in(&self, attempt: &SignInAttempt) -> Result<(), Error> {
        let subjects: Vec<Subject> = attempt.subjects().cloned().collect();
        self.count_attempt(subjects).await
    }

    /// Counts one try of each, or refuses it and counts none.
    pub(crate) async fn count_attempt(&self, subjects: Vec<Subject>) -> Result<(), Error> {
        self.write(&Actor::system("count of attempts"), move |tx| {
            for subject in &subjects {
                // An error takes back what has been counted before it.
                refuse(attempts::count(tx, subject)?)?;
            }
            Ok(tx.unchanged(()))
        })
        .await
    }

    /// Forgets the tries of somebody who was right at last.
    pub(crate) async fn forget_attempts(&self, subject: Subject) -> Result<(), Error> {
        self.write(&Actor::system("count of attempts"), move |tx| {
            attempts::forget(tx, &subject)?;
            Ok(tx.unchanged(()))
        })
        .await
    }
}

fn refuse(wait: Option<TimeDelta>) -> Result<(), Error> {
    match wait {
        None => Ok(()),
        Some(wait) => {
            // Rounded up: whoever comes back then is let in.
            let retry_after_seconds = u64::try_from((wait.num_milliseconds() + 999) / 1000).unwrap_or(1).max(1);
            Err(Error::TooManyAttempts { retry_after_seconds })
        }
    }
}

/// A hash: what people mistype into a sign-in is not kept.
fn account_key(email: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(email.trim().to_lowercase().as_bytes()))
}
