//! Sample data: the same on any database.

mod support;

use crm_testkit::TestDatabase;
use serde_json::Value;
use support::Place;

fn seeded(place: &Place, seed: &str) -> [String; 6] {
    let arguments = ["seed", "--organisations", "300", "--people", "700", "--seed", seed, "--json"];
    let outcome: Value = serde_json::from_str(&place.run(&arguments).done()).expect("the outcome is JSON");
    assert_eq!((outcome["organisations"].as_u64(), outcome["people"].as_u64()), (Some(300), Some(700)));
    assert!(outcome["links"].as_u64() > Some(500));
    let export = |resource| place.run(&["export", "--resource", resource]).done();
    assert_eq!((outcome["products"].as_u64(), outcome["mandates"].as_u64()), (Some(6), Some(75)));
    assert!(outcome["attached"].as_u64() > Some(75));
    assert_eq!((outcome["interactions"].as_u64(), outcome["tasks"].as_u64()), (Some(600), Some(150)));
    ["organisations", "people", "products", "mandates", "interactions", "tasks"].map(export)
}

#[test]
fn the_same_seed_makes_the_same_records_in_two_databases() {
    let first = seeded(&Place::new(), "7");
    assert_eq!(first.each_ref().map(|file| file.lines().count()), [301, 701, 7, 76, 601, 151]);
    assert!(first == seeded(&Place::new(), "7"), "the same on another SQLite database");
    assert!(first != seeded(&Place::new(), "8"), "another seed makes other records");
    if let Some(postgres) = TestDatabase::postgres() {
        let place = Place::new().with("CRM__DATABASE__URL", &postgres.settings.url);
        assert!(first == seeded(&place, "7"), "the same on PostgreSQL");
    }
}

#[test]
fn the_same_seed_twice_on_one_database_is_refused_in_words() {
    let place = Place::new();
    seeded(&place, "1");
    let again = place.run(&["seed", "--organisations", "300", "--people", "700"]).failed();
    assert!(again.contains("another --seed"), "{again}");
}

#[test]
fn records_belong_to_the_users_there_are() {
    let place = Place::new();
    place
        .run(&["user", "add", "--email", "ann@example.com", "--name", "Ann", "--role", "admin", "--team", "Paris"])
        .done();
    place.run(&["seed", "--organisations", "50", "--people", "0"]).done();
    let exported = place.run(&["export", "--resource", "organisations"]).done();
    let mut lines = exported.lines();
    let column = lines.next().unwrap().split(',').position(|name| name == "version").unwrap();
    assert!(column > 0);
    let owned = exported.lines().skip(1).filter(|line| line.matches("-7").count() >= 3).count();
    assert!(owned > 30, "id, owner and team: {exported}");
}

#[test]
fn an_export_is_a_workbook_where_that_is_asked_for() {
    let place = Place::new();
    place.run(&["seed", "--organisations", "20", "--people", "0", "--products", "3", "--mandates", "8"]).done();
    let file = place.path().join("mandates.xlsx");
    let name = file.to_str().unwrap();
    place.run(&["export", "--resource", "mandates", "--format", "xlsx", "--output", name]).done();
    // A workbook is a ZIP archive (ISO/IEC 29500-2).
    assert!(std::fs::read(&file).unwrap().starts_with(b"PK\x03\x04"));
}
