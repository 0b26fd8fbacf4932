//! A little firm with a row in every table, written past the stores: what they would refuse is not the point here.

use std::collections::HashMap;

use crm_persistence::{
    Backend,
    backup::{Kind, saved},
};
use crm_testkit::TestDatabase;
use serde_json::{Value, json};

/// The moment at which all of it was written, in microseconds.
const NOW: i64 = 1_780_000_000_123_456;

/// Text that has to be quoted, escaped or folded somewhere.
const AWKWARD: &str = "Ann's \"é\u{1F600}\u{301}\\/ \u{1}\t\r\n\u{7f}\u{2028}'; DROP TABLE users; --";

/// Rows as a backup says them: numbers stand for ids.
#[expect(clippy::too_many_lines, reason = "a row for each table is long, and simple")]
fn rows() -> Vec<(&'static str, Value)> {
    let user_role = 0x7000_8000_0000_0000_0003_u128;
    let stamps = json!({"version": 3, "owner_id": 1, "created_at": NOW, "created_by": 1, "updated_at": NOW + 1});
    let stamped = |row: Value| merged(&row, &stamps);
    vec![
        (
            "teams",
            json!({"id": 1, "name": AWKWARD, "name_key": "a", "search_text": "a", "version": 1, "created_at": NOW, "updated_at": NOW}),
        ),
        (
            "users",
            json!({"id": 1, "email": "ann@example.com", "email_key": "ann@example.com", "name": "Ann", "name_key": "ann",
            "role_id": hex(user_role), "locale": "fr", "is_active": 1, "last_login_at": -1, "password_hash": "$argon2id$", "search_text": "ann",
            "version": 1, "team_id": 1, "created_at": NOW, "updated_at": NOW}),
        ),
        ("second_factors", json!({"user_id": 1, "secret": "00ff7f80", "created_at": NOW, "last_step": i64::MAX})),
        ("recovery_codes", json!({"user_id": 1, "hash": "", "used_at": NOW})),
        ("recovery_codes", json!({"user_id": 1, "hash": "ff"})),
        ("known_networks", json!({"user_id": 1, "network": "192.0.2.0/24", "first_seen_at": NOW, "last_seen_at": NOW})),
        (
            "api_keys",
            json!({"id": 1, "user_id": 1, "name": "k", "secret_hash": "0102", "rules": [{"b": 1, "a": [null, true]}],
            "created_at": NOW, "expires_at": 253_402_300_799_999_999_i64}),
        ),
        (
            "organisations",
            stamped(json!({"id": 1, "name": "Gestion", "name_key": "gestion", "type": "client", "aum": i64::MIN,
            "aum_date": "1000-01-01", "strategies": [], "tags": ["vip", "é\"\\"], "pipeline_stage": "signed", "currency": "EUR",
            "signature_probability": 100, "signature_date": "9999-12-31", "is_active": 0, "notes": AWKWARD, "search_text": " gestion "})),
        ),
        (
            "people",
            stamped(
                json!({"id": 1, "last_name": "Rossi", "last_name_key": "rossi", "full_name_key": "rossi", "email": "r@example.com",
            "email_key": "r@example.com", "tags": [], "is_active": 1, "consent": 1, "consent_date": "2026-02-28", "search_text": " rossi "}),
            ),
        ),
        (
            "people",
            stamped(
                json!({"id": 2, "last_name": "Rossi", "last_name_key": "rossi", "full_name_key": "rossi", "email": "r@example.com",
            "email_key": "r@example.com", "tags": [], "is_active": 1, "consent": 0, "search_text": " rossi ", "deleted_at": NOW}),
            ),
        ),
        (
            "links",
            json!({"id": 1, "organisation_id": 1, "person_id": 1, "is_primary": 1, "since": "2020-01-01", "version": 1,
            "created_at": NOW, "updated_at": NOW}),
        ),
        (
            "products",
            stamped(json!({"id": 1, "name": "Fund", "name_key": "fund", "status": "active", "search_text": " fund "})),
        ),
        (
            "mandates",
            stamped(
                json!({"id": 1, "organisation_id": 1, "status": "signed", "signed_on": "2026-01-01", "search_text": " m "}),
            ),
        ),
        (
            "notifications",
            json!({"id": 1, "user_id": 1, "kind": "task_due", "priority": "high", "title": AWKWARD, "message": "m", "record_id": 1,
            "occasion": NOW, "position": 1, "ordinal": 1, "version": 1, "created_at": NOW, "expires_at": NOW + 1}),
        ),
        ("notification_preferences", json!({"user_id": 1, "kind": "task_due"})),
        (
            "webhooks",
            json!({"id": 1, "name": AWKWARD, "url": "https://hooks.example.com/", "events": ["*"], "owner_id": 1, "is_enabled": 1,
            "secret": "00ff", "previous_secret": "01", "previous_until": NOW, "starts_after": 1, "failures": 0, "version": 1,
            "created_at": NOW, "updated_at": NOW}),
        ),
        (
            "webhook_deliveries",
            json!({"id": 1, "webhook_id": 1, "position": 1, "event": "task.created", "resource": "tasks", "record_id": 1,
            "body": AWKWARD, "state": "waiting", "attempts": 1, "next_attempt_at": NOW, "last_attempt_at": NOW, "status": 500,
            "duration_milliseconds": 7, "answer": AWKWARD, "created_at": NOW}),
        ),
        (
            "mandate_products",
            json!({"id": 1, "mandate_id": 1, "product_id": 1, "version": 1, "created_at": NOW, "updated_at": NOW}),
        ),
        (
            "interactions",
            stamped(json!({"id": 1, "type": "call", "occurred_at": NOW, "occurred_month": 676, "duration_minutes": 30,
            "subject": AWKWARD, "subject_key": "s", "organisation_id": 1, "search_text": " subject "})),
        ),
        ("interaction_people", json!({"interaction_id": 1, "person_id": 1, "occurred_at": NOW})),
        ("interaction_users", json!({"interaction_id": 1, "user_id": 1, "occurred_at": NOW})),
        (
            "tasks",
            stamped(
                json!({"id": 1, "title": "T", "title_key": "t", "priority": "high", "status": "done", "completed_at": NOW,
            "mandate_id": 1, "search_text": " task "}),
            ),
        ),
        (
            "tasks",
            stamped(
                json!({"id": 2, "title": "T", "title_key": "t", "priority": "high", "status": "todo", "previous_task_id": 1,
            "search_text": " task "}),
            ),
        ),
        (
            "imports",
            json!({"id": 1, "resource": "people", "file_name": "f.csv", "mapping": {"z": "y", "a": "b"}, "dry_run": 0,
            "on_duplicate": "fill", "status": "completed", "counts": {"rows": 2}, "unmapped": [], "headers": ["Nom"], "version": 1,
            "created_at": NOW, "updated_at": NOW}),
        ),
        (
            "import_errors",
            json!({"import_id": 1, "number": 1, "row_number": 2, "line": 3, "code": "email", "reason": "r", "cells": [AWKWARD]}),
        ),
        (
            "changes",
            json!({"sequence": 7, "position": 3, "at": NOW, "actor_id": 1, "resource": "people", "record_id": 1, "version": 1,
            "action": "created", "event": "person.created", "fields": {"name": [null, AWKWARD]}, "import_id": 1}),
        ),
        (
            "changes",
            json!({"sequence": 9, "at": NOW, "reason": "test", "resource": "people", "record_id": 2, "version": 1,
            "action": "created", "event": "person.created", "fields": {}}),
        ),
        (
            "idempotency_keys",
            json!({"user_id": 1, "path": "/api/v1/people", "key": "k", "body_hash": "00", "created_at": NOW, "status": 201,
            "body": "7b7d"}),
        ),
    ]
}

