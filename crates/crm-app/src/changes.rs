//! The change log in the order of its positions.

use crm_domain::{
    Change, Invalid, Mandate, Organisation, Person, Product, RecordKind, RecordedChange, Team, User, Version,
    access::{Actor, Denied, Grant, Guarded, Read, Role, Scope, policy},
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
                let readable = readable(grant.actor());
                Ok(changes::after(tx, &grant, &readable, after, limit)?)
            })
            .await
    }
}

/// How far a caller sees each kind of record.
fn readable(actor: &Actor) -> Readable {
    let organisations = scope::<Organisation>(actor);
    let people = scope::<Person>(actor);
    let (products, mandates) = (scope::<Product>(actor), scope::<Mandate>(actor));
    // Whoever sees a link sees both its ends.
    let both = |one: Result<Scope, Denied>, other: Result<Scope, Denied>| {
        one.ok().zip(other.ok()).map(|(one, other)| one.narrowed(other))
    };
    let kinds = [
        (RecordKind::Organisations, organisations.ok()),
        (RecordKind::People, people.ok()),
        (RecordKind::Links, both(organisations, people)),
        (RecordKind::Products, products.ok()),
        (RecordKind::Mandates, mandates.ok()),
        (RecordKind::MandateProducts, both(mandates, products)),
        (RecordKind::Users, scope::<User>(actor).ok()),
        (RecordKind::Teams, scope::<Team>(actor).ok()),
        (RecordKind::Roles, scope::<Role>(actor).ok()),
        (RecordKind::Imports, organisations.ok()),
    ];
    let seen = kinds.into_iter().filter_map(|(kind, scope)| Some((kind, scope?)));
    seen.fold(Readable::default(), |readable, (kind, scope)| readable.and(kind, scope))
}

fn scope<R: Guarded>(actor: &Actor) -> Result<Scope, Denied> {
    policy::authorise::<Read, R>(actor).map(|grant| grant.scope())
}

/// Reads the cursor of a history: the version before which the next page begins.
pub(crate) fn before(cursor: Option<&str>) -> Result<Option<Version>, Invalid> {
    let version = |text: &str| text.parse().ok().and_then(|number| Version::new(number).ok());
    let read = |text| version(text).ok_or_else(|| Invalid::one("cursor", "cursor", "is not a cursor of this list"));
    cursor.map(read).transpose()
}
