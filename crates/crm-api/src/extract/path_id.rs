//! Ids in paths.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use crm_domain::{ApiKey, Id, Import, Notification, Session, Team, User, Webhook, WebhookDelivery, access::Role};

use crate::problem::Problem;

/// The id of a record of type `R`. What is no UUID names no record: 404.
#[derive(Debug)]
pub(crate) struct PathId<R>(pub(crate) Id<R>);

/// A record that paths name.
pub(crate) trait InPath {
    /// The name of its id where it is not the first record of the path, which is always called `id`.
    const NAME: &'static str;
}

impl InPath for User {
    const NAME: &'static str = "user_id";
}
impl InPath for Team {
    const NAME: &'static str = "team_id";
}
impl InPath for Role {
    const NAME: &'static str = "role_id";
}
impl InPath for Session {
    const NAME: &'static str = "session_id";
}
impl InPath for ApiKey {
    const NAME: &'static str = "key_id";
}
impl InPath for Notification {
    const NAME: &'static str = "notification_id";
}
impl InPath for Webhook {
    const NAME: &'static str = "webhook_id";
}
impl InPath for WebhookDelivery {
    const NAME: &'static str = "delivery_id";
}
impl InPath for Import {
    const NAME: &'static str = "import_id";
}

impl<R: InPath> FromRequest for PathId<R> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let segment = request.match_info().get(R::NAME).or_else(|| request.match_info().get("id"));
        let id = segment.and_then(|text| Id::parse(text).ok());
        ready(id.map(Self).ok_or_else(Problem::not_found))
    }
}
