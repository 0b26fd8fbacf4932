//! Those who try the doors: four built-in roles, three custom ones, somebody without a team, nobody, and somebody who was
//! shut out.

use crm_domain::{
    RoleId, TeamId, UserId,
    access::{Action, BuiltInRole, Reach, Resource, Rule},
};
use crm_testkit::{Client, TestApp};
use serde_json::{Value, json};

use crate::{BASE, registry::Owned};

/// Somebody who tries.
pub struct Caller {
    pub name: &'static str,
    pub client: Client,
    pub id: Option<UserId>,
    pub team: Option<TeamId>,
    pub role: RoleId,
}

impl Caller {
    /// What the caller owns.
    pub fn own(&self) -> Owned {
        // Nobody owns nothing: for them a record is anybody's.
        Owned::by(self.id.or(Some(TestApp::user_id("uma"))), self.team)
    }
}

/// A clerk works with what is their own; an auditor reads and takes out everything; a lead does everything with what is the
/// team's, its users among them.
fn rules(name: &str) -> Vec<Rule> {
    let all = crm_domain::names_of::<Resource>().into_iter().map(|name| name.parse::<Resource>().unwrap());
    let rules = |resource: Resource| match name {
        "clerk" => {
            let own = [Action::Read, Action::Update, Action::Delete, Action::Export, Action::Import];
            let own = own.map(|action| Rule { resource, action, reach: Reach::Own });
            let create = Rule { resource, action: Action::Create, reach: Reach::All };
            let is_record = !matches!(
                resource,
                Resource::Users | Resource::Teams | Resource::Roles | Resource::Changes | Resource::Settings
            );
            if is_record { own.into_iter().chain([create]).collect() } else { own[..1].to_vec() }
        }
        "lead" => {
            let all = crm_domain::names_of::<Action>().into_iter().map(|name| name.parse::<Action>().unwrap());
            all.map(|action| Rule { resource, action, reach: Reach::Team }).collect()
        }
        _ => [Action::Read, Action::Export].map(|action| Rule { resource, action, reach: Reach::All }).to_vec(),
    };
    all.flat_map(rules).collect()
}

/// Makes a custom role and a user in the north who has it.
pub async fn with_role(app: &TestApp, name: &'static str, rules: &[Rule], team: Option<TeamId>) -> Caller {
    let role = app.ann().post(&format!("{BASE}/roles"), json!({"name": name, "rules": rules})).await.expect(201).json();
    user(app, name, &role["id"], team).await
}

pub async fn user(app: &TestApp, name: &'static str, role: &Value, team: Option<TeamId>) -> Caller {
    let body = json!({"email": format!("{name}@example.com"), "name": name, "role_id": role, "team_id": team});
    let made = app.ann().post(&format!("{BASE}/users"), body).await.expect(201).json();
    let id = UserId::parse(made["id"].as_str().unwrap()).unwrap();
    let role = RoleId::parse(role.as_str().unwrap()).unwrap();
    Caller { name, client: app.sign_in(id), id: Some(id), team, role }
}

/// All ten.
pub async fn callers(app: &TestApp) -> Vec<Caller> {
    let north = Some(TestApp::team_id("north"));
    let named = |name, user, role: BuiltInRole, team| {
        let id = Some(TestApp::user_id(user));
        Caller { name, client: app.client(user), id, team, role: role.id() }
    };
    let mut all = vec![
        named("admin", "ann", BuiltInRole::Admin, None),
        named("manager", "max", BuiltInRole::Manager, north),
        named("user", "uma", BuiltInRole::User, north),
        named("read_only", "rita", BuiltInRole::ReadOnly, north),
    ];
    for name in ["clerk", "auditor", "lead"] {
        all.push(with_role(app, name, &rules(name), north).await);
    }
    all.push(named("teamless", "solo", BuiltInRole::User, None));
    let (anonymous, role) = (app.anonymous(), BuiltInRole::User.id());
    all.push(Caller { name: "anonymous", client: anonymous, id: None, team: north, role });
    let deactivated = user(app, "deactivated", &json!(role), north).await;
    deactivated.client.get(&format!("{BASE}/auth/me")).await.expect(200);
    let path = format!("{BASE}/users/{}", deactivated.id.unwrap());
    app.ann().patch(&path, 1, json!({"is_active": false})).await.expect(200);
    // Nobody can be given to somebody who is shut out, so what would be theirs is uma's.
    all.push(Caller { id: None, ..deactivated });
    all
}
