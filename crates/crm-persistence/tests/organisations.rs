//! Organisations on both databases: versions, scopes, the change log, unique values, statistics.

#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

use crm_domain::{
    Change, ChangeAction, Field, NewRecord, Organisation, OrganisationField, OrganisationId, OrganisationPatch,
    PipelineStage, RecordKind, UserId, Version,
    access::{Actor, BuiltInRole, Create, Read, Update, policy},
    query::ListQuery,
    values::{Line, Money, Name, Timestamp},
};
use crm_persistence::{Database, Recorded, Stamp, StoreError, changes, organisations};
use crm_testkit::on_each_database;

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000 + second * 1_000_000)
}

fn stamp() -> Stamp {
    Stamp { actor: Actor::system("test").with_request_id("request-1"), at: at(0), import_id: None }
}

fn organisation(number: u128, patch: &OrganisationPatch) -> Organisation {
    let new = NewRecord {
        id: OrganisationId::from_u128(number),
        owner_id: None,
        team_id: None,
        by: None,
        at: at(i64::try_from(number).unwrap()),
    };
    Organisation::create(new, patch).unwrap().state
}

fn named(name: &str) -> OrganisationPatch {
    OrganisationPatch { name: Field::Set(Name::parse(name).unwrap()), ..Default::default() }
}

fn add(database: &Database, new: &Organisation) -> Result<(), StoreError> {
    database.write(stamp(), |tx| {
        organisations::insert(tx, &policy::authorise::<Create, _>(&Actor::system("test")).unwrap(), new)?;
        tx.record(change(new, ChangeAction::Created))
    })
}

fn change(organisation: &Organisation, action: ChangeAction) -> Change {
    Change {
        kind: RecordKind::Organisations,
        record_id: organisation.id.uuid(),
        version: organisation.stamps.version,
        action,
        fields: Vec::new(),
    }
}

fn list(database: &Database, pairs: &[(&str, &str)]) -> Vec<String> {
    let query = ListQuery::<OrganisationField>::parse(pairs.iter().copied()).unwrap();
    let grant = policy::authorise::<Read, _>(&Actor::system("test")).unwrap();
    let page = database.read(|tx| organisations::list(tx, &grant, &query)).unwrap();
    page.items.into_iter().map(|item| item.name.to_string()).collect()
}

#[test]
fn a_record_comes_back_as_it_was_saved() {
    on_each_database(|test| {
        let full = serde_json::json!({
            "name": "Éléonore Gestion", "type": "client", "category": "asset_manager", "email": "hello@example.com",
            "phone": "+33156620055", "website": "https://example.com", "address": "1 rue de l'Exemple", "city": "Besançon",
            "postal_code": "25000", "country_code": "FR", "language": "fr", "domicile": "LU", "aum": "1250000.50",
            "aum_date": "2026-01-31", "strategies": ["credit"], "tags": ["vip", "esg"], "lei": "9695008KSTJL0COZAZ28",
            "registration_number": "809672165", "licence_number": "GP-1", "pipeline_stage": "proposal",
            "potential_amount": "-0.01", "currency": "USD", "signature_probability": 100, "signature_date": "2027-12-31",
            "is_active": false, "description": "one\ntwo", "notes": "é",
        });
        let saved = organisation(1, &OrganisationPatch::read(full).unwrap());
        add(&test.database, &saved).unwrap();
        let grant = policy::authorise::<Read, _>(&Actor::system("test")).unwrap();
        let found = test.database.read(|tx| organisations::find(tx, &grant, saved.id)).unwrap();
        assert_eq!(found, saved);
    });
}

#[test]
fn of_two_saves_over_one_version_the_second_is_stale() {
    on_each_database(|test| {
        let first = organisation(1, &named("First"));
        add(&test.database, &first).unwrap();
        let next = first.apply(&named("Second"), None, at(9)).unwrap().state;
        let grant = policy::authorise::<Update, Organisation>(&Actor::system("test")).unwrap();
        let save = || {
            test.database.write(stamp(), |tx| {
                organisations::save(tx, &grant, Version::FIRST, &next)?;
                tx.record(change(&next, ChangeAction::Updated))
            })
        };
        save().unwrap();
        let current = Version::new(2).unwrap();
        assert!(matches!(save(), Err(StoreError::Stale { current: found }) if found == current));
    });
}

