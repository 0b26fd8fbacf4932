//! Links in the database: the same on both databases.
#![allow(clippy::unwrap_used)] // Helpers of tests fail the test when what they need is not there.

mod support;

use crm_domain::{
    Link, LinkRole, Organisation, OrganisationId, Person, PersonId, Stamps, Version,
    access::{Delete, Grant, Import, Ownership, Reach, Read, Scope, Update},
    query::Page,
    values::{EmailAddress, Line, PhoneNumber, Text, fold, parse_date},
};
use crm_persistence::{Database, StoreError, links, organisations, people};
use support::{
    ANN, BOB, EVE, NORTH, actor, all, at, grant, link, name, on_each_database, organisation, person, rehearse, write,
};

fn insert(
    database: &Database,
    organisations: &[Organisation],
    people: &[Person],
    links: &[Link],
) -> Result<(), StoreError> {
    write(database, |tx| {
        organisations::insert_many(tx, &all::<Import, _>(), organisations)?;
        people::insert_many(tx, &all::<Import, _>(), people)?;
        links::insert_many(tx, &all(), links)
    })
}

fn find(database: &Database, link: &Link) -> Result<Link, StoreError> {
    let (organisations, people) = (all::<Read, Organisation>(), all());
    database.read(|tx| links::find(tx, &organisations, &people, link.organisation_id, link.person_id))
}

fn of_organisation(database: &Database, id: OrganisationId, limit: u32, after: Option<&str>) -> Page<(Link, Person)> {
    let (organisations, people) = (all::<Read, Organisation>(), all());
    database.read(|tx| links::of_organisation(tx, &organisations, &people, id, limit, after)).unwrap()
}

fn of_person(database: &Database, id: PersonId, limit: u32, after: Option<&str>) -> Page<(Link, Organisation)> {
    let (organisations, people) = (all::<Read, Organisation>(), all());
    database.read(|tx| links::of_person(tx, &organisations, &people, id, limit, after)).unwrap()
}

#[test]
fn a_link_is_read_as_it_was_written() {
    on_each_database(|database| {
        let (firm, ann) = (organisation(1, "Firm"), person(1, "Ng"));
        let bare = link(1, &firm, &ann);
        let full = Link {
            role: Some(LinkRole::DecisionMaker),
            is_primary: true,
            job_title: Some(Line::parse("CEO").unwrap()),
            work_email: Some(EmailAddress::parse("Ann@example.com").unwrap()),
            work_phone: Some(PhoneNumber::parse("+33123456789", None).unwrap()),
            since: Some(parse_date("2020-01-01").unwrap()),
            until: Some(parse_date("2026-12-31").unwrap()),
            notes: Some(Text::parse("two\nlines").unwrap()),
            version: Version::FIRST.next(),
            updated_at: at(5),
            updated_by: Some(EVE),
            ..bare.clone()
        };
        insert(database, &[firm], &[ann], std::slice::from_ref(&bare)).unwrap();
        assert_eq!(find(database, &bare).unwrap(), bare);
        write(database, |tx| links::save(tx, &all(), bare.version, &full)).unwrap();
        assert_eq!(find(database, &full).unwrap(), full);
        let emptied = Link { version: full.version.next(), ..bare };
        write(database, |tx| links::save(tx, &all(), full.version, &emptied)).unwrap();
        assert_eq!(find(database, &emptied).unwrap(), emptied);
    });
}

#[test]
fn whoever_sees_both_ends_sees_a_link() {
    let owners = [None, Some(ANN), Some(BOB)];
    let (mut firms, mut people) = (Vec::new(), Vec::new());
    for (owner, team, deleted) in owners.iter().flat_map(|owner| {
        [None, Some(NORTH)].into_iter().flat_map(move |team| [false, true].map(|deleted| (*owner, team, deleted)))
    }) {
        let number = firms.len() as u128 + 1;
        let (mut firm, mut one) = (organisation(number, "Firm"), person(number, "Ng"));
        for stamps in [&mut firm.stamps, &mut one.stamps] {
            (stamps.owner_id, stamps.team_id, stamps.created_by) = (owner, team, Some(EVE));
            stamps.deleted_at = deleted.then(|| at(1));
        }
        firms.push(firm);
        people.push(one);
    }
    let pairs = firms.iter().flat_map(|firm| people.iter().map(move |one| (firm, one)));
    let all_links: Vec<Link> = (1..).zip(pairs).map(|(number, (firm, one))| link(number, firm, one)).collect();
    on_each_database(|database| {
        insert_and_delete(database, &firms, &people, &all_links);
        for (of_firms, of_people) in [
            (actor(ANN, Some(NORTH), Reach::Own), actor(ANN, Some(NORTH), Reach::All)),
            (actor(ANN, Some(NORTH), Reach::All), actor(ANN, Some(NORTH), Reach::Own)),
            (actor(ANN, Some(NORTH), Reach::Team), actor(ANN, Some(NORTH), Reach::Team)),
            (actor(EVE, None, Reach::Own), actor(ANN, None, Reach::Own)),
            (actor(ANN, None, Reach::All), actor(ANN, None, Reach::All)),
        ] {
            let (of_firms, of_people) = (grant::<Read, Organisation>(&of_firms), grant::<Read, Person>(&of_people));
            let seen = |scope: Scope, stamps: &Stamps| !stamps.is_deleted() && scope.admits(&Ownership::from(stamps));
            let firms_seen = firms.iter().filter(|firm| seen(of_firms.scope(), &firm.stamps));
            let mut wanted: Vec<_> = firms_seen
                .flat_map(|firm| people.iter().map(move |one| (firm, one)))
                .filter(|(_, one)| seen(of_people.scope(), &one.stamps))
                .map(|(firm, one)| (firm.id, one.id))
                .collect();
            wanted.sort();
            for mut way in every_way(database, &of_firms, &of_people, &firms, &people).unwrap() {
                way.sort();
                assert_eq!(way, wanted);
            }
        }
    });
}

