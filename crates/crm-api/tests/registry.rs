//! Every resource is in every registry: what has all operations of a resource in the OpenAPI document is searched, logged,
//! exported, documented with its fields, and known to the tests that hold for all resources. Whoever adds a resource and
//! forgets a place is told here which one.
//!
//! There are two kinds. What is of the business has all of that; what is of identity (users, teams, roles) has the life of a
//! record and its history, and is in none of the places where many records are moved at once.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::{collections::BTreeSet, io::Cursor};

use calamine::{Data, Reader, Xlsx};
use crm_domain::{ImportTarget, RecordKind, SearchType, names_of};
use crm_testkit::{Client, IDENTITY, Identity, ListField, RESOURCES, Resource, TestApp};
use serde_json::{Value, json};

/// What every resource has: the method, and the path behind that of the collection.
const LIFE: [(&str, &str); 7] = [
    ("get", ""),
    ("post", ""),
    ("get", "/{id}"),
    ("patch", "/{id}"),
    ("delete", "/{id}"),
    ("post", "/{id}/restore"),
    ("get", "/{id}/history"),
];

/// What the resources of the business have besides.
const IN_BULK: [(&str, &str); 2] = [("post", "/batch"), ("get", "/export")];

fn operation(collection: &str, (method, path): (&str, &str)) -> Value {
    crm_api::document()["paths"][format!("{collection}{path}")][method].clone()
}

fn schema(name: &str) -> &'static Value {
    &crm_api::document()["components"]["schemas"][name]
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.into_iter().collect()
}

#[test]
fn whatever_can_be_restored_is_a_resource_that_the_tests_know() {
    let paths = crm_api::document()["paths"].as_object().unwrap().keys();
    let restorable = paths.filter_map(|path| path.strip_prefix("/api/v1/")?.strip_suffix("/{id}/restore"));
    assert_eq!(set(restorable), &business() | &identity());
}

fn business() -> BTreeSet<&'static str> {
    set(RESOURCES.iter().map(|resource| resource.name))
}

fn identity() -> BTreeSet<&'static str> {
    set(IDENTITY.iter().map(|resource| resource.name))
}

#[test]
fn every_resource_has_every_operation_of_its_kind() {
    for resource in RESOURCES {
        for place in LIFE.into_iter().chain(IN_BULK) {
            assert!(operation(&resource.path(), place).is_object(), "{} has no {place:?}", resource.name);
        }
    }
    for resource in IDENTITY {
        for place in LIFE {
            assert!(operation(&resource.path(), place).is_object(), "{} has no {place:?}", resource.name);
        }
        for place in IN_BULK {
            assert!(operation(&resource.path(), place).is_null(), "{} is of the business: {place:?}", resource.name);
        }
    }
}

#[test]
fn every_resource_is_guarded_and_logged_and_the_business_searched_and_imported_under_its_own_name() {
    assert_eq!(set(names_of::<SearchType>()), business(), "SearchType");
    assert_eq!(set(names_of::<ImportTarget>()), business(), "ImportTarget");
    let known = &business() | &identity();
    for (registry, names) in
        [("RecordKind", names_of::<RecordKind>()), ("access::Resource", names_of::<crm_domain::access::Resource>())]
    {
        assert!(set(names.clone()).is_superset(&known), "{registry} has {names:?}");
    }
}

#[test]
fn the_document_and_the_tests_speak_of_the_same_fields() {
    for resource in RESOURCES {
        let Resource { name, schema: record, .. } = resource;
        for body in ["", "Create", "Patch", "Batch"] {
            let examples = &schema(&format!("{record}{body}"))["examples"];
            assert!(examples.is_array(), "{record}{body} has no example");
        }
        assert_eq!(properties(&format!("{record}Patch")), set(resource.written.iter().copied()), "{name}");
        let upsert = &schema(&format!("{record}BatchOperation"))["oneOf"][2]["properties"]["match"]["enum"];
        assert_eq!(*upsert, json!(resource.matched_by), "{name}");
        let expand = parameter(&resource.path(), "expand").unwrap();
        assert_eq!(expand["schema"]["items"]["enum"], json!(resource.relations), "{name}");
        described(name, &(resource.fields)());
        for counted in resource.counted_at {
            let path = format!("/api/v1/{counted}");
            assert!(crm_api::document()["paths"][&path]["get"].is_object(), "there is no {path}");
        }
    }
    for Identity { name, schema: record, written, only_new, fields, .. } in IDENTITY {
        for body in ["", "Create", "Patch"] {
            assert!(schema(&format!("{record}{body}"))["examples"].is_array(), "{record}{body} has no example");
        }
        let (written, only_new) = (set(written.iter().copied()), set(only_new.iter().copied()));
        assert_eq!(properties(&format!("{record}Patch")), written, "{name}");
        assert_eq!(properties(&format!("{record}Create")), &written | &only_new, "{name}");
        described(name, &fields());
    }
}

