//! What a log line looks like, which lines there are, and what is never in one.

use std::io;
use std::time::{Duration, Instant};

use crm_monitoring::{LogFormat, LogSettings, Logging, Redacted, get_logger};
use slog::{Logger, debug, error, info, o, trace, warn};

mod support;
use support::{Page, blocked};

fn settings(format: LogFormat, levels: &str) -> LogSettings {
    LogSettings {
        format: Some(format),
        levels: levels.parse().expect("the test's levels are well-formed"),
        ..LogSettings::default()
    }
}

/// What is written when `act` has logged and the log has ended.
fn logged(format: LogFormat, levels: &str, act: impl FnOnce(&Logger)) -> Page {
    let page = Page::default();
    let (log, guard) = Logging::start_with(&settings(format, levels), page.clone());
    act(&log);
    drop(guard);
    page
}

#[test]
fn a_json_line_has_time_level_module_message_and_typed_values_in_this_order() {
    let page = logged(LogFormat::Json, "info", |log| {
        let log = get_logger(log, "relay");
        warn!(log, "caught\nup at {}", 58; "position" => 58, "lag_ms" => 1.5, "leader" => true, "previous" => None::<u8>);
    });
    let text = page.text();
    let time = text.split('"').nth(3).expect("the time is the first value").to_owned();
    assert_eq!(
        text,
        format!(r#"{{"time":"{time}","level":"warn","module":"logging","message":"caught\nup at 58","#)
            + r#""position":58,"lag_ms":1.5,"leader":true,"previous":null,"component":"relay"}"#
            + "\n"
    );
    assert_eq!(time.len(), "2026-01-01T00:00:00.000000Z".len());
    assert!(time.ends_with('Z'));
}

#[test]
fn a_key_is_written_once_and_the_nearest_value_wins() {
    let page = logged(LogFormat::Json, "info", |log| {
        let log = get_logger(&get_logger(log, "outer"), "inner").new(o!("step" => 1));
        info!(log, "go"; "step" => 2, "level" => "forged", "message" => "forged");
    });
    let line = page.text();
    assert_eq!(line.matches("\"component\"").count(), 1);
    assert_eq!(line.matches("\"step\"").count(), 1);
    assert!(!line.contains("forged"));
    assert_eq!(page.lines()[0]["component"], "inner");
    assert_eq!(page.lines()[0]["step"], 2);
}

#[test]
fn a_terminal_line_is_readable_and_cannot_be_forged() {
    let page = logged(LogFormat::Terminal, "info", |log| {
        info!(get_logger(log, "api"), "name is {}", "\u{1b}[31mred\nfake"; "route" => "/a\r\n/b");
    });
    let text = page.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains("INFO name is \\u{1b}[31mred\\nfake, route: /a\\r\\n/b, component: api"), "{text}");
}

mod quiet {
    pub fn speak(log: &slog::Logger) {
        slog::warn!(log, "quiet warning");
        slog::error!(log, "quiet error");
    }
}

mod chatty {
    pub fn speak(log: &slog::Logger) {
        slog::trace!(log, "chatty trace");
        slog::debug!(log, "chatty debug");
    }
}

#[test]
fn levels_are_chosen_per_module() {
    let page = logged(LogFormat::Json, "info,logging::quiet=error,logging::chatty=debug", |log| {
        debug!(log, "plain debug");
        info!(log, "plain info");
        quiet::speak(log);
        chatty::speak(log);
    });
    let messages: Vec<_> = page.lines().iter().map(|line| line["message"].clone()).collect();
    assert_eq!(messages, ["plain info", "quiet error", "chatty debug"]);
}

#[test]
fn nothing_is_written_when_everything_is_off() {
    assert_eq!(logged(LogFormat::Json, "off", |log| error!(log, "unheard")).text(), "");
}

#[test]
fn a_blocked_output_costs_records_and_no_time() {
    let (output, gate, page) = blocked();
    let settings = LogSettings { capacity: 16, ..settings(LogFormat::Json, "info") };
    let (log, guard) = Logging::start_with(&settings, output);
    let started = stopwatch();
    for number in 0..5_000 {
        info!(log, "request"; "number" => number);
    }
    assert!(started.elapsed() < Duration::from_secs(5), "callers waited {:?}", started.elapsed());
    // One record may be in the writer's hands, sixteen wait, the rest is gone.
    let dropped = guard.dropped();
    assert!((4_983..=4_984).contains(&dropped), "{dropped}");
    drop(gate);
    drop(guard);
    let lines = page.lines();
    let written = lines.iter().filter(|line| line["message"] == "request").count() as u64;
    let reported: u64 = lines.iter().filter_map(|line| line["dropped"].as_u64()).sum();
    assert_eq!((written + dropped, reported), (5_000, dropped));
    assert_eq!(lines[0]["number"], 0, "the oldest records are kept");
}

#[test]
fn the_program_ends_although_its_output_is_blocked() {
    let (output, gate, _) = blocked();
    let (log, guard) = Logging::start_with(&settings(LogFormat::Json, "info"), output);
    info!(log, "never read");
    let started = stopwatch();
    drop(guard);
    assert!(started.elapsed() < Duration::from_secs(10));
    drop(gate);
}

#[test]
fn records_that_the_output_refuses_are_counted() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (log, guard) = Logging::start_with(&settings(LogFormat::Json, "info"), Full);
    (0..3).for_each(|_| info!(log, "lost"));
    let started = stopwatch();
    while guard.dropped() < 3 && started.elapsed() < Duration::from_secs(10) {
        std::thread::yield_now();
    }
    assert_eq!(guard.dropped(), 3);
}

#[test]
fn a_record_after_the_end_is_harmless() {
    let page = Page::default();
    let (log, guard) = Logging::start_with(&settings(LogFormat::Json, "info"), page.clone());
    info!(log, "in time");
    drop(guard);
    info!(log, "too late");
    assert_eq!(page.lines().len(), 1);
    assert_eq!(page.lines()[0]["message"], "in time");
}

#[test]
fn no_planted_secret_is_in_any_format_at_any_level() {
    // Read by nobody: it is here for its Debug text, as it would be logged by a careless line.
    #[derive(Debug)]
    #[allow(dead_code, reason = "the derived Debug is what reads the fields")]
    struct Login<'a> {
        email: &'a str,
        password: &'a str,
    }
    for format in [LogFormat::Json, LogFormat::Terminal] {
        let page = logged(format, "trace", |log| {
            let log = log.new(o!("cookie" => "session=mark-1", "authorization" => String::from("Bearer mark-2")));
            trace!(log, "headers {:?}", [("authorization", "Bearer mark-3")]; "password" => "mark-4", "token" => 666_123);
            debug!(log, "body {:?}", Login { email: "mark-5@example.com", password: "mark-6" });
            info!(log, "connecting to postgres://crm:mark-7@db/crm"; "access_token" => %"mark-8");
            warn!(log, "GET /realtime?ticket=mark-9"; "work_phone" => "+33 1 mark-10", "email" => ?Some("mark-11"));
            error!(log, "no luck: {}", Redacted::new("mark-12"); "key" => Redacted::new("mark-13"),
                "detail" => "Key (email)=(mark-14@example.com) already exists");
        });
        let text = page.text();
        assert_eq!(text.lines().count(), 5, "{text}");
        assert!(!text.contains("mark-") && !text.contains("666"), "{text}");
    }
}

#[allow(clippy::disallowed_methods, reason = "the test measures how long a caller waits")]
fn stopwatch() -> Instant {
    Instant::now()
}
