//! Who is told of what, over real databases: each row of the table, both languages, once each.

mod support;

use std::time::Duration;

use crm_app::{App, AppSettings, Bus, Expected, Input, Once, Origin, Shown};
use crm_domain::{
    Field, Locale, MandatePatch, Notification, NotificationKind, NotificationPatch, NotificationPreferences,
    OrganisationPatch, TaskPatch, TeamPatch, User, UserPatch,
    access::{Actor, BuiltInRole, policy},
};
use serde_json::{Value, json};
use support::{PASSWORD, on_each_app, render, system, user};

use NotificationKind::{
    MandateExpiring, MandateSigned, NewSignIn, OwnerChanged, PipelineLost, PipelineSigned, RoleChanged, TaskAssigned,
    TaskCompleted, TaskDue, TaskOverdue,
};

/// A team with a manager and two members, who share everything.
struct Firm {
    app: App,
    boss: (User, Actor),
    ann: (User, Actor),
    bob: (User, Actor),
    root: (User, Actor),
}

impl Firm {
    async fn found(app: &App) -> Self {
        let boss = user(app, "boss", BuiltInRole::Manager).await;
        let ann = user(app, "ann", BuiltInRole::User).await;
        let bob = user(app, "bob", BuiltInRole::User).await;
        let root = user(app, "root", BuiltInRole::Admin).await;
        let patch = TeamPatch::read_new(json!({"name": "north", "manager_id": boss.0.id})).expect("a body");
        let grant = policy::authorise(&system()).expect("may");
        let team = app.teams().create(grant, patch, Once::unkeyed(render)).await.expect("a team");
        let team: crm_domain::Team = serde_json::from_slice(&team.body).expect("a team");
        let manage = policy::authorise(&system()).expect("may");
        let join = async |(user, _): (User, Actor), role: BuiltInRole| {
            let user = app.users().set_team(&manage, user.id, Some(team.id)).await.expect("joined");
            let actor = Actor::user(user.id, Some(team.id), role.role());
            (user, actor)
        };
        let (boss, ann) = (join(boss, BuiltInRole::Manager).await, join(ann, BuiltInRole::User).await);
        let bob = join(bob, BuiltInRole::User).await;
        app.relay_once().await.expect("relayed");
        Self { app: app.clone(), boss, ann, bob, root }
    }

    async fn task(&self, by: &Actor, body: Value) -> crm_domain::Task {
        let grant = policy::authorise(by).expect("may");
        let patch = TaskPatch::read_new(body).expect("a body");
        let made = self.app.tasks().create(grant, patch, Once::unkeyed(render)).await.expect("a task");
        serde_json::from_slice(&made.body).expect("a task")
    }

    async fn organisation(&self, by: &Actor, body: Value) -> crm_domain::Organisation {
        let grant = policy::authorise(by).expect("may");
        let patch = OrganisationPatch::read_new(body).expect("a body");
        let made = self.app.organisations().create(grant, patch, Once::unkeyed(render)).await.expect("one");
        serde_json::from_slice(&made.body).expect("an organisation")
    }

    async fn change(&self, by: &Actor, id: crm_domain::OrganisationId, body: Value) {
        let grant = policy::authorise(by).expect("may");
        let patch = OrganisationPatch::read(body).expect("a body");
        self.app.organisations().update(grant, id, Expected::Any, patch).await.expect("changed");
    }

    /// What the users have been told since the last time, after everything has been passed on.
    async fn told(&self) -> Vec<(&'static str, NotificationKind)> {
        self.app.relay_once().await.expect("relayed");
        self.app.remind().await.expect("reminded");
        let mut told = Vec::new();
        for (name, (_, actor)) in [("boss", &self.boss), ("ann", &self.ann), ("bob", &self.bob), ("root", &self.root)] {
            let inbox = inbox(&self.app, actor).await;
            told.extend(inbox.iter().rev().map(|one| (name, one.kind)));
            let grant = policy::authorise(actor).expect("may");
            self.app.notifications().read_all(grant, Once::unkeyed(render)).await.expect("read");
        }
        told
    }
}

async fn inbox(app: &App, actor: &Actor) -> Vec<Notification> {
    let shown = Shown { unread: Some(true), archived: false };
    let grant = policy::authorise(actor).expect("may read their own");
    app.notifications().list(grant, shown, None, 200).await.expect("a list").items
}

