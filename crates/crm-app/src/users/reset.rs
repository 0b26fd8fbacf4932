//! A new password by a link: asked for by anybody, sent to whoever has the address.
//!
//! The answer to whoever asks is always the same, at once: all that depends on the address happens afterwards.

use crm_domain::{access::Actor, values::EmailAddress};
use crm_persistence::{attempts, password_resets, users};

use super::{RESET, Users};
use crate::{
    App, Error, Origin, limits,
    mail::{Letter, Order, Post},
    token::TokenKind,
};

impl Users {
    /// Asks for a link. Whether there is such an account, and whether a letter is sent, nobody is told.
    pub async fn ask_for_reset(&self, email: String, origin: &Origin) -> Result<(), Error> {
        if matches!(self.app.settings().mail.post, Post::None) {
            return Err(Error::NoMail);
        }
        if let Some(address) = origin.address {
            self.app.count_attempt(vec![limits::resets_from(address)]).await?;
        }
        self.app.mail().order(Order::Reset { email })
    }
}

impl App {
    /// The letter for somebody who asked for a new password; none where nobody has the address, where they may not sign in,
    /// or where they have been written to often enough.
    pub(crate) async fn reset_letter(&self, email: &str) -> Result<Option<Letter>, Error> {
        let Ok(address) = EmailAddress::parse(email) else { return Ok(None) };
        let subject = limits::resets_of(email);
        let (token, hash) = TokenKind::Reset.issue()?;
        let found = self
            .write(&Actor::system("link for a new password"), move |tx| {
                let user = users::credentials(tx, &address)?.map(|(user, _)| user).filter(|user| user.is_active);
                let Some(user) = user else { return Ok(tx.unchanged(None)) };
                if attempts::count(tx, &subject)?.is_some() {
                    return Ok(tx.unchanged(None));
                }
                password_resets::begin(tx, user.id, &hash, tx.at().plus(RESET))?;
                Ok(tx.unchanged(Some(user)))
            })
            .await?;
        Ok(found.map(|user| Letter::reset(&user, &self.settings().mail.public_url, &token)))
    }
}