#[test]
fn a_record_out_of_scope_is_not_found_and_not_saved() {
    on_each_database(|test| {
        let theirs = organisation(1, &named("Unowned"));
        add(&test.database, &theirs).unwrap();
        let user = Actor::user(UserId::from_u128(7), None, BuiltInRole::User.role());
        let read = policy::authorise::<Read, Organisation>(&user).unwrap();
        let update = policy::authorise::<Update, Organisation>(&user).unwrap();
        assert!(matches!(
            test.database.read(|tx| organisations::find(tx, &read, theirs.id)),
            Err(StoreError::NotFound)
        ));
        let next = theirs.apply(&named("Mine"), None, at(9)).unwrap().state;
        let saved: Result<(), StoreError> = test.database.write(stamp(), |tx| {
            organisations::save(tx, &update, Version::FIRST, &next)?;
            Ok(tx.unchanged(()))
        });
        assert!(matches!(saved, Err(StoreError::NotFound)));
        assert_eq!(list(&test.database, &[]), ["Unowned"]);
    });
}

#[test]
fn a_unique_value_is_refused_twice_and_free_again_after_deletion() {
    on_each_database(|test| {
        let lei = |name: &str| {
            let body = serde_json::json!({"name": name, "lei": "9695008KSTJL0COZAZ28"});
            OrganisationPatch::read(body).unwrap()
        };
        let first = organisation(1, &lei("First"));
        add(&test.database, &first).unwrap();
        let second = organisation(2, &lei("Second"));
        assert!(matches!(add(&test.database, &second), Err(StoreError::Conflict { field: "lei" })));
        let mut deleted = first.clone();
        deleted.stamps = deleted.stamps.touched(None, at(5));
        deleted.stamps.deleted_at = Some(at(5));
        let grant = policy::authorise::<Update, Organisation>(&Actor::system("test")).unwrap();
        let deletion: Result<(), StoreError> = test.database.write(stamp(), |tx| {
            organisations::save(tx, &grant, Version::FIRST, &deleted)?;
            tx.record(change(&deleted, ChangeAction::Deleted))
        });
        deletion.unwrap();
        add(&test.database, &second).unwrap();
        assert_eq!(list(&test.database, &[]), ["Second"]);
    });
}

#[test]
fn of_two_unique_values_that_are_taken_the_same_one_is_told_on_both_databases() {
    on_each_database(|test| {
        let both = |name: &str, lei: &str, licence: &str| {
            let body = serde_json::json!({"name": name, "lei": lei, "licence_number": licence});
            OrganisationPatch::read(body).unwrap()
        };
        let first = organisation(1, &both("First", "9695008KSTJL0COZAZ28", "GP-1"));
        add(&test.database, &first).unwrap();
        let second = organisation(2, &both("Second", "EXAMPLE00CRM00000137", "GP-2"));
        add(&test.database, &second).unwrap();
        let third = organisation(3, &both("Third", "9695008KSTJL0COZAZ28", "GP-2"));
        assert!(matches!(add(&test.database, &third), Err(StoreError::Conflict { field: "lei" })));
        let licence = organisation(3, &both("Third", "EXAMPLE0PARITY000079", "GP-2"));
        assert!(matches!(add(&test.database, &licence), Err(StoreError::Conflict { field: "licence_number" })));
        let grant = policy::authorise::<Update, Organisation>(&Actor::system("test")).unwrap();
        let same = second.apply(&both("Second", "9695008KSTJL0COZAZ28", "GP-1"), None, at(9)).unwrap().state;
        let saved: Result<(), StoreError> = test.database.write(stamp(), |tx| {
            organisations::save(tx, &grant, Version::FIRST, &same)?;
            Ok(tx.unchanged(()))
        });
        assert!(matches!(saved, Err(StoreError::Conflict { field: "lei" })), "{saved:?}");
    });
}

