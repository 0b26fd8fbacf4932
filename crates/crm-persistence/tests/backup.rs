//! Backups: everything goes in, comes out on either database, and nothing damaged does.
#![allow(clippy::unwrap_used)] // Helpers of tests fail the test when what they need is not there.

#[path = "backup/file.rs"]
mod file;
#[path = "backup/firm.rs"]
mod firm;
#[path = "migrations/schema.rs"]
mod schema;

use std::{
    io::Cursor,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::channel,
    },
    thread,
};

use crm_domain::{SearchType, values::Timestamp};
use crm_persistence::{
    Backend, DatabaseSettings,
    backup::{Backup, BackupError, Existing, Label, Manifest, left_out, save, saved, summary},
};
use crm_testkit::{TestDatabase, databases, on_each_database};
use file::{Parts, packed, sealed};
use serde_json::json;

fn label() -> Label {
    Label { program: "0.0.0-test".to_owned(), taken_at: Timestamp::from_micros(1_780_000_000_000_000) }
}

fn saved_file(settings: &DatabaseSettings) -> (Vec<u8>, Manifest) {
    let mut file = Vec::new();
    let manifest = save(settings, &label(), &mut file, &mut |_| {}).unwrap();
    (file, manifest)
}

fn restore(file: &[u8], test: &TestDatabase, existing: Existing) -> Result<(), BackupError> {
    Backup::open(Cursor::new(file))?.restore(&test.settings, existing, &mut |_| {})
}

fn schema_of(test: &TestDatabase) -> schema::Schema {
    match test.settings.url.strip_prefix("sqlite://") {
        Some(path) => schema::sqlite(path),
        None => schema::postgres(&test.settings.url),
    }
}

#[test]
fn every_table_is_saved_with_all_its_columns_or_left_out_for_a_reason() {
    for test in databases() {
        let there: Vec<(String, Vec<String>)> = schema_of(&test)
            .tables
            .into_iter()
            .filter(|(name, _)| !left_out().any(|left_out| left_out == name))
            .map(|(name, table)| {
                let searchable = name.parse::<SearchType>().is_ok();
                let columns = table.columns.into_iter().map(|(column, ..)| column);
                (name, columns.filter(|column| !(searchable && column == "sequence")).collect())
            })
            .collect();
        let mut saved: Vec<(String, Vec<String>)> = saved()
            .into_iter()
            .map(|(name, columns)| (name.to_owned(), columns.into_iter().map(|column| column.name).collect()))
            .collect();
        saved.sort();
        for (_, columns) in &mut saved {
            columns.sort();
        }
        assert_eq!(saved, there, "a table needs its line in src/backup/tables.rs ({})", test.name());
    }
}

#[test]
fn a_backup_goes_into_either_database_and_says_the_same_there() {
    for source in databases() {
        firm::found(&source);
        let (file, manifest) = saved_file(&source.settings);
        assert!(manifest.tables.iter().all(|table| table.rows > 0), "the firm has a row everywhere: {manifest:?}");
        for target in databases() {
            println!("from {} to {}", source.name(), target.name());
            let before = schema_of(&target);
            restore(&file, &target, Existing::Refuse).unwrap();
            assert_eq!(summary(&target.settings, &label()).unwrap().tables, manifest.tables);
            assert_eq!(schema_of(&target), before, "what was taken away is back");
            // The rules between rows are back.
            let reopened = target.attempt("UPDATE mandates SET status = 'proposed'").unwrap_err();
            assert!(reopened.contains("mandates_transition"), "{reopened}");
            let attached = "UPDATE mandate_products SET deleted_at = created_at";
            assert!(target.attempt(attached).unwrap_err().contains("mandate_products_open"));
            target.attempt("DELETE FROM users").unwrap_err();
            // So is the search, and numbers go on where they were.
            let (change, find) = match target.database.backend() {
                Backend::Postgres => (
                    "INSERT INTO changes (at, resource, record_id, version, action, event, fields)
                     SELECT at, resource, record_id, 2, action, event, fields FROM changes WHERE sequence = 9",
                    "DO $$ BEGIN ASSERT (SELECT max(sequence) FROM changes) = 10; END $$",
                ),
                Backend::Sqlite => (
                    "INSERT INTO changes (at, resource, record_id, version, action, event, fields)
                     SELECT at, resource, record_id, 2, action, event, fields FROM changes WHERE sequence = 9",
                    "CREATE TEMP TABLE found (n CHECK (n = 3));
                     INSERT INTO found SELECT (SELECT max(sequence) FROM changes) - 9
                        + (SELECT count(*) FROM people_search WHERE search_text LIKE '%rossi%')",
                ),
            };
            target.execute(change);
            target.execute(find);
        }
    }
}

