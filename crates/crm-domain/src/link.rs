//! Links: a person works with an organisation.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Applied, Editor, Field, InputReader, Invalid, LinkId, NewRecord, OrganisationId, PersonId, UserId, Version,
    Violation,
    values::{Date, EmailAddress, Line, PhoneNumber, Text, Timestamp, parse_date},
};

/// What the person is in the organisation, for us.
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
pub enum LinkRole {
    MainContact,
    SecondaryContact,
    DecisionMaker,
    Technical,
    Administrative,
    Other,
}

/// A person works with an organisation. One live link for each pair, one primary link for each organisation.
///
/// A link has no owner of its own: whoever sees both ends sees it, whoever may change the organisation may change it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// The organisation.
    pub organisation_id: OrganisationId,
    /// The person.
    pub person_id: PersonId,
    /// What the person is there.
    pub role: Option<LinkRole>,
    /// Whether this is the person one calls first.
    pub is_primary: bool,
    /// What the person does there.
    pub job_title: Option<Line>,
    /// The person's e-mail address there.
    pub work_email: Option<EmailAddress>,
    /// The person's phone there, in E.164.
    pub work_phone: Option<PhoneNumber>,
    /// First day; not after `until`.
    pub since: Option<Date>,
    /// Last day; not before `since`.
    pub until: Option<Date>,
    /// What one should know.
    pub notes: Option<Text>,
    /// The version, also the `ETag`.
    pub version: Version,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it; none for a job of the system.
    pub created_by: Option<UserId>,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it last; none for a job of the system.
    pub updated_by: Option<UserId>,
}

/// What a client says of a link: absent fields stay, `null` clears, a value sets.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[allow(missing_docs)] // The fields are those of `Link`.
pub struct LinkPatch {
    pub role: Field<LinkRole>,
    pub is_primary: Field<bool>,
    pub job_title: Field<Line>,
    pub work_email: Field<EmailAddress>,
    pub work_phone: Field<PhoneNumber>,
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::values::date_field_schema))]
    pub since: Field<Date>,
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::values::date_field_schema))]
    pub until: Field<Date>,
    pub notes: Field<Text>,
}

impl LinkPatch {
    /// Reads a JSON object; every broken rule is told, unknown fields included. Phone numbers are in international form.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        let mut input = InputReader::new(value)?;
        let patch = Self {
            role: input.choice("role"),
            is_primary: input.boolean("is_primary"),
            job_title: input.text("job_title", Line::parse),
            work_email: input.text("work_email", EmailAddress::parse),
            work_phone: input.text("work_phone", |text| PhoneNumber::parse(text, None)),
            since: input.text("since", parse_date),
            until: input.text("until", parse_date),
            notes: input.text("notes", Text::parse),
        };
        input.finish(patch)
    }

    /// The patch that makes a link what this input says and nothing else: what is absent is cleared (`PUT`).
    #[must_use]
    pub fn replacing(self) -> Self {
        fn absent_is_clear<T>(field: Field<T>) -> Field<T> {
            if field.is_keep() { Field::Clear } else { field }
        }
        Self {
            role: absent_is_clear(self.role),
            is_primary: if self.is_primary.is_keep() { Field::Set(false) } else { self.is_primary },
            job_title: absent_is_clear(self.job_title),
            work_email: absent_is_clear(self.work_email),
            work_phone: absent_is_clear(self.work_phone),
            since: absent_is_clear(self.since),
            until: absent_is_clear(self.until),
            notes: absent_is_clear(self.notes),
        }
    }
}

impl Link {
    /// A new link between an organisation and a person.
    pub fn create(
        new: NewRecord<Self>,
        organisation_id: OrganisationId,
        person_id: PersonId,
        patch: &LinkPatch,
    ) -> Result<Applied<Self>, Invalid> {
        let mut edit = Editor::of_new_record();
        edit.initial("organisation_id", &organisation_id);
        edit.initial("person_id", &person_id);
        let blank = Self {
            id: new.id,
            organisation_id,
            person_id,
            role: None,
            is_primary: false,
            job_title: None,
            work_email: None,
            work_phone: None,
            since: None,
            until: None,
            notes: None,
            version: Version::FIRST,
            created_at: new.at,
            created_by: new.by,
            updated_at: new.at,
            updated_by: new.by,
        };
        blank.edit(edit, patch)
    }

    /// The state after a patch: a version later where something changed, the same where nothing did.
    pub fn apply(&self, patch: &LinkPatch, by: Option<UserId>, at: Timestamp) -> Result<Applied<Self>, Invalid> {
        let mut applied = self.clone().edit(Editor::new(), patch)?;
        if !applied.changes.is_empty() {
            let state = &mut applied.state;
            (state.version, state.updated_at, state.updated_by) = (state.version.next(), at, by);
        }
        Ok(applied)
    }

    fn edit(mut self, mut edit: Editor, patch: &LinkPatch) -> Result<Applied<Self>, Invalid> {
        edit.optional("role", &mut self.role, &patch.role);
        edit.required("is_primary", &mut self.is_primary, &patch.is_primary);
        edit.optional("job_title", &mut self.job_title, &patch.job_title);
        edit.optional("work_email", &mut self.work_email, &patch.work_email);
        edit.optional("work_phone", &mut self.work_phone, &patch.work_phone);
        edit.optional("since", &mut self.since, &patch.since);
        edit.optional("until", &mut self.until, &patch.until);
        edit.optional("notes", &mut self.notes, &patch.notes);
        if let (Some(since), Some(until)) = (self.since, self.until)
            && until < since
        {
            edit.refuse("until", &Violation::new("date_order", "must not be before since"));
        }
        edit.finish(self)
    }
}
