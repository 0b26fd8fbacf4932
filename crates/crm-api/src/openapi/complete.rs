//! Completes the collected document by the rules that hold for every operation.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{batch, examples, schemas};
use crate::{
    extract::LONGEST_KEY,
    problem::{PROBLEM_JSON, code::TABLE},
    v1::RESOURCES,
};

/// Adds everything that follows from what the handlers say.
pub(super) fn complete(document: &mut Value) {
    document["openapi"] = json!("3.1.0");
    document["info"] = information();
    document["servers"] = json!([{"url": "/"}]);
    document["tags"] = tags();
    schemas::complete(&mut document["components"]["schemas"]);
    batch::complete(&mut document["components"]["schemas"]);
    examples::add(&mut document["components"]["schemas"]);
    document["components"]["responses"] = problem_responses();
    document["components"]["headers"] = headers();
    document["components"]["securitySchemes"] = json!({"bearer": {
        "type": "http", "scheme": "bearer", "description": "The `access_token` of `POST /api/v1/auth/login`.",
    }});
    document["security"] = json!([{"bearer": []}]);
    for (path, item) in document["paths"].as_object_mut().expect("there are paths") {
        for (method, operation) in item.as_object_mut().expect("a path has methods") {
            Operation { path, method, value: operation }.complete();
        }
    }
}

fn information() -> Value {
    json!({
        "title": "CRM",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Organisations, people, mandates, products and what lies between them. Every answer that is not a success is a problem \
            document (RFC 9457); its codes are listed at `/api/docs/problems`. Records are changed with `If-Match`, made \
            with an optional `Idempotency-Key`, and listed page by page with `cursor`.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    })
}

fn tags() -> Value {
    let tags = [
        ("auth", "Signing in and out."),
        ("access", "What you may, and why."),
        ("links", "Who works with which organisation."),
        ("mandate_products", "What is sold under which mandate."),
        ("timeline", "What happened with a record, and what is to be done, in one list."),
        ("figures", "How the business stands: counts and sums over what the caller may see."),
        ("search", "One ranked list over everything that the caller may see."),
        ("imports", "Many records from one file, which can be taken back as a whole."),
        ("users", "Those who sign in."),
        ("teams", "Users who share records."),
        ("roles", "Sets of permissions."),
        ("monitoring", "How the service is, for those who run it."),
        ("notifications", "What you are told."),
        ("webhooks", "Where changes are sent to, for those who manage the service."),
        ("realtime", "Changes and notifications as they happen."),
        ("changes", "The change log: who did what to which record, in one order."),
        ("health", "Whether the service runs, and whether it can serve."),
        ("documentation", "This document, and pages that explain it."),
    ];
    let resources = RESOURCES.iter().map(|resource| (resource.tag, resource.about));
    let tags = tags[..1].iter().copied().chain(resources).chain(tags[1..].iter().copied());
    tags.map(|(name, description)| json!({"name": name, "description": description})).collect()
}

/// One response for each status of the table of codes, under the name `Problem<status>`.
fn problem_responses() -> Value {
    let mut titles: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for row in TABLE {
        titles.entry(row.status.as_u16()).or_default().push(format!("`{}`: {}.", row.name, row.title));
    }
    let responses = titles.into_iter().map(|(status, titles)| {
        let mut headers = json!({"X-Request-Id": reference("headers", "X-Request-Id")});
        if [429, 503].contains(&status) {
            headers["Retry-After"] = reference("headers", "Retry-After");
        }
        if status == 401 {
            headers["WWW-Authenticate"] = reference("headers", "WWW-Authenticate");
        }
        let content = json!({PROBLEM_JSON: {"schema": reference("schemas", "Problem")}});
        (format!("Problem{status}"), json!({"description": titles.join(" "), "content": content, "headers": headers}))
    });
    Value::Object(responses.collect())
}

