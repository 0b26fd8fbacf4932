//! People in the database: the same on both databases.
#![allow(clippy::unwrap_used)] // Helpers of tests fail the test when what they need is not there.

mod support;

use std::cmp::Ordering;

use crm_domain::{
    Person, PersonField, PersonId, UserId, Version,
    access::{Ownership, Reach, Read, Update},
    query::{Direction, FieldSet, Filter, Kind, ListQuery, Operator, Page, Sort, Test, Total, Value},
    values::{CountryCode, EmailAddress, LanguageCode, Line, PhoneNumber, Tags, Text, WebAddress, fold, parse_date},
};
use crm_persistence::{
    StoreError, Transaction,
    people::{self, MatchKeys},
};
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use support::{
    ANN, BOB, EVE, NORTH, SOUTH, actor, all, at, grant, name, on_each_database, person, rehearse, variants, write,
};

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn tags(words: &[&str]) -> Tags {
    serde_json::from_value(serde_json::json!(words)).unwrap()
}

fn full(number: u128) -> Person {
    let mut one = person(number, "O'Neil-Müller");
    one.first_name = Some(name("Zoë"));
    one.email = Some(email("Zoe.ONeil@example.com"));
    one.personal_email = Some(email("zoe@example.org"));
    one.phone = Some(PhoneNumber::parse("+33123456789", None).unwrap());
    one.mobile = Some(PhoneNumber::parse("+33612345678", None).unwrap());
    one.job_title = Some(Line::parse("Head of Sales").unwrap());
    one.country_code = Some(CountryCode::parse("FR").unwrap());
    one.language = Some(LanguageCode::parse("fr").unwrap());
    one.linkedin_url = Some(WebAddress::parse("https://www.linkedin.com/in/example").unwrap());
    one.tags = tags(&["vip", "été"]);
    one.is_active = false;
    one.consent = true;
    one.consent_date = Some(parse_date("2026-02-28").unwrap());
    one.notes = Some(Text::parse("two\nlines").unwrap());
    one.stamps.owner_id = Some(ANN);
    one.stamps.team_id = Some(NORTH);
    one.stamps.created_by = Some(BOB);
    one.stamps.updated_by = Some(EVE);
    one.stamps.updated_at = at(7);
    one
}

fn insert(tx: &mut crm_persistence::WriteTx, people: &[Person]) -> Result<(), StoreError> {
    people::insert_many(tx, &all::<crm_domain::access::Import, Person>(), people)
}

fn find(tx: &mut impl Transaction, id: PersonId) -> Result<Person, StoreError> {
    people::find(tx, &all::<Read, Person>(), id)
}

#[test]
fn a_person_is_read_as_it_was_written() {
    on_each_database(|database| {
        let (full, bare) = (full(1), person(2, "Ng"));
        write(database, |tx| {
            people::insert(tx, &all(), &full)?;
            people::insert(tx, &all(), &bare)
        })
        .unwrap();
        assert_eq!(database.read(|tx| find(tx, full.id)).unwrap(), full);
        assert_eq!(database.read(|tx| find(tx, bare.id)).unwrap(), bare);

        // A save writes every field, the empty ones included.
        let mut emptied = Person { id: full.id, ..bare.clone() };
        emptied.stamps.version = full.stamps.version.next();
        let update = all::<Update, Person>();
        write(database, |tx| people::save(tx, &update, full.stamps.version, &emptied)).unwrap();
        assert_eq!(database.read(|tx| find(tx, full.id)).unwrap(), emptied);
    });
}

