//! Working out who is told of a change: the domain says who is concerned, this room who may and wants to hear it.

use chrono::TimeDelta;
use crm_domain::{
    Change, Facts, Notification, NotificationKind, RecordKind, RecordedChange, Told, UserId, Version, Whom,
    access::{Actor, Grant, Read, policy},
    audience,
    values::{Date, Timestamp},
    words,
};
use crm_persistence::{
    StoreError, WriteTx, changes,
    notifications::{self, NewNotification},
    owners::{self, Subject},
    roles, users,
};
use uuid::Uuid;

use crate::{
    App, Error,
    app::system_grant,
    changes::{present_user, sees},
};

/// How long a notification is kept.
const KEPT: TimeDelta = TimeDelta::days(90);

/// How many changes are looked through in one unit of work.
const BATCH: i64 = 500;

/// How many notifications get their place in one unit of work.
const ORDERED: i64 = 500;

/// Something that somebody is to be told.
#[derive(Clone, Debug)]
pub(crate) struct News<'a> {
    /// What kind of thing.
    pub(crate) kind: NotificationKind,
    /// The record; none where it is about no record that could be opened.
    pub(crate) record: Option<(RecordKind, Uuid)>,
    /// What makes it one of a kind, beside the time.
    pub(crate) subject: Uuid,
    /// When it happens.
    pub(crate) occasion: Timestamp,
    /// What the record is called.
    pub(crate) name: &'a str,
    /// Who did it.
    pub(crate) actor: Option<UserId>,
    /// The time that it is about.
    pub(crate) at: Option<Timestamp>,
    /// The day that it is about.
    pub(crate) on: Option<Date>,
}

