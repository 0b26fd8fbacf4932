//! Organisations: the companies one deals with.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Applied, Editor, Field, InputReader, Invalid, NewRecord, OrganisationId, Stamps, TeamId, UserId,
    access::Resource,
    names_of,
    query::{FieldSet, Kind},
    values::{
        CountryCode, CurrencyCode, Date, EmailAddress, LanguageCode, Lei, Line, Money, Name, Percent, PhoneNumber,
        Tags, Text, Timestamp, WebAddress, parse_date, search_text,
    },
};

/// What the organisation is to us.
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
pub enum OrganisationType {
    Client,
    Investor,
    Supplier,
    Distributor,
    Issuer,
    Other,
}

/// What kind of business it is.
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
pub enum OrganisationCategory {
    Institution,
    Wholesale,
    AssetManager,
    IndependentAdviser,
    Startup,
    Corporation,
    Other,
}

/// How far the business with it has come.
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
pub enum PipelineStage {
    Lead,
    Qualified,
    Prospect,
    Qualification,
    Proposal,
    Negotiation,
    Signed,
    Lost,
    Inactive,
}

/// A company one deals with.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// Its name.
    pub name: Name,
    /// What it is to us.
    #[serde(rename = "type")]
    pub kind: Option<OrganisationType>,
    /// What kind of business it is.
    pub category: Option<OrganisationCategory>,
    /// Its general e-mail address.
    pub email: Option<EmailAddress>,
    /// Its switchboard, in E.164.
    pub phone: Option<PhoneNumber>,
    /// Its web site.
    pub website: Option<WebAddress>,
    /// Street and number.
    pub address: Option<Line>,
    /// City.
    pub city: Option<Line>,
    /// Postal code, as written in its country.
    pub postal_code: Option<Line>,
    /// Country of the seat, ISO 3166-1 alpha-2.
    pub country_code: Option<CountryCode>,
    /// Language one writes to it in, ISO 639-1.
    pub language: Option<LanguageCode>,
    /// Country of its legal domicile, ISO 3166-1 alpha-2.
    pub domicile: Option<CountryCode>,
    /// Assets under management, in `currency`.
    pub aum: Option<Money>,
    /// The day the assets were counted.
    pub aum_date: Option<Date>,
    /// Investment strategies.
    pub strategies: Tags,
    /// Free labels.
    pub tags: Tags,
    /// Legal entity identifier, ISO 17442; one live organisation for each.
    pub lei: Option<Lei>,
    /// Number in the national register of companies.
    pub registration_number: Option<Line>,
    /// Number of the regulator's licence; one live organisation for each.
    pub licence_number: Option<Line>,
    /// How far the business with it has come.
    pub pipeline_stage: PipelineStage,
    /// What the business may be worth, in `currency`.
    pub potential_amount: Option<Money>,
    /// Currency of the amounts, ISO 4217.
    pub currency: CurrencyCode,
    /// How likely a signature is, in percent.
    pub signature_probability: Option<Percent>,
    /// The day a signature is expected or was made.
    pub signature_date: Option<Date>,
    /// Whether one deals with it at present.
    pub is_active: bool,
    /// What it does.
    pub description: Option<Text>,
    /// What one should know.
    pub notes: Option<Text>,
    /// When the latest interaction with it was. It follows the interactions by itself, and is no new version of the record.
    pub last_activity_at: Option<Timestamp>,
    /// Version, ownership and stamps.
    #[serde(flatten)]
    pub stamps: Stamps,
}

/// What a client says of an organisation: absent fields stay, `null` clears, a value sets.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[allow(missing_docs)] // The fields are those of `Organisation`.
pub struct OrganisationPatch {
    pub name: Field<Name>,
    #[cfg_attr(feature = "openapi", schema(rename = "type"))]
    pub kind: Field<OrganisationType>,
    pub category: Field<OrganisationCategory>,
    pub email: Field<EmailAddress>,
    pub phone: Field<PhoneNumber>,
    pub website: Field<WebAddress>,
    pub address: Field<Line>,
    pub city: Field<Line>,
    pub postal_code: Field<Line>,
    pub country_code: Field<CountryCode>,
    pub language: Field<LanguageCode>,
    pub domicile: Field<CountryCode>,
    pub aum: Field<Money>,
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::values::date_field_schema))]
    pub aum_date: Field<Date>,
    pub strategies: Field<Tags>,
    pub tags: Field<Tags>,
    pub lei: Field<Lei>,
    pub registration_number: Field<Line>,
    pub licence_number: Field<Line>,
    pub pipeline_stage: Field<PipelineStage>,
    pub potential_amount: Field<Money>,
    pub currency: Field<CurrencyCode>,
    pub signature_probability: Field<Percent>,
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::values::date_field_schema))]
    pub signature_date: Field<Date>,
    pub is_active: Field<bool>,
    pub description: Field<Text>,
    pub notes: Field<Text>,
    pub owner_id: Field<UserId>,
    pub team_id: Field<TeamId>,
}

