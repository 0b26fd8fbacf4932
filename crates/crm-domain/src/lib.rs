//! The terms, rules and access policy of a CRM, as pure values.
//!
//! This room knows what an [`Organisation`] is, which e-mail address is one, who may change what, and what a list
//! request means. It has no I/O, no clock, no runtime and no randomness: time and ids are parameters, so every rule
//! can be tried in a table and every service can embed it.
//!
//! # A first record
//!
//! ```
//! use crm_domain::{Field, NewRecord, Organisation, OrganisationPatch, OrganisationId, values::{Name, Timestamp}};
//!
//! let patch = OrganisationPatch { name: Field::Set(Name::parse("Exemple Gestion")?), ..Default::default() };
//! let at = Timestamp::parse("2026-01-01T00:00:00Z")?;
//! let new = NewRecord { id: OrganisationId::from_u128(1), owner_id: None, team_id: None, by: None, at };
//! let created = Organisation::create(new, &patch)?;
//! assert_eq!(created.state.stamps.version.number(), 1);
//!
//! // A change is a patch; what it changed is told field by field.
//! let patch = OrganisationPatch { city: Field::Set(Name::parse("Lyon")?), ..Default::default() };
//! let updated = created.state.apply(&patch, None, at)?;
//! assert_eq!(updated.changes[0].field, "city");
//! assert_eq!(updated.state.stamps.version.number(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who may
//!
//! ```
//! use crm_domain::{Organisation, UserId, access::{Actor, BuiltInRole, Delete, Read, policy}};
//!
//! let reader = Actor::user(UserId::from_u128(7), None, BuiltInRole::ReadOnly.role());
//! assert!(policy::authorise::<Read, Organisation>(&reader).is_ok());
//! assert!(policy::authorise::<Delete, Organisation>(&reader).is_err());
//! ```

pub mod access;
mod change;
mod choice;
mod edit;
mod field;
mod id;
mod import;
mod input;
mod invalid;
mod link;
mod organisation;
mod person;
pub mod query;
mod search;
mod stamps;
mod user;
pub mod values;

pub use change::{Change, ChangeAction, RecordKind, RecordedChange};
pub use choice::{Choice, names_of, parse_choice};
pub use edit::{Applied, Editor, FieldChange};
pub use field::Field;
pub use id::{ChangeId, Id, ImportId, LinkId, OrganisationId, PersonId, RoleId, SessionId, TeamId, UserId};
pub use import::{Import, ImportCounts, ImportStatus, ImportTarget, OnDuplicate};
pub use input::InputReader;
pub use invalid::{FieldError, Invalid, Violation};
pub use link::{Link, LinkPatch, LinkRole};
pub use organisation::{Organisation, OrganisationCategory, OrganisationField, OrganisationPatch, OrganisationType, PipelineStage};
pub use person::{Person, PersonField, PersonPatch};
pub use search::{SearchHit, SearchType};
pub use stamps::{NewRecord, Stamps, Version};
pub use user::{Locale, Session, Team, User};
