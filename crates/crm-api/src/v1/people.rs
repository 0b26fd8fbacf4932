//! `/people`

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web::Data};
use crm_app::{Answer, App, BatchRequest, Once};
use crm_domain::{
    Person, PersonField, PersonPatch, RecordedChange,
    access::{Create, Delete, Export, Read, Update},
    query::Page,
};
use crm_monitoring::RequestId;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    List, asked,
    batch::{self, BatchBody, BatchResults},
    expand::{self, ExpandParameter},
};
use crate::{
    answer::{self, Columns},
    extract::{Body, Caller, Expand, Granted, IfMatch, IfNoneMatch, Key, ListParameters, PageParameters, PathId},
    openapi::WholeListParameters,
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
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    expand::checked::<Person>(&parameters.expand)?;
    let page = app.people().list(grant.clone(), parameters.query).await.map_err(asked)?;
    if parameters.expand.is_empty() {
        return Ok(answer::list(&page, &parameters.address));
    }
    let items = expand::people(&app, &caller, &grant, &parameters.expand, &page.items).await?;
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
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    expand::checked::<Person>(&relations)?;
    let person = app.people().get(grant.clone(), id).await?;
    let version = person.stamps.version;
    // What is inlined has versions of its own.
    if relations.is_empty() && known.has(version) {
        return Ok(answer::not_modified(version));
    }
    let expanded = expand::people(&app, &caller, &grant, &relations, &[person]).await?;
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
    responses((status = 200, description = "A CSV file, one line for each record.", body = String, content_type = "text/csv")))]
#[get("/people/export")]
async fn export(
    app: Data<App>,
    Granted(grant): Granted<Export, Person>,
    parameters: ListParameters<PersonField>,
) -> Result<HttpResponse, Problem> {
    super::csv_only(parameters.format.as_deref())?;
    answer::exported(app.people().export(grant, parameters.query), COLUMNS, "people.csv").await
}

fn made(person: &Person) -> Answer {
    answer::made("people", person.id.uuid(), person.stamps.version, person)
}

fn restored(person: &Person) -> Answer {
    answer::restored(person.stamps.version, person)
}

/// The columns of an export, in the order of the fields.
#[rustfmt::skip]
const COLUMNS: Columns = &[
    "id", "first_name", "last_name", "email", "personal_email", "phone", "mobile", "job_title", "country_code", "language",
    "linkedin_url", "tags", "is_active", "consent", "consent_date", "notes", "version", "owner_id", "team_id", "created_at",
    "created_by", "updated_at", "updated_by", "deleted_at",
];

#[cfg(test)]
mod tests {
    use crm_domain::{
        Field, NewRecord, PersonId,
        values::{Name, Timestamp},
    };

    use super::*;

    #[test]
    fn an_export_has_a_column_for_every_field() {
        let new =
            NewRecord { id: PersonId::from_u128(1), owner_id: None, team_id: None, by: None, at: Timestamp::EARLIEST };
        let patch = PersonPatch { last_name: Field::Set(Name::parse("Exemple").unwrap()), ..Default::default() };
        let record = serde_json::to_value(Person::create(new, &patch).unwrap().state).unwrap();
        answer::assert_columns(COLUMNS, &record);
    }
}