impl OrganisationPatch {
    /// Reads a JSON object; every broken rule is told, unknown fields included.
    ///
    /// A phone number in national form is read by the rules of the `country_code` beside it.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        Self::take(InputReader::new(value)?)
    }

    /// Reads the JSON object of a new organisation: as [`Self::read`], and a missing name is told with the rest.
    pub fn read_new(value: Value) -> Result<Self, Invalid> {
        let mut input = InputReader::new(value)?;
        input.require("name");
        Self::take(input)
    }

    fn take(mut input: InputReader) -> Result<Self, Invalid> {
        let country_code = input.text("country_code", CountryCode::parse);
        let patch = Self {
            name: input.text("name", Name::parse),
            kind: input.choice("type"),
            category: input.choice("category"),
            email: input.text("email", EmailAddress::parse),
            phone: input.text("phone", |text| PhoneNumber::parse(text, country_code.as_set().copied())),
            website: input.text("website", WebAddress::parse),
            address: input.text("address", Line::parse),
            city: input.text("city", Line::parse),
            postal_code: input.text("postal_code", Line::parse),
            country_code,
            language: input.text("language", LanguageCode::parse),
            domicile: input.text("domicile", CountryCode::parse),
            aum: input.text("aum", Money::parse),
            aum_date: input.text("aum_date", parse_date),
            strategies: input.texts("strategies", Tags::parse),
            tags: input.texts("tags", Tags::parse),
            lei: input.text("lei", Lei::parse),
            registration_number: input.text("registration_number", Line::parse),
            licence_number: input.text("licence_number", Line::parse),
            pipeline_stage: input.choice("pipeline_stage"),
            potential_amount: input.text("potential_amount", Money::parse),
            currency: input.text("currency", CurrencyCode::parse),
            signature_probability: input.integer("signature_probability", Percent::new),
            signature_date: input.text("signature_date", parse_date),
            is_active: input.boolean("is_active"),
            description: input.text("description", Text::parse),
            notes: input.text("notes", Text::parse),
            owner_id: input.id("owner_id"),
            team_id: input.id("team_id"),
        };
        input.finish(patch)
    }
}

impl Organisation {
    /// The currency of amounts when none is named.
    pub fn default_currency() -> CurrencyCode {
        CurrencyCode::parse("EUR").expect("EUR is an ISO 4217 code")
    }

    /// A new organisation. The name is the only field that must be set.
    pub fn create(new: NewRecord<Self>, patch: &OrganisationPatch) -> Result<Applied<Self>, Invalid> {
        Self::blank(new).edit(Editor::of_new_record(), patch)
    }

    /// The state after a patch: a version later where something changed, the same where nothing did.
    pub fn apply(
        &self,
        patch: &OrganisationPatch,
        by: Option<UserId>,
        at: Timestamp,
    ) -> Result<Applied<Self>, Invalid> {
        let mut applied = self.clone().edit(Editor::new(), patch)?;
        if !applied.changes.is_empty() {
            applied.state.stamps = applied.state.stamps.touched(by, at);
        }
        Ok(applied)
    }

    /// The folded text that a full-text search looks through.
    pub fn search_text(&self) -> String {
        search_text(&[
            Some(self.name.as_str()),
            self.city.as_ref().map(Line::as_str),
            self.email.as_ref().map(EmailAddress::as_str),
            self.website.as_ref().map(WebAddress::as_str),
            self.lei.as_ref().map(Lei::as_str),
            self.licence_number.as_ref().map(Line::as_str),
            self.registration_number.as_ref().map(Line::as_str),
        ])
    }

    /// What a new organisation is before its input is looked at; without a name it never leaves [`Self::create`].
    fn blank(new: NewRecord<Self>) -> Self {
        Self {
            id: new.id,
            name: Name::from_stored(String::new()),
            kind: None,
            category: None,
            email: None,
            phone: None,
            website: None,
            address: None,
            city: None,
            postal_code: None,
            country_code: None,
            language: None,
            domicile: None,
            aum: None,
            aum_date: None,
            strategies: Tags::default(),
            tags: Tags::default(),
            lei: None,
            registration_number: None,
            licence_number: None,
            pipeline_stage: PipelineStage::Lead,
            potential_amount: None,
            currency: Self::default_currency(),
            signature_probability: None,
            signature_date: None,
            is_active: true,
            description: None,
            notes: None,
            last_activity_at: None,
            stamps: new.stamps(),
        }
    }

