//! Refreshing under race and theft, as a machine of states: whatever its user and a thief do with the tokens of one sign-in,
//! in turns or at once, it never has two live families, and a token that comes twice ends it.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod support;

use std::{sync::Arc, time::Duration};

use crm_app::{ACCESS, App, Error, LoggedIn, ManualClock, REFRESH};
use crm_domain::{
    Session, SessionId, UserId,
    access::{Actor, BuiltInRole},
    values::Timestamp,
};
use crm_persistence::{Stamp, StoreError, sessions};
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use support::{on_each_app, user};

/// What somebody does. Tokens are numbered from the newest, whoever holds them: a thief has what its user has.
#[derive(Clone, Debug)]
enum Step {
    /// A token is shown.
    Refresh(usize),
    /// Two are shown at once.
    Race(usize, usize),
    /// Three are shown at once.
    Rush(usize, usize, usize),
    /// Its user signs out.
    SignOut,
    /// Time goes by, in minutes.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let token = 0..3_usize;
    prop_oneof![
        5 => prop_oneof![4 => Just(0), 1 => token.clone()].prop_map(Step::Refresh),
        4 => (token.clone(), token.clone()).prop_map(|(one, other)| Step::Race(one, other)),
        2 => (token.clone(), token.clone(), token).prop_map(|(one, two, three)| Step::Rush(one, two, three)),
        1 => Just(Step::SignOut),
        2 => prop_oneof![3 => 1..20_u64, 1 => Just(30 * 24 * 60)].prop_map(Step::Wait),
    ]
}

/// One sign-in, with what must be true of it.
struct Family<'a> {
    app: &'a App,
    clock: &'a ManualClock,
    refresh: Vec<SecretString>,
    access: Vec<SecretString>,
    /// Whether the session has not ended.
    is_live: bool,
    /// When the newest tokens were given.
    renewed_at: Timestamp,
}

impl<'a> Family<'a> {
    /// A session as a sign-in leaves it, without the price of a password.
    fn begun(app: &'a App, clock: &'a ManualClock, user_id: UserId, number: u128) -> Self {
        let at = app.now();
        let token = |kind: &str| format!("crm_{kind}_{number:0>43}");
        let hash = |token: &str| Sha256::digest(token.as_bytes()).into();
        let (access, refresh) = (token("at"), token("rt"));
        let new = sessions::NewSession {
            access_hash: hash(&access),
            refresh_hash: hash(&refresh),
            address: None,
            agent: None,
        };
        let session = Session {
            id: SessionId::from_u128(number),
            user_id,
            created_at: at,
            access_expires_at: at.plus(ACCESS),
            refresh_expires_at: at.plus(REFRESH),
        };
        let stamp = Stamp { actor: Actor::system("test fixture"), at, import_id: None };
        let written: Result<(), StoreError> = app.database().write(stamp, |tx| {
            sessions::insert(tx, &session, &new)?;
            Ok(tx.unchanged(()))
        });
        written.unwrap();
        let (refresh, access) = (vec![refresh.into()], vec![access.into()]);
        Self { app, clock, refresh, access, is_live: true, renewed_at: at }
    }

    /// The place of a token, numbered from the newest.
    fn place(&self, from_newest: usize) -> usize {
        self.refresh.len() - 1 - from_newest % self.refresh.len()
    }

    fn is_younger_than(&self, age: chrono::TimeDelta) -> bool {
        self.app.now() < self.renewed_at.plus(age)
    }

    async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Refresh(token) => self.show(&[token]).await?,
            Step::Race(one, other) => self.show(&[one, other]).await?,
            Step::Rush(one, two, three) => self.show(&[one, two, three]).await?,
            Step::SignOut => {
                if let Ok(signed_in) = self.app.sessions().actor(self.access.last().unwrap()).await {
                    self.app.sessions().logout(&signed_in).await.unwrap();
                    self.is_live = false;
                }
            }
            Step::Wait(minutes) => self.clock.advance(Duration::from_secs(minutes * 60)),
        }
        self.check().await
    }

    /// Shows tokens at once, and works out what must have come of it.
    async fn show(&mut self, tokens: &[usize]) -> Result<(), TestCaseError> {
        let places: Vec<usize> = tokens.iter().map(|token| self.place(*token)).collect();
        let shown: Vec<SecretString> = places.iter().map(|place| self.refresh[*place].clone()).collect();
        let tasks: Vec<_> = shown
            .into_iter()
            .map(|token| {
                let app = self.app.clone();
                tokio::spawn(async move { app.sessions().refresh(&token).await })
            })
            .collect();
        let mut renewed: Vec<LoggedIn> = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(pair) => renewed.push(pair),
                Err(error) => prop_assert!(matches!(error, Error::Unauthenticated), "{}", error),
            }
        }
        let newest = self.refresh.len() - 1;
        let works = self.is_live && self.is_younger_than(REFRESH);
        let of_newest = places.iter().filter(|place| **place == newest).count();
        let is_alone = places.len() == 1;
        if is_alone {
            prop_assert_eq!(renewed.len(), usize::from(works && of_newest == 1), "a token works once");
        } else {
            prop_assert!(renewed.len() <= usize::from(works && of_newest > 0), "a token works once: {:?}", places);
        }
        // Whoever shows what has been shown before is a thief, or was stolen from.
        self.is_live = works && is_alone && of_newest == 1;
        for pair in renewed {
            self.refresh.push(pair.refresh_token);
            self.access.push(pair.access_token);
            self.renewed_at = self.app.now();
        }
        Ok(())
    }

    /// Of all access tokens that were ever given at most the newest works, and it does as long as the family lives.
    async fn check(&self) -> Result<(), TestCaseError> {
        let newest = self.access.len() - 1;
        for (place, token) in self.access.iter().enumerate() {
            let works = self.app.sessions().actor(token).await.is_ok();
            let must = place == newest && self.is_live && self.is_younger_than(ACCESS);
            prop_assert_eq!(works, must, "access token {} of {}", place, newest + 1);
        }
        Ok(())
    }
}

async fn interleave(app: App, clock: Arc<ManualClock>, cases: u32) {
    let (ann, _) = user(&app, "ann", BuiltInRole::User).await;
    let runtime = tokio::runtime::Handle::current();
    let all = tokio::task::spawn_blocking(move || {
        let number = std::cell::Cell::new(0_u128);
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        TestRunner::new(config).run(&prop::collection::vec(step(), 2..12), |steps| {
            number.set(number.get() + 1);
            let mut family = Family::begun(&app, &clock, ann.id, number.get());
            runtime.block_on(async {
                for step in &steps {
                    family.take(step).await?;
                }
                Ok(())
            })
        })
    });
    all.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_shown_in_whatever_order_a_sign_in_has_one_family_or_none() {
    on_each_app(async |app, clock| interleave(app, clock, 64).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "ten thousand interleavings on each database take minutes"]
async fn ten_thousand_interleavings_never_leave_two_live_families() {
    on_each_app(async |app, clock| interleave(app, clock, 10_000).await).await;
}
