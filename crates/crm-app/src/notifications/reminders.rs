//! Reminders: what nobody does, but the calendar.

use chrono::{Days, TimeDelta};
use crm_domain::{
    NotificationKind, RecordKind,
    access::{Actor, Read},
    values::{Date, Timestamp},
};
use crm_persistence::{owners, reminders};

use super::{News, tell};
use crate::{App, Error, app::system_grant};

/// So long before it is due somebody is reminded of a task.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// So long after it was due somebody is still told that it is overdue: an installation that begins to remind does not begin with
/// what was forgotten years ago.
const BEHIND: TimeDelta = TimeDelta::days(30);

/// So many days before its end owners are reminded of a mandate.
const DAYS_AHEAD: Days = Days::new(30);

const REASON: &str = "reminders";

impl App {
    /// Reminds whoever is to be reminded of something by now, each of them once: of two instances that do it at the same time,
    /// the second finds the first one's notifications there.
    pub async fn remind(&self) -> Result<(), Error> {
        let now = self.now();
        self.remind_of_tasks(NotificationKind::TaskDue, (now, now.plus(AHEAD))).await?;
        self.remind_of_tasks(NotificationKind::TaskOverdue, (now.plus(-BEHIND), now)).await?;
        let today = now.date();
        self.remind_of_mandates((today, today.checked_add_days(DAYS_AHEAD).unwrap_or(today))).await
    }

    async fn remind_of_tasks(&self, kind: NotificationKind, between: (Timestamp, Timestamp)) -> Result<(), Error> {
        let mut behind = None;
        loop {
            let found = self
                .read(move |tx| Ok(reminders::tasks_due(tx, &system_grant::<Read, _>(REASON)?, kind, between, behind)?))
                .await?;
            let Some(last) = found.last() else { return Ok(()) };
            behind = Some(last.id);
            let app = self.clone();
            self.write(&Actor::system(REASON), move |tx| {
                let grant = system_grant(REASON)?;
                for task in &found {
                    let Some((assignee, due_at)) = task.assignee_id.zip(task.due_at) else { continue };
                    let news = News {
                        kind,
                        record: Some((RecordKind::Tasks, task.id.uuid())),
                        subject: task.id.uuid(),
                        occasion: due_at,
                        name: task.title.as_str(),
                        actor: None,
                        at: Some(due_at),
                        on: None,
                    };
                    tell(&app, tx, &grant, assignee, &news)?;
                }
                Ok(tx.unchanged(()))
            })
            .await?;
        }
    }

    async fn remind_of_mandates(&self, between: (Date, Date)) -> Result<(), Error> {
        let kind = NotificationKind::MandateExpiring;
        let mut behind = None;
        loop {
            let found = self
                .read(move |tx| {
                    Ok(reminders::mandates_ending(tx, &system_grant::<Read, _>(REASON)?, kind, between, behind)?)
                })
                .await?;
            let Some(last) = found.last() else { return Ok(()) };
            behind = Some(last.id);
            let app = self.clone();
            self.write(&Actor::system(REASON), move |tx| {
                let grant = system_grant(REASON)?;
                for mandate in &found {
                    let Some((ends_on, owner)) = mandate.ends_on.zip(mandate.stamps.owner_id) else { continue };
                    let id = mandate.id.uuid();
                    let Some(subject) = owners::subject(tx, &grant, RecordKind::Mandates, id)? else { continue };
                    let news = News {
                        kind,
                        record: Some((RecordKind::Mandates, id)),
                        subject: id,
                        occasion: midnight(ends_on),
                        name: &subject.name,
                        actor: None,
                        at: None,
                        on: Some(ends_on),
                    };
                    let manager = owners::manager_of(tx, &grant, owner)?.filter(|manager| *manager != owner);
                    for user in [Some(owner), manager].into_iter().flatten() {
                        tell(&app, tx, &grant, user, &news)?;
                    }
                }
                Ok(tx.unchanged(()))
            })
            .await?;
        }
    }
}

/// The beginning of a day, in UTC.
fn midnight(day: Date) -> Timestamp {
    Timestamp::from(day.and_time(chrono::NaiveTime::MIN).and_utc())
}
