//! Roles: named sets of rules. Four are built in and cannot be changed.

use serde::{Deserialize, Serialize};

use super::{Action, Reach, Resource};
use crate::{Invalid, RoleId, Violation, values::Name};

/// One permission: this action on this resource, that far.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rule {
    /// What it is about.
    pub resource: Resource,
    /// What may be done.
    pub action: Action,
    /// How far.
    pub reach: Reach,
}

/// A named set of rules.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Role {
    /// Its id; fixed for the built-in ones.
    pub id: RoleId,
    /// Its name, unique.
    pub name: Name,
    /// Its rules, at most one for each pair of resource and action.
    pub rules: Vec<Rule>,
}

impl Role {
    /// How far this role lets one do `action` on `resource`; none when it does not at all.
    pub fn reach(&self, resource: Resource, action: Action) -> Option<Reach> {
        let matching = self.rules.iter().filter(|rule| rule.resource == resource && rule.action == action);
        matching.map(|rule| rule.reach).max()
    }

    /// Whether this role lets one do all that the rule does. Nobody can grant a rule that their own role does not cover.
    pub fn covers(&self, rule: Rule) -> bool {
        self.reach(rule.resource, rule.action) >= Some(rule.reach)
    }

    /// A custom role, as somebody with the role `granter` may make it. Breaks `repeated` (a second rule for the same
    /// pair) and `not_held` (a rule that the granter's own role does not cover), with pointers as `/rules/0`.
    ///
    /// ```
    /// use crm_domain::{RoleId, access::{Action, BuiltInRole, Reach, Resource, Role, Rule}, values::Name};
    /// let rule = Rule { resource: Resource::People, action: Action::Export, reach: Reach::Team };
    /// let make = |granter: BuiltInRole| {
    ///     Role::custom(RoleId::from_u128(9), Name::from_stored("assistant".into()), vec![rule], &granter.role())
    /// };
    /// assert!(make(BuiltInRole::Manager).is_ok());
    /// assert_eq!(make(BuiltInRole::User).unwrap_err().errors[0].code, "not_held");
    /// ```
    pub fn custom(id: RoleId, name: Name, rules: Vec<Rule>, granter: &Self) -> Result<Self, Invalid> {
        let mut invalid = Invalid::default();
        for (place, rule) in rules.iter().enumerate() {
            let pointer = format!("/rules/{place}");
            let same_pair = |other: &Rule| (other.resource, other.action) == (rule.resource, rule.action);
            if rules[..place].iter().any(same_pair) {
                invalid.errors.push(Violation::new("repeated", "stands more than once").at(&pointer));
            }
            if !granter.covers(*rule) {
                invalid.errors.push(Violation::new("not_held", "is more than your own role allows").at(&pointer));
            }
        }
        invalid.finish(Self { id, name, rules })
    }
}

impl Role {
    /// Whether this role lets one do all that the other does.
    pub fn covers_all(&self, other: &Self) -> bool {
        other.rules.iter().all(|rule| self.covers(*rule))
    }

    /// The role with no more than these rules: of each pair of resource and action the narrower reach, and nothing that
    /// only one of the two allows.
    ///
    /// ```
    /// use crm_domain::access::{Action, BuiltInRole, Reach, Resource, Rule};
    /// let rule = |action, reach| Rule { resource: Resource::People, action, reach };
    /// let narrow = BuiltInRole::User.role().limited_to(&[rule(Action::Read, Reach::All), rule(Action::Delete, Reach::Own)]);
    /// assert_eq!(narrow.rules, [rule(Action::Read, Reach::Team)]);
    /// ```
    #[must_use]
    pub fn limited_to(&self, rules: &[Rule]) -> Self {
        let both = |rule: &Rule| {
            let reach = self.reach(rule.resource, rule.action)?.min(rule.reach);
            Some(Rule { reach, ..*rule })
        };
        Self { rules: rules.iter().filter_map(both).collect(), ..self.clone() }
    }
}

/// The four roles that every installation has.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    PartialEq,
    Serialize,
    strum::AsRefStr,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum BuiltInRole {
    /// Everything, everywhere.
    Admin,
    /// Reads all, works on the team's records.
    Manager,
    /// Reads the team's records, works on the own ones.
    User,
    /// Reads the team's records.
    ReadOnly,
}

/// The resources that hold the business: what a role's unqualified "create, read, update" speaks of.
const RECORDS: [Resource; 6] = [
    Resource::Organisations,
    Resource::People,
    Resource::Mandates,
    Resource::Products,
    Resource::Interactions,
    Resource::Tasks,
];

impl BuiltInRole {
    /// The fixed id of the role, the same in every installation.
    pub const fn id(self) -> RoleId {
        RoleId::from_u128(match self {
            Self::Admin => 0x7000_8000_0000_0000_0001,
            Self::Manager => 0x7000_8000_0000_0000_0002,
            Self::User => 0x7000_8000_0000_0000_0003,
            Self::ReadOnly => 0x7000_8000_0000_0000_0004,
        })
    }

    /// The built-in role with this id, if it is one.
    pub fn with_id(id: RoleId) -> Option<Self> {
        <Self as strum::VariantArray>::VARIANTS.iter().copied().find(|role| role.id() == id)
    }

    /// The role with its rules, from the table in the domain guide.
    pub fn role(self) -> Role {
        let name: &'static str = self.into();
        Role { id: self.id(), name: Name::from_stored(name.to_owned()), rules: self.rules() }
    }

    fn rules(self) -> Vec<Rule> {
        match self {
            Self::Admin => everything(),
            Self::Manager => manager(),
            Self::User => user(),
            Self::ReadOnly => on(&RECORDS, &[(Action::Read, Reach::Team)]),
        }
    }
}

fn everything() -> Vec<Rule> {
    let actions: &[Action] = <Action as strum::VariantArray>::VARIANTS;
    let all: Vec<_> = actions.iter().map(|action| (*action, Reach::All)).collect();
    on(<Resource as strum::VariantArray>::VARIANTS, &all)
}

fn manager() -> Vec<Rule> {
    let mut rules = on(
        &RECORDS,
        &[
            (Action::Create, Reach::All),
            (Action::Read, Reach::All),
            (Action::Update, Reach::Team),
            (Action::Delete, Reach::Team),
            (Action::Export, Reach::Team),
            (Action::Import, Reach::All),
        ],
    );
    rules.extend(on(&[Resource::Users, Resource::Teams], &[(Action::Read, Reach::All)]));
    rules.extend(on(&[Resource::Changes], &[(Action::Read, Reach::Team)]));
    rules.extend(own_notifications());
    rules
}

fn user() -> Vec<Rule> {
    let mut rules =
        on(&RECORDS, &[(Action::Create, Reach::All), (Action::Read, Reach::Team), (Action::Update, Reach::Own)]);
    rules.extend(on(&[Resource::Interactions, Resource::Tasks], &[(Action::Delete, Reach::Own)]));
    rules.extend(on(&[Resource::Users, Resource::Teams], &[(Action::Read, Reach::All)]));
    rules.extend(own_notifications());
    rules
}

/// Whoever works with records is told about them.
fn own_notifications() -> Vec<Rule> {
    on(&[Resource::Notifications], &[(Action::Read, Reach::Own), (Action::Update, Reach::Own)])
}

fn on(resources: &[Resource], permissions: &[(Action, Reach)]) -> Vec<Rule> {
    let pairs =
        resources.iter().flat_map(|resource| permissions.iter().map(move |permission| (*resource, *permission)));
    pairs.map(|(resource, (action, reach))| Rule { resource, action, reach }).collect()
}
