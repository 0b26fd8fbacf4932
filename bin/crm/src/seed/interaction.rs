//! Interactions of sample data.

use crm_domain::{
    Field, IdSet, Interaction, InteractionPatch, InteractionType, OrganisationId, Person, RecordKind,
    values::{Line, Minutes, Text, Timestamp},
};

use super::{Kind, Made, Plan, field, made, organisation::note, random::Random};

/// How often each type is met.
const TYPES: [(InteractionType, u64); 6] = [
    (InteractionType::Call, 35),
    (InteractionType::Email, 30),
    (InteractionType::Meeting, 20),
    (InteractionType::Webinar, 5),
    (InteractionType::Visit, 5),
    (InteractionType::Other, 5),
];

const SUBJECTS: [&str; 12] = [
    "Annual review",
    "Quarterly figures",
    "New share class",
    "Due diligence questionnaire",
    "Fee schedule",
    "Introduction of the team",
    "Présentation du fonds obligataire",
    "Point sur les encours",
    "Renouvellement de la convention",
    "Question sur le reporting",
    "Revue du portefeuille",
    "Invitation au séminaire",
];

const OUTCOMES: [&str; 6] = [
    "They will decide next month.",
    "Send the latest report.",
    "No interest at present.",
    "Un rendez-vous est pris.",
    "Envoyer la documentation.",
    "À relancer au prochain trimestre.",
];

const DURATIONS: [u16; 6] = [10, 15, 30, 45, 60, 90];

impl Plan {
    /// The interaction number `index`; none where there is no organisation that it could have happened with.
    pub fn interaction(&self, index: u64) -> Option<Made<Interaction>> {
        if self.organisations == 0 {
            return None;
        }
        let mut random = self.random(Kind::Interaction, index);
        let (organisation, person, since) = self.met(&mut random);
        let at = self.moment(Kind::Interaction, index, self.interactions).max(since);
        let owner = self.owner(&mut random);
        let new = Self::new_record(&mut random, at, owner);
        let kind = random.weighted(&TYPES);
        let minutes = Minutes::new((*random.pick(&DURATIONS)).into()).expect("they are shorter than a week");
        let has_length = !matches!(kind, InteractionType::Email | InteractionType::Other);
        let outcome = Text::from_stored((*random.pick(&OUTCOMES)).to_owned());
        let patch = InteractionPatch {
            kind: Field::Set(kind),
            occurred_at: Field::Set(at),
            duration_minutes: field(has_length.then_some(minutes)),
            subject: Field::Set(Line::from_stored((*random.pick(&SUBJECTS)).to_owned())),
            body: field(note(&mut random)),
            outcome: field(random.sometimes(40, outcome)),
            organisation_id: Field::Set(organisation),
            participant_people: field(person.map(|person| IdSet::from_stored([person.id]))),
            participant_users: field(owner.map(|owner| IdSet::from_stored([owner.user]))),
            ..InteractionPatch::default()
        };
        let applied = Interaction::create(new, &patch).expect("sample data keep the rules of the domain");
        Some(made(RecordKind::Interactions, new.id.uuid(), applied))
    }

    /// An organisation, mostly with somebody who works there, and the time since which both are known.
    fn met(&self, random: &mut Random) -> (OrganisationId, Option<Person>, Timestamp) {
        let (any, somebody) = (random.below(self.organisations), random.below(self.people.max(1)));
        if self.people > 0 && random.percent(80) {
            let person = self.person(somebody).record;
            let employer = self.links(somebody, &person).into_iter().next();
            if let Some(employer) = employer {
                let since = person.stamps.created_at.max(employer.record.created_at);
                return (employer.record.organisation_id, Some(person), since);
            }
        }
        let organisation = self.organisation_sketch(any);
        (organisation.id, None, organisation.at)
    }
}
