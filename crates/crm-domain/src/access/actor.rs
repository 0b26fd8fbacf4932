//! Who asks: a user with a role, or the system with a reason.

use std::sync::Arc;

use super::{Action, BuiltInRole, Reach, Resource, Role, Scope};
use crate::{TeamId, UserId};

/// Whoever a request or a job acts for.
///
/// Cheap to clone. It holds the role as it was when the request began; the next request looks it up again.
#[derive(Clone, Debug)]
pub struct Actor {
    identity: Identity,
    role: Arc<Role>,
    request_id: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
enum Identity {
    User { id: UserId, team: Option<TeamId> },
    System { reason: &'static str },
}

impl Actor {
    /// A user with the role and team that the database says they have now.
    pub fn user(id: UserId, team: Option<TeamId>, role: impl Into<Arc<Role>>) -> Self {
        Self { identity: Identity::User { id, team }, role: role.into(), request_id: None }
    }

    /// The service itself. The reason is written to the change log; grep for this name to find every such place.
    pub fn system(reason: &'static str) -> Self {
        Self { identity: Identity::System { reason }, role: Arc::new(BuiltInRole::Admin.role()), request_id: None }
    }

    /// The same actor, acting for this request.
    #[must_use]
    pub fn with_request_id(self, request_id: impl Into<Arc<str>>) -> Self {
        Self { request_id: Some(request_id.into()), ..self }
    }

    /// The user, unless it is the system.
    pub fn user_id(&self) -> Option<UserId> {
        match self.identity {
            Identity::User { id, .. } => Some(id),
            Identity::System { .. } => None,
        }
    }

    /// The user's team.
    pub fn team_id(&self) -> Option<TeamId> {
        match self.identity {
            Identity::User { team, .. } => team,
            Identity::System { .. } => None,
        }
    }

    /// Why the system acts, unless it is a user.
    pub fn reason(&self) -> Option<&'static str> {
        match self.identity {
            Identity::User { .. } => None,
            Identity::System { reason } => Some(reason),
        }
    }

    /// The role.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// The request that the actor acts for.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The scope of `action` on `resource`; none when the role does not allow it at all.
    pub(super) fn scope(&self, resource: Resource, action: Action) -> Option<Scope> {
        let reach = self.role.reach(resource, action)?;
        Some(match (&self.identity, reach) {
            (Identity::System { .. }, _) | (_, Reach::All) => Scope::All,
            (Identity::User { id, team: Some(team) }, Reach::Team) => Scope::Team { user: *id, team: *team },
            (Identity::User { id, .. }, Reach::Team | Reach::Own) => Scope::Own { user: *id },
        })
    }
}
