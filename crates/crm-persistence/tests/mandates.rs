//! Mandates and what is sold under them, on both databases. That no statement makes an illegal link or an illegal step is
//! tried by plain SQL, past every rule of the domain.

#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

use std::sync::atomic::{AtomicU32, Ordering};

use crm_domain::{
    Change, ChangeAction, Mandate, MandateField, MandateId, MandatePatch, MandateProduct, MandateStatus, NewRecord,
    Organisation, OrganisationId, OrganisationPatch, Product, ProductId, ProductPatch, RecordKind, UserId, Version,
    access::{ActionType, Actor, BuiltInRole, Grant, Guarded, Read, Update, policy},
    query::{ListQuery, Page},
    values::{Date, Timestamp, parse_date},
};
use crm_persistence::{Database, Stamp, StoreError, figures, mandate_products, mandates, organisations, products};
use crm_testkit::{TestDatabase, on_each_database};
use serde_json::{Value, json};
use strum::VariantArray;

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000 + second * 1_000_000)
}

fn stamp() -> Stamp {
    Stamp { actor: Actor::system("test"), at: at(0), import_id: None }
}

fn all<A: ActionType, R: Guarded>() -> Grant<A, R> {
    policy::authorise(&Actor::system("test")).unwrap()
}

fn new<R>(number: u128) -> NewRecord<R> {
    let at = at(i64::try_from(number).unwrap());
    NewRecord { id: crm_domain::Id::from_u128(number), owner_id: None, team_id: None, by: None, at }
}

fn change(kind: RecordKind, id: uuid::Uuid, version: Version) -> Change {
    Change { kind, record_id: id, version, action: ChangeAction::Created, fields: Vec::new() }
}

/// One organisation, to which all mandates belong, and two products.
fn begin(database: &Database) {
    let patch = OrganisationPatch::read(json!({"name": "Exemple"})).unwrap();
    let organisation = Organisation::create(new(1), &patch).unwrap().state;
    let product = |number: u128, name: &str| {
        let patch = ProductPatch::read(json!({ "name": name })).unwrap();
        Product::create(new(number), &patch).unwrap().state
    };
    let products = [product(21, "Monde"), product(22, "Amérique")];
    let written: Result<(), StoreError> = database.write(stamp(), |tx| {
        organisations::insert(tx, &all(), &organisation)?;
        products::insert_many(tx, &all::<Update, _>(), &products)?;
        tx.record_all(vec![
            change(RecordKind::Organisations, organisation.id.uuid(), Version::FIRST),
            change(RecordKind::Products, products[0].id.uuid(), Version::FIRST),
            change(RecordKind::Products, products[1].id.uuid(), Version::FIRST),
        ])
    });
    written.unwrap();
}

fn mandate(number: u128, mut body: Value) -> Mandate {
    body["organisation_id"] = json!(OrganisationId::from_u128(1));
    Mandate::create(new(number), &MandatePatch::read(body).unwrap()).unwrap().state
}

fn add(database: &Database, mandate: &Mandate) -> Result<(), StoreError> {
    database.write(stamp(), |tx| {
        mandates::insert(tx, &all(), mandate)?;
        tx.record(change(RecordKind::Mandates, mandate.id.uuid(), Version::FIRST))
    })
}

fn attach(database: &Database, number: u128, mandate: &Mandate, product: u128) -> Result<MandateProduct, StoreError> {
    let active = Mandate { status: MandateStatus::Active, ..mandate.clone() };
    let attached = MandateProduct::attach(new(number), &active, ProductId::from_u128(product)).unwrap().state;
    database.write(stamp(), |tx| {
        mandate_products::insert_many(tx, &all(), std::slice::from_ref(&attached))?;
        let recorded = tx.record(change(RecordKind::MandateProducts, attached.id.uuid(), Version::FIRST))?;
        Ok(recorded.with(attached.clone()))
    })
}

fn list(database: &Database, pairs: &[(&str, &str)]) -> Vec<u128> {
    let query = ListQuery::<MandateField>::parse(pairs.iter().copied()).unwrap();
    let page: Page<Mandate> = database.read(|tx| mandates::list(tx, &all::<Read, _>(), &query)).unwrap();
    page.items.into_iter().map(|item| item.id.uuid().as_u128()).collect()
}

