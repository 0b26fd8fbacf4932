//! The bounded queue between the program and the writer of its log, and the thread behind it.
//!
//! `slog_async::Async` would do nearly this, but it stamps records when they are written instead of when they happen,
//! and the number of records it drops cannot be read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chrono::{DateTime, Utc};
use slog::{Drain, Level, Never, OwnedKVList, Record};
use slog_async::AsyncRecord;

use crate::levels::Levels;

/// How long the end of the program waits for a writer that does not take what is still queued.
const FLUSH_DEADLINE: Duration = Duration::from_secs(2);

enum Message {
    Write(DateTime<Utc>, AsyncRecord),
    Finish,
}

/// The front of the queue: filters, stamps, and never waits.
pub(crate) struct Queue {
    sender: SyncSender<Message>,
    levels: Levels,
    dropped: Arc<AtomicU64>,
}

impl Drain for Queue {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, context: &OwnedKVList) -> Result<(), Never> {
        if self.levels.allow(record.module(), record.level()) {
            let message = Message::Write(now(), AsyncRecord::from(record, context));
            if self.sender.try_send(message).is_err() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn is_enabled(&self, level: Level) -> bool {
        self.levels.allow_somewhere(level)
    }
}

/// What writes lines, on the thread behind the queue.
pub(crate) trait Writer: Send + 'static {
    /// Writes one record; `Err` if it is lost.
    fn write(&mut self, at: DateTime<Utc>, record: &Record<'_>, context: &OwnedKVList) -> Result<(), slog::Error>;
}

/// The end of the queue: keeps its thread, counts what was dropped, and flushes when it is dropped itself.
pub(crate) struct QueueGuard {
    sender: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl QueueGuard {
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
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
    let dropped = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&dropped);
    let thread = thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_all(&receiver, writer, &counter))
        .expect("the system can start a thread while the program starts");
    let queue = Queue { sender: sender.clone(), levels, dropped: Arc::clone(&dropped) };
    (queue, QueueGuard { sender, dropped, thread: Some(thread) })
}

fn write_all(receiver: &Receiver<Message>, mut writer: impl Writer, dropped: &AtomicU64) {
    let mut reported = 0;
    while let Ok(Message::Write(at, record)) = receiver.recv() {
        record.as_record_values(|record, context| {
            if writer.write(at, record, context).is_err() {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        });
        let lost = dropped.load(Ordering::Relaxed) - reported;
        if lost > 0 && report(&mut writer, lost).is_ok() {
            reported += lost;
        }
    }
}

fn report(writer: &mut impl Writer, lost: u64) -> Result<(), slog::Error> {
    let location = slog::record_static!(Level::Warning, "");
    let message = format_args!("log records were dropped");
    writer.write(now(), &Record::new(&location, &message, slog::b!("dropped" => lost)), &slog::o!().into())
}

#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a record is stamped here, where it happens")]
fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}
