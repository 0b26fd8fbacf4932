//! The name of an answer: what was asked, and by whom as far as that matters.

use sha2::{Digest, Sha256};

/// The name of an answer. Made from parts by an encoding that tells every two lists of parts apart, and hashed for where it
/// is kept; the parts go along with the answer and are compared on every read, so that not even a collision could hand an
/// answer to somebody else.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Key {
    group: String,
    whole: Vec<u8>,
}

impl Key {
    /// A key without parts, in a group: the first word of its name, by which it is counted and can be thrown away.
    pub fn new(group: &str) -> Self {
        let group: String = group.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        Self { whole: Vec::new(), group: group.clone() }.with(group)
    }

    /// The same key with one more part. The length goes before the bytes: no two lists of parts are written alike.
    #[must_use]
    pub fn with(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        let length = u64::try_from(part.len()).expect("no part is longer than the memory");
        self.whole.extend(length.to_be_bytes());
        self.whole.extend(part);
        self
    }

    /// The group.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The parts, as they are compared.
    pub(crate) fn whole(&self) -> &[u8] {
        &self.whole
    }

    /// Where it is kept.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.whole).into()
    }
}
