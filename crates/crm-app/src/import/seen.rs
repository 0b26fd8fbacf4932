//! Which records a file has spoken of already, and which of their fields.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

/// The most keys that are remembered: 71 MB. A file that goes beyond starts from nothing, so that a record that it comes
/// back to is treated as at its first mention; only a file of more than a million records can get there.
const MOST: usize = 3_600_000;

/// Fields as bits, in the order of the target's list of fields.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Fields(u32);

impl Fields {
    /// Marks a record that this import made; beyond the bits of real fields.
    const MADE: u32 = 1 << 31;

    pub(super) fn has(self, field: usize) -> bool {
        self.0 & (1 << field) != 0
    }

    #[must_use]
    pub(super) fn with(self, field: usize) -> Self {
        Self(self.0 | (1 << field))
    }

    #[must_use]
    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub(super) fn made(self) -> Self {
        Self(self.0 | Self::MADE)
    }

    pub(super) fn is_made(self) -> bool {
        self.0 & Self::MADE != 0
    }
}

/// What a record is recognised by, as text that begins with the kind of the key.
pub(super) type Key = String;

/// The keys that the file has mentioned, each with the fields that it filled. Holds hashes of the keys alone.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<u64, Fields>);

impl Seen {
    /// What the file has said so far about the record with one of these keys; none when it has not mentioned it.
    pub(super) fn of<'k>(&self, keys: impl IntoIterator<Item = &'k Key>) -> Option<Fields> {
        keys.into_iter().filter_map(|key| self.0.get(&hash(key)).copied()).reduce(Fields::and)
    }

    /// Remembers that the file filled these fields of the record with these keys.
    pub(super) fn remember<'k>(&mut self, keys: impl IntoIterator<Item = &'k Key>, fields: Fields) {
        for key in keys {
            if self.0.len() >= MOST {
                self.0.clear();
            }
            let known = self.0.entry(hash(key)).or_default();
            *known = known.and(fields);
        }
    }
}

fn hash(key: &Key) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_known_by_any_of_its_keys() {
        let mut seen = Seen::default();
        let (one, two, three) = ("lei:1".to_owned(), "licence:2".to_owned(), "lei:3".to_owned());
        assert_eq!(seen.of([&one]), None);
        seen.remember([&one, &two], Fields::default().with(3).made());
        seen.remember([&two], Fields::default().with(30));
        let known = seen.of([&three, &two]).expect("it was remembered");
        assert!(known.has(3) && known.has(30) && !known.has(4) && known.is_made());
        assert!(!seen.of([&one]).expect("it was remembered").has(30));
    }
}
