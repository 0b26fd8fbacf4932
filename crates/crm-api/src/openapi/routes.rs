//! The routes as the document knows them: which methods a path has, what an operation takes, who may call it.

use std::{
    collections::{BTreeMap, HashSet},
    sync::LazyLock,
};

use actix_web::http::Method;
use serde_json::Value;

use super::{complete::is_guarded, document};
use crate::problem::Problem;

/// All paths of the document.
#[derive(Debug)]
pub(crate) struct Routes(Vec<Route>);

/// One path and its methods.
#[derive(Debug)]
struct Route {
    segments: Vec<Segment>,
    operations: BTreeMap<&'static str, Operation>,
}

#[derive(Debug, Eq, PartialEq)]
enum Segment {
    Parameter,
    Fixed(String),
}

/// What one operation takes.
#[derive(Debug)]
pub(crate) struct Operation {
    /// The names of its query parameters.
    pub(crate) parameters: HashSet<String>,
    /// Whether it has a body.
    pub(crate) has_body: bool,
    /// Whether it needs a token.
    pub(crate) is_guarded: bool,
    /// Whether it is open to those who must set up a second factor before anything else.
    pub(crate) is_enrolment: bool,
}

/// What somebody may do who must set up a second factor first: that, looking at how they stand, and leaving.
const ENROLMENT: [(&str, &str); 4] = [
    ("POST", "/api/v1/auth/totp"),
    ("POST", "/api/v1/auth/totp/confirm"),
    ("GET", "/api/v1/auth/me"),
    ("POST", "/api/v1/auth/logout"),
];

/// The methods of the document, in the order in which `Allow` lists them.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

impl Operation {
    /// Whether a query parameter may go on to the extractors. A field of a list with an operator that it does not have is
    /// theirs to refuse: they tell which ones it has.
    pub(crate) fn takes(&self, name: &str) -> bool {
        let is_field =
            |field: &str| self.parameters.iter().any(|one| one.split_once('.').is_some_and(|(of, _)| of == field));
        let field = name.split_once('.').map_or(name, |(field, _)| field);
        self.parameters.contains(name) || is_field(field)
    }
}

impl Routes {
    /// The routes of the server.
    pub(crate) fn shared() -> &'static Self {
        static ROUTES: LazyLock<Routes> = LazyLock::new(|| Routes::of(document()));
        &ROUTES
    }

    fn of(document: &Value) -> Self {
        let paths = document["paths"].as_object().into_iter().flatten();
        Self(paths.map(|(template, item)| Route::of(template, item)).collect())
    }

    /// The operation that a request calls.
    pub(crate) fn operation(&self, method: &Method, path: &str) -> Option<&Operation> {
        self.route(path)?.operations.get(method.as_str())
    }

    /// Why there is nothing at this path for this method: 405 where other methods are taken, else 404.
    pub(crate) fn refusal(&self, method: &Method, path: &str) -> Problem {
        match self.route(path) {
            Some(route) if !route.operations.contains_key(method.as_str()) => {
                Problem::method_not_allowed(&route.allowed())
            }
            _ => Problem::not_found(),
        }
    }

    /// The most specific path: fixed segments go before parameters.
    fn route(&self, path: &str) -> Option<&Route> {
        let segments: Vec<&str> = path.split('/').collect();
        let matching = self.0.iter().filter(|route| route.takes(&segments));
        matching.max_by_key(|route| route.segments.iter().filter(|segment| **segment != Segment::Parameter).count())
    }
}

impl Route {
    fn of(template: &str, item: &Value) -> Self {
        let operation = |method: &&'static str| {
            let operation = item.get(method.to_ascii_lowercase())?;
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let in_query = parameters.filter(|parameter| parameter["in"] == "query");
            let parameters = in_query.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect();
            let is_guarded = is_guarded(operation);
            let is_enrolment = ENROLMENT.contains(&(*method, template));
            let has_body = operation.get("requestBody").is_some();
            Some((*method, Operation { parameters, has_body, is_guarded, is_enrolment }))
        };
        Self {
            segments: template.split('/').map(Segment::of).collect(),
            operations: METHODS.iter().filter_map(operation).collect(),
        }
    }

    fn takes(&self, segments: &[&str]) -> bool {
        let fits = |(segment, text): (&Segment, &&str)| match segment {
            Segment::Parameter => !text.is_empty(),
            Segment::Fixed(fixed) => fixed == text,
        };
        self.segments.len() == segments.len() && self.segments.iter().zip(segments).all(fits)
    }

    fn allowed(&self) -> Vec<&'static str> {
        let taken = METHODS.into_iter().filter(|method| self.operations.contains_key(method));
        taken.flat_map(|method| if method == "GET" { vec!["GET", "HEAD"] } else { vec![method] }).collect()
    }
}

impl Segment {
    fn of(text: &str) -> Self {
        if text.starts_with('{') { Self::Parameter } else { Self::Fixed(text.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use serde_json::json;

    use super::*;

    fn routes() -> Routes {
        Routes::of(&json!({"paths": {
            "/x": {"get": {"parameters": [{"in": "query", "name": "q"}, {"in": "query", "name": "name.in"}, {"in": "header", "name": "h"}]}, "post": {"security": [{}], "requestBody": {}}},
            "/x/{id}": {"get": {}, "delete": {}},
            "/x/batch": {"post": {}}
        }}))
    }

    #[track_caller]
    fn check(method: &Method, path: &str, status: u16) {
        assert_eq!(routes().refusal(method, path).status_code().as_u16(), status, "{method} {path}");
    }

    #[test]
    fn other_methods_of_a_known_path_are_405_and_unknown_paths_404() {
        check(&Method::PUT, "/x", 405);
        check(&Method::PATCH, "/x/7", 405);
        check(&Method::GET, "/x/batch", 405);
        check(&Method::GET, "/x/", 404);
        check(&Method::GET, "/y", 404);
        check(&Method::GET, "/x/7/8", 404);
        check(&Method::GET, "/x/7", 404);
    }

    #[test]
    fn allow_lists_head_beside_get() {
        let answer = routes().refusal(&Method::PUT, "/x").render(None);
        assert_eq!(answer.headers().get("allow").unwrap(), "GET, HEAD, POST");
    }

    #[test]
    fn an_operation_knows_its_query_parameters_and_is_guarded_unless_it_says_otherwise() {
        let routes = routes();
        let get = routes.operation(&Method::GET, "/x").unwrap();
        assert!(get.is_guarded && get.parameters.contains("q") && !get.parameters.contains("h"));
        assert!(get.takes("q") && get.takes("name.like") && !get.takes("q.like") && !get.takes("h"));
        let post = routes.operation(&Method::POST, "/x").unwrap();
        assert!(!post.is_guarded && post.has_body && !get.has_body);
    }
}
