//! The counters that say how old an answer may be.
//!
//! There is one clock, which every write moves, and for each topic the time on it of the last write to that topic. An answer
//! carries the time before its database was read, and is good as long as nothing that it depends on was written later.
//! Without Redis this is the truth; with it, it is what the last look at Redis said.

use std::sync::{PoisonError, RwLock};

use crate::{Topic, entry::Stored, topic::SLOTS};

/// A time that is known to be no earlier than the beginning of a read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Moment {
    pub(crate) epoch: u64,
    pub(crate) clock: u64,
}

#[derive(Debug)]
pub(crate) struct Generations {
    state: RwLock<State>,
    /// Only a test switches this off.
    is_checked: bool,
}

#[derive(Debug)]
struct State {
    moment: Moment,
    last: Box<[u64]>,
}

impl Generations {
    pub(crate) fn new(epoch: u64, is_checked: bool) -> Self {
        let last = vec![0; usize::from(SLOTS)].into_boxed_slice();
        Self { state: RwLock::new(State { moment: Moment { epoch, clock: 0 }, last }), is_checked }
    }

    /// The time now, as far as this process knows it.
    pub(crate) fn moment(&self) -> Moment {
        self.state.read().unwrap_or_else(PoisonError::into_inner).moment
    }

    /// Whether nothing that the answer depends on has been written since.
    pub(crate) fn admits(&self, stored: &Stored) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let is_old = |topic: &Topic| state.last[usize::from(topic.slot())] > stored.as_of;
        !self.is_checked || (stored.epoch == state.moment.epoch && !stored.topics.iter().any(is_old))
    }

    /// Moves the clock of this process, where it is the only one.
    pub(crate) fn bump(&self, topics: &[Topic]) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.moment.clock += 1;
        let clock = state.moment.clock;
        for topic in topics {
            state.last[usize::from(topic.slot())] = clock;
        }
    }

    /// Takes over what Redis said of a bump of this instance. The clock stays as it is, because others may have moved it
    /// between: the next look tells.
    pub(crate) fn bumped(&self, at: Moment, topics: &[Topic]) {
        let news = topics.iter().map(|topic| (topic.slot(), at.clock));
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.moment.epoch == at.epoch {
            state.learn(news);
        }
    }

    /// Takes over a look at Redis: all that was written since the look before; of another epoch everything.
    pub(crate) fn looked(&self, at: Moment, news: impl IntoIterator<Item = (u16, u64)>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.moment.epoch != at.epoch {
            state.last.fill(0);
        }
        state.moment = at;
        state.learn(news);
    }
}

impl State {
    fn learn(&mut self, news: impl IntoIterator<Item = (u16, u64)>) {
        for (slot, clock) in news {
            let last = &mut self.last[usize::from(slot)];
            *last = clock.max(*last);
        }
    }
}
