//! What a subscriber has missed, read from the log, page by page; and who they are at this moment.

use std::collections::HashMap;

use bytestring::ByteString;
use crm_domain::{
    Change, RecordedChange,
    access::{Actor, Grant, Read, policy},
};
use crm_persistence::{api_keys, changes, notifications, sessions};

use super::{Closing, Connection, Rights, message};
use crate::{App, Credential, Error, SignedIn, app::system_grant, changes::readable};

/// How many changes are read in one go.
const PAGE: u32 = 500;

/// How far a replay has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Replay {
    /// The next position is behind this one.
    pub after: i64,
    is_first: bool,
}

/// One step of a replay.
#[derive(Debug)]
pub enum Replayed {
    /// Send these; there is more.
    Page(Vec<ByteString>, Replay),
    /// Send these; that was all, up to this position.
    Done(Vec<ByteString>, i64),
    /// The history is not there; the log stands at this position.
    Gone(i64),
}

impl Replay {
    /// From behind a position.
    pub const fn after(after: i64) -> Self {
        Self { after, is_first: true }
    }
}

impl Connection {
    /// Reads the next page of what was missed of the wanted topics, as far as the subscriber may see it now.
    pub async fn replay(&self, from: Replay) -> Result<Replayed, Error> {
        let (caller, topics) = (self.caller.clone(), self.session.topics().clone());
        let read = self
            .app
            .read(move |tx| {
                let grant: Grant<Read, Change> = system_grant("replay of missed events")?;
                let head = changes::heads(tx)?.changes;
                let is_gone = from.after > head
                    || (from.after < head && changes::oldest(tx)?.is_none_or(|oldest| oldest > from.after + 1));
                if is_gone {
                    return Ok(Replayed::Gone(head));
                }
                let page = changes::after(tx, &grant, &readable(&caller.actor), from.after, PAGE)?;
                let is_full = page.len() == PAGE as usize;
                let upto = page.last().and_then(|last| last.position).filter(|_| is_full).unwrap_or(head);
                // Who has come as far as a position may have missed a notification that stands there.
                let since = if from.is_first { from.after } else { from.after + 1 };
                let told = if topics.want_notifications() {
                    notifications::of_user_between(tx, &grant, caller.user.id, (since, upto))?
                } else {
                    Vec::new()
                };
                let mut frames: Vec<(i64, bool, ByteString)> = Vec::new();
                for change in page.iter().filter(|change| topics.want(change.resource, change.id)) {
                    if let Some(position) = change.position.filter(|position| *position <= upto) {
                        frames.push((position, false, message::change(position, change)));
                    }
                }
                if !told.is_empty() {
                    let unread =
                        notifications::unread_count(tx, caller.user.id, crm_domain::values::Timestamp::EARLIEST)?;
                    let one = |told: notifications::Delivered| {
                        (told.position, true, message::notification(told.position, &told.notification, unread))
                    };
                    frames.extend(told.into_iter().map(one));
                }
                frames.sort_by_key(|(position, is_notification, _)| (*position, *is_notification));
                let frames = frames.into_iter().map(|(.., frame)| frame).collect();
                Ok(if is_full {
                    Replayed::Page(frames, Replay { after: upto, is_first: false })
                } else {
                    Replayed::Done(frames, upto)
                })
            })
            .await?;
        // Read after the changes: whatever was committed after a right was withdrawn is not told by it.
        self.verify().await?;
        Ok(if self.control.closing().is_some() { Replayed::Done(Vec::new(), from.after) } else { read })
    }

    /// The changes behind a position that the subscriber may read in the change log now, with all that it says of them; none
    /// where they may not read it any more.
    pub async fn read_log(&self, after: i64, limit: u32) -> Result<Vec<RecordedChange>, Error> {
        let grant: Grant<Read, Change> = policy::authorise(&self.caller.actor)?;
        let page = self.app.changes().read_after(grant, after, limit).await?;
        self.verify().await?;
        Ok(if self.control.closing().is_some() { Vec::new() } else { page })
    }

    /// Looks whether the subscriber is still who they were when they came, and closes the connection if not.
    pub(super) async fn verify(&self) -> Result<(), Error> {
        let present = self.app.present(vec![self.caller.credential]).await?;
        match present.get(&self.caller.credential) {
            None => self.app.hub().withdraw(&self.control, Closing::SessionEnded),
            Some(rights) if *rights != *self.rights => {
                self.app.hub().withdraw(&self.control, Closing::RightsChanged);
            }
            Some(_) => {}
        }
        Ok(())
    }
}

impl SignedIn {
    pub(super) fn may_read_notifications(&self) -> bool {
        policy::authorise::<Read, crm_domain::Notification>(&self.actor).is_ok()
    }
}

impl App {
    /// What those of these callers may at this moment who are still let in.
    pub(crate) async fn present(&self, credentials: Vec<Credential>) -> Result<HashMap<Credential, Rights>, Error> {
        let present = self.present_callers(credentials).await?;
        Ok(present.into_iter().map(|caller| (caller.credential, Rights::of(&caller))).collect())
    }

    /// Those of these callers who are still let in, as they are at this moment.
    pub(super) async fn present_callers(&self, credentials: Vec<Credential>) -> Result<Vec<SignedIn>, Error> {
        let (app, now) = (self.clone(), self.now());
        self.read(move |tx| {
            let (mut of_sessions, mut of_keys) = (Vec::new(), Vec::new());
            for credential in credentials {
                match credential {
                    Credential::Session(session) => of_sessions.push(session),
                    Credential::ApiKey(key) => of_keys.push(key),
                }
            }
            let mut present = Vec::with_capacity(of_sessions.len() + of_keys.len());
            for (session, user, role, standing) in sessions::present(tx, &of_sessions, now)? {
                let second_factor = app.standing(&role, standing);
                let actor = Actor::user(user.id, user.stamps.team_id, role);
                present.push(SignedIn { credential: Credential::Session(session), user, actor, second_factor });
            }
            for (key, user, role, standing) in api_keys::present(tx, &of_keys, now)? {
                let second_factor = app.standing(&role, standing);
                let actor = Actor::user(user.id, user.stamps.team_id, role.limited_to(&key.rules));
                present.push(SignedIn { credential: Credential::ApiKey(key.id), user, actor, second_factor });
            }
            Ok(present)
        })
        .await
    }
}
