//! Imports and what was wrong with their rows, on each database.
#![allow(clippy::unwrap_used)] // Helpers of tests fail the test when what they need is not there.

mod support_users;

use std::collections::BTreeMap;

use crm_domain::{
    Import, ImportCounts, ImportId, ImportStatus, ImportTarget, OnDuplicate, Organisation, Person, RoleId, UserId,
    Version,
    access::{Action, Actor, Grant, Guarded, Import as ImportAction, Reach, Resource, Role, Rule, policy},
    values::Name,
};
use crm_persistence::{
    StoreError,
    imports::{self, ImportError},
};
use crm_testkit::{TestDatabase, on_each_database};
use support_users::{add, at, grant, user, write};

fn import(number: u128, resource: ImportTarget, by: Option<u128>) -> Import {
    Import {
        id: ImportId::from_u128(number),
        resource,
        file_name: "people.csv".to_owned(),
        dry_run: false,
        on_duplicate: OnDuplicate::Fill,
        status: ImportStatus::Queued,
        counts: ImportCounts::default(),
        unmapped: Vec::new(),
        failure: None,
        version: Version::FIRST,
        created_by: by.map(UserId::from_u128),
        created_at: at(0),
        updated_at: at(0),
        finished_at: None,
    }
}

fn add_import(test: &TestDatabase, import: &Import) {
    let mapping = BTreeMap::from([("Nom".to_owned(), "last_name".to_owned())]);
    write(test, 0, |tx| imports::insert(tx, import, &mapping)).unwrap();
}

fn find(test: &TestDatabase, number: u128) -> Import {
    test.database.read(|tx| imports::find(tx, ImportId::from_u128(number))).unwrap()
}

#[test]
fn an_import_is_read_back_as_it_was_saved() {
    on_each_database(|test| {
        let queued = import(1, ImportTarget::People, None);
        add_import(test, &queued);
        assert_eq!(find(test, 1), queued);
        let done = Import {
            status: ImportStatus::Completed,
            counts: ImportCounts { rows: 7, created: 3, kept: 1, ..ImportCounts::default() },
            unmapped: vec!["Âge".to_owned()],
            failure: Some("why".to_owned()),
            version: Version::FIRST.next(),
            updated_at: at(9),
            finished_at: Some(at(9)),
            ..queued
        };
        write(test, 9, |tx| imports::save(tx, Version::FIRST, &done)).unwrap();
        assert_eq!(find(test, 1), done);
        let headers = ["Nom".to_owned(), "Âge".to_owned()];
        assert!(test.database.read(|tx| imports::headers(tx, done.id)).unwrap().is_empty());
        write(test, 9, |tx| imports::save_headers(tx, done.id, &headers)).unwrap();
        assert_eq!(test.database.read(|tx| imports::headers(tx, done.id)).unwrap(), headers);
        assert_eq!(find(test, 1), done);
        let missing = test.database.read(|tx| imports::find(tx, ImportId::from_u128(2)));
        assert!(matches!(missing, Err(StoreError::NotFound)));
    });
}

#[test]
fn progress_is_refused_once_somebody_else_has_ended_the_import() {
    on_each_database(|test| {
        let queued = import(1, ImportTarget::People, None);
        add_import(test, &queued);
        let progress = |rows| Import {
            status: ImportStatus::Running,
            counts: ImportCounts { rows, ..ImportCounts::default() },
            ..queued.clone()
        };
        let save = |import: &Import| write(test, 1, |tx| imports::save(tx, Version::FIRST, import));
        save(&progress(1)).unwrap();
        save(&progress(2)).unwrap();
        save(&Import { status: ImportStatus::Failed, version: Version::FIRST.next(), ..progress(2) }).unwrap();
        let late = save(&progress(3));
        assert!(matches!(late, Err(StoreError::Stale { current }) if current == Version::FIRST.next()), "{late:?}");
        assert_eq!(find(test, 1).counts.rows, 2);
        assert!(matches!(save(&import(2, ImportTarget::People, None)), Err(StoreError::NotFound)));
    });
}

fn restricted<R: Guarded>(user: u128, resource: Resource) -> Grant<ImportAction, R> {
    let rules = vec![Rule { resource, action: Action::Import, reach: Reach::Own }];
    let role = Role { id: RoleId::from_u128(50), name: Name::parse("importer").unwrap(), rules };
    policy::authorise(&Actor::user(UserId::from_u128(user), None, role)).unwrap()
}

