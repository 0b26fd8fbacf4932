//! Starts the log: levels, format, queue and writer put together.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::DateTime;
use slog::{BorrowedKV, Drain, Logger, OwnedKVList, Record, RecordStatic, o};
use slog_term::{Decorator, FullFormat, PlainDecorator, TermDecorator};

use crate::line::{Line, clean_message};
use crate::queue::{self, LogDrops, LogLevels, QueueGuard, Stamp, Writer};
use crate::reports::{ReportSettings, Reports, report_drain};
use crate::settings::{LogFormat, LogSettings};

/// The way to a root logger.
pub struct Logging;

impl Logging {
    /// Starts logging to standard error. Keep the guard to the end of `main`: dropping it writes what is still queued.
    pub fn start(settings: &LogSettings) -> (Logger, LogGuard) {
        Self::start_reporting(settings, &Reports::start(&ReportSettings::off()))
    }

    /// The same to any other output, without colours. Each record arrives in one `write_all`.
    pub fn start_with(settings: &LogSettings, output: impl Write + Send + 'static) -> (Logger, LogGuard) {
        Self::start_reporting_with(settings, &Reports::start(&ReportSettings::off()), output)
    }

    /// Logs to standard error; errors are reported as well.
    pub(crate) fn start_reporting(settings: &LogSettings, reports: &Reports) -> (Logger, LogGuard) {
        match settings.effective_format() {
            LogFormat::Json => start(settings, reports, JsonWriter::new(io::stderr())),
            LogFormat::Terminal => start(settings, reports, TextWriter::new(TermDecorator::new().stderr().build())),
        }
    }

    /// The same to any other output.
    pub(crate) fn start_reporting_with(
        settings: &LogSettings,
        reports: &Reports,
        output: impl Write + Send + 'static,
    ) -> (Logger, LogGuard) {
        match settings.effective_format() {
            LogFormat::Json => start(settings, reports, JsonWriter::new(output)),
            LogFormat::Terminal => start(settings, reports, TextWriter::new(PlainDecorator::new(output))),
        }
    }
}

/// Keeps the log running. Dropping it waits at most two seconds for queued records to be written; records that come
/// later are dropped and counted.
#[derive(Debug)]
pub struct LogGuard {
    queue: QueueGuard,
}

impl LogGuard {
    /// How many records were lost since the start, because the queue was full or the output failed.
    pub fn dropped(&self) -> u64 {
        self.queue.drops().count()
    }

    pub(crate) fn drops(&self) -> LogDrops {
        self.queue.drops()
    }

    pub(crate) fn levels(&self) -> LogLevels {
        self.queue.levels()
    }
}

/// A child logger whose lines carry `component`.
pub fn get_logger(parent: &Logger, component: &'static str) -> Logger {
    parent.new(o!("component" => component))
}

fn start(settings: &LogSettings, reports: &Reports, writer: impl Writer) -> (Logger, LogGuard) {
    let (queue, guard) = queue::start(settings.capacity, settings.levels.clone(), writer);
    let log = if reports.are_on() { Logger::root(report_drain(queue), o!()) } else { Logger::root(queue, o!()) };
    (log, LogGuard { queue: guard })
}

struct JsonWriter<W> {
    output: W,
    buffer: Vec<u8>,
}

impl<W> JsonWriter<W> {
    fn new(output: W) -> Self {
        Self { output, buffer: Vec::with_capacity(1024) }
    }
}

impl<W: Write + Send + 'static> Writer for JsonWriter<W> {
    fn write(&mut self, stamp: &Stamp, record: &Record<'_>, context: &OwnedKVList) -> Result<(), slog::Error> {
        let line = Line::of(record, context)?.with_request(stamp.request_id()).with_header(stamp.at, record)?;
        self.buffer.clear();
        let location = RecordStatic { location: record.location(), level: record.level(), tag: record.tag() };
        slog_json::Json::new(&mut self.buffer)
            .build()
            .log(&Record::new(&location, record.msg(), BorrowedKV(&line)), &o!().into())?;
        // Whole lines, so that other processes on the same pipe cannot come between.
        self.output.write_all(&self.buffer)?;
        self.output.flush()?;
        Ok(())
    }
}

struct TextWriter<D: Decorator> {
    format: FullFormat<D>,
    /// Microseconds since 1970: the header is printed by a callback that knows nothing of the record.
    at: Arc<AtomicI64>,
}

impl<D: Decorator> TextWriter<D> {
    fn new(decorator: D) -> Self {
        let at = Arc::new(AtomicI64::new(0));
        let stamp = Arc::clone(&at);
        let format = FullFormat::new(decorator)
            .use_custom_timestamp(move |output| {
                let at = DateTime::from_timestamp_micros(stamp.load(Ordering::Relaxed)).unwrap_or_default();
                write!(output, "{}", at.format("%H:%M:%S%.3f"))
            })
            .build();
        Self { format, at }
    }
}

impl<D: Decorator + Send + 'static> Writer for TextWriter<D> {
    fn write(&mut self, stamp: &Stamp, record: &Record<'_>, context: &OwnedKVList) -> Result<(), slog::Error> {
        let line = Line::of(record, context)?.with_request(stamp.request_id()).without_control_characters();
        self.at.store(stamp.at.timestamp_micros(), Ordering::Relaxed);
        let message = clean_message(record);
        let location = RecordStatic { location: record.location(), level: record.level(), tag: record.tag() };
        self.format.log(&Record::new(&location, &format_args!("{message}"), BorrowedKV(&line)), &o!().into())?;
        Ok(())
    }
}
