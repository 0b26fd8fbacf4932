//! Every error code there is, in one table: its name, its status, its title, and who should hear of it.
//!
//! A code is part of the contract: it is never renamed and never given another meaning. The page `/api/docs/problems`,
//! the OpenAPI document and the answers are all made from this table.

use actix_web::http::StatusCode;

/// Who should hear of a problem.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Report {
    /// Nobody but the caller, whose mistake it is.
    Caller,
    /// The operator, as a warning: the service is short of something.
    Warning,
    /// The developers, as an error: this should not have happened.
    Error,
}

/// The stable name of what went wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[allow(missing_docs)] // The table below says what each one means.
pub enum Code {
    MalformedRequest,
    MalformedJson,
    InvalidParameter,
    InvalidHeader,
    Unauthenticated,
    InvalidCredentials,
    SecondFactorRequired,
    Forbidden,
    SessionRequired,
    SecondFactorEnrolmentRequired,
    NotFound,
    MethodNotAllowed,
    BodyTimeout,
    Conflict,
    Taken,
    Ambiguous,
    NotDeleted,
    NotRevertible,
    IllegalTransition,
    MandateNotOpen,
    LastAdmin,
    BuiltIn,
    InUse,
    HoldsMore,
    SecondFactorExists,
    NotBegun,
    WebhookDisabled,
    TooMany,
    Referenced,
    Stale,
    TooLarge,
    UnsupportedMediaType,
    Invalid,
    BatchRefused,
    IdempotencyKeyReused,
    VersionRequired,
    TooManyAttempts,
    RateLimited,
    RequestRefused,
    Internal,
    Busy,
    Unavailable,
    NoMail,
    Timeout,
    StorageFull,
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// The code.
    pub code: Code,
    /// Its name in answers, `snake_case`.
    pub name: &'static str,
    /// The status of its answers.
    pub status: StatusCode,
    /// A short, fixed sentence for people.
    pub title: &'static str,
    /// When it happens and what to do, for the documentation.
    pub help: &'static str,
    /// Who should hear of it.
    pub report: Report,
}

const fn row(code: Code, name: &'static str, status: StatusCode, title: &'static str, help: &'static str) -> Row {
    Row { code, name, status, title, help, report: Report::Caller }
}

#[expect(clippy::needless_pass_by_value, reason = "constants cannot drop a row in part")]
const fn reported(report: Report, row: Row) -> Row {
    let Row { code, name, status, title, help, .. } = row;
    Row { code, name, status, title, help, report }
}

