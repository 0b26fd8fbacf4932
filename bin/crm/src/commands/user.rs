//! `crm user`

use crm_app::{App, Error, NewUser};
use crm_domain::{
    Field, Locale, RoleId, TeamId, TeamPatch, User, UserField, Violation,
    access::{Actor, policy},
    query::{Cursor, FieldSet, ListQuery},
    values::{EmailAddress, Name},
};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::{
    arguments::{self, AddUser, Output, PasswordSource, WhichTeam, WhichUser},
    failure::Failure,
    output::{say, tell},
    password::Password,
    settings::Settings,
    start::{app, block_on},
};

/// Adds, changes or lists users.
pub fn run(settings: &Settings, command: arguments::User) -> Result<(), Failure> {
    let app = app(settings)?;
    let actor = Actor::system("command of the operator");
    block_on(async {
        let manage = policy::authorise(&actor)?;
        match command {
            arguments::User::Add(new) => add(&app, &actor, new).await,
            arguments::User::List(output) => list(&app, &actor, output).await,
            arguments::User::SetRole { user, role } => {
                let user = find(&app, &actor, &user).await?;
                app.users().set_role(&manage, user.id, role_named(&app, &role).await?).await?;
                say(format_args!("{} is {role} now", user.email))
            }
            arguments::User::SetTeam { user, team } => {
                let user = find(&app, &actor, &user).await?;
                let id = team_meant(&app, &actor, &team).await?;
                app.users().set_team(&manage, user.id, id).await?;
                let team = team.team.map_or_else(|| "no team".to_owned(), |team| format!("team {team}"));
                say(format_args!("{} belongs to {team} now", user.email))
            }
            arguments::User::Deactivate(user) => {
                let user = find(&app, &actor, &user).await?;
                app.users().deactivate(&manage, user.id).await?;
                say(format_args!("{} can no longer sign in", user.email))
            }
            arguments::User::Activate(user) => {
                let user = find(&app, &actor, &user).await?;
                app.users().activate(&manage, user.id).await?;
                say(format_args!("{} can sign in again", user.email))
            }
            arguments::User::RemoveSecondFactor(user) => {
                let user = find(&app, &actor, &user).await?;
                app.second_factors().remove_of(manage, user.id).await?;
                say(format_args!("{} has no second factor now", user.email))
            }
            arguments::User::ResetPassword { user, password } => reset_password(&app, &actor, &user, password).await,
        }
    })
}

async fn add(app: &App, actor: &Actor, new: AddUser) -> Result<(), Failure> {
    let AddUser { email, name, role, team, password, output } = new;
    let password = Password::from(password)?;
    let role_id = role_named(app, &role).await?;
    let team_id = match team {
        Some(team) => Some(team_called(app, actor, &team).await?),
        None => None,
    };
    let locale = Locale::default();
    let new = NewUser { email, name, role_id, team_id, locale, password: password.secret().clone() };
    let address = new.email.clone();
    let user = match app.users().add(policy::authorise(actor)?, new).await {
        Err(Error::Conflict { .. }) => return Err(Failure::new(format!("there is a user {address} already"))),
        user => user?,
    };
    let made = password.made().map(ExposeSecret::expose_secret);
    let outcome = json!({"id": user.id, "email": user.email, "role": role, "team_id": team_id, "password": made});
    tell(output, &outcome, || {
        let told = made.map(|password| format!("\npassword: {password}\n(it is not shown again)")).unwrap_or_default();
        format!("{} was added as {role}{told}", user.email)
    })
}

async fn list(app: &App, actor: &Actor, output: Output) -> Result<(), Failure> {
    let users = all(app, actor).await?;
    let mut lines = Vec::new();
    let mut outcome = Vec::new();
    for user in &users {
        let role = app.roles().get(policy::authorise(actor)?, user.role_id).await?.name;
        let team = match user.stamps.team_id {
            Some(team) => Some(app.teams().get(policy::authorise(actor)?, team).await?.name),
            None => None,
        };
        let state = if user.is_active { "active" } else { "inactive" };
        let shown = team.as_ref().map_or("-", Name::as_str);
        lines.push(format!("{}\t{}\t{role}\t{shown}\t{state}", user.email, user.name));
        outcome.push(json!({
            "id": user.id, "email": user.email, "name": user.name, "role": role, "team": team,
            "is_active": user.is_active, "last_login_at": user.last_login_at,
        }));
    }
    tell(output, &outcome, || lines.join("\n"))
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

/// Every user, in the order in which they were added.
pub async fn all(app: &App, actor: &Actor) -> Result<Vec<User>, Failure> {
    let mut query = ListQuery::<UserField>::parse([("sort", "created_at"), ("limit", "200")])?;
    let mut users = Vec::new();
    loop {
        let page = app.users().list(policy::authorise(actor)?, query.clone()).await?;
        users.extend(page.items);
        let Some(next) = page.next_cursor else { return Ok(users) };
        query = after(query, &next)?;
    }
}

/// The same list from a cursor on.
fn after<F: FieldSet>(query: ListQuery<F>, cursor: &str) -> Result<ListQuery<F>, Violation> {
    let cursor = Cursor::decode(cursor, query.fingerprint(), &query.sort)?;
    Ok(ListQuery { cursor: Some(cursor), ..query })
}

async fn role_named(app: &App, role: &Name) -> Result<RoleId, Failure> {
    match app.roles().find_by_name(role.to_string()).await {
        Err(Error::NotFound) => Err(Failure::new(format!("there is no role {role}"))),
        role => Ok(role?.id),
    }
}

async fn team_meant(app: &App, actor: &Actor, team: &WhichTeam) -> Result<Option<TeamId>, Failure> {
    match &team.team {
        Some(team) => Ok(Some(team_called(app, actor, team).await?)),
        None => Ok(None),
    }
}

/// The team with this id or name, or else a new one of this name.
async fn team_called(app: &App, actor: &Actor, called: &Name) -> Result<TeamId, Failure> {
    if let Ok(id) = TeamId::parse(called.as_str()) {
        return match app.teams().get(policy::authorise(actor)?, id).await {
            Err(Error::NotFound) => Err(Failure::new(format!("there is no team {id}"))),
            team => Ok(team?.id),
        };
    }
    if let Some(team) = app.teams().find_by_name(policy::authorise(actor)?, called.clone()).await? {
        return Ok(team.id);
    }
    let patch = TeamPatch { name: Field::Set(called.clone()), ..TeamPatch::default() };
    let team = app.teams().add(policy::authorise(actor)?, patch).await?;
    Ok(team.id)
}