/// Tells one user, unless they may not sign in, may not read notifications or see the record, do not want to hear of such
/// things, or have been told; whether they are told now.
pub(crate) fn tell(
    app: &App,
    tx: &mut WriteTx,
    grant: &Grant<Read, Change>,
    user: UserId,
    news: &News<'_>,
) -> Result<bool, Error> {
    let find = system_grant::<Read, _>("recipients of notifications")?;
    let Some((user, actor)) = present_user(tx, user)? else { return Ok(false) };
    if policy::authorise::<Read, Notification>(&actor).is_err() {
        return Ok(false);
    }
    if let Some((kind, id)) = news.record.filter(|_| !is_ones_own(news.kind))
        && !sees(tx, &actor, kind, id)?
    {
        return Ok(false);
    }
    if !notifications::is_wanted(tx, grant, user.id, news.kind)? {
        return Ok(false);
    }
    let actor = match news.actor.map(|actor| users::find(tx, &find, actor)).transpose() {
        Ok(actor) => actor,
        Err(StoreError::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let facts =
        Facts { name: news.name, actor: actor.as_ref().map(|actor| actor.name.as_str()), at: news.at, on: news.on };
    let words = words(news.kind, user.locale, &facts);
    let at = tx.at();
    let notification = Notification {
        id: app.new_id(),
        kind: news.kind,
        priority: news.kind.priority(),
        title: words.title.to_owned(),
        message: words.message,
        link: news.record.map(|(kind, id)| format!("/{}/{id}", kind.as_ref())),
        resource: news.record.map(|(kind, _)| kind),
        record_id: news.record.map(|(_, id)| id),
        version: Version::FIRST,
        created_at: at,
        read_at: None,
        archived_at: None,
        expires_at: at.plus(KEPT),
    };
    let new = NewNotification { user_id: user.id, subject: news.subject, occasion: news.occasion, notification };
    Ok(notifications::insert(tx, grant, &new)?)
}

/// What one may always hear of, because it is about oneself or about what one has begun, whatever the role lets one read.
pub(crate) const fn is_ones_own(kind: NotificationKind) -> bool {
    match kind {
        NotificationKind::ImportFinished
        | NotificationKind::NewSignIn
        | NotificationKind::RoleChanged
        | NotificationKind::WebhookDisabled => true,
        NotificationKind::TaskAssigned
        | NotificationKind::TaskDue
        | NotificationKind::TaskOverdue
        | NotificationKind::TaskCompleted
        | NotificationKind::OwnerChanged
        | NotificationKind::PipelineSigned
        | NotificationKind::PipelineLost
        | NotificationKind::MandateSigned
        | NotificationKind::MandateExpiring => false,
    }
}

impl App {
    /// Works out the notifications of all changes that have a position, from where the last time ended.
    pub(crate) async fn work_out_notifications(&self) -> Result<(), Error> {
        loop {
            let heads = self.read(|tx| Ok(changes::heads(tx)?)).await?;
            if heads.notified >= heads.changes {
                return Ok(());
            }
            let app = self.clone();
            self.write(&Actor::system("notifications"), move |tx| {
                let grant = system_grant("notifications")?;
                let cursor = notifications::hold_cursor(tx)?;
                let page = changes::all_after(tx, &grant, cursor, BATCH)?;
                for change in &page {
                    told_of(&app, tx, &grant, change)?;
                }
                if let Some(last) = page.last().and_then(|change| change.position) {
                    notifications::move_cursor(tx, last)?;
                }
                Ok(tx.unchanged(()))
            })
            .await?;
        }
    }

    /// Gives committed notifications their place in the order in which they are passed on.
    pub(crate) async fn order_notifications(&self) -> Result<(), Error> {
        while self.read(|tx| Ok(notifications::has_waiting(tx)?)).await? {
            self.write(&Actor::system("order of notifications"), |tx| {
                let ordered = notifications::give_ordinals(tx, ORDERED)?;
                Ok(tx.unchanged(ordered))
            })
            .await?;
        }
        Ok(())
    }
}

fn told_of(app: &App, tx: &mut WriteTx, grant: &Grant<Read, Change>, change: &RecordedChange) -> Result<(), Error> {
    let told = audience(change);
    if told.is_empty() {
        return Ok(());
    }
    let Some(subject) = owners::subject(tx, grant, change.resource, change.id)? else { return Ok(()) };
    for Told { kind, whom } in told {
        let Some(user) = found(tx, grant, whom, &subject)? else { continue };
        // An import ends by itself, whoever began it.
        let did_it = change.actor_id == Some(user) && kind != NotificationKind::ImportFinished;
        if did_it {
            continue;
        }
        let name = name_for(tx, kind, change, &subject)?;
        let news = News {
            kind,
            record: Some((change.resource, change.id)),
            subject: change.id,
            occasion: change.at,
            name: &name,
            actor: change.actor_id,
            at: None,
            on: None,
        };
        tell(app, tx, grant, user, &news)?;
    }
    Ok(())
}

fn found(
    tx: &mut WriteTx,
    grant: &Grant<Read, Change>,
    whom: Whom,
    subject: &Subject,
) -> Result<Option<UserId>, StoreError> {
    match whom {
        Whom::User(user) => Ok(Some(user)),
        Whom::Owner => Ok(subject.owner_id),
        Whom::Creator => Ok(subject.created_by),
        Whom::ManagerOfOwner => match subject.owner_id {
            // Whoever leads their own team is told once, as the owner.
            Some(owner) => Ok(owners::manager_of(tx, grant, owner)?.filter(|manager| *manager != owner)),
            None => Ok(None),
        },
    }
}

/// What is spoken of: the record, but for a change of role the role.
fn name_for(
    tx: &mut WriteTx,
    kind: NotificationKind,
    change: &RecordedChange,
    subject: &Subject,
) -> Result<String, StoreError> {
    let role = change.changed.iter().find(|field| field.field == "role_id").and_then(|field| field.new.as_str());
    match role.and_then(|id| crm_domain::RoleId::parse(id).ok()) {
        Some(role) if kind == NotificationKind::RoleChanged => Ok(roles::find(tx, role)?.name.to_string()),
        _ => Ok(subject.name.clone()),
    }
}