#[test]
fn a_unit_of_work_that_fails_leaves_neither_record_nor_change() {
    on_each_database(|test| {
        let new = organisation(1, &named("Gone"));
        let failed: Result<(), StoreError> = test.database.write(stamp(), |tx| {
            organisations::insert(tx, &policy::authorise::<Create, _>(&Actor::system("test")).unwrap(), &new)?;
            let recorded: Recorded<()> = tx.record(change(&new, ChangeAction::Created))?;
            drop(recorded);
            Err(StoreError::NotFound)
        });
        assert!(failed.is_err());
        assert!(list(&test.database, &[]).is_empty());
        let log = test.database.read(|tx| changes::of_record(tx, RecordKind::Organisations, new.id.uuid(), None, 10));
        assert!(log.unwrap().items.is_empty());
    });
}

#[test]
fn a_savepoint_that_fails_takes_back_its_part_alone() {
    on_each_database(|test| {
        let (kept, dropped) = (organisation(1, &named("Kept")), organisation(2, &named("Dropped")));
        let grant = policy::authorise::<Create, Organisation>(&Actor::system("test")).unwrap();
        let done: Result<(), StoreError> = test.database.write(stamp(), |tx| {
            organisations::insert(tx, &grant, &kept)?;
            let part: Result<Recorded<()>, StoreError> = tx.savepoint(|tx| {
                organisations::insert(tx, &grant, &dropped)?;
                Err(StoreError::NotFound)
            });
            assert!(matches!(part, Err(StoreError::NotFound)));
            tx.record(change(&kept, ChangeAction::Created))
        });
        done.unwrap();
        assert_eq!(list(&test.database, &[]), ["Kept"]);
    });
}

#[test]
fn changes_get_positions_in_one_gapless_order() {
    on_each_database(|test| {
        for number in 1..=5 {
            add(&test.database, &organisation(number, &named("One"))).unwrap();
        }
        let assign =
            |limit| test.database.write(stamp(), |tx| changes::assign_positions(tx, limit).map(|n| tx.unchanged(n)));
        let (first, second, third): (Result<_, StoreError>, _, _) = (assign(3), assign(3), assign(3));
        assert_eq!((first.unwrap(), second.unwrap(), third.unwrap()), (3, 2, 0));
        let grant = policy::authorise::<Read, Change>(&Actor::system("test")).unwrap();
        let readable = changes::Readable::default().and(RecordKind::Organisations, grant.scope());
        let log = test.database.read(|tx| changes::after(tx, &grant, &readable, 2, 10)).unwrap();
        let positions: Vec<_> = log.iter().map(|change| change.position.unwrap()).collect();
        assert_eq!(positions, [3, 4, 5]);
        assert!(log.iter().all(|change| change.request_id.as_deref() == Some("request-1")));
    });
}

#[test]
fn statistics_count_what_the_list_shows() {
    on_each_database(|test| {
        let amounts = [Some("10.50"), Some("0.25"), None];
        for (number, amount) in amounts.into_iter().enumerate() {
            let patch = OrganisationPatch {
                potential_amount: Field::replace(amount.map(|text| Money::parse(text).unwrap())),
                pipeline_stage: Field::Set(if number == 0 { PipelineStage::Signed } else { PipelineStage::Lead }),
                city: Field::Set(Line::parse("Lyon").unwrap()),
                ..named("One")
            };
            add(&test.database, &organisation(number as u128 + 1, &patch)).unwrap();
        }
        let grant = policy::authorise::<Read, Organisation>(&Actor::system("test")).unwrap();
        let count = |pairs: &[(&'static str, &'static str)]| {
            let query = ListQuery::parse(pairs.iter().copied()).unwrap();
            test.database.read(|tx| organisations::statistics(tx, &grant, &query)).unwrap()
        };
        let all = count(&[]);
        assert_eq!((all.total, all.by_pipeline_stage["lead"], all.by_type[""]), (3, 2, 3));
        assert_eq!(all.potential_amounts[0].sum.to_string(), "10.75");
        assert_eq!((all.potential_amounts[0].count, all.potential_amounts[0].currency.as_str()), (2, "EUR"));
        assert_eq!(count(&[("pipeline_stage", "signed")]).total, 1);
    });
}