fn headers() -> Value {
    let text = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    json!({
        "X-Request-Id": text("The id of the request, its own if it had a valid one."),
        "ETag": {"description": "The version of the record, for `If-Match`.", "schema": {"type": "string", "pattern": "^\"[1-9][0-9]*\"$"}},
        "Location": {"description": "Where the new record is.", "schema": {"type": "string", "format": "uri-reference"}},
        "Link": text("The next page, `rel=\"next\"`, unless this is the last one (RFC 8288)."),
        "Retry-After": {"description": "When to try again, in seconds.", "schema": {"type": "integer", "minimum": 0}},
        "WWW-Authenticate": text("The scheme of authentication, always `Bearer`."),
        "Idempotency-Replayed": {"description": "`true` when this is the stored answer to the first request with this key.", "schema": {"type": "string", "enum": ["true"]}},
        "Content-Disposition": text("The name of the file."),
    })
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

/// `If-Match` with one strong tag or `*`.
pub(super) const ENTITY_TAG: &str = "^(\\*|\"[1-9][0-9]{0,17}\")$";

/// Whether an operation needs a token: all do, unless they say that they need nothing.
pub(super) fn is_guarded(operation: &Value) -> bool {
    let needs_something = |scheme: &Value| scheme.as_object().is_some_and(|scheme| !scheme.is_empty());
    operation["security"].as_array().is_none_or(|schemes| schemes.iter().any(needs_something))
}

struct Operation<'a> {
    path: &'a str,
    method: &'a str,
    value: &'a mut Value,
}