#[test]
fn a_grant_reaches_the_records_that_its_scope_admits_and_no_others() {
    let owners = [None, Some(ANN), Some(BOB), Some(EVE)];
    let teams = [None, Some(NORTH), Some(SOUTH)];
    let mut people = Vec::new();
    for (owner, team, creator, deleted) in combined(&owners, &teams) {
        let mut one = person(people.len() as u128 + 1, "Ng");
        (one.stamps.owner_id, one.stamps.team_id, one.stamps.created_by) = (owner, team, creator);
        one.stamps.deleted_at = deleted.then(|| at(1));
        people.push(one);
    }
    on_each_database(|database| {
        write(database, |tx| insert(tx, &people)).unwrap();
        for (reach, team) in
            [(Reach::Own, Some(NORTH)), (Reach::Team, Some(NORTH)), (Reach::Team, None), (Reach::All, None)]
        {
            let ann = actor(ANN, team, reach);
            let (read, update) = (grant::<Read, Person>(&ann), grant::<Update, Person>(&ann));
            let admits = |one: &Person| read.scope().admits(&Ownership::from(&one.stamps));
            let ids: Vec<PersonId> = people.iter().map(|one| one.id).collect();
            let mut wanted: Vec<PersonId> =
                people.iter().filter(|one| admits(one) && !one.stamps.is_deleted()).map(|one| one.id).collect();
            wanted.sort();
            let sorted = |found: Vec<Person>| {
                let mut ids: Vec<PersonId> = found.iter().map(|one| one.id).collect();
                ids.sort();
                ids
            };
            let query = ListQuery { limit: 200, total: Total::Exact, ..ListQuery::default() };
            let listed = database.read(|tx| people::list(tx, &read, &query)).unwrap();
            assert_eq!(listed.total, i64::try_from(wanted.len()).ok());
            assert_eq!(sorted(listed.items), wanted);
            assert_eq!(sorted(database.read(|tx| people::find_many(tx, &read, &ids)).unwrap()), wanted);
            for one in &people {
                let live = admits(one) && !one.stamps.is_deleted();
                let deleted = admits(one) && one.stamps.is_deleted();
                assert_eq!(database.read(|tx| people::find(tx, &read, one.id)).is_ok(), live);
                assert_eq!(database.read(|tx| people::find_deleted(tx, &read, one.id)).is_ok(), deleted);
                let mut next = one.clone();
                next.stamps.version = one.stamps.version.next();
                let saved = rehearse(database, |tx| people::save(tx, &update, one.stamps.version, &next));
                assert_eq!(saved.is_ok(), admits(one), "{:?} {reach:?}", one.stamps);
                assert!(saved.is_ok() || matches!(saved, Err(StoreError::NotFound)));
            }
        }
    });
}

type Ownerships = Vec<(Option<UserId>, Option<crm_domain::TeamId>, Option<UserId>, bool)>;

fn combined(owners: &[Option<UserId>], teams: &[Option<crm_domain::TeamId>]) -> Ownerships {
    let mut all = Vec::new();
    for owner in owners {
        for team in teams {
            for creator in owners {
                all.extend([false, true].map(|deleted| (*owner, *team, *creator, deleted)));
            }
        }
    }
    all
}

#[test]
fn one_live_person_has_an_email_address_whatever_its_case() {
    on_each_database(|database| {
        let (mut first, mut second) = (person(1, "A"), person(2, "B"));
        (first.email, second.email) = (Some(email("Ann@example.com")), Some(email("ann@EXAMPLE.com")));
        let taken = |result| matches!(result, Err(StoreError::Conflict { field: "email" }));
        write(database, |tx| insert(tx, std::slice::from_ref(&first))).unwrap();
        assert!(taken(write(database, |tx| insert(tx, std::slice::from_ref(&second)))));
        // Two without an address are no conflict.
        let without = [person(3, "C"), person(4, "D")];
        write(database, |tx| insert(tx, &without)).unwrap();

        // A deleted one gives its address free, and cannot come back while it is taken.
        let update = all::<Update, Person>();
        let live = first.stamps.version;
        first.stamps = first.stamps.touched(None, at(1));
        first.stamps.deleted_at = Some(at(1));
        write(database, |tx| people::save(tx, &update, live, &first)).unwrap();
        write(database, |tx| insert(tx, std::slice::from_ref(&second))).unwrap();
        let deleted = first.stamps.version;
        first.stamps = first.stamps.touched(None, at(2));
        first.stamps.deleted_at = None;
        assert!(taken(write(database, |tx| people::save(tx, &update, deleted, &first))));
        // The refused save has left nothing behind.
        assert_eq!(database.read(|tx| people::find_deleted(tx, &update, first.id)).unwrap().stamps.version, deleted);
    });
}

