//! What a caller expects of a record before it changes it, and what it says that the record shall become.

use crm_domain::{Invalid, Version};
use crm_persistence::{Recorded, StoreError, WriteTx};
use serde::Serialize;

use crate::Error;

/// The version that a record must have for a change to happen (`If-Match`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expected {
    /// Whatever it is: the caller knows that it may overwrite.
    Any,
    /// This one.
    Version(Version),
}

impl Expected {
    /// [`Error::Stale`] with the record as it is, unless its version is the expected one.
    pub(crate) fn check<T: Serialize>(self, current: Version, record: &T) -> Result<(), Error> {
        match self {
            Self::Version(expected) if expected != current => {
                let current = serde_json::to_value(record).map_err(Error::internal)?;
                Err(Error::Stale { current })
            }
            Self::Any | Self::Version(_) => Ok(()),
        }
    }
}

/// A body that has been read, well or not. A bad one is told only when the record has been found and its version is the
/// expected one: 404 goes before 412, and 412 before 422.
#[derive(Clone, Debug)]
pub struct Input<P>(Result<P, Invalid>);

impl<P> Input<P> {
    pub(crate) fn get(&self) -> Result<&P, Error> {
        self.0.as_ref().map_err(|invalid| Error::Invalid(invalid.clone()))
    }

    /// The same body, seen otherwise.
    pub(crate) fn map<Q>(self, change: impl FnOnce(P) -> Q) -> Input<Q> {
        Input(self.0.map(change))
    }
}

impl<P> From<P> for Input<P> {
    fn from(patch: P) -> Self {
        Self(Ok(patch))
    }
}

impl<P> From<Result<P, Invalid>> for Input<P> {
    fn from(read: Result<P, Invalid>) -> Self {
        Self(read)
    }
}

/// How often an attempt is made. Each time somebody else has been faster; as many as write connections can be before us,
/// again and again only by chance.
const ATTEMPTS: usize = 20;

/// Repeats an attempt whose record moved on between being read and being saved, which only PostgreSQL lets happen. The
/// next attempt sees the new version, so an expectation that no longer holds is told with the record as it is.
pub(crate) fn settled<T>(mut attempt: impl FnMut() -> Result<Result<T, StoreError>, Error>) -> Result<T, Error> {
    for _ in 1..ATTEMPTS {
        match attempt()? {
            Err(StoreError::Stale { .. }) => {}
            done => return Ok(done?),
        }
    }
    Ok(attempt()??)
}

/// Whether another record has a value that may stand once.
pub(crate) fn is_taken(refusal: &Error) -> bool {
    matches!(refusal, Error::Conflict { code: "taken", .. })
}

/// Changes the record that has a key, or makes it. The key is this unit of work's alone from here to its end, so of two that
/// come with the same one the second finds what the first has made. Who makes such a record in another way may still come
/// in between, which only PostgreSQL lets happen: what could not be made is looked for again, and changed.
pub(crate) fn upserted<K: Copy + PartialEq, T>(
    tx: &mut WriteTx,
    key: &str,
    find: impl Fn(&mut WriteTx) -> Result<Option<K>, Error>,
    mut make: impl FnMut(&mut WriteTx) -> Result<Recorded<T>, Error>,
    mut change: impl FnMut(&mut WriteTx, K) -> Result<Recorded<T>, Error>,
) -> Result<Recorded<T>, Error> {
    tx.keep_alone(key)?;
    let mut found = find(tx)?;
    for _ in 1..ATTEMPTS {
        let done = match found {
            None => tx.savepoint(&mut make),
            Some(id) => change(tx, id),
        };
        let Err(refusal) = done else { return done };
        let may_be_overtaken = matches!(refusal, Error::NotFound) || is_taken(&refusal);
        let before = found;
        if may_be_overtaken {
            found = find(tx)?;
        }
        if found == before {
            return Err(refusal);
        }
    }
    Err(Error::BUSY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stale() -> StoreError {
        StoreError::Stale { current: Version::FIRST }
    }

    #[test]
    fn an_expectation_that_fails_tells_the_current_record() {
        assert!(Expected::Any.check(Version::FIRST, &"record").is_ok());
        assert!(Expected::Version(Version::FIRST).check(Version::FIRST, &"record").is_ok());
        let refused = Expected::Version(Version::FIRST.next()).check(Version::FIRST, &"record");
        assert!(matches!(refused, Err(Error::Stale { current }) if current == "record"));
    }

    #[test]
    fn an_attempt_that_was_overtaken_is_made_again() {
        let mut left = 2;
        let done = settled(|| {
            left -= 1;
            Ok(if left > 0 { Err(stale()) } else { Ok("done") })
        });
        assert!(matches!(done, Ok("done")));
    }

    #[test]
    fn attempts_that_are_always_overtaken_end() {
        let mut attempts = 0;
        let done: Result<(), Error> = settled(|| {
            attempts += 1;
            Ok(Err(stale()))
        });
        assert!(matches!(done, Err(Error::Stale { .. })));
        assert_eq!(attempts, ATTEMPTS);
    }
}
