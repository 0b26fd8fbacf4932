//! Marks: values that look like nothing else, in whatever form a field takes them, and that are found again in any text.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

/// The most marks: a mark is a number of five digits.
pub const MOST: usize = 99_999;

/// How many days one field's marks have for themselves. So days that must stand in an order can hold marks.
const SPAN: u64 = 20_000;

/// The fields whose days must not lie before those of others, latest last.
const LATER: [&str; 2] = ["starts_on", "ends_on"];

/// A mark as a word. It stays one word however it is folded.
pub fn word(number: usize) -> String {
    assert!(number <= MOST, "marks have five digits");
    format!("zq{number:05}q")
}

/// A mark as the value of a field.
pub type Form = fn(&str, usize) -> Value;

/// The forms in which a field may take a mark, the first that it takes being its own.
pub const FORMS: [Form; 11] = [
    |_, number| json!(word(number)),
    |_, number| json!(format!("{}@example.com", word(number))),
    |_, number| json!(format!("https://{}.example.com/", word(number))),
    |_, number| json!(format!("https://www.linkedin.com/in/{}/", word(number))),
    |_, number| json!([word(number)]),
    |_, number| json!(format!("90{number:05}09.13")),
    |_, number| json!(format!("+33612{number:05}9")),
    |field, number| json!(day(field, number).to_string()),
    |field, number| json!(format!("{}T09:30:00.000000Z", day(field, number))),
    |_, number| json!(lei(number)),
    |_, number| json!(isin(number)),
];

fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(1400, 1, 1).unwrap()
}

fn day(field: &str, number: usize) -> NaiveDate {
    assert!((number as u64) < SPAN, "a mark for each day");
    let rank = LATER.iter().position(|later| *later == field).map_or(0, |at| at as u64 + 1);
    first_day() + Days::new(rank * SPAN + number as u64)
}

/// ISO 17442: eighteen characters, and two digits that make the whole 1 modulo 97.
fn lei(number: usize) -> String {
    let stem = format!("9695{}000000", word(number).to_uppercase());
    let digits = format!("{stem}00").chars().map(|one| one.to_digit(36).unwrap().to_string()).collect::<String>();
    let rest = digits.bytes().fold(0, |rest, digit| (rest * 10 + u32::from(digit - b'0')) % 97);
    format!("{stem}{:02}", 98 - rest)
}

/// ISO 6166: a country, nine characters, and a digit by the Luhn rule.
fn isin(number: usize) -> String {
    let stem = format!("FR{}0", word(number).to_uppercase());
    let digits = stem.chars().map(|one| one.to_digit(36).unwrap().to_string()).collect::<String>();
    let weighed = digits.bytes().rev().enumerate().map(|(at, digit)| {
        let weight = u32::from(digit - b'0') * if at % 2 == 0 { 2 } else { 1 };
        weight / 10 + weight % 10
    });
    format!("{stem}{}", (10 - weighed.sum::<u32>() % 10) % 10)
}

/// All marks in a text, in whatever form.
pub fn marks(text: &str) -> BTreeSet<usize> {
    let text = text.to_ascii_lowercase();
    let framed = |before: &'static str, after: &'static str| {
        let (text, places) = (text.as_str(), text.match_indices(before));
        let digits = places.filter_map(move |(at, _)| {
            let from = at + before.len();
            text.get(from..from + 5 + after.len())?.strip_suffix(after)
        });
        digits.filter(|digits| digits.bytes().all(|one| one.is_ascii_digit())).filter_map(|digits| digits.parse().ok())
    };
    // An amount may be told without its last zeros, so it is known by its beginning and its point.
    let words = framed("zq", "q").chain(framed("90", "09.13")).chain(framed("+33612", "9"));
    words.chain(days(&text)).collect()
}

fn days(text: &str) -> impl Iterator<Item = usize> {
    let places = text.match_indices("1").filter_map(|(at, _)| text.get(at..at + 10));
    let days = places.filter_map(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok());
    let since = days.map(|day| (day - first_day()).num_days());
    let last = i64::try_from(SPAN * (LATER.len() as u64 + 1)).unwrap();
    let known = since.filter(move |since| (0..last).contains(since));
    known.map(|since| usize::try_from(since).unwrap() % usize::try_from(SPAN).unwrap())
}

#[test]
fn a_mark_is_found_again_in_every_form_and_in_nothing_else() {
    for form in FORMS {
        for field in ["name", "signed_on", "starts_on", "ends_on"] {
            assert_eq!(marks(&format!("a {} b", form(field, 4_711))), BTreeSet::from([4_711]));
        }
    }
    let others = "2026-01-05T09:30:00Z 1250000.00 +33156620055 zq1234q 9012345.13 01938a3c-5f00-7000-8000-00000000dead";
    assert_eq!(marks(others), BTreeSet::new());
}
