//! Mandates: the contracts to distribute an organisation's products.

mod product;
mod status;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Applied, Conflict, Editor, Field, InputReader, Invalid, MandateId, NewRecord, OrganisationId, Refused, Stamps,
    TeamId, UserId, Violation,
    access::{Guarded, Resource, sealed::Sealed},
    names_of,
    query::{FieldSet, Kind},
    values::{Date, Line, Text, Timestamp, parse_date, search_text},
};
pub use product::MandateProduct;
pub use status::MandateStatus;

/// A contract to distribute an organisation's products.
///
/// It is a record of its own: when its organisation is deleted it stays, because a contract does not end with a row.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mandate {
    /// Its id.
    pub id: MandateId,
    /// The organisation that it is made with.
    pub organisation_id: OrganisationId,
    /// The number on the contract.
    pub number: Option<Line>,
    /// How far it has come: one step at a time, never back.
    pub status: MandateStatus,
    /// The day it was signed; every mandate but a proposed one has it.
    pub signed_on: Option<Date>,
    /// The day it begins; not before `signed_on`.
    pub starts_on: Option<Date>,
    /// The day it ends; not before `starts_on`.
    pub ends_on: Option<Date>,
    /// What one should know.
    pub notes: Option<Text>,
    /// Version, ownership and stamps.
    #[serde(flatten)]
    pub stamps: Stamps,
}

/// What a client says of a mandate: absent fields stay, `null` clears, a value sets.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[allow(missing_docs)] // The fields are those of `Mandate`.
pub struct MandatePatch {
    pub organisation_id: Field<OrganisationId>,
    pub number: Field<Line>,
    pub status: Field<MandateStatus>,
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::values::date_field_schema))]
    pub signed_on: Field<Date>,
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::values::date_field_schema))]
    pub starts_on: Field<Date>,
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::values::date_field_schema))]
    pub ends_on: Field<Date>,
    pub notes: Field<Text>,
    pub owner_id: Field<UserId>,
    pub team_id: Field<TeamId>,
}

impl MandatePatch {
    /// Reads a JSON object; every broken rule is told, unknown fields included.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        Self::take(InputReader::new(value)?)
    }

    /// Reads the JSON object of a new mandate: as [`Self::read`], and a missing organisation is told with the rest.
    pub fn read_new(value: Value) -> Result<Self, Invalid> {
        let mut input = InputReader::new(value)?;
        input.require("organisation_id");
        Self::take(input)
    }

    fn take(mut input: InputReader) -> Result<Self, Invalid> {
        let patch = Self {
            organisation_id: input.id("organisation_id"),
            number: input.text("number", Line::parse),
            status: input.choice("status"),
            signed_on: input.text("signed_on", parse_date),
            starts_on: input.text("starts_on", parse_date),
            ends_on: input.text("ends_on", parse_date),
            notes: input.text("notes", Text::parse),
            owner_id: input.id("owner_id"),
            team_id: input.id("team_id"),
        };
        input.finish(patch)
    }
}

impl Mandate {
    /// A new mandate. The organisation is the only field that must be set.
    ///
    /// It may begin in any status, because contracts are older than the records of them; from there it moves step by step.
    pub fn create(new: NewRecord<Self>, patch: &MandatePatch) -> Result<Applied<Self>, Invalid> {
        Self::blank(new).edit(Editor::of_new_record(), patch, new.at)
    }

    /// The state after a patch: a version later where something changed, the same where nothing did.
    ///
    /// Refused as `illegal_transition` where the status would not take the next step.
    pub fn apply(&self, patch: &MandatePatch, by: Option<UserId>, at: Timestamp) -> Result<Applied<Self>, Refused> {
        let mut applied = self.clone().edit(Editor::new(), patch, at)?;
        self.status.moved(applied.state.status)?;
        if self.status == MandateStatus::Ended && self.organisation_id != applied.state.organisation_id {
            let detail = "the organisation of an ended mandate stays, as what was sold under it does".to_owned();
            return Err(Conflict { code: "mandate_not_open", detail }.into());
        }
        if !applied.changes.is_empty() {
            applied.state.stamps = applied.state.stamps.touched(by, at);
        }
        Ok(applied)
    }

    /// The folded text that a full-text search looks through.
    pub fn search_text(&self) -> String {
        search_text(&[self.number.as_ref().map(Line::as_str), self.notes.as_ref().map(Text::as_str)])
    }

    /// What a new mandate is before its input is looked at; without an organisation it never leaves [`Self::create`].
    fn blank(new: NewRecord<Self>) -> Self {
        Self {
            id: new.id,
            organisation_id: OrganisationId::from_u128(0),
            number: None,
            status: MandateStatus::Proposed,
            signed_on: None,
            starts_on: None,
            ends_on: None,
            notes: None,
            stamps: new.stamps(),
        }
    }

