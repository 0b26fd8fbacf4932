//! The tables of what is sent to other services.

diesel::table! {
    use crate::column::{DbJson, DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};

    webhooks (id) {
        id -> DbUuid,
        name -> Text,
        url -> Text,
        events -> DbJson,
        owner_id -> DbUuid,
        is_enabled -> Bool,
        disabled_reason -> Nullable<Text>,
        disabled_at -> Nullable<DbTime>,
        secret -> Binary,
        previous_secret -> Nullable<Binary>,
        previous_until -> Nullable<DbTime>,
        starts_after -> BigInt,
        failing_since -> Nullable<DbTime>,
        failures -> BigInt,
        paused_until -> Nullable<DbTime>,
        held_by -> Nullable<DbUuid>,
        held_until -> Nullable<DbTime>,
        version -> BigInt,
        created_at -> DbTime,
        updated_at -> DbTime,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Nullable, Text};

    webhook_deliveries (id) {
        id -> DbUuid,
        webhook_id -> DbUuid,
        position -> Nullable<BigInt>,
        event -> Text,
        resource -> Nullable<Text>,
        record_id -> Nullable<DbUuid>,
        body -> Text,
        state -> Text,
        attempts -> BigInt,
        next_attempt_at -> Nullable<DbTime>,
        last_attempt_at -> Nullable<DbTime>,
        status -> Nullable<BigInt>,
        error -> Nullable<Text>,
        duration_milliseconds -> Nullable<BigInt>,
        answer -> Nullable<Text>,
        created_at -> DbTime,
        ended_at -> Nullable<DbTime>,
    }
}
