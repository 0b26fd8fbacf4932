//! Organisations over real databases: versions, scopes, idempotency, batches, links, the change log.

mod support;

use crm_app::{App, BatchOutcome, BatchRequest, Done, Error, Expected, IdempotencyKey, LinkGrants, Once, Pair, Put};
use crm_domain::{
    Link, LinkPatch, Organisation, OrganisationPatch, Person, PersonPatch, Version,
    access::{Actor, BuiltInRole, policy},
    query::ListQuery,
};
use serde_json::{Value, json};
use support::{on_each_app, render, system, user};

fn patch(value: Value) -> Result<OrganisationPatch, crm_domain::Invalid> {
    OrganisationPatch::read(value)
}

async fn create(app: &App, actor: &Actor, value: Value) -> Result<Organisation, Error> {
    let grant = policy::authorise(actor)?;
    let answer = app.organisations().create(grant, patch(value), Once::unkeyed(render)).await?;
    Ok(serde_json::from_slice(&answer.body).expect("the record"))
}

async fn update(
    app: &App,
    actor: &Actor,
    of: &Organisation,
    expected: i64,
    value: Value,
) -> Result<Organisation, Error> {
    let expected = Expected::Version(Version::from_stored(expected));
    app.organisations().update(policy::authorise(actor)?, of.id, expected, patch(value)).await
}

async fn names(app: &App, actor: &Actor) -> Vec<String> {
    let page = app.organisations().list(policy::authorise(actor).expect("may read"), ListQuery::default()).await;
    let mut names: Vec<String> = page.expect("a list").items.iter().map(|one| one.name.to_string()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn of_two_writers_who_saw_the_same_version_the_second_is_told_the_current_record() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        let made = create(&app, &ann, json!({ "name": "Un" })).await.expect("made");
        let updated = update(&app, &ann, &made, 1, json!({ "name": "Deux" })).await.expect("the first succeeds");
        assert_eq!(updated.stamps.version, Version::from_stored(2));
        let second = update(&app, &ann, &made, 1, json!({ "name": "Trois" })).await;
        assert!(
            matches!(second, Err(Error::Stale { current }) if current["name"] == "Deux" && current["version"] == 2)
        );
        let same = update(&app, &ann, &made, 2, json!({ "name": "Deux" })).await.expect("nothing to do");
        assert_eq!(same.stamps.version, Version::from_stored(2), "a patch that says nothing new makes no version");
        let history = app.organisations().history(policy::authorise(&ann).expect("may"), made.id, None, 10).await;
        assert_eq!(history.expect("a history").items.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn absence_goes_before_versions_and_versions_before_validity() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        let made = create(&app, &ann, json!({ "name": "Un" })).await.expect("made");
        let absent = Organisation { id: app.new_id(), ..made.clone() };
        let bad = json!({ "name": null, "colour": 1 });
        assert!(matches!(update(&app, &ann, &absent, 9, bad.clone()).await, Err(Error::NotFound)));
        assert!(matches!(update(&app, &ann, &made, 9, bad.clone()).await, Err(Error::Stale { .. })));
        assert!(matches!(update(&app, &ann, &made, 1, bad).await, Err(Error::Invalid(_))));
        let lei = json!({ "lei": "9695008KSTJL0COZAZ28", "name": "Autre" });
        create(&app, &ann, lei.clone()).await.expect("made");
        let taken = update(&app, &ann, &made, 1, lei).await;
        assert!(matches!(taken, Err(Error::Conflict { code: "taken", .. })));
        let nobody = update(&app, &ann, &made, 1, json!({ "owner_id": app.new_id::<()>() })).await;
        let Err(Error::Invalid(invalid)) = nobody else { panic!("an owner who is not there was taken") };
        assert_eq!((invalid.errors[0].pointer.as_str(), invalid.errors[0].code), ("/owner_id", "not_found"));
    })
    .await;
}

#[tokio::test]
async fn what_lies_out_of_scope_is_not_found() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::User).await;
        let (_, bob) = user(&app, "bob", BuiltInRole::User).await;
        let (_, eve) = user(&app, "eve", BuiltInRole::ReadOnly).await;
        let made = create(&app, &ann, json!({ "name": "Un" })).await.expect("made");
        assert_eq!(names(&app, &ann).await, ["Un"]);
        assert!(names(&app, &bob).await.is_empty());
        let read = app.organisations().get(policy::authorise(&bob).expect("may"), made.id).await;
        assert!(matches!(read, Err(Error::NotFound)));
        assert!(matches!(update(&app, &bob, &made, 1, json!({ "name": "x" })).await, Err(Error::NotFound)));
        assert!(matches!(create(&app, &eve, json!({ "name": "x" })).await, Err(Error::Denied(_))));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_one_leaves_the_lists_and_comes_back_unless_its_value_is_taken() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        let made = create(&app, &ann, json!({ "name": "Un", "licence_number": "GP-1" })).await.expect("made");
        let may = || policy::authorise(&ann).expect("may delete");
        let early = app.organisations().restore(may(), made.id, Once::unkeyed(render)).await;
        assert!(matches!(early, Err(Error::Conflict { code: "not_deleted", .. })));
        app.organisations().delete(may(), made.id, Expected::Version(Version::FIRST)).await.expect("deleted");
        assert!(names(&app, &ann).await.is_empty());
        let other = create(&app, &ann, json!({ "name": "Deux", "licence_number": "GP-1" })).await.expect("it is free");
        let taken = app.organisations().restore(may(), made.id, Once::unkeyed(render)).await;
        assert!(matches!(taken, Err(Error::Conflict { code: "taken", .. })));
        app.organisations().delete(may(), other.id, Expected::Any).await.expect("deleted");
        app.organisations().restore(may(), made.id, Once::unkeyed(render)).await.expect("restored");
        assert_eq!(names(&app, &ann).await, ["Un"]);
    })
    .await;
}

