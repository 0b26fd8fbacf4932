//! Secrets in bodies: read, never shown, and bounded before anything is worked out from them.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use validator::ValidateLength;

/// A password or a token that a client sent.
#[derive(Clone, Debug)]
pub(crate) struct Secret(pub(crate) SecretString);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// `validator` keeps a copy of what it refuses; it gets this one.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("redacted")
    }
}

/// In bytes: that is what hashing costs.
impl ValidateLength<u64> for Secret {
    fn length(&self) -> Option<u64> {
        Some(self.0.expose_secret().len() as u64)
    }
}
