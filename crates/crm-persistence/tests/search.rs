//! The search over everything: the same on both databases.
#![allow(clippy::unwrap_used)] // Helpers of tests fail the test when what they need is not there.

mod support;

use crm_domain::{
    Organisation, Person, SearchHit, SearchType,
    access::{Grant, Import, Reach, Read},
    query::Page,
    values::{CountryCode, EmailAddress, Line, fold, search_words},
};
use crm_persistence::{
    Database, StoreError, Transaction, organisations, people,
    search::{Searched, search},
};
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use support::{ANN, BOB, actor, all, at, grant, name, on_each_database, organisation, person, rehearse, write};

/// All that there is.
fn everything() -> Searched {
    Searched::default()
        .and(SearchType::Organisations, &all::<Read, Organisation>())
        .and(SearchType::People, &all::<Read, Person>())
}

fn pages(tx: &mut impl Transaction, query: &str, limit: u32) -> Result<Vec<Page<SearchHit>>, StoreError> {
    pages_of(tx, &everything(), query, limit)
}

fn pages_of(
    tx: &mut impl Transaction,
    searched: &Searched,
    query: &str,
    limit: u32,
) -> Result<Vec<Page<SearchHit>>, StoreError> {
    let words = search_words(query);
    let mut pages: Vec<Page<SearchHit>> = Vec::new();
    loop {
        let after = pages.last().and_then(|page| page.next_cursor.clone());
        let page = search(tx, searched.clone(), &words, limit, after.as_deref())?;
        let last = page.next_cursor.is_none();
        pages.push(page);
        if last || pages.len() > 200 {
            return Ok(pages);
        }
    }
}

fn titles(database: &Database, query: &str) -> Vec<String> {
    let pages = database.read(|tx| pages(tx, query, 100)).unwrap();
    let hits = pages.into_iter().flat_map(|page| page.items);
    hits.map(|hit| format!("{} {}", hit.rank, hit.title)).collect()
}

fn insert(database: &Database, organisations: &[Organisation], people: &[Person]) {
    write(database, |tx| {
        organisations::insert_many(tx, &all::<Import, _>(), organisations)?;
        people::insert_many(tx, &all::<Import, _>(), people)
    })
    .unwrap();
}

fn in_city(number: u128, called: &str, city: &str) -> Organisation {
    Organisation { city: Some(Line::parse(city).unwrap()), ..organisation(number, called) }
}

fn full(number: u128, first_name: &str, last_name: &str) -> Person {
    Person { first_name: Some(name(first_name)), ..person(number, last_name) }
}

#[test]
fn the_name_that_begins_with_the_query_comes_first() {
    on_each_database(|database| {
        let organisations = [
            in_city(1, "Été Gestion", "Paris"),
            in_city(2, "Gestion d'Été", "Lyon"),
            in_city(3, "Autre", "Été-sur-Mer"),
            in_city(4, "Société", "Nice"),
            in_city(5, "Sans", "Genève"),
        ];
        let mut people =
            [full(1, "Anne", "Éteignoir"), full(2, "Etel", "Müller"), full(3, "Zoë", "Meter"), person(4, "Straße")];
        people[3].email = Some(EmailAddress::parse("ete@example.com").unwrap());
        insert(database, &organisations, &people);
        // In the first rank each stands under the name that fits: the person of the second line under the last name. Words
        // of three letters and more are found anywhere.
        let wanted = [
            "1 Été Gestion",
            "1 Anne Éteignoir",
            "1 Etel Müller",
            "2 Gestion d'Été",
            "3 Autre",
            "3 Société",
            "3 Straße",
            "3 Zoë Meter",
        ];
        assert_eq!(titles(database, "ÉTÉ"), wanted);
        assert_eq!(titles(database, "ete"), wanted);
        assert_eq!(titles(database, "mu"), ["1 Etel Müller"]);
        assert_eq!(titles(database, "ll"), [""; 0]);
        assert_eq!(titles(database, "lle"), ["3 Etel Müller"]);
        assert_eq!(titles(database, "strasse"), ["1 Straße"]);
        assert_eq!(titles(database, "gestion ete"), ["2 Été Gestion", "2 Gestion d'Été"]);
        assert_eq!(titles(database, "anne ete"), ["1 Anne Éteignoir"]);
        assert_eq!(titles(database, "eteignoir anne"), ["2 Anne Éteignoir"]);
        assert_eq!(titles(database, "geneve"), ["3 Sans"]);
        assert_eq!(titles(database, "ete nowhere"), [""; 0]);
        assert_eq!(titles(database, "%"), [""; 0]);
    });
}