#[tokio::test]
async fn an_idempotency_key_repeats_its_answer_and_refuses_another_body() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        let post = async |name: Value, hash: u8| {
            let key = IdempotencyKey { path: "/organisations".to_owned(), key: "k".to_owned(), body_hash: [hash; 32] };
            let once = Once { key: Some(key), render };
            let grant = policy::authorise(&ann).expect("may create");
            app.organisations().create(grant, patch(json!({ "name": name })), once).await
        };
        assert!(matches!(post(Value::Null, 1).await, Err(Error::Invalid(_))));
        let first = post(json!("Un"), 2).await.expect("the refused try left no record of the key");
        let again = post(json!("Un"), 2).await.expect("repeated");
        assert!(!first.replayed && again.replayed);
        assert_eq!(first.body, again.body);
        assert_eq!(names(&app, &ann).await, ["Un"]);
        assert!(matches!(post(json!("Deux"), 3).await, Err(Error::IdempotencyReused)));
    })
    .await;
}

fn told(outcome: &BatchOutcome<Organisation>) -> crm_app::Answer {
    let words = outcome.results.iter().map(|result| match result {
        Ok(Done::Created(one)) => format!("created {}", one.name),
        Ok(Done::Updated(one)) => format!("updated {}", one.name),
        Ok(Done::Deleted(_)) => "deleted".to_owned(),
        Err(error) => error.code().to_owned(),
    });
    render(&(outcome.kept, words.collect::<Vec<_>>()))
}

async fn batch(app: &App, actor: &Actor, atomic: bool, operations: Value) -> (bool, Vec<String>) {
    let request = BatchRequest::read(json!({ "atomic": atomic, "operations": operations })).expect("a batch");
    let answer = app.organisations().batch(actor, request, Once::unkeyed(told)).await.expect("an answer");
    serde_json::from_slice(&answer.body).expect("results")
}

#[tokio::test]
async fn a_batch_stands_together_or_each_on_its_own() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        let operations = json!([
            { "op": "create", "data": { "name": "Un", "licence_number": "GP-1" } },
            { "op": "create", "data": { "name": "Deux", "licence_number": "GP-1" } },
            { "op": "upsert", "match": "licence_number", "data": { "name": "Un bis", "licence_number": "GP-1" } },
            { "op": "update", "id": app.new_id::<()>(), "version": 1, "data": { "name": "x" } },
            { "op": "create", "data": {} },
        ]);
        let results = ["created Un", "taken", "updated Un bis", "not_found", "invalid"];
        assert_eq!(batch(&app, &ann, true, operations.clone()).await, (false, results.map(str::to_owned).to_vec()));
        assert!(names(&app, &ann).await.is_empty());
        assert_eq!(batch(&app, &ann, false, operations).await, (true, results.map(str::to_owned).to_vec()));
        assert_eq!(names(&app, &ann).await, ["Un bis"]);
    })
    .await;
}

#[tokio::test]
async fn an_operation_without_permission_fails_alone() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::User).await;
        let made = create(&app, &ann, json!({ "name": "Un" })).await.expect("made");
        let operations = json!([
            { "op": "delete", "id": made.id, "if_match": "*" },
            { "op": "update", "id": made.id, "version": 1, "data": { "name": "Deux" } },
        ]);
        let results = batch(&app, &ann, false, operations).await;
        assert_eq!(results, (true, vec!["forbidden".to_owned(), "updated Deux".to_owned()]));
    })
    .await;
}

#[tokio::test]
async fn a_new_primary_link_takes_the_place_of_the_former() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        let organisation = create(&app, &ann, json!({ "name": "Un" })).await.expect("made").id;
        let mut links: Vec<Link> = Vec::new();
        for name in ["Dupont", "Durand"] {
            let person = PersonPatch::read(json!({ "last_name": name }));
            let answer =
                app.people().create(policy::authorise(&ann).expect("may"), person, Once::unkeyed(render)).await;
            let person: Person = serde_json::from_slice(&answer.expect("made").body).expect("a person");
            let pair = Pair { organisation, person: person.id };
            let input = LinkPatch::read(json!({ "is_primary": true }));
            let put = app.links().put(LinkGrants::of(&ann).expect("may"), pair, Expected::Any, input).await;
            let Ok(Put::Created(link)) = put else { panic!("the link is new: {put:?}") };
            links.push(link);
        }
        let (read_organisation, read_person) =
            (policy::authorise(&ann).expect("may"), policy::authorise(&ann).expect("may"));
        let page = app.links().of_organisation(read_organisation, read_person, organisation, None, 10).await;
        let primary: Vec<_> = page
            .expect("a page")
            .items
            .into_iter()
            .filter(|(link, _)| link.is_primary)
            .map(|(link, _)| link.id)
            .collect();
        assert_eq!(primary, [links[1].id]);
    })
    .await;
}

#[tokio::test]
async fn a_reader_of_the_change_log_sees_its_own_writes_in_gapless_order() {
    on_each_app(async |app, _| {
        let (_, ann) = user(&app, "ann", BuiltInRole::Admin).await;
        for name in ["Un", "Deux", "Trois"] {
            create(&app, &ann, json!({ "name": name })).await.expect("made");
        }
        let grant = || policy::authorise(&system()).expect("may");
        let all = app.changes().read_after(grant(), 0, 100).await.expect("changes");
        let positions: Vec<_> = all.iter().filter_map(|change| change.position).collect();
        assert_eq!(positions, [1, 2, 3, 4]);
        assert_eq!(all[3].event, "organisation.created");
        assert_eq!(app.changes().read_after(grant(), 3, 100).await.expect("changes").len(), 1);
    })
    .await;
}