fn listed(
    test: &TestDatabase,
    organisations: Option<&Grant<ImportAction, Organisation>>,
    people: Option<&Grant<ImportAction, Person>>,
    limit: u32,
) -> Vec<u128> {
    let organisations = organisations.map(|grant| (ImportTarget::Organisations, grant.scope()));
    let people = people.map(|grant| (ImportTarget::People, grant.scope()));
    let scopes: Vec<_> = organisations.into_iter().chain(people).collect();
    let (mut walked, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = test.database.read(|tx| imports::list(tx, &scopes, cursor.as_deref(), limit)).unwrap();
        assert!(page.items.len() <= limit as usize);
        walked.extend(page.items.into_iter().map(|import| import.id.uuid().as_u128()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return walked;
        }
    }
}

#[test]
fn a_list_has_the_imports_that_the_grants_let_see_the_newest_first() {
    on_each_database(|test| {
        add(test, &user(1));
        add(test, &user(2));
        let all = [
            (1, ImportTarget::People, Some(1), 5),
            (2, ImportTarget::Organisations, Some(1), 5),
            (3, ImportTarget::People, Some(2), 9),
            (4, ImportTarget::Organisations, None, 1),
            (5, ImportTarget::People, Some(1), 7),
        ];
        for (number, resource, by, seconds) in all {
            add_import(test, &Import { created_at: at(seconds), ..import(number, resource, by) });
        }
        let (organisations, people) = (grant(), grant());
        for limit in [1, 2, 3, 50] {
            assert_eq!(listed(test, Some(&organisations), Some(&people), limit), [3, 5, 2, 1, 4]);
            assert_eq!(listed(test, None, Some(&people), limit), [3, 5, 1]);
            assert_eq!(listed(test, Some(&organisations), None, limit), [2, 4]);
            assert!(listed(test, None, None, limit).is_empty());
        }
        let own_people = restricted(1, Resource::People);
        let own_organisations = restricted(1, Resource::Organisations);
        assert_eq!(listed(test, None, Some(&own_people), 2), [5, 1]);
        assert_eq!(listed(test, Some(&own_organisations), Some(&own_people), 2), [5, 2, 1]);
        for bad in ["", "5", "00000000-0000-0000-0000-00000000ffff"] {
            let refused =
                test.database.read(|tx| imports::list(tx, &[(ImportTarget::People, people.scope())], Some(bad), 2));
            assert!(
                matches!(&refused, Err(StoreError::Invalid(invalid)) if invalid.errors[0].code == "cursor"),
                "{refused:?}"
            );
        }
    });
}

#[test]
fn imports_that_nobody_is_at_work_on_are_found_by_their_silence() {
    on_each_database(|test| {
        let states = [
            ImportStatus::Queued,
            ImportStatus::Running,
            ImportStatus::Completed,
            ImportStatus::Failed,
            ImportStatus::Reverting,
            ImportStatus::Reverted,
        ];
        for (number, status) in (1..).zip(states) {
            add_import(test, &Import { status, ..import(number, ImportTarget::People, None) });
        }
        let silent = |seconds| {
            let silent = test.database.read(|tx| imports::silent(tx, at(seconds))).unwrap();
            silent.into_iter().map(|import| import.id.uuid().as_u128()).collect::<Vec<_>>()
        };
        assert!(silent(0).is_empty());
        assert_eq!(silent(1), [1, 2, 5]);
        let ids = [2, 3].map(ImportId::from_u128);
        write(test, 7, |tx| imports::touch(tx, &ids)).unwrap();
        assert_eq!(silent(7), [1, 5]);
        let touched = find(test, 2);
        assert_eq!((touched.updated_at, touched.version), (at(7), Version::FIRST));
        assert_eq!(find(test, 3).updated_at, at(0), "what has ended stays as it is");
        write(test, 6, |tx| imports::touch(tx, &ids)).unwrap();
        assert_eq!(find(test, 2).updated_at, at(7), "a clock that lags behind takes nothing back");
    });
}

#[test]
fn errors_are_numbered_through_and_paged_in_the_order_of_the_file() {
    on_each_database(|test| {
        let (one, other) = (ImportId::from_u128(1), ImportId::from_u128(2));
        add_import(test, &import(1, ImportTarget::People, None));
        add_import(test, &import(2, ImportTarget::People, None));
        let error = |row: i64| ImportError {
            row,
            line: row + 1,
            column: (row % 2 == 0).then(|| "Nom".to_owned()),
            value: Some("x".to_owned()),
            code: "email".to_owned(),
            reason: "must be an e-mail address".to_owned(),
            cells: vec!["a".to_owned(), String::new()],
        };
        let errors: Vec<ImportError> = (1..=730).map(error).collect();
        write(test, 1, |tx| imports::add_errors(tx, one, &errors[..700])).unwrap();
        write(test, 1, |tx| imports::add_errors(tx, one, &[])).unwrap();
        write(test, 1, |tx| imports::add_errors(tx, other, &errors[..1])).unwrap();
        write(test, 2, |tx| imports::add_errors(tx, one, &errors[700..])).unwrap();
        let (mut walked, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = test.database.read(|tx| imports::errors(tx, one, cursor.as_deref(), 200)).unwrap();
            walked.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(walked, errors);
        let page = test.database.read(|tx| imports::errors(tx, other, None, 1)).unwrap();
        assert_eq!((page.items, page.next_cursor), (errors[..1].to_vec(), None));
        let refused = test.database.read(|tx| imports::errors(tx, one, Some("x"), 1));
        assert!(
            matches!(&refused, Err(StoreError::Invalid(invalid)) if invalid.errors[0].pointer == "cursor"),
            "{refused:?}"
        );
    });
}

#[test]
fn an_error_about_a_cell_with_a_null_character_can_be_stored() {
    on_each_database(|test| {
        add_import(test, &import(1, ImportTarget::People, None));
        let id = ImportId::from_u128(1);
        let with = |mark: char| ImportError {
            row: 1,
            line: 2,
            column: Some(format!("N{mark}")),
            value: Some(format!("v{mark}")),
            code: "line".to_owned(),
            reason: format!("not {mark}"),
            cells: vec![format!("c{mark}")],
        };
        write(test, 1, |tx| imports::add_errors(tx, id, &[with('\0')])).unwrap();
        let page = test.database.read(|tx| imports::errors(tx, id, None, 5)).unwrap();
        assert_eq!(page.items, [with('\u{FFFD}')]);
    });
}
