//! Values that records are likely to have, so that filters and searches find some.

use serde_json::{Value, json};

use super::chance::Chance;

const NAMES: [&str; 24] = [
    "Crédit Étoile",
    "credit etoile",
    "CREDIT ETOILE GESTION",
    "Zèbre & Fils",
    "zebra",
    "Ångström",
    "Angstrom Partners",
    "éclair",
    "Straße Kapital",
    "Strasse",
    "ŒUVRE Gestion",
    "İstanbul Portföy",
    "naïve-o'clock",
    "100% _pur_",
    "back\\slash \"quoted\"",
    "日本株式会社",
    "Ωmega",
    "omega",
    "a\u{301}cute",
    "ácute",
    "Fonds 📈 Global",
    "Ab",
    "<b>bold</b>",
    "Łódź Ltd.",
];
const CITIES: [&str; 8] = ["Paris", "PARIS", "Évry", "evry", "Zürich", "zurich", "Genève", "Saint-Étienne"];
const LINES: [&str; 8] = ["Directrice", "directrice", "CFO", "Chargé d'affaires", "75001", "EC1A 1BB", "A-17", "a-17"];
const TEXTS: [&str; 5] = ["Line one\nline two", "Été \"quoted\", with commas; and more", "=1+1", "x", "Ωmega 📈"];
const DATES: [&str; 7] =
    ["2024-02-29", "2025-12-31", "2026-01-01", "2026-01-31", "1970-01-01", "1969-12-31", "2099-06-15"];
const TIMES: [&str; 5] = [
    "2026-01-05T09:30:00Z",
    "2026-01-05T09:30:00.000001Z",
    "1969-12-31T23:59:59.5Z",
    "2099-06-15T12:00:00+02:00",
    "2026-01-05T10:30:00+01:00",
];
const MONEY: [&str; 9] =
    ["0.00", "0.01", "-5.25", "1250000.00", "1250000.5", "1000000", "999999999999.99", "17.3", "42.00"];
const PHONES: [&str; 5] = ["+33153434082", "+33 1 53 43 40 83", "+442071838750", "+41446681800", "+4930901820"];
const TEAMS: [&str; 2] = ["north", "south"];
const TAGS: [&str; 9] = ["vip", "VIP", "esg", "Été", "ete", "à la carte", "\"quoted\"", "a%b", "back\\slash"];

/// The words that the fields of a resource with closed lists take.
pub type Words = &'static [(&'static str, &'static [&'static str])];

/// Fields that a body of a link may have.
pub const LINK: &[&str] = &["role", "is_primary", "job_title", "work_email", "work_phone", "since", "until", "notes"];

/// A name that sorts, folds or matches in a way of its own.
pub fn name(chance: &mut Chance) -> String {
    let name = *chance.pick(&NAMES);
    if chance.percent(50) { name.to_owned() } else { format!("{name} {}", chance.below(30)) }
}

/// A value of the field with this name; one in twenty breaks its rule, and one in ten is none.
pub fn value(chance: &mut Chance, words: Words, field: &str) -> Value {
    match chance.below(40) {
        0 => json!(chance.below(1_000_000)),
        1 => json!("\u{7}"),
        2..=5 => Value::Null,
        _ => good(chance, words, field),
    }
}

/// A value that the field with this name takes.
///
/// Ids of other records are not among them: those are for whoever knows the records.
pub fn good(chance: &mut Chance, words: Words, field: &str) -> Value {
    if let Some((_, words)) = words.iter().find(|(of, _)| *of == field) {
        return json!(*chance.pick(words));
    }
    let text = |texts: &[&str], chance: &mut Chance| json!(*chance.pick(texts));
    match field {
        "name" | "first_name" | "last_name" | "title" | "subject" => json!(name(chance)),
        "email" | "personal_email" | "work_email" => {
            json!(format!("{}{}@Example.com", chance.pick(&["Jean", "jean", "zoe"]), chance.below(40)))
        }
        "phone" | "mobile" | "work_phone" => text(&PHONES, chance),
        "website" | "linkedin_url" => {
            text(&["https://example.com/été?q=1", "example.com", "HTTP://Example.COM/A"], chance)
        }
        "city" => text(&CITIES, chance),
        "address" | "postal_code" | "job_title" => text(&LINES, chance),
        "country_code" | "domicile" => text(&["FR", "LU", "DE", "CH", "GB"], chance),
        "language" => text(&["fr", "en", "de"], chance),
        "aum" | "potential_amount" => text(&MONEY, chance),
        "strategies" | "tags" => Value::Array((0..chance.below(4)).map(|_| json!(*chance.pick(&TAGS))).collect()),
        "lei" => json!(lei(chance.below(25))),
        "isin" => json!(isin(chance.below(25))),
        "registration_number" | "licence_number" | "number" => json!(format!("GP-{:02}", chance.below(30))),
        "currency" => text(&["EUR", "USD", "CHF"], chance),
        "signature_probability" => json!(chance.below(101)),
        "is_active" | "consent" | "is_primary" => json!(chance.percent(50)),
        "role" => text(&["main_contact", "technical", "other"], chance),
        "description" | "notes" | "body" | "outcome" => text(&TEXTS, chance),
        "duration_minutes" => json!(chance.below(300)),
        "recurrence" => text(&["FREQ=WEEKLY;BYDAY=MO", "freq=daily;count=3", "FREQ=MONTHLY"], chance),
        "due_at" | "occurred_at" | "completed_at" | "last_activity_at" => text(&TIMES, chance),
        "owner_id" | "assignee_id" | "created_by" | "updated_by" => json!(user(chance)),
        "participant_users" => json!([user(chance)]),
        "team_id" => json!(team(chance)),
        field if field.ends_with("date") || field.ends_with("_on") || field == "since" || field == "until" => {
            text(&DATES, chance)
        }
        field => panic!("no values for {field}"),
    }
}

fn user(chance: &mut Chance) -> crm_domain::UserId {
    crm_testkit::TestApp::user_id(chance.pick(&crm_testkit::USERS).0)
}

fn team(chance: &mut Chance) -> crm_domain::TeamId {
    let name: &&str = chance.pick(&TEAMS);
    crm_testkit::TestApp::team_id(name)
}

/// An identifier with right check digits (ISO 7064, MOD 97-10).
fn lei(number: u64) -> String {
    let body = format!("EXAMPLE0PARITY{number:04}");
    let digits = body.bytes().map(|byte| char::from(byte).to_digit(36).expect("letters and digits alone"));
    let remainder = digits.chain([0, 0]).fold(0, |sum, digit| (sum * if digit > 9 { 100 } else { 10 } + digit) % 97);
    format!("{body}{:02}", 98 - remainder)
}

/// A number with a right check digit (ISO 6166): the digits of the letters and the digits, every second one doubled.
fn isin(number: u64) -> String {
    let body = format!("FR{number:09}");
    let digits: Vec<u32> = body
        .chars()
        .flat_map(|one| one.to_digit(36).expect("a letter or a digit").to_string().into_bytes())
        .map(|one| u32::from(one - b'0'))
        .collect();
    let doubled = |(at, digit): (usize, u32)| if at % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit };
    let sum: u32 = digits.into_iter().rev().enumerate().map(doubled).sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}