fn properties(name: &str) -> BTreeSet<&'static str> {
    set(schema(name)["properties"].as_object().unwrap().keys().map(String::as_str))
}

fn parameter(collection: &str, wanted: &str) -> Option<Value> {
    let parameters = operation(collection, ("get", ""))["parameters"].clone();
    parameters.as_array().unwrap().iter().find(|one| one["name"] == wanted).cloned()
}

/// That the tag has a description, and that the list has a parameter for each operator of each field.
fn described(name: &str, fields: &[ListField]) {
    let tags = crm_api::document()["tags"].as_array().unwrap();
    assert!(tags.iter().any(|tag| tag["name"] == name), "the tag {name} is not described");
    for field in fields {
        let operators = field.kind.operators().iter().map(|operator| match operator.as_ref() {
            "eq" => field.name.to_owned(),
            operator => format!("{}.{operator}", field.name),
        });
        for filter in operators {
            let parameter = parameter(&format!("/api/v1/{name}"), &filter);
            assert!(parameter.is_some(), "the list of {name} has no parameter {filter}");
        }
    }
}

async fn made(client: &Client, resource: &Resource, title: &str) -> Value {
    client.post(&resource.path(), resource.body(client, title).await).await.expect(201).json()
}

#[actix_web::test]
async fn every_resource_is_found_expanded_logged_and_counted() {
    for app in TestApp::each().await {
        let ann = app.ann();
        for resource in RESOURCES {
            let (name, title) = (resource.name, format!("Zzyzx {}", resource.name));
            let record = made(&ann, &resource, &title).await;
            let id = record["id"].as_str().unwrap();
            assert!(record.get(resource.known_by).is_some(), "{name} is known by {}", resource.known_by);
            let hits = ann.get(&format!("/api/v1/search?q=zzyzx&types={name}")).await.expect(200).json();
            assert_eq!((&hits["items"][0]["id"], &hits["items"][0]["type"]), (&json!(id), &json!(name)));
            let listed = ann.get(&format!("{}?q=zzyzx&total=exact", resource.path())).await.expect(200).json();
            assert_eq!((&listed["total"], &listed["items"][0]), (&json!(1), &record), "{name}");
            let all = resource.relations.join(",");
            let expanded = ann.get(&format!("{}/{id}?expand={all}", resource.path())).await.expect(200).json();
            assert!(resource.relations.iter().all(|relation| expanded.get(relation).is_some()), "{expanded}");
            assert_eq!(expanded["owner"], json!({"id": TestApp::user_id("ann"), "name": "ann"}), "{name}");
            let history = ann.get(&format!("{}/{id}/history", resource.path())).await.expect(200).json();
            assert_eq!((&history["items"][0]["resource"], &history["items"][0]["id"]), (&json!(name), &json!(id)));
            let log = ann.get("/api/v1/changes?limit=200").await.expect(200).json();
            assert!(log["items"].as_array().unwrap().iter().any(|change| change["id"] == id), "{name}: {log}");
            for counted in resource.counted_at {
                let path = format!("/api/v1/{counted}");
                let total = |answer: Value| answer["total"].as_i64().unwrap();
                let all = total(ann.get(&path).await.expect(200).json());
                assert!(all >= 1 && total(ann.get(&format!("{path}?q=zzyzx")).await.expect(200).json()) == 1, "{path}");
                assert_eq!(total(app.client("uma").get(&path).await.expect(200).json()), 0, "{path} is scoped");
            }
        }
    }
}