#[test]
fn a_save_over_another_version_than_the_present_one_is_stale() {
    on_each_database(|database| {
        let one = person(1, "A");
        write(database, |tx| insert(tx, std::slice::from_ref(&one))).unwrap();
        let update = all::<Update, Person>();
        let mut next = one.clone();
        next.last_name = name("B");
        next.stamps = one.stamps.touched(None, at(1));
        write(database, |tx| people::save(tx, &update, Version::FIRST, &next)).unwrap();
        let again = write(database, |tx| people::save(tx, &update, Version::FIRST, &next));
        assert!(matches!(again, Err(StoreError::Stale { current }) if current == Version::FIRST.next()), "{again:?}");
        let missing = Person { id: PersonId::from_u128(77), ..next.clone() };
        let missing = write(database, |tx| people::save(tx, &update, Version::FIRST, &missing));
        assert!(matches!(missing, Err(StoreError::NotFound)), "{missing:?}");
        assert_eq!(database.read(|tx| find(tx, one.id)).unwrap(), next);
    });
}

#[test]
fn a_person_cannot_belong_to_nobody_known() {
    on_each_database(|database| {
        let mut one = person(1, "A");
        one.stamps.owner_id = Some(UserId::from_u128(0xdead));
        let refused = write(database, |tx| insert(tx, std::slice::from_ref(&one)));
        assert!(matches!(refused, Err(StoreError::Reference { .. })), "{refused:?}");
    });
}

#[test]
fn an_import_recognises_people_by_address_or_by_full_name() {
    on_each_database(|database| {
        let (mut by_both, mut by_name, mut gone) = (person(1, "Müller"), person(2, "MULLER"), person(3, "Muller"));
        by_both.first_name = Some(name("Zoë"));
        by_both.email = Some(email("Z@example.com"));
        by_name.first_name = Some(name("ZOE"));
        gone.first_name = by_name.first_name.clone();
        gone.stamps.deleted_at = Some(at(1));
        let other = person(4, "Zoe");
        write(database, |tx| insert(tx, &[by_both.clone(), by_name.clone(), gone.clone(), other.clone()])).unwrap();
        let matching = |emails: &[&str], names: &[&str]| {
            let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
            let keys = MatchKeys { emails: words(emails), names: words(names) };
            let found = database.read(|tx| people::matching(tx, &all(), &keys)).unwrap();
            found.iter().map(|one| one.id.uuid().as_u128()).collect::<Vec<_>>()
        };
        assert_eq!(matching(&[], &[]), [] as [u128; 0]);
        assert_eq!(matching(&["z@example.com"], &[]), [1]);
        assert_eq!(matching(&["z@example.com", "x@example.com"], &["zoe muller", "nobody"]), [1, 2]);
        assert_eq!(matching(&[], &["muller"]), [] as [u128; 0]);
    });
}

/// People out of few values, so that many are equal in many fields.
fn some_people() -> impl Strategy<Value = Vec<Person>> {
    let names = || select(vec!["a", "B", "é", "Éa", "ab", "z z", "-", "東", "ß", "Œ"]);
    let country = proptest::option::of(select(vec!["CH", "DE", "FR"]));
    let one = (proptest::option::of(names()), names(), any::<bool>(), country, 0_i64..3, 0_i64..3, any::<u16>());
    proptest::collection::vec(one, 0..40).prop_map(|rows| {
        let made = rows.into_iter().enumerate().map(|(at_row, row)| {
            let (first_name, last_name, has_email, country, created, updated, random) = row;
            // The ids are not in the order of the rows.
            let mut one = person((u128::from(random) << 64) + at_row as u128 + 1, last_name);
            one.first_name = first_name.map(name);
            // Upper and lower case order differently where they are not folded.
            let letter = if random % 2 == 0 { 'a' } else { 'B' };
            one.email = has_email.then(|| EmailAddress::parse(&format!("{letter}{at_row}@example.com")).unwrap());
            one.country_code = country.map(|code| CountryCode::parse(code).unwrap());
            one.last_activity_at = (random % 3 > 0).then(|| at(i64::from(random % 5)));
            (one.stamps.created_at, one.stamps.updated_at) = (at(created), at(updated));
            one
        });
        made.collect()
    })
}

