//! The change log in the order of its positions.

use crm_domain::{
    Change, Interaction, Invalid, Mandate, Organisation, Person, Product, RecordKind, RecordedChange, Task, Team, User,
    Version,
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
pub(crate) fn readable(actor: &Actor) -> Readable {
    let kinds = <RecordKind as strum::VariantArray>::VARIANTS.iter();
    let seen = kinds.filter_map(|kind| Some((*kind, scope_of(*kind, actor)?)));
    seen.fold(Readable::default(), |readable, (kind, scope)| readable.and(kind, scope))
}

/// How far a caller sees records of a kind; none where not at all.
pub(crate) fn scope_of(kind: RecordKind, actor: &Actor) -> Option<Scope> {
    // Whoever sees a link sees both its ends.
    let both = |one: Result<Scope, Denied>, other: Result<Scope, Denied>| {
        one.ok().zip(other.ok()).map(|(one, other)| one.narrowed(other))
    };
    match kind {
        RecordKind::Organisations | RecordKind::Imports => scope::<Organisation>(actor).ok(),
        RecordKind::People => scope::<Person>(actor).ok(),
        RecordKind::Links => both(scope::<Organisation>(actor), scope::<Person>(actor)),
        RecordKind::Products => scope::<Product>(actor).ok(),
        RecordKind::Mandates => scope::<Mandate>(actor).ok(),
        RecordKind::MandateProducts => both(scope::<Mandate>(actor), scope::<Product>(actor)),
        RecordKind::Interactions => scope::<Interaction>(actor).ok(),
        RecordKind::Tasks => scope::<Task>(actor).ok(),
        RecordKind::Users => scope::<User>(actor).ok(),
        RecordKind::Teams => scope::<Team>(actor).ok(),
        RecordKind::Roles => scope::<Role>(actor).ok(),
    }
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
