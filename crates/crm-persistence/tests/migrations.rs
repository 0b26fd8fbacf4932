//! The schema: the same on both databases, and it comes and goes with data in place.
#![allow(clippy::unwrap_used)] // Helpers of tests fail the test when what they need is not there.

mod support_users;

#[path = "migrations/schema.rs"]
mod schema;

use crm_domain::{TeamId, User};
use crm_persistence::{StoreError, bulk, migrations, users};
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

#[test]
fn indexes_that_are_left_out_of_an_empty_database_come_back_as_they_were() {
    on_each_database(|test| {
        let before = schema(test);
        let left_out = bulk::suspend_indexes(&test.settings).unwrap();
        assert!(left_out > 50 && schema(test) != before, "{left_out}");
        assert_eq!(bulk::suspend_indexes(&test.settings).unwrap(), 0, "there is nothing to leave out a second time");
        let restored = bulk::restore_indexes(&test.settings).unwrap();
        assert_eq!((restored.len(), schema(test)), (left_out, before));
        assert!(bulk::restore_indexes(&test.settings).unwrap().is_empty());
    });
}

#[test]
fn a_database_without_its_indexes_is_not_served_until_they_are_made() {
    on_each_database(|test| {
        let before = schema(test);
        bulk::suspend_indexes(&test.settings).unwrap();
        for refused in [test.database.ready(), migrations::require_current(&test.settings)] {
            let Err(StoreError::SchemaNotCurrent(why)) = refused else { panic!("{refused:?}") };
            assert!(why.contains("organisations_by_name_key") && why.contains("crm migrate up"), "{why}");
        }
        migrations::up(&test.settings).unwrap();
        assert_eq!(schema(test), before);
        test.database.ready().unwrap();
    });
}

#[test]
fn no_index_is_left_out_where_there_is_a_record() {
    on_each_database(|test| {
        let before = schema(test);
        let insert = "INSERT INTO products (id, name, name_key, status, search_text, version, created_at, updated_at)";
        execute(
            test,
            &format!("{insert} VALUES (X'00000000000000000000000000000001', 'A', 'a', 'active', ' a', 1, 0, 0)"),
            &format!(
                "{insert} VALUES ('00000000-0000-0000-0000-000000000001', 'A', 'a', 'active', ' a', 1, now(), now())"
            ),
        );
        assert_eq!((bulk::suspend_indexes(&test.settings).unwrap(), schema(test)), (0, before));
    });
}
