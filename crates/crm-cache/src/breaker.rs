//! Keeps away from a Redis that does not answer: a frozen one is worse than a dead one.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// So many failures in a row open it.
const FAILURES: u32 = 2;

/// So long it stays open before one call tries again.
const REST: Duration = Duration::from_millis(200);

/// How Redis is doing, as far as this process knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq, strum::AsRefStr, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum BreakerState {
    /// It answers.
    Closed,
    /// It does not; one call is trying whether it does again.
    HalfOpen,
    /// It does not, and is left alone.
    Open,
}

#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    tried_at: Option<Instant>,
    is_trying: bool,
}

impl Breaker {
    /// Whether a call may be made now. Whoever is told so must say how it ended.
    pub(crate) fn admits(&self) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failures < FAILURES {
            return true;
        }
        let is_due = state.tried_at.is_none_or(|at| at.elapsed() >= REST);
        if is_due {
            // The one that tries counts from now: one that is never heard of again is followed by the next.
            state.tried_at = Some(Instant::now());
            state.is_trying = true;
        }
        is_due
    }

    pub(crate) fn succeeded(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    pub(crate) fn failed(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        state.tried_at = Some(Instant::now());
        state.is_trying = false;
    }

    pub(crate) fn state(&self) -> BreakerState {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (state.failures < FAILURES, state.is_trying) {
            (true, _) => BreakerState::Closed,
            (false, true) => BreakerState::HalfOpen,
            (false, false) => BreakerState::Open,
        }
    }
}