#[tokio::test]
async fn each_row_of_the_table_tells_whom_it_says() {
    on_each_app(async |app, clock| {
        let firm = Firm::found(&app).await;
        let (ann, bob, boss, root) = (&firm.ann.1, &firm.bob.1, &firm.boss.1, &firm.root.1);
        assert_eq!(firm.told().await, [], "nobody is told of their own team");

        let task = firm.task(bob, json!({"title": "Call", "assignee_id": firm.ann.0.id})).await;
        assert_eq!(firm.told().await, [("ann", TaskAssigned)]);
        let done = TaskPatch::read(json!({"status": "done"})).expect("a body");
        app.tasks().update(policy::authorise(ann).expect("may"), task.id, Expected::Any, done).await.expect("done");
        assert_eq!(firm.told().await, [("bob", TaskCompleted)]);

        let own = firm.organisation(bob, json!({"name": "Exemple"})).await;
        firm.change(boss, own.id, json!({"owner_id": firm.ann.0.id})).await;
        assert_eq!(firm.told().await, [("ann", OwnerChanged)]);
        firm.change(root, own.id, json!({"pipeline_stage": "signed"})).await;
        assert_eq!(firm.told().await, [("boss", PipelineSigned), ("ann", PipelineSigned)]);
        firm.change(boss, own.id, json!({"pipeline_stage": "lost"})).await;
        assert_eq!(firm.told().await, [("ann", PipelineLost)], "the manager did it");

        let body = json!({"organisation_id": own.id, "owner_id": firm.ann.0.id, "number": "M-1"});
        let patch = MandatePatch::read_new(body).expect("a body");
        let grant = policy::authorise(root).expect("may");
        let mandate = app.mandates().create(grant, patch, Once::unkeyed(render)).await.expect("a mandate");
        let mandate: crm_domain::Mandate = serde_json::from_slice(&mandate.body).expect("a mandate");
        let today = app.now().date();
        let ends_on = today + chrono::Days::new(10);
        let patch = MandatePatch::read(json!({"status": "signed", "ends_on": ends_on})).expect("a body");
        app.mandates()
            .update(policy::authorise(root).expect("may"), mandate.id, Expected::Any, patch)
            .await
            .expect("signed");
        assert_eq!(
            firm.told().await,
            [("boss", MandateSigned), ("boss", MandateExpiring), ("ann", MandateSigned), ("ann", MandateExpiring)]
        );
        assert_eq!(firm.told().await, [], "once each");

        let due_at = app.now().plus(chrono::TimeDelta::hours(3));
        firm.task(ann, json!({"title": "Write", "assignee_id": firm.ann.0.id, "due_at": due_at})).await;
        assert_eq!(firm.told().await, [("ann", TaskDue)], "the calendar did it");
        clock.advance(Duration::from_hours(4));
        assert_eq!(firm.told().await, [("ann", TaskOverdue)]);
        assert_eq!(firm.told().await, [], "once each");

        let manage = policy::authorise(root).expect("may");
        app.users().set_role(&manage, firm.bob.0.id, BuiltInRole::Manager.id()).await.expect("a role");
        assert_eq!(firm.told().await, [("bob", RoleChanged)]);

        let from = |address: &str| Origin { address: address.parse().ok(), agent: None };
        app.sessions().login("ann@exemple.fr", PASSWORD.into(), from("192.0.2.1")).await.expect("signed in");
        assert_eq!(firm.told().await, [], "the first sign-in is from nowhere in particular");
        app.sessions().login("ann@exemple.fr", PASSWORD.into(), from("192.0.2.1")).await.expect("signed in");
        assert_eq!(firm.told().await, []);
        app.sessions().login("ann@exemple.fr", PASSWORD.into(), from("198.51.100.7")).await.expect("signed in");
        assert_eq!(firm.told().await, [("ann", NewSignIn)]);
    })
    .await;
}

#[tokio::test]
async fn nobody_is_told_of_what_they_may_not_see_or_do_not_want() {
    on_each_app(async |app, _| {
        let firm = Firm::found(&app).await;
        let (stranger, as_stranger) = user(&app, "stranger", BuiltInRole::User).await;
        // Assigned to somebody who answers for nothing here: a task without an owner is seen at reach `all` alone.
        let hidden = json!({"title": "Hidden", "assignee_id": stranger.id, "owner_id": null});
        firm.task(&firm.root.1, hidden).await;
        let seen = json!({"title": "Seen", "assignee_id": stranger.id});
        firm.task(&firm.root.1, seen.clone()).await;
        app.relay_once().await.expect("relayed");
        let told = inbox(&app, &as_stranger).await;
        assert_eq!(told.iter().map(|one| one.message.as_str()).collect::<Vec<_>>(), ["root assigned “Seen” to you."]);

        let off = NotificationPreferences::without(&[TaskAssigned]);
        let grant = policy::authorise(&as_stranger).expect("may");
        let set = app.notifications().set_preferences(grant, off.clone()).await.expect("set");
        assert_eq!(set, off);
        firm.task(&firm.root.1, seen).await;
        app.relay_once().await.expect("relayed");
        assert_eq!(inbox(&app, &as_stranger).await.len(), 1);
        let grant = policy::authorise(&as_stranger).expect("may");
        assert_eq!(app.notifications().preferences(grant).await.expect("read"), off);
    })
    .await;
}

