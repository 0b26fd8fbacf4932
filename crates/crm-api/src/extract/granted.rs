//! Who asks, and what the policy lets them do.
//!
//! [`authenticated`] stands before the routes, so that nobody without a session gets as far as any other check. It goes
//! by the OpenAPI document: an operation is guarded unless the document says that it is open to all. A handler that
//! would forget to say so finds no actor, and answers 401.

use std::{
    future::{Ready, ready},
    net::IpAddr,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap},
    },
    middleware::Next,
    web::Data,
};
use crm_app::{App, Credential, Error, SignedIn};
use crm_domain::{
    Invalid, Violation,
    access::{ActionType, Actor, Grant, Guarded, policy},
};
use crm_monitoring::{ClientAddress, RequestId, identify};
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    Query,
    body::no_body,
    cached::{Audience, narrow},
    conditions::only,
};
use crate::{
    openapi::{Operation, Routes},
    problem::{Code, Problem},
    rates::Rates,
};

/// Whoever is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) SignedIn);

impl Caller {
    /// The caller as the policy sees them.
    pub(crate) fn actor(&self) -> &Actor {
        &self.0.actor
    }
}

/// The policy's yes to the caller doing `A` with records of type `R`.
#[derive(Debug)]
pub(crate) struct Granted<A: ActionType, R: Guarded>(pub(crate) Grant<A, R>);

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        // Whoever takes the caller may answer anything about them.
        narrow(request, Audience::Unkept);
        ready(request.extensions().get::<Self>().cloned().ok_or_else(nobody))
    }
}

/// Whoever is signed in, as far as their permissions go: two viewers with the same ones are shown the same.
#[derive(Clone, Debug)]
pub(crate) struct Viewer(Caller);

impl Viewer {
    /// For the policy alone.
    pub(crate) fn actor(&self) -> &Actor {
        self.0.actor()
    }
}

impl FromRequest for Viewer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Caller>().cloned().map(Self).ok_or_else(nobody))
    }
}

impl<A: ActionType, R: Guarded> FromRequest for Granted<A, R> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let caller = extensions.get::<Caller>().ok_or_else(nobody);
        ready(caller.and_then(|caller| Ok(Self(policy::authorise(caller.actor())?))))
    }
}

/// Looks up who asks, and refuses parameters that the operation does not have, and a body where it has none.
pub(crate) async fn authenticated<B: MessageBody + 'static>(
    app: Data<App>,
    rates: Data<Rates>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let operation = Routes::shared().operation(request.method(), request.path());
    let admitted = match operation {
        Some(operation) => match admit(&app, &rates, operation, &request).await {
            Ok(()) if is_bodiless(operation, request.method()) => no_body(&mut request).await,
            admitted => admitted,
        },
        // What the document does not have is not there, whatever a route may take its path for.
        None => rates
            .stranger(address(&request))
            .and_then(|()| Err(Routes::shared().refusal(request.method(), request.path()))),
    };
    match admitted {
        Ok(()) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(problem) => Ok(request.error_response(problem)),
    }
}

async fn admit(app: &App, rates: &Rates, operation: &Operation, request: &ServiceRequest) -> Result<(), Problem> {
    if operation.is_guarded {
        let mut caller = match known(app, operation, request).await {
            Ok(caller) => caller,
            // Whoever guesses tokens is a stranger, however many they send.
            Err(problem) => return rates.stranger(address(request)).and(Err(problem)),
        };
        rates.caller(bucket(&caller))?;
        if caller.must_enrol() && !operation.is_enrolment {
            return Err(Error::EnrolmentRequired.into());
        }
        if let Some(id) = RequestId::of(request) {
            caller.actor = caller.actor.with_request_id(id.as_str());
        }
        identify(request, caller.user.id.to_string(), caller.actor.role().name.as_str());
        request.extensions_mut().insert(Caller(caller));
    } else {
        rates.stranger(address(request))?;
    }
    let query = Query::parse(request.query_string()).map_err(Problem::parameters)?;
    let unknown = query.pairs().filter(|(name, _)| !operation.takes(name));
    let violation = Violation::new("unknown_parameter", "is not a parameter of this operation");
    let errors: Vec<_> = unknown.map(|(name, _)| violation.clone().at(name)).collect();
    Invalid { errors }.finish(()).map_err(Problem::parameters)
}

/// What comes with a `GET` means nothing (RFC 9110, section 9.3.1), and what comes after a handshake is no body.
fn is_bodiless(operation: &Operation, method: &Method) -> bool {
    !operation.has_body && method != Method::GET
}

async fn known(app: &App, operation: &Operation, request: &ServiceRequest) -> Result<SignedIn, Problem> {
    if let Some(token) = bearer(request.headers()) {
        return Ok(app.sessions().actor(&SecretString::from(token)).await?);
    }
    // Where a browser can send no header, a ticket stands in the address. It is used up by this, whatever comes of it.
    let mut query = Query::parse(request.query_string()).map_err(Problem::parameters)?;
    let ticket = if operation.takes("ticket") { query.take("ticket")? } else { None };
    Ok(app.realtime().redeem_ticket(&SecretString::from(ticket.ok_or_else(nobody)?)).await?)
}

/// A user has one bucket for all sessions, and each API key one of its own.
fn bucket(caller: &SignedIn) -> Uuid {
    match caller.credential {
        Credential::Session(_) => caller.user.id.uuid(),
        Credential::ApiKey(key) => key.uuid(),
    }
}

fn address(request: &ServiceRequest) -> Option<IpAddr> {
    request.extensions().get::<ClientAddress>().map(|address| address.0)
}

fn nobody() -> Problem {
    Problem::new(Code::Unauthenticated, "Send a valid access token as Authorization: Bearer …")
}

/// The token of the one `Authorization` header (RFC 6750).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = only(headers, &header::AUTHORIZATION).ok()??.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let is_token = scheme.eq_ignore_ascii_case("bearer") && token.bytes().all(|byte| byte.is_ascii_graphic());
    (is_token && (1..=LONGEST_TOKEN).contains(&token.len())).then_some(token)
}

/// Beyond this no token is looked up, in bytes.
const LONGEST_TOKEN: usize = 512;

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_scheme_is_bearer_in_any_case_and_the_token_one_word() {
        let token = |value: &str| {
            let request = TestRequest::default().insert_header((header::AUTHORIZATION, value)).to_http_request();
            bearer(request.headers()).map(str::to_owned)
        };
        assert_eq!(token("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(token("bearer  abc").as_deref(), Some("abc"));
        for bad in
            ["", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "Bearerabc", &format!("Bearer {}", "x".repeat(513))]
        {
            assert_eq!(token(bad), None, "{bad}");
        }
    }
}
