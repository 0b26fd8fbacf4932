//! What differs between the resources that can be imported.

use crm_domain::{
    Change, FieldChange, Invalid, Version,
    access::{Actor, Create, Denied, Grant, Guarded, Import, Ownership, Update, policy},
    values::CountryCode,
};
use crm_persistence::{Recorded, StoreError, WriteTx};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{cells::Reading, reader::Synonyms, row::Problem, seen::Key};
use crate::Error;

/// The canonical fields of a row or of several rows about one record.
pub(super) type FieldMap = Map<String, Value>;

/// A field that can be imported.
pub(super) struct FieldReading {
    /// Its name in the domain.
    pub name: &'static str,
    /// How its cells are read.
    pub reading: Reading,
}

/// What an importer may do. To import is to recognise records by their values; what a row makes or changes is what the
/// importer may make or change by any other door.
pub(super) struct Rights<R: Guarded> {
    /// How far records are recognised.
    pub import: Grant<Import, R>,
    create: Result<Grant<Create, R>, Denied>,
    update: Result<Grant<Update, R>, Denied>,
}

impl<R: Guarded> Rights<R> {
    /// The rights of this importer.
    pub(super) fn of(actor: &Actor) -> Result<Self, Denied> {
        let (create, update) = (policy::authorise(actor), policy::authorise(actor));
        Ok(Self { import: policy::authorise(actor)?, create, update })
    }

    /// The permission to make records.
    pub(super) fn create(&self) -> Result<&Grant<Create, R>, Problem> {
        self.create.as_ref().map_err(|denied| Problem::of_row("forbidden", denied.to_string()))
    }

    /// The permission to change records, if it reaches this one.
    pub(super) fn update(&self, record: &Ownership) -> Result<&Grant<Update, R>, Problem> {
        let within = |grant: &&Grant<Update, R>| grant.scope().admits(record);
        self.update.as_ref().ok().filter(within).ok_or_else(|| {
            Problem::of_row("forbidden", "the record is there already, and is not yours to change".to_owned())
        })
    }
}

/// A resource that can be imported. Its parts are what the steps of one chunk need to know of it.
pub(super) trait Target: Send + Sync {
    /// A record of it.
    type Record: Clone + Serialize + Guarded;
    /// What a row says of it.
    type Patch: Send + Sync;
    /// What a row says besides, for use after the records have been written.
    type Aside: Clone + Default + PartialEq + Send;

    /// Its fields and what their columns may be called.
    const SYNONYMS: &'static Synonyms;
    /// Its fields, at most 31.
    const FIELDS: &'static [FieldReading];

    /// Reads canonical fields; what is wrong is told field by field.
    fn read(fields: FieldMap) -> Result<Self::Patch, Invalid>;

    /// Puts what columns say that are no fields themselves into the fields, or into the aside of the row.
    ///
    /// `cell` gives the cell of a column, `None` where it is blank or missing.
    fn asides<'c>(&self, fields: &mut FieldMap, cell: &dyn Fn(&str) -> Option<&'c str>) -> Self::Aside;

    /// What the importer may do.
    fn rights(&self) -> &Rights<Self::Record>;

    /// Whose a record is.
    fn ownership(record: &Self::Record) -> Ownership;

    /// Looks up, in one go, what the asides of a chunk refer to. What is not found is a problem of its row, given by the
    /// position of the row in `asides`.
    fn resolve(&self, tx: &mut WriteTx, asides: &mut [Self::Aside]) -> Result<Vec<(usize, Problem)>, Error>;

    /// What the record of such a row is recognised by.
    fn keys(&self, fields: &FieldMap, aside: &Self::Aside) -> Keys;

    /// What a record is recognised by in later rows, whatever the row that speaks of it says.
    fn keys_of(&self, record: &Self::Record) -> Vec<Key>;

    /// Loads the records that have one of these keys, each with those of all its keys that rows can have.
    fn load(&self, tx: &mut WriteTx, keys: &[Key]) -> Result<Vec<Recognised<Self::Record>>, Error>;

    /// Makes a record of what a row says, and of what its aside has been resolved to.
    fn create(
        &self,
        tx: &WriteTx,
        patch: &Self::Patch,
        aside: &Self::Aside,
    ) -> Result<(Self::Record, Vec<FieldChange>), Invalid>;

    /// Changes a record.
    fn apply(
        &self,
        tx: &WriteTx,
        record: &Self::Record,
        patch: &Self::Patch,
    ) -> Result<(Self::Record, Vec<FieldChange>), Invalid>;

    /// Writes new records.
    fn insert(
        &self,
        tx: &mut WriteTx,
        grant: &Grant<Create, Self::Record>,
        records: &[Self::Record],
    ) -> Result<(), StoreError>;

    /// Writes a changed record over its version before.
    fn save(
        &self,
        tx: &mut WriteTx,
        grant: &Grant<Update, Self::Record>,
        before: Version,
        record: &Self::Record,
    ) -> Result<(), StoreError>;

    /// The id, the version and the change log entry of a record that was made or changed.
    fn change(record: &Self::Record, made: Made, fields: Vec<FieldChange>) -> Change;

    /// The version of a record.
    fn version(record: &Self::Record) -> Version;

    /// Does what the asides of the rows ask for, now that the records are there.
    fn finish(&self, tx: &mut WriteTx, records: &[(Self::Record, Self::Aside)]) -> Result<Recorded<()>, Error>;

    /// The country of phone numbers in national form where the row names none.
    fn default_country(&self) -> Option<CountryCode>;
}

/// Whether a record is new.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Made {
    /// It was made.
    New,
    /// It was there and has changed.
    Changed,
}

/// A record that is there, with all keys that rows about it can have.
pub(super) type Recognised<R> = (R, Vec<Key>);

/// What the record of a row is recognised by, the surest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    /// Rows that share one of these speak of one record, and a record that has one is meant.
    pub own: Vec<Key>,
    /// A record that has one of these is meant where none has one of the others.
    pub fallback: Vec<Key>,
}
