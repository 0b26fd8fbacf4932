//! Every answer to `GET` goes through here: kept ones are sent as they are, and those that may be kept are.
//!
//! It stands around the routes and not in them, so that no handler can forget it. What a handler takes from the request says
//! for whom its answer is: with [`super::Caller`] for the caller alone, and it is not kept; with [`super::Viewer`], whose
//! permissions are all that it can see, for all who have the same.

use std::cell::Cell;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    body::{BodySize, BoxBody, MessageBody, to_bytes},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use crm_app::{App, Found, KeptAnswer, Question, Reach, Rendered, Use};
use crm_domain::access::BuiltInRole;

use super::{
    Caller, Query,
    conditions::{if_none_match, is_listed},
};
use crate::v1::BASE;

/// Where an answer came from: `hit`, `miss` or `bypass`.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// For whom the answer to a request is, as its extractors found out.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Audience {
    /// For this caller.
    Personal,
    /// For this caller, and it depends on more than the database.
    Unkept,
}

/// Notes that the answer is for this caller.
pub(super) fn narrow(message: &impl HttpMessage, audience: Audience) {
    let mut extensions = message.extensions_mut();
    let known = extensions.get::<Audience>().copied();
    extensions.insert(known.map_or(audience, |known| known.max(audience)));
}

/// Answers from the cache what can be, and keeps what may be.
pub(crate) async fn cached(
    app: Data<App>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let caller = request.extensions().get::<Caller>().cloned();
    let Some(caller) = caller.filter(|_| request.method() == Method::GET) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let (path, words) = (request.path().to_owned(), canonical(request.query_string()));
    let words: Vec<&str> = std::iter::once(path.as_str()).chain(words.iter().map(String::as_str)).collect();
    let question = Question {
        group: group(&path),
        words: &words,
        actor: caller.actor(),
        wish: wish(&app, &caller, request.headers()),
    };
    let known = if_none_match(request.headers());
    // What is inlined has versions of its own.
    let known = known.filter(|_| !words.contains(&"expand"));
    // The routes need the one and only handle of the request, so it is either still here afterwards, or comes back from them.
    let (asked, answered) = (Cell::new(Some(request)), Cell::new(None));
    let load = async || {
        let request = asked.take().expect("a question is put to the routes once");
        let (rendered, request) = render(next, request).await?;
        answered.set(request);
        Ok::<_, actix_web::Error>(rendered)
    };
    let (found, outcome) = app.cached(question, load).await?;
    let mut response = match found {
        Found::Other(response) => response,
        Found::Answer(stored) => {
            let request = asked.take().map(|request| request.into_parts().0).or_else(|| answered.take());
            let request = request.expect("a request is where it was or comes back with its answer");
            ServiceResponse::new(request, sent(&stored.answer, known.as_deref()))
        }
    };
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        let name: &'static str = outcome.into();
        response.headers_mut().insert(X_CACHE, HeaderValue::from_static(name));
    }
    Ok(response)
}

/// Has the answer made by the routes, and takes the request back from one that may be kept. What is not whole and JSON goes out
/// as it is.
async fn render(
    next: Next<impl MessageBody + 'static>,
    mut request: ServiceRequest,
) -> Result<(Rendered<ServiceResponse<BoxBody>>, Option<HttpRequest>), actix_web::Error> {
    // The answer may be for others, who know other versions.
    request.headers_mut().remove(header::IF_NONE_MATCH);
    let response = next.call(request).await?.map_into_boxed_body();
    let audience = response.request().extensions().get::<Audience>().copied();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json");
    let is_whole = matches!(response.response().body().size(), BodySize::Sized(_));
    let is_plain = response.headers().keys().all(|name| PLAIN.contains(name));
    if response.status() != StatusCode::OK || !is_json || !is_whole || !is_plain || audience == Some(Audience::Unkept) {
        return Ok((Rendered::Other(response), None));
    }
    let text = |name: &HeaderName| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let (etag, link) = (text(&header::ETAG), text(&header::LINK));
    let (request, response) = response.into_parts();
    let body = to_bytes(response.into_body()).await.map_err(Into::<actix_web::Error>::into)?;
    let reach = if audience.is_none() { Reach::Shared } else { Reach::Personal };
    Ok((Rendered::Answer(KeptAnswer { body, etag, link }, reach), Some(request)))
}

/// The headers of an answer that can be kept; one with others is not.
const PLAIN: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LINK];

fn sent(answer: &KeptAnswer, known: Option<&str>) -> HttpResponse {
    let is_known = answer.etag.as_deref().zip(known);
    let is_known = is_known.is_some_and(|(etag, known)| is_listed(etag, known));
    let mut response = HttpResponse::build(if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    if let Some(etag) = &answer.etag {
        response.insert_header((header::ETAG, etag.as_str()));
    }
    if is_known {
        return response.finish();
    }
    if let Some(link) = &answer.link {
        response.insert_header((header::LINK, link.as_str()));
    }
    response.content_type("application/json").body(answer.body.clone())
}

/// The resource that a path is about, for counting.
fn group(path: &str) -> &str {
    let rest = path.strip_prefix(BASE).unwrap_or(path);
    rest.trim_start_matches('/').split('/').next().unwrap_or_default()
}

/// The parameters, decoded and in one order: names and values by turns.
fn canonical(query: &str) -> Vec<String> {
    // A query that cannot be read is refused by the routes; it asks for nothing else but itself.
    let Ok(query) = Query::parse(query) else { return vec![query.to_owned()] };
    let mut pairs: Vec<_> = query.pairs().map(|(name, value)| [name.to_owned(), value.to_owned()]).collect();
    // Those of one name stay in their order, which may matter.
    pairs.sort_by(|one, other| one[0].cmp(&other[0]));
    pairs.into_iter().flatten().collect()
}

/// Whether this caller's reads ask the cache.
fn wish(app: &App, caller: &Caller, headers: &HeaderMap) -> Use {
    let roles: &[BuiltInRole] = &app.settings().uncached_roles;
    let is_skipped = roles.iter().any(|role| role.id() == caller.actor().role().id);
    let lines = headers.get_all(header::CACHE_CONTROL).filter_map(|value| value.to_str().ok());
    let mut directives = lines.flat_map(|line| line.split(',')).map(str::trim);
    let is_refused = directives.any(|one| ["no-cache", "no-store"].iter().any(|no| one.eq_ignore_ascii_case(no)));
    if is_skipped || is_refused { Use::Database } else { Use::Cache }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_parameters_and_how_they_are_written_do_not_matter() {
        assert_eq!(canonical("b=2&a=%31"), canonical("a=1&b=2"));
        assert_ne!(canonical("a=1"), canonical("a=2"));
        assert_ne!(canonical("a=b&c=d"), canonical("a=b%26c%3Dd"));
    }

    #[test]
    fn answers_are_counted_under_their_resource() {
        assert_eq!(group("/api/v1/organisations/7/people"), "organisations");
        assert_eq!(group("/api/v1/search"), "search");
    }
}
