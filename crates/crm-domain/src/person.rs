//! People: the human contacts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Applied, Editor, Field, InputReader, Invalid, NewRecord, PersonId, Stamps, TeamId, UserId,
    access::Resource,
    query::{FieldSet, Kind},
    values::{
        CountryCode, Date, EmailAddress, LanguageCode, Line, Name, PhoneNumber, Tags, Text, Timestamp, WebAddress,
        parse_date, search_text,
    },
};

/// A human contact.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Person {
    /// Its id.
    pub id: PersonId,
    /// Given name.
    pub first_name: Option<Name>,
    /// Family name.
    pub last_name: Name,
    /// Business e-mail address; one live person for each, whatever its case.
    pub email: Option<EmailAddress>,
    /// Private e-mail address.
    pub personal_email: Option<EmailAddress>,
    /// Desk phone, in E.164.
    pub phone: Option<PhoneNumber>,
    /// Mobile phone, in E.164.
    pub mobile: Option<PhoneNumber>,
    /// What the person does.
    pub job_title: Option<Line>,
    /// Country, ISO 3166-1 alpha-2.
    pub country_code: Option<CountryCode>,
    /// Language one writes to the person in, ISO 639-1.
    pub language: Option<LanguageCode>,
    /// The person's page on `LinkedIn`.
    pub linkedin_url: Option<WebAddress>,
    /// Free labels.
    pub tags: Tags,
    /// Whether one is in touch at present.
    pub is_active: bool,
    /// Whether the person agreed to be contacted.
    pub consent: bool,
    /// The day of the agreement.
    pub consent_date: Option<Date>,
    /// What one should know.
    pub notes: Option<Text>,
    /// When the latest interaction with them was. It follows the interactions by itself, and is no new version of the record.
    pub last_activity_at: Option<Timestamp>,
    /// Version, ownership and stamps.
    #[serde(flatten)]
    pub stamps: Stamps,
}

/// What a client says of a person: absent fields stay, `null` clears, a value sets.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[allow(missing_docs)] // The fields are those of `Person`.
pub struct PersonPatch {
    pub first_name: Field<Name>,
    pub last_name: Field<Name>,
    pub email: Field<EmailAddress>,
    pub personal_email: Field<EmailAddress>,
    pub phone: Field<PhoneNumber>,
    pub mobile: Field<PhoneNumber>,
    pub job_title: Field<Line>,
    pub country_code: Field<CountryCode>,
    pub language: Field<LanguageCode>,
    pub linkedin_url: Field<WebAddress>,
    pub tags: Field<Tags>,
    pub is_active: Field<bool>,
    pub consent: Field<bool>,
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::values::date_field_schema))]
    pub consent_date: Field<Date>,
    pub notes: Field<Text>,
    pub owner_id: Field<UserId>,
    pub team_id: Field<TeamId>,
}

impl PersonPatch {
    /// Reads a JSON object; every broken rule is told, unknown fields included.
    ///
    /// Phone numbers in national form are read by the rules of the `country_code` beside them.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        Self::take(InputReader::new(value)?)
    }

    /// Reads the JSON object of a new person: as [`Self::read`], and a missing family name is told with the rest.
    pub fn read_new(value: Value) -> Result<Self, Invalid> {
        let mut input = InputReader::new(value)?;
        input.require("last_name");
        Self::take(input)
    }

    fn take(mut input: InputReader) -> Result<Self, Invalid> {
        let country_code = input.text("country_code", CountryCode::parse);
        let country = country_code.as_set().copied();
        let patch = Self {
            first_name: input.text("first_name", Name::parse),
            last_name: input.text("last_name", Name::parse),
            email: input.text("email", EmailAddress::parse),
            personal_email: input.text("personal_email", EmailAddress::parse),
            phone: input.text("phone", |text| PhoneNumber::parse(text, country)),
            mobile: input.text("mobile", |text| PhoneNumber::parse(text, country)),
            job_title: input.text("job_title", Line::parse),
            country_code,
            language: input.text("language", LanguageCode::parse),
            linkedin_url: input.text("linkedin_url", WebAddress::parse),
            tags: input.texts("tags", Tags::parse),
            is_active: input.boolean("is_active"),
            consent: input.boolean("consent"),
            consent_date: input.text("consent_date", parse_date),
            notes: input.text("notes", Text::parse),
            owner_id: input.id("owner_id"),
            team_id: input.id("team_id"),
        };
        input.finish(patch)
    }
}

impl Person {
    /// A new person. The family name is the only field that must be set.
    pub fn create(new: NewRecord<Self>, patch: &PersonPatch) -> Result<Applied<Self>, Invalid> {
        Self::blank(new).edit(Editor::of_new_record(), patch, new.at)
    }