fn some_order() -> impl Strategy<Value = Vec<Sort<PersonField>>> {
    let sortable: Vec<PersonField> =
        variants::<PersonField>().iter().copied().filter(|field| field.is_sortable()).collect();
    let fields = proptest::sample::subsequence(sortable, 1..=3).prop_shuffle();
    (fields, any::<[bool; 3]>()).prop_map(|(fields, ascending)| {
        let direction = |up| if up { Direction::Ascending } else { Direction::Descending };
        fields.into_iter().zip(ascending).map(|(field, up)| Sort { field, direction: direction(up) }).collect()
    })
}

/// Text as one sorts by it, and a number for everything else.
fn sort_key(one: &Person, field: PersonField) -> Option<(String, i64)> {
    let text = |text: String| Some((text, 0));
    match field {
        PersonField::FirstName => one.first_name.as_ref().and_then(|name| text(fold(name.as_str()))),
        PersonField::LastName => text(fold(one.last_name.as_str())),
        PersonField::Email => one.email.as_ref().and_then(|email| text(email.as_str().to_lowercase())),
        PersonField::CountryCode => one.country_code.and_then(|code| text(code.to_string())),
        PersonField::LastActivityAt => one.last_activity_at.map(|time| (String::new(), time.micros())),
        PersonField::CreatedAt => Some((String::new(), one.stamps.created_at.micros())),
        PersonField::UpdatedAt => Some((String::new(), one.stamps.updated_at.micros())),
        other => panic!("{other:?} has become sortable"),
    }
}

