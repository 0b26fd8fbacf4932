//! The schema: the same on both databases, and it comes and goes with data in place.
#![allow(clippy::unwrap_used)] // Helpers of tests fail the test when what they need is not there.

mod support_users;

#[path = "migrations/schema.rs"]
mod schema;

use crm_domain::{TeamId, User};
use crm_persistence::{StoreError, migrations, users};
use crm_testkit::{TestDatabase, on_each_database};
use schema::{Schema, postgres, sqlite};
use support_users::{add, add_team, execute, team, user};

fn schema(test: &TestDatabase) -> Schema {
    match test.settings.url.strip_prefix("sqlite://") {
        Some(path) => sqlite(path),
        None => postgres(&test.settings.url),
    }
}

#[test]
fn both_databases_have_the_same_tables_columns_and_constraints() {
    let Some(server) = TestDatabase::postgres() else { return };
    let (postgres, sqlite) = (schema(&server), schema(&TestDatabase::sqlite()));
    assert!(postgres.tables.len() >= 13, "the catalogue has been read: {:?}", postgres.tables.keys());
    assert_eq!(postgres.tables.keys().collect::<Vec<_>>(), sqlite.tables.keys().collect::<Vec<_>>());
    // Were nothing read, everything would be equal.
    assert!(sqlite.tables["users"].checks.contains("locale IN 'en', 'fr'"));
    assert!(sqlite.tables["users"].references.contains("role_id roles id aa"));
    assert!(sqlite.tables["users"].indexes.contains("users_email unique email_key WHERE deleted_at IS NULL"));
    assert!(sqlite.tables["idempotency_keys"].keys.contains("user_id, path, key"));
    for (name, table) in &postgres.tables {
        let other = &sqlite.tables[name];
        assert_eq!(table.columns, other.columns, "columns of {name}");
        assert_eq!(table.keys, other.keys, "primary keys and unique constraints of {name}");
        assert_eq!(table.indexes, other.indexes, "indexes of {name}");
        assert_eq!(table.references, other.references, "foreign keys of {name}");
        assert_eq!(table.checks, other.checks, "checks of {name}");
    }
}

#[test]
fn the_schema_goes_and_comes_back_with_data_in_place() {
    on_each_database(|test| {
        let before = schema(test);
        // A circle: the team has a manager, who belongs to the team.
        add_team(test, &team(1));
        let mut manager = user(1);
        manager.stamps.team_id = Some(TeamId::from_u128(1));
        manager.stamps.created_by = Some(manager.id);
        add(test, &manager);
        let circle = "UPDATE teams SET manager_id = (SELECT id FROM users)";
        execute(test, circle, circle);

        let versions = migrations::status(&test.settings).unwrap();
        assert!(!versions.is_empty() && versions.iter().all(|version| version.applied), "{versions:?}");
        let reverted = migrations::down(&test.settings, versions.len() + 1).unwrap();
        assert_eq!(reverted.len(), versions.len());
        assert!(schema(test).tables.is_empty(), "{:?}", schema(test).tables.keys());
        assert!(matches!(migrations::require_current(&test.settings), Err(StoreError::SchemaNotCurrent(_))));

        assert_eq!(migrations::up(&test.settings).unwrap().len(), versions.len());
        assert!(migrations::up(&test.settings).unwrap().is_empty(), "there is nothing left to do");
        migrations::require_current(&test.settings).unwrap();
        assert_eq!(schema(test), before);
        let email = user(1).email;
        assert_eq!(test.database.read(|tx| users::credentials(tx, &email)).unwrap(), None::<(User, Option<String>)>);
        add(test, &user(1));
    });
}

#[test]
fn a_server_is_ready_as_long_as_no_step_that_it_needs_is_missing() {
    on_each_database(|test| {
        test.database.ready().unwrap();
        // A newer program has gone ahead.
        let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000001')";
        execute(test, newer, newer);
        test.database.ready().unwrap();
        migrations::require_current(&test.settings).unwrap();
        let status = migrations::status(&test.settings).unwrap();
        let last = status.last().unwrap();
        assert_eq!((last.name.as_str(), last.applied, last.known), ("29990101000001", true, false));
        assert!(status.iter().rev().skip(1).all(|one| one.known));

        let none = "DELETE FROM __diesel_schema_migrations WHERE version < '2999'";
        execute(test, none, none);
        assert!(matches!(test.database.ready(), Err(StoreError::SchemaNotCurrent(_))));
    });
}
