//! What a row says of a person, and which organisation it says that the person works with.

use std::collections::HashSet;

use crm_domain::{
    Change, ChangeAction, FieldChange, Invalid, Link, LinkPatch, NewRecord, Organisation, OrganisationId, Person,
    PersonId, PersonPatch, Version,
    access::{Create, Denied, Grant, Import, Ownership, Read, Update},
    values::{CountryCode, EmailAddress, fold},
};
use crm_persistence::{
    Recorded, StoreError, WriteTx, links,
    people::{self, MatchKeys as PeopleKeys},
};
use serde_json::Value;

use super::{
    cells::Reading,
    employer::{Employer, Employers},
    reader::{self, Synonyms},
    row::Problem,
    seen::Key,
    target::{FieldMap, FieldReading, Keys, Made, Recognised, Rights, Target},
};
use crate::{App, Error, links::change as link_change, people::change};

/// An import of people.
pub(super) struct People {
    pub app: App,
    pub rights: Rights<Person>,
    pub readable: Grant<Read, Person>,
    /// Links are made where the importer may see organisations and change them.
    pub organisations: Result<LinkGrants, Denied>,
    pub default_country: Option<CountryCode>,
}

/// What it takes to link people with organisations.
pub(super) struct LinkGrants {
    pub find: Grant<Import, Organisation>,
    pub link: Grant<Update, Organisation>,
}

const fn field(name: &'static str, reading: Reading) -> FieldReading {
    FieldReading { name, reading }
}

impl Target for People {
    type Record = Person;
    type Patch = PersonPatch;
    type Aside = Employer;

