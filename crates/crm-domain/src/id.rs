//! Ids that cannot be mixed up: a UUID that knows what it names.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::{
    ApiKey, Change, Import, Interaction, Link, Mandate, MandateProduct, Notification, Organisation, Person, Product,
    Session, Task, Team, User, Violation, Webhook, WebhookDelivery, access::Role,
};

/// The id of a record of type `R`, a UUID (version 7 where the CRM makes it, RFC 9562).
///
/// The domain never makes one: it has neither clock nor randomness.
pub struct Id<R> {
    uuid: Uuid,
    names: PhantomData<fn() -> R>,
}

/// Id of an [`Organisation`].
pub type OrganisationId = Id<Organisation>;
/// Id of a [`Person`].
pub type PersonId = Id<Person>;
/// Id of a [`Link`].
pub type LinkId = Id<Link>;
/// Id of a [`Product`].
pub type ProductId = Id<Product>;
/// Id of a [`Mandate`].
pub type MandateId = Id<Mandate>;
/// Id of a [`MandateProduct`].
pub type MandateProductId = Id<MandateProduct>;
/// Id of an [`Interaction`].
pub type InteractionId = Id<Interaction>;
/// Id of a [`Task`].
pub type TaskId = Id<Task>;
/// Id of a [`User`].
pub type UserId = Id<User>;
/// Id of a [`Team`].
pub type TeamId = Id<Team>;
/// Id of a [`Role`].
pub type RoleId = Id<Role>;
/// Id of a [`Session`].
pub type SessionId = Id<Session>;
/// Id of an [`ApiKey`].
pub type ApiKeyId = Id<ApiKey>;
/// Id of an [`Import`].
pub type ImportId = Id<Import>;
/// Id of a [`Notification`].
pub type NotificationId = Id<Notification>;
/// Id of a [`Webhook`].
pub type WebhookId = Id<Webhook>;
/// Id of a [`WebhookDelivery`].
pub type DeliveryId = Id<WebhookDelivery>;
/// Id of a [`Change`].
pub type ChangeId = Id<Change>;

impl<R> Id<R> {
    /// The id with this UUID.
    pub const fn new(uuid: Uuid) -> Self {
        Self { uuid, names: PhantomData }
    }

    /// The id with this number, for examples and tests.
    pub const fn from_u128(number: u128) -> Self {
        Self::new(Uuid::from_u128(number))
    }

    /// The UUID itself.
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }

    /// Reads the hyphenated form, nothing else.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
        Uuid::try_parse(text)
            .ok()
            .filter(|_| hyphenated)
            .map(Self::new)
            .ok_or_else(|| Violation::new("uuid", "must be a UUID"))
    }
}

impl<R> Clone for Id<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for Id<R> {}
impl<R> PartialEq for Id<R> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<R> Eq for Id<R> {}
impl<R> PartialOrd for Id<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<R> Ord for Id<R> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<R> Hash for Id<R> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl<R> fmt::Debug for Id<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.fmt(formatter)
    }
}
impl<R> fmt::Display for Id<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.fmt(formatter)
    }
}
impl<R> FromStr for Id<R> {
    type Err = Violation;

    fn from_str(text: &str) -> Result<Self, Violation> {
        Self::parse(text)
    }
}
impl<R> Serialize for Id<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.uuid.serialize(serializer)
    }
}
impl<'de, R> Deserialize<'de> for Id<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(feature = "openapi")]
mod openapi {
    use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type};

    impl<R> utoipa::__dev::ComposeSchema for super::Id<R> {
        fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
            let format = SchemaFormat::KnownFormat(KnownFormat::Uuid);
            ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
        }
    }

    impl<R> utoipa::ToSchema for super::Id<R> {
        fn name() -> std::borrow::Cow<'static, str> {
            "Id".into()
        }
    }
}
