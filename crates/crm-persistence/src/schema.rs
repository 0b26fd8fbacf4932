//! The tables, as diesel sees them. The migrations are the truth; a test compares both sides.
//!
//! `sequence` of the searchable tables is absent on purpose: it only ties a row to the full-text index of `SQLite`.

mod outbound;
mod realtime;

pub use outbound::{webhook_deliveries, webhooks};
pub use realtime::{access_changes, leases, notification_preferences, notifications, realtime_tickets};

diesel::table! {
    use crate::column::{DbJson, DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};

    roles (id) {
        id -> DbUuid,
        name -> Text,
        name_key -> Text,
        rules -> DbJson,
        requires_second_factor -> Bool,
        search_text -> Text,
        version -> BigInt,
        owner_id -> Nullable<DbUuid>,
        team_id -> Nullable<DbUuid>,
        created_at -> DbTime,
        created_by -> Nullable<DbUuid>,
        updated_at -> DbTime,
        updated_by -> Nullable<DbUuid>,
        deleted_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Nullable, Text};

    teams (id) {
        id -> DbUuid,
        name -> Text,
        name_key -> Text,
        manager_id -> Nullable<DbUuid>,
        search_text -> Text,
        version -> BigInt,
        owner_id -> Nullable<DbUuid>,
        team_id -> Nullable<DbUuid>,
        created_at -> DbTime,
        created_by -> Nullable<DbUuid>,
        updated_at -> DbTime,
        updated_by -> Nullable<DbUuid>,
        deleted_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};

    users (id) {
        id -> DbUuid,
        email -> Text,
        email_key -> Text,
        name -> Text,
        name_key -> Text,
        role_id -> DbUuid,
        locale -> Text,
        is_active -> Bool,
        last_login_at -> Nullable<DbTime>,
        password_hash -> Nullable<Text>,
        search_text -> Text,
        version -> BigInt,
        owner_id -> Nullable<DbUuid>,
        team_id -> Nullable<DbUuid>,
        created_at -> DbTime,
        created_by -> Nullable<DbUuid>,
        updated_at -> DbTime,
        updated_by -> Nullable<DbUuid>,
        deleted_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{Binary, Nullable, Text};

    sessions (id) {
        id -> DbUuid,
        user_id -> DbUuid,
        access_hash -> Binary,
        access_expires_at -> DbTime,
        refresh_expires_at -> DbTime,
        created_at -> DbTime,
        last_used_at -> DbTime,
        address -> Nullable<Text>,
        agent -> Nullable<Text>,
        ended_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{Binary, Nullable};

    refresh_tokens (hash) {
        hash -> Binary,
        session_id -> DbUuid,
        created_at -> DbTime,
        used_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbJson, DbTime, DbUuid};
    use diesel::sql_types::{Binary, Nullable, Text};

    api_keys (id) {
        id -> DbUuid,
        user_id -> DbUuid,
        name -> Text,
        secret_hash -> Binary,
        rules -> DbJson,
        created_at -> DbTime,
        expires_at -> DbTime,
        last_used_at -> Nullable<DbTime>,
        ended_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::Binary;

    password_resets (hash) {
        hash -> Binary,
        user_id -> DbUuid,
        created_at -> DbTime,
        expires_at -> DbTime,
    }
}

diesel::table! {
    use crate::column::DbTime;
    use diesel::sql_types::{BigInt, Nullable, Text};

    attempts (kind, key) {
        kind -> Text,
        key -> Text,
        count -> BigInt,
        since -> DbTime,
        blocked_until -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::Text;

    known_networks (user_id, network) {
        user_id -> DbUuid,
        network -> Text,
        first_seen_at -> DbTime,
        last_seen_at -> DbTime,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Binary, Nullable};

    second_factors (user_id) {
        user_id -> DbUuid,
        secret -> Binary,
        created_at -> DbTime,
        confirmed_at -> Nullable<DbTime>,
        last_step -> BigInt,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{Binary, Nullable};

    recovery_codes (user_id, hash) {
        user_id -> DbUuid,
        hash -> Binary,
        used_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbJson, DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Bool, Date, Nullable, SmallInt, Text};

    organisations (id) {
        id -> DbUuid,
        name -> Text,
        name_key -> Text,
        #[sql_name = "type"]
        kind -> Nullable<Text>,
        category -> Nullable<Text>,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        website -> Nullable<Text>,
        address -> Nullable<Text>,
        city -> Nullable<Text>,
        city_key -> Nullable<Text>,
        postal_code -> Nullable<Text>,
        country_code -> Nullable<Text>,
        language -> Nullable<Text>,
        domicile -> Nullable<Text>,
        aum -> Nullable<BigInt>,
        aum_date -> Nullable<Date>,
        strategies -> DbJson,
        tags -> DbJson,
        lei -> Nullable<Text>,
        registration_number -> Nullable<Text>,
        licence_number -> Nullable<Text>,
        pipeline_stage -> Text,
        potential_amount -> Nullable<BigInt>,
        currency -> Text,
        signature_probability -> Nullable<SmallInt>,
        signature_date -> Nullable<Date>,
        is_active -> Bool,
        description -> Nullable<Text>,
        notes -> Nullable<Text>,
        search_text -> Text,
        last_activity_at -> Nullable<DbTime>,
        version -> BigInt,
        owner_id -> Nullable<DbUuid>,
        team_id -> Nullable<DbUuid>,
        created_at -> DbTime,
        created_by -> Nullable<DbUuid>,
        updated_at -> DbTime,
        updated_by -> Nullable<DbUuid>,
        deleted_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbJson, DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text};

    people (id) {
        id -> DbUuid,
        first_name -> Nullable<Text>,
        first_name_key -> Nullable<Text>,
        last_name -> Text,
        last_name_key -> Text,
        full_name_key -> Text,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
        personal_email -> Nullable<Text>,
        phone -> Nullable<Text>,
        mobile -> Nullable<Text>,
        job_title -> Nullable<Text>,
        country_code -> Nullable<Text>,
        language -> Nullable<Text>,
        linkedin_url -> Nullable<Text>,
        tags -> DbJson,
        is_active -> Bool,
        consent -> Bool,
        consent_date -> Nullable<Date>,
        notes -> Nullable<Text>,
        search_text -> Text,
        last_activity_at -> Nullable<DbTime>,
        version -> BigInt,
        owner_id -> Nullable<DbUuid>,
        team_id -> Nullable<DbUuid>,
        created_at -> DbTime,
        created_by -> Nullable<DbUuid>,
        updated_at -> DbTime,
        updated_by -> Nullable<DbUuid>,
        deleted_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text};

    links (id) {
        id -> DbUuid,
        organisation_id -> DbUuid,
        person_id -> DbUuid,
        role -> Nullable<Text>,
        is_primary -> Bool,
        job_title -> Nullable<Text>,
        work_email -> Nullable<Text>,
        work_phone -> Nullable<Text>,
        since -> Nullable<Date>,
        until -> Nullable<Date>,
        notes -> Nullable<Text>,
        version -> BigInt,
        created_at -> DbTime,
        created_by -> Nullable<DbUuid>,
        updated_at -> DbTime,
        updated_by -> Nullable<DbUuid>,
        deleted_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Nullable, Text};

    products (id) {
        id -> DbUuid,
        name -> Text,
        name_key -> Text,
        isin -> Nullable<Text>,
        #[sql_name = "type"]
        kind -> Nullable<Text>,
        status -> Text,
        notes -> Nullable<Text>,
        search_text -> Text,
        version -> BigInt,
        owner_id -> Nullable<DbUuid>,
        team_id -> Nullable<DbUuid>,
        created_at -> DbTime,
        created_by -> Nullable<DbUuid>,
        updated_at -> DbTime,
        updated_by -> Nullable<DbUuid>,
        deleted_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Date, Nullable, Text};

    mandates (id) {
        id -> DbUuid,
        organisation_id -> DbUuid,
        number -> Nullable<Text>,
        number_key -> Nullable<Text>,
        status -> Text,
        signed_on -> Nullable<Date>,
        starts_on -> Nullable<Date>,
        ends_on -> Nullable<Date>,
        notes -> Nullable<Text>,
        search_text -> Text,
        version -> BigInt,
        owner_id -> Nullable<DbUuid>,
        team_id -> Nullable<DbUuid>,
        created_at -> DbTime,
        created_by -> Nullable<DbUuid>,
        updated_at -> DbTime,
        updated_by -> Nullable<DbUuid>,
        deleted_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Nullable};

    mandate_products (id) {
        id -> DbUuid,
        mandate_id -> DbUuid,
        product_id -> DbUuid,
        version -> BigInt,
        created_at -> DbTime,
        created_by -> Nullable<DbUuid>,
        updated_at -> DbTime,
        updated_by -> Nullable<DbUuid>,
        deleted_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbJson, DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};

    imports (id) {
        id -> DbUuid,
        resource -> Text,
        file_name -> Text,
        file_path -> Nullable<Text>,
        mapping -> DbJson,
        dry_run -> Bool,
        on_duplicate -> Text,
        status -> Text,
        counts -> DbJson,
        unmapped -> DbJson,
        headers -> DbJson,
        failure -> Nullable<Text>,
        version -> BigInt,
        created_by -> Nullable<DbUuid>,
        created_at -> DbTime,
        updated_at -> DbTime,
        finished_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbJson, DbUuid};
    use diesel::sql_types::{BigInt, Nullable, Text};

    import_errors (import_id, number) {
        import_id -> DbUuid,
        number -> BigInt,
        row_number -> BigInt,
        line -> BigInt,
        column_name -> Nullable<Text>,
        value -> Nullable<Text>,
        code -> Text,
        reason -> Text,
        cells -> DbJson,
    }
}

diesel::table! {
    use crate::column::{DbJson, DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Nullable, Text};

    changes (sequence) {
        sequence -> BigInt,
        position -> Nullable<BigInt>,
        at -> DbTime,
        actor_id -> Nullable<DbUuid>,
        reason -> Nullable<Text>,
        resource -> Text,
        record_id -> DbUuid,
        version -> BigInt,
        action -> Text,
        event -> Text,
        fields -> DbJson,
        request_id -> Nullable<Text>,
        import_id -> Nullable<DbUuid>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};

    relay (name) {
        name -> Text,
        position -> BigInt,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{Binary, Nullable, SmallInt, Text};

    idempotency_keys (user_id, path, key) {
        user_id -> DbUuid,
        path -> Text,
        key -> Text,
        body_hash -> Binary,
        created_at -> DbTime,
        status -> Nullable<SmallInt>,
        location -> Nullable<Text>,
        etag -> Nullable<Text>,
        body -> Nullable<Binary>,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Nullable, SmallInt, Text};

    interactions (id) {
        id -> DbUuid,
        #[sql_name = "type"]
        kind -> Text,
        occurred_at -> DbTime,
        occurred_month -> BigInt,
        duration_minutes -> Nullable<SmallInt>,
        subject -> Text,
        subject_key -> Text,
        body -> Nullable<Text>,
        outcome -> Nullable<Text>,
        organisation_id -> Nullable<DbUuid>,
        product_id -> Nullable<DbUuid>,
        search_text -> Text,
        version -> BigInt,
        owner_id -> Nullable<DbUuid>,
        team_id -> Nullable<DbUuid>,
        created_at -> DbTime,
        created_by -> Nullable<DbUuid>,
        updated_at -> DbTime,
        updated_by -> Nullable<DbUuid>,
        deleted_at -> Nullable<DbTime>,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};

    interaction_people (interaction_id, person_id) {
        interaction_id -> DbUuid,
        person_id -> DbUuid,
        occurred_at -> DbTime,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};

    interaction_users (interaction_id, user_id) {
        interaction_id -> DbUuid,
        user_id -> DbUuid,
        occurred_at -> DbTime,
    }
}

diesel::table! {
    use crate::column::{DbTime, DbUuid};
    use diesel::sql_types::{BigInt, Nullable, Text};

    tasks (id) {
        id -> DbUuid,
        title -> Text,
        title_key -> Text,
        description -> Nullable<Text>,
        due_at -> Nullable<DbTime>,
        priority -> Text,
        status -> Text,
        assignee_id -> Nullable<DbUuid>,
        completed_at -> Nullable<DbTime>,
        organisation_id -> Nullable<DbUuid>,
        person_id -> Nullable<DbUuid>,
        mandate_id -> Nullable<DbUuid>,
        interaction_id -> Nullable<DbUuid>,
        recurrence -> Nullable<Text>,
        previous_task_id -> Nullable<DbUuid>,
        search_text -> Text,
        version -> BigInt,
        owner_id -> Nullable<DbUuid>,
        team_id -> Nullable<DbUuid>,
        created_at -> DbTime,
        created_by -> Nullable<DbUuid>,
        updated_at -> DbTime,
        updated_by -> Nullable<DbUuid>,
        deleted_at -> Nullable<DbTime>,
    }
}

diesel::joinable!(interaction_people -> interactions (interaction_id));
diesel::joinable!(links -> organisations (organisation_id));
diesel::joinable!(links -> people (person_id));
diesel::joinable!(mandate_products -> mandates (mandate_id));
diesel::joinable!(mandate_products -> products (product_id));
diesel::joinable!(mandates -> organisations (organisation_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(api_keys -> users (user_id));
diesel::joinable!(users -> roles (role_id));
diesel::joinable!(second_factors -> users (user_id));
diesel::joinable!(refresh_tokens -> sessions (session_id));
diesel::allow_tables_to_appear_in_same_query!(
    organisations,
    interactions,
    interaction_people,
    people,
    links,
    users,
    sessions,
    roles,
    refresh_tokens,
    api_keys,
    second_factors,
);
diesel::allow_tables_to_appear_in_same_query!(mandates, products, mandate_products, organisations);