/// An id as the database at hand writes it.
fn literal(test: &TestDatabase, number: u128) -> String {
    match test.name() {
        "sqlite" => format!("X'{number:032x}'"),
        _ => format!("'{}'::uuid", uuid::Uuid::from_u128(number)),
    }
}

fn now(test: &TestDatabase) -> &'static str {
    if test.name() == "sqlite" { "1767225600000000" } else { "TIMESTAMPTZ '2026-01-01T00:00:00Z'" }
}

fn insert_link(test: &TestDatabase, mandate: u128, product: u128) -> Result<(), String> {
    static NEXT: AtomicU32 = AtomicU32::new(1000);
    let id = literal(test, NEXT.fetch_add(1, Ordering::Relaxed).into());
    let (mandate, product, now) = (literal(test, mandate), literal(test, product), now(test));
    test.attempt(&format!(
        "INSERT INTO mandate_products (id, mandate_id, product_id, version, created_at, updated_at)
         VALUES ({id}, {mandate}, {product}, 1, {now}, {now})"
    ))
}

#[track_caller]
fn refused(done: Result<(), String>, rule: &str) {
    let told = done.expect_err("the database refuses it");
    assert!(told.contains(rule), "{told}");
}

#[test]
fn a_record_comes_back_as_it_was_saved() {
    on_each_database(|test| {
        begin(&test.database);
        let full = json!({
            "number": "M-É 17", "status": "active", "signed_on": "2025-12-01", "starts_on": "2026-01-01",
            "ends_on": "2026-12-31", "notes": "one\ntwo",
        });
        let saved = mandate(2, full);
        add(&test.database, &saved).unwrap();
        let found = test.database.read(|tx| mandates::find(tx, &all::<Read, _>(), saved.id)).unwrap();
        assert_eq!(found, saved);
        let lost = Mandate { organisation_id: OrganisationId::from_u128(99), ..mandate(3, json!({})) };
        assert!(matches!(add(&test.database, &lost), Err(StoreError::Reference { .. })));
    });
}

#[test]
fn lists_are_filtered_searched_and_sorted_by_what_a_mandate_has() {
    on_each_database(|test| {
        begin(&test.database);
        let bodies = [
            json!({"number": "M-2", "ends_on": "2026-03-01"}),
            json!({"number": "m-1", "status": "signed", "ends_on": "2026-02-01"}),
            json!({"notes": "Élysée"}),
        ];
        for (number, body) in (2..).zip(bodies) {
            add(&test.database, &mandate(number, body)).unwrap();
        }
        let organisation = OrganisationId::from_u128(1).to_string();
        assert_eq!(list(&test.database, &[("organisation_id", &organisation), ("sort", "number")]), [3, 2, 4]);
        assert_eq!(list(&test.database, &[("sort", "-ends_on")]), [2, 3, 4]);
        assert_eq!(list(&test.database, &[("status", "signed")]), [3]);
        assert_eq!(list(&test.database, &[("ends_on.lt", "2026-02-15")]), [3]);
        assert_eq!(list(&test.database, &[("number.contains", "M 2")]), [2]);
        assert_eq!(list(&test.database, &[("number.is", "null")]), [4]);
        assert_eq!(list(&test.database, &[("q", "elysee")]), [4]);
    });
}

#[test]
fn a_product_is_attached_only_to_a_signed_or_active_mandate_whatever_statement_says_so() {
    on_each_database(|test| {
        begin(&test.database);
        for (number, status) in (2..).zip(MandateStatus::VARIANTS) {
            add(&test.database, &mandate(number, json!({"status": status}))).unwrap();
        }
        let [proposed, signed, active, ended] = [2, 3, 4, 5];
        for closed in [proposed, ended] {
            refused(insert_link(test, closed, 21), "mandate_products_open");
            let through_the_store = attach(&test.database, 100, &mandate(closed, json!({})), 21);
            assert!(matches!(through_the_store, Err(StoreError::Refused { code: "mandate_not_open", .. })));
        }
        insert_link(test, signed, 21).unwrap();
        insert_link(test, active, 21).unwrap();
        // What is attached is not moved to where it could not have been attached, nor anywhere else.
        for (column, to) in
            [("mandate_id", proposed), ("mandate_id", ended), ("mandate_id", active), ("product_id", 22)]
        {
            let (to, of) = (literal(test, to), literal(test, signed));
            let moved = test.attempt(&format!("UPDATE mandate_products SET {column} = {to} WHERE mandate_id = {of}"));
            refused(moved, "mandate_products_fixed");
        }
        // One pair is attached once, until it is detached.
        assert!(insert_link(test, signed, 21).is_err());
        let (now, of) = (now(test), literal(test, signed));
        test.execute(&format!("UPDATE mandate_products SET deleted_at = {now} WHERE mandate_id = {of}"));
        insert_link(test, signed, 21).unwrap();
    });
}

