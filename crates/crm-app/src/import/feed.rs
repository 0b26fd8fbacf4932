//! The rows of a file, read and checked on a thread of their own while the database is at work on those before them.

use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::SyncSender,
    },
};

use crm_domain::ImportCounts;
use crm_persistence::imports::ImportError;

use super::{
    chunk::ChunkOutcome,
    pace::Pace,
    reader::{Column, Reader, Row, RowError},
    row::{Draft, Problem, RowReader},
    target::Target,
};
use crate::Error;

/// How many bytes of cells one transaction holds at most.
const BYTES: usize = 8 * 1024 * 1024;

/// The most characters of a refused value that are kept.
const VALUE: usize = 500;

/// How many chunks wait for the database besides the one that is being read: none, so that two are in memory at any time.
pub(super) const AHEAD: usize = 0;

/// Why an import stops before the end of its file.
pub(super) enum Halt {
    /// The file cannot be read, or the service is about to stop.
    File(String),
    /// The service is at fault.
    Service(Error),
}

impl From<Error> for Halt {
    fn from(fault: Error) -> Self {
        Self::Service(fault)
    }
}

/// Reads a file to its end or first fault, as long as somebody takes the chunks, of which each has as many rows as its
/// transaction should have.
pub(super) fn feed<T: Target>(
    mut reader: Reader<impl Read>,
    rows: &RowReader<'_, T>,
    pace: &Pace,
    bytes: &AtomicU64,
    chunks: &SyncSender<Result<Chunk<T>, Halt>>,
) {
    loop {
        let chunk = Chunk::read(&mut reader, rows, pace.most());
        let chunk = chunk.map(|chunk| Chunk { bytes: bytes.load(Ordering::Relaxed), ..chunk });
        let last = chunk.as_ref().map_or(true, Chunk::is_empty);
        // Nobody takes it when the import has stopped for another reason.
        if chunks.send(chunk).is_err() || last {
            break;
        }
    }
}

/// The rows of one transaction, and those that could not even be split into cells.
pub(super) struct Chunk<T: Target> {
    /// What its rows say.
    pub drafts: Vec<Draft<T>>,
    broken: Vec<Broken>,
    /// How many bytes of the file have been read with it.
    pub bytes: u64,
}

struct Broken {
    number: u64,
    line: u64,
    problem: Problem,
}

impl<T: Target> Chunk<T> {
    fn read(reader: &mut Reader<impl Read>, rows: &RowReader<'_, T>, most: usize) -> Result<Self, Halt> {
        let mut chunk = Self { drafts: Vec::with_capacity(most), broken: Vec::new(), bytes: 0 };
        let mut bytes = 0;
        while chunk.drafts.len() + chunk.broken.len() < most && bytes < BYTES {
            let mut row = Row::default();
            match reader.read_row(&mut row) {
                None => break,
                Some(Ok(())) => {
                    bytes += row.cells.iter().map(String::len).sum::<usize>();
                    let draft = rows.read(row, chunk.drafts.last());
                    chunk.drafts.push(draft);
                }
                Some(Err(RowError::Broken(row))) => {
                    let mut problem = Problem::of_row(row.reason.code(), row.reason.to_string());
                    problem.value = row.text;
                    chunk.broken.push(Broken { number: row.number, line: row.line, problem });
                }
                Some(Err(RowError::Source(error))) => return Err(Halt::File(error.to_string())),
            }
        }
        Ok(chunk)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.drafts.is_empty() && self.broken.is_empty()
    }

    /// What the chunk counts before its rows are dealt with.
    pub(super) fn counts(&self) -> ImportCounts {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let broken = count(self.broken.len());
        ImportCounts { rows: count(self.drafts.len()) + broken, failed: broken, ..ImportCounts::default() }
    }

    /// All problems in the order of the file.
    pub(super) fn errors(&self, columns: &[Column], outcome: &ChunkOutcome) -> Vec<ImportError> {
        let header = |field: &String| {
            let column = columns.iter().find(|column| column.field() == Some(field.as_str()));
            column.map_or_else(|| field.clone(), |column| column.header.clone())
        };
        let error = |number: u64, line: u64, cells: &[String], problem: &Problem| ImportError {
            row: i64::try_from(number).unwrap_or(i64::MAX),
            line: i64::try_from(line).unwrap_or(i64::MAX),
            column: problem.field.as_ref().map(header),
            value: Some(problem.value.chars().take(VALUE).collect()),
            code: problem.code.clone(),
            reason: problem.reason.clone(),
            cells: cells.to_vec(),
        };
        let rows = self.drafts.iter().zip(&outcome.problems);
        let of_rows = rows.flat_map(|(draft, problems)| {
            problems.iter().map(move |problem| error(draft.number, draft.line, &draft.cells, problem))
        });
        let of_broken = self.broken.iter().map(|broken| {
            error(broken.number, broken.line, std::slice::from_ref(&broken.problem.value), &broken.problem)
        });
        let mut all: Vec<ImportError> = of_rows.chain(of_broken).collect();
        all.sort_by_key(|error| error.row);
        all
    }
}

/// Counts the bytes that have been read, for a progress bar.
pub(super) struct Counted<R> {
    /// The file.
    pub read: R,
    /// How many of its bytes have been read.
    pub bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.read.read(buffer)?;
        self.bytes.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}
