//! Points in time.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveTime, TimeDelta, Timelike, Utc};
use serde::{Deserialize, Serialize, Serializer};

use super::{Date, parse_date_lenient, text_value::text_input};
use crate::Violation;

/// A point in time, UTC, in whole microseconds, in the years 0001 to 9999: exactly what both databases can hold.
///
/// Text is RFC 3339 (any offset is read); it is displayed as `2026-01-01T00:00:00.000000Z`, always of that length, so texts
/// sort like times. Breaks `timestamp`.
///
/// ```
/// use crm_domain::values::Timestamp;
/// let time = Timestamp::parse("2026-01-01T01:30:00.1234567+01:30")?;
/// assert_eq!(time.to_string(), "2026-01-01T00:00:00.123456Z");
/// assert_eq!(Timestamp::from_micros(time.micros()), time);
/// # Ok::<(), crm_domain::Violation>(())
/// ```
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[serde(try_from = "String")]
pub struct Timestamp(DateTime<Utc>);

/// 0001-01-01T00:00:00.000000Z and 9999-12-31T23:59:59.999999Z, in microseconds since 1970.
const EARLIEST_MICROS: i64 = -62_135_596_800_000_000;
const LATEST_MICROS: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// The first point of time that can be told: the beginning of the year 1.
    pub const EARLIEST: Self = Self::from_micros(EARLIEST_MICROS);
    /// The last point of time that can be told: the end of the year 9999.
    pub const LATEST: Self = Self::from_micros(LATEST_MICROS);

    /// Reads RFC 3339 with any offset; what is finer than a microsecond is cut off.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let time = DateTime::parse_from_rfc3339(text.trim()).ok().map(|time| time.timestamp_micros());
        let time = time.filter(|micros| (EARLIEST_MICROS..=LATEST_MICROS).contains(micros));
        let detail = "must be a time as in RFC 3339, for example 2026-01-01T00:00:00Z, in the years 0001 to 9999";
        time.map(Self::from_micros).ok_or_else(|| Violation::new("timestamp", detail))
    }

    /// Reads a time as files have it: also without a zone, which is then UTC, with a date as in [`super::parse_date_lenient`],
    /// with or without seconds, and a date alone, which is its beginning. Breaks `timestamp`.
    ///
    /// ```
    /// use crm_domain::values::Timestamp;
    /// assert_eq!(Timestamp::parse_lenient("03/02/2026 14:30"), Timestamp::parse("2026-02-03T14:30:00Z"));
    /// assert_eq!(Timestamp::parse_lenient("2026-02-03"), Timestamp::parse("2026-02-03T00:00:00Z"));
    /// ```
    pub fn parse_lenient(text: &str) -> Result<Self, Violation> {
        let text = text.trim();
        let parsed = Self::parse(text);
        if parsed.is_ok() {
            return parsed;
        }
        let (day, time) = text.split_once([' ', 'T', 't']).unwrap_or((text, "00:00"));
        let (Ok(date), time) = (parse_date_lenient(day), time.trim()) else { return parsed };
        let time = NaiveTime::parse_from_str(time, "%H:%M:%S%.f").or_else(|_| NaiveTime::parse_from_str(time, "%H:%M"));
        time.map_or(parsed, |time| Ok(Self::from(date.and_time(time).and_utc())))
    }

    /// The time so many microseconds after the beginning of 1970; beyond the years 0001 to 9999 the nearest one within.
    pub const fn from_micros(micros: i64) -> Self {
        let micros = if micros < EARLIEST_MICROS { EARLIEST_MICROS } else { micros };
        let micros = if micros > LATEST_MICROS { LATEST_MICROS } else { micros };
        Self(DateTime::from_timestamp_micros(micros).expect("the years 0001 to 9999 are within chrono's range"))
    }

    /// Microseconds since the beginning of 1970, negative before.
    pub const fn micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// The time so much later (or earlier), or the nearest one within the years 0001 to 9999.
    #[must_use]
    pub fn plus(self, span: TimeDelta) -> Self {
        let micros = span.num_microseconds().unwrap_or(if span < TimeDelta::zero() { i64::MIN } else { i64::MAX });
        Self::from_micros(self.micros().saturating_add(micros))
    }

    /// The calendar date in UTC.
    pub fn date(self) -> Date {
        self.0.date_naive()
    }
}

text_input!(
    Timestamp,
    Self::parse,
    TextSchema {
        description: "A point in time (RFC 3339); shown in UTC with microseconds.",
        format: Some("date-time"),
        pattern: None,
        length: (20, 64),
        example: "2026-01-01T00:00:00.000000Z",
    }
);