#[test]
fn an_ended_mandate_keeps_what_was_attached_whatever_statement_says_otherwise() {
    on_each_database(|test| {
        begin(&test.database);
        let active = mandate(2, json!({"status": "active"}));
        add(&test.database, &active).unwrap();
        let kept = attach(&test.database, 31, &active, 21).unwrap();
        let detached = attach(&test.database, 32, &active, 22).unwrap();
        let (now, of) = (now(test), literal(test, detached.id.uuid().as_u128()));
        test.execute(&format!("UPDATE mandate_products SET deleted_at = {now} WHERE id = {of}"));
        let id = literal(test, 2);
        test.execute(&format!("UPDATE mandates SET status = 'ended' WHERE id = {id}"));

        let link = literal(test, kept.id.uuid().as_u128());
        let set = |value: &str, id: &str| {
            test.attempt(&format!("UPDATE mandate_products SET deleted_at = {value} WHERE id = {id}"))
        };
        refused(set(now, &link), "mandate_products_open");
        refused(set("NULL", &of), "mandate_products_open");
        refused(test.attempt(&format!("DELETE FROM mandate_products WHERE id = {link}")), "mandate_products_open");
        refused(test.attempt(&format!("DELETE FROM mandate_products WHERE id = {of}")), "mandate_products_open");
        let through_the_store = test.database.write(stamp(), |tx| {
            mandate_products::delete(tx, &all(), kept.id, Version::FIRST, at(9), None)?;
            tx.record(change(RecordKind::MandateProducts, kept.id.uuid(), Version::FIRST.next()))
        });
        assert!(matches!(through_the_store, Err(StoreError::Refused { code: "mandate_not_open", .. })));
        assert!(test.attempt(&format!("DELETE FROM mandates WHERE id = {id}")).is_err(), "its products refer to it");
        // Its other columns are free: a note on history is no change of it.
        test.execute(&format!("UPDATE mandate_products SET version = 2 WHERE id = {link}"));
        let products =
            test.database.read(|tx| mandate_products::of_mandate(tx, &all::<Read, _>(), &all(), active.id, 10, None));
        assert_eq!(products.unwrap().items.len(), 1);
    });
}

#[test]
fn a_status_takes_the_next_step_alone_whatever_statement_says_otherwise() {
    use MandateStatus::{Active, Ended, Proposed, Signed};
    on_each_database(|test| {
        begin(&test.database);
        for (number, (from, to)) in (2..).zip(
            MandateStatus::VARIANTS.iter().flat_map(|from| MandateStatus::VARIANTS.iter().map(move |to| (*from, *to))),
        ) {
            add(&test.database, &mandate(number, json!({"status": from, "signed_on": "2025-01-01"}))).unwrap();
            let (id, word) = (literal(test, number), to.as_ref());
            let moved = test.attempt(&format!("UPDATE mandates SET status = '{word}' WHERE id = {id}"));
            if from == to || matches!((from, to), (Proposed, Signed) | (Signed, Active) | (Active, Ended)) {
                assert_eq!(moved, Ok(()), "{from:?} to {to:?}");
            } else {
                refused(moved, "mandates_transition");
            }
        }
        // A step over several rows is refused as a whole when it is none for one of them.
        refused(test.attempt("UPDATE mandates SET status = 'active'"), "mandates_transition");
    });
}

