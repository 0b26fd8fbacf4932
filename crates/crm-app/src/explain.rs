//! Why somebody may do something, or may not.

use crm_domain::access::{Action, Actor, Resource, Rule, policy};
use crm_persistence::{ReadTx, access};
use uuid::Uuid;

use crate::{App, Error};

/// The use cases of permissions themselves.
#[derive(Clone, Debug)]
pub struct Access {
    pub(crate) app: App,
}

/// What the policy says to one question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Explained {
    /// Whether it would be allowed.
    pub is_allowed: bool,
    /// The rule that allows such a thing; none where no rule does.
    pub rule: Option<Rule>,
}

impl Access {
    /// Whether the actor may do this, and because of which rule. With a record, whether the rule reaches it: one that is
    /// not there and one out of reach have the same answer.
    pub async fn explain(
        &self,
        actor: &Actor,
        resource: Resource,
        action: Action,
        record: Option<Uuid>,
    ) -> Result<Explained, Error> {
        let Some(why) = policy::explain(actor, resource, action) else {
            return Ok(Explained { is_allowed: false, rule: None });
        };
        let is_allowed = match record {
            None => true,
            // A rule that reaches further than one reads, as that of creating often does, must not tell what there is.
            Some(id) => match policy::explain(actor, resource, Action::Read) {
                None => false,
                Some(read) => {
                    let both =
                        move |tx: &mut ReadTx| Ok(access::reaches(tx, &read, id)? && access::reaches(tx, &why, id)?);
                    self.app.read(both).await?
                }
            },
        };
        Ok(Explained { is_allowed, rule: Some(why.rule()) })
    }
}
