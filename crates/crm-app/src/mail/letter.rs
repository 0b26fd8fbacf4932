//! What letters say, in the language of their reader. Plain text: a letter about a password should look like nothing else.

use crm_domain::{Locale, User, values::EmailAddress};
use secrecy::{ExposeSecret, SecretString};

/// A letter, ready to be sent.
#[derive(Clone)]
pub(crate) struct Letter {
    /// Who it is to.
    pub(crate) to: EmailAddress,
    /// What it is about.
    pub(crate) subject: &'static str,
    /// What it says; there may be a secret in it.
    pub(crate) text: SecretString,
}

impl Letter {
    /// A link for a new password.
    ///
    /// The token stands behind the `#`: a browser sends that to no server, so it is in no log on the way.
    pub(crate) fn reset(user: &User, public_url: &str, token: &SecretString) -> Self {
        let link = format!("{public_url}/password-reset#{}", token.expose_secret());
        let (subject, text) = match user.locale {
            Locale::En => (
                "Set a new password",
                format!(
                    "Hello {name},\n\nsomebody, perhaps you, asked for a new password for your account. You can set one \
                     within an hour:\n\n{link}\n\nThe link works once, and it ends all your sessions. If you did not ask \
                     for this, you need not do anything: your password stays as it is.\n",
                    name = user.name
                ),
            ),
            Locale::Fr => (
                "Choisir un nouveau mot de passe",
                format!(
                    "Bonjour {name},\n\nune demande de nouveau mot de passe a été faite pour votre compte. Vous pouvez en \
                     choisir un dans l'heure :\n\n{link}\n\nLe lien ne fonctionne qu'une fois et ferme toutes vos sessions. \
                     Si vous n'êtes pas à l'origine de cette demande, vous n'avez rien à faire : votre mot de passe reste \
                     le même.\n",
                    name = user.name
                ),
            ),
        };
        Self { to: user.email.clone(), subject, text: text.into() }
    }
}
