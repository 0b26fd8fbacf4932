//! Roles as records: what can be listed, made and changed. What a role means is the policy's: [`crate::access::Role`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Applied, Editor, Field, InputReader, Invalid, NewRecord, RoleId, Stamps, UserId, Violation,
    access::{Action, Reach, Resource, Role, Rule},
    query::{FieldSet, Kind},
    values::{Name, Timestamp, search_text},
};

/// A role with its version and stamps.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Role))]
pub struct RoleRecord {
    /// The id; fixed for the built-in ones.
    pub id: RoleId,
    /// The name, unique.
    pub name: Name,
    /// Whether it is one of those that every installation has, which can be neither changed nor removed.
    pub is_built_in: bool,
    /// What the role allows, and how far; at most one rule for each pair of resource and action.
    pub rules: Vec<Rule>,
    /// Whether its users must have a second factor; of the built-in ones the settings of the server say that.
    pub requires_second_factor: bool,
    /// Version, ownership and stamps.
    #[serde(flatten)]
    pub stamps: Stamps,
}

/// What a client says of a role: absent fields stay, `null` clears, a value sets.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[allow(missing_docs)] // The fields are those of `RoleRecord`.
pub struct RolePatch {
    pub name: Field<Name>,
    pub rules: Field<Vec<Rule>>,
    pub requires_second_factor: Field<bool>,
}

impl RolePatch {
    /// Reads a JSON object; every broken rule is told, unknown fields included.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        Self::take(InputReader::new(value)?)
    }

    /// Reads the JSON object of a new role: as [`Self::read`], and a missing name is told with the rest.
    pub fn read_new(value: Value) -> Result<Self, Invalid> {
        let mut input = InputReader::new(value)?;
        input.require("name");
        Self::take(input)
    }

    fn take(mut input: InputReader) -> Result<Self, Invalid> {
        let patch = Self {
            name: input.text("name", Name::parse),
            rules: input.nested("rules", read_rules),
            requires_second_factor: input.boolean("requires_second_factor"),
        };
        input.finish(patch)
    }
}

/// Reads a list of rules; the pointers of what is wrong begin at the list.
pub(crate) fn read_rules(value: Value) -> Result<Vec<Rule>, Invalid> {
    let Value::Array(items) = value else {
        return Err(Invalid::one("", "type", "must be a list of rules"));
    };
    let mut invalid = Invalid::default();
    let mut rules = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        match read_rule(item) {
            Ok(rule) => rules.push(rule),
            Err(wrong) => {
                let moved = wrong.errors.into_iter().map(|mut error| {
                    error.pointer.insert_str(0, &format!("/{place}"));
                    error
                });
                invalid.errors.extend(moved);
            }
        }
    }
    invalid.finish(rules)
}

fn read_rule(value: Value) -> Result<Rule, Invalid> {
    let mut input = InputReader::new(value)?;
    for name in ["resource", "action", "reach"] {
        input.require(name);
    }
    let (resource, action, reach) =
        (input.choice::<Resource>("resource"), input.choice::<Action>("action"), input.choice::<Reach>("reach"));
    let (resource, action, reach) =
        input.finish((resource.as_set().copied(), action.as_set().copied(), reach.as_set().copied()))?;
    let rule = resource.zip(action).zip(reach).map(|((resource, action), reach)| Rule { resource, action, reach });
    rule.ok_or_else(|| Violation::required().at("").into())
}

impl RoleRecord {
    /// A new role, as somebody with the role `granter` may make it. The name must be set.
    pub fn create(new: NewRecord<Self>, patch: &RolePatch, granter: &Role) -> Result<Applied<Self>, Invalid> {
        let name = Name::from_stored(String::new());
        let blank = Self {
            id: RoleId::new(new.id.uuid()),
            name,
            is_built_in: false,
            rules: Vec::new(),
            requires_second_factor: false,
            stamps: new.stamps(),
        };
        blank.edit(Editor::of_new_record(), patch, granter)
    }

    /// The state after a patch by somebody with the role `granter`: a version later where something changed, the same
    /// where nothing did.
    pub fn apply(
        &self,
        patch: &RolePatch,
        granter: &Role,
        by: Option<UserId>,
        at: Timestamp,
    ) -> Result<Applied<Self>, Invalid> {
        let mut applied = self.clone().edit(Editor::new(), patch, granter)?;
        if !applied.changes.is_empty() {
            applied.state.stamps = applied.state.stamps.touched(by, at);
        }
        Ok(applied)
    }

    /// The role as the policy sees it.
    pub fn role(&self) -> Role {
        Role { id: self.id, name: self.name.clone(), rules: self.rules.clone() }
    }

    /// The folded text that a full-text search looks through.
    pub fn search_text(&self) -> String {
        search_text(&[Some(self.name.as_str())])
    }

    fn edit(mut self, mut edit: Editor, patch: &RolePatch, granter: &Role) -> Result<Applied<Self>, Invalid> {
        if let Field::Set(rules) = &patch.rules {
            Role::custom(self.id, self.name.clone(), rules.clone(), granter)?;
        }
        // One set of rules has one order, so that saying it again is no change.
        let rules = match patch.rules.clone() {
            Field::Set(mut rules) => {
                rules.sort_unstable();
                Field::Set(rules)
            }
            other => other,
        };
        edit.essential("name", &mut self.name, &patch.name);
        edit.emptied("rules", &mut self.rules, &rules);
        edit.required("requires_second_factor", &mut self.requires_second_factor, &patch.requires_second_factor);
        edit.finish(self)
    }
}

/// The fields of a role by which lists are filtered and sorted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, strum::AsRefStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)] // The fields are those of `RoleRecord`.
pub enum RoleField {
    Id,
    Name,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}

impl FieldSet for RoleField {
    const RESOURCE: Resource = Resource::Roles;

    fn kind(self) -> Kind {
        match self {
            Self::Name => Kind::Folded,
            Self::Id | Self::CreatedBy | Self::UpdatedBy => Kind::Id,
            Self::CreatedAt | Self::UpdatedAt => Kind::Time,
        }
    }

    fn is_sortable(self) -> bool {
        matches!(self, Self::Name | Self::CreatedAt | Self::UpdatedAt)
    }

    fn newest_first() -> Self {
        Self::CreatedAt
    }
}