    fn edit(mut self, mut edit: Editor, patch: &OrganisationPatch) -> Result<Applied<Self>, Invalid> {
        edit.essential("name", &mut self.name, &patch.name);
        edit.optional("type", &mut self.kind, &patch.kind);
        edit.optional("category", &mut self.category, &patch.category);
        edit.optional("email", &mut self.email, &patch.email);
        edit.optional("phone", &mut self.phone, &patch.phone);
        edit.optional("website", &mut self.website, &patch.website);
        edit.optional("address", &mut self.address, &patch.address);
        edit.optional("city", &mut self.city, &patch.city);
        edit.optional("postal_code", &mut self.postal_code, &patch.postal_code);
        edit.optional("country_code", &mut self.country_code, &patch.country_code);
        edit.optional("language", &mut self.language, &patch.language);
        edit.optional("domicile", &mut self.domicile, &patch.domicile);
        edit.optional("aum", &mut self.aum, &patch.aum);
        edit.optional("aum_date", &mut self.aum_date, &patch.aum_date);
        edit.emptied("strategies", &mut self.strategies, &patch.strategies);
        edit.emptied("tags", &mut self.tags, &patch.tags);
        edit.optional("lei", &mut self.lei, &patch.lei);
        edit.optional("registration_number", &mut self.registration_number, &patch.registration_number);
        edit.optional("licence_number", &mut self.licence_number, &patch.licence_number);
        edit.required("pipeline_stage", &mut self.pipeline_stage, &patch.pipeline_stage);
        edit.optional("potential_amount", &mut self.potential_amount, &patch.potential_amount);
        edit.required("currency", &mut self.currency, &patch.currency);
        edit.optional("signature_probability", &mut self.signature_probability, &patch.signature_probability);
        edit.optional("signature_date", &mut self.signature_date, &patch.signature_date);
        edit.required("is_active", &mut self.is_active, &patch.is_active);
        edit.optional("description", &mut self.description, &patch.description);
        edit.optional("notes", &mut self.notes, &patch.notes);
        edit.optional("owner_id", &mut self.stamps.owner_id, &patch.owner_id);
        edit.optional("team_id", &mut self.stamps.team_id, &patch.team_id);
        edit.finish(self)
    }
}

/// The fields of an organisation by which lists are filtered and sorted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, strum::AsRefStr, strum::EnumString, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)] // The fields are those of `Organisation`.
pub enum OrganisationField {
    Id,
    Name,
    Type,
    Category,
    Email,
    Phone,
    City,
    PostalCode,
    CountryCode,
    Language,
    Domicile,
    Aum,
    AumDate,
    Strategies,
    Tags,
    Lei,
    RegistrationNumber,
    LicenceNumber,
    PipelineStage,
    PotentialAmount,
    Currency,
    SignatureProbability,
    SignatureDate,
    IsActive,
    LastActivityAt,
    OwnerId,
    TeamId,
    CreatedAt,
    CreatedBy,
    UpdatedAt,
    UpdatedBy,
}

impl FieldSet for OrganisationField {
    const RESOURCE: Resource = Resource::Organisations;

    fn kind(self) -> Kind {
        match self {
            Self::Name | Self::City => Kind::Folded,
            Self::Email
            | Self::Phone
            | Self::PostalCode
            | Self::Lei
            | Self::RegistrationNumber
            | Self::LicenceNumber => Kind::Text,
            Self::CountryCode | Self::Domicile => Kind::Choice(CountryCode::all),
            Self::Currency => Kind::Choice(CurrencyCode::all),
            Self::Language => Kind::Choice(LanguageCode::all),
            Self::Type => Kind::Choice(names_of::<OrganisationType>),
            Self::Category => Kind::Choice(names_of::<OrganisationCategory>),
            Self::PipelineStage => Kind::Choice(names_of::<PipelineStage>),
            Self::Aum | Self::PotentialAmount => Kind::Money,
            Self::SignatureProbability => Kind::Integer,
            Self::AumDate | Self::SignatureDate => Kind::Date,
            Self::Strategies | Self::Tags => Kind::Tags,
            Self::IsActive => Kind::Boolean,
            Self::Id | Self::OwnerId | Self::TeamId | Self::CreatedBy | Self::UpdatedBy => Kind::Id,
            Self::LastActivityAt | Self::CreatedAt | Self::UpdatedAt => Kind::Time,
        }
    }

    fn is_sortable(self) -> bool {
        matches!(
            self,
            Self::Name
                | Self::City
                | Self::CountryCode
                | Self::Aum
                | Self::PipelineStage
                | Self::PotentialAmount
                | Self::SignatureDate
                | Self::LastActivityAt
                | Self::CreatedAt
                | Self::UpdatedAt
        )
    }

    fn newest_first() -> Self {
        Self::CreatedAt
    }
}
