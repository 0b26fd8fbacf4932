//! The tables of what is passed on, and to whom.

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::Text;

    leases (name) {
        name -> Text,
        holder -> DbUuid,
        held_until -> DbTime,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Nullable};

    access_changes (position) {
        position -> BigInt,
        user_id -> Nullable<DbUuid>,
        role_id -> Nullable<DbUuid>,
        at -> DbTime,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Nullable, Text};

    notifications (id) {
        id -> DbUuid,
        user_id -> DbUuid,
        kind -> Text,
        priority -> Text,
        title -> Text,
        message -> Text,
        link -> Nullable<Text>,
        resource -> Nullable<Text>,
        record_id -> DbUuid,
        occasion -> DbTime,
        position -> Nullable<BigInt>,
        ordinal -> Nullable<BigInt>,
        version -> BigInt,
        created_at -> DbTime,
        read_at -> Nullable<DbTime>,
        archived_at -> Nullable<DbTime>,
        expires_at -> DbTime,
    }
}

diesel::table! {
    use crate::column::DbUuid;
    use diesel::sql_types::Text;

    notification_preferences (user_id, kind) {
        user_id -> DbUuid,
        kind -> Text,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{Binary, Nullable};

    realtime_tickets (hash) {
        hash -> Binary,
        session_id -> Nullable<DbUuid>,
        api_key_id -> Nullable<DbUuid>,
        expires_at -> DbTime,
    }
}
