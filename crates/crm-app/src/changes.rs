//! The change log in the order of its positions.

use crm_domain::{
    Change, Interaction, Invalid, Mandate, Organisation, Person, Product, RecordKind, RecordedChange, Task, Team, User,
    UserId, Version,
    access::{Actor, Denied, Grant, Guarded, Read, Role, Scope, policy},
};
use crm_persistence::{
    StoreError, Transaction,
    changes::{self, Readable},
    owners, roles, users,
};
use uuid::Uuid;

use crate::{App, Error, app::system_grant};

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

/// A user as they are now, and as the policy sees them; none where they may not sign in.
pub(crate) fn present_user(tx: &mut impl Transaction, id: UserId) -> Result<Option<(User, Actor)>, Error> {
    let user = match users::find(tx, &system_grant::<Read, _>("rights of a user at this moment")?, id) {
        Ok(user) if user.is_active => user,
        Ok(_) | Err(StoreError::NotFound) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let actor = Actor::user(user.id, user.stamps.team_id, roles::find(tx, user.role_id)?);
    Ok(Some((user, actor)))
}

/// Whether somebody sees a record at this moment.
pub(crate) fn sees(tx: &mut impl Transaction, actor: &Actor, kind: RecordKind, id: Uuid) -> Result<bool, Error> {
    let Some(scope) = scope_of(kind, actor) else { return Ok(false) };
    Ok(owners::of(tx, &system_grant("rights of a user at this moment")?, [(kind, id)])?.admits(scope, kind, id))
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
