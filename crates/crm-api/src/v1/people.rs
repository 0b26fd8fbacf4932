//! `/people`

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web::Data};
use crm_app::{Answer, App, BatchRequest, Once};
use crm_domain::{
    Invalid, Person, PersonField, PersonPatch, RecordedChange,
    access::{Create, Delete, Export, Read, Update},
    query::Page,
};
use crm_monitoring::RequestId;
use serde_json::{Value, json};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    List, asked,
    batch::{self, BatchBody, BatchResults},
    expand::{self, ExpandParameter},
};
use crate::{
    answer,
    extract::{
        Body, Caller, Expand, FromJson, Granted, IfMatch, IfNoneMatch, InPath, Key, ListParameters, PageParameters,
        PathId, Viewer,
    },
    openapi::{Documented, WholeListParameters},
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(export).service(run_batch);
    config.service(read).service(update).service(remove).service(restore).service(history);
}

/// Lists the people that you may see.
#[utoipa::path(tag = "people", params(ListParameters<PersonField>, ExpandParameter<Person>),
    responses((status = 200, description = "A page of the list.", body = List<Person>)))]
#[get("/people")]
async fn list(
    app: Data<App>,
    Granted(grant): Granted<Read, Person>,
    parameters: ListParameters<PersonField>,
    viewer: Viewer,
) -> Result<HttpResponse, Problem> {
    expand::checked::<Person>(&parameters.expand)?;
    let page = app.people().list(grant.clone(), parameters.query).await.map_err(asked)?;
    if parameters.expand.is_empty() {
        return Ok(answer::list(&page, &parameters.address));
    }
    let items = expand::people(&app, &viewer, &grant, &parameters.expand, &page.items).await?;
    let page = Page { items, next_cursor: page.next_cursor, total: page.total };
    Ok(answer::list(&page, &parameters.address))
}

/// Makes a person.
#[utoipa::path(tag = "people", request_body = PersonPatch,
    responses((status = 201, description = "It was made.", body = Person)))]
#[post("/people")]
async fn create(
    app: Data<App>,
    Granted(grant): Granted<Create, Person>,
    body: Body<PersonPatch>,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key.clone(), render: made };
    Ok(answer::sent(app.people().create(grant, body.input(), once).await?))
}

/// Reads a person.
#[utoipa::path(tag = "people", params(ExpandParameter<Person>), responses(
    (status = 200, description = "The person.", body = Person),
    (status = 304, description = "You have this version already.")))]
#[get("/people/{id}")]
async fn read(
    app: Data<App>,
    Granted(grant): Granted<Read, Person>,
    PathId(id): PathId<Person>,
    known: IfNoneMatch,
    Expand(relations): Expand,
    viewer: Viewer,
) -> Result<HttpResponse, Problem> {
    expand::checked::<Person>(&relations)?;
    let person = app.people().get(grant.clone(), id).await?;
    let version = person.stamps.version;
    // What is inlined has versions of its own.
    if relations.is_empty() && known.has(version) {
        return Ok(answer::not_modified(version));
    }
    let expanded = expand::people(&app, &viewer, &grant, &relations, &[person]).await?;
    Ok(answer::record(version, &expanded[0]))
}

/// Changes a person.
#[utoipa::path(tag = "people", request_body = PersonPatch,
    responses((status = 200, description = "Its new state.", body = Person)))]
#[patch("/people/{id}")]
async fn update(
    app: Data<App>,
    Granted(grant): Granted<Update, Person>,
    PathId(id): PathId<Person>,
    IfMatch(expected): IfMatch,
    body: Body<PersonPatch>,
) -> Result<HttpResponse, Problem> {
    let person = app.people().update(grant, id, expected, body.input()).await?;
    Ok(answer::record(person.stamps.version, &person))
}

/// Deletes a person; it can be restored.
#[utoipa::path(tag = "people", responses((status = 204, description = "It was deleted.")))]
#[delete("/people/{id}")]
async fn remove(
    app: Data<App>,
    Granted(grant): Granted<Delete, Person>,
    PathId(id): PathId<Person>,
    IfMatch(expected): IfMatch,
) -> Result<HttpResponse, Problem> {
    app.people().delete(grant, id, expected).await?;
    Ok(answer::done())
}

/// Brings a deleted person back.
#[utoipa::path(tag = "people", responses((status = 200, description = "It is back.", body = Person)))]
#[post("/people/{id}/restore")]
async fn restore(
    app: Data<App>,
    Granted(grant): Granted<Delete, Person>,
    PathId(id): PathId<Person>,
    key: Key,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: key.with_body(b""), render: restored };
    Ok(answer::sent(app.people().restore(grant, id, once).await?))
}

/// Lists the changes of a person, newest first.
#[utoipa::path(tag = "people", params(PageParameters),
    responses((status = 200, description = "A page of the history.", body = List<RecordedChange>)))]
#[get("/people/{id}/history")]
async fn history(
    app: Data<App>,
    Granted(grant): Granted<Read, Person>,
    PathId(id): PathId<Person>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let changes = app.people().history(grant, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&changes, &page.address))
}

/// Creates, changes and deletes many people in one request.
#[utoipa::path(tag = "people", request_body = BatchBody,
    responses((status = 200, description = "One result for each operation.", body = BatchResults)))]
#[post("/people/batch")]
async fn run_batch(
    app: Data<App>,
    caller: Caller,
    body: Body<BatchRequest>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key, render: batch::rendered };
    let answer = app.people().batch(caller.actor(), body.read?, once).await?;
    Ok(batch::sent(answer, RequestId::of(&request)))
}

/// Downloads all people that the list with the same filters would show.
#[utoipa::path(tag = "people", params(WholeListParameters<PersonField>, super::Format),
    responses((status = 200, description = "A file, one line or row for each record.", content(
        (String = "text/csv"), (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
#[get("/people/export")]
async fn export(
    app: Data<App>,
    Granted(grant): Granted<Export, Person>,
    parameters: ListParameters<PersonField>,
) -> Result<HttpResponse, Problem> {
    let format = super::format(parameters.format.as_deref())?;
    answer::exported(app.people().export(grant, parameters.query), format).await
}

fn made(person: &Person) -> Answer {
    answer::made("people", person.id.uuid(), person.stamps.version, person)
}

fn restored(person: &Person) -> Answer {
    answer::restored(person.stamps.version, person)
}

impl InPath for Person {
    const NAME: &'static str = "person_id";
}

impl FromJson for PersonPatch {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }

    fn from_new_json(value: Value) -> Result<Self, Invalid> {
        Self::read_new(value)
    }
}

/// What the document says of the resource.
pub(super) const DOCUMENTED: Documented = Documented {
    tag: "people",
    about: "Human contacts.",
    schema: "Person",
    present: &["last_name", "is_active", "consent"],
    required: &["last_name"],
    matched_by: &["email"],
    example,
    change: || json!({"job_title": "Head of fund selection", "mobile": null}),
};

fn example() -> Value {
    json!({
        "first_name": "Ann", "last_name": "Exemple", "email": "ann.exemple@example.com", "mobile": "+33612345678",
        "job_title": "Fund analyst", "country_code": "FR", "language": "fr", "tags": ["speaker"], "is_active": true,
        "consent": true, "consent_date": "2026-01-10",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_bodies_are_taken() {
        PersonPatch::read_new(example()).unwrap();
        PersonPatch::read((DOCUMENTED.change)()).unwrap();
    }
}
