//! Links: which people work with which organisations. Whoever sees both ends sees a link; whoever may change the
//! organisation, and sees the person, may change it.

use crm_domain::{
    Change, ChangeAction, FieldChange, Link, LinkId, LinkPatch, NewRecord, Organisation, OrganisationId, Person,
    PersonId, RecordKind, Version,
    access::{Actor, Grant, Read, Update, policy},
    query::Page,
};
use crm_persistence::{Recorded, StoreError, WriteTx, links, organisations, people};

use crate::{
    App, Error, Expected, Input,
    expected::{settled, upserted},
};

/// The use cases of links.
#[derive(Clone, Debug)]
pub struct Links {
    pub(crate) app: App,
}

/// Which link: one for each pair.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pair {
    /// The organisation.
    pub organisation: OrganisationId,
    /// The person.
    pub person: PersonId,
}

/// What a `PUT` has done.
#[derive(Clone, Debug, PartialEq)]
pub enum Put {
    /// The link is new.
    Created(Link),
    /// The link was there, and now is what was put.
    Replaced(Link),
}

/// What it takes to change links.
#[derive(Clone, Debug)]
pub struct LinkGrants {
    /// To change the organisation.
    pub organisation: Grant<Update, Organisation>,
    /// To see the person.
    pub person: Grant<Read, Person>,
}

impl LinkGrants {
    /// The grants of an actor.
    pub fn of(actor: &Actor) -> Result<Self, Error> {
        Ok(Self { organisation: policy::authorise(actor)?, person: policy::authorise(actor)? })
    }
}

impl Links {
    /// One link.
    pub async fn get(
        &self,
        organisation: Grant<Read, Organisation>,
        person: Grant<Read, Person>,
        pair: Pair,
    ) -> Result<Link, Error> {
        self.app.read(move |tx| Ok(links::find(tx, &organisation, &person, pair.organisation, pair.person)?)).await
    }

