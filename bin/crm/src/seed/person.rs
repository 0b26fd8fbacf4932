//! People of sample data, and their links with organisations.

use crm_domain::{
    Link, LinkPatch, LinkRole, Person, PersonPatch, RecordKind,
    values::{CountryCode, EmailAddress, LanguageCode, Line, Name, WebAddress},
};

use super::{
    Kind, Made, NEWEST, Plan, days_below, days_from, field, made,
    organisation::{Sketch, code, note, phone, some_of},
    random::{Random, base36},
    slug,
    words::{FAMILY_NAMES, GIVEN_NAMES, JOB_TITLES, PLACES, TAGS},
};

/// How often each role is met among those who are not the first contact.
const ROLES: [(LinkRole, u64); 5] = [
    (LinkRole::SecondaryContact, 34),
    (LinkRole::DecisionMaker, 26),
    (LinkRole::Technical, 14),
    (LinkRole::Administrative, 16),
    (LinkRole::Other, 10),
];

impl Plan {
    /// The person number `index`.
    pub fn person(&self, index: u64) -> Made<Person> {
        let mut random = self.random(Kind::Person, index);
        let at = self.moment(Kind::Person, index, self.people);
        let owner = self.owner(&mut random);
        let new = Self::new_record(&mut random, at, owner);
        let employer = self.employers(index).first().map(|employer| self.organisation_sketch(*employer));
        let patch = person_patch(&mut random, index, employer.as_ref(), at);
        let applied = Person::create(new, &patch).expect("sample data keep the rules of the domain");
        made(RecordKind::People, new.id.uuid(), applied)
    }

    /// The links of the person number `index`.
    pub fn links(&self, index: u64, person: &Person) -> Vec<Made<Link>> {
        let mut random = self.random(Kind::Link, index);
        let employers = self.employers(index);
        employers
            .iter()
            .zip(0..)
            .map(|(employer, place)| self.link(&mut random, person, *employer, index, place))
            .collect()
    }

    /// The organisations that a person works with, none twice. The first people are the first contacts of one
    /// organisation each; the others flock to some organisations more than to others.
    fn employers(&self, index: u64) -> Vec<u64> {
        let mut random = Random::of(self.seed, Kind::Link as u64 + 64, index);
        let mut employers = Vec::new();
        if self.organisations == 0 {
            return employers;
        }
        let flocking = |random: &mut Random| {
            let reach = 1 + random.below(self.organisations);
            random.below(reach)
        };
        if index < self.organisations {
            employers.push(index);
        } else if random.percent(90) {
            employers.push(flocking(&mut random));
        }
        let second = flocking(&mut random);
        if random.percent(8) && !employers.contains(&second) {
            employers.push(second);
        }
        employers
    }

    fn link(&self, random: &mut Random, person: &Person, employer: u64, index: u64, place: u64) -> Made<Link> {
        let organisation = self.organisation_sketch(employer);
        let is_primary = place == 0 && index < self.organisations;
        let role = if is_primary { LinkRole::MainContact } else { random.weighted(&ROLES) };
        let at = person.stamps.created_at.max(organisation.at);
        let since = days_from(at, -days_below(random, 3000)).date();
        let patch = LinkPatch {
            role: field(Some(role)),
            is_primary: field(Some(is_primary)),
            job_title: field(person.job_title.clone()),
            work_email: field(if place == 0 { person.email.clone() } else { None }),
            work_phone: field(phone(random, organisation.place.phones, 40)),
            since: field(random.sometimes(50, since)),
            ..LinkPatch::default()
        };
        let new = Self::new_record(random, at, None);
        let applied =
            Link::create(new, organisation.id, person.id, &patch).expect("sample data keep the rules of the domain");
        made(RecordKind::Links, new.id.uuid(), applied)
    }
}

fn person_patch(
    random: &mut Random,
    index: u64,
    employer: Option<&Sketch>,
    at: crm_domain::values::Timestamp,
) -> PersonPatch {
    let first_name = *random.pick(&GIVEN_NAMES);
    let last_name: String = FAMILY_NAMES.iter().map(|parts| *random.pick(parts)).collect();
    let place = employer.map_or_else(|| random.pick(&PLACES), |employer| employer.place);
    let host = employer.map_or("post.example", |employer| &employer.host);
    // The number keeps namesakes of one organisation apart.
    let local = format!(
        "{}.{}.{}",
        slug(first_name),
        slug(&last_name),
        base36(index, 5).trim_start_matches('0').to_lowercase()
    );
    let local = local.trim_end_matches('.');
    let consent = random.percent(60);
    let consent_date = days_from(at, days_below(random, 30)).min(NEWEST).date();
    PersonPatch {
        first_name: field(Some(Name::from_stored(first_name.to_owned()))),
        last_name: field(Some(Name::from_stored(last_name))),
        email: field(random.sometimes(88, EmailAddress::from_stored(format!("{local}@{host}")))),
        personal_email: field(random.sometimes(15, EmailAddress::from_stored(format!("{local}@home.example")))),
        phone: field(phone(random, place.phones, 60)),
        mobile: field(phone(random, place.mobiles, 60)),
        job_title: field(Some(Line::from_stored((*random.pick(&JOB_TITLES)).to_owned()))),
        country_code: field(Some(code(CountryCode::parse(place.country)))),
        language: field(Some(code(LanguageCode::parse(place.language)))),
        linkedin_url: field(random.sometimes(30, WebAddress::from_stored(format!("https://profiles.example/{local}")))),
        tags: field(Some(some_of(random, &TAGS, 2))),
        is_active: field(Some(random.percent(95))),
        consent: field(Some(consent)),
        consent_date: field(consent.then_some(consent_date)),
        notes: field(note(random)),
        ..PersonPatch::default()
    }
}
