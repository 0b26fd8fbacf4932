//! What handlers take: each extractor reads one part of the request, and a handler that has it need not check again.
//!
//! Extractors hold no rules of the business. A query parameter that breaks a rule is 400, a body that does is 422.

mod body;
mod cached;
mod conditions;
mod form;
mod granted;
mod idempotency;
mod list;
mod new_user;
mod path_id;
mod query;
mod secret;

pub(crate) use body::{Body, FromJson, typed};
pub(crate) use cached::cached;
pub(crate) use conditions::{IfMatch, IfNoneMatch, PutIfMatch, etag};
pub(crate) use form::Form;
pub(crate) use granted::{Caller, Granted, Viewer, authenticated};
pub(crate) use idempotency::{Key, LONGEST_KEY};
pub(crate) use list::{Address, Expand, ListParameters, MOST_LIMIT, PageParameters, known, words};
pub(crate) use new_user::NewUserBody;
pub(crate) use path_id::{InPath, PathId};
pub(crate) use query::{Parameters, Query, parameter};
pub(crate) use secret::Secret;