/// Also where the test fails before its end.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn a_backup_is_one_state_while_others_write() {
    on_each_database(|source| {
        let (backend, stop, written) = (source.database.backend(), AtomicBool::new(false), AtomicUsize::new(0));
        let (first, begun) = channel();
        let pair = |number: usize| {
            let id = match backend {
                Backend::Postgres => format!("'{number:032x}'"),
                Backend::Sqlite => format!("X'{number:032x}'"),
            };
            let now = if backend == Backend::Postgres { "'2026-01-01T00:00:00Z'" } else { "0" };
            // The first of the pair in the first table of the backup, the second in the last but two.
            format!(
                "BEGIN; INSERT INTO teams (id, name, name_key, search_text, version, created_at, updated_at)
                     VALUES ({id}, '{number}', '{number}', '', 1, {now}, {now});
                 INSERT INTO changes (at, resource, record_id, version, action, event, fields)
                     VALUES ({now}, 'teams', {id}, 1, 'created', 'team.created', '{{}}'); COMMIT"
            )
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0.. {
                    if stop.load(Ordering::Acquire) {
                        return;
                    }
                    source.execute(&pair(number));
                    written.fetch_add(1, Ordering::Release);
                    if number == 20 {
                        first.send(()).unwrap();
                    }
                }
            });
            let _ends_the_writer = Ends(&stop);
            begun.recv().unwrap();
            let mut last = 0;
            for _ in 0..3 {
                let before = written.load(Ordering::Acquire);
                let (file, manifest) = saved_file(&source.settings);
                let rows = |name| manifest.tables.iter().find(|table| table.name == name).unwrap().rows;
                assert_eq!(rows("teams"), rows("changes"), "both of a pair or none");
                assert!(rows("teams") >= u64::try_from(before).unwrap(), "what was acknowledged is there");
                last = before;
                for target in databases().iter().filter(|target| target.name() != source.name()) {
                    restore(&file, target, Existing::Refuse).unwrap();
                    assert_eq!(summary(&target.settings, &label()).unwrap().tables, manifest.tables);
                }
            }
            assert!(last > 20, "it went on writing meanwhile");
        });
    });
}

#[test]
fn a_database_with_rows_is_left_alone_unless_they_shall_go() {
    let source = TestDatabase::sqlite();
    firm::found(&source);
    let (file, manifest) = saved_file(&source.settings);
    on_each_database(|target| {
        let attempt = match target.database.backend() {
            Backend::Postgres => "'2026-01-01T00:00:00Z'",
            Backend::Sqlite => "0",
        };
        target
            .execute(&format!("INSERT INTO attempts (kind, key, count, since) VALUES ('network', 'k', 1, {attempt})"));
        let before = summary(&target.settings, &label()).unwrap().tables;
        let refused = restore(&file, target, Existing::Refuse).unwrap_err();
        assert!(matches!(&refused, BackupError::NotEmpty(table) if table == "attempts"), "{refused}");
        assert_eq!(summary(&target.settings, &label()).unwrap().tables, before);
        for _ in 0..2 {
            restore(&file, target, Existing::Replace).unwrap();
            assert_eq!(summary(&target.settings, &label()).unwrap().tables, manifest.tables);
        }
        target.attempt("INSERT INTO attempts SELECT 'network', 'k', 1, since, NULL FROM attempts").unwrap();
    });
}

#[test]
fn a_backup_that_cannot_be_stored_leaves_everything_as_it_was() {
    let source = TestDatabase::sqlite();
    firm::found(&source);
    let whole = Parts::of(&saved_file(&source.settings).0);
    on_each_database(|target| {
        let before = (schema_of(target), summary(&target.settings, &label()).unwrap());
        // Rows that refer to others that are not there, in a file whose every checksum holds.
        let mut parts = whole.clone();
        let teams = parts.manifest["tables"].as_array().unwrap().iter().position(|table| table["name"] == "teams");
        let teams = teams.unwrap();
        parts.blocks.retain(|(table, ..)| *table as usize != teams);
        let nothing = sealed(Vec::new()).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let table = &mut parts.manifest["tables"][teams];
        (table["rows"], table["bytes"], table["sha256"]) = (json!(0), json!(0), json!(nothing));
        let refused = restore(&parts.sealed(), target, Existing::Replace).unwrap_err();
        assert!(matches!(refused, BackupError::Refused { .. }), "{refused}");
        assert_eq!((schema_of(target), summary(&target.settings, &label()).unwrap()), before);
    });
}

#[test]
fn a_backup_of_another_schema_or_format_is_refused_with_what_to_do() {
    let test = TestDatabase::sqlite();
    let parts = Parts::of(&saved_file(&test.settings).0);
    let mut newer = parts.clone();
    newer.manifest["schema"].as_array_mut().unwrap().push(json!("29990101000000"));
    let refused = restore(&newer.sealed(), &test, Existing::Replace).unwrap_err();
    assert!(matches!(&refused, BackupError::OtherSchema { .. }), "{refused}");
    assert!(refused.to_string().contains("29990101000000") && refused.to_string().contains("0.0.0-test"), "{refused}");
    let mut format = parts.clone();
    format.manifest["format"] = json!(2);
    assert!(matches!(restore(&format.sealed(), &test, Existing::Replace), Err(BackupError::NewerFormat(2))));
    let mut format = parts;
    format.magic = b"crm-backup 2\n".to_vec();
    assert!(matches!(restore(&format.sealed(), &test, Existing::Replace), Err(BackupError::NewerFormat(2))));
}