fn in_order(one: &Person, other: &Person, sort: &[Sort<PersonField>]) -> Ordering {
    let directed = |ordering: Ordering, direction| match direction {
        Direction::Ascending => ordering,
        Direction::Descending => ordering.reverse(),
    };
    for key in sort {
        let ordering = match (sort_key(one, key.field), sort_key(other, key.field)) {
            (Some(one), Some(other)) => directed(one.cmp(&other), key.direction),
            // Empty values come last, whatever the direction.
            (one, other) => one.is_none().cmp(&other.is_none()),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    directed(one.id.cmp(&other.id), sort.last().unwrap().direction)
}

fn walk(
    tx: &mut impl Transaction,
    sort: &[Sort<PersonField>],
    limit: u32,
    most: usize,
) -> Result<Vec<Page<Person>>, StoreError> {
    let text: Vec<String> = sort
        .iter()
        .map(|sort| {
            format!("{}{}", if sort.direction == Direction::Descending { "-" } else { "" }, sort.field.as_ref())
        })
        .collect();
    let (text, limit) = (text.join(","), limit.to_string());
    let mut pages: Vec<Page<Person>> = Vec::new();
    loop {
        let cursor = pages.last().map(|page| page.next_cursor.clone().unwrap_or_default());
        let mut pairs = vec![("sort", text.as_str()), ("limit", limit.as_str()), ("total", "exact")];
        pairs.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        // The cursor goes the way that it goes in a request.
        let query = ListQuery::parse(pairs).expect("a cursor that was handed out is one");
        let page = people::list(tx, &all::<Read, Person>(), &query)?;
        let last = page.next_cursor.is_none();
        pages.push(page);
        if last || pages.len() > most {
            return Ok(pages);
        }
    }
}

#[test]
fn pages_show_each_record_once_in_the_order_asked_for() {
    on_each_database(|database| {
        let input = (some_people(), some_order(), 1_u32..9);
        let config = ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() };
        let walked = TestRunner::new(config).run(&input, |(people, sort, limit)| {
            let pages = rehearse(database, |tx| {
                insert(tx, &people)?;
                walk(tx, &sort, limit, people.len() + 1)
            });
            let pages = pages.unwrap();
            let mut wanted = people.clone();
            wanted.sort_by(|one, other| in_order(one, other, &sort));
            for page in &pages {
                prop_assert_eq!(page.total, i64::try_from(people.len()).ok());
                prop_assert!(page.items.len() == limit as usize || page.next_cursor.is_none());
            }
            let ids = |people: Vec<Person>| people.into_iter().map(|one| one.id).collect::<Vec<_>>();
            prop_assert_eq!(ids(pages.into_iter().flat_map(|page| page.items).collect()), ids(wanted));
            Ok(())
        });
        walked.unwrap();
    });
}

/// Forty people, each field of each one empty now and then.
fn many() -> Vec<Person> {
    let pick = |number: u128, prime: u128, texts: &[&str]| -> Option<String> {
        let at = usize::try_from(number * prime % (texts.len() as u128 + 1)).unwrap();
        texts.get(at).map(|text| (*text).to_owned())
    };
    let made = (1..=40_u128).map(|number| {
        let mut one =
            person(number, &pick(number, 3, &["Müller", "muller", "O'Neil", "ab c"]).unwrap_or("Ng".to_owned()));
        one.first_name = pick(number, 7, &["Zoë", "ZOE Ann", "Jean-Pierre", "Æ"]).map(|text| name(&text));
        one.email = (number % 3 > 0).then(|| EmailAddress::parse(&format!("P{number}@example.com")).unwrap());
        one.personal_email = pick(number, 11, &["p@example.org", "P@example.org"]).map(|text| email(&text));
        one.phone =
            pick(number, 5, &["+33123456789", "+41446681800"]).map(|text| PhoneNumber::parse(&text, None).unwrap());
        one.mobile =
            pick(number, 9, &["+33612345678", "+41791234567"]).map(|text| PhoneNumber::parse(&text, None).unwrap());
        one.job_title = pick(number, 7, &["CEO", "ceo", "Head of Sales"]).map(|text| Line::parse(&text).unwrap());
        one.country_code = pick(number, 3, &["CH", "FR"]).map(|text| CountryCode::parse(&text).unwrap());
        one.language = pick(number, 5, &["de", "fr"]).map(|text| LanguageCode::parse(&text).unwrap());
        one.tags = match number % 4 {
            0 => tags(&[]),
            1 => tags(&["vip"]),
            2 => tags(&["vip", "Été"]),
            _ => tags(&["a \"b\" %", "vi"]),
        };
        (one.is_active, one.consent) = (number % 2 == 0, number % 5 == 0);
        one.consent_date =
            pick(number, 3, &["2025-12-31", "2026-01-01", "2026-02-01"]).map(|text| parse_date(&text).unwrap());
        one.stamps.owner_id = [None, Some(ANN), Some(BOB)][usize::try_from(number % 3).unwrap()];
        one.stamps.team_id = [None, Some(NORTH), Some(SOUTH)][usize::try_from(number * 2 % 3).unwrap()];
        one.stamps.created_by = [None, Some(EVE)][usize::try_from(number % 2).unwrap()];
        one.stamps.updated_by = [Some(ANN), None][usize::try_from(number % 2).unwrap()];
        let seconds = i64::try_from(number % 7).unwrap();
        one.last_activity_at = (number % 3 > 0).then(|| at(seconds * 3));
        (one.stamps.created_at, one.stamps.updated_at) = (at(seconds), at(seconds * 2));
        one
    });
    made.collect()
}

/// What a field holds: as the API shows it.
fn shown(one: &Person, field: PersonField) -> serde_json::Value {
    serde_json::to_value(one).unwrap()[field.as_ref()].clone()
}

/// Whether a record fits a condition, by the words of the API guide alone.
fn fits(one: &Person, field: PersonField, operator: Operator, text: &str) -> bool {
    let shown = shown(one, field);
    let own = match &shown {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let normal = |text: &str| if field == PersonField::Email { text.to_lowercase() } else { text.to_owned() };
    let own = own.map(|own| normal(&own));
    let equal = |text: &str| own.as_deref() == Some(normal(text).as_str());
    // Dates, and times in one form, are in the order of their texts.
    let compare = |wanted: fn(Ordering) -> bool| own.as_deref().is_some_and(|own| wanted(own.cmp(text)));
    let words = || shown.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned());
    match operator {
        Operator::Eq => equal(text),
        Operator::Ne => !equal(text),
        Operator::In => text.split(',').any(equal),
        Operator::Gt => compare(Ordering::is_gt),
        Operator::Gte => compare(Ordering::is_ge),
        Operator::Lt => compare(Ordering::is_lt),
        Operator::Lte => compare(Ordering::is_le),
        Operator::Contains => own.is_some_and(|own| fold(&own).contains(&fold(text))),
        Operator::StartsWith => own.is_some_and(|own| fold(&own).starts_with(&fold(text))),
        Operator::Any => text.split(',').any(|wanted| words().any(|word| word == wanted)),
        Operator::Is => {
            let empty = shown.as_array().map_or(own.is_none(), Vec::is_empty);
            if text == "null" { empty } else { !empty }
        }
    }
}

/// What each operator of a field is tried with: what is there, what is not, several, and parts.
fn tried(people: &[Person], field: PersonField, operator: Operator) -> Vec<String> {
    let mut there: Vec<String> = people
        .iter()
        .filter_map(|one| match shown(one, field) {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text),
            serde_json::Value::Array(words) => words.first().map(|word| word.as_str().unwrap().to_owned()),
            other => Some(other.to_string()),
        })
        .collect();
    there.sort();
    there.dedup();
    let absent = match field.kind() {
        Kind::Id => "00000000-0000-0000-0000-00000000ffff",
        Kind::Choice(names) => names()[0],
        Kind::Date => "2026-01-15",
        Kind::Time => "2026-01-01T00:00:03.500000Z",
        Kind::Boolean => "true",
        _ => "Nobody%_",
    };
    match operator {
        Operator::Is => vec!["null".to_owned(), "not_null".to_owned()],
        Operator::In | Operator::Any => {
            let two = there.iter().take(2).map(String::as_str).chain([absent]).collect::<Vec<_>>().join(",");
            vec![two, there[0].clone(), absent.to_owned()]
        }
        Operator::Contains | Operator::StartsWith => {
            ["z", "zo", "ZOË", "ann", "oe ann", "n p", "ull", "Mü", "neil", "o n", "b c", "ae", "x"]
                .map(str::to_owned)
                .to_vec()
        }
        _ => {
            let other_case = there[0].to_lowercase();
            let other_case = (matches!(field.kind(), Kind::Text | Kind::Folded)).then_some(other_case);
            there.into_iter().take(6).chain(other_case).chain([absent.to_owned()]).collect()
        }
    }
}

