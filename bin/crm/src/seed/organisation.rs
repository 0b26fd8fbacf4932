//! Organisations of sample data.

use crm_domain::{
    Organisation, OrganisationCategory, OrganisationId, OrganisationPatch, PipelineStage, RecordKind,
    values::{
        CountryCode, CurrencyCode, EmailAddress, LanguageCode, Lei, Line, Money, Name, Percent, PhoneNumber, Tags,
        Text, Timestamp, WebAddress,
    },
};

use super::{
    Kind, Made, Plan, days_below, days_from, digits, field, made,
    random::{Random, base36, mix},
    slug,
    words::{CATEGORIES, ENDINGS, KINDS, NOTES, PLACES, Place, STAGES, STEMS, STRATEGIES, TAGS},
};

/// What people need to know of the organisation that they work with.
pub struct Sketch {
    /// Its id.
    pub id: OrganisationId,
    /// When it was made.
    pub at: Timestamp,
    /// Its name.
    pub name: String,
    /// Its host name, under `.example`.
    pub host: String,
    /// Where it sits.
    pub place: &'static Place,
    category: OrganisationCategory,
}

impl Plan {
    /// The organisation number `index`.
    pub fn organisation(&self, index: u64) -> Made<Organisation> {
        let mut random = self.random(Kind::Organisation, index);
        let sketch = self.sketch(&mut random, index);
        let owner = self.owner(&mut random);
        let new = crm_domain::NewRecord {
            id: sketch.id,
            owner_id: owner.map(|owner| owner.user),
            team_id: owner.and_then(|owner| owner.team),
            by: None,
            at: sketch.at,
        };
        let patch = self.organisation_patch(&mut random, index, &sketch);
        let applied = Organisation::create(new, &patch).expect("sample data keep the rules of the domain");
        made(RecordKind::Organisations, sketch.id.uuid(), applied)
    }

    /// The same organisation, as far as others refer to it.
    pub fn organisation_sketch(&self, index: u64) -> Sketch {
        self.sketch(&mut self.random(Kind::Organisation, index), index)
    }

