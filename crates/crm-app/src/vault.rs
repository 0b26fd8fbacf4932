//! Sealing of what must be read again and so cannot be a hash: the secrets of second factors and of webhooks.
//!
//! ChaCha20-Poly1305 under a key that stands in the settings and not in the database, so that a copy of the database makes
//! no codes. What is sealed for one user, or for one webhook, opens for no other.

use std::fmt;

use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
};
use secrecy::{ExposeSecret, SecretString};

use crate::Error;

/// The shortest secret of the settings, in characters.
pub const SHORTEST_SECRET: usize = 32;

/// The first byte of what is sealed: how it was.
const FORM: u8 = 1;

/// Why a secret is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WeakSecret {
    /// Too few characters.
    #[error("must have {SHORTEST_SECRET} characters or more; make one with `openssl rand -base64 32`")]
    Short,
    /// It stands in an example, or is one thing again and again.
    #[error("is an example and no secret; make one with `openssl rand -base64 32`")]
    Example,
}

/// The key by which secrets are sealed.
#[derive(Clone)]
pub struct Vault(LessSafeKey);

impl Vault {
    /// A vault whose key is worked out from the secret of the settings.
    pub fn new(secret: &SecretString) -> Result<Self, WeakSecret> {
        let text = secret.expose_secret();
        if text.chars().count() < SHORTEST_SECRET {
            return Err(WeakSecret::Short);
        }
        if is_example(text) {
            return Err(WeakSecret::Example);
        }
        Ok(Self::from_bytes(text.as_bytes()))
    }

    /// A vault whose key nobody keeps, for tests and for commands that open nothing.
    pub fn forgotten() -> Result<Self, Error> {
        let mut bits = [0; 32];
        getrandom::fill(&mut bits).map_err(Error::internal)?;
        Ok(Self::from_bytes(&bits))
    }

    fn from_bytes(secret: &[u8]) -> Self {
        let secret = Salt::new(HKDF_SHA256, b"crm").extract(secret);
        let key = secret.expand(&[b"second factors"], &CHACHA20_POLY1305).expect("one key is not too long for HKDF");
        Self(LessSafeKey::new(UnboundKey::from(key)))
    }

    /// Seals a secret of somebody.
    pub(crate) fn seal(&self, owner: &[u8], secret: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(Error::internal)?;
        let mut text = secret.to_vec();
        let sealed = self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner), &mut text);
        sealed.map_err(|_| Error::internal("a secret could not be sealed"))?;
        Ok([&[FORM][..], &nonce, &text].concat())
    }

    /// Opens what was sealed for somebody; none when it was sealed by another key, for somebody else, or was changed.
    pub(crate) fn open(&self, owner: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.strip_prefix(&[FORM])?.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, Aad::from(owner), &mut text).ok()?;
        Some(opened.to_vec())
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Vault")
    }
}

/// Words that stand in examples, or so few different characters that somebody leaned on a key.
fn is_example(secret: &str) -> bool {
    const FEWEST_CHARACTERS: usize = 10;
    let lower = secret.to_lowercase();
    let words =
        ["example", "exemple", "change", "secret", "password", "your-", "your_", "xxxx", "1234567890", "abcdef"];
    let mut characters: Vec<char> = lower.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    words.iter().any(|word| lower.contains(word)) || characters.len() < FEWEST_CHARACTERS
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "Tq8vN2zL7kWm4RyXc0Hj9uPfEs5bDgAo";

    fn vault(secret: &str) -> Result<Vault, WeakSecret> {
        Vault::new(&secret.into())
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_secret_for_the_same_owner_alone() {
        let sealed = vault(SECRET).unwrap().seal(b"ann", b"text").unwrap();
        assert_eq!(vault(SECRET).unwrap().open(b"ann", &sealed).as_deref(), Some(&b"text"[..]));
        assert_eq!(vault(SECRET).unwrap().open(b"bob", &sealed), None);
        assert_eq!(vault(&format!("{SECRET}!")).unwrap().open(b"ann", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(vault(SECRET).unwrap().open(b"ann", &changed), None, "byte {at}");
        }
        assert_eq!(vault(SECRET).unwrap().open(b"ann", &[]), None);
    }

    #[test]
    fn the_same_secret_is_never_sealed_the_same_way_and_never_shown() {
        let vault = vault(SECRET).unwrap();
        let [one, other] = [(); 2].map(|()| vault.seal(b"ann", b"a secret text").unwrap());
        assert_ne!(one, other);
        assert!(!one.windows(6).any(|part| part == b"secret"));
        assert_eq!(format!("{vault:?}"), "Vault");
    }

    #[test]
    fn short_secrets_and_examples_are_refused() {
        for (secret, weak) in [
            ("", WeakSecret::Short),
            (&SECRET[1..], WeakSecret::Short),
            ("change-me-change-me-change-me-change-me", WeakSecret::Example),
            ("this-is-an-EXAMPLE-of-a-long-enough-text", WeakSecret::Example),
            ("abababababababababababababababababababab", WeakSecret::Example),
            ("12345678901234567890123456789012", WeakSecret::Example),
        ] {
            assert_eq!(vault(secret).err(), Some(weak), "{secret}");
        }
    }
}
