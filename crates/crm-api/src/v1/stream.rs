//! `/changes/stream`: the change log as Server-Sent Events.

use std::time::Duration;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, get,
    http::header::{self, HeaderName},
    web::{Bytes, Data},
};
use crm_app::{App, Connection, Error};
use crm_domain::{Change, RecordedChange, Violation, access::Read};
use crm_monitoring::ClientAddress;
use futures_util::stream;
use serde_json::json;
use tokio::{sync::watch, time::sleep};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    extract::{Caller, Granted, Parameters},
    openapi::query,
    problem::Problem,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(stream_changes);
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How often something is sent when there is nothing to say, so that nobody in between takes the connection for dead.
const QUIET: Duration = Duration::from_secs(15);

/// How many changes are sent in one piece.
const PIECE: u32 = 100;

/// Streams the changes as they happen, in order, as far as you may see the records: the same as `GET /changes`.
///
/// Each event has the position as its `id`; a client that reconnects sends the last one as `Last-Event-ID` and misses nothing.
/// Without one, and without `after`, it begins with what happens next.
#[utoipa::path(tag = "changes", params(AfterParameter), operation_id = "stream", responses(
    (status = 200, description = "Events named `change`, without end.", content_type = "text/event-stream", body = RecordedChange)))]
#[get("/changes/stream")]
async fn stream_changes(
    app: Data<App>,
    caller: Caller,
    Granted(_may): Granted<Read, Change>,
    Parameters(mut query): Parameters,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let after = query.read("after", position)?;
    let last = match request.headers().get(LAST_EVENT_ID) {
        Some(id) => {
            let id = id.to_str().ok().and_then(|id| position(id).ok());
            Some(id.ok_or_else(|| Problem::header(&LAST_EVENT_ID, "must be the id of an event"))?)
        }
        None => after,
    };
    let address = request.extensions().get::<ClientAddress>().map(|address| address.0);
    let connection = app.realtime().connect(&caller.0, address).await?.ok_or(Error::Busy { retry_after_seconds: 1 })?;
    let after = last.unwrap_or_else(|| connection.position());
    let events = Events { connection, positions: app.realtime().positions(), after, is_open: false };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // What is compressed is held back until there is enough of it.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .streaming(stream::unfold(events, Events::next)))
}

fn position(text: &str) -> Result<i64, Violation> {
    let position = text.parse().ok().filter(|position| *position >= 0);
    position.ok_or_else(|| Violation::new("position", "must be a whole number from 0"))
}

struct Events {
    connection: Connection,
    positions: watch::Receiver<i64>,
    after: i64,
    is_open: bool,
}

impl Events {
    /// The next piece; none where the stream ends, for a reason that the client finds out when it comes again.
    async fn next(mut self) -> Option<(Result<Bytes, actix_web::Error>, Self)> {
        if !self.is_open {
            self.is_open = true;
            return Some((Ok(Bytes::from_static(b"retry: 1000\n\n")), self));
        }
        let ending = self.connection.ending();
        loop {
            self.positions.mark_unchanged();
            let page = self.connection.read_log(self.after, PIECE).await.ok()?;
            if ending.now().is_some() {
                return None;
            }
            if let Some(last) = page.last().and_then(|last| last.position) {
                self.after = last;
                return Some((Ok(written(&page)), self));
            }
            tokio::select! {
                _ = ending.wait() => return None,
                moved = self.positions.changed() => moved.ok()?,
                () = sleep(QUIET) => return Some((Ok(Bytes::from_static(b":\n\n")), self)),
            }
        }
    }
}

fn written(page: &[RecordedChange]) -> Bytes {
    let one = |change: &RecordedChange| {
        let data = serde_json::to_string(change).expect("changes serialise to JSON without failing");
        format!("id: {}\nevent: change\ndata: {data}\n\n", change.position.unwrap_or_default())
    };
    page.iter().map(one).collect::<String>().into()
}

/// The parameter `after`, for the document.
struct AfterParameter;

impl utoipa::IntoParams for AfterParameter {
    fn into_params(_within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = json!({"type": "integer", "format": "int64", "minimum": 0});
        vec![query(
            "after",
            "The position of the last change that you have, for those who send no `Last-Event-ID`.",
            &schema,
        )]
    }
}
