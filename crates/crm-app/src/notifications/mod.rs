//! Notifications: what a user can do with their own.

mod news;
mod reminders;

use crm_domain::{
    Notification, NotificationId, NotificationPatch, NotificationPreferences,
    access::{Grant, Read, Update},
    query::Page,
};
use crm_persistence::notifications;

use crate::{Answer, App, Error, Expected, Input, Once, expected::settled};
pub(crate) use news::{News, is_ones_own, tell};
pub use notifications::Shown;

/// The use cases of notifications.
#[derive(Clone, Debug)]
pub struct Notifications {
    pub(crate) app: App,
}

impl Notifications {
    /// A page of the caller's notifications, the newest first.
    pub async fn list(
        &self,
        grant: Grant<Read, Notification>,
        shown: Shown,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<Notification>, Error> {
        let now = self.app.now();
        self.app.read(move |tx| Ok(notifications::list(tx, &grant, shown, cursor.as_deref(), limit, now)?)).await
    }

    /// How many of them have neither been read nor put away.
    pub async fn unread_count(&self, grant: Grant<Read, Notification>) -> Result<i64, Error> {
        let now = self.app.now();
        let Some(user) = grant.actor().user_id() else { return Ok(0) };
        self.app.read(move |tx| Ok(notifications::unread_count(tx, user, now)?)).await
    }

    /// Marks one as read, as put away, or as neither.
    pub async fn update(
        &self,
        grant: Grant<Update, Notification>,
        id: NotificationId,
        expected: Expected,
        input: Input<NotificationPatch>,
    ) -> Result<Notification, Error> {
        let actor = grant.actor().clone();
        self.app
            .write(&actor, move |tx| {
                settled(|| {
                    let current = notifications::find(tx, &grant, id, tx.at())?;
                    expected.check(current.version, &current)?;
                    let updated = current.apply(input.get()?, tx.at())?;
                    if updated.changes.is_empty() {
                        return Ok(Ok(tx.unchanged(updated.state)));
                    }
                    let saved = notifications::save(tx, &grant, current.version, &updated.state);
                    // What somebody has read is no matter of the change log.
                    Ok(saved.map(|()| tx.unchanged(updated.state)))
                })
            })
            .await
    }

    /// Marks all of them as read; how many were not.
    pub async fn read_all(&self, grant: Grant<Update, Notification>, once: Once<usize>) -> Result<Answer, Error> {
        let actor = grant.actor().clone();
        self.app
            .write(&actor, move |tx| {
                once.run(tx, |tx| {
                    let read = notifications::read_all(tx, &grant)?;
                    Ok(tx.unchanged(read))
                })
            })
            .await
    }

    /// Which kinds the caller wants.
    pub async fn preferences(&self, grant: Grant<Read, Notification>) -> Result<NotificationPreferences, Error> {
        self.app.read(move |tx| Ok(notifications::preferences(tx, &grant)?)).await
    }

    /// Says anew which kinds the caller wants.
    pub async fn set_preferences(
        &self,
        grant: Grant<Update, Notification>,
        wanted: NotificationPreferences,
    ) -> Result<NotificationPreferences, Error> {
        let actor = grant.actor().clone();
        self.app
            .write(&actor, move |tx| {
                notifications::set_preferences(tx, &grant, &wanted)?;
                Ok(tx.unchanged(NotificationPreferences::without(&wanted.off())))
            })
            .await
    }
}
