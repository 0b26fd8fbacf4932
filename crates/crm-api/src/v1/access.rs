//! `/access`: what you may, and why.

use actix_web::{HttpResponse, get, web::Data};
use crm_app::{App, Explained};
use crm_domain::{
    Id, Invalid, Violation,
    access::{Action, Resource, Rule},
    names_of, parse_choice,
};
use serde::Serialize;
use serde_json::json;
use utoipa::{
    ToSchema,
    openapi::path::{Parameter, ParameterIn},
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    extract::{Caller, Parameters},
    openapi::query,
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(explain);
}

/// The answer to the question whether you may.
#[derive(Serialize, ToSchema)]
struct Explanation<'a> {
    /// Whether you may.
    is_allowed: bool,
    /// The name of your role.
    role: &'a str,
    /// The rule of your role that allows such a thing; none where no rule does.
    #[schema(required)]
    rule: Option<Rule>,
}

/// Tells whether you may do something, and because of which rule.
///
/// With `id`, whether the rule reaches that record. A record that is not there and one that it does not reach have the same
/// answer.
#[utoipa::path(tag = "access", params(Question),
    responses((status = 200, description = "The answer.", body = Explanation)))]
#[get("/access/explain")]
async fn explain(app: Data<App>, caller: Caller, Parameters(mut asked): Parameters) -> Result<HttpResponse, Problem> {
    let resource = asked.read("resource", parse_choice::<Resource>)?.ok_or_else(|| missing("resource"))?;
    let action = asked.read("action", parse_choice::<Action>)?.ok_or_else(|| missing("action"))?;
    let record = asked.read("id", Id::<()>::parse)?.map(Id::uuid);
    let Explained { is_allowed, rule } = app.access().explain(caller.actor(), resource, action, record).await?;
    let role = caller.actor().role().name.as_str();
    Ok(HttpResponse::Ok().json(Explanation { is_allowed, role, rule }))
}

fn missing(name: &str) -> Problem {
    Problem::parameters(Invalid::from(Violation::required().at(name)))
}

/// The parameters, for the document.
struct Question;

impl utoipa::IntoParams for Question {
    fn into_params(_within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let words = |words: Vec<&str>| json!({"type": "string", "enum": words});
        let required = |name: &str, description: &str, schema| {
            let mut parameter = query(name, description, &schema);
            parameter.required = utoipa::openapi::Required::True;
            parameter
        };
        vec![
            required("resource", "On what.", words(names_of::<Resource>())),
            required("action", "What you would do.", words(names_of::<Action>())),
            query("id", "To which record.", &json!({"type": "string", "format": "uuid"})),
        ]
    }
}