#[test]
fn a_hit_says_what_tells_it_from_its_namesakes() {
    on_each_database(|database| {
        let organisations = [
            Organisation { country_code: Some(CountryCode::parse("FR").unwrap()), ..in_city(1, "Ab 1", "Lyon") },
            in_city(2, "Ab 2", "Nice"),
            Organisation { country_code: Some(CountryCode::parse("CH").unwrap()), ..organisation(3, "Ab 3") },
            organisation(4, "Ab 4"),
        ];
        let mut people = [person(5, "Ab 5"), person(6, "Ab 6"), full(7, "Ab", "7")];
        people[0].job_title = Some(Line::parse("CEO").unwrap());
        people[0].email = Some(EmailAddress::parse("5@example.com").unwrap());
        people[1].email = Some(EmailAddress::parse("6@example.com").unwrap());
        insert(database, &organisations, &people);
        let page = database.read(|tx| pages(tx, "AB", 100)).unwrap().remove(0);
        let shown: Vec<_> = page.items.iter().map(|hit| (hit.title.as_str(), hit.subtitle.as_deref())).collect();
        let wanted = [
            ("Ab 1", Some("Lyon, FR")),
            ("Ab 2", Some("Nice")),
            ("Ab 3", Some("CH")),
            ("Ab 4", None),
            ("Ab 5", Some("CEO")),
            ("Ab 6", Some("6@example.com")),
            ("Ab 7", None),
        ];
        assert_eq!(shown, wanted);
        let kinds = [SearchType::Organisations; 4].into_iter().chain([SearchType::People; 3]);
        assert!(page.items.iter().map(|hit| hit.kind).eq(kinds));
        assert!(page.items.iter().map(|hit| hit.id.as_u128()).eq(1..=7));
    });
}

type MayRead<'a, R> = Option<&'a Grant<Read, R>>;

#[test]
fn only_live_records_in_the_scope_of_the_grants_are_found() {
    on_each_database(|database| {
        let (mut mine, mut theirs, mut gone) = (organisation(1, "Ab"), organisation(2, "Ab"), organisation(3, "Ab"));
        mine.stamps.owner_id = Some(ANN);
        theirs.stamps.owner_id = Some(BOB);
        gone.stamps.owner_id = Some(ANN);
        gone.stamps.deleted_at = Some(at(1));
        let (mut my_person, mut unowned) = (person(4, "Ab"), full(5, "Ab", "Cd"));
        my_person.stamps.owner_id = Some(ANN);
        unowned.stamps.created_by = Some(ANN);
        insert(database, &[mine, theirs, gone], &[my_person, unowned]);
        let ann = actor(ANN, None, Reach::Own);
        let (own_organisations, own_people) = (grant::<Read, Organisation>(&ann), grant::<Read, Person>(&ann));
        let (all_organisations, all_people) = (all::<Read, Organisation>(), all::<Read, Person>());
        let words = search_words("ab");
        let found = |organisations: MayRead<Organisation>, people: MayRead<Person>| {
            let searched = organisations
                .map_or_else(Searched::default, |grant| Searched::default().and(SearchType::Organisations, grant));
            let searched =
                people.map_or_else(|| searched.clone(), |grant| searched.clone().and(SearchType::People, grant));
            let page = database.read(|tx| search(tx, searched, &words, 100, None)).unwrap();
            page.items.iter().map(|hit| hit.id.as_u128()).collect::<Vec<_>>()
        };
        assert_eq!(found(Some(&own_organisations), Some(&own_people)), [1, 4]);
        assert_eq!(found(Some(&all_organisations), Some(&own_people)), [1, 2, 4]);
        assert_eq!(found(None, Some(&all_people)), [4, 5]);
        assert_eq!(found(Some(&all_organisations), None), [1, 2]);
        assert_eq!(found(None, None), [] as [u128; 0]);
    });
}

#[test]
fn a_cursor_of_another_search_is_invalid() {
    on_each_database(|database| {
        insert(database, &[organisation(1, "Ab"), organisation(2, "Ab")], &[]);
        let pages = database.read(|tx| pages(tx, "ab", 1)).unwrap();
        let cursor = pages[0].next_cursor.clone().unwrap();
        let again = |query: &str, cursor: &str| {
            let words = search_words(query);
            database.read(|tx| {
                search(
                    tx,
                    Searched::default().and(SearchType::Organisations, &all::<Read, Organisation>()),
                    &words,
                    1,
                    Some(cursor),
                )
            })
        };
        assert_eq!(again("AB", &cursor).unwrap().items, pages[1].items);
        for (query, cursor) in [("abc", cursor.as_str()), ("ab", "x")] {
            let page = again(query, cursor);
            let Err(StoreError::Invalid(invalid)) = page else { panic!("{page:?}") };
            assert_eq!((invalid.errors[0].pointer.as_str(), invalid.errors[0].code), ("cursor", "cursor"));
        }
    });
}

