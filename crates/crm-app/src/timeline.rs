//! Timelines: what has happened with a record, and what is to be done.

use crm_domain::{
    Organisation, OrganisationId, Person, PersonId, TimelineEntry,
    access::{Actor, Grant, Read, policy},
    query::Page,
};
use crm_persistence::{
    organisations, people,
    timeline::{self, Subject, TimelineGrants},
};

use crate::{App, Error};

/// The use cases of timelines.
#[derive(Clone, Debug)]
pub struct Timelines {
    pub(crate) app: App,
}

impl Timelines {
    /// A page of what happened with an organisation, the newest first. Kinds that the role may not read are left out.
    pub async fn of_organisation(
        &self,
        grant: Grant<Read, Organisation>,
        id: OrganisationId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<TimelineEntry>, Error> {
        self.app
            .read(move |tx| {
                organisations::find(tx, &grant, id)?;
                let (grants, subject) = (readable(grant.actor()), Subject::Organisation(id));
                Ok(timeline::timeline(tx, &grants, subject, limit, cursor.as_deref())?)
            })
            .await
    }

    /// A page of what happened with a person, the newest first. Kinds that the role may not read are left out.
    pub async fn of_person(
        &self,
        grant: Grant<Read, Person>,
        id: PersonId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<TimelineEntry>, Error> {
        self.app
            .read(move |tx| {
                people::find(tx, &grant, id)?;
                let (grants, subject) = (readable(grant.actor()), Subject::Person(id));
                Ok(timeline::timeline(tx, &grants, subject, limit, cursor.as_deref())?)
            })
            .await
    }
}

fn readable(actor: &Actor) -> TimelineGrants {
    TimelineGrants {
        interactions: policy::authorise(actor).ok(),
        tasks: policy::authorise(actor).ok(),
        mandates: policy::authorise(actor).ok(),
    }
}