    /// The state after a patch: a version later where something changed, the same where nothing did.
    pub fn apply(&self, patch: &PersonPatch, by: Option<UserId>, at: Timestamp) -> Result<Applied<Self>, Invalid> {
        let mut applied = self.clone().edit(Editor::new(), patch, at)?;
        if !applied.changes.is_empty() {
            applied.state.stamps = applied.state.stamps.touched(by, at);
        }
        Ok(applied)
    }

    /// First and last name, as one writes them.
    pub fn full_name(&self) -> String {
        match &self.first_name {
            Some(first_name) => format!("{first_name} {}", self.last_name),
            None => self.last_name.to_string(),
        }
    }

    /// The folded text that a full-text search looks through.
    pub fn search_text(&self) -> String {
        search_text(&[
            self.first_name.as_ref().map(Line::as_str),
            Some(self.last_name.as_str()),
            self.email.as_ref().map(EmailAddress::as_str),
            self.job_title.as_ref().map(Line::as_str),
        ])
    }

    /// What a new person is before its input is looked at; without a family name it never leaves [`Self::create`].
    fn blank(new: NewRecord<Self>) -> Self {
        Self {
            id: new.id,
            first_name: None,
            last_name: Name::from_stored(String::new()),
            email: None,
            personal_email: None,
            phone: None,
            mobile: None,
            job_title: None,
            country_code: None,
            language: None,
            linkedin_url: None,
            tags: Tags::default(),
            is_active: true,
            consent: false,
            consent_date: None,
            notes: None,
            last_activity_at: None,
            stamps: new.stamps(),
        }
    }

    fn edit(mut self, mut edit: Editor, patch: &PersonPatch, at: Timestamp) -> Result<Applied<Self>, Invalid> {
        let consent_date = self.day_of_consent(patch, at);
        edit.optional("first_name", &mut self.first_name, &patch.first_name);
        edit.essential("last_name", &mut self.last_name, &patch.last_name);
        edit.optional("email", &mut self.email, &patch.email);
        edit.optional("personal_email", &mut self.personal_email, &patch.personal_email);
        edit.optional("phone", &mut self.phone, &patch.phone);
        edit.optional("mobile", &mut self.mobile, &patch.mobile);
        edit.optional("job_title", &mut self.job_title, &patch.job_title);
        edit.optional("country_code", &mut self.country_code, &patch.country_code);
        edit.optional("language", &mut self.language, &patch.language);
        edit.optional("linkedin_url", &mut self.linkedin_url, &patch.linkedin_url);
        edit.emptied("tags", &mut self.tags, &patch.tags);
        edit.required("is_active", &mut self.is_active, &patch.is_active);
        edit.required("consent", &mut self.consent, &patch.consent);
        edit.optional("consent_date", &mut self.consent_date, &consent_date);
        edit.optional("notes", &mut self.notes, &patch.notes);
        edit.optional("owner_id", &mut self.stamps.owner_id, &patch.owner_id);
        edit.optional("team_id", &mut self.stamps.team_id, &patch.team_id);
        edit.finish(self)
    }

    /// Where the patch does not name the day: a consent is given today, and one that is withdrawn has no day any more.
    fn day_of_consent(&self, patch: &PersonPatch, at: Timestamp) -> Field<Date> {
        match (patch.consent_date, patch.consent) {
            (Field::Keep, Field::Set(consent)) if consent != self.consent => Field::replace(consent.then(|| at.date())),
            (day, _) => day,
        }
    }
}

/// The fields of a person by which lists are filtered and sorted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, strum::AsRefStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)] // The fields are those of `Person`.
pub enum PersonField {
    Id,
    FirstName,
    LastName,
    Email,
    PersonalEmail,
    Phone,
    Mobile,
    JobTitle,
    CountryCode,
    Language,
    Tags,
    IsActive,
    Consent,
    ConsentDate,
    LastActivityAt,
    OwnerId,
    TeamId,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}

impl FieldSet for PersonField {
    const RESOURCE: Resource = Resource::People;

    fn kind(self) -> Kind {
        match self {
            Self::FirstName | Self::LastName => Kind::Folded,
            Self::Email | Self::PersonalEmail | Self::Phone | Self::Mobile | Self::JobTitle => Kind::Text,
            Self::CountryCode => Kind::Choice(CountryCode::all),
            Self::Language => Kind::Choice(LanguageCode::all),
            Self::Tags => Kind::Tags,
            Self::IsActive | Self::Consent => Kind::Boolean,
            Self::ConsentDate => Kind::Date,
            Self::Id | Self::OwnerId | Self::TeamId | Self::CreatedBy | Self::UpdatedBy => Kind::Id,
            Self::LastActivityAt | Self::CreatedAt | Self::UpdatedAt => Kind::Time,
        }
    }

    fn is_sortable(self) -> bool {
        matches!(
            self,
            Self::FirstName
                | Self::LastName
                | Self::Email
                | Self::CountryCode
                | Self::LastActivityAt
                | Self::CreatedAt
                | Self::UpdatedAt
        )
    }

    fn newest_first() -> Self {
        Self::CreatedAt
    }
}
