//! Patches: what they say, how they are applied, and what the change log is told.

use crm_domain::{
    Field, FieldChange, InputReader, Link, LinkPatch, LinkRole, Organisation, OrganisationId, OrganisationPatch,
    Person, PersonId, PersonPatch, Stamps, TeamId, UserId, Version, Violation,
    values::{Line, Percent, Tags},
};
use serde_json::{Value, json};

use crate::subject::{STAMPS, Subject, USER, at, change, new, object, told};

fn organisations() -> Subject<Organisation, OrganisationPatch> {
    Subject {
        read: OrganisationPatch::read,
        create: |patch| Organisation::create(new(), patch),
        apply: |record, patch| record.apply(patch, Some(UserId::from_u128(4)), at(2)),
        least: json!({"name": "Exemple Gestion"}),
        fields: json!({
            "name": "Autre Gestion", "type": "client", "category": "asset_manager", "email": "info@exemple.fr",
            "phone": "+33123456789", "website": "https://exemple.fr", "address": "1 rue Haute", "city": "Lyon",
            "postal_code": "69001", "country_code": "FR", "language": "fr", "domicile": "LU", "aum": "1250000.00",
            "aum_date": "2025-12-31", "strategies": ["bonds"], "tags": ["esg", "vip"], "lei": "529900T8BM49AURSDO55",
            "registration_number": "B 123", "licence_number": "GP-1", "pipeline_stage": "signed",
            "potential_amount": "5.50", "currency": "CHF", "signature_probability": 60, "signature_date": "2026-06-30",
            "is_active": false, "description": "Funds.\nBonds.", "notes": "Call in March.",
            "owner_id": USER, "team_id": USER,
        }),
        required: &["name", "pipeline_stage", "currency", "is_active"],
        emptied: &["strategies", "tags"],
        brings: &[],
        fixed: &STAMPS,
    }
}

fn people() -> Subject<Person, PersonPatch> {
    Subject {
        read: PersonPatch::read,
        create: |patch| Person::create(new(), patch),
        apply: |record, patch| record.apply(patch, Some(UserId::from_u128(4)), at(2)),
        least: json!({"last_name": "Exemple"}),
        fields: json!({
            "first_name": "Zoé", "last_name": "Autre", "email": "zoe@exemple.fr", "personal_email": "zoe@exemple.org",
            "phone": "+33123456789", "mobile": "+33612345678", "job_title": "Analyst", "country_code": "FR",
            "language": "fr", "linkedin_url": "https://www.linkedin.com/in/exemple", "tags": ["vip"],
            "is_active": false, "consent": true, "consent_date": "2025-05-05", "notes": "Prefers mail.",
            "owner_id": USER, "team_id": USER,
        }),
        required: &["last_name", "is_active", "consent"],
        emptied: &["tags"],
        brings: &[("consent", "consent_date", "2026-01-02")],
        fixed: &STAMPS,
    }
}

fn links() -> Subject<Link, LinkPatch> {
    Subject {
        read: LinkPatch::read,
        create: |patch| Link::create(new(), OrganisationId::from_u128(5), PersonId::from_u128(6), patch),
        apply: |record, patch| record.apply(patch, Some(UserId::from_u128(4)), at(2)),
        least: json!({}),
        fields: json!({
            "role": "decision_maker", "is_primary": true, "job_title": "Head", "work_email": "zoe@exemple.fr",
            "work_phone": "+33123456789", "since": "2024-01-01", "until": "2026-01-01", "notes": "Knows the board.",
        }),
        required: &["is_primary"],
        emptied: &[],
        brings: &[],
        fixed: &[
            "id",
            "organisation_id",
            "person_id",
            "version",
            "created_at",
            "created_by",
            "updated_at",
            "updated_by",
        ],
    }
}

#[test]
fn every_field_of_an_organisation_is_read_applied_and_told() {
    organisations().keeps_its_promises();
}

