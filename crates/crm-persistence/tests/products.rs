//! Products on both databases: what is stored, what must be unique, what lists and counts tell.

#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

use crm_domain::{
    Change, ChangeAction, NewRecord, Product, ProductField, ProductId, ProductPatch, RecordKind, UserId, Version,
    access::{ActionType, Actor, BuiltInRole, Grant, Read, Update, policy},
    query::ListQuery,
    values::Timestamp,
};
use crm_persistence::{Database, Stamp, StoreError, products};
use crm_testkit::on_each_database;
use serde_json::{Value, json};

const ISIN: &str = "FR0000120271";

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000 + second * 1_000_000)
}

fn all<A: ActionType>() -> Grant<A, Product> {
    policy::authorise(&Actor::system("test")).unwrap()
}

fn product(number: u128, body: Value) -> Product {
    let at = at(i64::try_from(number).unwrap());
    let new = NewRecord { id: ProductId::from_u128(number), owner_id: None, team_id: None, by: None, at };
    Product::create(new, &ProductPatch::read(body).unwrap()).unwrap().state
}

fn written(
    database: &Database,
    product: &Product,
    write: impl FnOnce(&mut crm_persistence::WriteTx) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let stamp = Stamp { actor: Actor::system("test"), at: at(0), import_id: None };
    database.write(stamp, |tx| {
        write(tx)?;
        let (kind, record_id, version) = (RecordKind::Products, product.id.uuid(), product.stamps.version);
        tx.record(Change { kind, record_id, version, action: ChangeAction::Updated, fields: Vec::new() })
    })
}

fn add(database: &Database, product: &Product) -> Result<(), StoreError> {
    written(database, product, |tx| products::insert(tx, &all(), product))
}

fn list(database: &Database, pairs: &[(&str, &str)]) -> Vec<String> {
    let query = ListQuery::<ProductField>::parse(pairs.iter().copied()).unwrap();
    let page = database.read(|tx| products::list(tx, &all::<Read>(), &query)).unwrap();
    page.items.into_iter().map(|item| item.name.to_string()).collect()
}

#[test]
fn a_record_comes_back_as_it_was_saved_and_of_two_saves_over_one_version_the_second_is_stale() {
    on_each_database(|test| {
        let full = json!({"name": "Été Monde", "isin": ISIN, "type": "etf", "status": "pending", "notes": "one\ntwo"});
        let saved = product(1, full);
        add(&test.database, &saved).unwrap();
        assert_eq!(test.database.read(|tx| products::find(tx, &all::<Read>(), saved.id)).unwrap(), saved);
        let patch = ProductPatch::read(json!({"status": "active", "isin": null, "type": null})).unwrap();
        let next = saved.apply(&patch, None, at(9)).unwrap().state;
        let save = || written(&test.database, &next, |tx| products::save(tx, &all::<Update>(), Version::FIRST, &next));
        save().unwrap();
        assert_eq!(test.database.read(|tx| products::find(tx, &all::<Read>(), saved.id)).unwrap(), next);
        assert!(matches!(save(), Err(StoreError::Stale { current }) if current == next.stamps.version));
    });
}

#[test]
fn one_live_product_has_an_isin() {
    on_each_database(|test| {
        let first = product(1, json!({"name": "One", "isin": ISIN}));
        let second = product(2, json!({"name": "Two", "isin": ISIN}));
        add(&test.database, &first).unwrap();
        assert!(matches!(add(&test.database, &second), Err(StoreError::Conflict { field: "isin" })));
        let mut gone = first.clone();
        gone.stamps = gone.stamps.deleted(None, at(9));
        written(&test.database, &gone, |tx| products::save(tx, &all::<Update>(), Version::FIRST, &gone)).unwrap();
        add(&test.database, &second).unwrap();
        let mut back = gone.clone();
        back.stamps = back.stamps.restored(None, at(10));
        let restored =
            written(&test.database, &back, |tx| products::save(tx, &all::<Update>(), gone.stamps.version, &back));
        assert!(matches!(restored, Err(StoreError::Conflict { field: "isin" })));
    });
}

#[test]
fn lists_and_counts_tell_what_a_product_has_and_only_what_is_in_scope() {
    on_each_database(|test| {
        let database = &test.database;
        let bodies = [
            json!({"name": "Monde", "isin": ISIN, "type": "ucits"}),
            json!({"name": "amérique", "type": "etf", "status": "pending"}),
            json!({"name": "Zone Euro", "type": "etf"}),
        ];
        for (number, body) in (1..).zip(bodies) {
            add(database, &product(number, body)).unwrap();
        }
        assert_eq!(list(database, &[("sort", "name")]), ["amérique", "Monde", "Zone Euro"]);
        assert_eq!(list(database, &[("sort", "isin,-name")]), ["Monde", "Zone Euro", "amérique"]);
        assert_eq!(list(database, &[("sort", "-type,name")]), ["Monde", "amérique", "Zone Euro"]);
        assert_eq!(list(database, &[("isin", ISIN)]), ["Monde"]);
        assert_eq!(list(database, &[("status.ne", "active")]), ["amérique"]);
        assert_eq!(list(database, &[("q", "fr0000")]), ["Monde"]);
        assert_eq!(list(database, &[("name.contains", "MERIQUE")]), ["amérique"]);
        let told = database.read(|tx| products::statistics(tx, &all(), &ListQuery::default())).unwrap();
        assert_eq!((told.total, told.by_type["etf"], told.by_status["active"]), (3, 2, 2));
        let query = ListQuery::parse([("type", "etf")]).unwrap();
        let told = database.read(|tx| products::statistics(tx, &all(), &query)).unwrap();
        assert_eq!((told.total, told.by_type.len(), told.by_status["pending"]), (2, 1, 1));
        let nobody = Actor::user(UserId::from_u128(7), None, BuiltInRole::User.role());
        let grant = policy::authorise::<Read, Product>(&nobody).unwrap();
        assert_eq!(database.read(|tx| products::statistics(tx, &grant, &ListQuery::default())).unwrap().total, 0);
        let hidden = database.read(|tx| products::find(tx, &grant, ProductId::from_u128(1)));
        assert!(matches!(hidden, Err(StoreError::NotFound)));
    });
}
