//! `crm user`

use crm_app::{App, Error, NewUser};
use crm_domain::{
    Change, ChangeAction, FieldChange, Locale, NewRecord, RecordKind, Team, TeamId, User,
    access::{Actor, policy},
    values::{EmailAddress, Name, fold},
};
use crm_persistence::{Stamp, teams};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::{
    arguments::{self, AddUser, PasswordSource, WhichUser},
    failure::Failure,
    output::{say, tell},
    password::Password,
    settings::Settings,
    start::{app, block_on},
};

/// Adds or changes a user.
pub fn run(settings: &Settings, command: arguments::User) -> Result<(), Failure> {
    let app = app(settings)?;
    let actor = Actor::system("command of the operator");
    block_on(async {
        match command {
            arguments::User::Add(new) => add(&app, &actor, new).await,
            arguments::User::SetRole { user, role } => {
                let user = find(&app, &actor, &user).await?;
                app.users().set_role(policy::authorise(&actor)?, user.id, role).await?;
                say(format_args!("{} is {} now", user.email, role.as_ref()))
            }
            arguments::User::Deactivate(user) => {
                let user = find(&app, &actor, &user).await?;
                app.users().deactivate(policy::authorise(&actor)?, user.id).await?;
                say(format_args!("{} can no longer sign in", user.email))
            }
            arguments::User::ResetPassword { user, password } => reset_password(&app, &actor, &user, password).await,
        }
    })
}

async fn add(app: &App, actor: &Actor, new: AddUser) -> Result<(), Failure> {
    let AddUser { email, name, role, team, password, output } = new;
    let password = Password::from(password)?;
    let team_id = match team {
        Some(name) => Some(team_named(app, actor, name).await?),
        None => None,
    };
    let new = NewUser { email, name, role, team_id, locale: Locale::default(), password: password.secret().clone() };
    let address = new.email.clone();
    let user = match app.users().add(policy::authorise(actor)?, new).await {
        Err(Error::Conflict { .. }) => return Err(Failure::new(format!("there is a user {address} already"))),
        user => user?,
    };
    let made = password.made().map(ExposeSecret::expose_secret);
    let outcome = json!({"id": user.id, "email": user.email, "role": role, "team_id": team_id, "password": made});
    tell(output, &outcome, || {
        let told = made.map(|password| format!("\npassword: {password}\n(it is not shown again)")).unwrap_or_default();
        format!("{} was added as {}{told}", user.email, role.as_ref())
    })
}

async fn reset_password(app: &App, actor: &Actor, user: &WhichUser, source: PasswordSource) -> Result<(), Failure> {
    let user = find(app, actor, user).await?;
    let password = Password::from(source)?;
    app.users().set_password(policy::authorise(actor)?, user.id, password.secret().clone()).await?;
    match password.made() {
        Some(made) => {
            say(format_args!("password of {}: {}\n(it is not shown again)", user.email, made.expose_secret()))
        }
        None => say(format_args!("{} has another password now", user.email)),
    }
}

async fn find(app: &App, actor: &Actor, user: &WhichUser) -> Result<User, Failure> {
    by_email(app, actor, &user.email).await
}

/// The user with an address.
pub async fn by_email(app: &App, actor: &Actor, email: &EmailAddress) -> Result<User, Failure> {
    match app.users().find_by_email(policy::authorise(actor)?, email.clone()).await {
        Err(Error::NotFound) => Err(Failure::new(format!("there is no user {email}"))),
        user => Ok(user?),
    }
}

/// Every user, by name.
pub async fn all(app: &App, actor: &Actor) -> Result<Vec<User>, Failure> {
    let (mut users, mut cursor) = (Vec::new(), None);
    loop {
        let page = app.users().list(policy::authorise(actor)?, cursor, 200).await?;
        users.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(users);
        }
    }
}

/// The team of this name among the teams that have users, or else a new one.
async fn team_named(app: &App, actor: &Actor, name: Name) -> Result<TeamId, Failure> {
    let mut ids: Vec<TeamId> = all(app, actor).await?.iter().filter_map(|user| user.stamps.team_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let grant = policy::authorise::<crm_domain::access::Read, Team>(actor)?;
    let known = app.database().read(|tx| teams::find_many(tx, &grant, &ids))?;
    if let Some(team) = known.iter().find(|team| fold(team.name.as_str()) == fold(name.as_str())) {
        return Ok(team.id);
    }
    let new = NewRecord { id: app.new_id(), owner_id: None, team_id: None, by: None, at: app.now() };
    let team = Team { id: new.id, name, manager_id: None, stamps: new.stamps() };
    let grant = policy::authorise(actor)?;
    app.database().write(Stamp { actor: actor.clone(), at: app.now(), import_id: None }, |tx| {
        teams::insert(tx, &grant, &team)?;
        let fields = vec![FieldChange { field: "name".into(), old: Value::Null, new: team.name.as_str().into() }];
        let (kind, action, version) = (RecordKind::Teams, ChangeAction::Created, team.stamps.version);
        tx.record(Change { kind, record_id: team.id.uuid(), version, action, fields })
    })?;
    Ok(team.id)
}