#[test]
fn every_operator_of_every_field_finds_what_fits_and_nothing_else() {
    let people = many();
    on_each_database(|database| {
        write(database, |tx| insert(tx, &people)).unwrap();
        for field in variants::<PersonField>() {
            for operator in field.kind().operators() {
                for text in tried(&people, *field, *operator) {
                    let parameter = format!("{}.{}", field.as_ref(), operator.as_ref());
                    let filter = Filter::parse(&parameter, &text).unwrap().unwrap();
                    let query = ListQuery { filters: vec![filter], limit: 200, ..ListQuery::default() };
                    let found = database.read(|tx| people::list(tx, &all::<Read, Person>(), &query)).unwrap();
                    let mut found: Vec<PersonId> = found.items.iter().map(|one| one.id).collect();
                    found.sort();
                    let wanted: Vec<PersonId> =
                        people.iter().filter(|one| fits(one, *field, *operator, &text)).map(|one| one.id).collect();
                    assert_eq!(found, wanted, "{parameter}={text}");
                }
            }
        }
    });
}

#[test]
fn conditions_and_words_of_a_search_must_all_hold() {
    let people = many();
    on_each_database(|database| {
        write(database, |tx| insert(tx, &people)).unwrap();
        let filters = vec![
            Filter { field: PersonField::IsActive, test: Test::Equal(Value::Boolean(true)) },
            Filter { field: PersonField::Tags, test: Test::AnyOf(vec!["Été".to_owned()]) },
        ];
        let words = vec!["mull".to_owned(), "zo".to_owned()];
        let query = ListQuery { filters, words, limit: 200, total: Total::Estimated, ..ListQuery::default() };
        let found = database.read(|tx| people::list(tx, &all::<Read, Person>(), &query)).unwrap();
        let wanted = people.iter().filter(|one| {
            let names = fold(&one.full_name());
            one.is_active && one.tags == tags(&["vip", "Été"]) && names.contains("mull") && names.contains("zo")
        });
        let wanted = wanted.count();
        assert!(wanted > 0);
        assert_eq!((found.items.len(), found.total), (wanted, i64::try_from(wanted).ok()));
    });
}
