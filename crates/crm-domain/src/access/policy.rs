//! The one place where grants are made.

use super::{ActionType, Actor, Denied, Grant, Guarded};

/// A grant for `A` on `R`, when the actor's role has a rule for it.
///
/// The answer does not depend on any record: a record out of scope is simply not found by the query that the grant
/// begins.
pub fn authorise<A: ActionType, R: Guarded>(actor: &Actor) -> Result<Grant<A, R>, Denied> {
    let denied = Denied { action: A::ACTION, resource: R::RESOURCE };
    let scope = actor.scope(R::RESOURCE, A::ACTION).ok_or(denied)?;
    Ok(Grant::new(actor.clone(), scope))
}
