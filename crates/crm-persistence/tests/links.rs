//! Links in the database: the same on both databases.

mod support;

use crm_domain::{
    Link, LinkRole, Organisation, OrganisationId, Person, PersonId, Version,
    access::{Delete, Import, Ownership, Reach, Read, Update},
    query::Page,
    values::{EmailAddress, Line, PhoneNumber, Text, fold, parse_date},
};
use crm_persistence::{Database, StoreError, links, organisations, people};
use support::{ANN, BOB, EVE, NORTH, actor, all, at, grant, link, name, on_each_database, organisation, person, rehearse, write};

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
        insert(database, &[firm], &[ann], &[bare.clone()]).unwrap();
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
    let teams = [None, Some(NORTH)];
    let (mut firms, mut people, mut all_links) = (Vec::new(), Vec::new(), Vec::new());
    for owner in owners {
        for team in teams {
            for deleted in [false, true] {
                let number = firms.len() as u128 + 1;
                let (mut firm, mut one) = (organisation(number, "Firm"), person(number, "Ng"));
                for stamps in [&mut firm.stamps, &mut one.stamps] {
                    (stamps.owner_id, stamps.team_id, stamps.created_by) = (owner, team, Some(EVE));
                }
                firms.push((firm, deleted));
                people.push((one, deleted));
            }
        }
    }
    for (firm, _) in &firms {
        for (one, _) in &people {
            all_links.push(link(all_links.len() as u128 + 1, firm, one));
        }
    }
    on_each_database(|database| {
        let records = |firms: &[(Organisation, bool)]| firms.iter().map(|(one, _)| one.clone()).collect::<Vec<_>>();
        let persons: Vec<Person> = people.iter().map(|(one, _)| one.clone()).collect();
        insert(database, &records(&firms), &persons, &all_links).unwrap();
        write(database, |tx| {
            for (firm, _) in firms.iter().filter(|(_, deleted)| *deleted) {
                let mut gone = firm.clone();
                gone.stamps = gone.stamps.touched(None, at(1));
                gone.stamps.deleted_at = Some(at(1));
                organisations::save(tx, &all::<Delete, _>(), firm.stamps.version, &gone)?;
            }
            for (one, _) in people.iter().filter(|(_, deleted)| *deleted) {
                let mut gone = one.clone();
                gone.stamps = gone.stamps.touched(None, at(1));
                gone.stamps.deleted_at = Some(at(1));
                people::save(tx, &all::<Delete, _>(), one.stamps.version, &gone)?;
            }
            Ok(())
        })
        .unwrap();
        let firm_ids: Vec<OrganisationId> = firms.iter().map(|(firm, _)| firm.id).collect();
        let person_ids: Vec<PersonId> = people.iter().map(|(one, _)| one.id).collect();
        for (of_firms, of_people) in [
            (actor(ANN, Some(NORTH), Reach::Own), actor(ANN, Some(NORTH), Reach::All)),
            (actor(ANN, Some(NORTH), Reach::All), actor(ANN, Some(NORTH), Reach::Own)),
            (actor(ANN, Some(NORTH), Reach::Team), actor(ANN, Some(NORTH), Reach::Team)),
            (actor(EVE, None, Reach::Own), actor(ANN, None, Reach::Own)),
            (actor(ANN, None, Reach::All), actor(ANN, None, Reach::All)),
        ] {
            let (of_firms, of_people) = (grant::<Read, Organisation>(&of_firms), grant::<Read, Person>(&of_people));
            let firm_seen = |id: OrganisationId| {
                let (firm, deleted) = firms.iter().find(|(firm, _)| firm.id == id).unwrap();
                !deleted && of_firms.scope().admits(&Ownership::from(&firm.stamps))
            };
            let person_seen = |id: PersonId| {
                let (one, deleted) = people.iter().find(|(one, _)| one.id == id).unwrap();
                !deleted && of_people.scope().admits(&Ownership::from(&one.stamps))
            };
            let mut wanted: Vec<_> = all_links
                .iter()
                .filter(|link| firm_seen(link.organisation_id) && person_seen(link.person_id))
                .map(|link| (link.organisation_id, link.person_id))
                .collect();
            wanted.sort();
            let pair = |link: &Link| (link.organisation_id, link.person_id);
            database
                .read(|tx| -> Result<(), StoreError> {
                    for link in &all_links {
                        let (firm, one) = pair(link);
                        let found = links::find(tx, &of_firms, &of_people, firm, one);
                        assert_eq!(found.is_ok(), wanted.contains(&(firm, one)));
                    }
                    let mut ways = vec![
                        links::pairs_of_people(tx, &of_firms, &of_people, &person_ids)?,
                        links::of_organisations(tx, &of_firms, &of_people, &firm_ids)?.iter().map(|(link, _)| pair(link)).collect(),
                        links::of_people(tx, &of_firms, &of_people, &person_ids)?.iter().map(|(link, _)| pair(link)).collect(),
                        Vec::new(),
                        Vec::new(),
                    ];
                    for firm in &firm_ids {
                        let page = links::of_organisation(tx, &of_firms, &of_people, *firm, 200, None)?;
                        ways[3].extend(page.items.iter().map(|(link, _)| pair(link)));
                    }
                    for one in &person_ids {
                        let page = links::of_person(tx, &of_firms, &of_people, *one, 200, None)?;
                        ways[4].extend(page.items.iter().map(|(link, _)| pair(link)));
                    }
                    for mut way in ways {
                        way.sort();
                        assert_eq!(way, wanted);
                    }
                    assert_eq!(links::of_people(tx, &of_firms, &of_people, &[])?.len(), 0);
                    Ok(())
                })
                .unwrap();
        }
    });
}

#[test]
fn whoever_may_change_the_organisation_may_change_its_links() {
    on_each_database(|database| {
        let (mut firm, ann) = (organisation(1, "Firm"), person(1, "Ng"));
        firm.stamps.owner_id = Some(ANN);
        let one = link(1, &firm, &ann);
        insert(database, &[firm.clone()], &[ann.clone()], &[]).unwrap();
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
        insert(database, &[firm], &[ann], &[one.clone()]).unwrap();
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
        insert(database, &[firm.clone()], &[ann.clone(), bob.clone()], &[first.clone()]).unwrap();
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
        insert(database, &[firm.clone()], &[ann.clone(), bob], &[first.clone(), second.clone()]).unwrap();
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
        let together = database.read(|tx| links::of_organisations(tx, &all::<Read, _>(), &all(), &[firms[0].id])).unwrap();
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
            let page = rehearse(database, |tx| {
                links::of_organisation(tx, &all::<Read, _>(), &all(), id, 1, Some(cursor))
            });
            let Err(StoreError::Invalid(invalid)) = page else { panic!("{page:?}") };
            assert_eq!((invalid.errors[0].pointer.as_str(), invalid.errors[0].code), ("cursor", "cursor"));
        }
    });
}
