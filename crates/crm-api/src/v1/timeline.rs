//! `/organisations/{id}/timeline` and `/people/{id}/timeline`: what happened, and what is to be done, in one list.

use actix_web::{HttpResponse, get, web::Data};
use crm_app::App;
use crm_domain::{Organisation, Person, TimelineEntry, access::Read};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{List, asked};
use crate::{
    answer,
    extract::{Granted, PageParameters, PathId},
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(of_organisation).service(of_person);
}

/// Lists what happened with an organisation, and what is to be done, the newest first.
///
/// Its interactions, the tasks about it, its mandates and its changes, each as far as you may see such records. An
/// interaction stands where it happened, a task and a mandate where they were made.
#[utoipa::path(tag = "timeline", operation_id = "of_organisation", params(PageParameters),
    responses((status = 200, description = "A page of the timeline.", body = List<TimelineEntry>)))]
#[get("/organisations/{id}/timeline")]
async fn of_organisation(
    app: Data<App>,
    Granted(grant): Granted<Read, Organisation>,
    PathId(id): PathId<Organisation>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let entries = app.timelines().of_organisation(grant, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&entries, &page.address))
}

/// Lists what happened with a person, and what is to be done, the newest first.
///
/// The interactions that they took part in, the tasks about them and their changes, each as far as you may see such records.
#[utoipa::path(tag = "timeline", operation_id = "of_person", params(PageParameters),
    responses((status = 200, description = "A page of the timeline.", body = List<TimelineEntry>)))]
#[get("/people/{id}/timeline")]
async fn of_person(
    app: Data<App>,
    Granted(grant): Granted<Read, Person>,
    PathId(id): PathId<Person>,
    page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let entries = app.timelines().of_person(grant, id, page.cursor, page.limit).await.map_err(asked)?;
    Ok(answer::list(&entries, &page.address))
}
