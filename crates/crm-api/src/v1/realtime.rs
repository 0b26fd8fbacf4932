//! `/realtime`: the WebSocket, and tickets for those who cannot send headers with one.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, get,
    http::header::{self, HeaderValue},
    post, rt,
    web::{Data, Payload},
};
use crm_app::{App, Closing, TICKET};
use crm_monitoring::ClientAddress;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;
use utoipa::{
    ToSchema,
    openapi::path::{Parameter, ParameterIn},
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    ApiSettings,
    extract::Caller,
    openapi::query,
    problem::{Code, Problem},
    socket,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(ticket).service(open);
}

/// The protocol that is spoken.
const PROTOCOL: &str = "crm.v1";

/// The greatest message of a client, in bytes.
const MOST_BYTES: usize = 16 * 1024;

/// A ticket, told this once.
#[derive(Serialize, ToSchema)]
struct Ticket<'a> {
    /// For `?ticket=`. It works once.
    ticket: &'a str,
    /// For how many seconds.
    expires_in: i64,
}

/// Gives out a ticket for one socket.
///
/// Browsers cannot send an `Authorization` header with a WebSocket; they send this in its place, as `?ticket=`. It is in this
/// answer and in no other, so there is no `Idempotency-Key` here.
#[utoipa::path(tag = "realtime", operation_id = "issue_ticket",
    responses((status = 200, description = "The ticket.", body = Ticket)))]
#[post("/realtime/tickets")]
async fn ticket(app: Data<App>, caller: Caller) -> Result<HttpResponse, Problem> {
    let ticket = app.realtime().issue_ticket(&caller.0).await?;
    Ok(HttpResponse::Ok().json(Ticket { ticket: ticket.expose_secret(), expires_in: TICKET.num_seconds() }))
}

/// Opens a WebSocket that speaks `crm.v1`.
///
/// It tells of changes and notifications as they happen, as far as you may see them at that moment. `docs/notifications.md` has
/// the messages. Only pages of our own may open it from a browser.
#[utoipa::path(tag = "realtime", params(TicketParameter), responses(
    (status = 101, description = "From now on it is a WebSocket.")))]
#[get("/realtime")]
async fn open(
    app: Data<App>,
    settings: Data<ApiSettings>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let speaks = speaks(&request)?;
    let (mut response, session, messages) = actix_ws::handle(&request, payload)
        .map_err(|error| Problem::new(Code::MalformedRequest, format!("This is opened as a WebSocket: {error}.")))?;
    if speaks == Speaks::Ours {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    let address = request.extensions().get::<ClientAddress>().map(|address| address.0);
    if !is_ours(&request, &settings) {
        rt::spawn(socket::refuse(session, Closing::BadOrigin));
        return Ok(response);
    }
    match app.realtime().connect(&caller.0, address).await? {
        Some(connection) => {
            let heartbeat = app.settings().realtime.heartbeat;
            rt::spawn(socket::serve(connection, session, messages.max_frame_size(MOST_BYTES), heartbeat));
        }
        None => drop(rt::spawn(socket::refuse(session, Closing::Overload))),
    }
    Ok(response)
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Speaks {
    /// It named no protocol.
    Anything,
    /// It named ours among others.
    Ours,
}

fn speaks(request: &HttpRequest) -> Result<Speaks, Problem> {
    let mut lines = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).peekable();
    if lines.peek().is_none() {
        return Ok(Speaks::Anything);
    }
    let mut named = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim);
    if named.any(|name| name == PROTOCOL) {
        return Ok(Speaks::Ours);
    }
    Err(Problem::header(&header::SEC_WEBSOCKET_PROTOCOL, "must name crm.v1"))
}

/// Whether the page that opens the socket is one of ours: of this very host, or of the settings. What comes from no page, comes
/// from a program, which could say what it likes.
fn is_ours(request: &HttpRequest, settings: &ApiSettings) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let of_host = origin.split_once("://").map(|(_, host)| host);
    of_host.is_some_and(|of_host| host == Some(of_host)) || settings.origins.iter().any(|allowed| allowed == origin)
}

/// The parameter `ticket`, for the document.
struct TicketParameter;

impl utoipa::IntoParams for TicketParameter {
    fn into_params(_within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = json!({"type": "string", "minLength": 1, "maxLength": 64});
        vec![query("ticket", "A ticket, in place of the `Authorization` header.", &schema)]
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{ResponseError, test::TestRequest};

    use super::*;

    #[track_caller]
    fn check(origin: Option<&str>, ours: bool) {
        let settings = ApiSettings { origins: vec!["https://crm.example.com".to_owned()], ..ApiSettings::default() };
        let request = TestRequest::default().insert_header((header::HOST, "127.0.0.1:8080"));
        let request = origin.into_iter().fold(request, |one, origin| one.insert_header((header::ORIGIN, origin)));
        assert_eq!(is_ours(&request.to_http_request(), &settings), ours, "{origin:?}");
    }

    #[test]
    fn only_pages_of_our_own_open_sockets() {
        check(None, true);
        check(Some("http://127.0.0.1:8080"), true);
        check(Some("https://crm.example.com"), true);
        for other in
            ["https://example.com", "https://crm.example.com.evil.example", "null", "", "http://127.0.0.1:80", "x"]
        {
            check(Some(other), false);
        }
    }

    #[test]
    fn a_client_that_names_protocols_must_name_ours() {
        let named = |line: &str| {
            let request = TestRequest::default().insert_header((header::SEC_WEBSOCKET_PROTOCOL, line));
            speaks(&request.to_http_request()).map_err(|problem| problem.status_code().as_u16())
        };
        assert_eq!(named("crm.v1"), Ok(Speaks::Ours));
        assert_eq!(named("other, crm.v1"), Ok(Speaks::Ours));
        assert_eq!(named("crm.v2"), Err(400));
        assert_eq!(speaks(&TestRequest::default().to_http_request()).ok(), Some(Speaks::Anything));
    }
}
