//! The envelopes of answers: a record, a list, something made, a file.

mod file;

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
};
use crm_app::Answer;
use crm_domain::{Version, query::Page};
use serde::Serialize;
use uuid::Uuid;

pub(crate) use file::{exported, sent_file};

use crate::extract::{Address, etag};

/// Says that an answer is the one of the first request with the same key.
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// One record with its version as `ETag`.
pub(crate) fn record<T: Serialize>(version: Version, record: &T) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, etag(version))).json(record)
}

/// The caller has this version already.
pub(crate) fn not_modified(version: Version) -> HttpResponse {
    HttpResponse::NotModified().insert_header((header::ETAG, etag(version))).finish()
}

/// A page of a list.
pub(crate) fn list<T: Serialize>(page: &Page<T>, address: &Address) -> HttpResponse {
    let Page { items, next_cursor, total } = page;
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = next_cursor {
        response.insert_header((header::LINK, format!("<{}>; rel=\"next\"", address.after(cursor))));
    }
    response.json(List { items, next_cursor: next_cursor.as_deref(), total: *total })
}

/// A page of a list, as it is sent.
#[derive(Serialize)]
struct List<'a, T> {
    items: &'a [T],
    next_cursor: Option<&'a str>,
    total: Option<i64>,
}

/// The answer to having made a record, for storing beside an idempotency key.
pub(crate) fn made<T: Serialize>(collection: &str, id: Uuid, version: Version, record: &T) -> Answer {
    let location = format!("{}/{collection}/{id}", crate::v1::BASE);
    answer(StatusCode::CREATED, Some(location), Some(version), record)
}

/// The answer to having brought a record back, for storing beside an idempotency key.
pub(crate) fn restored<T: Serialize>(version: Version, record: &T) -> Answer {
    answer(StatusCode::OK, None, Some(version), record)
}

/// An answer with a body, for storing beside an idempotency key.
pub(crate) fn answer<T: Serialize>(
    status: StatusCode,
    location: Option<String>,
    version: Option<Version>,
    body: &T,
) -> Answer {
    let body = serde_json::to_vec(body).expect("answers serialise to JSON without failing");
    Answer { status: status.as_u16(), location, etag: version.map(etag), body, replayed: false }
}

/// Sends an answer that was made inside a unit of work, now or the first time.
pub(crate) fn sent(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).expect("only answers of ours are stored");
    let mut response = HttpResponse::build(status);
    if let Some(location) = answer.location {
        response.insert_header((header::LOCATION, location));
    }
    if let Some(etag) = answer.etag {
        response.insert_header((header::ETAG, etag));
    }
    if answer.replayed {
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    response.content_type("application/json").body(answer.body)
}

/// Done, and nothing more to say.
pub(crate) fn done() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// A file that browsers save.
fn attachment(name: &str) -> (HeaderName, String) {
    (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))
}
