//! The running of one import: from a file, chunk by chunk, in bounded memory. Each chunk is one transaction, and the
//! progress is saved with it, so that what the counts say is what has been done.

use std::{
    io::Read,
    sync::{Arc, atomic::AtomicU64, mpsc},
};

use crm_domain::{
    Change, ChangeAction, FieldChange, Import, ImportStatus, ImportTarget, OnDuplicate, RecordKind,
    access::{Actor, policy},
};
use crm_persistence::{Recorded, Stamp, WriteTx, imports};

use super::{
    ImportOptions, Progress,
    chunk::{self, Care, ChunkOutcome},
    feed::{self, Chunk, Counted, Halt},
    interactions::Interactions,
    mandates::Mandates,
    organisations::Organisations,
    pace::Pace,
    people::{LinkGrants, People},
    products::Products,
    reader::{Column, Reader},
    row::RowReader,
    seen::Seen,
    target::{Rights, Target},
    tasks::Tasks,
};
use crate::{App, Error};

/// How often a chunk is tried again while the database is busy or a record moves on; each try waits by itself.
const ATTEMPTS: usize = 30;

/// How many rows are compared with the records that are there, and written, in one go.
const SLICE: usize = 1000;

/// How many rows one transaction holds at most while others wait for their turn to write; fewer where they take long.
pub(super) const ROWS_BESIDE_OTHERS: usize = SLICE;

/// How many rows one transaction holds at most in a command: pages that several slices change are written once.
pub(super) const ROWS_ALONE: usize = 2 * SLICE;

/// An import about to run.
pub(super) struct Job<'a> {
    pub app: &'a App,
    pub actor: &'a Actor,
    pub import: Import,
    pub options: &'a ImportOptions,
    /// How many rows one transaction holds, and when it begins.
    pub pace: Arc<Pace>,
    /// Whether to stop after the present chunk.
    pub stopping: &'a dyn Fn() -> bool,
    pub progress: &'a mut dyn FnMut(Progress),
}

impl Job<'_> {
    /// Runs it to its end. A file that cannot be read ends as an import that failed; a fault of the service is an error,
    /// and the import is marked as failed as far as that is still possible.
    pub(super) fn run(mut self, read: impl Read + Send) -> Result<Import, Error> {
        match self.run_target(read) {
            Ok(()) => {}
            Err(Halt::File(reason)) => self.end(ImportStatus::Failed, Some(&reason))?,
            Err(Halt::Service(fault)) => {
                // The fault is what the caller must hear of, whether or not it can be written down.
                let _marked = self.end(ImportStatus::Failed, Some(&fault.to_string()));
                return Err(fault);
            }
        }
        Ok(self.import)
    }

    fn run_target(&mut self, read: impl Read + Send) -> Result<(), Halt> {
        let (app, default_country) = (self.app.clone(), self.options.default_country);
        match self.import.resource {
            ImportTarget::Organisations => {
                let rights = Rights::of(self.actor).map_err(Error::from)?;
                self.run_rows(read, &Organisations { app, rights, default_country })
            }
            ImportTarget::People => {
                let rights = Rights::of(self.actor).map_err(Error::from)?;
                let readable = policy::authorise(self.actor).map_err(Error::from)?;
                let find = policy::authorise(self.actor);
                let organisations =
                    find.and_then(|find| policy::authorise(self.actor).map(|link| LinkGrants { find, link }));
                self.run_rows(read, &People { app, rights, readable, organisations, default_country })
            }
            ImportTarget::Products => {
                let rights = Rights::of(self.actor).map_err(Error::from)?;
                self.run_rows(read, &Products { app, rights })
            }
            ImportTarget::Mandates => {
                let rights = Rights::of(self.actor).map_err(Error::from)?;
                self.run_rows(read, &Mandates { app, rights, organisations: policy::authorise(self.actor) })
            }
            ImportTarget::Interactions => {
                let rights = Rights::of(self.actor).map_err(Error::from)?;
                self.run_rows(read, &Interactions { app, rights, organisations: policy::authorise(self.actor) })
            }
            ImportTarget::Tasks => {
                let rights = Rights::of(self.actor).map_err(Error::from)?;
                self.run_rows(read, &Tasks { app, rights, organisations: policy::authorise(self.actor) })
            }
        }
    }

    fn run_rows<T: Target>(&mut self, read: impl Read + Send, target: &T) -> Result<(), Halt> {
        let bytes = Arc::new(AtomicU64::new(0));
        let read = Counted { read, bytes: Arc::clone(&bytes) };
        let reader = Reader::open(read, &self.options.reader::<T>()).map_err(|error| Halt::File(error.to_string()))?;
        let columns = reader.columns().to_vec();
        self.begin(&columns)?;
        let (rows, pace) = (RowReader::new(target, &columns), Arc::clone(&self.pace));
        std::thread::scope(|scope| {
            let (sender, chunks) = mpsc::sync_channel(feed::AHEAD);
            let feeder = scope.spawn(move || feed::feed(reader, &rows, &pace, &bytes, &sender));
            self.take_chunks(target, &columns, chunks)?;
            // The end of its chunks is the end of the file unless it broke down.
            feeder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok::<(), Halt>(())
        })?;
        self.end(ImportStatus::Completed, None)?;
        Ok(())
    }

    fn take_chunks<T: Target>(
        &mut self,
        target: &T,
        columns: &[Column],
        chunks: mpsc::Receiver<Result<Chunk<T>, Halt>>,
    ) -> Result<(), Halt> {
        let mut seen = Seen::default();
        for chunk in chunks {
            let chunk = chunk?;
            if chunk.is_empty() {
                break;
            }
            let outcome = self.commit(target, columns, &chunk, &seen)?;
            outcome.remember(&mut seen);
            (self.progress)(Progress { counts: self.import.counts, bytes: chunk.bytes });
            if (self.stopping)() {
                return Err(Halt::File(super::INTERRUPTED.to_owned()));
            }
        }
        Ok(())
    }

    fn begin(&mut self, columns: &[Column]) -> Result<(), Error> {
        self.import.status = ImportStatus::Running;
        let unmapped = columns.iter().filter(|column| column.field().is_none()).map(|column| column.header.clone());
        self.import.unmapped = unmapped.collect();
        self.import.updated_at = self.app.now();
        let headers: Vec<String> = columns.iter().map(|column| column.header.clone()).collect();
        let import = &self.import;
        let save = || {
            self.app.write_now(self.actor, None, |tx| {
                imports::save(tx, import.version, import)?;
                imports::save_headers(tx, import.id, &headers)?;
                Ok(tx.unchanged(()))
            })
        };
        patiently(|| self.pace.turn(self.app, 0, save))
    }

    /// Deals with a chunk and saves the progress; in a dry run the chunk is taken back and the progress alone saved.
    fn commit<T: Target>(
        &mut self,
        target: &T,
        columns: &[Column],
        chunk: &Chunk<T>,
        seen: &Seen,
    ) -> Result<ChunkOutcome, Error> {
        let (app, actor, on_duplicate) = (self.app, self.actor, self.options.on_duplicate);
        let before = self.import.clone();
        let attempt = |care: Care| {
            let manner = (on_duplicate, care);
            let process = |tx: &mut WriteTx| process(tx, target, manner, seen, chunk);
            let stamp = Stamp { actor: actor.clone(), at: app.now(), import_id: Some(before.id) };
            let save = |tx: &mut WriteTx, outcome: &ChunkOutcome| -> Result<Import, Error> {
                let mut import = before.clone();
                import.counts = import.counts.plus(chunk.counts()).plus(outcome.counts);
                import.updated_at = tx.at();
                let told = chunk.errors(columns, outcome);
                imports::save(tx, import.version, &import)?;
                imports::add_errors(tx, import.id, &told)?;
                Ok(import)
            };
            if before.dry_run {
                let outcome = app.database().rehearse(stamp, process)?;
                return app.write_now(actor, None, |tx| {
                    let import = save(tx, &outcome)?;
                    Ok(tx.unchanged((import, outcome)))
                });
            }
            app.write_now(actor, Some(before.id), |tx| {
                let recorded = process(tx)?;
                let import = save(tx, recorded.value())?;
                Ok(recorded.map(|outcome| (import, outcome)))
            })
        };
        let turn = |care: Care| self.pace.turn(app, chunk.drafts.len(), || attempt(care));
        let (import, outcome) = patiently(|| match turn(Care::Together) {
            Err(fault) if chunk::is_refusal(&fault) => turn(Care::Each),
            done => done,
        })?;
        self.import = import;
        Ok(outcome)
    }

    fn end(&mut self, status: ImportStatus, failure: Option<&str>) -> Result<(), Error> {
        let (app, actor) = (self.app, self.actor);
        let before = self.import.clone();
        let save = || {
            app.write_now(actor, Some(before.id), |tx| {
                let mut import = before.clone();
                import.failure = failure.map(str::to_owned);
                moved_on(tx, import, status)
            })
        };
        self.import = patiently(|| self.pace.turn(app, 0, save))?;
        Ok(())
    }
}

