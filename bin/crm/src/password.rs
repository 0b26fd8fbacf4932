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
        if source.password_stdin {
            read(std::io::stdin().lock()).map(Self::Given)
        } else {
            Ok(Self::Made(crm_app::password::random()?))
        }
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
}
