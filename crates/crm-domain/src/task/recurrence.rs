//! How a task comes again: a rule of RFC 5545.

use std::fmt;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use rrule::{Frequency, RRule, Tz, Unvalidated};
use serde::{Deserialize, Serialize};

use crate::{
    Violation,
    values::{Timestamp, text_value::text_value},
};

/// A recurrence rule, RFC 5545 section 3.3.10, at most 255 characters: `FREQ=WEEKLY;BYDAY=MO`. Breaks `recurrence`.
///
/// Days and times are those of UTC, `UNTIL` is a time in UTC. What comes more often than daily is no task but a machine's
/// work, and is refused; so are rules by the second. `COUNT` is the number of times of the series that are still to come,
/// that of the task that has the rule among them: each next task has a rule with one less, and with one less again for each
/// time that has gone by meanwhile. The standard counts times, whatever becomes of them.
///
/// ```
/// use crm_domain::{Recurrence, values::Timestamp};
/// let rule = Recurrence::parse("rrule:freq=weekly;byday=mo;count=2")?;
/// assert_eq!(rule.as_str(), "FREQ=WEEKLY;BYDAY=MO;COUNT=2");
/// let due = Timestamp::parse("2026-01-05T09:00:00Z")?; // a Monday
/// let (next, rest) = rule.next(due, due).unwrap();
/// assert_eq!((next, rest.as_str()), (Timestamp::parse("2026-01-12T09:00:00Z")?, "FREQ=WEEKLY;BYDAY=MO;COUNT=1"));
/// assert_eq!(rest.next(next, next), None);
/// assert_eq!(Recurrence::parse("FREQ=SECONDLY").unwrap_err().code, "recurrence");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String")]
pub struct Recurrence(String);

/// The longest rule, in characters.
const LONGEST: usize = 255;

/// The most tasks that a rule may name.
const MOST: u32 = 10_000;

impl Recurrence {
    /// Reads a rule, in either case, with or without the word `RRULE:` before it.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let upper = text.trim().to_ascii_uppercase();
        let plain = upper.strip_prefix("RRULE:").unwrap_or(&upper);
        let is_rule = |byte: u8| byte.is_ascii_alphanumeric() || b"=;,+-".contains(&byte);
        if plain.len() > LONGEST || !plain.bytes().all(is_rule) {
            return Err(violation(format!("must be a rule of at most {LONGEST} characters")));
        }
        let rule = Self(plain.to_owned());
        rule.check()?;
        Ok(rule)
    }

    /// When the task after this one is due, and the rule that it has; none at the end of the series.
    ///
    /// It is the first occurrence after both the task's own time and `done`: who is late does not leave a trail of tasks
    /// that are overdue before they begin.
    pub fn next(&self, due: Timestamp, done: Timestamp) -> Option<(Timestamp, Self)> {
        let later_than = due.max(done);
        let Some(count) = self.parsed().get_count() else {
            let next = self.times(due, later_than, 2)?.find(|time| *time > later_than)?;
            return Some((next, self.clone()));
        };
        let to_come = self.times(due, due, count + 1)?.filter(|time| *time > due).take(count as usize - 1);
        let (left, next) = (1..count).rev().zip(to_come).find(|(_, time)| *time > later_than)?;
        Some((next, self.counting(left)))
    }

    /// The first times from `from` of the series that begins with `due`, however many it counts.
    fn times(&self, due: Timestamp, from: Timestamp, most: u32) -> Option<impl Iterator<Item = Timestamp> + use<>> {
        // The library counts in whole seconds; what is finer is the task's own.
        let finer = TimeDelta::microseconds(due.micros().rem_euclid(1_000_000));
        let set = self.uncounted().build(whole_seconds(due)).ok()?;
        let most = u16::try_from(most).unwrap_or(u16::MAX);
        let found = set.after(whole_seconds(from)).all(most).dates.into_iter();
        // A time that cannot be told is the end of the series, not the last moment of the calendar.
        let found = found.filter(|time| time.timestamp_micros() <= Timestamp::LATEST.micros());
        Some(found.map(move |time| Timestamp::from(time.with_timezone(&Utc)).plus(finer)))
    }

    fn check(&self) -> Result<(), Violation> {
        let rule: RRule<Unvalidated> = self.0.parse().map_err(|_| not_a_rule())?;
        if !matches!(rule.get_freq(), Frequency::Daily | Frequency::Weekly | Frequency::Monthly | Frequency::Yearly) {
            return Err(violation("must come DAILY, WEEKLY, MONTHLY or YEARLY"));
        }
        if !rule.get_by_second().is_empty() {
            return Err(violation("must not come by the second"));
        }
        if rule.get_interval() == 0 {
            return Err(violation("must have an INTERVAL from 1"));
        }
        if rule.get_count().is_some_and(|count| !(1..=MOST).contains(&count)) {
            return Err(violation(format!("must have a COUNT from 1 to {MOST}")));
        }
        if rule.get_count().is_some() && rule.get_until().is_some() {
            return Err(violation("must have COUNT or UNTIL, not both"));
        }
        // Against the earliest day, because a rule may be older than the task that gets it.
        rule.validate(whole_seconds(Timestamp::from_micros(0))).map(drop).map_err(|_| not_a_rule())
    }

    /// The same rule with this many times to come.
    fn counting(&self, left: u32) -> Self {
        let count = |part: &str| if part.starts_with("COUNT=") { format!("COUNT={left}") } else { part.to_owned() };
        Self(self.0.split(';').map(count).collect::<Vec<_>>().join(";"))
    }

    /// The rule for the library: counting is ours, because each task begins a series of its own.
    fn uncounted(&self) -> RRule<Unvalidated> {
        let parts: Vec<&str> = self.0.split(';').filter(|part| !part.starts_with("COUNT=")).collect();
        Self(parts.join(";")).parsed()
    }

    fn parsed(&self) -> RRule<Unvalidated> {
        self.0.parse().expect("a rule was one before it was stored")
    }
}