impl Operation<'_> {
    fn complete(&mut self) {
        self.name_it();
        if self.value["requestBody"].is_object() {
            self.value["requestBody"]["required"] = json!(true);
        }
        self.add_parameters();
        // Those that the handler names itself have the same document.
        let named = self.value["responses"].as_object().into_iter().flatten();
        let named: Vec<u16> =
            named.filter_map(|(status, _)| status.parse().ok()).filter(|status| *status >= 400).collect();
        for status in self.problems().into_iter().chain(named) {
            self.value["responses"][status.to_string()] = reference("responses", &format!("Problem{status}"));
        }
        self.add_headers();
    }

    /// Handlers of different resources have the same names, but operation ids are unique.
    fn name_it(&mut self) {
        let tag = self.tag().to_owned();
        let name = self.value["operationId"].as_str().unwrap_or_default();
        self.value["operationId"] = json!(format!("{tag}_{name}"));
        if self.method == "post" && self.value["requestBody"].is_object() {
            schemas::use_create_schema(&mut self.value["requestBody"]);
            batch::use_schema(&tag, &mut self.value["requestBody"]);
        }
    }

    fn tag(&self) -> &str {
        self.value["tags"][0].as_str().unwrap_or_default()
    }

    fn is_auth(&self) -> bool {
        self.tag() == "auth"
    }

    fn is_guarded(&self) -> bool {
        is_guarded(self.value)
    }

    fn needs_version(&self) -> bool {
        // What belongs to signing in, and what is set while the service runs, has no versions.
        matches!(self.method, "patch" | "delete") && !self.is_auth() && self.tag() != "monitoring"
    }

    fn takes_version(&self) -> bool {
        self.needs_version() || (self.method == "put" && !self.is_of_oneself() && self.tag() != "monitoring")
    }

    /// Whether it is about something that one has for oneself, and that has no version.
    fn is_of_oneself(&self) -> bool {
        self.path.ends_with("/preferences")
    }

    fn takes_key(&self) -> bool {
        // A ticket and a secret are told once: no answer with one is kept.
        let tells_secret = self.path.ends_with("/webhooks") || self.path.ends_with("/rotate-secret");
        self.method == "post" && !self.is_auth() && self.tag() != "realtime" && !tells_secret
    }

    fn answers(&self, status: &str) -> bool {
        self.value["responses"].get(status).is_some()
    }

    fn has_parameter(&self, place: &str) -> bool {
        self.value["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["in"] == place)
    }

    fn add_parameters(&mut self) {
        let mut added: Vec<Value> = self.path_parameters();
        let header = |name: &str, required: bool, description: &str, schema: Value| json!({"name": name, "in": "header", "required": required, "description": description, "schema": schema});
        if self.takes_version() {
            let schema = json!({"type": "string", "minLength": 1, "maxLength": 20, "pattern": ENTITY_TAG, "examples": ["\"3\"", "*"]});
            added.push(header(
                "If-Match",
                self.needs_version(),
                "The `ETag` of the version that is meant, or `*` for any.",
                schema,
            ));
        }
        if self.takes_key() {
            let schema = json!({"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"});
            added.push(header(
                "Idempotency-Key",
                false,
                "Makes it safe to repeat the request: kept for 24 hours, per user and path.",
                schema,
            ));
        }
        if self.answers("304") {
            added.push(header(
                "If-None-Match",
                false,
                "`ETag`s that the caller already has.",
                json!({"type": "string"}),
            ));
        }
        let schema = json!({"type": "string"});
        added.push(header(
            "X-Request-Id",
            false,
            "An id for this request, 1 to 128 of `A-Z a-z 0-9 . _ -`; others are replaced.",
            schema,
        ));
        let parameters = &mut self.value["parameters"];
        if !parameters.is_array() {
            *parameters = json!([]);
        }
        parameters.as_array_mut().expect("it was made one above").extend(added);
    }

    /// Those in braces that the handler has not described itself are ids.
    fn path_parameters(&self) -> Vec<Value> {
        let known: Vec<&str> =
            self.value["parameters"].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
        let names = self.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
        let schema = json!({"type": "string", "format": "uuid"});
        names
            .filter(|name| !known.contains(name))
            .map(|name| json!({"name": name, "in": "path", "required": true, "description": "The id of the record.", "schema": schema}))
            .collect()
    }

    /// Every status but the successes that this operation can answer.
    fn problems(&self) -> Vec<u16> {
        let is_api = self.path.starts_with(crate::v1::BASE);
        let writes = is_api && self.method != "get";
        // What has no body refuses one.
        let has_body = self.value["requestBody"].is_object() || self.method != "get";
        let rules = [
            // Every operation refuses parameters that it does not have.
            (400, true),
            (401, self.is_guarded()),
            (403, self.is_guarded()),
            (404, self.has_parameter("path")),
            (408, has_body),
            (409, writes && !self.is_auth()),
            (412, self.takes_version()),
            (413, has_body),
            (415, has_body),
            (422, has_body || self.takes_key()),
            (428, self.needs_version()),
            (429, true),
            (500, true),
            (503, true),
            (507, writes),
        ];
        rules.into_iter().filter(|(_, holds)| *holds).map(|(status, _)| status).collect()
    }

    fn add_headers(&mut self) {
        let (is_post, is_change) = (self.takes_key(), self.takes_version() && self.method != "delete");
        let is_record = self.answers("304") || self.path.ends_with("/restore");
        let responses = self.value["responses"].as_object_mut().expect("an operation has responses");
        for (status, response) in responses.iter_mut().filter(|(_, response)| response.get("$ref").is_none()) {
            let mut names = vec!["X-Request-Id"];
            match status.as_str() {
                "200" if is_record || is_change => names.push("ETag"),
                "201" if self.method == "post" && !is_post => names.push("Location"),
                "201" => names.extend(["ETag", "Location"]),
                "202" => names.push("Location"),
                "304" => names.push("ETag"),
                _ => {}
            }
            if is_post && !status.starts_with('4') {
                names.push("Idempotency-Replayed");
            }
            if is_list(response) {
                names.push("Link");
            }
            if response["content"].get("text/csv").is_some() {
                names.push("Content-Disposition");
            }
            let headers: Map<String, Value> =
                names.into_iter().map(|name| (name.to_owned(), reference("headers", name))).collect();
            response["headers"] = Value::Object(headers);
        }
    }
}

fn is_list(response: &Value) -> bool {
    let schema = response["content"]["application/json"]["schema"]["$ref"].as_str();
    schema.is_some_and(|name| name.contains("/List_"))
}