    fn sketch(&self, random: &mut Random, index: u64) -> Sketch {
        let at = self.moment(Kind::Organisation, index, self.organisations);
        let id = super::id(random, at);
        let weights: [(&'static Place, u64); PLACES.len()] = std::array::from_fn(|at| (&PLACES[at], PLACES[at].weight));
        let place = random.weighted(&weights);
        let category = random.weighted(&CATEGORIES);
        let stem: String = STEMS.iter().map(|parts| *random.pick(parts)).collect();
        let (_, endings) = ENDINGS.iter().find(|(of, _)| *of == category).expect("every category has its endings");
        let name = format!("{stem} {}", random.pick(endings));
        let host = format!("{}.example", slug(&name));
        Sketch { id, at, name, host, place, category }
    }

    fn organisation_patch(&self, random: &mut Random, index: u64, sketch: &Sketch) -> OrganisationPatch {
        let place = sketch.place;
        let (city, postal_code) = *random.pick(place.cities);
        let street = random.pick(place.streets).replace("{}", &(1 + random.below(120)).to_string());
        let (stage, probability) = random.weighted(&STAGES);
        let country = code(CountryCode::parse(place.country));
        let days = days_to_signature(random, stage);
        let assets = assets(random);
        let counted = days_from(sketch.at, -days_below(random, 90)).date();
        let has_assets = random.percent(70);
        let potential = assets_share(random, assets);
        let (strategies, tags) = (some_of(random, &STRATEGIES, 4), some_of(random, &TAGS, 3));
        OrganisationPatch {
            name: field(Some(Name::from_stored(sketch.name.clone()))),
            kind: field(Some(random.weighted(&KINDS))),
            category: field(Some(sketch.category)),
            email: field(random.sometimes(90, EmailAddress::from_stored(format!("contact@{}", sketch.host)))),
            phone: field(phone(random, place.phones, 80)),
            website: field(random.sometimes(85, WebAddress::from_stored(format!("https://www.{}", sketch.host)))),
            address: field(Some(Line::from_stored(street))),
            city: field(Some(Line::from_stored(city.to_owned()))),
            postal_code: field(Some(Line::from_stored(postal_code.to_owned()))),
            country_code: field(Some(country)),
            language: field(Some(code(LanguageCode::parse(place.language)))),
            domicile: field(random.sometimes(60, country)),
            aum: field(has_assets.then_some(assets)),
            aum_date: field(has_assets.then_some(counted)),
            strategies: field(Some(strategies)),
            tags: field(Some(tags)),
            lei: field(random.sometimes(60, self.lei(index))),
            registration_number: field(Some(Line::from_stored(digits(random, "EX-#########")))),
            licence_number: field(random.sometimes(40, self.licence(index))),
            pipeline_stage: field(Some(stage)),
            potential_amount: field(random.sometimes(65, potential)),
            currency: field(Some(code(CurrencyCode::parse(place.currency)))),
            signature_probability: field(Some(code(Percent::new(probability)))),
            signature_date: field(days.map(|days| days_from(sketch.at, days).date())),
            is_active: field(Some(random.percent(93))),
            description: field(Some(Text::from_stored("Made-up sample record; there is no such company.".to_owned()))),
            notes: field(note(random)),
            ..OrganisationPatch::default()
        }
    }

    /// An identifier with a prefix that no issuer has, and right check digits.
    fn lei(&self, index: u64) -> Lei {
        let body = format!("EXMP00{}{}", base36(mix(self.seed), 5), base36(index, 7));
        Lei::from_stored(format!("{body}{:02}", check_digits(&body)))
    }

    fn licence(&self, index: u64) -> Line {
        Line::from_stored(format!("EX-{}-{}", base36(mix(self.seed), 5), base36(index, 5)))
    }
}

/// The check digits of ISO 7064, MOD 97-10.
fn check_digits(body: &str) -> u32 {
    let digits = body.chars().filter_map(|character| character.to_digit(36));
    let remainder = digits.fold(0, |remainder, value| (remainder * if value < 10 { 10 } else { 100 } + value) % 97);
    98 - remainder * 100 % 97
}

/// What is written down of a record, for one of five.
pub fn note(random: &mut Random) -> Option<Text> {
    let note = Text::from_stored((*random.pick(&NOTES)).to_owned());
    random.sometimes(20, note)
}

/// A number of one of these patterns, in so many cases of a hundred.
pub fn phone(random: &mut Random, patterns: &[&str], cases: u64) -> Option<PhoneNumber> {
    if patterns.is_empty() {
        return None;
    }
    let pattern = random.pick(patterns);
    let number = digits(random, pattern);
    random.sometimes(cases, PhoneNumber::from_stored(number))
}

/// At most `most` of these words.
pub fn some_of(random: &mut Random, words: &[&str], most: u64) -> Tags {
    let count = random.below(most + 1);
    let mut chosen: Vec<String> = (0..count).map(|_| (*random.pick(words)).to_owned()).collect();
    chosen.sort_unstable();
    chosen.dedup();
    Tags::from_stored(chosen)
}

/// From one million to fifty billion, each order of magnitude as often as the next.
fn assets(random: &mut Random) -> Money {
    let magnitude = 10_u64.pow(u32::try_from(random.below(5)).unwrap_or(0));
    amount((1 + random.below(9)) * magnitude * 1_000_000 + random.below(1_000) * 1_000)
}

/// Between a thousandth and a twentieth of the assets, in whole thousands.
fn assets_share(random: &mut Random, assets: Money) -> Money {
    let whole = assets.minor_units().unsigned_abs() / 100;
    amount((whole / 1000 * (1 + random.below(50)) / 1000).max(1) * 1000)
}

fn amount(whole: u64) -> Money {
    Money::from_minor_units(i64::try_from(whole * 100).expect("the largest amounts are some tens of billions"))
}

/// How many days after the first contact a signature is expected or was made.
fn days_to_signature(random: &mut Random, stage: PipelineStage) -> Option<i64> {
    let days = 30 + days_below(random, 300);
    match stage {
        PipelineStage::Proposal | PipelineStage::Negotiation | PipelineStage::Signed => Some(days),
        PipelineStage::Lead
        | PipelineStage::Qualified
        | PipelineStage::Prospect
        | PipelineStage::Qualification
        | PipelineStage::Lost
        | PipelineStage::Inactive => None,
    }
}

/// A constant of the word lists, or a number within its bounds.
pub fn code<T>(value: Result<T, crm_domain::Violation>) -> T {
    value.expect("sample data keep the rules of the domain")
}