#[test]
fn every_field_of_a_person_is_read_applied_and_told() {
    people().keeps_its_promises();
}

#[test]
fn every_field_of_a_link_is_read_applied_and_told() {
    links().keeps_its_promises();
}

#[test]
fn a_new_record_begins_with_its_defaults_and_tells_them() {
    let told = |changes: Vec<FieldChange>| -> Vec<String> {
        changes.into_iter().map(|change| format!("{}={}", change.field, change.new)).collect()
    };
    let (owner, team) = (UserId::from_u128(1), TeamId::from_u128(2));
    let ownership = [format!("owner_id=\"{owner}\""), format!("team_id=\"{team}\"")];
    let organisation = told(organisations().first().changes);
    let own = [
        "name=\"Exemple Gestion\"",
        "strategies=[]",
        "tags=[]",
        "pipeline_stage=\"lead\"",
        "currency=\"EUR\"",
        "is_active=true",
    ];
    assert_eq!(organisation, [&own.map(str::to_owned)[..], &ownership].concat());
    let person = told(people().first().changes);
    let own = ["last_name=\"Exemple\"", "tags=[]", "is_active=true", "consent=false"];
    assert_eq!(person, [&own.map(str::to_owned)[..], &ownership].concat());
    let link = told(links().first().changes);
    let ends =
        [("organisation_id", 5), ("person_id", 6)].map(|(name, id)| format!("{name}=\"{}\"", UserId::from_u128(id)));
    assert_eq!(link, [&ends[..], &["is_primary=false".to_owned()]].concat());
}

#[test]
fn the_owner_that_is_stored_is_the_one_that_is_told() {
    for (input, stored) in [(Value::Null, Value::Null), (json!(USER), json!(USER))] {
        let patch = OrganisationPatch::read(json!({"name": "a", "owner_id": input, "team_id": input})).unwrap();
        let made = Organisation::create(new(), &patch).unwrap();
        for name in ["owner_id", "team_id"] {
            assert_eq!(object(&made.state)[name], stored);
            let told: Vec<_> = made.changes.iter().filter(|change| change.field == name).collect();
            let expected = change(name, Value::Null, stored.clone());
            assert_eq!(told, if stored.is_null() { vec![] } else { vec![&expected] });
        }
    }
}

#[test]
fn a_new_record_without_a_name_tells_every_broken_rule_once() {
    let patch = OrganisationPatch::read(json!({"currency": null, "is_active": null})).unwrap();
    let invalid = Organisation::create(new(), &patch).unwrap_err();
    assert_eq!(told(&invalid), ["/name required", "/currency required", "/is_active required"]);
    let patch = OrganisationPatch::read(json!({"name": null})).unwrap();
    assert_eq!(told(&Organisation::create(new(), &patch).unwrap_err()), ["/name required"]);
    let patch = PersonPatch::read(json!({"last_name": null, "consent": null})).unwrap();
    assert_eq!(told(&Person::create(new(), &patch).unwrap_err()), ["/last_name required", "/consent required"]);
    assert_eq!(told(&Person::create(new(), &PersonPatch::default()).unwrap_err()), ["/last_name required"]);
}

#[test]
fn a_missing_name_is_told_beside_what_cannot_be_read() {
    let read = |value| told(&OrganisationPatch::read_new(value).unwrap_err());
    assert_eq!(read(json!({"email": "no"})), ["/name required", "/email email"]);
    assert_eq!(read(json!({"name": null})), ["/name required"]);
    assert_eq!(read(json!({"name": ""})), ["/name required"]);
    assert_eq!(read(json!([])), [" type"]);
    let patch = OrganisationPatch::read_new(json!({"name": "Exemple", "city": "Lyon"})).unwrap();
    assert_eq!(patch, OrganisationPatch::read(json!({"name": "Exemple", "city": "Lyon"})).unwrap());
    let read = |value| told(&PersonPatch::read_new(value).unwrap_err());
    assert_eq!(read(json!({"first_name": 1})), ["/last_name required", "/first_name type"]);
    let patch = PersonPatch::read_new(json!({"last_name": "Exemple"})).unwrap();
    assert_eq!(patch, PersonPatch::read(json!({"last_name": "Exemple"})).unwrap());
}