/// Where a record stands, by the words of the guide alone: its rank, and the name that it stands under.
fn ranked(words: &[String], search_text: &str, names: &[String], name: &str) -> Option<(u8, String)> {
    let found = |word: &String| {
        let part = if word.chars().count() < 3 { format!(" {word}") } else { word.clone() };
        search_text.contains(&part)
    };
    if !words.iter().all(found) {
        return None;
    }
    let begins = names.iter().find(|name| name.starts_with(&words.join(" ")));
    let a_word_begins = name.split(' ').any(|word| word.starts_with(&words[0]));
    Some(match begins {
        Some(name) => (1, name.clone()),
        None if a_word_begins => (2, name.to_owned()),
        None => (3, name.to_owned()),
    })
}

/// The list by the words of the guide alone, where so many of a kind are ranked.
fn expected(
    organisations: &[Organisation],
    people: &[Person],
    query: &str,
    most: usize,
) -> Vec<(u8, SearchType, u128)> {
    let words = search_words(query);
    let mut hits = Vec::new();
    for one in organisations {
        let name = fold(one.name.as_str());
        let place = ranked(&words, &one.search_text(), std::slice::from_ref(&name), &name);
        hits.extend(place.map(|(rank, name)| (rank, name, SearchType::Organisations, one.id.uuid().as_u128())));
    }
    for one in people {
        let (last, name) = (fold(one.last_name.as_str()), fold(&one.full_name()));
        let place = ranked(&words, &one.search_text(), &[last, name.clone()], &name);
        hits.extend(place.map(|(rank, name)| (rank, name, SearchType::People, one.id.uuid().as_u128())));
    }
    let of_kind = |kind: SearchType| hits.iter().filter(|(_, _, of, _)| *of == kind).count();
    let crowded: Vec<SearchType> =
        [SearchType::Organisations, SearchType::People].into_iter().filter(|kind| of_kind(*kind) > most).collect();
    let (mut last, mut ranked): (Vec<_>, Vec<_>) =
        hits.into_iter().partition(|(rank, _, kind, _)| *rank > 1 && crowded.contains(kind));
    ranked.sort();
    last.sort_by_key(|(_, _, kind, id)| (std::cmp::Reverse(*id), *kind));
    ranked.into_iter().chain(last).map(|(rank, _, kind, id)| (rank, kind, id)).collect()
}

fn some_text() -> impl Strategy<Value = String> {
    let word =
        || select(vec!["a", "An", "Ann", "anna", "é", "Été", "etel", "Müller", "mul", "-", "O'Neil", "Œuf", "東京"]);
    proptest::collection::vec(word(), 1..4).prop_map(|words| words.join(" "))
}

#[test]
fn pages_show_each_record_that_has_all_words_once_best_first() {
    on_each_database(|database| {
        let firms = proptest::collection::vec((some_text(), some_text(), any::<u16>()), 0..20);
        let persons = proptest::collection::vec(
            (proptest::option::of(some_text()), some_text(), some_text(), any::<u16>()),
            0..20,
        );
        // Few enough to be passed by some of the lists, and not by others.
        let input = (firms, persons, some_text(), 1_u32..7, select(vec![0_usize, 3, 1000]));
        let config = ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() };
        let walked = TestRunner::new(config).run(&input, |(firms, persons, query, limit, most)| {
            prop_assume!(!search_words(&query).is_empty());
            let id = |random: u16, at: usize| (u128::from(random) << 64) + at as u128 + 1;
            let firms: Vec<Organisation> = firms
                .iter()
                .enumerate()
                .map(|(at, (name, city, random))| in_city(id(*random, at), name, city))
                .collect();
            let persons = persons.into_iter().enumerate().map(|(at, (first, last, job, random))| {
                let mut one = person(id(random, at), &last);
                one.first_name = first.map(|text| name(&text));
                one.job_title = Some(Line::parse(&job).unwrap());
                one
            });
            let persons: Vec<Person> = persons.collect();
            let pages = rehearse(database, |tx| {
                organisations::insert_many(tx, &all::<Import, _>(), &firms)?;
                people::insert_many(tx, &all::<Import, _>(), &persons)?;
                pages_of(tx, &everything().ranking(most), &query, limit)
            });
            let pages = pages.unwrap();
            for page in &pages {
                prop_assert!(page.items.len() == limit as usize || page.next_cursor.is_none());
            }
            let hits = pages.into_iter().flat_map(|page| page.items);
            let found: Vec<_> = hits.map(|hit| (hit.rank, hit.kind, hit.id.as_u128())).collect();
            prop_assert_eq!(found, expected(&firms, &persons, &query, most), "{} of {}", query, most);
            Ok(())
        });
        walked.unwrap();
    });
}
