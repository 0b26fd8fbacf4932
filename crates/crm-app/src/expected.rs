//! What a caller expects of a record before it changes it, and what it says that the record shall become.

use crm_domain::{Invalid, Version};
use crm_persistence::StoreError;
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
