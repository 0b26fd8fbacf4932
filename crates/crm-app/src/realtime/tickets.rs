//! Tickets: how a browser, which cannot send headers with a socket, says who it is. One is good for one socket and half a
//! minute, so that an address with it in some log is worth nothing.

use chrono::TimeDelta;
use crm_domain::access::Actor;
use crm_persistence::realtime_tickets::{self, TicketFor};
use secrecy::SecretString;

use super::Realtime;
use crate::{Credential, Error, SignedIn, token::TokenKind};

/// How long a ticket works.
pub const TICKET: TimeDelta = TimeDelta::seconds(30);

impl Realtime {
    /// A ticket for the caller, told this once.
    pub async fn issue_ticket(&self, caller: &SignedIn) -> Result<SecretString, Error> {
        let (ticket, hash) = TokenKind::Ticket.issue()?;
        let of = match caller.credential {
            Credential::Session(session) => TicketFor::Session(session),
            Credential::ApiKey(key) => TicketFor::ApiKey(key),
        };
        self.app
            .write(&caller.actor, move |tx| {
                realtime_tickets::insert(tx, &hash, of, tx.at().plus(TICKET))?;
                Ok(tx.unchanged(()))
            })
            .await?;
        Ok(ticket)
    }

    /// Uses a ticket up: whoever asked for it, as they are now.
    pub async fn redeem_ticket(&self, ticket: &SecretString) -> Result<SignedIn, Error> {
        let hash = TokenKind::Ticket.hash_of(ticket).ok_or(Error::Unauthenticated)?;
        let of = self
            .app
            .write(&Actor::system("use of a ticket"), move |tx| {
                let of = realtime_tickets::redeem(tx, &hash)?;
                Ok(tx.unchanged(of))
            })
            .await?;
        let credential = match of.ok_or(Error::Unauthenticated)? {
            TicketFor::Session(session) => Credential::Session(session),
            TicketFor::ApiKey(key) => Credential::ApiKey(key),
        };
        self.app.present_callers(vec![credential]).await?.pop().ok_or(Error::Unauthenticated)
    }
}
