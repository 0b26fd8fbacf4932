//! Who may do what: roles, the policy, and the grants that only the policy can make.
//!
//! A [`Grant`] has private fields and no constructor outside this module. A function that takes one cannot be called
//! without the policy having said yes, and it carries the [`Scope`] that its query must begin with. What is absent on
//! purpose: any way to widen a grant, and any way to make one from its parts.

mod action;
mod actor;
mod grant;
pub mod policy;
mod resource;
mod role;
mod scope;

pub use action::{Action, ActionType, Create, Delete, Export, Import, Manage, Read, Update};
pub use actor::Actor;
pub use grant::{Denied, Grant};
pub use policy::Explanation;
pub use resource::{Guarded, Resource, Settings};
pub use role::{BuiltInRole, Role, Rule};
pub use scope::{Ownership, Reach, Scope};

pub(crate) mod sealed {
    /// Keeps the traits of this room closed: nobody outside adds an action or a guarded resource.
    pub trait Sealed {}
}
