//! Which records a file has spoken of already, and which of their fields.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// The most keys that are remembered: up to 75 MB. A file that goes beyond forgets the oldest of them part by part, so that
/// a record that it comes back to is treated as at its first mention; with two keys for a record only a file of more than
/// two million records can get there.
const MOST: usize = 4_000_000;

/// In how many parts they are kept. Each grows and is forgotten alone, so that growing never holds everything twice.
const SHARDS: usize = 256;

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
#[derive(Debug)]
pub(super) struct Seen(Vec<Shard>);

impl Default for Seen {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Shard::default()).collect())
    }
}

impl Seen {
    /// What the file has said so far about the record with one of these keys; none when it has not mentioned it.
    pub(super) fn of<'k>(&self, keys: impl IntoIterator<Item = &'k Key>) -> Option<Fields> {
        let known = |key| {
            let hash = hash(key);
            self.0[shard_of(hash)].get(hash)
        };
        keys.into_iter().filter_map(known).reduce(Fields::and)
    }

    /// Remembers that the file filled these fields of the record with these keys.
    pub(super) fn remember<'k>(&mut self, keys: impl IntoIterator<Item = &'k Key>, fields: Fields) {
        for hash in keys.into_iter().map(hash) {
            self.0[shard_of(hash)].add(hash, fields);
        }
    }
}

/// A part of the keys: a table with open addressing, in twelve bytes for each place. A hash of zero is a free place.
#[derive(Debug, Default)]
struct Shard {
    hashes: Vec<u64>,
    fields: Vec<Fields>,
    used: usize,
}

impl Shard {
    fn get(&self, hash: u64) -> Option<Fields> {
        let at = self.place(hash)?;
        (self.hashes[at] == hash).then(|| self.fields[at])
    }

    fn add(&mut self, hash: u64, fields: Fields) {
        // A fifth of the places stays free, so that the way to a place stays short.
        if self.used * 5 >= self.hashes.len() * 4 {
            self.grow();
        }
        let at = self.place(hash).expect("a table that has just grown has places");
        self.used += usize::from(self.hashes[at] == 0);
        self.hashes[at] = hash;
        self.fields[at] = self.fields[at].and(fields);
    }

    /// The place of a hash, or the free one where it would go.
    fn place(&self, hash: u64) -> Option<usize> {
        let places = self.hashes.len();
        let first = first_place(hash, places)?;
        (first..places).chain(0..first).find(|at| matches!(self.hashes[*at], 0) || self.hashes[*at] == hash)
    }

    /// Makes room, by a quarter; a part that has reached its share of the limit begins anew.
    fn grow(&mut self) {
        let old = std::mem::take(self);
        if old.used >= MOST / SHARDS {
            return self.resize(old.hashes.len());
        }
        self.resize((old.hashes.len() * 5 / 4).max(64));
        for (hash, fields) in old.hashes.into_iter().zip(old.fields).filter(|(hash, _)| *hash != 0) {
            self.add(hash, fields);
        }
    }

    fn resize(&mut self, places: usize) {
        self.hashes = vec![0; places];
        self.fields = vec![Fields::default(); places];
    }
}

/// The low bits choose the part, the high ones the place in it.
fn shard_of(hash: u64) -> usize {
    usize::try_from(hash % SHARDS as u64).expect("there are few parts")
}

fn first_place(hash: u64, places: usize) -> Option<usize> {
    let at = (u128::from(hash) * places as u128) >> 64;
    usize::try_from(at).ok().filter(|at| *at < places)
}

fn hash(key: &Key) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(key).max(1)
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

    #[test]
    fn many_keys_are_each_found_again_with_their_own_fields() {
        let mut seen = Seen::default();
        let key = |number: usize| format!("licence:{number}");
        for number in 0..200_000 {
            seen.remember([&key(number)], Fields::default().with(number % 31));
        }
        for number in 0..200_000 {
            assert_eq!(seen.of([&key(number)]), Some(Fields::default().with(number % 31)), "{number}");
        }
        assert!((200_000..400_000).all(|number| seen.of([&key(number)]).is_none()));
    }

    #[test]
    fn a_part_that_is_full_begins_anew_and_takes_no_more_room() {
        let mut shard = Shard::default();
        let places = |shard: &Shard| shard.hashes.capacity().max(shard.fields.capacity());
        let most = (MOST / SHARDS) as u64;
        for hash in 1..=10 * most {
            shard.add(hash.wrapping_mul(0x9E37_79B9_7F4A_7C15), Fields::default());
            assert!(places(&shard) < MOST / SHARDS * 5 / 4 * 5 / 4 + 2);
        }
        let newest = (10 * most).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        assert!(shard.get(newest).is_some() && shard.get(0x9E37_79B9_7F4A_7C15).is_none());
    }
}
