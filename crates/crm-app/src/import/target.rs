//! What differs between the resources that can be imported.

use crm_domain::{Change, FieldChange, Invalid, Version, values::CountryCode};
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

/// A resource that can be imported. Its parts are what the steps of one chunk need to know of it.
pub(super) trait Target: Send + Sync {
    /// A record of it.
    type Record: Clone + Serialize;
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
    fn insert(&self, tx: &mut WriteTx, records: &[Self::Record]) -> Result<(), StoreError>;

    /// Writes a changed record over its version before.
    fn save(&self, tx: &mut WriteTx, before: Version, record: &Self::Record) -> Result<(), StoreError>;

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