/// Links are made between live ends; those that are to be deleted are deleted after that.
fn insert_and_delete(database: &Database, firms: &[Organisation], people: &[Person], links: &[Link]) {
    let (mut live_firms, mut live_people) = (firms.to_vec(), people.to_vec());
    for stamps in
        live_firms.iter_mut().map(|firm| &mut firm.stamps).chain(live_people.iter_mut().map(|one| &mut one.stamps))
    {
        stamps.deleted_at = None;
    }
    insert(database, &live_firms, &live_people, links).unwrap();
    write(database, |tx| {
        for firm in firms {
            organisations::save(tx, &all::<Delete, _>(), firm.stamps.version, firm)?;
        }
        people.iter().try_for_each(|one| people::save(tx, &all::<Delete, _>(), one.stamps.version, one))
    })
    .unwrap();
}

type Pairs = Vec<(OrganisationId, PersonId)>;

/// The pairs that are seen, by each function that reads links.
fn every_way(
    database: &Database,
    of_firms: &Grant<Read, Organisation>,
    of_people: &Grant<Read, Person>,
    firms: &[Organisation],
    people: &[Person],
) -> Result<[Pairs; 6], StoreError> {
    let firm_ids: Vec<OrganisationId> = firms.iter().map(|firm| firm.id).collect();
    let person_ids: Vec<PersonId> = people.iter().map(|one| one.id).collect();
    let pair = |link: &Link| (link.organisation_id, link.person_id);
    database.read(|tx| {
        let mut found: [Pairs; 3] = Default::default();
        for firm in &firm_ids {
            let page = links::of_organisation(tx, of_firms, of_people, *firm, 200, None)?;
            found[0].extend(page.items.iter().map(|(link, _)| pair(link)));
            for one in &person_ids {
                found[1].extend(links::find(tx, of_firms, of_people, *firm, *one).iter().map(pair));
            }
        }
        for one in &person_ids {
            let page = links::of_person(tx, of_firms, of_people, *one, 200, None)?;
            found[2].extend(page.items.iter().map(|(link, _)| pair(link)));
        }
        let by_firms = links::of_organisations(tx, of_firms, of_people, &firm_ids)?;
        let by_people = links::of_people(tx, of_firms, of_people, &person_ids)?;
        assert_eq!(links::of_people(tx, of_firms, of_people, &[])?.len(), 0);
        let [by_firm, by_pair, by_person] = found;
        Ok([
            by_firm,
            by_pair,
            by_person,
            links::pairs_of_people(tx, of_firms, of_people, &person_ids)?,
            by_firms.iter().map(|(link, _)| pair(link)).collect(),
            by_people.iter().map(|(link, _)| pair(link)).collect(),
        ])
    })
}