#[test]
fn no_mandate_takes_the_place_of_one_under_which_something_is_sold() {
    on_each_database(|test| {
        begin(&test.database);
        for (number, status) in [(2, "active"), (3, "proposed")] {
            add(&test.database, &mandate(number, json!({"status": status}))).unwrap();
        }
        insert_link(test, 2, 21).unwrap();
        let (sold, other) = (literal(test, 2), literal(test, 3));
        if test.name() == "sqlite" {
            let replace = "INSERT OR REPLACE INTO mandates (id, organisation_id, status, search_text, version, created_at, updated_at)";
            let row =
                format!("SELECT {sold}, organisation_id, 'proposed', '', 1, 0, 0 FROM mandates WHERE id = {other}");
            refused(test.attempt(&format!("{replace} {row}")), "mandates_replaced");
            let moved = format!("UPDATE OR REPLACE mandates SET id = {sold} WHERE id = {other}");
            refused(test.attempt(&moved), "mandates_fixed");
        }
        refused(test.attempt(&format!("UPDATE mandates SET id = {sold} WHERE id = {other}")), "mandates_fixed");
        let found = list(&test.database, &[("status", "active")]);
        assert_eq!(found, [2]);
    });
}

#[test]
fn a_signed_mandate_has_its_day_and_days_are_in_order_whatever_statement_says_otherwise() {
    on_each_database(|test| {
        begin(&test.database);
        add(&test.database, &mandate(2, json!({"status": "signed", "signed_on": "2026-01-01"}))).unwrap();
        for wrong in ["signed_on = NULL", "starts_on = '2025-12-31'", "ends_on = '2025-12-31'"] {
            assert!(test.attempt(&format!("UPDATE mandates SET {wrong}")).is_err(), "{wrong}");
        }
        test.execute("UPDATE mandates SET starts_on = '2026-01-01', ends_on = '2026-01-01'");
    });
}

#[test]
fn what_is_sold_is_seen_from_both_ends_in_pages_and_only_where_both_are_seen() {
    on_each_database(|test| {
        let database = &test.database;
        begin(database);
        let mandates: Vec<Mandate> = (2..5).map(|number| mandate(number, json!({"status": "active"}))).collect();
        for one in &mandates {
            add(database, one).unwrap();
            attach(database, 30 + one.id.uuid().as_u128(), one, 21).unwrap();
        }
        attach(database, 40, &mandates[0], 22).unwrap();
        let names = |limit: u32, after: Option<&str>| {
            let page = database
                .read(|tx| mandate_products::of_mandate(tx, &all::<Read, _>(), &all(), mandates[0].id, limit, after));
            let page = page.unwrap();
            (page.items.iter().map(|(_, product)| product.name.to_string()).collect::<Vec<_>>(), page.next_cursor)
        };
        let (first, next) = names(1, None);
        assert_eq!((first, names(1, next.as_deref())), (vec!["Amérique".to_owned()], (vec!["Monde".to_owned()], None)));
        let of_product = |limit: u32, after: Option<&str>| {
            let product = ProductId::from_u128(21);
            let page = database
                .read(|tx| mandate_products::of_product(tx, &all::<Read, _>(), &all(), product, limit, after))
                .unwrap();
            (page.items.iter().map(|(_, mandate)| mandate.id).collect::<Vec<_>>(), page.next_cursor)
        };
        let ids: Vec<MandateId> = mandates.iter().map(|mandate| mandate.id).collect();
        let (first, next) = of_product(2, None);
        assert_eq!((first, of_product(2, next.as_deref())), (vec![ids[2], ids[1]], (vec![ids[0]], None)));
        let both = database.read(|tx| mandate_products::of_mandates(tx, &all::<Read, _>(), &all(), &ids)).unwrap();
        assert_eq!(both.len(), 4);

        let nobody = Actor::user(UserId::from_u128(7), None, BuiltInRole::User.role());
        let hidden = database.read(|tx| {
            let (mandates, products) = (policy::authorise::<Read, _>(&nobody).unwrap(), all());
            mandate_products::find(tx, &mandates, &products, ids[0], ProductId::from_u128(21))
        });
        assert!(matches!(hidden, Err(StoreError::NotFound)));
        test.execute(&format!("UPDATE products SET deleted_at = {} WHERE id = {}", now(test), literal(test, 21)));
        assert_eq!(of_product(10, None).0, []);
        assert_eq!(names(10, None).0, ["Amérique"]);
    });
}

