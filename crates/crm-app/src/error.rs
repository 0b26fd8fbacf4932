//! What can go wrong in a use case, told apart by what the caller can do about it.

use crm_domain::{Conflict, Invalid, Refused, access::Denied};
use crm_persistence::{Source, StoreError};
use serde_json::{Value, json};

use crate::Answer;

/// What can go wrong in a use case. The HTTP layer gives each variant its status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is signed in, or the credentials or the token are not good (any more). 401
    #[error("not signed in")]
    Unauthenticated,
    /// The role does not allow it, whichever the record. 403
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Only a session may do it, and the caller comes with an API key. 403
    #[error("an API key may not do this")]
    SessionRequired,
    /// The password is right, and a code of the second factor is asked for. 401
    #[error("a second factor is asked for")]
    SecondFactorRequired,
    /// The role asks for a second factor, and the caller has none yet. 403
    #[error("a second factor must be set up first")]
    EnrolmentRequired,
    /// No mail can be sent from this server. 503
    #[error("no mail can be sent")]
    NoMail,
    /// Not there, or not in the caller's scope. 404
    #[error("no such record")]
    NotFound,
    /// The version that the caller expects is not the current one. 412
    #[error("the record has changed since")]
    Stale {
        /// The record as it is now; an object with its `version` alone where it could not be read again.
        current: Value,
    },
    /// The state does not allow it, or a unique value is taken. 409
    #[error("{detail}")]
    Conflict {
        /// Stable name of the rule.
        code: &'static str,
        /// A sentence for people.
        detail: String,
    },
    /// Well-formed, but it breaks rules. 422
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The idempotency key has been used with another body. 422
    #[error("the idempotency key has been used for another request")]
    IdempotencyReused,
    /// An upload is larger than allowed. 413
    #[error("the upload is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// Too many attempts to sign in. 429
    #[error("too many attempts to sign in")]
    TooManyAttempts {
        /// When to try again, in seconds.
        retry_after_seconds: u64,
    },
    /// Overload: trying again helps. 503
    #[error("the service is busy")]
    Busy {
        /// When to try again, in seconds.
        retry_after_seconds: u64,
    },
    /// The database cannot be reached, or has not the schema of this program: trying again helps. 503
    #[error("the database cannot be used")]
    Unavailable(#[source] Source),
    /// The disk is full. 507
    #[error("the storage is full")]
    StorageFull,
    /// A defect: nothing that the caller did. 500
    #[error("unexpected error")]
    Internal(#[source] Source),
    /// An answer of a unit of work that keeps nothing of what it did. Use cases turn it into their answer; it never
    /// reaches their callers.
    #[doc(hidden)]
    #[error("answered without effect")]
    Answered(Box<Answer>),
}

impl Error {
    /// How long a client should wait before it tries an overloaded or broken service again, in seconds.
    pub const RETRY_AFTER_SECONDS: u64 = 1;

    /// Overload, with the usual waiting time.
    pub const BUSY: Self = Self::Busy { retry_after_seconds: Self::RETRY_AFTER_SECONDS };

    /// A defect, described for the log.
    pub fn internal(source: impl Into<Source>) -> Self {
        Self::Internal(source.into())
    }

    /// Whether the fault lies with the service and not with what was asked: nothing that was asked beside it can
    /// succeed either.
    pub fn is_fault_of_service(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unavailable(_) | Self::StorageFull | Self::Internal(_))
    }

    /// Whether the database answers, and has not the schema of this program.
    pub fn is_about_schema(&self) -> bool {
        let Self::Unavailable(source) = self else { return false };
        matches!(source.downcast_ref(), Some(StoreError::SchemaNotCurrent(_)))
    }

    /// The stable code of a refusal, for reports row by row; faults of the service have one as well.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::Denied(_) => "forbidden",
            Self::SessionRequired => "session_required",
            Self::SecondFactorRequired => "second_factor_required",
            Self::EnrolmentRequired => "second_factor_enrolment_required",
            Self::NoMail => "no_mail",
            Self::NotFound => "not_found",
            Self::Stale { .. } => "stale",
            Self::Conflict { code, .. } => code,
            Self::Invalid(_) => "invalid",
            Self::IdempotencyReused => "idempotency_key_reused",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::Busy { .. } => "busy",
            Self::Unavailable(_) => "unavailable",
            Self::StorageFull => "storage_full",
            Self::Internal(_) | Self::Answered(_) => "internal",
        }
    }
}

impl From<Conflict> for Error {
    fn from(Conflict { code, detail }: Conflict) -> Self {
        Self::Conflict { code, detail }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Invalid(invalid) => invalid.into(),
            Refused::Conflict(conflict) => conflict.into(),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::Stale { current } => Self::Stale { current: json!({ "version": current }) },
            StoreError::Conflict { field } => {
                Self::Conflict { code: "taken", detail: format!("another record has this value of {field}") }
            }
            StoreError::Reference { field: "" } => Self::Conflict {
                code: "referenced",
                detail: "a record that this one refers to does not exist".to_owned(),
            },
            StoreError::Reference { field } => {
                Invalid::one(format!("/{field}"), "not_found", "must be a record that exists").into()
            }
            StoreError::Refused { code, detail } => Self::Conflict { code, detail: detail.to_owned() },
            StoreError::Busy => Self::BUSY,
            StoreError::Unavailable(source) => Self::Unavailable(source),
            StoreError::StorageFull => Self::StorageFull,
            StoreError::Invalid(invalid) => Self::Invalid(invalid),
            StoreError::Internal(source) => Self::Internal(source),
            error @ StoreError::SchemaNotCurrent(_) => Self::Unavailable(error.into()),
            error @ StoreError::Settings(_) => Self::internal(error),
        }
    }
}
