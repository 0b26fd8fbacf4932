//! From a database into a file.

use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use crm_domain::values::Timestamp;
use flate2::Compression;
use sha2::{Digest, Sha256};

use super::{
    connect,
    container::{BLOCK, Writer},
    error::BackupError,
    manifest::{FORMAT, Manifest, TableManifest},
    row,
    tables::{SavedTable, tables},
};
use crate::{
    connection::AnyConnection,
    database::DatabaseSettings,
    dialect::{self, Backend, ReadOnly, bulk},
    migrations,
};

/// What a backup says of itself that the database does not know.
#[derive(Clone, Debug)]
pub struct Label {
    /// The version of the program.
    pub program: String,
    /// When the backup was asked for.
    pub taken_at: Timestamp,
}

/// Saves one state of the database, while others write on. `progress` is told how many more rows have been read.
pub fn save(
    settings: &DatabaseSettings,
    label: &Label,
    output: &mut (impl Write + Send),
    progress: &mut dyn FnMut(u64),
) -> Result<Manifest, BackupError> {
    // The fastest: it makes a fifth of such rows, and the best would make a sixth.
    snapshot(settings, label, Compression::fast(), output, progress)
}

/// The manifest that a backup of this state would have: rows, bytes and checksum of each table, which are equal exactly
/// where all rows are.
pub fn summary(settings: &DatabaseSettings, label: &Label) -> Result<Manifest, BackupError> {
    snapshot(settings, label, Compression::none(), &mut io::sink(), &mut |_| {})
}

fn snapshot(
    settings: &DatabaseSettings,
    label: &Label,
    compression: Compression,
    output: &mut (impl Write + Send),
    progress: &mut dyn FnMut(u64),
) -> Result<Manifest, BackupError> {
    migrations::require_current(settings)?;
    let mut connection = connect(settings, ReadOnly::Yes)?;
    dialect::begin_snapshot(&mut connection)?;
    let writer = Writer::new(output, compression)?;
    let saved = tables_of(&mut connection, label, writer, progress);
    // The transaction has only read; what became of it changes nothing.
    let _ended = dialect::roll_back(&mut connection);
    saved
}

/// Lines of one table, in order.
struct Lines {
    table: usize,
    lines: Vec<String>,
}

/// The database says rows on this thread, and another packs them meanwhile.
fn tables_of<W: Write + Send>(
    connection: &mut AnyConnection,
    label: &Label,
    writer: Writer<W>,
    progress: &mut dyn FnMut(u64),
) -> Result<Manifest, BackupError> {
    let tables = tables();
    let manifest = Manifest {
        format: FORMAT,
        program: label.program.clone(),
        database: match Backend::of(connection) {
            Backend::Postgres => "postgres".to_owned(),
            Backend::Sqlite => "sqlite".to_owned(),
        },
        taken_at: label.taken_at,
        schema: migrations::applied(connection)?,
        tables: Vec::new(),
    };
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(2);
        let packing = scope.spawn(|| pack(&tables, receiver, writer, manifest));
        let read = tables.iter().enumerate().try_for_each(|(at, table)| say(connection, at, table, &sender, progress));
        drop(sender);
        let packed = packing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Where the file could not be written the database was not read to its end either: the file is the reason.
        packed.and_then(|manifest| read.map(|()| manifest))
    })
}

fn say(
    connection: &mut AnyConnection,
    at: usize,
    table: &SavedTable,
    sender: &SyncSender<Lines>,
    progress: &mut dyn FnMut(u64),
) -> Result<(), BackupError> {
    let query = row::query(Backend::of(connection), table);
    let (mut lines, mut length) = (Vec::new(), 0);
    let mut send = |lines: Vec<String>| {
        progress(lines.len() as u64);
        sender.send(Lines { table: at, lines }).is_ok()
    };
    bulk::each_line(connection, &query, |line| {
        length += line.len();
        lines.push(line);
        if length < BLOCK {
            return true;
        }
        length = 0;
        send(std::mem::take(&mut lines))
    })?;
    if !lines.is_empty() {
        send(lines);
    }
    Ok(())
}

fn pack<W: Write>(
    tables: &[SavedTable],
    receiver: Receiver<Lines>,
    mut writer: Writer<W>,
    mut manifest: Manifest,
) -> Result<Manifest, BackupError> {
    let mut sums: Vec<Sum> = tables.iter().map(|_| Sum::default()).collect();
    let mut text = Vec::new();
    for Lines { table, lines } in receiver {
        text.clear();
        for line in &lines {
            row::write_canonical(line, &mut text)
                .map_err(|error| BackupError::Store(crate::StoreError::Internal(error.into())))?;
        }
        sums[table].add(&text, lines.len() as u64);
        writer.block(table, &text)?;
    }
    manifest.tables = tables.iter().zip(sums).map(|(table, sum)| sum.of(table)).collect();
    writer.finish(&manifest)?;
    Ok(manifest)
}

/// Rows, bytes and checksum of a table.
#[derive(Default)]
pub(super) struct Sum {
    rows: u64,
    bytes: u64,
    hash: Sha256,
}

impl Sum {
    pub fn add(&mut self, text: &[u8], rows: u64) {
        self.rows += rows;
        self.bytes += text.len() as u64;
        self.hash.update(text);
    }

    pub fn of(self, table: &SavedTable) -> TableManifest {
        let sha256 = self.hash.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        TableManifest {
            name: table.name.to_owned(),
            columns: table.columns.clone(),
            rows: self.rows,
            bytes: self.bytes,
            sha256,
        }
    }
}
