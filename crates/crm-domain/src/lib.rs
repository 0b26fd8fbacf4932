//! The terms, rules and access policy of a CRM, as pure values.
//!
//! This room knows what an [`Organisation`] is, which e-mail address is one, who may change what, and what a list
//! request means. It has no I/O, no clock, no runtime and no randomness: time and ids are parameters, so every rule
//! can be tried in a table and every service can embed it.
//!
//! # Make a record, and change it
//!
//! ```
//! use crm_domain::{NewRecord, Organisation, OrganisationId, OrganisationPatch, UserId, values::Timestamp};
//! use serde_json::json;
//!
//! let me = UserId::from_u128(7);
//! let at = Timestamp::parse("2026-01-01T00:00:00Z")?;
//! let new = NewRecord { id: OrganisationId::from_u128(1), owner_id: Some(me), team_id: None, by: Some(me), at };
//! let input = OrganisationPatch::read_new(json!({"name": "Exemple Gestion", "country_code": "fr"}))?;
//! let created = Organisation::create(new, &input)?;
//! assert_eq!(created.state.stamps.version.number(), 1);
//!
//! // A change is a patch; what it changed is told field by field.
//! let patch = OrganisationPatch::read(json!({"city": "Lyon", "country_code": "FR"}))?;
//! let updated = created.state.apply(&patch, Some(me), at)?;
//! assert_eq!(updated.changes.len(), 1);
//! assert_eq!(updated.changes[0].field, "city");
//! assert_eq!(updated.state.stamps.version.number(), 2);
//!
//! // Everything that is wrong with an input is told at once.
//! let invalid = OrganisationPatch::read_new(json!({"email": "nobody", "colour": 1})).unwrap_err();
//! let told: Vec<_> = invalid.errors.iter().map(|error| (error.pointer.as_str(), error.code)).collect();
//! assert_eq!(told, [("/name", "required"), ("/email", "email"), ("/colour", "unknown_field")]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Ask who may
//!
//! ```
//! use crm_domain::{Organisation, TeamId, UserId, access::{Actor, BuiltInRole, Delete, Ownership, Read, policy}};
//!
//! let team = TeamId::from_u128(3);
//! let reader = Actor::user(UserId::from_u128(7), Some(team), BuiltInRole::ReadOnly.role());
//! assert!(policy::authorise::<Delete, Organisation>(&reader).is_err());
//!
//! // The grant tells which rows: here those of the reader's team, as long as somebody owns them.
//! let grant = policy::authorise::<Read, Organisation>(&reader)?;
//! let record = Ownership { owner_id: Some(UserId::from_u128(8)), team_id: Some(team), ..Ownership::default() };
//! assert!(grant.scope().admits(&record));
//! assert!(!grant.scope().admits(&Ownership { team_id: None, ..record }));
//! # Ok::<(), crm_domain::access::Denied>(())
//! ```
//!
//! # Make a role
//!
//! ```
//! use crm_domain::{Person, RoleId, UserId, values::Name};
//! use crm_domain::access::{Action, Actor, BuiltInRole, Reach, Read, Resource, Role, Rule, Scope, policy};
//!
//! let rules = vec![Rule { resource: Resource::People, action: Action::Read, reach: Reach::Own }];
//! let granter = BuiltInRole::Manager.role();
//! let role = Role::custom(RoleId::from_u128(9), Name::parse("assistant")?, rules, &granter)?;
//!
//! let user = UserId::from_u128(7);
//! let grant = policy::authorise::<Read, Person>(&Actor::user(user, None, role))?;
//! assert_eq!(grant.scope(), Scope::Own { user });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Read a list request
//!
//! ```
//! use crm_domain::{OrganisationField, query::{ListQuery, Test, Value}};
//!
//! let pairs = [("country_code", "FR"), ("aum.gte", "1000000"), ("q", "Été"), ("sort", "-aum,name")];
//! let query = ListQuery::<OrganisationField>::parse(pairs)?;
//! assert_eq!(query.filters[1].test, Test::GreaterOrEqual(Value::Integer(100_000_000))); // in hundredths
//! assert_eq!((query.words[0].as_str(), query.sort.len(), query.limit), ("ete", 2, 50));
//!
//! let invalid = ListQuery::<OrganisationField>::parse([("colour", "red"), ("name.gt", "a")]).unwrap_err();
//! assert_eq!((invalid.errors[0].code, invalid.errors[1].code), ("unknown_parameter", "operator"));
//! # Ok::<(), crm_domain::Invalid>(())
//! ```

pub mod access;
mod api_key;
mod change;
mod choice;
mod edit;
mod field;
mod id;
mod id_set;
mod import;
mod input;
mod interaction;
mod invalid;
mod link;
mod mandate;
mod notification;
mod organisation;
mod person;
mod product;
pub mod query;
mod refused;
mod role;
mod search;
mod stamps;
mod task;
mod team;
mod throttle;
mod timeline;
mod user;
pub mod values;
mod webhook;

pub use api_key::{ApiKey, ApiKeyDraft};
pub use change::{Change, ChangeAction, RecordKind, RecordedChange};
pub use choice::{Choice, names_of, parse_choice};
pub use edit::{Applied, Editor, FieldChange};
pub use field::Field;
pub use id::{
    ApiKeyId, ChangeId, DeliveryId, Id, ImportId, InteractionId, LinkId, MandateId, MandateProductId, NotificationId,
    OrganisationId, PersonId, ProductId, RoleId, SessionId, TaskId, TeamId, UserId, WebhookId,
};
pub use id_set::IdSet;
pub use import::{Import, ImportCounts, ImportStatus, ImportTarget, OnDuplicate};
pub use input::InputReader;
pub use interaction::{Interaction, InteractionField, InteractionPatch, InteractionType};
pub use invalid::{FieldError, Invalid, Violation};
pub use link::{Link, LinkPatch, LinkRole};
pub use mandate::{Mandate, MandateField, MandatePatch, MandateProduct, MandateStatus};
pub use notification::{
    Facts, Notification, NotificationKind, NotificationPatch, NotificationPreferences, NotificationPriority, Told,
    Whom, Words, audience, words,
};
pub use organisation::{
    Organisation, OrganisationCategory, OrganisationField, OrganisationPatch, OrganisationType, PipelineStage,
};
pub use person::{Person, PersonField, PersonPatch};
pub use product::{Product, ProductField, ProductPatch, ProductStatus, ProductType};
pub use refused::{Conflict, Refused};
pub use role::{RoleField, RolePatch, RoleRecord};
pub use search::{SearchHit, SearchType};
pub use stamps::{NewRecord, Stamps, Version};
pub use task::{Recurrence, Task, TaskField, TaskPatch, TaskPriority, TaskStatus};
pub use team::{Team, TeamField, TeamPatch};
pub use throttle::{Tally, Throttle};
pub use timeline::{TimelineEntry, TimelineItem};
pub use user::{Locale, Session, User, UserField, UserPatch};
pub use webhook::{
    DeliveryError, DeliveryState, DisabledReason, EventPattern, Webhook, WebhookDelivery, WebhookPatch, WebhookUrl,
};