#[test]
fn every_broken_rule_of_a_body_is_told_with_its_pointer() {
    let body = json!({
        "name": "", "type": "friend", "email": 5, "phone": "12", "aum": "1e6", "aum_date": "2026-02-30", "tags": ["a,b"],
        "signature_probability": 101, "is_active": "yes", "owner_id": "me", "a/b~c": 1,
    });
    let invalid = OrganisationPatch::read(body).unwrap_err();
    assert_eq!(
        told(&invalid),
        [
            "/name required",
            "/type choice",
            "/email type",
            "/phone phone",
            "/aum money",
            "/aum_date date",
            "/tags tags",
            "/signature_probability out_of_range",
            "/is_active type",
            "/owner_id uuid",
            "/a~1b~0c unknown_field",
        ]
    );
    assert!(invalid.to_string().starts_with("the input is not valid: "), "{invalid}");
    assert_eq!(invalid.to_string().matches("; ").count(), 10, "each broken rule is told: {invalid}");
    for other in [json!(null), json!([]), json!("name"), json!(1), json!(true)] {
        assert_eq!(told(&OrganisationPatch::read(other.clone()).unwrap_err()), [" type"]);
        assert_eq!(told(&PersonPatch::read(other.clone()).unwrap_err()), [" type"]);
        assert_eq!(told(&LinkPatch::read(other).unwrap_err()), [" type"]);
    }
}

#[test]
fn a_national_phone_number_is_read_by_the_country_beside_it() {
    let patch = OrganisationPatch::read(json!({"phone": "01 23 45 67 89", "country_code": "FR"})).unwrap();
    assert_eq!(patch.phone.as_set().unwrap().as_str(), "+33123456789");
    let patch =
        PersonPatch::read(json!({"mobile": "0612345678", "phone": "0123456789", "country_code": "FR"})).unwrap();
    assert_eq!(patch.mobile.as_set().unwrap().as_str(), "+33612345678");
    assert_eq!(patch.phone.as_set().unwrap().as_str(), "+33123456789");
    for body in [json!({"phone": "01 23 45 67 89"}), json!({"phone": "01 23 45 67 89", "country_code": null})] {
        assert_eq!(told(&PersonPatch::read(body).unwrap_err()), ["/phone phone"]);
    }
}

/// What a reader makes of a field with this value: the state, or the code of the broken rule.
fn state<T: std::fmt::Debug>(value: Option<Value>, read: impl FnOnce(&mut InputReader) -> Field<T>) -> String {
    let body = value.map_or_else(|| json!({}), |value| json!({ "field": value }));
    let mut input = InputReader::new(body).unwrap();
    let field = read(&mut input);
    match input.finish(()) {
        Ok(()) => format!("{field:?}"),
        Err(invalid) => {
            assert!(field.is_keep() && invalid.errors.len() == 1 && invalid.errors[0].pointer == "/field");
            invalid.errors[0].code.to_owned()
        }
    }
}

#[track_caller]
fn check_states<T: std::fmt::Debug>(read: fn(&mut InputReader) -> Field<T>, values: &[(Value, &str)]) {
    assert_eq!(state(None, read), "Keep");
    assert_eq!(state(Some(Value::Null), read), "Clear");
    for (value, expected) in values {
        assert_eq!(state(Some(value.clone()), read), *expected, "{value}");
    }
}