    const SYNONYMS: &'static Synonyms = reader::PERSON;
    const FIELDS: &'static [FieldReading] = &[
        field("first_name", Reading::Line),
        field("last_name", Reading::Line),
        field("email", Reading::Line),
        field("personal_email", Reading::Line),
        field("phone", Reading::Phone),
        field("mobile", Reading::Phone),
        field("job_title", Reading::Line),
        field("country_code", Reading::Country),
        field("language", Reading::Language),
        field("linkedin_url", Reading::Line),
        field("tags", Reading::Tags),
        field("is_active", Reading::Truth),
        field("consent", Reading::Truth),
        field("consent_date", Reading::Date),
        field("notes", Reading::Text),
    ];

    fn read(fields: FieldMap) -> Result<PersonPatch, Invalid> {
        PersonPatch::read(Value::Object(fields))
    }

    fn asides<'c>(&self, _: &mut FieldMap, cell: &dyn Fn(&str) -> Option<&'c str>) -> Employer {
        Employer::of(cell)
    }

    fn rights(&self) -> &Rights<Person> {
        &self.rights
    }

    fn ownership(record: &Person) -> Ownership {
        Ownership::from(&record.stamps)
    }

    fn resolve(&self, tx: &mut WriteTx, asides: &mut [Employer]) -> Result<Vec<(usize, Problem)>, Error> {
        match &self.organisations {
            Ok(grants) => Employers::resolve(tx, &grants.find, asides),
            Err(denied) => {
                let named = asides.iter().enumerate().filter(|(_, aside)| aside.named_by().is_some());
                Ok(named.map(|(at, aside)| (at, aside.problem("forbidden", denied.to_string()))).collect())
            }
        }
    }

    /// The e-mail address; else the full name within the organisation.
    fn keys(&self, fields: &FieldMap, employer: &Employer) -> Keys {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        if let Some(email) = text("email").and_then(|email| EmailAddress::parse(email).ok()) {
            return Keys { own: vec![by_email(&email)], fallback: Vec::new() };
        }
        let name =
            fold(&format!("{} {}", text("first_name").unwrap_or_default(), text("last_name").unwrap_or_default()));
        if name.is_empty() {
            return Keys::default();
        }
        match (employer.found, employer.named_by()) {
            (Some(id), _) => Keys { own: vec![named(&name, &id.to_string())], fallback: Vec::new() },
            (None, Some((_, cell))) => Keys { own: vec![named(&name, &fold(cell))], fallback: vec![named(&name, "")] },
            (None, None) => Keys { own: vec![named(&name, "")], fallback: Vec::new() },
        }
    }

    fn keys_of(&self, record: &Person) -> Vec<Key> {
        record.email.as_ref().map(by_email).into_iter().collect()
    }

    fn load(&self, tx: &mut WriteTx, keys: &[Key]) -> Result<Vec<Recognised<Person>>, Error> {
        let mut wanted = PeopleKeys::default();
        for (kind, value) in keys.iter().filter_map(|key| key.split_once(':')) {
            match kind {
                "email" => wanted.emails.push(value.to_owned()),
                _ => wanted.names.push(value.rsplit_once('|').map_or(value, |(name, _)| name).to_owned()),
            }
        }
        wanted.names.sort_unstable();
        wanted.names.dedup();
        let found = people::matching(tx, &self.rights.import, &wanted)?;
        let pairs = self.pairs(tx, &found)?;
        let with_keys = |person: Person| {
            let mut keys = self.keys_of(&person);
            let name = fold(&person.full_name());
            let employers: Vec<_> = pairs.iter().filter(|(_, id)| *id == person.id).collect();
            keys.extend(employers.iter().map(|(organisation, _)| named(&name, &organisation.to_string())));
            if employers.is_empty() {
                keys.push(named(&name, ""));
            }
            (person, keys)
        };
        Ok(found.into_iter().map(with_keys).collect())
    }

    fn create(&self, tx: &WriteTx, patch: &PersonPatch, _: &Employer) -> Result<(Person, Vec<FieldChange>), Invalid> {
        let actor = self.rights.import.actor();
        let (owner_id, team_id, by) = (actor.user_id(), actor.team_id(), actor.user_id());
        let new = NewRecord { id: self.app.new_id(), owner_id, team_id, by, at: tx.at() };
        Person::create(new, patch).map(|made| (made.state, made.changes))
    }

    fn apply(&self, tx: &WriteTx, record: &Person, patch: &PersonPatch) -> Result<(Person, Vec<FieldChange>), Invalid> {
        let applied = record.apply(patch, self.rights.import.actor().user_id(), tx.at())?;
        Ok((applied.state, applied.changes))
    }

    fn insert(&self, tx: &mut WriteTx, grant: &Grant<Create, Person>, records: &[Person]) -> Result<(), StoreError> {
        people::insert_many(tx, grant, records)
    }

    fn save(
        &self,
        tx: &mut WriteTx,
        grant: &Grant<Update, Person>,
        before: Version,
        record: &Person,
    ) -> Result<(), StoreError> {
        people::save(tx, grant, before, record)
    }

    fn change(record: &Person, made: Made, fields: Vec<FieldChange>) -> Change {
        let action = if made == Made::New { ChangeAction::Created } else { ChangeAction::Updated };
        change(record, action, fields)
    }

    fn version(record: &Person) -> Version {
        record.stamps.version
    }

    /// Links each person with the organisation of its row, unless that link is there already.
    fn finish(&self, tx: &mut WriteTx, written: &[(Person, Employer)]) -> Result<Recorded<()>, Error> {
        let Ok(grants) = &self.organisations else {
            return Ok(tx.unchanged(()));
        };
        let wanted: Vec<(OrganisationId, &Person)> =
            written.iter().filter_map(|(person, employer)| Some((employer.found?, person))).collect();
        if wanted.is_empty() {
            return Ok(tx.unchanged(()));
        }
        let people: Vec<Person> = wanted.iter().map(|(_, person)| (*person).clone()).collect();
        let mut linked = self.pairs(tx, &people)?;
        let (mut new, mut changes) = (Vec::new(), Vec::new());
        for (organisation, person) in wanted {
            if linked.insert((organisation, person.id)) {
                let record = NewRecord {
                    id: self.app.new_id(),
                    owner_id: None,
                    team_id: None,
                    by: self.rights.import.actor().user_id(),
                    at: tx.at(),
                };
                let made = Link::create(record, organisation, person.id, &LinkPatch::default())?;
                changes.push(link_change(&made.state, made.state.version, ChangeAction::Created, made.changes));
                new.push(made.state);
            }
        }
        links::insert_many(tx, &grants.link, &new)?;
        Ok(tx.record_all(changes)?)
    }

    fn default_country(&self) -> Option<CountryCode> {
        self.default_country
    }
}

impl People {
    /// Which of these people are linked with which organisations that the importer may see.
    fn pairs(&self, tx: &mut WriteTx, people: &[Person]) -> Result<HashSet<(OrganisationId, PersonId)>, Error> {
        let Ok(grants) = &self.organisations else {
            return Ok(HashSet::new());
        };
        let ids: Vec<PersonId> = people.iter().map(|person| person.id).collect();
        Ok(links::pairs_of_people(tx, &grants.find, &self.readable, &ids)?.into_iter().collect())
    }
}

fn by_email(email: &EmailAddress) -> Key {
    format!("email:{}", email.key())
}

fn named(name: &str, organisation: &str) -> Key {
    format!("name:{name}|{organisation}")
}
