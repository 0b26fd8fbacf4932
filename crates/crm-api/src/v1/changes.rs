//! `/changes`: the change log in the order of its positions.

use actix_web::{HttpResponse, get, http::header, web::Data};
use crm_app::App;
use crm_domain::{Change, RecordedChange, Violation, access::Read};
use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa_actix_web::service_config::ServiceConfig;

use super::List;
use crate::{
    extract::{Granted, MOST_LIMIT, PageParameters},
    openapi::query,
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list);
}

/// Lists the changes behind a position, in order, as far as you may see the records.
///
/// `next_cursor` is the position to go on from: pass it as `after`. Asked at the end of the log, the list is empty.
#[utoipa::path(tag = "changes", params(ChangesParameters),
    responses((status = 200, description = "The next changes.", body = List<RecordedChange>)))]
#[get("/changes")]
async fn list(
    app: Data<App>,
    Granted(grant): Granted<Read, Change>,
    mut page: PageParameters,
) -> Result<HttpResponse, Problem> {
    let after = page.others.read("after", position)?.unwrap_or(0);
    let changes = app.changes().read_after(grant, after, page.limit).await.map_err(super::asked)?;
    let next = changes.last().and_then(|change| change.position).map(|position| position.to_string());
    let mut response = HttpResponse::Ok();
    if let Some(position) = &next {
        let address = format!("{}/changes?after={position}&limit={}", super::BASE, page.limit);
        response.insert_header((header::LINK, format!("<{address}>; rel=\"next\"")));
    }
    Ok(response.json(json!({"items": changes, "next_cursor": next, "total": null})))
}

fn position(text: &str) -> Result<i64, Violation> {
    let position = text.parse().ok().filter(|position| *position >= 0);
    position.ok_or_else(|| Violation::new("position", "must be a whole number from 0"))
}

/// The parameters `after` and `limit`, for the document.
struct ChangesParameters;

impl utoipa::IntoParams for ChangesParameters {
    fn into_params(_within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let after = json!({"type": "integer", "format": "int64", "minimum": 0, "default": 0});
        let limit = json!({"type": "integer", "minimum": 1, "maximum": MOST_LIMIT, "default": 50});
        vec![
            query("after", "The position of the last change that you have.", &after),
            query("limit", "The most changes of one answer.", &limit),
        ]
    }
}