#[test]
fn every_kind_of_field_has_three_states_and_refuses_other_types() {
    let [text, number, fraction] = [json!("a"), json!(5), json!(5.5)];
    let [flag, list, object] = [json!(true), json!(["a"]), json!({})];
    check_states(
        |input| input.text("field", Line::parse),
        &[
            (text.clone(), "Set(Line(\"a\"))"),
            (json!(""), "required"),
            (number.clone(), "type"),
            (flag.clone(), "type"),
            (list.clone(), "type"),
            (object.clone(), "type"),
        ],
    );
    check_states(
        |input| input.choice::<LinkRole>("field"),
        &[
            (json!("technical"), "Set(Technical)"),
            (json!("Technical"), "choice"),
            (text.clone(), "choice"),
            (number.clone(), "type"),
        ],
    );
    check_states(
        |input| input.id::<Person>("field"),
        &[
            (json!(USER), "Set(00000000-0000-0000-0000-000000000009)"),
            (json!(USER.replace('-', "")), "uuid"),
            (json!(format!("urn:uuid:{USER}")), "uuid"),
            (text.clone(), "uuid"),
            (number.clone(), "type"),
        ],
    );
    check_states(
        |input| input.boolean("field"),
        &[
            (flag.clone(), "Set(true)"),
            (json!(false), "Set(false)"),
            (json!("true"), "type"),
            (json!(1), "type"),
            (list.clone(), "type"),
        ],
    );
    check_states(
        |input| input.integer("field", Percent::new),
        &[
            (number.clone(), "Set(Percent(5))"),
            (json!(5.0), "Set(Percent(5))"),
            (json!(101), "out_of_range"),
            (json!(-1), "out_of_range"),
            (fraction, "type"),
            (json!(u64::MAX), "type"),
            (json!(1e300), "type"),
            (json!("5"), "type"),
            (flag, "type"),
        ],
    );
    check_states(
        |input| input.texts("field", Tags::parse),
        &[
            (list, "Set(Tags([\"a\"]))"),
            (json!([]), "Set(Tags([]))"),
            (json!(["b", "a", "b"]), "Set(Tags([\"a\", \"b\"]))"),
            (json!([1]), "type"),
            (json!([["a"]]), "type"),
            (json!([""]), "tags"),
            (text, "type"),
            (object, "type"),
        ],
    );
}

#[test]
fn a_field_that_holds_other_inputs_is_taken_as_it_stands() {
    let mut input = InputReader::new(json!({"data": {"a": 1}})).unwrap();
    assert_eq!((input.value("data"), input.value("data")), (Some(json!({"a": 1})), None));
    assert_eq!(input.finish(3), Ok(3));
}

#[test]
fn a_consent_has_the_day_that_is_named_or_else_the_day_of_the_change() {
    let subject = people();
    let day = |record: &Person| record.consent_date.map(|date| date.to_string());
    let first = subject.first().state;
    let given = subject.applied(&first, json!({"consent": true}));
    assert_eq!(day(&given.state).as_deref(), Some("2026-01-02"));
    let named = subject.applied(&first, json!({"consent": true, "consent_date": "2025-05-05"}));
    assert_eq!(day(&named.state).as_deref(), Some("2025-05-05"));
    let unknown = subject.applied(&first, json!({"consent": true, "consent_date": null}));
    assert_eq!(day(&unknown.state), None);
    let again = subject.applied(&named.state, json!({"consent": true, "notes": "a"}));
    assert_eq!(day(&again.state).as_deref(), Some("2025-05-05"));
    let withdrawn = subject.applied(&named.state, json!({"consent": false}));
    assert_eq!((withdrawn.state.consent, day(&withdrawn.state)), (false, None));
    assert_eq!(withdrawn.changes[1], change("consent_date", json!("2025-05-05"), Value::Null));
    let created = (subject.create)(&subject.patch(json!({"last_name": "a", "consent": true}))).unwrap();
    assert_eq!(day(&created.state).as_deref(), Some("2026-01-01"));
}