    /// The people of an organisation.
    pub async fn of_organisation(
        &self,
        organisation: Grant<Read, Organisation>,
        person: Grant<Read, Person>,
        id: OrganisationId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<(Link, Person)>, Error> {
        self.app
            .read(move |tx| {
                organisations::find(tx, &organisation, id)?;
                Ok(links::of_organisation(tx, &organisation, &person, id, limit, cursor.as_deref())?)
            })
            .await
    }

    /// The organisations of a person.
    pub async fn of_person(
        &self,
        organisation: Grant<Read, Organisation>,
        person: Grant<Read, Person>,
        id: PersonId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<(Link, Organisation)>, Error> {
        self.app
            .read(move |tx| {
                people::find(tx, &person, id)?;
                Ok(links::of_person(tx, &organisation, &person, id, limit, cursor.as_deref())?)
            })
            .await
    }

    /// The people of several organisations, in one query.
    pub async fn of_organisations(
        &self,
        organisation: Grant<Read, Organisation>,
        person: Grant<Read, Person>,
        ids: Vec<OrganisationId>,
    ) -> Result<Vec<(Link, Person)>, Error> {
        self.app.read(move |tx| Ok(links::of_organisations(tx, &organisation, &person, &ids)?)).await
    }

    /// The organisations of several people, in one query.
    pub async fn of_people(
        &self,
        organisation: Grant<Read, Organisation>,
        person: Grant<Read, Person>,
        ids: Vec<PersonId>,
    ) -> Result<Vec<(Link, Organisation)>, Error> {
        self.app.read(move |tx| Ok(links::of_people(tx, &organisation, &person, &ids)?)).await
    }

    /// Creates the link of a pair, or makes it what the body says and nothing else.
    pub async fn put(
        &self,
        grants: LinkGrants,
        pair: Pair,
        expected: Expected,
        input: impl Into<Input<LinkPatch>>,
    ) -> Result<Put, Error> {
        let (app, actor, input) = (self.app.clone(), grants.organisation.actor().clone(), input.into());
        let input = input.map(LinkPatch::replacing);
        self.app
            .write(&actor, move |tx| {
                organisations::find(tx, &grants.organisation, pair.organisation)?;
                people::find(tx, &grants.person, pair.person)?;
                upserted(
                    tx,
                    &format!("links {} {}", pair.organisation, pair.person),
                    |tx| there(tx, &grants, pair),
                    |tx| Ok(create(&app, tx, &grants, pair, &input)?.map(Put::Created)),
                    |tx, _| Ok(update(tx, &grants, pair, expected, &input)?.map(Put::Replaced)),
                )
            })
            .await
    }

    /// Changes a link.
    pub async fn patch(
        &self,
        grants: LinkGrants,
        pair: Pair,
        expected: Expected,
        input: impl Into<Input<LinkPatch>>,
    ) -> Result<Link, Error> {
        let (actor, input) = (grants.organisation.actor().clone(), input.into());
        self.app.write(&actor, move |tx| update(tx, &grants, pair, expected, &input)).await
    }

    /// Removes a link.
    pub async fn delete(&self, grants: LinkGrants, pair: Pair, expected: Expected) -> Result<(), Error> {
        let actor = grants.organisation.actor().clone();
        self.app
            .write(&actor, move |tx| {
                settled(|| {
                    let link = links::find(tx, &grants.organisation, &grants.person, pair.organisation, pair.person)?;
                    expected.check(link.version, &link)?;
                    let (at, by) = (tx.at(), tx.actor().user_id());
                    if let Err(error) = links::delete(tx, &grants.organisation, link.id, link.version, at, by) {
                        return Ok(Err(error));
                    }
                    Ok(tx.record(change(&link, link.version.next(), ChangeAction::Deleted, Vec::new())))
                })
            })
            .await
    }
}

/// The link of a pair, if there is one.
fn there(tx: &mut WriteTx, grants: &LinkGrants, pair: Pair) -> Result<Option<LinkId>, Error> {
    match links::find(tx, &grants.organisation, &grants.person, pair.organisation, pair.person) {
        Ok(link) => Ok(Some(link.id)),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn create(
    app: &App,
    tx: &mut WriteTx,
    grants: &LinkGrants,
    pair: Pair,
    input: &Input<LinkPatch>,
) -> Result<Recorded<Link>, Error> {
    let by = tx.actor().user_id();
    let new = NewRecord { id: app.new_id(), owner_id: None, team_id: None, by, at: tx.at() };
    let made = Link::create(new, pair.organisation, pair.person, input.get()?)?;
    let demoted = demote(tx, grants, &made.state)?;
    links::insert(tx, &grants.organisation, &made.state)?;
    let recorded = tx.record(change(&made.state, made.state.version, ChangeAction::Created, made.changes))?;
    Ok(Recorded::all(vec![demoted, recorded]).with(made.state))
}

fn update(
    tx: &mut WriteTx,
    grants: &LinkGrants,
    pair: Pair,
    expected: Expected,
    input: &Input<LinkPatch>,
) -> Result<Recorded<Link>, Error> {
    settled(|| {
        let link = links::find(tx, &grants.organisation, &grants.person, pair.organisation, pair.person)?;
        expected.check(link.version, &link)?;
        let updated = link.apply(input.get()?, tx.actor().user_id(), tx.at())?;
        if updated.changes.is_empty() {
            return Ok(Ok(tx.unchanged(updated.state)));
        }
        let demoted = demote(tx, grants, &updated.state)?;
        if let Err(error) = links::save(tx, &grants.organisation, link.version, &updated.state) {
            return Ok(Err(error));
        }
        let recorded =
            tx.record(change(&updated.state, updated.state.version, ChangeAction::Updated, updated.changes))?;
        Ok(Ok(Recorded::all(vec![demoted, recorded]).with(updated.state)))
    })
}

/// An organisation has one primary link: the one before makes room for the next. Of two next ones the second finds the
/// first.
fn demote(tx: &mut WriteTx, grants: &LinkGrants, next: &Link) -> Result<Recorded<()>, Error> {
    if !next.is_primary {
        return Ok(tx.unchanged(()));
    }
    tx.keep_alone(&format!("links_primary {}", next.organisation_id))?;
    settled(|| {
        let former = links::primary_of(tx, &grants.organisation, next.organisation_id)?;
        let Some(former) = former.filter(|former| former.id != next.id) else {
            return Ok(Ok(tx.unchanged(())));
        };
        let patch = LinkPatch { is_primary: crm_domain::Field::Set(false), ..LinkPatch::default() };
        let demoted = former.apply(&patch, tx.actor().user_id(), tx.at())?;
        if let Err(error) = links::save(tx, &grants.organisation, former.version, &demoted.state) {
            return Ok(Err(error));
        }
        Ok(tx.record(change(&demoted.state, demoted.state.version, ChangeAction::Updated, demoted.changes)))
    })
}

pub(crate) fn change(link: &Link, version: Version, action: ChangeAction, fields: Vec<FieldChange>) -> Change {
    Change { kind: RecordKind::Links, record_id: link.id.uuid(), version, action, fields }
}
