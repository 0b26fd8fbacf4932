//! What a row says of an interaction, and which organisation it names.

use crm_domain::{
    Change, ChangeAction, Field, FieldChange, Interaction, InteractionPatch, Invalid, NewRecord, Organisation,
    OrganisationId, Version,
    access::{Create, Denied, Grant, Ownership, Read, Update},
    values::{CountryCode, Timestamp, fold},
};
use crm_persistence::{Recorded, StoreError, WriteTx, interactions};
use serde_json::Value;

use super::{
    cells::Reading,
    employer::{Employer, Employers},
    reader::{self, Synonyms},
    row::Problem,
    seen::Key,
    target::{FieldMap, FieldReading, Keys, Made, Recognised, Rights, Target},
};
use crate::{App, Error, interactions::change};

/// An import of interactions.
pub(super) struct Interactions {
    pub app: App,
    pub rights: Rights<Interaction>,
    /// The organisation that a row names is one that the importer sees.
    pub organisations: Result<Grant<Read, Organisation>, Denied>,
}

const fn field(name: &'static str, reading: Reading) -> FieldReading {
    FieldReading { name, reading }
}

const TYPES: Reading = Reading::Choice(&[
    ("call", &["phone call", "phone", "appel", "appel téléphonique", "téléphone"]),
    ("email", &["mail", "e-mail", "courriel", "message"]),
    ("meeting", &["appointment", "rendez-vous", "rdv", "réunion", "entretien"]),
    ("webinar", &["webinaire", "visioconférence", "visio", "video call"]),
    ("visit", &["visite", "site visit", "due diligence"]),
    ("other", &["autre", "divers", "note"]),
]);

impl Target for Interactions {
    type Record = Interaction;
    type Patch = InteractionPatch;
    type Aside = Employer;

    const SYNONYMS: &'static Synonyms = reader::INTERACTION;
    const FIELDS: &'static [FieldReading] = &[
        field("type", TYPES),
        field("occurred_at", Reading::Time),
        field("duration_minutes", Reading::Minutes),
        field("subject", Reading::Line),
        field("body", Reading::Text),
        field("outcome", Reading::Text),
    ];

    fn read(fields: FieldMap) -> Result<InteractionPatch, Invalid> {
        InteractionPatch::read(Value::Object(fields))
    }

    fn asides<'c>(&self, _: &mut FieldMap, cell: &dyn Fn(&str) -> Option<&'c str>) -> Employer {
        Employer::of(cell)
    }

    fn rights(&self) -> &Rights<Interaction> {
        &self.rights
    }

    fn ownership(record: &Interaction) -> Ownership {
        Ownership::from(&record.stamps)
    }

    fn resolve(&self, tx: &mut WriteTx, asides: &mut [Employer]) -> Result<Vec<(usize, Problem)>, Error> {
        match &self.organisations {
            Ok(grant) => Employers::resolve(tx, grant, asides),
            Err(denied) => {
                let all = asides.iter().enumerate().filter(|(_, aside)| aside.named_by().is_some());
                Ok(all.map(|(at, aside)| (at, aside.problem("forbidden", denied.to_string()))).collect())
            }
        }
    }

    /// The time, the organisation and the subject: an interaction that is imported again is the same one.
    fn keys(&self, fields: &FieldMap, employer: &Employer) -> Keys {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let at = text("occurred_at").and_then(|at| Timestamp::parse(at).ok());
        let own = at.zip(text("subject")).map(|(at, subject)| key(at, employer.found, subject));
        Keys { own: own.into_iter().collect(), fallback: Vec::new() }
    }

    fn keys_of(&self, record: &Interaction) -> Vec<Key> {
        vec![key(record.occurred_at, record.organisation_id, record.subject.as_str())]
    }

    fn load(&self, tx: &mut WriteTx, keys: &[Key]) -> Result<Vec<Recognised<Interaction>>, Error> {
        let micros = keys.iter().filter_map(|key| key.split_once('|')?.0.parse().ok());
        let times: Vec<Timestamp> = micros.map(Timestamp::from_micros).collect();
        let found = interactions::at_times(tx, &self.rights.import, &times)?;
        Ok(found.into_iter().map(|record| (record.clone(), self.keys_of(&record))).collect())
    }

    fn create(
        &self,
        tx: &WriteTx,
        patch: &InteractionPatch,
        employer: &Employer,
    ) -> Result<(Interaction, Vec<FieldChange>), Invalid> {
        let actor = self.rights.import.actor();
        let (owner_id, team_id, by) = (actor.user_id(), actor.team_id(), actor.user_id());
        let new = NewRecord { id: self.app.new_id(), owner_id, team_id, by, at: tx.at() };
        let organisation_id = employer.found.map_or(Field::Keep, Field::Set);
        Interaction::create(new, &InteractionPatch { organisation_id, ..patch.clone() })
            .map(|made| (made.state, made.changes))
    }

    fn apply(
        &self,
        tx: &WriteTx,
        record: &Interaction,
        patch: &InteractionPatch,
    ) -> Result<(Interaction, Vec<FieldChange>), Invalid> {
        let applied = record.apply(patch, self.rights.import.actor().user_id(), tx.at())?;
        Ok((applied.state, applied.changes))
    }

    fn insert(
        &self,
        tx: &mut WriteTx,
        grant: &Grant<Create, Interaction>,
        records: &[Interaction],
    ) -> Result<(), StoreError> {
        interactions::insert_many(tx, grant, records)
    }

    fn save(
        &self,
        tx: &mut WriteTx,
        grant: &Grant<Update, Interaction>,
        before: Version,
        record: &Interaction,
    ) -> Result<(), StoreError> {
        let former = interactions::find(tx, grant, record.id)?;
        if former.stamps.version != before {
            return Err(StoreError::Stale { current: former.stamps.version });
        }
        interactions::save(tx, grant, &former, record)
    }

    fn change(record: &Interaction, made: Made, fields: Vec<FieldChange>) -> Change {
        let action = if made == Made::New { ChangeAction::Created } else { ChangeAction::Updated };
        change(record, action, fields)
    }

    fn version(record: &Interaction) -> Version {
        record.stamps.version
    }

    fn finish(&self, tx: &mut WriteTx, _: &[(Interaction, Employer)]) -> Result<Recorded<()>, Error> {
        Ok(tx.unchanged(()))
    }

    fn default_country(&self) -> Option<CountryCode> {
        None
    }
}

fn key(at: Timestamp, organisation: Option<OrganisationId>, subject: &str) -> Key {
    let organisation = organisation.map(|id| id.to_string()).unwrap_or_default();
    format!("{}|{organisation}|{}", at.micros(), fold(subject))
}
