//! Which tables are saved, how their rows are ordered, and which are left out.
//!
//! Names and types of the columns come from the schema, so that a new column is saved without a word here. A new table
//! needs one line; a test fails for one that has none.

use diesel::{
    Column, Expression, Table,
    sql_types::{BigInt, Binary, Bool, Date, Nullable, SmallInt, SqlType, Text, is_nullable::NotNull},
};

use super::manifest::{ColumnManifest, Kind, TableManifest};
use crate::{
    column::{DbJson, DbTime, DbUuid},
    schema,
};

/// A table as it is saved.
#[derive(Clone, Debug)]
pub(super) struct SavedTable {
    pub name: &'static str,
    /// The columns whose values order the rows, the same on both databases.
    pub key: &'static [&'static str],
    pub columns: Vec<ColumnManifest>,
}

impl SavedTable {
    /// What a manifest says of it before a row was counted.
    pub fn is_meant_by(&self, manifest: &TableManifest) -> bool {
        self.name == manifest.name && self.columns == manifest.columns
    }
}

/// The tables that are saved, those that others refer to first.
pub(super) fn tables() -> Vec<SavedTable> {
    vec![
        table::<schema::roles::table>("roles", &["id"]),
        table::<schema::teams::table>("teams", &["id"]),
        table::<schema::users::table>("users", &["id"]),
        table::<schema::second_factors::table>("second_factors", &["user_id"]),
        table::<schema::recovery_codes::table>("recovery_codes", &["user_id", "hash"]),
        table::<schema::known_networks::table>("known_networks", &["user_id", "network"]),
        table::<schema::api_keys::table>("api_keys", &["id"]),
        table::<schema::organisations::table>("organisations", &["id"]),
        table::<schema::people::table>("people", &["id"]),
        table::<schema::links::table>("links", &["id"]),
        table::<schema::products::table>("products", &["id"]),
        table::<schema::mandates::table>("mandates", &["id"]),
        table::<schema::mandate_products::table>("mandate_products", &["id"]),
        table::<schema::interactions::table>("interactions", &["id"]),
        table::<schema::interaction_people::table>("interaction_people", &["interaction_id", "person_id"]),
        table::<schema::interaction_users::table>("interaction_users", &["interaction_id", "user_id"]),
        table::<schema::tasks::table>("tasks", &["id"]),
        table::<schema::imports::table>("imports", &["id"]),
        table::<schema::import_errors::table>("import_errors", &["import_id", "number"]),
        table::<schema::changes::table>("changes", &["sequence"]),
        table::<schema::relay::table>("relay", &["name"]),
        table::<schema::notifications::table>("notifications", &["id"]),
        table::<schema::notification_preferences::table>("notification_preferences", &["user_id", "kind"]),
        table::<schema::webhooks::table>("webhooks", &["id"]),
        table::<schema::webhook_deliveries::table>("webhook_deliveries", &["id"]),
        table::<schema::idempotency_keys::table>("idempotency_keys", &["user_id", "path", "key"]),
    ]
}

/// The tables that are not saved, and why.
pub const LEFT_OUT: [(&str, &str); 8] = [
    ("sessions", "a session that has been ended must not live again: everybody signs in anew"),
    ("refresh_tokens", "a token that has been used must not be good again"),
    ("password_resets", "a link that has been used must not be good again"),
    ("attempts", "guesses are counted for minutes, and by the clock"),
    ("suspended_indexes", "which indexes wait to be built again is a matter of the database that is being filled"),
    ("leases", "who relays now is a matter of the running instances"),
    ("access_changes", "who has lost rights is news for open sockets, of which a restored service has none"),
    ("realtime_tickets", "a ticket lives for seconds"),
];

/// The tables whose rows a migration puts there: an empty database has them.
pub(super) const BEGINNINGS: [&str; 2] = ["roles", "relay"];

/// The names of the tables that are saved, each with its columns.
pub fn saved() -> Vec<(&'static str, Vec<ColumnManifest>)> {
    tables().into_iter().map(|table| (table.name, table.columns)).collect()
}

/// The names of the tables that are not saved.
pub fn left_out() -> impl Iterator<Item = &'static str> {
    LEFT_OUT.iter().map(|(name, _)| *name)
}

fn table<T: Table>(name: &'static str, key: &'static [&'static str]) -> SavedTable
where
    T::AllColumns: Columns,
{
    SavedTable { name, key, columns: T::AllColumns::described() }
}

/// A type of the schema, as its values are written.
trait Written {
    const KIND: Kind;
}

macro_rules! written {
    ($($type:ty => $kind:ident),*) => { $(impl Written for $type { const KIND: Kind = Kind::$kind; })* };
}
written!(
    DbUuid => Uuid, DbTime => Time, DbJson => Json, Date => Date, BigInt => Integer, SmallInt => Integer,
    Bool => Boolean, Text => Text, Binary => Bytes
);

impl<T: Written + SqlType<IsNull = NotNull>> Written for Nullable<T> {
    const KIND: Kind = T::KIND;
}

/// The columns of a table, which diesel has as a tuple.
trait Columns {
    fn described() -> Vec<ColumnManifest>;
}

fn column<C: Column>() -> ColumnManifest
where
    <C as Expression>::SqlType: Written,
{
    ColumnManifest { name: C::NAME.to_owned(), kind: <C::SqlType as Written>::KIND }
}

macro_rules! columns {
    () => {};
    ($first:ident $($rest:ident)*) => {
        impl<$first: Column, $($rest: Column),*> Columns for ($first, $($rest,)*)
        where
            $first::SqlType: Written,
            $($rest::SqlType: Written,)*
        {
            fn described() -> Vec<ColumnManifest> {
                vec![column::<$first>(), $(column::<$rest>()),*]
            }
        }
        columns!($($rest)*);
    };
}
columns!(
    A B C D E F G H I J K L M N O P Q R S T U V W X Y Z A1 B1 C1 D1 E1 F1 G1 H1 I1 J1 K1 L1 M1 N1 O1 P1 Q1 R1 S1 T1 U1
    V1 W1 X1 Y1 Z1 A2 B2 C2 D2 E2 F2 G2 H2 I2 J2 K2 L2
);
