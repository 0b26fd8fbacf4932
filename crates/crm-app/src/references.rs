//! The records that an input refers to: to a caller who cannot see one, it is not there.

use crm_domain::{
    Id, Interaction, Invalid, Mandate, Organisation, Person, Product, User, Violation,
    access::{Actor, Guarded},
};
use crm_persistence::{WriteTx, interactions, mandates, organisations, people, products};

use crate::{
    Error,
    ownership::{seen, users_to_name},
};

/// Looks up what an input newly names, and notes what is not there. What a record named before is not asked about again:
/// whoever may change the record may keep it as it is.
pub(crate) struct References<'a, 'b> {
    tx: &'a mut WriteTx<'b>,
    actor: &'a Actor,
    invalid: Invalid,
}

impl<'a, 'b> References<'a, 'b> {
    pub(crate) fn new(tx: &'a mut WriteTx<'b>, actor: &'a Actor) -> Self {
        Self { tx, actor, invalid: Invalid::default() }
    }

    /// Refuses what was not there, all at once.
    pub(crate) fn finish(self) -> Result<(), Error> {
        Ok(self.invalid.finish(())?)
    }

    /// The record that a field names now, unless it did so before.
    pub(crate) fn one<R: Referred>(
        &mut self,
        field: &str,
        before: Option<Id<R>>,
        now: Option<Id<R>>,
    ) -> Result<(), Error> {
        self.all(field, now.filter(|_| now != before).as_slice())
    }

    /// Different records that a field names now and did not name before.
    pub(crate) fn all<R: Referred>(&mut self, field: &str, added: &[Id<R>]) -> Result<(), Error> {
        if added.is_empty() {
            return Ok(());
        }
        if R::count(self.tx, self.actor, added)? < added.len() {
            let violation = Violation::new("not_found", "must be a record that exists");
            self.invalid.errors.push(violation.at(format!("/{field}")));
        }
        Ok(())
    }
}

/// A record that others refer to.
pub(crate) trait Referred: Guarded + Sized {
    /// How many of these different records are there for the caller.
    fn count(tx: &mut WriteTx, actor: &Actor, ids: &[Id<Self>]) -> Result<usize, Error>;
}

impl Referred for Organisation {
    fn count(tx: &mut WriteTx, actor: &Actor, ids: &[Id<Self>]) -> Result<usize, Error> {
        Ok(seen(actor, |grant| organisations::find_many(tx, grant, ids))?.len())
    }
}

impl Referred for Person {
    fn count(tx: &mut WriteTx, actor: &Actor, ids: &[Id<Self>]) -> Result<usize, Error> {
        Ok(seen(actor, |grant| people::find_many(tx, grant, ids))?.len())
    }
}

impl Referred for Product {
    fn count(tx: &mut WriteTx, actor: &Actor, ids: &[Id<Self>]) -> Result<usize, Error> {
        Ok(seen(actor, |grant| products::find_many(tx, grant, ids))?.len())
    }
}

impl Referred for Mandate {
    fn count(tx: &mut WriteTx, actor: &Actor, ids: &[Id<Self>]) -> Result<usize, Error> {
        Ok(seen(actor, |grant| mandates::find_many(tx, grant, ids))?.len())
    }
}

impl Referred for Interaction {
    fn count(tx: &mut WriteTx, actor: &Actor, ids: &[Id<Self>]) -> Result<usize, Error> {
        Ok(seen(actor, |grant| interactions::find_many(tx, grant, ids))?.len())
    }
}

/// As for an owner: whoever is active and seen by the caller, and the caller.
impl Referred for User {
    fn count(tx: &mut WriteTx, actor: &Actor, ids: &[Id<Self>]) -> Result<usize, Error> {
        Ok(users_to_name(tx, actor, ids)?.len())
    }
}