#[test]
fn a_link_does_not_end_before_it_begins() {
    let subject = links();
    let since = subject.applied(&subject.first().state, json!({"since": "2026-01-02"})).state;
    let until = |record: &Link, body: Value| (subject.apply)(record, &subject.patch(body)).map(|applied| applied.state);
    assert!(until(&since, json!({"until": "2026-01-02"})).is_ok());
    assert_eq!(told(&until(&since, json!({"until": "2026-01-01"})).unwrap_err()), ["/until date_order"]);
    let both = until(&since, json!({"until": "2026-01-03"})).unwrap();
    assert_eq!(told(&until(&both, json!({"since": "2026-01-04"})).unwrap_err()), ["/until date_order"]);
    assert!(until(&both, json!({"since": "2026-01-04", "until": null})).is_ok());
    assert!(until(&both, json!({"since": null})).is_ok());
}

#[test]
fn to_replace_a_link_is_to_clear_what_is_not_said() {
    let subject = links();
    let full = subject.applied(&subject.first().state, subject.fields.clone()).state;
    let replaced = |body: Value| (subject.apply)(&full, &subject.patch(body).replacing()).map(|applied| applied.state);
    let emptied = object(&replaced(json!({})).unwrap());
    for name in subject.names() {
        assert_eq!(emptied[name], if name == "is_primary" { json!(false) } else { Value::Null }, "{name}");
    }
    assert_eq!(replaced(subject.fields.clone()).unwrap(), full);
    assert_eq!(told(&replaced(json!({"is_primary": null})).unwrap_err()), ["/is_primary required"]);
}

#[test]
fn names_and_search_texts_hold_what_one_looks_for() {
    let person = people().applied(&people().first().state, people().fields).state;
    assert_eq!((person.full_name().as_str(), people().first().state.full_name().as_str()), ("Zoé Autre", "Exemple"));
    assert_eq!(person.search_text(), " zoe autre zoe exemple fr analyst");
    let organisation = organisations().applied(&organisations().first().state, organisations().fields).state;
    let expected = " autre gestion lyon info exemple fr https exemple fr 529900t8bm49aursdo55 gp 1 b 123";
    assert_eq!(organisation.search_text(), expected);
}

#[test]
fn stamps_follow_a_record_through_its_life() {
    let (by, first) = (Some(UserId::from_u128(4)), new::<Person>().stamps());
    let touched = Stamps { version: Version::new(2).unwrap(), updated_at: at(2), updated_by: by, ..first.clone() };
    assert_eq!(first.touched(by, at(2)), touched);
    let deleted = first.deleted(by, at(2));
    assert_eq!(deleted, Stamps { deleted_at: Some(at(2)), ..touched.clone() });
    assert_eq!((first.is_deleted(), deleted.is_deleted()), (false, true));
    let back = deleted.restored(by, at(3));
    assert_eq!(back, Stamps { version: Version::new(3).unwrap(), updated_at: at(3), ..touched });
}

#[test]
fn versions_start_at_one() {
    let code = |number| Version::new(number).map(Version::number).map_err(|violation: Violation| violation.code);
    assert_eq!([code(1), code(0), code(-1)], [Ok(1), Err("version"), Err("version")]);
    assert_eq!(Version::FIRST.next(), Version::from_stored(2));
    assert_eq!(serde_json::from_value::<Version>(json!(3)).unwrap().number(), 3);
    assert_eq!(serde_json::to_value(Version::FIRST).unwrap(), json!(1));
    assert!(serde_json::from_value::<Version>(json!(0)).is_err());
}

#[test]
fn records_are_read_back_from_their_json() {
    let full = organisations().applied(&organisations().first().state, organisations().fields).state;
    assert_eq!(serde_json::from_value::<Organisation>(json!(full)).unwrap(), full);
    let full = people().applied(&people().first().state, people().fields).state;
    assert_eq!(serde_json::from_value::<Person>(json!(full)).unwrap(), full);
    let full = links().applied(&links().first().state, links().fields).state;
    assert_eq!(serde_json::from_value::<Link>(json!(full)).unwrap(), full);
}