/// Finer parts than a microsecond are cut off; beyond the years 0001 to 9999 the nearest time within is taken.
impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self::from_micros(time.timestamp_micros())
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(time: Timestamp) -> Self {
        time.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(time) = self;
        let (year, month, day) = (time.year(), time.month(), time.day());
        let (hour, minute, second, micros) =
            (time.hour(), time.minute(), time.second(), time.timestamp_subsec_micros());
        write!(formatter, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::testing::check;

    #[test]
    fn a_time_is_rfc_3339_turned_to_utc_with_microseconds() {
        check(Timestamp::parse("2026-01-01T00:00:00Z"), Ok("2026-01-01T00:00:00.000000Z"));
        check(Timestamp::parse(" 2026-01-01t00:00:00.5z "), Ok("2026-01-01T00:00:00.500000Z"));
        check(Timestamp::parse("2026-01-01T00:00:00.123456999Z"), Ok("2026-01-01T00:00:00.123456Z"));
        check(Timestamp::parse("2026-01-01T00:00:00+02:00"), Ok("2025-12-31T22:00:00.000000Z"));
        check(Timestamp::parse("2026-01-01T00:00:00-00:30"), Ok("2026-01-01T00:30:00.000000Z"));
        check(Timestamp::parse("1969-12-31T23:59:59.9999999Z"), Ok("1969-12-31T23:59:59.999999Z"));
        check(Timestamp::parse("2016-12-31T23:59:60Z"), Ok("2017-01-01T00:00:00.000000Z"));
        check(Timestamp::parse("0001-01-01T00:00:00Z"), Ok("0001-01-01T00:00:00.000000Z"));
        check(Timestamp::parse("9999-12-31T23:59:59.999999Z"), Ok("9999-12-31T23:59:59.999999Z"));
        for wrong in [
            "",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-01-01T00:00:00+0200",
            "1767225600",
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "9999-12-31T23:59:60Z",
            "+12026-01-01T00:00:00Z",
            "now",
        ] {
            check(Timestamp::parse(wrong), Err("timestamp"));
        }
    }

    #[test]
    fn files_have_times_in_several_forms() {
        check(Timestamp::parse_lenient("2026-01-01T01:00:00+01:00"), Ok("2026-01-01T00:00:00.000000Z"));
        check(Timestamp::parse_lenient(" 03/02/2026 9:05 "), Ok("2026-02-03T09:05:00.000000Z"));
        check(Timestamp::parse_lenient("2026-02-03 14:30:15.5"), Ok("2026-02-03T14:30:15.500000Z"));
        check(Timestamp::parse_lenient("2026-02-03T14:30"), Ok("2026-02-03T14:30:00.000000Z"));
        check(Timestamp::parse_lenient("03.02.2026"), Ok("2026-02-03T00:00:00.000000Z"));
        for wrong in ["", "soon", "14:30", "2026-02-30", "2026-02-03 25:00", "02/13/2026 10:00"] {
            check(Timestamp::parse_lenient(wrong), Err("timestamp"));
        }
    }

    #[test]
    fn nothing_overflows() {
        assert_eq!(Timestamp::from_micros(i64::MIN), Timestamp::EARLIEST);
        assert_eq!(Timestamp::from_micros(i64::MAX), Timestamp::LATEST);
        assert_eq!(Timestamp::LATEST.plus(TimeDelta::MAX), Timestamp::LATEST);
        assert_eq!(Timestamp::EARLIEST.plus(TimeDelta::MIN), Timestamp::EARLIEST);
        assert_eq!(Timestamp::from(DateTime::<Utc>::MAX_UTC), Timestamp::LATEST);
        assert_eq!(Timestamp::EARLIEST.to_string(), "0001-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::LATEST.to_string(), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn a_span_moves_a_time() {
        let time = Timestamp::parse("2026-01-31T23:00:00Z").unwrap();
        assert_eq!(time.plus(TimeDelta::hours(2)).to_string(), "2026-02-01T01:00:00.000000Z");
        assert_eq!(time.plus(TimeDelta::microseconds(-1)).to_string(), "2026-01-31T22:59:59.999999Z");
        assert_eq!(time.date().to_string(), "2026-01-31");
    }

    #[test]
    fn json_is_the_text() {
        let time: Timestamp = serde_json::from_str("\"2026-01-01T00:00:00Z\"").unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-01-01T00:00:00.000000Z\"");
        assert!(serde_json::from_str::<Timestamp>("0").is_err());
    }

    proptest! {
        #[test]
        fn reading_what_is_displayed_changes_nothing(micros in EARLIEST_MICROS..=LATEST_MICROS) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(time.micros(), micros);
            prop_assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
            prop_assert_eq!(DateTime::<Utc>::from(time).format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(), time.to_string());
        }

        #[test]
        fn texts_sort_like_times(one in EARLIEST_MICROS..=LATEST_MICROS, other in EARLIEST_MICROS..=LATEST_MICROS) {
            let texts = Timestamp::from_micros(one).to_string().cmp(&Timestamp::from_micros(other).to_string());
            prop_assert_eq!(texts, one.cmp(&other));
        }
    }
}
