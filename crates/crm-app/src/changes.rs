//! The change log in the order of its positions.

use crm_domain::{
    Change, RecordedChange,
    access::{Grant, Read, policy},
};
use crm_persistence::changes::{self, Readable};

use crate::{App, Error};

/// The use cases of the change log.
#[derive(Clone, Debug)]
pub struct Changes {
    pub(crate) app: App,
}

impl Changes {
    /// The changes behind the position `after` that the caller may see, in order.
    ///
    /// Changes committed before the call are among them, so that callers see their own.
    pub async fn read_after(
        &self,
        grant: Grant<Read, Change>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<RecordedChange>, Error> {
        self.app.catch_up().await?;
        self.app
            .read(move |tx| {
                let actor = grant.actor();
                let readable = Readable {
                    organisations: policy::authorise(actor).ok(),
                    people: policy::authorise(actor).ok(),
                    users: policy::authorise(actor).ok(),
                    teams: policy::authorise(actor).ok(),
                    roles: policy::authorise(actor).ok(),
                };
                Ok(changes::read_after(tx, &grant, &readable, after, limit)?)
            })
            .await
    }
}