/// All codes, in the order of [`Code`].
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    row(Code::MalformedRequest, "malformed_request", StatusCode::BAD_REQUEST,
        "The request cannot be read", "The body or its framing is broken, for example a multipart body without a boundary."),
    row(Code::MalformedJson, "malformed_json", StatusCode::BAD_REQUEST,
        "The body is not JSON", "The detail names line and column. Nesting beyond 128 levels is refused too."),
    row(Code::InvalidParameter, "invalid_parameter", StatusCode::BAD_REQUEST,
        "A query parameter is unknown or malformed", "`errors` names each parameter and what it takes."),
    row(Code::InvalidHeader, "invalid_header", StatusCode::BAD_REQUEST,
        "A header is malformed", "The detail names the header and what it takes."),
    row(Code::Unauthenticated, "unauthenticated", StatusCode::UNAUTHORIZED,
        "Sign in first", "There is no valid access token: none was sent, it has expired, or its session has ended. Refresh it, or sign in again."),
    row(Code::InvalidCredentials, "invalid_credentials", StatusCode::UNAUTHORIZED,
        "The sign-in failed", "The address, the password or the refresh token is wrong, or the account is switched off. Which one is not told."),
    row(Code::SecondFactorRequired, "second_factor_required", StatusCode::UNAUTHORIZED,
        "A code is asked for", "The password is right. Send the sign-in again with `code`: what the authenticator shows, or a recovery code."),
    row(Code::Forbidden, "forbidden", StatusCode::FORBIDDEN,
        "Your role does not allow this", "No record is meant: the role has no such permission at all."),
    row(Code::SessionRequired, "session_required", StatusCode::FORBIDDEN,
        "Sign in to do this", "An API key may not make keys, change passwords, or list and end sessions. Use the access token of a session."),
    row(Code::SecondFactorEnrolmentRequired, "second_factor_enrolment_required", StatusCode::FORBIDDEN,
        "Set up a second factor first", "Your role asks for one and you have none: `POST /api/v1/auth/totp`, then confirm it. Until then you can only sign out."),
    row(Code::NotFound, "not_found", StatusCode::NOT_FOUND,
        "Not found", "It does not exist, was deleted, or lies outside of what you may see."),
    row(Code::MethodNotAllowed, "method_not_allowed", StatusCode::METHOD_NOT_ALLOWED,
        "This method is not available here", "The header `Allow` lists the methods that are."),
    row(Code::BodyTimeout, "body_timeout", StatusCode::REQUEST_TIMEOUT,
        "The body came too slowly", "The request was cut off before all of its body had arrived. Send it again."),
    row(Code::Conflict, "conflict", StatusCode::CONFLICT,
        "The present state does not allow this", "The detail says which state stands in the way."),
    row(Code::Taken, "taken", StatusCode::CONFLICT,
        "A value is already taken", "The detail names the field whose value another record has."),
    row(Code::Ambiguous, "ambiguous", StatusCode::CONFLICT,
        "More than one record is meant", "An upsert found several records with the value that it matches by."),
    row(Code::NotDeleted, "not_deleted", StatusCode::CONFLICT,
        "The record is not deleted", "Only a deleted record can be restored."),
    row(Code::NotRevertible, "not_revertible", StatusCode::CONFLICT,
        "The import cannot be taken back", "It is still running, was only a trial, or has been taken back already."),
    row(Code::IllegalTransition, "illegal_transition", StatusCode::CONFLICT,
        "The status cannot become that", "A mandate moves from proposed to signed, active and ended, one step at a time and never back."),
    row(Code::MandateNotOpen, "mandate_not_open", StatusCode::CONFLICT,
        "The mandate is neither signed nor active", "Products are attached and detached only while it is. Those of an ended mandate stay as its history."),
    row(Code::LastAdmin, "last_admin", StatusCode::CONFLICT,
        "Somebody must be left to administer", "The last active administrator cannot be removed, demoted or switched off."),
    row(Code::BuiltIn, "built_in", StatusCode::CONFLICT,
        "A built-in role is fixed", "It can be neither changed nor removed. Make a role of your own instead."),
    row(Code::InUse, "in_use", StatusCode::CONFLICT,
        "It is still in use", "Users have this role or belong to this team. Give them another one first."),
    row(Code::HoldsMore, "holds_more", StatusCode::CONFLICT,
        "The user may more than you", "Whoever could change or remove an account that allows more could take it over. Somebody who may as much can do it."),
    row(Code::SecondFactorExists, "second_factor_exists", StatusCode::CONFLICT,
        "There is a second factor already", "Remove it before you set up another one."),
    row(Code::NotBegun, "not_begun", StatusCode::CONFLICT,
        "There is nothing to confirm", "Begin a second factor first: `POST /api/v1/auth/totp`."),
    row(Code::WebhookDisabled, "webhook_disabled", StatusCode::CONFLICT,
        "The webhook is switched off", "Nothing is sent by a webhook that is switched off. Switch it on first."),
    row(Code::TooMany, "too_many", StatusCode::CONFLICT,
        "There are too many already", "Remove one that is not needed any more."),
    row(Code::Referenced, "referenced", StatusCode::CONFLICT,
        "A record that is referred to does not exist", "It was removed meanwhile, or never existed."),
    row(Code::Stale, "stale", StatusCode::PRECONDITION_FAILED,
        "The record has changed", "`If-Match` names another version than the current one, which is in `current`."),
    row(Code::TooLarge, "too_large", StatusCode::PAYLOAD_TOO_LARGE,
        "The body is too large", "The detail says how many bytes are taken."),
    row(Code::UnsupportedMediaType, "unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "The body has the wrong media type", "The detail says which one is taken. Compressed bodies are not."),
    row(Code::Invalid, "invalid", StatusCode::UNPROCESSABLE_ENTITY,
        "The input is not valid", "`errors` names each field by a JSON pointer, with the rule that it breaks."),
    row(Code::BatchRefused, "batch_refused", StatusCode::UNPROCESSABLE_ENTITY,
        "The batch was not carried out", "It stands and falls as a whole, and some operations failed: `errors` names them. Nothing was changed."),
    row(Code::IdempotencyKeyReused, "idempotency_key_reused", StatusCode::UNPROCESSABLE_ENTITY,
        "The idempotency key belongs to another request", "It was used on this path with another body. Take a new key."),
    row(Code::VersionRequired, "version_required", StatusCode::PRECONDITION_REQUIRED,
        "Say which version you mean", "Send `If-Match` with the record's `ETag`, or `*` to change it whatever its version."),
    row(Code::TooManyAttempts, "too_many_attempts", StatusCode::TOO_MANY_REQUESTS,
        "Too many attempts", "Wait as long as `Retry-After` says."),
    row(Code::RateLimited, "rate_limited", StatusCode::TOO_MANY_REQUESTS,
        "Too many requests", "Each caller may send only so many in a second. Wait as long as `Retry-After` says, and use batches."),
    row(Code::RequestRefused, "request_refused", StatusCode::BAD_REQUEST,
        "The request was refused", "The server would not process this request; the status says why."),
    reported(Report::Error, row(Code::Internal, "internal", StatusCode::INTERNAL_SERVER_ERROR,
        "Something went wrong on our side", "Nothing is wrong with the request. Report the `request_id`.")),
    reported(Report::Warning, row(Code::Busy, "busy", StatusCode::SERVICE_UNAVAILABLE,
        "Too much to do at the moment", "Repeat the request after `Retry-After` seconds.")),
    reported(Report::Warning, row(Code::Unavailable, "unavailable", StatusCode::SERVICE_UNAVAILABLE,
        "A part of the service is not available", "Repeat the request after `Retry-After` seconds.")),
    row(Code::NoMail, "no_mail", StatusCode::SERVICE_UNAVAILABLE,
        "This server sends no mail", "No mail server is set up. An administrator can give you a new password."),
    reported(Report::Warning, row(Code::Timeout, "timeout", StatusCode::SERVICE_UNAVAILABLE,
        "It took too long", "The request may or may not have had its effect; with an idempotency key it is safe to repeat.")),
    reported(Report::Warning, row(Code::StorageFull, "storage_full", StatusCode::INSUFFICIENT_STORAGE,
        "There is no room left to store this", "Reading goes on; writing does when the operator has made room.")),
];

