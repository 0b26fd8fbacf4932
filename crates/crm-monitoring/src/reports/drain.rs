//! From log records to reports: errors become events, what came before them breadcrumbs.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sentry::{
    Breadcrumb,
    integrations::slog::{RecordMapping, SentryDrain},
    protocol::{Event, Exception, Level, Map, Value},
};
use slog::{Drain, OwnedKVList, Record};

use crate::{
    context::Context,
    line::{Line, clean_message},
    performance::stopwatch,
};

/// The tag of records whose defect is reported by another one: they are no events of their own.
pub(crate) const REPORTED_ALREADY: &str = "reported already";

/// The tag of records that are events although nothing has failed: a request that was slow.
pub(crate) const SLOW_REQUEST: &str = "slow request";

/// A slow route is reported once in so long; otherwise a slow hour would be thousands of reports.
const SLOW_PAUSE: Duration = Duration::from_mins(1);

/// Puts reports before a log.
pub(crate) fn report_drain<D: Drain>(log: D) -> SentryDrain<D> {
    let told = Mutex::<BTreeMap<String, Instant>>::default();
    // What is less than information is never looked at: a trace of everything would only push out what matters.
    SentryDrain::new(log)
        .filter(|level| {
            use sentry::integrations::slog::LevelFilter::{Breadcrumb, Ignore};
            if level.is_at_least(slog::Level::Info) { Breadcrumb } else { Ignore }
        })
        .mapper(move |record, values| match record.level() {
            slog::Level::Debug | slog::Level::Trace => RecordMapping::Ignore,
            _ if record.tag() == SLOW_REQUEST && !is_due(&told) => RecordMapping::Ignore,
            _ if record.tag() == SLOW_REQUEST => RecordMapping::Event(Box::new(event(record, values))),
            slog::Level::Error | slog::Level::Critical if !is_reported_already(record) => {
                RecordMapping::Event(Box::new(event(record, values)))
            }
            _ => RecordMapping::Breadcrumb(breadcrumb(record, values)),
        })
}

/// Whether the slowness of this route has not been told for a while.
fn is_due(told: &Mutex<BTreeMap<String, Instant>>) -> bool {
    let name = Context::current().map(|context| context.name().to_owned()).unwrap_or_default();
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    let now = stopwatch();
    let is_due = told.get(&name).is_none_or(|last| now.duration_since(*last) > SLOW_PAUSE);
    if is_due {
        told.insert(name, now);
    }
    is_due
}

fn is_reported_already(record: &Record<'_>) -> bool {
    record.tag() == REPORTED_ALREADY || Context::current().is_some_and(|context| context.has_panicked())
}

/// Events of one code at one place are one issue, whatever their words.
fn event(record: &Record<'_>, values: &OwnedKVList) -> Event<'static> {
    let (message, fields) = (clean_message(record), fields(record, values));
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
    let place = Context::current().map(|context| context.name().to_owned()).or_else(|| text("job")).unwrap_or_default();
    let code = text("code").unwrap_or_else(|| message.clone());
    let mut event = Event {
        level: level(record.level()),
        logger: Some(record.module().to_owned()),
        fingerprint: vec![code.clone().into(), place.clone().into()].into(),
        transaction: Some(place).filter(|place| !place.is_empty()),
        exception: vec![Exception {
            ty: code,
            value: Some(text("cause").map_or_else(|| message.clone(), |cause| format!("{message}: {cause}"))),
            module: Some(record.module().to_owned()),
            stacktrace: sentry::integrations::backtrace::current_stacktrace(),
            ..Exception::default()
        }]
        .into(),
        ..Event::default()
    };
    for key in ["code", "job"] {
        if let Some(value) = text(key) {
            event.tags.insert(key.to_owned(), value);
        }
    }
    event.extra = fields;
    event
}

fn breadcrumb(record: &Record<'_>, values: &OwnedKVList) -> Breadcrumb {
    Breadcrumb {
        category: Some(record.module().to_owned()),
        message: Some(clean_message(record)),
        level: level(record.level()),
        data: fields(record, values),
        ..Breadcrumb::default()
    }
}

/// What cannot be read is left out: the message says most of it.
fn fields(record: &Record<'_>, values: &OwnedKVList) -> Map<String, Value> {
    Line::of(record, values).map(Line::into_map).unwrap_or_default()
}

fn level(level: slog::Level) -> Level {
    match level {
        slog::Level::Critical => Level::Fatal,
        slog::Level::Error => Level::Error,
        slog::Level::Warning => Level::Warning,
        slog::Level::Info => Level::Info,
        slog::Level::Debug | slog::Level::Trace => Level::Debug,
    }
}
