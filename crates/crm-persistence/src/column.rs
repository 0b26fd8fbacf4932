//! The column types that the two databases spell differently, written once.
//!
//! | here | PostgreSQL | `SQLite` |
//! |---|---|---|
//! | [`DbUuid`] | `uuid` | 16-byte blob |
//! | [`DbTime`] | `timestamptz` | integer, microseconds since 1970 |
//! | [`DbJson`] | `jsonb` | text |

use std::io::Write;

use crm_domain::{Id, values::Timestamp};
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, data_types::PgTimestamp},
    query_builder::QueryId,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, Binary, HasSqlType, Jsonb, SqlType, Text, Timestamptz, Uuid as PgUuid},
    sqlite::Sqlite,
};
use uuid::Uuid;

use crate::connection::MultiBackend;

/// A UUID.
#[derive(Clone, Copy, Debug, Default, QueryId, SqlType)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct DbUuid;

/// An instant, to the microsecond.
#[derive(Clone, Copy, Debug, Default, QueryId, SqlType)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct DbTime;

/// A JSON document.
#[derive(Clone, Copy, Debug, Default, QueryId, SqlType)]
#[diesel(postgres_type(oid = 3802, array_oid = 3807))]
#[diesel(sqlite_type(name = "Text"))]
pub struct DbJson;

impl diesel::sql_types::SqlOrd for DbUuid {}
impl diesel::sql_types::SqlOrd for DbTime {}

/// A UUID in a row.
#[derive(AsExpression, Clone, Copy, Debug, Eq, FromSqlRow, Hash, PartialEq)]
#[diesel(sql_type = DbUuid)]
pub struct UuidColumn(pub Uuid);

/// An instant in a row.
#[derive(AsExpression, Clone, Copy, Debug, Eq, FromSqlRow, PartialEq)]
#[diesel(sql_type = DbTime)]
pub struct TimeColumn(pub i64);

/// A JSON document in a row.
#[derive(AsExpression, Clone, Debug, FromSqlRow, PartialEq)]
#[diesel(sql_type = DbJson)]
pub struct JsonColumn(pub serde_json::Value);

/// A JSON document that is only written, as its text: without the detour over a value in memory.
#[derive(AsExpression, Clone, Debug, PartialEq)]
#[diesel(sql_type = DbJson)]
pub struct JsonText(pub String);

impl<R> From<Id<R>> for UuidColumn {
    fn from(id: Id<R>) -> Self {
        Self(id.uuid())
    }
}
impl<R> From<UuidColumn> for Id<R> {
    fn from(column: UuidColumn) -> Self {
        Self::new(column.0)
    }
}
impl From<Timestamp> for TimeColumn {
    fn from(time: Timestamp) -> Self {
        Self(time.micros())
    }
}
impl From<TimeColumn> for Timestamp {
    fn from(column: TimeColumn) -> Self {
        Self::from_micros(column.0)
    }
}

/// `None` and `Some` of a column's Rust type, from those of the domain's.
pub fn maybe<T, U: From<T>>(value: Option<T>) -> Option<U> {
    value.map(U::from)
}

impl HasSqlType<DbUuid> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        Self::lookup_sql_type::<DbUuid>(lookup)
    }
}
impl HasSqlType<DbTime> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        Self::lookup_sql_type::<DbTime>(lookup)
    }
}
impl HasSqlType<DbJson> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        Self::lookup_sql_type::<DbJson>(lookup)
    }
}

impl ToSql<DbUuid, Pg> for UuidColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<PgUuid, Pg>::to_sql(&self.0, out)
    }
}
impl FromSql<DbUuid, Pg> for UuidColumn {
    fn from_sql(bytes: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        FromSql::<PgUuid, Pg>::from_sql(bytes).map(Self)
    }
}
impl ToSql<DbUuid, Sqlite> for UuidColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}
impl FromSql<DbUuid, Sqlite> for UuidColumn {
    fn from_sql(bytes: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes: Vec<u8> = FromSql::<Binary, Sqlite>::from_sql(bytes)?;
        Ok(Self(Uuid::from_slice(&bytes)?))
    }
}
impl ToSql<DbUuid, MultiBackend> for UuidColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((DbUuid, self));
        Ok(IsNull::No)
    }
}
impl FromSql<DbUuid, MultiBackend> for UuidColumn {
    fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, DbUuid>()
    }
}

/// Microseconds from 1970 to 2000, where the times of PostgreSQL begin.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl ToSql<DbTime, Pg> for TimeColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let time = PgTimestamp(self.0 - POSTGRES_EPOCH);
        ToSql::<Timestamptz, Pg>::to_sql(&time, &mut out.reborrow())
    }
}
impl FromSql<DbTime, Pg> for TimeColumn {
    fn from_sql(bytes: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let time: PgTimestamp = FromSql::<Timestamptz, Pg>::from_sql(bytes)?;
        Ok(Self(time.0 + POSTGRES_EPOCH))
    }
}
impl ToSql<DbTime, Sqlite> for TimeColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0);
        Ok(IsNull::No)
    }
}
impl FromSql<DbTime, Sqlite> for TimeColumn {
    fn from_sql(bytes: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        FromSql::<BigInt, Sqlite>::from_sql(bytes).map(Self)
    }
}
impl ToSql<DbTime, MultiBackend> for TimeColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((DbTime, self));
        Ok(IsNull::No)
    }
}
impl FromSql<DbTime, MultiBackend> for TimeColumn {
    fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, DbTime>()
    }
}

impl ToSql<DbJson, Pg> for JsonColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Jsonb, Pg>::to_sql(&self.0, out)
    }
}
impl FromSql<DbJson, Pg> for JsonColumn {
    fn from_sql(bytes: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        FromSql::<Jsonb, Pg>::from_sql(bytes).map(Self)
    }
}
impl ToSql<DbJson, Sqlite> for JsonColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_string());
        Ok(IsNull::No)
    }
}
impl FromSql<DbJson, Sqlite> for JsonColumn {
    fn from_sql(bytes: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let text: String = FromSql::<Text, Sqlite>::from_sql(bytes)?;
        Ok(Self(serde_json::from_str(&text)?))
    }
}
impl ToSql<DbJson, MultiBackend> for JsonColumn {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((DbJson, self));
        Ok(IsNull::No)
    }
}
impl FromSql<DbJson, MultiBackend> for JsonColumn {
    fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, DbJson>()
    }
}

/// The number that stands before every document in the binary form of `jsonb`.
const JSONB_VERSION: u8 = 1;

impl ToSql<DbJson, Pg> for JsonText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[JSONB_VERSION])?;
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}
impl ToSql<DbJson, Sqlite> for JsonText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_str());
        Ok(IsNull::No)
    }
}
