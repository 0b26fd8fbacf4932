//! Passwords of commands: read, or made and told once.

use std::io::BufRead;

use secrecy::SecretString;

use crate::{arguments::PasswordSource, failure::Failure};

/// A password, and whether the caller has to be told because it was made here.
pub enum Password {
    /// It was read.
    Given(SecretString),
    /// It was made.
    Made(SecretString),
}

impl Password {
    /// Reads or makes one.
    pub fn from(source: PasswordSource) -> Result<Self, Failure> {
        if source.password_stdin { read(std::io::stdin().lock()).map(Self::Given) } else { random().map(Self::Made) }
    }

    /// The password itself.
    pub fn secret(&self) -> &SecretString {
        let (Self::Given(secret) | Self::Made(secret)) = self;
        secret
    }

    /// The password, if whoever runs the command does not know it.
    pub fn made(&self) -> Option<&SecretString> {
        match self {
            Self::Given(_) => None,
            Self::Made(secret) => Some(secret),
        }
    }
}

fn read(mut input: impl BufRead) -> Result<SecretString, Failure> {
    let mut line = String::new();
    input.read_line(&mut line).map_err(|error| Failure::because("cannot read the password", &error))?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    Ok(password.strip_suffix('\r').unwrap_or(password).into())
}

/// Without characters that are taken for one another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// 24 of 32 characters: 120 bits.
fn random() -> Result<SecretString, Failure> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|error| Failure::new(format!("no random numbers from the system: {error}")))?;
    let password: String = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    Ok(password.into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_password_is_the_first_line_without_its_end() {
        for (input, password) in [("a b \r\nc", "a b "), ("x", "x"), ("\n", ""), ("", "")] {
            assert_eq!(read(input.as_bytes()).unwrap().expose_secret(), password);
        }
    }

    #[test]
    fn passwords_that_are_made_differ_and_are_taken() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert!(crm_app::password::check(&one, &["ann@example.com"]).is_ok());
    }
}
