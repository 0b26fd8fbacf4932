//! A full disk under PostgreSQL; that under `SQLite` is met by the server's own tests.
#![allow(clippy::unwrap_used)] // Helpers of tests fail the test when what they need is not there.

mod support;

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    process::Command,
};

use crm_domain::{
    Person, PersonId,
    access::{Create, Read},
};
use crm_persistence::{StoreError, people};
use crm_testkit::TestDatabase;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_types::Text};
use support::{all, person, write};

/// A small file system in memory, which goes away with its value.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    /// None where this process may not mount one.
    fn mounted(at: &'a Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=8m", "crm-test"]).arg(at);
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self(at))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // Lazily: what still holds a file there ends soon.
        let _told_by_the_folder_that_stays = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// A place for tables on that disk; it goes away before the disk does.
struct Tablespace {
    server: PgConnection,
    name: String,
}

impl Drop for Tablespace {
    fn drop(&mut self) {
        self.server.batch_execute(&format!("DROP TABLESPACE IF EXISTS {}", self.name)).unwrap();
    }
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    data_directory: String,
}

#[test]
fn a_full_disk_refuses_writes_alone_and_only_as_long_as_it_is_full() {
    #[expect(clippy::disallowed_methods, reason = "the test script passes the servers it started by the environment")]
    let Ok(url) = std::env::var("TEST_POSTGRES_URL") else { return };
    let mut server = PgConnection::establish(&url).unwrap();
    let settings: Vec<Setting> = diesel::sql_query("SHOW data_directory").load(&mut server).unwrap();
    let Ok(home) = fs::metadata(&settings[0].data_directory) else {
        println!("NOT CHECKED: the server is on another machine");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let Some(disk) = Disk::mounted(folder.path()) else {
        println!("NOT CHECKED: this process may not mount a file system");
        return;
    };
    chown(disk.0, Some(home.uid()), Some(home.gid())).unwrap();
    let name = format!("crm_small_{}", std::process::id());
    server.batch_execute(&format!("CREATE TABLESPACE {name} LOCATION '{}'", disk.0.display())).unwrap();
    let tablespace = Tablespace { server, name };
    let test = TestDatabase::postgres().unwrap();
    test.execute(&format!(
        "ALTER TABLE people SET TABLESPACE {0}; CREATE TABLE filler (text TEXT) TABLESPACE {0}",
        tablespace.name
    ));
    let insert = |number: u128| {
        let person = person(number, "Rossi");
        write(&test.database, |tx| people::insert(tx, &all::<Create, Person>(), &person))
    };
    insert(1).unwrap();
    while test.attempt("INSERT INTO filler SELECT repeat('x', 1900) FROM generate_series(1, 4)").is_ok() {}
    let refused = (2..1000).find_map(|number| insert(number).err()).expect("the disk is full at some time");
    assert!(matches!(refused, StoreError::StorageFull), "{refused}");
    let id = PersonId::from_u128(1);
    let there = test.database.read(|tx| people::find(tx, &all::<Read, Person>(), id)).unwrap();
    assert_eq!(there.id, id, "reads go on");
    test.execute("DROP TABLE filler");
    insert(5000).unwrap();
}