#[test]
fn whoever_may_change_the_organisation_may_change_its_links() {
    on_each_database(|database| {
        let (mut firm, ann) = (organisation(1, "Firm"), person(1, "Ng"));
        firm.stamps.owner_id = Some(ANN);
        let one = link(1, &firm, &ann);
        insert(database, std::slice::from_ref(&firm), std::slice::from_ref(&ann), &[]).unwrap();
        let (mine, others) = (actor(ANN, None, Reach::Own), actor(BOB, None, Reach::Own));
        let (mine, others) = (grant::<Update, Organisation>(&mine), grant::<Update, Organisation>(&others));
        let missing = |result| matches!(result, Err(StoreError::NotFound));
        assert!(missing(write(database, |tx| links::insert(tx, &others, &one))));
        write(database, |tx| links::insert(tx, &mine, &one)).unwrap();
        let next = Link { is_primary: true, version: one.version.next(), ..one.clone() };
        assert!(missing(write(database, |tx| links::save(tx, &others, one.version, &next))));
        assert!(missing(write(database, |tx| links::delete(tx, &others, one.id, one.version, at(1), None))));
        write(database, |tx| links::save(tx, &mine, one.version, &next)).unwrap();
        assert_eq!(find(database, &one).unwrap(), next);

        // A deleted organisation takes no links.
        let mut gone = firm.clone();
        gone.stamps = firm.stamps.touched(None, at(1));
        gone.stamps.deleted_at = Some(at(1));
        write(database, |tx| organisations::save(tx, &all::<Delete, _>(), firm.stamps.version, &gone)).unwrap();
        assert!(missing(write(database, |tx| links::insert(tx, &mine, &link(2, &firm, &ann)))));
    });
}

#[test]
fn a_write_over_another_version_than_the_present_one_is_stale() {
    on_each_database(|database| {
        let (firm, ann) = (organisation(1, "Firm"), person(1, "Ng"));
        let one = link(1, &firm, &ann);
        insert(database, &[firm], &[ann], std::slice::from_ref(&one)).unwrap();
        let next = Link { version: one.version.next(), ..one.clone() };
        write(database, |tx| links::save(tx, &all(), one.version, &next)).unwrap();
        let stale = |result| matches!(result, Err(StoreError::Stale { current }) if current == next.version);
        assert!(stale(write(database, |tx| links::save(tx, &all(), one.version, &next))));
        assert!(stale(write(database, |tx| links::delete(tx, &all(), one.id, one.version, at(1), None))));
        write(database, |tx| links::delete(tx, &all(), one.id, next.version, at(1), Some(EVE))).unwrap();
        let missing = |result| matches!(result, Err(StoreError::NotFound));
        assert!(missing(write(database, |tx| links::delete(tx, &all(), one.id, next.version, at(1), None))));
        assert!(missing(write(database, |tx| links::save(tx, &all(), next.version, &next))));
        assert!(matches!(find(database, &one), Err(StoreError::NotFound)));
    });
}

#[test]
fn a_pair_has_one_live_link_and_an_organisation_one_primary_one() {
    on_each_database(|database| {
        let (firm, ann, bob) = (organisation(1, "Firm"), person(1, "Ng"), person(2, "Oz"));
        let first = Link { is_primary: true, ..link(1, &firm, &ann) };
        insert(database, std::slice::from_ref(&firm), &[ann.clone(), bob.clone()], std::slice::from_ref(&first))
            .unwrap();
        let again = write(database, |tx| links::insert(tx, &all(), &link(2, &firm, &ann)));
        assert!(matches!(again, Err(StoreError::Conflict { field: "person_id" })), "{again:?}");
        let second = Link { is_primary: true, ..link(3, &firm, &bob) };
        let second_primary = write(database, |tx| links::insert(tx, &all(), &second));
        assert!(matches!(second_primary, Err(StoreError::Conflict { field: "is_primary" })), "{second_primary:?}");

        // After a removal the pair can be linked anew.
        write(database, |tx| links::delete(tx, &all(), first.id, first.version, at(1), None)).unwrap();
        write(database, |tx| links::insert_many(tx, &all(), &[link(4, &firm, &ann), second.clone()])).unwrap();
        assert_eq!(of_organisation(database, firm.id, 10, None).items.len(), 2);
    });
}

#[test]
fn the_primary_link_of_a_deleted_person_can_still_give_way() {
    on_each_database(|database| {
        let (firm, ann, bob) = (organisation(1, "Firm"), person(1, "Ng"), person(2, "Oz"));
        let (first, second) = (Link { is_primary: true, ..link(1, &firm, &ann) }, link(2, &firm, &bob));
        insert(database, std::slice::from_ref(&firm), &[ann.clone(), bob], &[first.clone(), second.clone()]).unwrap();
        let mut gone = ann.clone();
        gone.stamps = ann.stamps.touched(None, at(1));
        gone.stamps.deleted_at = Some(at(1));
        write(database, |tx| people::save(tx, &all::<Delete, _>(), ann.stamps.version, &gone)).unwrap();
        assert!(matches!(find(database, &first), Err(StoreError::NotFound)));
        write(database, |tx| {
            let primary = links::primary_of(tx, &all::<Update, _>(), firm.id)?.expect("it is hidden, not gone");
            assert_eq!(primary, first);
            let below = Link { is_primary: false, version: primary.version.next(), ..primary.clone() };
            links::save(tx, &all(), primary.version, &below)?;
            let above = Link { is_primary: true, version: second.version.next(), ..second.clone() };
            links::save(tx, &all(), second.version, &above)
        })
        .unwrap();
        let found = database.read(|tx| links::primary_of(tx, &all::<Update, _>(), firm.id)).unwrap();
        assert_eq!(found.map(|link| link.id), Some(second.id));
        let ann = actor(ANN, None, Reach::Own);
        let unseen = database.read(|tx| links::primary_of(tx, &grant::<Update, _>(&ann), firm.id)).unwrap();
        assert_eq!(unseen, None);
    });
}

