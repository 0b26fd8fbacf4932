//! What each error of a use case is to the caller.

use crm_app::Error;
use crm_domain::{Invalid, access::Denied};

use super::{Code, Problem};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unauthenticated => {
                Self::new(Code::Unauthenticated, "The access token is not valid, or not any more.")
            }
            Error::Denied(denied) => denied.into(),
            Error::SessionRequired => Self::new(Code::SessionRequired, "Sign in to do this; an API key may not."),
            Error::SecondFactorRequired => {
                Self::new(Code::SecondFactorRequired, "Show a code of your second factor with the password.")
            }
            Error::EnrolmentRequired => {
                Self::new(Code::SecondFactorEnrolmentRequired, "Your role asks for a second factor; set one up first.")
            }
            Error::NoMail => Self::new(Code::NoMail, "No mail can be sent from this server.").retry_after(NEXT_HOUR),
            Error::NotFound => Self::not_found(),
            Error::Stale { current } => {
                let detail = "The record is not at the version that If-Match names.";
                Self::new(Code::Stale, detail).with_current(current)
            }
            Error::Conflict { code, detail } => Self::new(Code::named(code).unwrap_or(Code::Conflict), detail),
            Error::Invalid(invalid) => invalid.into(),
            Error::IdempotencyReused => {
                Self::new(Code::IdempotencyKeyReused, "The key was used on this path with another body.")
            }
            Error::TooLarge { limit } => Self::too_large(limit),
            Error::TooManyAttempts { retry_after_seconds } => {
                Self::new(Code::TooManyAttempts, "Too many attempts have failed, or too many wait.")
                    .retry_after(retry_after_seconds)
            }
            Error::Busy { retry_after_seconds } => {
                Self::new(Code::Busy, "The database has too much to do.").retry_after(retry_after_seconds)
            }
            Error::Unavailable(source) => Self::new(Code::Unavailable, "The database cannot be used at the moment.")
                .with_cause(causes(&*source))
                .retry_after(Error::RETRY_AFTER_SECONDS),
            Error::StorageFull => Self::new(Code::StorageFull, "Nothing can be stored at the moment."),
            Error::Internal(source) => Self::internal(causes(&*source)),
            error @ Error::Answered(_) => Self::internal(causes(&error)),
        }
    }
}

/// What only an operator can mend is not mended within seconds.
const NEXT_HOUR: u64 = 3600;

impl Problem {
    /// What a refusal is, where it stays in other hands: one operation of a batch.
    pub(crate) fn from_refusal(error: &Error) -> Self {
        match error {
            Error::Denied(denied) => (*denied).into(),
            Error::NotFound => Self::not_found(),
            Error::Stale { current } => Error::Stale { current: current.clone() }.into(),
            Error::Conflict { code, detail } => Error::Conflict { code, detail: detail.clone() }.into(),
            Error::Invalid(invalid) => invalid.clone().into(),
            other => Self::internal(causes(other)),
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let (action, resource) = (denied.action.as_ref(), denied.resource.as_ref());
        Self::new(Code::Forbidden, format!("Your role does not include the permission to {action} {resource}."))
    }
}

/// Bodies: what is invalid there is 422. Query parameters use [`Problem::parameters`].
impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::new(Code::Invalid, "Some fields are not valid.").with_errors(invalid.errors)
    }
}

/// The error and what caused it, for the log.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;

    use super::*;

    #[track_caller]
    fn check(error: Error, status: u16, code: &str) {
        let (name, problem) = (error.code(), Problem::from(error));
        let document = problem.to_json();
        assert_eq!((problem.status_code().as_u16(), document["code"].as_str()), (status, Some(code)));
        if name != "internal" {
            assert_eq!(name, code, "the use case and the answer call it by one name");
        }
    }

    #[test]
    fn each_error_of_a_use_case_has_its_status_and_keeps_its_code() {
        check(Error::Unauthenticated, 401, "unauthenticated");
        check(Error::SessionRequired, 403, "session_required");
        check(Error::SecondFactorRequired, 401, "second_factor_required");
        check(Error::EnrolmentRequired, 403, "second_factor_enrolment_required");
        check(Error::NoMail, 503, "no_mail");
        check(Error::NotFound, 404, "not_found");
        check(Error::Stale { current: serde_json::json!({"version": 3}) }, 412, "stale");
        check(Error::Conflict { code: "taken", detail: "x".to_owned() }, 409, "taken");
        check(Error::Conflict { code: "referenced", detail: "x".to_owned() }, 409, "referenced");
        check(Error::Invalid(Invalid::one("/name", "required", "x")), 422, "invalid");
        check(Error::IdempotencyReused, 422, "idempotency_key_reused");
        check(Error::TooLarge { limit: 9 }, 413, "too_large");
        check(Error::TooManyAttempts { retry_after_seconds: 9 }, 429, "too_many_attempts");
        check(Error::BUSY, 503, "busy");
        check(Error::StorageFull, 507, "storage_full");
        check(Error::internal("disk on fire"), 500, "internal");
    }

    #[test]
    fn nothing_internal_is_told() {
        let problem = Problem::from(Error::internal("password=hunter2 in table users"));
        assert!(!problem.to_json().to_string().contains("hunter2"));
        assert_eq!(problem.cause(), Some("password=hunter2 in table users"));
    }
}
