//! The policy's yes, as a value that cannot be forged.

use std::{fmt, marker::PhantomData};

use super::{Action, ActionType, Actor, Guarded, Resource, Scope};

/// Proof that the policy lets an actor do `A` on records of type `R`, as far as its scope.
///
/// It cannot be built outside the policy:
///
/// ```compile_fail
/// use crm_domain::{Organisation, access::{Actor, Grant, Read, Scope}};
/// let actor = Actor::system("example");
/// let forged: Grant<Read, Organisation> = Grant { actor, scope: Scope::All, proof: std::marker::PhantomData };
/// ```
///
/// and a grant for one thing is not a grant for another:
///
/// ```compile_fail
/// use crm_domain::{Organisation, access::{Actor, Grant, Read, Update, policy}};
/// let actor = Actor::system("example");
/// let read: Grant<Read, Organisation> = policy::authorise(&actor).unwrap();
/// let update: Grant<Update, Organisation> = read;
/// ```
pub struct Grant<A, R> {
    actor: Actor,
    scope: Scope,
    proof: PhantomData<fn() -> (A, R)>,
}

impl<A: ActionType, R: Guarded> Grant<A, R> {
    pub(super) fn new(actor: Actor, scope: Scope) -> Self {
        Self { actor, scope, proof: PhantomData }
    }

    /// Who holds it.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The rows that it covers.
    pub fn scope(&self) -> Scope {
        self.scope
    }
}

impl<A, R> Clone for Grant<A, R> {
    fn clone(&self) -> Self {
        Self { actor: self.actor.clone(), scope: self.scope, proof: PhantomData }
    }
}

impl<A: ActionType, R: Guarded> fmt::Debug for Grant<A, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Grant({:?} on {:?}, {:?})", A::ACTION, R::RESOURCE, self.scope)
    }
}

/// The policy's no: this actor may never do that, whichever the record.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the role does not allow {action:?} on {resource:?}")]
pub struct Denied {
    /// What was asked for.
    pub action: Action,
    /// On what.
    pub resource: Resource,
}
