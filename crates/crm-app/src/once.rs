//! Idempotency: the first answer of a `POST` is stored with its effect, and repeated for the same key.

use crm_persistence::{
    Recorded, WriteTx,
    idempotency::{self, Begun, Key},
};

use crate::{Answer, Error};

/// The key that a client gave to its request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdempotencyKey {
    /// The path of the request.
    pub path: String,
    /// The key itself.
    pub key: String,
    /// SHA-256 of the body: the same key with another body is refused.
    pub body_hash: [u8; 32],
}

/// How an answer is rendered inside its unit of work, and the key under which it is stored.
#[derive(Clone, Debug)]
pub struct Once<T> {
    /// The client's key; without one nothing is stored. Keys belong to users: jobs of the system have none.
    pub key: Option<IdempotencyKey>,
    /// Renders the answer.
    pub render: fn(&T) -> Answer,
}

impl<T> Once<T> {
    /// An answer that is not stored.
    pub const fn unkeyed(render: fn(&T) -> Answer) -> Self {
        Self { key: None, render }
    }

    /// Does the work and stores its answer, or repeats the answer of the first time.
    pub(crate) fn run(
        self,
        tx: &mut WriteTx,
        work: impl FnOnce(&mut WriteTx) -> Result<Recorded<T>, Error>,
    ) -> Result<Recorded<Answer>, Error> {
        let Some(key) = self.key.zip(tx.actor().user_id()) else {
            return Ok(work(tx)?.map(|value| (self.render)(&value)));
        };
        let (IdempotencyKey { path, key, body_hash }, user) = key;
        let key = Key { user, path, key, body_hash };
        match idempotency::begin(tx, &key)? {
            Begun::First => {
                let recorded = work(tx)?.map(|value| (self.render)(&value));
                idempotency::finish(tx, &key, recorded.value())?;
                Ok(recorded)
            }
            Begun::Replay(answer) => Ok(tx.unchanged(answer)),
            Begun::OtherBody => Err(Error::IdempotencyReused),
        }
    }
}