text_value!(
    Recurrence,
    TextSchema {
        description: "A recurrence rule (RFC 5545), in UTC, daily or less often.",
        format: Some("rrule"),
        pattern: None,
        length: (10, LONGEST),
        example: "FREQ=WEEKLY;BYDAY=MO",
    }
);

fn whole_seconds(time: Timestamp) -> DateTime<Tz> {
    let time = DateTime::<Utc>::from(time);
    time.with_nanosecond(0).unwrap_or(time).with_timezone(&Tz::UTC)
}

fn not_a_rule() -> Violation {
    violation("must be a recurrence rule of RFC 5545 in UTC, for example FREQ=WEEKLY;BYDAY=MO")
}

fn violation(detail: impl fmt::Display) -> Violation {
    Violation::new("recurrence", detail.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[track_caller]
    fn check(rule: &str, due: &str, done: &str, expected: Option<(&str, &str)>) {
        let next = Recurrence::parse(rule).unwrap().next(at(due), at(done));
        assert_eq!(next, expected.map(|(time, rest)| (at(time), Recurrence(rest.to_owned()))), "{rule}");
    }

    #[test]
    fn the_next_time_is_the_first_one_after_both_the_due_time_and_the_completion() {
        let weekly = "FREQ=WEEKLY";
        let (due, early, late) = ("2026-01-05T09:00:00.25Z", "2026-01-01T00:00:00Z", "2026-01-20T00:00:00Z");
        check(weekly, due, early, Some(("2026-01-12T09:00:00.25Z", weekly)));
        check(weekly, due, late, Some(("2026-01-26T09:00:00.25Z", weekly)));
        check(weekly, due, "2026-01-12T09:00:00.1Z", Some(("2026-01-12T09:00:00.25Z", weekly)));
        check(weekly, due, "2026-01-12T09:00:00.25Z", Some(("2026-01-19T09:00:00.25Z", weekly)));
    }

    #[test]
    fn the_parts_of_a_rule_mean_what_the_standard_says() {
        let check = |rule: &str, due: &str, next: &str| check(rule, due, due, Some((next, rule)));
        check("FREQ=DAILY;INTERVAL=3", "2026-02-27T08:00:00Z", "2026-03-02T08:00:00Z");
        check("FREQ=MONTHLY", "2026-01-31T08:00:00Z", "2026-03-31T08:00:00Z");
        check("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31T08:00:00Z", "2026-02-28T08:00:00Z");
        check("FREQ=MONTHLY;BYDAY=1MO", "2026-01-07T08:00:00Z", "2026-02-02T08:00:00Z");
        check("FREQ=WEEKLY;BYDAY=MO,TH", "2026-01-05T08:00:00Z", "2026-01-08T08:00:00Z");
        check("FREQ=YEARLY", "2024-02-29T08:00:00Z", "2028-02-29T08:00:00Z");
        check("FREQ=DAILY;BYHOUR=9;BYMINUTE=30", "2026-01-05T08:00:00Z", "2026-01-05T09:30:00Z");
    }

    #[test]
    fn a_series_ends_by_its_count_or_its_last_day() {
        let due = "2026-01-05T09:00:00Z";
        check("FREQ=DAILY;COUNT=1", due, due, None);
        check("COUNT=3;FREQ=DAILY", due, due, Some(("2026-01-06T09:00:00Z", "COUNT=2;FREQ=DAILY")));
        check("FREQ=DAILY;UNTIL=20260105T235959Z", due, due, None);
        let until = "FREQ=DAILY;UNTIL=20260106T090000Z";
        check(until, due, due, Some(("2026-01-06T09:00:00Z", until)));
        check("FREQ=DAILY;UNTIL=20200101T000000Z", due, due, None);
    }

    #[test]
    fn times_that_go_by_while_a_task_is_late_count_as_well() {
        let (rule, due) = ("FREQ=DAILY;COUNT=4", "2026-01-05T09:00:00.5Z");
        let check = |done: &str, expected| check(rule, due, done, expected);
        check("2026-01-05T10:00:00Z", Some(("2026-01-06T09:00:00.5Z", "FREQ=DAILY;COUNT=3")));
        check("2026-01-06T09:00:00.5Z", Some(("2026-01-07T09:00:00.5Z", "FREQ=DAILY;COUNT=2")));
        check("2026-01-07T23:00:00Z", Some(("2026-01-08T09:00:00.5Z", "FREQ=DAILY;COUNT=1")));
        // The fourth and last was that of the eighth.
        check("2026-01-08T09:00:00.5Z", None);
        check("2027-01-01T00:00:00Z", None);
    }

    #[test]
    fn a_first_time_beside_the_rule_counts_as_the_standard_says() {
        // A Wednesday before the Mondays.
        let (rule, due) = ("FREQ=WEEKLY;BYDAY=MO;COUNT=3", "2026-01-07T09:00:00Z");
        check(rule, due, due, Some(("2026-01-12T09:00:00Z", "FREQ=WEEKLY;BYDAY=MO;COUNT=2")));
        check(rule, due, "2026-01-12T10:00:00Z", Some(("2026-01-19T09:00:00Z", "FREQ=WEEKLY;BYDAY=MO;COUNT=1")));
        check(rule, due, "2026-01-19T10:00:00Z", None);
    }

    #[test]
    fn the_longest_count_is_counted_to_its_end() {
        let (rule, due) = ("FREQ=DAILY;COUNT=10000", "2026-01-05T09:00:00Z");
        check(rule, due, "2053-05-21T09:00:00Z", Some(("2053-05-22T09:00:00Z", "FREQ=DAILY;COUNT=1")));
        check(rule, due, "2053-05-22T09:00:00Z", None);
    }

    #[test]
    fn what_is_no_rule_or_comes_too_often_is_refused() {
        for wrong in [
            "",
            "weekly",
            "FREQ=",
            "FREQ=HOURLY;BYMINUTE=0",
            "FREQ=MINUTELY",
            "FREQ=SECONDLY",
            "INTERVAL=2",
            "FREQ=DAILY;BYSECOND=1,2",
            "FREQ=DAILY;COUNT=0",
            "FREQ=DAILY;COUNT=10001",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=DAILY;COUNT=2;UNTIL=20260101T000000Z",
            "FREQ=DAILY;UNTIL=2026",
            "FREQ=MONTHLY;BYMONTHDAY=32",
            "FREQ=DAILY;FREQ=DAILY",
            "FREQ=DAILY\nDTSTART:20260101T000000Z",
            "FREQ=DAILY;COLOUR=RED",
        ] {
            assert_eq!(Recurrence::parse(wrong).map_err(|violation| violation.code), Err("recurrence"), "{wrong:?}");
        }
        let long = format!("FREQ=YEARLY;BYYEARDAY={}", ["100"; 80].join(","));
        assert!(Recurrence::parse(&long).is_err());
    }

    #[test]
    fn rules_that_never_come_end_the_series() {
        check("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "2026-01-05T09:00:00Z", "2026-01-05T09:00:00Z", None);
        check("FREQ=DAILY", "9999-12-31T23:00:00Z", "9999-12-31T23:00:00Z", None);
        check("FREQ=YEARLY;INTERVAL=65535", "2026-01-05T09:00:00Z", "2026-01-05T09:00:00Z", None);
    }

    proptest! {
        #[test]
        fn no_rule_panics_and_the_next_time_is_later(
            frequency in prop::sample::select(vec!["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
            interval in 1..400_u16, day in -31..=31_i8, week in prop::sample::select(vec!["MO", "-1FR", "2SU", "53TU"]),
            place in -3..3_i16, micros in 0..4_102_444_800_000_000_i64, late in 0..400_i64,
        ) {
            let due = Timestamp::from_micros(micros);
            let done = due.plus(TimeDelta::days(late));
            let parts = [
                String::new(),
                format!(";BYMONTHDAY={day}"),
                format!(";BYDAY={week}"),
                format!(";BYDAY=MO,TU;BYSETPOS={place}"),
            ];
            for more in parts {
                if let Ok(rule) = Recurrence::parse(&format!("FREQ={frequency};INTERVAL={interval}{more}")) {
                    prop_assert_eq!(Recurrence::parse(rule.as_str()), Ok(rule.clone()));
                    if let Some((next, _)) = rule.next(due, done) {
                        prop_assert!(next > due && next > done);
                    }
                }
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = Recurrence::parse(&text);
        }
    }
}
