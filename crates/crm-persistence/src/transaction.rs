//! Units of work: what stores may do is in the type of the transaction that they take.

use crm_domain::{Change, ImportId, access::Actor, values::Timestamp};
use diesel::Connection;

use crate::{
    access_changes::Affected, changes, connection::AnyConnection, dialect::Backend, error::StoreError, observed,
};

/// Who changes something, when, and as part of which import: on every row of the change log.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Who.
    pub actor: Actor,
    /// When, by the clock of the instance.
    pub at: Timestamp,
    /// The import that does it.
    pub import_id: Option<ImportId>,
}

pub(crate) mod sealed {
    use crate::connection::AnyConnection;

    /// Only this crate can make one, so only this crate reaches the connection behind a transaction.
    pub struct Token(());

    impl Token {
        pub(crate) const fn new() -> Self {
            Self(())
        }
    }

    pub trait HasConnection {
        fn inner(&mut self, token: Token) -> &mut AnyConnection;
    }
}

/// A unit of work, reading or writing. Its connection is private to this crate.
pub trait Transaction: sealed::HasConnection {}

pub(crate) fn connection(tx: &mut impl Transaction) -> &mut AnyConnection {
    tx.inner(sealed::Token::new())
}

pub(crate) fn backend(tx: &mut impl Transaction) -> Backend {
    Backend::of(connection(tx))
}

/// A reading unit of work.
pub struct ReadTx<'a>(&'a mut AnyConnection);

impl<'a> ReadTx<'a> {
    pub(crate) fn new(connection: &'a mut AnyConnection) -> Self {
        Self(connection)
    }
}

impl sealed::HasConnection for ReadTx<'_> {
    fn inner(&mut self, _: sealed::Token) -> &mut AnyConnection {
        self.0
    }
}
impl Transaction for ReadTx<'_> {}

/// A writing unit of work.
pub struct WriteTx<'a> {
    connection: &'a mut AnyConnection,
    stamp: Stamp,
    affected: Vec<Affected>,
}

impl sealed::HasConnection for WriteTx<'_> {
    fn inner(&mut self, _: sealed::Token) -> &mut AnyConnection {
        self.connection
    }
}
impl Transaction for WriteTx<'_> {}

/// A value whose changes stand in the change log: what every writing unit of work must end in. It can only be had from
/// [`WriteTx::record`], or from [`WriteTx::unchanged`] by saying that nothing changed.
#[derive(Debug)]
#[must_use]
pub struct Recorded<T>(T);

impl<T> Recorded<T> {
    /// The same record of changes, with another value.
    pub fn with<U>(self, value: U) -> Recorded<U> {
        Recorded(value)
    }

    /// The same record of changes, with the value that `change` makes of this one.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Recorded<U> {
        Recorded(change(self.0))
    }

    /// The value.
    pub fn value(&self) -> &T {
        &self.0
    }

    /// Several recorded values as one.
    pub fn all(parts: Vec<Self>) -> Recorded<Vec<T>> {
        Recorded(parts.into_iter().map(Self::into_value).collect())
    }

    /// Two recorded values as the one that `join` makes of them.
    pub fn both<U, V>(one: Self, other: Recorded<U>, join: impl FnOnce(T, U) -> V) -> Recorded<V> {
        Recorded(join(one.0, other.0))
    }

    pub(crate) fn into_value(self) -> T {
        self.0
    }
}

impl<'a> WriteTx<'a> {
    pub(crate) fn new(connection: &'a mut AnyConnection, stamp: Stamp) -> Self {
        Self { connection, stamp, affected: Vec::new() }
    }

    /// Notes that what somebody may is another than before. It is written at the end of the unit of work, so that the one
    /// row for which all of them wait is held by none of them for long.
    pub(crate) fn affects(&mut self, affected: Affected) {
        if !self.affected.contains(&affected) {
            self.affected.push(affected);
        }
    }

    pub(crate) fn take_affected(&mut self) -> Vec<Affected> {
        std::mem::take(&mut self.affected)
    }

    /// Who changes something, and when.
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// When the unit of work happens.
    pub fn at(&self) -> Timestamp {
        self.stamp.at
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.stamp.actor
    }

    /// Writes one row of the change log.
    pub fn record(&mut self, change: Change) -> Result<Recorded<()>, StoreError> {
        self.record_all(vec![change])
    }

    /// Writes one row of the change log for each change.
    pub fn record_all(&mut self, changes: Vec<Change>) -> Result<Recorded<()>, StoreError> {
        changes::insert(self, changes)?;
        Ok(Recorded(()))
    }

    /// Says that nothing has changed that the change log speaks of.
    pub fn unchanged<T>(&self, value: T) -> Recorded<T> {
        Recorded(value)
    }

    /// Runs a part that is taken back alone when it fails.
    pub fn savepoint<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut WriteTx) -> Result<Recorded<T>, E>,
    ) -> Result<Recorded<T>, E> {
        let stamp = self.stamp.clone();
        let mut affected = Vec::new();
        let result = self.connection.transaction(|inner| {
            let mut part = WriteTx::new(inner, stamp);
            let done = work(&mut part).map_err(Part::Work)?;
            affected = part.take_affected();
            Ok(done)
        });
        observed::forget_announced();
        for one in affected {
            self.affects(one);
        }
        result.map_err(|error| match error {
            Part::Work(error) => error,
            Part::Store(error) => StoreError::from(error).into(),
        })
    }
}

enum Part<E> {
    Work(E),
    Store(diesel::result::Error),
}

impl<E> From<diesel::result::Error> for Part<E> {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error)
    }
}