impl Code {
    /// The code's row.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The code with this name.
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.code)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, fs, path::Path};

    use super::*;

    #[test]
    fn each_code_stands_once_and_in_its_own_row() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.code as usize, index, "{} is out of order", row.name);
        }
        let names: HashSet<_> = TABLE.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), TABLE.len());
        assert_eq!(TABLE.last().map(|row| row.code), Some(Code::StorageFull));
    }

    #[test]
    fn names_are_snake_case_and_texts_are_not_empty() {
        for row in TABLE {
            assert!(row.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", row.name);
            assert!(!row.title.is_empty() && !row.help.is_empty() && row.status.as_u16() >= 400, "{}", row.name);
        }
    }

    #[test]
    fn every_code_is_used_somewhere_in_this_crate() {
        let mut source = String::new();
        for folder in ["src", "../crm-app/src", "../crm-domain/src"] {
            read_all(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).as_path(), &mut source);
        }
        for row in TABLE {
            // A conflict is named by the use case or by the rule that finds it.
            let (usage, named) = (format!("Code::{:?}", row.code), format!("code: \"{}\"", row.name));
            assert!(source.contains(&usage) || source.contains(&named), "{usage} is used nowhere");
        }
    }

    #[test]
    fn every_conflict_that_a_use_case_names_is_in_the_table() {
        let mut source = String::new();
        for folder in ["../crm-app/src", "../crm-domain/src"] {
            read_all(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).as_path(), &mut source);
        }
        for (_, rest) in
            source.match_indices("Conflict { code: \"").map(|(at, found)| source[at..].split_at(found.len()))
        {
            let name = rest.split('"').next().unwrap();
            assert!(Code::named(name).is_some(), "{name} is no code of the table");
        }
    }

    fn read_all(folder: &Path, into: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read_all(&path, into);
            } else if path.file_name().is_some_and(|name| name != "code.rs") {
                into.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
}
