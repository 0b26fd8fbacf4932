//! The one place where grants are made.

use super::{Action, ActionType, Actor, Denied, Grant, Guarded, Resource, Rule, Scope};

/// A grant for `A` on `R`, when the actor's role has a rule for it.
///
/// The answer does not depend on any record: a record out of scope is simply not found by the query that the grant
/// begins.
pub fn authorise<A: ActionType, R: Guarded>(actor: &Actor) -> Result<Grant<A, R>, Denied> {
    let denied = Denied { action: A::ACTION, resource: R::RESOURCE };
    let scope = actor.scope(R::RESOURCE, A::ACTION).ok_or(denied)?;
    Ok(Grant::new(actor.clone(), scope))
}

/// Why an actor may do `action` on `resource`: the rule, and the rows that it covers. None where no rule allows it.
pub fn explain(actor: &Actor, resource: Resource, action: Action) -> Option<Explanation> {
    let reach = actor.role().reach(resource, action)?;
    let scope = actor.scope(resource, action)?;
    Some(Explanation { rule: Rule { resource, action, reach }, scope })
}

/// A rule that allows something, and the rows that it covers for one actor. Made by [`explain`] alone, so that whoever
/// looks a record up with it sees no more than the actor may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Explanation {
    rule: Rule,
    scope: Scope,
}

impl Explanation {
    /// The rule.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The rows that it covers.
    pub fn scope(&self) -> Scope {
        self.scope
    }
}