    fn edit(mut self, mut edit: Editor, patch: &MandatePatch, at: Timestamp) -> Result<Applied<Self>, Invalid> {
        let days = self.days(patch, at.date());
        edit.essential("organisation_id", &mut self.organisation_id, &patch.organisation_id);
        edit.optional("number", &mut self.number, &patch.number);
        edit.required("status", &mut self.status, &patch.status);
        edit.optional("signed_on", &mut self.signed_on, &days.signed);
        edit.optional("starts_on", &mut self.starts_on, &days.starts);
        edit.optional("ends_on", &mut self.ends_on, &days.ends);
        edit.optional("notes", &mut self.notes, &patch.notes);
        edit.optional("owner_id", &mut self.stamps.owner_id, &patch.owner_id);
        edit.optional("team_id", &mut self.stamps.team_id, &patch.team_id);
        self.check_days(&mut edit);
        edit.finish(self)
    }

    /// The days that the patch leaves out and the status asks for. Whoever says "signed", "active" or "ended" without a
    /// day says it of today, as near to it as the other days let it be.
    fn days(&self, patch: &MandatePatch, today: Date) -> Days {
        let status = patch.status.as_set().copied().unwrap_or(self.status);
        let enters = |stage: MandateStatus| status == stage && self.status != stage;
        let mut days = Days { signed: patch.signed_on, starts: patch.starts_on, ends: patch.ends_on };
        let (signed, starts, ends) =
            (after(days.signed, self.signed_on), after(days.starts, self.starts_on), after(days.ends, self.ends_on));
        if status.is_signed() && days.signed.is_keep() && signed.is_none() {
            let earliest = [Some(today), starts, ends].into_iter().flatten().min();
            days.signed = Field::replace(earliest);
        }
        let signed = after(days.signed, self.signed_on);
        if enters(MandateStatus::Active) && days.starts.is_keep() && starts.is_none() {
            let begun = signed.map_or(today, |signed| today.max(signed));
            days.starts = Field::Set(ends.map_or(begun, |ends| begun.min(ends)));
        }
        if enters(MandateStatus::Ended) && days.ends.is_keep() && ends.is_none() {
            days.ends = Field::replace([Some(today), signed, starts].into_iter().flatten().max());
        }
        days
    }

    fn check_days(&self, edit: &mut Editor) {
        if self.status.is_signed() && self.signed_on.is_none() {
            edit.refuse("signed_on", &Violation::required());
        }
        let is_before = |one: Option<Date>, other: Option<Date>| one.zip(other).is_some_and(|(one, other)| one < other);
        if is_before(self.starts_on, self.signed_on) {
            edit.refuse("starts_on", &Violation::new("date_order", "must not be before signed_on"));
        }
        if is_before(self.ends_on, self.starts_on) {
            edit.refuse("ends_on", &Violation::new("date_order", "must not be before starts_on"));
        } else if is_before(self.ends_on, self.signed_on) {
            edit.refuse("ends_on", &Violation::new("date_order", "must not be before signed_on"));
        }
    }
}

/// What becomes of the three days.
struct Days {
    signed: Field<Date>,
    starts: Field<Date>,
    ends: Field<Date>,
}

/// The value of a field after a patch.
fn after(field: Field<Date>, before: Option<Date>) -> Option<Date> {
    match field {
        Field::Keep => before,
        Field::Clear => None,
        Field::Set(day) => Some(day),
    }
}

impl Sealed for Mandate {}

impl Guarded for Mandate {
    const RESOURCE: Resource = Resource::Mandates;
}

/// The fields of a mandate by which lists are filtered and sorted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, strum::AsRefStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)] // The fields are those of `Mandate`.
pub enum MandateField {
    Id,
    OrganisationId,
    Number,
    Status,
    SignedOn,
    StartsOn,
    EndsOn,
    OwnerId,
    TeamId,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}

impl FieldSet for MandateField {
    const RESOURCE: Resource = Resource::Mandates;

    fn kind(self) -> Kind {
        match self {
            Self::Number => Kind::Folded,
            Self::Status => Kind::Choice(names_of::<MandateStatus>),
            Self::SignedOn | Self::StartsOn | Self::EndsOn => Kind::Date,
            Self::Id | Self::OrganisationId | Self::OwnerId | Self::TeamId | Self::CreatedBy | Self::UpdatedBy => {
                Kind::Id
            }
            Self::CreatedAt | Self::UpdatedAt => Kind::Time,
        }
    }

    fn is_sortable(self) -> bool {
        matches!(
            self,
            Self::Number
                | Self::Status
                | Self::SignedOn
                | Self::StartsOn
                | Self::EndsOn
                | Self::CreatedAt
                | Self::UpdatedAt
        )
    }

    fn newest_first() -> Self {
        Self::CreatedAt
    }
}
