//! Calendar dates.

use chrono::{Datelike, NaiveDate};

use crate::Violation;

/// A calendar date without time and zone. Inputs go through [`parse_date`], which bounds the years.
///
/// ```
/// use crm_domain::values::{Date, parse_date};
/// let date: Date = parse_date("2026-02-28")?;
/// assert_eq!(date.to_string(), "2026-02-28");
/// # Ok::<(), crm_domain::Violation>(())
/// ```
pub type Date = NaiveDate;

/// Reads `YYYY-MM-DD` and nothing else, years 1000 to 9999. Breaks `date`.
///
/// ```
/// use crm_domain::values::parse_date;
/// assert_eq!(parse_date("2026-02-30").unwrap_err().code, "date");
/// assert_eq!(parse_date("26-02-01").unwrap_err().code, "date");
/// ```
pub fn parse_date(text: &str) -> Result<Date, Violation> {
    numbers(text.trim(), '-').and_then(year_month_day).ok_or_else(violation)
}

/// Reads a date as files have it: also `YYYY/MM/DD`, and with the day first, `DD/MM/YYYY` and `DD.MM.YYYY`. Breaks `date`.
///
/// The month never stands first: a date like `02/13/2026` is refused and not guessed.
///
/// ```
/// use crm_domain::values::{parse_date, parse_date_lenient};
/// assert_eq!(parse_date_lenient("01.02.2026"), parse_date("2026-02-01"));
/// ```
pub fn parse_date_lenient(text: &str) -> Result<Date, Violation> {
    let text = text.trim();
    let year_first = || numbers(text, '-').or_else(|| numbers(text, '/')).and_then(year_month_day);
    let day_first = || numbers(text, '/').or_else(|| numbers(text, '.')).and_then(day_month_year);
    year_first().or_else(day_first).ok_or_else(violation)
}

/// The JSON schema of a date input, for `#[schema(schema_with = …)]`: a derive cannot see through [`Date`].
#[cfg(feature = "openapi")]
pub fn date_schema() -> utoipa::openapi::Object {
    use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
        .pattern(Some("^[1-9]"))
        .min_length(Some(10))
        .max_length(Some(10))
        .examples([serde_json::Value::from("2026-01-31")])
        .build()
}

/// The JSON schema of a date in a patch, where `null` takes it away.
#[cfg(feature = "openapi")]
pub fn date_field_schema() -> utoipa::openapi::Schema {
    use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
    OneOfBuilder::new().item(date_schema()).item(ObjectBuilder::new().schema_type(Type::Null)).build().into()
}

fn violation() -> Violation {
    Violation::new("date", "must be a date as YYYY-MM-DD, in the years 1000 to 9999")
}

/// Three numbers of plain digits, each with its count of digits.
type Numbers = [(u32, usize); 3];

fn numbers(text: &str, mark: char) -> Option<Numbers> {
    let mut parts = text.split(mark).map(|part| {
        let plain = (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse().ok()).flatten().map(|number| (number, part.len()))
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

fn year_month_day(numbers: Numbers) -> Option<Date> {
    let [(year, 4), (month, 2), (day, 2)] = numbers else { return None };
    let date = NaiveDate::from_ymd_opt(year.try_into().ok()?, month, day)?;
    (1000..=9999).contains(&date.year()).then_some(date)
}

fn day_month_year([day, month, year]: Numbers) -> Option<Date> {
    // People leave out the zero in 1/2/2026.
    let padded = |(number, digits)| if digits <= 2 { (number, 2) } else { (number, digits) };
    year_month_day([year, padded(month), padded(day)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::values::testing::check;

    #[test]
    fn a_date_is_year_month_day_and_exists() {
        check(parse_date("2026-02-28"), Ok("2026-02-28"));
        check(parse_date(" 2024-02-29 "), Ok("2024-02-29"));
        check(parse_date("1000-01-01"), Ok("1000-01-01"));
        check(parse_date("9999-12-31"), Ok("9999-12-31"));
        for wrong in [
            "",
            "2026",
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-1-1",
            "26-01-01",
            "0999-12-31",
            "0000-01-01",
            "10000-01-01",
            "+2026-01-01",
            "-2026-01-01",
            "2026-01-01-01",
            "2026-01-01T00:00:00Z",
            "2026/01/01",
            "01/01/2026",
            "2026-01-+1",
            "２０２６-01-01",
            "today",
        ] {
            check(parse_date(wrong), Err("date"));
        }
    }

    #[test]
    fn files_may_put_the_day_first_and_use_other_marks() {
        for spelling in ["2026-02-01", "2026/02/01", "01/02/2026", "1/2/2026", "01.02.2026", " 01/02/2026 "] {
            check(parse_date_lenient(spelling), Ok("2026-02-01"));
        }
        for wrong in
            ["", "02/13/2026", "01-02-2026", "01/02/26", "2026.02.01", "01/02.2026", "31/02/2026", "01/02/0026"]
        {
            check(parse_date_lenient(wrong), Err("date"));
        }
    }

    proptest! {
        #[test]
        fn reading_what_is_displayed_changes_nothing(days in 365_243..3_652_059_i32) {
            let date = NaiveDate::from_num_days_from_ce_opt(days).unwrap();
            prop_assert_eq!(parse_date(&date.to_string()), Ok(date));
            for format in ["%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%d.%m.%Y"] {
                prop_assert_eq!(parse_date_lenient(&date.format(format).to_string()), Ok(date));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), numeric in "[0-9/.-]{0,12}") {
            for text in [text, numeric] {
                let _ = parse_date(&text);
                let _ = parse_date_lenient(&text);
            }
        }
    }
}
