//! How often somebody may guess: each try beyond a few free ones costs a wait that grows.
//!
//! Pure: what is counted, by what, and where that is kept, is for the use cases.

use chrono::TimeDelta;

use crate::values::Timestamp;

/// A rule: how many tries are free, how long one waits after each further one, and how fast they are forgotten.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Throttle {
    /// How many tries cost no wait. The one that reaches this number is the first to be followed by one.
    pub free: i64,
    /// The wait after the last free try; each further one doubles it.
    pub first_wait: TimeDelta,
    /// The longest wait.
    pub longest_wait: TimeDelta,
    /// How long it takes until one try is forgotten.
    pub one_forgotten_every: TimeDelta,
}

/// What is known of the tries of one party.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tally {
    /// How many there were and are not forgotten.
    pub count: i64,
    /// From when on the next of them are forgotten.
    pub since: Timestamp,
    /// Until when there may be no other.
    pub blocked_until: Option<Timestamp>,
}

impl Throttle {
    /// The tally after one more try.
    ///
    /// ```
    /// use chrono::TimeDelta;
    /// use crm_domain::{Throttle, values::Timestamp};
    /// let rule = Throttle {
    ///     free: 2,
    ///     first_wait: TimeDelta::seconds(15),
    ///     longest_wait: TimeDelta::minutes(15),
    ///     one_forgotten_every: TimeDelta::minutes(10),
    /// };
    /// let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
    /// let first = rule.counted(None, now);
    /// assert_eq!(first.wait(now), None);
    /// assert_eq!(rule.counted(Some(first), now).wait(now), Some(TimeDelta::seconds(15)));
    /// ```
    #[must_use]
    pub fn counted(&self, before: Option<Tally>, at: Timestamp) -> Tally {
        let (remembered, since) = before.map_or((0, at), |tally| self.remembered(tally, at));
        let count = remembered.saturating_add(1);
        Tally { count, since, blocked_until: self.wait_after(count).map(|wait| at.plus(wait)) }
    }

    /// How many tries are not forgotten yet, and from when on the next of them are: the part of a span that has gone by
    /// counts, or a party that tries often would never be forgiven.
    fn remembered(&self, tally: Tally, at: Timestamp) -> (i64, Timestamp) {
        let span = self.one_forgotten_every;
        let micros = span.num_microseconds().unwrap_or(i64::MAX).max(1);
        let forgotten = (at.micros() - tally.since.micros()).max(0) / micros;
        match i32::try_from(forgotten) {
            Ok(spans) if forgotten < tally.count => (tally.count - forgotten, tally.since.plus(span * spans)),
            _ => (0, at),
        }
    }

    fn wait_after(&self, count: i64) -> Option<TimeDelta> {
        let beyond = u32::try_from(count.checked_sub(self.free)?).ok()?;
        let factor = 1_i32.checked_shl(beyond).filter(|factor| *factor > 0);
        let wait = factor.and_then(|factor| self.first_wait.checked_mul(factor)).unwrap_or(self.longest_wait);
        Some(wait.min(self.longest_wait))
    }
}

impl Tally {
    /// The tally when the last try turns out to have been a right one: as if it had not been. The wait goes as well: it was
    /// this try that began it, because none is made before the wait of the one before is over.
    #[must_use]
    pub fn forgiven(self) -> Self {
        Self { count: self.count.saturating_sub(1).max(0), blocked_until: None, ..self }
    }

    /// How long there may still be no other try.
    pub fn wait(&self, now: Timestamp) -> Option<TimeDelta> {
        let micros = self.blocked_until?.micros() - now.micros();
        (micros > 0).then(|| TimeDelta::microseconds(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Throttle = Throttle {
        free: 5,
        first_wait: TimeDelta::seconds(15),
        longest_wait: TimeDelta::minutes(15),
        one_forgotten_every: TimeDelta::minutes(10),
    };

    const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

    fn later(seconds: i64) -> Timestamp {
        START.plus(TimeDelta::seconds(seconds))
    }

    /// The waits, in seconds, after each of so many tries that follow each wait at once.
    fn waits(tries: usize) -> Vec<i64> {
        let (mut tally, mut now) = (None, START);
        (0..tries)
            .map(|_| {
                let next = RULE.counted(tally, now);
                let wait = next.wait(now).unwrap_or_default();
                (tally, now) = (Some(next), now.plus(wait));
                wait.num_seconds()
            })
            .collect()
    }

    #[test]
    fn a_few_tries_are_free_and_then_each_doubles_the_wait_up_to_the_longest() {
        assert_eq!(waits(10), [0, 0, 0, 0, 15, 30, 60, 120, 240, 480]);
        let many = RULE.counted(Some(Tally { count: 500, since: START, blocked_until: None }), START);
        assert_eq!(many.wait(START), Some(TimeDelta::minutes(15)));
    }

    #[test]
    fn whoever_never_stops_has_some_150_tries_a_day() {
        let mut spent = 0;
        let tries = waits(1000).into_iter().take_while(|wait| {
            spent += wait;
            spent <= 86_400
        });
        assert!((140..160).contains(&tries.count()));
    }

    #[test]
    fn tries_are_forgotten_one_by_one() {
        let nine = Tally { count: 9, since: START, blocked_until: None };
        for (seconds, count, since) in [
            (-5, 10, 0),
            (0, 10, 0),
            (599, 10, 0),
            (600, 9, 600),
            (1799, 8, 1200),
            (4800, 2, 4800),
            (5400, 1, 5400),
            (99_999, 1, 99_999),
        ] {
            let tally = RULE.counted(Some(nine), later(seconds));
            assert_eq!((tally.count, tally.since), (count, later(since)), "after {seconds} s");
        }
    }

    #[test]
    fn who_tries_often_is_forgiven_as_fast_as_who_tries_seldom() {
        let mut tally = Tally { count: 100, since: START, blocked_until: None };
        for seconds in (0..60_000).step_by(100) {
            tally = RULE.counted(Some(tally), later(seconds)).forgiven();
        }
        assert!(tally.count <= 1, "{tally:?}");
    }

    #[test]
    fn a_right_try_is_as_if_it_had_not_been() {
        let four = Tally { count: 4, since: START, blocked_until: None };
        let five = RULE.counted(Some(four), START);
        assert!(five.wait(START).is_some());
        assert_eq!(five.forgiven(), four);
        let six = RULE.counted(Some(five), later(15)).forgiven();
        assert_eq!((six.count, six.wait(later(15))), (5, None), "the next one need not wait for it");
        assert_eq!(Tally { count: 0, ..four }.forgiven().count, 0);
    }
}
