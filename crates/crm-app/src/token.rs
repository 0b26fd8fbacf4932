//! Tokens: 256 random bits with a recognisable prefix. The store knows their SHA-256 alone, so that nobody who reads the
//! database can sign in. A plain hash is enough: there is nothing to guess in 256 random bits.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::Error;

/// The kinds of tokens, by their prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TokenKind {
    Access,
    Refresh,
    ApiKey,
    /// Lets its holder set a new password once.
    Reset,
    /// Lets its holder open one socket.
    Ticket,
}

impl TokenKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "crm_at_",
            Self::Refresh => "crm_rt_",
            Self::ApiKey => "crm_ak_",
            Self::Reset => "crm_pr_",
            Self::Ticket => "crm_st_",
        }
    }

    /// A new token and its hash.
    pub(crate) fn issue(self) -> Result<(SecretString, [u8; 32]), Error> {
        let mut bits = [0; 32];
        getrandom::fill(&mut bits).map_err(Error::internal)?;
        let token = format!("{}{}", self.prefix(), URL_SAFE_NO_PAD.encode(bits));
        let hash = hash(&token);
        Ok((token.into(), hash))
    }

    /// The hash of a token of this kind; none for anything else, which saves a look at the database.
    pub(crate) fn hash_of(self, token: &SecretString) -> Option<[u8; 32]> {
        /// Base64 of 32 bytes without padding.
        const LENGTH: usize = 43;
        let token = token.expose_secret();
        let bits = token.strip_prefix(self.prefix())?;
        (bits.len() == LENGTH).then(|| hash(token))
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_known_by_their_prefix() {
        let (one, hash) = TokenKind::Access.issue().expect("the system has random bits");
        let (other, _) = TokenKind::Access.issue().expect("the system has random bits");
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert!(one.expose_secret().starts_with("crm_at_"));
        assert_eq!(TokenKind::Access.hash_of(&one), Some(hash));
        assert_eq!(TokenKind::Refresh.hash_of(&one), None);
        assert_eq!(TokenKind::Access.hash_of(&"crm_at_short".into()), None);
    }
}