#[test]
fn pages_show_the_primary_link_first_and_the_others_by_name() {
    let names = ["Zed", "a b", "Éa", "ea", "B", "Œuf", "Müller", "muller", "A", "东"];
    let firms: Vec<Organisation> = (1..).zip(names).map(|(number, text)| organisation(number, text)).collect();
    let people: Vec<Person> = (1..)
        .zip(names)
        .map(|(number, text)| Person { first_name: (number % 2 == 0).then(|| name("Bo")), ..person(number, text) })
        .collect();
    // All people of the first organisation, and all organisations of the first person; every other one of these primary.
    let mut all_links: Vec<Link> = (1..).zip(&people).map(|(number, one)| link(number, &firms[0], one)).collect();
    all_links.extend((101..).zip(&firms[1..]).map(|(number, firm)| link(number, firm, &people[0])));
    for link in &mut all_links {
        link.is_primary = link.id.uuid().as_u128() % 2 == 0 && link.id.uuid().as_u128() > 100;
    }
    all_links[6].is_primary = true;
    on_each_database(|database| {
        insert(database, &firms, &people, &all_links).unwrap();
        let primary = |firm: &Organisation, one: &Person| {
            all_links.iter().any(|link| link.organisation_id == firm.id && link.person_id == one.id && link.is_primary)
        };
        let mut of_firm: Vec<&Person> = people.iter().collect();
        of_firm.sort_by_key(|one| (!primary(&firms[0], one), fold(&one.full_name()), one.id));
        let mut of_one: Vec<&Organisation> = firms.iter().collect();
        of_one.sort_by_key(|firm| (!primary(firm, &people[0]), fold(firm.name.as_str()), firm.id));
        for limit in [1, 2, 3, 9, 10, 11] {
            let shown = pages(|after| of_organisation(database, firms[0].id, limit, after), limit);
            assert_eq!(shown.iter().map(|(_, one)| one).collect::<Vec<_>>(), of_firm);
            let shown = pages(|after| of_person(database, people[0].id, limit, after), limit);
            assert_eq!(shown.iter().map(|(_, firm)| firm).collect::<Vec<_>>(), of_one);
        }
        let together =
            database.read(|tx| links::of_organisations(tx, &all::<Read, _>(), &all(), &[firms[0].id])).unwrap();
        assert_eq!(together.iter().map(|(_, one)| one).collect::<Vec<_>>(), of_firm);
        let together = database.read(|tx| links::of_people(tx, &all::<Read, _>(), &all(), &[people[0].id])).unwrap();
        assert_eq!(together.iter().map(|(_, firm)| firm).collect::<Vec<_>>(), of_one);
    });
}

fn pages<T>(page: impl Fn(Option<&str>) -> Page<T>, limit: u32) -> Vec<T> {
    let (mut shown, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = page(after.as_deref());
        assert!(page.items.len() == limit as usize || page.next_cursor.is_none());
        shown.extend(page.items);
        assert!(shown.len() <= 100, "the pages come to no end");
        match page.next_cursor {
            Some(next) => after = Some(next),
            None => return shown,
        }
    }
}

#[test]
fn a_cursor_of_another_list_is_invalid() {
    on_each_database(|database| {
        let (firm, other) = (organisation(1, "Firm"), organisation(2, "Other"));
        let people = [person(1, "A"), person(2, "B")];
        let new = [link(1, &firm, &people[0]), link(2, &firm, &people[1])];
        insert(database, &[firm.clone(), other.clone()], &people, &new).unwrap();
        let cursor = of_organisation(database, firm.id, 1, None).next_cursor.unwrap();
        for (id, cursor) in [(other.id, cursor.as_str()), (firm.id, "x"), (firm.id, "")] {
            let page =
                rehearse(database, |tx| links::of_organisation(tx, &all::<Read, _>(), &all(), id, 1, Some(cursor)));
            let Err(StoreError::Invalid(invalid)) = page else { panic!("{page:?}") };
            assert_eq!((invalid.errors[0].pointer.as_str(), invalid.errors[0].code), ("cursor", "cursor"));
        }
    });
}