/// What no backup has.
fn left_out() -> Vec<(&'static str, String)> {
    vec![("attempts", "INSERT INTO attempts (kind, key, count, since) VALUES ('account', 'k', 1, NOW)".to_owned())]
}

/// Writes all of it.
pub fn found(test: &TestDatabase) {
    let backend = test.database.backend();
    let kinds: HashMap<_, _> = saved().into_iter().collect();
    for (table, row) in rows() {
        let columns = &kinds[table];
        let row = row.as_object().unwrap();
        let (names, values): (Vec<String>, Vec<String>) = row
            .iter()
            .map(|(name, value)| {
                let column = columns.iter().find(|column| column.name == *name).unwrap_or_else(|| panic!("{name}"));
                (format!("\"{name}\""), literal(backend, column.kind, value))
            })
            .unzip();
        let overriding = if backend == Backend::Postgres { "OVERRIDING SYSTEM VALUE" } else { "" };
        test.execute(&format!(
            "INSERT INTO {table} ({}) {overriding} VALUES ({})",
            names.join(", "),
            values.join(", ")
        ));
    }
    for (_, statement) in left_out() {
        test.execute(&statement.replace("NOW", &literal(backend, Kind::Time, &json!(NOW))));
    }
    // Ending it afterwards is what the trigger of its products would refuse to restore.
    test.execute("UPDATE mandates SET status = 'active'; UPDATE mandates SET status = 'ended'");
}

fn literal(backend: Backend, kind: Kind, value: &Value) -> String {
    let quoted = |text: &str| match backend {
        Backend::Postgres => format!("'{}'", text.replace('\'', "''")),
        Backend::Sqlite => {
            format!("CAST(X'{}' AS TEXT)", text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat())
        }
    };
    let bytes = |digits: &str| match backend {
        Backend::Postgres => format!("'\\x{digits}'::bytea"),
        Backend::Sqlite => format!("X'{digits}'"),
    };
    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    match (kind, backend) {
        (Kind::Uuid, _) => {
            let digits = value.as_u64().map_or(text, |number| hex(number.into()));
            if backend == Backend::Postgres { quoted(&digits) } else { bytes(&digits) }
        }
        (Kind::Bytes, _) => bytes(&text),
        (Kind::Time, Backend::Postgres) => format!("'epoch'::timestamptz + {text} * interval '1 microsecond'"),
        (Kind::Boolean, Backend::Postgres) => format!("{}", text == "1"),
        (Kind::Json, _) => quoted(&value.to_string()),
        (Kind::Text | Kind::Date, _) => quoted(&text),
        _ => text,
    }
}

fn hex(id: u128) -> String {
    format!("{id:032x}")
}

fn merged(one: &Value, other: &Value) -> Value {
    let pairs = [one, other].into_iter().flat_map(|value| value.as_object().unwrap().clone());
    Value::Object(pairs.collect())
}
