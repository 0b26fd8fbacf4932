//! Sets of ids: who takes part in something.

use serde::{Deserialize, Serialize};

use crate::{Id, Violation};

/// At most 100 different ids of records of one kind, sorted. As JSON a list of strings. Breaks `uuid` or `too_many`.
///
/// ```
/// use crm_domain::{IdSet, Person};
/// let ids = IdSet::<Person>::parse(["00000000-0000-0000-0000-000000000002", "00000000-0000-0000-0000-000000000001"])?;
/// assert_eq!(ids.as_slice()[0], crm_domain::PersonId::from_u128(1));
/// assert_eq!(IdSet::<Person>::parse(["x"]).unwrap_err().code, "uuid");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Deserialize, Serialize)]
#[serde(bound = "", try_from = "Vec<Id<R>>", into = "Vec<Id<R>>")]
pub struct IdSet<R>(Vec<Id<R>>);

/// The most ids of a set.
const MOST: usize = 100;

impl<R> IdSet<R> {
    /// The set of the ids that these texts are; what stands twice is taken once.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, Violation> {
        let ids: Vec<Id<R>> = texts.into_iter().map(|text| Id::parse(text.as_ref())).collect::<Result<_, _>>()?;
        Self::new(ids)
    }

    /// The set of these ids; what stands twice is taken once.
    pub fn new(ids: impl IntoIterator<Item = Id<R>>) -> Result<Self, Violation> {
        let set = Self::from_stored(ids);
        if set.0.len() > MOST {
            return Err(Violation::new("too_many", format!("must be at most {MOST} different ids")));
        }
        Ok(set)
    }

    /// Takes ids from the database. Trusted: they were a set before they were stored.
    pub fn from_stored(ids: impl IntoIterator<Item = Id<R>>) -> Self {
        let mut ids: Vec<Id<R>> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        Self(ids)
    }

    /// The ids, sorted.
    pub fn as_slice(&self) -> &[Id<R>] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that the other set has not.
    pub fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Id<R>> + 'a {
        self.0.iter().copied().filter(|id| other.0.binary_search(id).is_err())
    }
}

impl<R> Clone for IdSet<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
impl<R> Default for IdSet<R> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
impl<R> PartialEq for IdSet<R> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<R> Eq for IdSet<R> {}
impl<R> std::fmt::Debug for IdSet<R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}
impl<R> TryFrom<Vec<Id<R>>> for IdSet<R> {
    type Error = Violation;

    fn try_from(ids: Vec<Id<R>>) -> Result<Self, Violation> {
        Self::new(ids)
    }
}
impl<R> From<IdSet<R>> for Vec<Id<R>> {
    fn from(set: IdSet<R>) -> Self {
        set.0
    }
}

#[cfg(feature = "openapi")]
mod openapi {
    use utoipa::openapi::{
        KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat,
        schema::{ArrayBuilder, Type},
    };

    impl<R> utoipa::__dev::ComposeSchema for super::IdSet<R> {
        fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
            let format = SchemaFormat::KnownFormat(KnownFormat::Uuid);
            let id = ObjectBuilder::new().schema_type(Type::String).format(Some(format));
            ArrayBuilder::new()
                .items(RefOr::<Schema>::from(id))
                .description(Some("Ids; stored sorted, each once."))
                .max_items(Some(super::MOST))
                .into()
        }
    }

    impl<R> utoipa::ToSchema for super::IdSet<R> {
        fn name() -> std::borrow::Cow<'static, str> {
            "IdSet".into()
        }
    }
}
