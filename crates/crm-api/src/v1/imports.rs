//! `/imports`: many records from one file.

use actix_web::{HttpResponse, get, http::StatusCode, post, web::Data};
use crm_app::{Answer, App, Error, ImportError, Once, import::RefusedRows};
use crm_domain::{Import, ImportId, Violation, query::Page};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    List, asked,
    upload::{self, UploadBody},
};
use crate::{
    answer,
    extract::{Caller, Form, Key, MOST_LIMIT, PageParameters, PathId, parameter},
    openapi::query,
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(start).service(read).service(errors).service(revert);
}

/// Lists the imports that you may see, newest first.
#[utoipa::path(tag = "imports", params(PageParameters),
    responses((status = 200, description = "A page of the imports.", body = List<Import>)))]
#[get("/imports")]
async fn list(app: Data<App>, caller: Caller, page: PageParameters) -> Result<HttpResponse, Problem> {
    let imports = app.imports().list(caller.actor(), page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&imports, &page.address))
}

/// Imports a file in the background: tabular text in any usual encoding, with any usual delimiter and headers.
#[utoipa::path(tag = "imports", request_body(content = UploadBody, content_type = "multipart/form-data"),
    responses((status = 202, description = "It was accepted.", body = Import)))]
#[post("/imports")]
async fn start(app: Data<App>, caller: Caller, key: Key, Form(form): Form) -> Result<HttpResponse, Problem> {
    upload::admit(caller.actor())?;
    let upload = upload::read(&app, form).await?;
    let once = Once { key: key.with_digest(upload.digest), render: accepted };
    Ok(answer::sent(app.imports().start(caller.actor(), upload.file, upload.options, once).await?))
}

/// Tells how far an import has come.
#[utoipa::path(tag = "imports", responses((status = 200, description = "The import.", body = Import)))]
#[get("/imports/{id}")]
async fn read(app: Data<App>, caller: Caller, PathId(id): PathId<Import>) -> Result<HttpResponse, Problem> {
    let import = app.imports().get(caller.actor(), id).await?;
    Ok(answer::record(import.version, &import))
}

/// Lists what was wrong with the rows of an import, in the order of the file.
#[utoipa::path(tag = "imports", params(PageParameters, ErrorFormat), responses(
    (status = 200, description = "A page of the errors, or all of them as a file: the columns of the imported one, and what is wrong.", content(
        (List<ImportErrorBody> = "application/json"), (String = "text/csv")))))]
#[get("/imports/{id}/errors")]
async fn errors(
    app: Data<App>,
    caller: Caller,
    PathId(id): PathId<Import>,
    mut page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let format = page.others.take("format")?;
    if format.as_deref() == Some("csv") {
        return file(&app, &caller, id).await;
    }
    json_only(format.as_deref())?;
    let errors = app.imports().errors(caller.actor(), id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&bodies(errors), &page.address))
}

/// Takes an import back, in the background: its changes are undone wherever the record has not been changed since.
#[utoipa::path(tag = "imports", responses((status = 202, description = "It was begun.", body = Import)))]
#[post("/imports/{id}/revert")]
async fn revert(app: Data<App>, caller: Caller, PathId(id): PathId<Import>, key: Key) -> Result<HttpResponse, Problem> {
    let once = Once { key: key.with_body(b""), render: accepted };
    Ok(answer::sent(app.imports().revert(caller.actor(), id, once).await?))
}

fn accepted(import: &Import) -> Answer {
    let location = format!("{}/imports/{}", super::BASE, import.id);
    answer::answer(StatusCode::ACCEPTED, Some(location), Some(import.version), import)
}

/// What was wrong with one row or cell.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ImportError)]
struct ImportErrorBody {
    /// The number of the row, without the header, from 1.
    row: i64,
    /// The line of the file that it begins in, from 1.
    line: i64,
    /// The header of the column; `null` where the whole row is meant.
    column: Option<String>,
    /// What the cell says.
    value: Option<String>,
    /// The name of the rule that it breaks.
    code: String,
    /// A sentence for people.
    reason: String,
}

impl From<ImportError> for ImportErrorBody {
    fn from(error: ImportError) -> Self {
        let ImportError { row, line, column, value, code, reason, .. } = error;
        Self { row, line, column, value, code, reason }
    }
}

/// All errors of an import, page by page, each row with its cells as they stood: a file to mend and import again.
async fn file(app: &App, caller: &Caller, id: ImportId) -> Result<HttpResponse, Problem> {
    let headers = app.imports().headers(caller.actor(), id).await?;
    let rows = RefusedRows::create(Vec::new(), &headers).map_err(Error::internal)?;
    let (first, place) = Refused { app: app.clone(), caller: caller.clone(), id, rows, cursor: None }.next().await?;
    let rest = stream::try_unfold(place, |place| async move {
        match place {
            Some(place) => place.next().await.map(Some),
            None => Ok(None),
        }
    });
    Ok(answer::sent_file(first, rest, "import-errors.csv"))
}

/// A place in the errors of an import that are being sent.
struct Refused {
    app: App,
    caller: Caller,
    id: ImportId,
    rows: RefusedRows<Vec<u8>>,
    cursor: Option<String>,
}

impl Refused {
    /// The lines of one page, and the place after it unless it was the last.
    async fn next(mut self) -> Result<(Vec<u8>, Option<Self>), Error> {
        let page = self.app.imports().errors(self.caller.actor(), self.id, self.cursor.take(), MOST_LIMIT).await?;
        page.items.into_iter().try_for_each(|error| self.rows.add(error)).map_err(Error::internal)?;
        match page.next_cursor {
            None => Ok((self.rows.finish().map_err(Error::internal)?, None)),
            cursor => Ok((self.rows.take(), Some(Self { cursor, ..self }))),
        }
    }
}

fn bodies(page: Page<ImportError>) -> Page<ImportErrorBody> {
    let items = page.items.into_iter().map(ImportErrorBody::from).collect();
    Page { items, next_cursor: page.next_cursor, total: page.total }
}

fn json_only(format: Option<&str>) -> Result<(), Problem> {
    match format {
        None | Some("json") => Ok(()),
        Some(_) => Err(parameter("format", &Violation::new("choice", "must be one of: json, csv"))),
    }
}

/// The parameter `format` of the errors, for the document.
struct ErrorFormat;

impl utoipa::IntoParams for ErrorFormat {
    fn into_params(_within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = json!({"type": "string", "enum": ["json", "csv"], "default": "json"});
        vec![query("format", "`csv` for all errors as one file.", &schema)]
    }
}