#[actix_web::test]
async fn whoever_acts_is_listed_found_by_name_and_logged() {
    for app in TestApp::each().await {
        let ann = app.ann();
        for resource in IDENTITY {
            let (name, path) = (resource.name, resource.path());
            let record = ann.post(&path, (resource.body)("zzyzx")).await.expect(201).json();
            let id = &record["id"];
            let listed = ann.get(&format!("{path}?q=zzyzx&total=exact")).await.expect(200).json();
            assert_eq!((&listed["total"], &listed["items"][0]), (&json!(1), &record), "{name}");
            let history = ann.get(&format!("{path}/{}/history", id.as_str().unwrap())).await.expect(200).json();
            assert_eq!((&history["items"][0]["resource"], &history["items"][0]["id"]), (&json!(name), id));
            let log = ann.get("/api/v1/changes?limit=200").await.expect(200).json();
            assert!(log["items"].as_array().unwrap().iter().any(|change| change["id"] == *id), "{name}: {log}");
        }
    }
}

#[actix_web::test]
async fn every_export_has_a_column_for_every_field_in_both_formats() {
    for app in TestApp::each().await {
        let ann = app.ann();
        for resource in RESOURCES {
            // More records than a page of an export has would take long; the pages are tested where they are made.
            let record = made(&ann, &resource, "=1+1").await;
            let fields = set(record.as_object().unwrap().keys().map(String::as_str));
            let path = format!("{}/export?{}=%3D1%2B1", resource.path(), resource.title);
            let file = ann.get(&path).await.expect(200);
            assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
            let text = file.text();
            assert_eq!(set(text.lines().next().unwrap().split(',')), fields, "{}", resource.name);
            assert!(text.contains(",'=1+1,"), "a formula is neutralised: {text}");

            let file = ann.get(&format!("{path}&format=xlsx")).await.expect(200);
            assert!(file.header("content-disposition").ends_with(&format!("\"{}.xlsx\"", resource.name)));
            let mut book: Xlsx<_> = Xlsx::new(Cursor::new(file.body)).unwrap();
            let sheet = book.worksheet_range(resource.name).unwrap();
            let rows: Vec<Vec<Data>> = sheet.rows().map(<[Data]>::to_vec).collect();
            let [head, row] = rows.as_slice() else { panic!("{} rows", rows.len()) };
            let head: Vec<String> = head.iter().map(ToString::to_string).collect();
            assert_eq!(set(head.iter().map(String::as_str)), fields, "{}", resource.name);
            let title = head.iter().position(|name| name == resource.title).unwrap();
            // A text, as it was typed: only a cell of its own kind is a formula.
            assert_eq!(row[title], Data::String("=1+1".to_owned()));
        }
        app.client("uma").get("/api/v1/products/export?format=xlsx").await.expect(403);
    }
}

#[actix_web::test]
async fn amounts_are_numbers_and_days_are_days_in_a_workbook() {
    for app in TestApp::each().await {
        let ann = app.ann();
        let body = json!({
            "name": "Exemple", "aum": "1250000.50", "potential_amount": "-3.00", "signature_date": "2026-02-28",
            "aum_date": "1850-01-01", "signature_probability": 60, "phone": "+33156620055", "tags": ["a", "b"],
        });
        ann.post("/api/v1/organisations", body).await.expect(201);
        let file = ann.get("/api/v1/organisations/export?format=xlsx").await.expect(200);
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(file.body)).unwrap();
        let sheet = book.worksheet_range("organisations").unwrap();
        let rows: Vec<_> = sheet.rows().collect();
        let cell = |name: &str| {
            let at = rows[0].iter().position(|head| *head == name).unwrap();
            rows[1][at].clone()
        };
        assert_eq!((cell("aum"), cell("potential_amount")), (Data::Float(1_250_000.5), Data::Float(-3.0)));
        assert!(matches!(cell("signature_date"), Data::DateTime(day) if (day.as_f64() - 46_081.0).abs() < 1e-9));
        // Excel's calendar begins in 1900; what lies before stays legible.
        assert_eq!(cell("aum_date"), Data::String("1850-01-01".to_owned()));
        assert_eq!((cell("signature_probability"), cell("is_active")), (Data::Float(60.0), Data::Bool(true)));
        assert_eq!(cell("phone"), Data::String("+33156620055".to_owned()));
        assert_eq!((cell("tags"), cell("lei")), (Data::String("a,b".to_owned()), Data::Empty));
    }
}