#[test]
fn figures_count_by_status_and_by_how_soon_a_mandate_ends() {
    on_each_database(|test| {
        begin(&test.database);
        let today: Date = parse_date("2026-06-01").unwrap();
        let bodies = [
            json!({"status": "active", "signed_on": "2026-01-01", "ends_on": "2026-05-31"}),
            json!({"status": "active", "signed_on": "2026-01-01", "ends_on": "2026-06-01"}),
            json!({"status": "signed", "signed_on": "2026-01-01", "ends_on": "2026-07-01"}),
            json!({"status": "signed", "signed_on": "2026-01-01", "ends_on": "2026-07-02"}),
            json!({"status": "active", "signed_on": "2026-01-01", "ends_on": "2026-08-30"}),
            json!({"status": "active", "signed_on": "2026-01-01", "ends_on": "2026-08-31"}),
            json!({"status": "active", "signed_on": "2026-01-01"}),
            json!({"status": "proposed", "ends_on": "2026-06-02"}),
            json!({"status": "ended", "signed_on": "2026-01-01", "ends_on": "2026-06-02"}),
        ];
        for (number, body) in (2..).zip(bodies) {
            add(&test.database, &mandate(number, body)).unwrap();
        }
        let query = ListQuery::default();
        let told = test.database.read(|tx| figures::mandates(tx, &all(), &query, today)).unwrap();
        let by_status: Vec<(&str, i64)> = told.by_status.iter().map(|(word, count)| (word.as_str(), *count)).collect();
        assert_eq!(by_status, [("active", 5), ("ended", 1), ("proposed", 1), ("signed", 2)]);
        assert_eq!(
            (told.total, told.past_their_end, told.ending_within_30_days, told.ending_within_90_days),
            (9, 1, 2, 4)
        );
        let query = ListQuery::parse([("status", "signed")]).unwrap();
        let told = test.database.read(|tx| figures::mandates(tx, &all(), &query, today)).unwrap();
        assert_eq!((told.total, told.ending_within_30_days, told.by_status["active"]), (2, 1, 0));
    });
}

#[test]
fn the_pipeline_sums_amounts_by_stage_and_currency() {
    on_each_database(|test| {
        let bodies = [
            json!({"name": "a", "pipeline_stage": "proposal", "potential_amount": "100.01", "signature_probability": 50}),
            json!({"name": "b", "pipeline_stage": "proposal", "potential_amount": "0.03", "signature_probability": 33}),
            json!({"name": "c", "pipeline_stage": "proposal", "potential_amount": "7.00"}),
            json!({"name": "d", "pipeline_stage": "proposal"}),
            json!({"name": "e", "pipeline_stage": "proposal", "potential_amount": "9999999999999.99", "currency": "USD", "signature_probability": 100}),
            json!({"name": "f", "pipeline_stage": "proposal", "potential_amount": "9999999999999.99", "currency": "USD", "signature_probability": 100}),
            json!({"name": "g", "pipeline_stage": "lead", "potential_amount": "-5.50", "signature_probability": 10}),
        ];
        let written: Result<(), StoreError> = test.database.write(stamp(), |tx| {
            let mut changes = Vec::new();
            for (number, body) in (1..).zip(bodies) {
                let patch = OrganisationPatch::read(body).unwrap();
                let organisation = Organisation::create(new(number), &patch).unwrap().state;
                organisations::insert(tx, &all(), &organisation)?;
                changes.push(change(RecordKind::Organisations, organisation.id.uuid(), Version::FIRST));
            }
            tx.record_all(changes)
        });
        written.unwrap();
        let told = test.database.read(|tx| figures::pipeline(tx, &all(), &ListQuery::default())).unwrap();
        let told = serde_json::to_value(told).unwrap();
        assert_eq!((&told["total"], told["stages"].as_array().unwrap().len()), (&json!(7), 9));
        assert_eq!(
            told["stages"][0],
            json!({"stage": "lead", "count": 1, "amounts": [
                {"currency": "EUR", "count": 1, "potential": "-5.50", "weighted": "-0.55"},
            ]})
        );
        assert_eq!(
            told["stages"][4],
            json!({"stage": "proposal", "count": 6, "amounts": [
                {"currency": "EUR", "count": 3, "potential": "107.04", "weighted": "50.01"},
                {"currency": "USD", "count": 2, "potential": "19999999999999.98", "weighted": "19999999999999.98"},
            ]})
        );
        let nobody = Actor::user(UserId::from_u128(7), None, BuiltInRole::User.role());
        let grant = policy::authorise::<Read, Organisation>(&nobody).unwrap();
        let told = test.database.read(|tx| figures::pipeline(tx, &grant, &ListQuery::default())).unwrap();
        assert_eq!((told.total, told.stages.iter().all(|stage| stage.amounts.is_empty())), (0, true));
    });
}
