//! Why a measurement could not be made.

/// Why a measurement could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server could not be asked.
    #[error("cannot ask {address}: {error}")]
    Unreachable { address: String, error: ureq::Error },
    /// The server answered, but not with what is measured.
    #[error("{address} answered {status}: {body}")]
    Refused { address: String, status: u16, body: String },
    /// An answer lacks what the measurement needs.
    #[error("{address} has no {what}")]
    Lacks { address: String, what: &'static str },
    /// A program could not be run.
    #[error("{0}")]
    Process(#[from] std::io::Error),
    /// A program ended in failure.
    #[error("{command} ended with {status}")]
    Ended { command: String, status: std::process::ExitStatus },
    /// The server did not answer in time.
    #[error("{0} did not answer within a minute")]
    Silent(String),
}
