//! From a file into a database: all of it or nothing.

use std::{
    io::{Read, Seek},
    path::Path,
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

use diesel::{RunQueryDsl, sql_types::BigInt};

use super::{
    connect,
    container::{Block, Reader, inspect},
    error::BackupError,
    manifest::Manifest,
    row::{self, Cell, insert, insert_head, quoted},
    save::{Label, Sum, summary},
    tables::{BEGINNINGS, SavedTable, left_out, tables},
};
use crate::{
    connection::AnyConnection,
    database::DatabaseSettings,
    dialect::{self, Backend, ReadOnly, bulk},
    migrations,
    sql::Sql,
};

/// What becomes of the rows that a database has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Existing {
    /// A database that has any is left alone.
    Refuse,
    /// All of them go, also those that no backup has.
    Replace,
}

/// A file whose checksum holds.
#[derive(Debug)]
pub struct Backup<R> {
    file: R,
    manifest: Manifest,
}

impl<R: Read + Seek + Send> Backup<R> {
    /// Reads the file once and refuses one that is not whole.
    pub fn open(mut file: R) -> Result<Self, BackupError> {
        let manifest = inspect(&mut file)?;
        Ok(Self { file, manifest })
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Puts it into a database whose schema is there. Its rows, or none of them: all happens in one transaction.
    /// `progress` is told how many more rows have been written.
    pub fn restore(
        &mut self,
        settings: &DatabaseSettings,
        existing: Existing,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), BackupError> {
        migrations::require_current(settings)?;
        let mut connection = connect(settings, ReadOnly::No)?;
        let tables = self.expected(&migrations::applied(&mut connection)?)?;
        bulk::begin(&mut connection)?;
        let result = self.load(&mut connection, &tables, existing, progress);
        match result.and_then(|()| Ok(dialect::commit(&mut connection)?)) {
            Ok(()) => Ok(bulk::after(&mut connection)?),
            Err(error) => {
                // What went wrong says more than a roll-back that fails on a lost connection.
                let _connection_lost = dialect::roll_back(&mut connection);
                Err(error)
            }
        }
    }

    /// Restores it into a new `SQLite` file in this folder, and compares what is there with what was saved.
    pub fn verify(&mut self, folder: &Path, progress: &mut dyn FnMut(u64)) -> Result<(), BackupError> {
        let path = folder.join("scratch.db");
        let settings = DatabaseSettings::new(format!("sqlite://{}", path.display()));
        migrations::up(&settings)?;
        self.restore(&settings, Existing::Refuse, progress)?;
        let label = Label { program: self.manifest.program.clone(), taken_at: self.manifest.taken_at };
        let restored = summary(&settings, &label)?;
        let pairs = self.manifest.tables.iter().zip(&restored.tables);
        match pairs.into_iter().find(|(saved, restored)| saved != restored) {
            Some((saved, _)) => Err(BackupError::Differs(saved.name.clone())),
            None => Ok(()),
        }
    }

    /// The tables of this program, if the backup has just those.
    fn expected(&self, applied: &[String]) -> Result<Vec<SavedTable>, BackupError> {
        if self.manifest.schema != applied {
            let last = |schema: &[String]| schema.last().cloned().unwrap_or_else(|| "none".to_owned());
            return Err(BackupError::OtherSchema {
                backup: last(&self.manifest.schema),
                database: last(applied),
                program: self.manifest.program.clone(),
            });
        }
        let tables = tables();
        let same = tables.len() == self.manifest.tables.len()
            && tables.iter().zip(&self.manifest.tables).all(|(table, manifest)| table.is_meant_by(manifest));
        if same { Ok(tables) } else { Err(BackupError::damaged("its tables are not those of its schema")) }
    }

    fn load(
        &mut self,
        connection: &mut AnyConnection,
        tables: &[SavedTable],
        existing: Existing,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), BackupError> {
        if existing == Existing::Refuse {
            refuse_rows(connection, tables)?;
        }
        let taken_away = bulk::take_away(connection)?;
        let all: Vec<&str> = tables.iter().map(|table| table.name).chain(left_out()).collect();
        bulk::empty(connection, &all)?;
        self.fill(connection, tables, progress)?;
        bulk::put_back(connection, taken_away)
            .map_err(|error| BackupError::Refused { table: "all tables".to_owned(), reason: error.to_string() })?;
        match bulk::broken_reference(connection)? {
            Some(table) => {
                Err(BackupError::Refused { table, reason: "one refers to a row that is not there".to_owned() })
            }
            None => Ok(()),
        }
    }

    /// Another thread unpacks and reads rows, while the database writes them on this one.
    fn fill(
        &mut self,
        connection: &mut AnyConnection,
        tables: &[SavedTable],
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), BackupError> {
        let heads: Vec<String> = tables.iter().map(|table| insert_head(Backend::of(connection), table)).collect();
        let (file, manifest) = (&mut self.file, &self.manifest);
        thread::scope(|scope| {
            let (sender, receiver) = sync_channel(2);
            let unpacking = scope.spawn(|| unpack(file, manifest, tables, sender));
            let mut written = Ok(());
            for (table, rows) in receiver {
                written = insert(connection, &heads[table], &rows).map_err(|error| BackupError::Refused {
                    table: tables[table].name.to_owned(),
                    reason: error.to_string(),
                });
                if written.is_err() {
                    break;
                }
                progress(rows.len() as u64);
            }
            // The receiver has gone with its loop, so a sender that waits is woken.
            let unpacked = unpacking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            written.and(unpacked)
        })
    }
}

type Rows = (usize, Vec<Vec<Cell>>);

/// Reads all blocks and holds them against the manifest.
#[expect(clippy::needless_pass_by_value, reason = "the channel closes with the last block, when its sender goes")]
fn unpack<R: Read + Seek>(
    file: &mut R,
    manifest: &Manifest,
    tables: &[SavedTable],
    sender: SyncSender<Rows>,
) -> Result<(), BackupError> {
    let mut reader = Reader::new(file)?;
    let mut sums: Vec<Sum> = tables.iter().map(|_| Sum::default()).collect();
    let mut last = 0;
    while let Some(Block { table, rows }) = reader.block()? {
        if table < last || table >= tables.len() {
            return Err(BackupError::damaged("its tables are not in their order"));
        }
        last = table;
        let text = std::str::from_utf8(&rows).map_err(|_| BackupError::damaged("a row is no text"))?;
        let columns = &tables[table].columns;
        let cells: Option<Vec<_>> = text.lines().map(|line| row::read(line, columns)).collect();
        let Some(cells) = cells else {
            return Err(BackupError::damaged(format!("a row of `{}` is none", tables[table].name)));
        };
        sums[table].add(&rows, cells.len() as u64);
        if sender.send((table, cells)).is_err() {
            // The database has refused something, and that is told.
            return Ok(());
        }
    }
    let found = tables.iter().zip(sums).map(|(table, sum)| sum.of(table));
    match found.zip(&manifest.tables).find(|(found, said)| found != *said) {
        Some((found, _)) => {
            Err(BackupError::damaged(format!("the rows of `{}` are not those of its manifest", found.name)))
        }
        None => Ok(()),
    }
}

/// Refuses a database with any row but those that its migrations have made.
fn refuse_rows(connection: &mut AnyConnection, tables: &[SavedTable]) -> Result<(), BackupError> {
    let names = tables.iter().map(|table| table.name).chain(left_out());
    for table in names.filter(|table| !BEGINNINGS.contains(table)) {
        let count = format!("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 1) AS one", quoted(table));
        let rows: i64 = Sql::new().push(count).typed::<BigInt>().get_result(connection)?;
        if rows > 0 {
            return Err(BackupError::NotEmpty(table.to_owned()));
        }
    }
    Ok(())
}