#[test]
fn a_backup_that_is_whole_is_verified() {
    on_each_database(|test| {
        firm::found(test);
        let folder = tempfile::tempdir().unwrap();
        let (file, _) = saved_file(&test.settings);
        Backup::open(Cursor::new(&file)).unwrap().verify(folder.path(), &mut |_| {}).unwrap();
    });
}

/// Every way in which a file can be damaged that we could think of: by chance, and by somebody who mends the checksum.
fn damaged(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    let length = file.len();
    for number in 0..70 {
        let mut one = file.to_vec();
        one[number * (length - 1) / 69] ^= 1 << (number % 8);
        all.push((format!("bit {number} of 70 flipped"), one));
    }
    for number in 0..40 {
        all.push((format!("cut to {number} fortieths"), file[..number * length / 40].to_vec()));
    }
    all.push(("cut by one".to_owned(), file[..length - 1].to_vec()));
    all.push(("one more".to_owned(), [file, &[0]].concat()));
    all.push(("twice".to_owned(), [file, file].concat()));
    all.push(("with another checksum".to_owned(), [&file[..length - 32], &[7; 32]].concat()));
    all.push(("something else".to_owned(), b"SQLite format 3\0 and more".to_vec()));

    let parts = Parts::of(file);
    let mut mended = |what: String, change: &dyn Fn(&mut Parts)| {
        let mut changed = parts.clone();
        change(&mut changed);
        all.push((format!("{what}, checksum mended"), changed.sealed()));
    };
    for at in 0..parts.blocks.len() {
        mended(format!("block {at} is gone"), &|parts| drop(parts.blocks.remove(at)));
        mended(format!("block {at} is there twice"), &|parts| {
            let block = parts.blocks[at].clone();
            parts.blocks.insert(at, block);
        });
        mended(format!("a bit in block {at} flipped"), &|parts| {
            let middle = parts.blocks[at].2.len() / 2;
            parts.blocks[at].2[middle] ^= 16;
        });
        mended(format!("block {at} says that it is longer"), &|parts| parts.blocks[at].1 += 1);
    }
    for (what, field, value) in [
        ("rows", "rows", json!(1_000_000)),
        ("bytes", "bytes", json!(0)),
        ("checksum", "sha256", json!("00")),
        ("name", "name", json!("sessions")),
        ("columns", "columns", json!([{"name": "password_hash", "kind": "text"}])),
    ] {
        mended(format!("another {what} in the manifest"), &|parts| parts.manifest["tables"][2][field] = value.clone());
    }
    mended("two tables change places".to_owned(), &|parts| {
        parts.manifest["tables"].as_array_mut().unwrap().swap(0, 1);
    });
    mended("two blocks change places".to_owned(), &|parts| parts.blocks.swap(0, 1));
    mended("a block goes to another table".to_owned(), &|parts| parts.blocks[0].0 = 1);
    mended("a block goes to no table".to_owned(), &|parts| parts.blocks.last_mut().unwrap().0 = 99);
    mended("the manifest has no tables".to_owned(), &|parts| parts.manifest["tables"] = json!([]));
    mended("the manifest is a list".to_owned(), &|parts| parts.manifest = json!([]));
    mended("the manifest says more".to_owned(), &|parts| parts.manifest["more"] = json!(1));
    mended("a block of zeros that says little".to_owned(), &|parts| {
        parts.blocks[0] = (0, 1000, packed(&vec![0; 80 * 1024 * 1024]));
    });
    mended("a block that says 4 GiB".to_owned(), &|parts| parts.blocks[0].1 = u32::MAX - 1);
    mended("rows that are no rows".to_owned(), &|parts| parts.blocks[0] = (0, 3, packed(b"{}\n")));
    all
}

#[test]
fn two_hundred_damaged_backups_are_refused() {
    let source = TestDatabase::sqlite();
    firm::found(&source);
    let (file, _) = saved_file(&source.settings);
    let damaged = damaged(&file);
    assert!(damaged.len() >= 200, "{}", damaged.len());
    let target = TestDatabase::sqlite();
    let before = (schema_of(&target), summary(&target.settings, &label()).unwrap());
    for (what, file) in &damaged {
        let refused = restore(file, &target, Existing::Refuse).expect_err(what);
        // Rows that are there twice are told by the database before the checksum of their table is complete.
        let told = matches!(
            refused,
            BackupError::Damaged(_)
                | BackupError::NotABackup
                | BackupError::NewerFormat(_)
                | BackupError::Refused { .. }
        );
        assert!(told, "{what}: {refused}");
    }
    assert_eq!((schema_of(&target), summary(&target.settings, &label()).unwrap()), before);
    restore(&file, &target, Existing::Refuse).unwrap();
}
