//! Mail: letters, how they are sent, and the queue between a request and the post.
//!
//! A letter is never sent inside a unit of work, and no request waits for one: whether there is somebody to write to is found
//! out after the answer, so the answer takes the same time either way. What waits when the process ends is lost; whoever
//! waits for it asks again.

mod letter;
mod post;

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{Mutex as AsyncMutex, Notify};

use crate::{App, Error};

pub use post::{Encryption, MailError, Post, SmtpSettings};

pub(crate) use letter::Letter;

/// How many letters may wait.
const MOST_WAITING: usize = 256;

/// Where letters go.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// How they are sent.
    pub post: Post,
    /// Who they are from, as `crm@example.com`.
    pub from: String,
    /// Where the users' part of the service is, without a slash at its end. Links are made from this alone, never from
    /// what a request says.
    pub public_url: String,
}

impl MailSettings {
    /// Nothing is sent.
    pub fn none() -> Self {
        Self { post: Post::None, from: "crm@localhost".to_owned(), public_url: "http://localhost:8080".to_owned() }
    }

    /// Each letter is a file in this folder.
    pub fn files(folder: impl Into<PathBuf>) -> Self {
        Self { post: Post::Files(folder.into()), ..Self::none() }
    }
}

/// What is to be written, and has not been looked at yet.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// A link for a new password, to whoever has this address.
    Reset {
        /// The address as it was given.
        email: String,
    },
}

/// The letters that wait.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    waiting: Mutex<VecDeque<Order>>,
    ordered: Notify,
    round: AsyncMutex<()>,
    stopped: AtomicBool,
}

impl Mail {
    /// Puts an order at the end of the queue; a full queue is [`Error::BUSY`], whoever the letter is for.
    pub(crate) fn order(&self, order: Order) -> Result<(), Error> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MOST_WAITING {
            return Err(Error::BUSY);
        }
        waiting.push_back(order);
        drop(waiting);
        self.ordered.notify_one();
        Ok(())
    }

    /// Runs until [`Mail::stop`].
    pub(crate) fn start(app: &App) {
        let app = app.clone();
        tokio::spawn(async move {
            let mail = app.mail();
            while !mail.stopped.load(Ordering::Acquire) {
                app.send_mail().await;
                mail.ordered.notified().await;
            }
        });
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.ordered.notify_one();
    }

    /// How many letters wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn next(&self) -> Option<Order> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    }
}

impl App {
    /// Writes and sends all letters that wait. What fails is logged, and does not keep the others from being sent.
    pub async fn send_mail(&self) {
        let _round = self.mail().round.lock().await;
        while let Some(order) = self.mail().next() {
            if self.mail().stopped.load(Ordering::Acquire) {
                return;
            }
            let app = self.clone();
            self.job("mail", async move { app.carry_out(order).await }).await;
        }
    }

    async fn carry_out(&self, order: Order) -> Result<(), Error> {
        let Order::Reset { email } = order;
        match self.reset_letter(&email).await? {
            Some(letter) => post::send(self, letter).await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_bounded_and_first_come_is_first_served() {
        let mail = Mail::default();
        let order = |number: usize| Order::Reset { email: number.to_string() };
        for number in 0..MOST_WAITING {
            mail.order(order(number)).expect("there is room");
        }
        assert!(matches!(mail.order(order(999)), Err(Error::Busy { .. })));
        let Some(Order::Reset { email }) = mail.next() else { panic!("there is a first one") };
        assert_eq!(email, "0");
        mail.order(order(999)).expect("there is room again");
    }
}
