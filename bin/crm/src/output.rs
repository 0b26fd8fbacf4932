//! What commands say: results on standard output, progress on standard error when that is a terminal.

use std::{
    fmt::Display,
    io::{self, Write},
};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::{
    arguments::Output,
    failure::{Failure, of_output},
};

/// Says one line.
pub fn say(line: impl Display) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush()).map_err(|error| of_output(&error))
}

/// Tells the outcome: as JSON where that was asked for, otherwise in words.
pub fn tell(output: Output, outcome: &impl Serialize, words: impl FnOnce() -> String) -> Result<(), Failure> {
    if output.json {
        return say(serde_json::to_string(outcome)?);
    }
    let words = words();
    if words.is_empty() { Ok(()) } else { say(words) }
}

/// A bar that fills up to `length`; it is drawn only when standard error is a terminal.
pub fn bar(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:13} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}");
    ProgressBar::new(length).with_style(style.expect("the template is one")).with_message(what)
}

/// The same for a number of bytes.
pub fn bytes_bar(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:13} {wide_bar} {bytes}/{total_bytes} {eta}");
    ProgressBar::new(length).with_style(style.expect("the template is one")).with_message(what)
}

/// A number that grows, where nobody knows how far.
pub fn counter(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} {msg} {per_sec}");
    ProgressBar::no_length().with_style(style.expect("the template is one")).with_message(what)
}
