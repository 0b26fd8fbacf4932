//! The bounded queue between the program and the writer of its log, and the thread behind it.
//!
//! `slog_async::Async` would do nearly this, but it stamps records when they are written instead of when they happen,
//! and the number of records it drops cannot be read.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chrono::{DateTime, Utc};
use slog::{Drain, Level, Never, OwnedKVList, Record};
use slog_async::AsyncRecord;

use crate::context::Context;
use crate::levels::Levels;
use crate::request_id::RequestId;

/// How long the end of the program waits for a writer that does not take what is still queued.
const FLUSH_DEADLINE: Duration = Duration::from_secs(2);

/// Shows no record: what is in one has not been cleaned yet.
impl fmt::Debug for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Message")
    }
}

enum Message {
    Write(Stamp, AsyncRecord),
    Finish,
}

/// What is known of a record where it is made, and not where it is written.
pub(crate) struct Stamp {
    /// When it was made.
    pub(crate) at: DateTime<Utc>,
    /// In which request, or in which job.
    context: Option<Context>,
}

impl Stamp {
    fn here() -> Self {
        Self { at: now(), context: Context::current() }
    }

    pub(crate) fn request_id(&self) -> Option<&str> {
        self.context.as_ref()?.request_id().map(RequestId::as_str)
    }
}

/// The levels of a log that runs; they can be changed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LogLevels(Arc<RwLock<Levels>>);

impl LogLevels {
    pub(crate) fn new(levels: Levels) -> Self {
        Self(Arc::new(RwLock::new(levels)))
    }

    /// The levels of now.
    pub fn get(&self) -> Levels {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes them, for every record from now on.
    pub fn set(&self, levels: Levels) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = levels;
    }

    fn ask<T>(&self, question: impl FnOnce(&Levels) -> T) -> T {
        question(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for LogLevels {
    fn default() -> Self {
        Self::new(Levels::default())
    }
}

/// How many records were dropped. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct LogDrops(Arc<AtomicU64>);

impl LogDrops {
    /// How many so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The front of the queue: filters, stamps, and never waits.
pub(crate) struct Queue {
    sender: SyncSender<Message>,
    levels: LogLevels,
    dropped: LogDrops,
}

impl Drain for Queue {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, context: &OwnedKVList) -> Result<(), Never> {
        if self.levels.ask(|levels| levels.allow(record.module(), record.level())) {
            let message = Message::Write(Stamp::here(), AsyncRecord::from(record, context));
            if self.sender.try_send(message).is_err() {
                self.dropped.add();
            }
        }
        Ok(())
    }

    fn is_enabled(&self, level: Level) -> bool {
        self.levels.ask(|levels| levels.allow_somewhere(level))
    }
}

/// What writes lines, on the thread behind the queue.
pub(crate) trait Writer: Send + 'static {
    /// Writes one record; `Err` if it is lost.
    fn write(&mut self, stamp: &Stamp, record: &Record<'_>, context: &OwnedKVList) -> Result<(), slog::Error>;
}

/// The end of the queue: keeps its thread, counts what was dropped, and flushes when it is dropped itself.
#[derive(Debug)]
pub(crate) struct QueueGuard {
    sender: SyncSender<Message>,
    dropped: LogDrops,
    levels: LogLevels,
    thread: Option<JoinHandle<()>>,
}

impl QueueGuard {
    pub(crate) fn drops(&self) -> LogDrops {
        self.dropped.clone()
    }

    pub(crate) fn levels(&self) -> LogLevels {
        self.levels.clone()
    }
}

impl Drop for QueueGuard {
    fn drop(&mut self) {
        let Some(writer) = self.thread.take() else { return };
        let sender = self.sender.clone();
        let (report, finished) = sync_channel(1);
        // A blocked writer blocks this thread and not the program, which leaves after the deadline.
        thread::spawn(move || {
            // Each of these fails only if the other side is gone already, and then there is nothing to wait for.
            let _ = sender.send(Message::Finish);
            let _ = writer.join();
            let _ = report.send(());
        });
        let _ = finished.recv_timeout(FLUSH_DEADLINE);
    }
}

/// Starts the writer's thread behind a queue for `capacity` records.
pub(crate) fn start(capacity: usize, levels: Levels, writer: impl Writer) -> (Queue, QueueGuard) {
    let (sender, receiver) = sync_channel(capacity);
    let (dropped, levels) = (LogDrops::default(), LogLevels::new(levels));
    let counter = dropped.clone();
    let thread = thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_all(&receiver, writer, &counter))
        .expect("the system can start a thread while the program starts");
    let queue = Queue { sender: sender.clone(), levels: levels.clone(), dropped: dropped.clone() };
    (queue, QueueGuard { sender, dropped, levels, thread: Some(thread) })
}

fn write_all(receiver: &Receiver<Message>, mut writer: impl Writer, dropped: &LogDrops) {
    let mut reported = 0;
    while let Ok(Message::Write(stamp, record)) = receiver.recv() {
        record.as_record_values(|record, context| {
            if writer.write(&stamp, record, context).is_err() {
                dropped.add();
            }
        });
        let lost = dropped.count() - reported;
        if lost > 0 && report(&mut writer, lost).is_ok() {
            reported += lost;
        }
    }
}

fn report(writer: &mut impl Writer, lost: u64) -> Result<(), slog::Error> {
    let location = slog::record_static!(Level::Warning, "");
    let message = format_args!("log records were dropped");
    let stamp = Stamp { at: now(), context: None };
    writer.write(&stamp, &Record::new(&location, &message, slog::b!("dropped" => lost)), &slog::o!().into())
}

#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a record is stamped here, where it happens")]
fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}
