//! Why a command failed, as the one line that its caller reads.

use std::{error::Error, fmt, io, panic::PanicHookInfo};

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// What is wrong, in one line.
    Told(String),
    /// Whoever read the output has gone away, as `head` does: nothing is wrong.
    NobodyReads,
}

impl Failure {
    /// A failure in these words.
    pub fn new(text: impl Into<String>) -> Self {
        Self::Told(one_line(&text.into()))
    }

    /// A failure while doing something, with its causes.
    pub fn because(doing: impl fmt::Display, error: &(dyn Error + 'static)) -> Self {
        Self::new(format!("{doing}: {}", with_causes(error)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told(text) => formatter.write_str(text),
            Self::NobodyReads => formatter.write_str("nobody reads the output"),
        }
    }
}

/// Every error is told with its causes. `Failure` itself is deliberately no [`Error`], so that this cannot be ambiguous.
impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(with_causes(&error))
    }
}

/// Turns an error of writing the output into a failure.
pub fn of_output(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::NobodyReads,
        _ => Failure::because("cannot write the output", error),
    }
}

/// A defect of the program, in one line.
pub fn of_panic(defect: &PanicHookInfo<'_>) -> String {
    let text = defect.payload_as_str().unwrap_or("without a message");
    let place = defect.location().map(|place| format!(" ({}:{})", place.file(), place.line())).unwrap_or_default();
    one_line(&format!("internal error: {text}{place}"))
}

/// An error and what caused it, each once.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the outside")]
    struct Outside(#[source] io::Error);

    #[test]
    fn a_failure_is_one_line_with_its_causes() {
        let failure = Failure::from(Outside(io::Error::other("the\n\tinside ")));
        assert_eq!(failure.to_string(), "the outside: the inside");
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        assert!(matches!(of_output(&io::ErrorKind::BrokenPipe.into()), Failure::NobodyReads));
        assert!(matches!(of_output(&io::ErrorKind::StorageFull.into()), Failure::Told(_)));
    }
}