/// Deals with a chunk slice by slice inside a transaction. What a slice has spoken of is known to the next one, and is
/// forgotten with the transaction if that fails.
fn process<T: Target>(
    tx: &mut WriteTx,
    target: &T,
    manner: (OnDuplicate, Care),
    seen: &Seen,
    chunk: &Chunk<T>,
) -> Result<Recorded<ChunkOutcome>, Error> {
    let mut heard = Seen::default();
    let mut all = tx.unchanged(ChunkOutcome::default());
    for slice in chunk.drafts.chunks(SLICE) {
        let part = chunk::process(tx, target, manner, [seen, &heard], slice)?;
        part.value().remember(&mut heard);
        all = Recorded::both(all, part, ChunkOutcome::and);
    }
    Ok(all)
}

/// Gives an import its next status, and records that.
pub(super) fn moved_on(tx: &mut WriteTx, mut import: Import, status: ImportStatus) -> Result<Recorded<Import>, Error> {
    let (old, before) = (import.status, import.version);
    import.status = status;
    import.version = import.version.next();
    import.updated_at = tx.at();
    import.finished_at = (status != ImportStatus::Reverting).then(|| tx.at());
    imports::save(tx, before, &import)?;
    let word = |status: ImportStatus| status.as_ref().into();
    let field = FieldChange { field: "status".into(), old: word(old), new: word(status) };
    let recorded = tx.record(change(&import, ChangeAction::Updated, vec![field]))?;
    Ok(recorded.with(import))
}

pub(super) fn change(import: &Import, action: ChangeAction, fields: Vec<FieldChange>) -> Change {
    Change { kind: RecordKind::Imports, record_id: import.id.uuid(), version: import.version, action, fields }
}

/// Repeats what a busy database or another writer kept from happening. Each try waits for a connection by itself, so this
/// is no busy loop.
pub(super) fn patiently<T>(mut work: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    for _ in 1..ATTEMPTS {
        match work() {
            Err(Error::Busy { .. } | Error::Stale { .. }) => {}
            done => return done,
        }
    }
    work()
}
