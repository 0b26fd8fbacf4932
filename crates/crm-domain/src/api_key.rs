//! API keys: what a program holds that acts for a user. The secret of a key is never part of one.

use chrono::TimeDelta;
use serde::Serialize;
use serde_json::Value;

use crate::{
    ApiKeyId, InputReader, Invalid, UserId, Violation,
    access::{Role, Rule},
    role::read_rules,
    values::{Name, Timestamp},
};

/// A key of a user: it may what its rules and its user's role of the moment both allow, until it expires.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKey {
    /// The id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub user_id: UserId,
    /// What it is for.
    pub name: Name,
    /// What it may do at most.
    pub rules: Vec<Rule>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When it was last used, give or take a minute.
    pub last_used_at: Option<Timestamp>,
}

/// What a client says of a new key.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKeyDraft {
    /// What it is for.
    pub name: Name,
    /// When it is to stop working: in the future, and within [`ApiKeyDraft::LONGEST`].
    pub expires_at: Timestamp,
    /// What it may do at most, a subset of what its maker may do.
    pub rules: Vec<Rule>,
}

impl ApiKeyDraft {
    /// The longest that a key works: what is never looked at again must end by itself.
    pub const LONGEST: TimeDelta = TimeDelta::days(366);

    /// Reads a JSON object; every broken rule is told, unknown fields included.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        let mut input = InputReader::new(value)?;
        for name in ["name", "expires_at", "rules"] {
            input.require(name);
        }
        let (name, expires_at) = (input.text("name", Name::parse), input.text("expires_at", Timestamp::parse));
        let rules = input.nested("rules", read_rules);
        let read = name.as_set().cloned().zip(expires_at.as_set().copied()).zip(rules.as_set().cloned());
        let draft = read.map(|((name, expires_at), rules)| Self { name, expires_at, rules });
        input.finish(draft)?.ok_or_else(|| Violation::required().at("").into())
    }

    /// The key, as somebody with the role `maker` may make it. Breaks `repeated` and `not_held` as a role does, `required`
    /// where there is no rule at all, and `out_of_range` where it would never work or work too long.
    pub fn make(&self, id: ApiKeyId, user_id: UserId, maker: &Role, at: Timestamp) -> Result<ApiKey, Invalid> {
        let checked = Role::custom(maker.id, self.name.clone(), self.rules.clone(), maker);
        let mut invalid = checked.err().unwrap_or_default();
        if self.rules.is_empty() {
            invalid.errors.push(Violation::new("required", "must have a rule").at("/rules"));
        }
        if self.expires_at <= at || self.expires_at > at.plus(Self::LONGEST) {
            let detail = format!("must be in the future and within {} days", Self::LONGEST.num_days());
            invalid.errors.push(Violation::new("out_of_range", detail).at("/expires_at"));
        }
        let Self { name, expires_at, rules } = self.clone();
        invalid.finish(ApiKey { id, user_id, name, rules, created_at: at, expires_at, last_used_at: None })
    }
}
