//! How the parts of the service are, each told by whoever knows it.
//!
//! A part registers once ([`Health::register`]). Reports say a state and nothing else: causes go to the log, under the name
//! of the part, when a state changes.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use futures_util::future::join_all;
use serde::Serialize;
use slog::{Discard, Logger, info, o, warn};
use tokio::time::timeout;

/// How long one part may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a part is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// Not in use, as the settings want it.
    Off,
    /// It works, and somebody should look at it.
    Degraded,
    /// It does not work.
    Failed,
}

/// Whether the service can do without a part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Need {
    /// Without it no request can be served: the service is not ready.
    Necessary,
    /// Without it the service is worse, and goes on.
    Useful,
}

/// What a part says: its state, and why, for the log alone.
#[derive(Clone, Debug)]
pub struct Finding {
    state: State,
    cause: String,
}

impl Finding {
    /// All is well.
    pub fn ok() -> Self {
        Self { state: State::Ok, cause: String::new() }
    }

    /// It is not in use.
    pub fn off() -> Self {
        Self { state: State::Off, cause: String::new() }
    }

    /// It works, and somebody should look at it.
    pub fn degraded(cause: impl fmt::Display) -> Self {
        Self { state: State::Degraded, cause: cause.to_string() }
    }

    /// It does not work.
    pub fn failed(cause: impl fmt::Display) -> Self {
        Self { state: State::Failed, cause: cause.to_string() }
    }

    /// The state.
    pub fn state(&self) -> State {
        self.state
    }
}

/// How everything is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Report {
    /// The worst state of what is necessary, and no worse than degraded for what is not.
    pub status: State,
    /// Each part with its state, by name.
    pub parts: BTreeMap<&'static str, State>,
}

type Checked = Pin<Box<dyn Future<Output = Finding> + Send>>;
type Check = Arc<dyn Fn() -> Checked + Send + Sync>;

#[derive(Clone)]
struct Part {
    name: &'static str,
    need: Need,
    check: Check,
}

/// The parts of the service. Cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    parts: RwLock<Vec<Part>>,
    last: Mutex<BTreeMap<&'static str, State>>,
    log: Logger,
    patience: Duration,
}

impl Default for Health {
    fn default() -> Self {
        Self::new(Logger::root(Discard, o!()))
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Health").finish_non_exhaustive()
    }
}

impl Health {
    /// No parts yet; changes of state go to this log.
    pub fn new(log: Logger) -> Self {
        Self::with_patience(log, PATIENCE)
    }

    fn with_patience(log: Logger, patience: Duration) -> Self {
        Self(Arc::new(Inner { parts: RwLock::default(), last: Mutex::default(), log, patience }))
    }

    /// Adds a part. Its check may take two seconds; after that it counts as failed.
    pub fn register<F>(&self, name: &'static str, need: Need, check: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Finding> + Send + 'static,
    {
        let check: Check = Arc::new(move || Box::pin(check()));
        self.0.parts.write().unwrap_or_else(PoisonError::into_inner).push(Part { name, need, check });
    }

    /// Asks every part, all at once.
    pub async fn report(&self) -> Report {
        let parts: Vec<Part> = self.0.parts.read().unwrap_or_else(PoisonError::into_inner).clone();
        let findings = join_all(parts.iter().map(|part| async {
            let found = timeout(self.0.patience, (part.check)()).await;
            found.unwrap_or_else(|_elapsed| Finding::failed("no answer in time"))
        }));
        let mut report = Report { status: State::Ok, parts: BTreeMap::new() };
        for (part, finding) in parts.iter().zip(findings.await) {
            self.note(part.name, &finding);
            let counts = match (part.need, finding.state) {
                (_, State::Ok | State::Off) => State::Ok,
                (Need::Necessary, State::Failed) => State::Failed,
                _ => State::Degraded,
            };
            if severity(counts) > severity(report.status) {
                report.status = counts;
            }
            report.parts.insert(part.name, finding.state);
        }
        report
    }

    /// Says a change of state once.
    fn note(&self, name: &'static str, finding: &Finding) {
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.insert(name, finding.state).unwrap_or(State::Ok);
        drop(last);
        if severity(before) == severity(finding.state) {
            return;
        }
        if severity(finding.state) > 0 {
            warn!(self.0.log, "a part of the service is not well"; "part" => name, "cause" => &finding.cause);
        } else {
            info!(self.0.log, "a part of the service is well again"; "part" => name);
        }
    }
}

fn severity(state: State) -> u8 {
    match state {
        State::Ok | State::Off => 0,
        State::Degraded => 1,
        State::Failed => 2,
    }
}

/// Whether the disk of a folder has room: degraded below 1 GiB or a twentieth of it, failed below 64 MiB.
pub async fn disk(folder: PathBuf) -> Finding {
    const SCARCE: u64 = 1024 * 1024 * 1024;
    const GONE: u64 = 64 * 1024 * 1024;
    let there = folder.ancestors().find(|one| one.is_dir()).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let looked = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&there)).await;
    let space = match looked {
        Ok(Ok(space)) => space,
        Ok(Err(error)) => return Finding::failed(error),
        Err(error) => return Finding::failed(error),
    };
    let (free, all) = (space.f_bavail.saturating_mul(space.f_frsize), space.f_blocks.saturating_mul(space.f_frsize));
    if free < GONE {
        Finding::failed(format_args!("{free} bytes are free"))
    } else if free < SCARCE.min(all / 20) {
        Finding::degraded(format_args!("{free} bytes are free"))
    } else {
        Finding::ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn status(parts: &[(&'static str, Need, State)]) -> Report {
        let health = Health::default();
        for (name, need, state) in parts.iter().copied() {
            health.register(name, need, move || async move { Finding { state, cause: "secret words".to_owned() } });
        }
        health.report().await
    }

    #[actix_web::test]
    async fn only_what_is_necessary_makes_the_whole_fail() {
        use Need::{Necessary, Useful};
        for (parts, expected) in [
            (vec![], State::Ok),
            (vec![("a", Necessary, State::Ok), ("b", Useful, State::Off)], State::Ok),
            (vec![("a", Necessary, State::Ok), ("b", Useful, State::Failed)], State::Degraded),
            (vec![("a", Necessary, State::Degraded)], State::Degraded),
            (vec![("a", Necessary, State::Failed), ("b", Useful, State::Degraded)], State::Failed),
        ] {
            assert_eq!(status(&parts).await.status, expected, "{parts:?}");
        }
    }

    #[actix_web::test]
    async fn a_report_says_states_and_no_causes() {
        let report = status(&[("cache", Need::Useful, State::Failed)]).await;
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(text, r#"{"status":"degraded","parts":{"cache":"failed"}}"#);
    }

    #[actix_web::test]
    async fn a_part_that_does_not_answer_has_failed() {
        let health = Health::with_patience(Logger::root(Discard, o!()), Duration::from_millis(1));
        health.register("bus", Need::Useful, std::future::pending);
        assert_eq!(health.report().await.parts["bus"], State::Failed);
    }

    #[actix_web::test]
    async fn a_disk_with_room_is_well() {
        let state = disk(std::env::temp_dir().join("there/is/no/such/folder")).await.state();
        assert!(matches!(state, State::Ok | State::Degraded), "{state:?}");
    }
}