#[tokio::test]
async fn whoever_may_not_read_notifications_gets_none_even_of_what_is_about_themselves() {
    on_each_app(async |app, _| {
        let firm = Firm::found(&app).await;
        let (reader, _) = user(&app, "reader", BuiltInRole::ReadOnly).await;
        let manage = || policy::authorise(&firm.root.1).expect("may");
        firm.task(&firm.root.1, json!({"title": "Read", "assignee_id": reader.id})).await;
        app.relay_once().await.expect("relayed");
        // With another role they are told from now on, and not of what was before.
        app.users().set_role(&manage(), reader.id, BuiltInRole::User.id()).await.expect("a role");
        app.relay_once().await.expect("relayed");
        let reader = Actor::user(reader.id, None, BuiltInRole::User.role());
        let told = inbox(&app, &reader).await;
        assert_eq!(told.iter().map(|one| one.kind).collect::<Vec<_>>(), [RoleChanged]);
    })
    .await;
}

#[tokio::test]
async fn each_is_spoken_to_in_their_own_language() {
    on_each_app(async |app, _| {
        let firm = Firm::found(&app).await;
        let french = UserPatch { locale: Field::Set(Locale::Fr), ..UserPatch::default() };
        let grant = policy::authorise(&firm.root.1).expect("may");
        app.users().update(grant, firm.ann.0.id, Expected::Any, french).await.expect("changed");
        for assignee in [firm.ann.0.id, firm.bob.0.id] {
            firm.task(&firm.root.1, json!({"title": "Appel", "assignee_id": assignee})).await;
        }
        app.relay_once().await.expect("relayed");
        let words = async |actor: &Actor| {
            let told = inbox(&app, actor).await.remove(0);
            (told.title, told.message)
        };
        let french = ("Tâche attribuée".to_owned(), "root vous a attribué « Appel ».".to_owned());
        assert_eq!(words(&firm.ann.1).await, french);
        let english = ("Task assigned to you".to_owned(), "root assigned “Appel” to you.".to_owned());
        assert_eq!(words(&firm.bob.1).await, english);
    })
    .await;
}

#[tokio::test]
async fn two_instances_remind_of_the_same_once() {
    on_each_app(async |app, _| {
        let firm = Firm::found(&app).await;
        let settings = AppSettings { bus: Bus::in_process(), ..app.settings().clone() };
        let other = App::new(app.database().clone(), settings);
        for number in 0..20 {
            let due_at = app.now().plus(chrono::TimeDelta::minutes(number + 1));
            let body = json!({"title": format!("Call {number}"), "assignee_id": firm.ann.0.id, "due_at": due_at});
            firm.task(&firm.ann.1, body).await;
        }
        let both = tokio::join!(app.remind(), other.remind());
        // On SQLite one of the two may have been told to come again.
        drop(both);
        app.remind().await.expect("reminded");
        other.remind().await.expect("reminded");
        let told = inbox(&app, &firm.ann.1).await;
        assert_eq!(told.iter().filter(|one| one.kind == TaskDue).count(), 20);
    })
    .await;
}

#[tokio::test]
async fn a_notification_is_read_put_away_and_forgotten() {
    on_each_app(async |app, clock| {
        let firm = Firm::found(&app).await;
        for title in ["one", "two"] {
            firm.task(&firm.bob.1, json!({"title": title, "assignee_id": firm.ann.0.id})).await;
        }
        app.relay_once().await.expect("relayed");
        let count = async || {
            app.notifications().unread_count(policy::authorise(&firm.ann.1).expect("may")).await.expect("a number")
        };
        assert_eq!(count().await, 2);
        let first = inbox(&app, &firm.ann.1).await.remove(0);
        let update = async |actor: &Actor, body: Value| {
            let input: Input<NotificationPatch> = NotificationPatch::read(body).into();
            app.notifications().update(policy::authorise(actor).expect("may"), first.id, Expected::Any, input).await
        };
        assert!(update(&firm.bob.1, json!({"read": true})).await.is_err(), "it is nobody else's");
        assert!(update(&firm.root.1, json!({"read": true})).await.is_err(), "however far a role reaches");
        let read = update(&firm.ann.1, json!({"read": true})).await.expect("read");
        assert!(read.read_at.is_some() && read.version.number() == 2);
        assert_eq!(count().await, 1);
        let again = update(&firm.ann.1, json!({"read": true})).await.expect("read");
        assert_eq!(again, read, "nothing has changed");
        let archived = update(&firm.ann.1, json!({"read": false, "archived": true})).await.expect("put away");
        assert!(archived.read_at.is_none() && archived.archived_at.is_some());
        assert_eq!((count().await, inbox(&app, &firm.ann.1).await.len()), (1, 1));
        clock.advance(Duration::from_hours(24 * 91));
        assert_eq!(count().await, 0, "what has expired is not counted");
        assert_eq!(app.remove_expired().await.expect("removed").notifications, 2);
    })
    .await;
}
