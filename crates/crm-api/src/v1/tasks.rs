//! `/tasks`

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web::Data};
use crm_app::{Answer, App, BatchRequest, Once};
use crm_domain::{
    Invalid, RecordedChange, Task, TaskField, TaskPatch,
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

/// Lists the tasks that you may see.
///
/// Your own are those with `assignee_id=me`, those of your team `team_id=mine`; what is overdue is
/// `status.in=todo,doing` with `due_at.lt` and the time.
#[utoipa::path(tag = "tasks", params(ListParameters<TaskField>, ExpandParameter<Task>),
    responses((status = 200, description = "A page of the list.", body = List<Task>)))]
#[get("/tasks")]
async fn list(
    app: Data<App>,
    Granted(grant): Granted<Read, Task>,
    parameters: ListParameters<TaskField>,
    viewer: Viewer,
) -> Result<HttpResponse, Problem> {
    expand::checked::<Task>(&parameters.expand)?;
    let page = app.tasks().list(grant.clone(), parameters.query).await.map_err(asked)?;
    if parameters.expand.is_empty() {
        return Ok(answer::list(&page, &parameters.address));
    }
    let items = expand::tasks(&app, &viewer, &grant, &parameters.expand, &page.items).await?;
    let page = Page { items, next_cursor: page.next_cursor, total: page.total };
    Ok(answer::list(&page, &parameters.address))
}

/// Makes a task.
#[utoipa::path(tag = "tasks", request_body = TaskPatch,
    responses((status = 201, description = "It was made.", body = Task)))]
#[post("/tasks")]
async fn create(
    app: Data<App>,
    Granted(grant): Granted<Create, Task>,
    body: Body<TaskPatch>,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key.clone(), render: made };
    Ok(answer::sent(app.tasks().create(grant, body.input(), once).await?))
}

/// Reads a task.
#[utoipa::path(tag = "tasks", params(ExpandParameter<Task>), responses(
    (status = 200, description = "The task.", body = Task),
    (status = 304, description = "You have this version already.")))]
#[get("/tasks/{id}")]
async fn read(
    app: Data<App>,
    Granted(grant): Granted<Read, Task>,
    PathId(id): PathId<Task>,
    known: IfNoneMatch,
    Expand(relations): Expand,
    viewer: Viewer,
) -> Result<HttpResponse, Problem> {
    expand::checked::<Task>(&relations)?;
    let task = app.tasks().get(grant.clone(), id).await?;
    let version = task.stamps.version;
    // What is inlined has versions of its own.
    if relations.is_empty() && known.has(version) {
        return Ok(answer::not_modified(version));
    }
    let expanded = expand::tasks(&app, &viewer, &grant, &relations, &[task]).await?;
    Ok(answer::record(version, &expanded[0]))
}

/// Changes a task.
///
/// Completing one that has a `recurrence` makes the next one, once; its `previous_task_id` names this one.
#[utoipa::path(tag = "tasks", request_body = TaskPatch,
    responses((status = 200, description = "Its new state.", body = Task)))]
#[patch("/tasks/{id}")]
async fn update(
    app: Data<App>,
    Granted(grant): Granted<Update, Task>,
    PathId(id): PathId<Task>,
    IfMatch(expected): IfMatch,
    body: Body<TaskPatch>,
) -> Result<HttpResponse, Problem> {
    let task = app.tasks().update(grant, id, expected, body.input()).await?;
    Ok(answer::record(task.stamps.version, &task))
}

/// Deletes a task; it can be restored.
#[utoipa::path(tag = "tasks", responses((status = 204, description = "It was deleted.")))]
#[delete("/tasks/{id}")]
async fn remove(
    app: Data<App>,
    Granted(grant): Granted<Delete, Task>,
    PathId(id): PathId<Task>,
    IfMatch(expected): IfMatch,
) -> Result<HttpResponse, Problem> {
    app.tasks().delete(grant, id, expected).await?;
    Ok(answer::done())
}

/// Brings a deleted task back.
#[utoipa::path(tag = "tasks", responses((status = 200, description = "It is back.", body = Task)))]
#[post("/tasks/{id}/restore")]
async fn restore(
    app: Data<App>,
    Granted(grant): Granted<Delete, Task>,
    PathId(id): PathId<Task>,
    key: Key,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: key.with_body(b""), render: restored };
    Ok(answer::sent(app.tasks().restore(grant, id, once).await?))
}

/// Lists the changes of a task, newest first.
#[utoipa::path(tag = "tasks", params(PageParameters),
    responses((status = 200, description = "A page of the history.", body = List<RecordedChange>)))]
#[get("/tasks/{id}/history")]
async fn history(
    app: Data<App>,
    Granted(grant): Granted<Read, Task>,
    PathId(id): PathId<Task>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let changes = app.tasks().history(grant, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&changes, &page.address))
}

/// Creates, changes and deletes many tasks in one request.
#[utoipa::path(tag = "tasks", request_body = BatchBody,
    responses((status = 200, description = "One result for each operation.", body = BatchResults)))]
#[post("/tasks/batch")]
async fn run_batch(
    app: Data<App>,
    caller: Caller,
    body: Body<BatchRequest>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let once = Once { key: body.key, render: batch::rendered };
    let answer = app.tasks().batch(caller.actor(), body.read?, once).await?;
    Ok(batch::sent(answer, RequestId::of(&request)))
}

/// Downloads all tasks that the list with the same filters would show.
#[utoipa::path(tag = "tasks", params(WholeListParameters<TaskField>, super::Format),
    responses((status = 200, description = "A file, one line or row for each record.", content(
        (String = "text/csv"), (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
#[get("/tasks/export")]
async fn export(
    app: Data<App>,
    Granted(grant): Granted<Export, Task>,
    parameters: ListParameters<TaskField>,
) -> Result<HttpResponse, Problem> {
    let format = super::format(parameters.format.as_deref())?;
    answer::exported(app.tasks().export(grant, parameters.query), format).await
}

fn made(task: &Task) -> Answer {
    answer::made("tasks", task.id.uuid(), task.stamps.version, task)
}

fn restored(task: &Task) -> Answer {
    answer::restored(task.stamps.version, task)
}

impl InPath for Task {
    const NAME: &'static str = "task_id";
}

impl FromJson for TaskPatch {
    fn from_json(value: Value) -> Result<Self, Invalid> {
        Self::read(value)
    }

    fn from_new_json(value: Value) -> Result<Self, Invalid> {
        Self::read_new(value)
    }
}

/// What the document says of the resource.
pub(super) const DOCUMENTED: Documented = Documented {
    tag: "tasks",
    about: "Things to do. `assignee_id=me` lists your own, `team_id=mine` those of your team.",
    schema: "Task",
    present: &["title", "priority", "status"],
    required: &["title"],
    matched_by: &["title"],
    example,
    change: || json!({"status": "done"}),
};

fn example() -> Value {
    json!({
        "title": "Send the quarterly report", "description": "With the new share class.", "due_at": "2026-03-02T09:00:00Z",
        "priority": "high", "status": "todo", "organisation_id": "0199aa3e-7c4e-7b1a-9d53-2f4f8a6c1e10",
        "recurrence": "FREQ=MONTHLY;BYDAY=1MO",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_bodies_are_taken() {
        TaskPatch::read_new(example()).unwrap();
        TaskPatch::read((DOCUMENTED.change)()).unwrap();
    }
}
