//! `/search`: one ranked list over everything that the caller may see.

use actix_web::{HttpResponse, get, web::Data};
use crm_app::{App, SearchQuery};
use crm_domain::{Invalid, SearchHit, SearchType, Violation, parse_choice};
use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{List, asked};
use crate::{
    answer,
    extract::{PageParameters, Viewer, words},
    openapi::{listed, query},
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(search);
}

/// Searches organisations and people by name, address and number.
///
/// Names that begin with the words come first. Case and accents do not count.
#[utoipa::path(tag = "search", params(SearchParameters, PageParameters),
    responses((status = 200, description = "A page of what was found, best first.", body = List<SearchHit>)))]
#[get("/search")]
async fn search(app: Data<App>, viewer: Viewer, mut page: PageParameters) -> Result<HttpResponse, Problem> {
    let text = page.others.read("q", text)?;
    let text = text.ok_or_else(|| Problem::parameters(Invalid::one("q", "required", "must be there")))?;
    let types = page.others.read("types", types)?.unwrap_or_default();
    let query = SearchQuery { text, types, cursor: page.cursor, limit: page.limit };
    let hits = app.search(viewer.actor(), query).await.map_err(asked)?;
    Ok(answer::list(&hits, &page.address))
}

fn text(text: &str) -> Result<String, Violation> {
    match text.chars().count() {
        1..=LONGEST => Ok(text.to_owned()),
        _ => Err(Violation::new("search", format!("must have 1 to {LONGEST} characters"))),
    }
}

fn types(text: &str) -> Result<Vec<SearchType>, Violation> {
    words(text)?.iter().map(|word| parse_choice(word)).collect()
}

/// The longest text that is searched for, in characters.
const LONGEST: usize = 200;

/// The parameters `q` and `types`, for the document.
struct SearchParameters;

impl utoipa::IntoParams for SearchParameters {
    fn into_params(_within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = json!({"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": r"[^\W_]"});
        let mut text = query("q", "What to search for; at least one letter or digit.", &text);
        text.required = utoipa::openapi::Required::True;
        let kinds = json!({
            "type": "array", "items": {"type": "string", "enum": crm_domain::names_of::<SearchType>()}, "minItems": 1,
            "uniqueItems": true,
        });
        vec![text, listed("types", "What to look through; everything unless said.", &kinds)]
    }
}
