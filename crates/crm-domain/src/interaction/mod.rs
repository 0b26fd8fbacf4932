//! Interactions: what happened between us and an organisation, or about a product.

mod field;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Applied, Editor, Field, IdSet, InputReader, InteractionId, Invalid, NewRecord, OrganisationId, Person, ProductId,
    Stamps, TeamId, User, UserId, Violation,
    access::{Guarded, Resource, sealed::Sealed},
    values::{Minutes, Name, Text, Timestamp, search_text},
};
pub use field::InteractionField;

/// What kind of thing happened.
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
    strum::VariantArray,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)]
pub enum InteractionType {
    Call,
    Email,
    Meeting,
    Webinar,
    Visit,
    Other,
}

/// Something that happened, on an organisation, a product or both, with those who took part.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Interaction {
    /// Its id.
    pub id: InteractionId,
    /// What kind of thing it was.
    #[serde(rename = "type")]
    pub kind: InteractionType,
    /// When it happened; also the order of its list.
    pub occurred_at: Timestamp,
    /// How long it took.
    pub duration_minutes: Option<Minutes>,
    /// What it was about, in one line.
    pub subject: Name,
    /// What was said.
    pub body: Option<Text>,
    /// What came of it.
    pub outcome: Option<Text>,
    /// The organisation that it happened with; an interaction has this, a product, or both.
    pub organisation_id: Option<OrganisationId>,
    /// The product that it was about.
    pub product_id: Option<ProductId>,
    /// The people who took part, by id.
    pub participant_people: IdSet<Person>,
    /// The users who took part, by id.
    pub participant_users: IdSet<User>,
    /// Version, ownership and stamps.
    #[serde(flatten)]
    pub stamps: Stamps,
}

/// What a client says of an interaction: absent fields stay, `null` clears, a value sets.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[allow(missing_docs)] // The fields are those of `Interaction`.
pub struct InteractionPatch {
    #[cfg_attr(feature = "openapi", schema(rename = "type"))]
    pub kind: Field<InteractionType>,
    pub occurred_at: Field<Timestamp>,
    pub duration_minutes: Field<Minutes>,
    pub subject: Field<Name>,
    pub body: Field<Text>,
    pub outcome: Field<Text>,
    pub organisation_id: Field<OrganisationId>,
    pub product_id: Field<ProductId>,
    pub participant_people: Field<IdSet<Person>>,
    pub participant_users: Field<IdSet<User>>,
    pub owner_id: Field<UserId>,
    pub team_id: Field<TeamId>,
}

impl InteractionPatch {
    /// Reads a JSON object; every broken rule is told, unknown fields included.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        Self::take(InputReader::new(value)?)
    }

    /// Reads the JSON object of a new interaction: as [`Self::read`], and a missing time or subject is told with the rest.
    pub fn read_new(value: Value) -> Result<Self, Invalid> {
        let mut input = InputReader::new(value)?;
        input.require("occurred_at");
        input.require("subject");
        Self::take(input)
    }

    fn take(mut input: InputReader) -> Result<Self, Invalid> {
        let patch = Self {
            kind: input.choice("type"),
            occurred_at: input.text("occurred_at", Timestamp::parse),
            duration_minutes: input.integer("duration_minutes", Minutes::new),
            subject: input.text("subject", Name::parse),
            body: input.text("body", Text::parse),
            outcome: input.text("outcome", Text::parse),
            organisation_id: input.id("organisation_id"),
            product_id: input.id("product_id"),
            participant_people: input.texts("participant_people", IdSet::parse),
            participant_users: input.texts("participant_users", IdSet::parse),
            owner_id: input.id("owner_id"),
            team_id: input.id("team_id"),
        };
        input.finish(patch)
    }
}

impl Interaction {
    /// A new interaction. Its time, its subject, and an organisation or a product must be set.
    pub fn create(new: NewRecord<Self>, patch: &InteractionPatch) -> Result<Applied<Self>, Invalid> {
        Self::blank(new).edit(Editor::of_new_record(), patch)
    }

    /// The state after a patch: a version later where something changed, the same where nothing did.
    pub fn apply(&self, patch: &InteractionPatch, by: Option<UserId>, at: Timestamp) -> Result<Applied<Self>, Invalid> {
        let mut applied = self.clone().edit(Editor::new(), patch)?;
        if !applied.changes.is_empty() {
            applied.state.stamps = applied.state.stamps.touched(by, at);
        }
        Ok(applied)
    }

    /// The folded text that a full-text search looks through: the subject, and how the longer texts begin.
    pub fn search_text(&self) -> String {
        let beginning = |text: &Option<Text>| text.as_ref().map(|text| text.beginning(SEARCHED).to_owned());
        let (outcome, body) = (beginning(&self.outcome), beginning(&self.body));
        search_text(&[Some(self.subject.as_str()), outcome.as_deref(), body.as_deref()])
    }

    /// What a new interaction is before its input is looked at; without a time and a subject it never leaves
    /// [`Self::create`].
    fn blank(new: NewRecord<Self>) -> Self {
        Self {
            id: new.id,
            kind: InteractionType::Other,
            occurred_at: new.at,
            duration_minutes: None,
            subject: Name::from_stored(String::new()),
            body: None,
            outcome: None,
            organisation_id: None,
            product_id: None,
            participant_people: IdSet::default(),
            participant_users: IdSet::default(),
            stamps: new.stamps(),
        }
    }

    fn edit(mut self, mut edit: Editor, patch: &InteractionPatch) -> Result<Applied<Self>, Invalid> {
        edit.required("type", &mut self.kind, &patch.kind);
        edit.essential("occurred_at", &mut self.occurred_at, &patch.occurred_at);
        edit.optional("duration_minutes", &mut self.duration_minutes, &patch.duration_minutes);
        edit.essential("subject", &mut self.subject, &patch.subject);
        edit.optional("body", &mut self.body, &patch.body);
        edit.optional("outcome", &mut self.outcome, &patch.outcome);
        edit.optional("organisation_id", &mut self.organisation_id, &patch.organisation_id);
        edit.optional("product_id", &mut self.product_id, &patch.product_id);
        edit.emptied("participant_people", &mut self.participant_people, &patch.participant_people);
        edit.emptied("participant_users", &mut self.participant_users, &patch.participant_users);
        edit.optional("owner_id", &mut self.stamps.owner_id, &patch.owner_id);
        edit.optional("team_id", &mut self.stamps.team_id, &patch.team_id);
        if self.organisation_id.is_none() && self.product_id.is_none() {
            edit.refuse("organisation_id", &Violation::new("required", "must have a value, or else product_id must"));
        }
        edit.finish(self)
    }
}

/// How much of each longer text is searched, in characters: what stands further down is told, not looked for.
const SEARCHED: usize = 1000;

impl Sealed for Interaction {}

impl Guarded for Interaction {
    const RESOURCE: Resource = Resource::Interactions;
}
