//! What a row says of a mandate, and which organisation it says that it is made with.

use crm_domain::{
    Change, ChangeAction, Field, FieldChange, Invalid, Mandate, MandatePatch, NewRecord, Organisation, OrganisationId,
    Version,
    access::{Create, Denied, Grant, Ownership, Read, Update},
    values::{CountryCode, fold},
};
use crm_persistence::{
    Recorded, StoreError, WriteTx,
    mandates::{self, MatchKeys},
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
use crate::{App, Error, mandates::change};

/// An import of mandates.
pub(super) struct Mandates {
    pub app: App,
    pub rights: Rights<Mandate>,
    /// A mandate is made with an organisation that the importer sees.
    pub organisations: Result<Grant<Read, Organisation>, Denied>,
}

const fn field(name: &'static str, reading: Reading) -> FieldReading {
    FieldReading { name, reading }
}

const STATUSES: Reading = Reading::Choice(&[
    ("proposed", &["draft", "negotiation", "proposé", "en négociation", "projet", "brouillon"]),
    ("signed", &["signé", "conclu"]),
    ("active", &["in force", "running", "actif", "en vigueur", "en cours"]),
    ("ended", &["expired", "terminated", "closed", "terminé", "expiré", "résilié", "échu", "fini"]),
]);

impl Target for Mandates {
    type Record = Mandate;
    type Patch = MandatePatch;
    type Aside = Employer;

    const SYNONYMS: &'static Synonyms = reader::MANDATE;
    const FIELDS: &'static [FieldReading] = &[
        field("number", Reading::Line),
        field("status", STATUSES),
        field("signed_on", Reading::Date),
        field("starts_on", Reading::Date),
        field("ends_on", Reading::Date),
        field("notes", Reading::Text),
    ];

    fn read(fields: FieldMap) -> Result<MandatePatch, Invalid> {
        MandatePatch::read(Value::Object(fields))
    }

    fn asides<'c>(&self, _: &mut FieldMap, cell: &dyn Fn(&str) -> Option<&'c str>) -> Employer {
        Employer::of(cell)
    }

    fn rights(&self) -> &Rights<Mandate> {
        &self.rights
    }

    fn ownership(record: &Mandate) -> Ownership {
        Ownership::from(&record.stamps)
    }

    fn resolve(&self, tx: &mut WriteTx, asides: &mut [Employer]) -> Result<Vec<(usize, Problem)>, Error> {
        match &self.organisations {
            Ok(grant) => Employers::resolve(tx, grant, asides),
            Err(denied) => {
                let all = asides.iter().enumerate();
                Ok(all.map(|(at, aside)| (at, aside.problem("forbidden", denied.to_string()))).collect())
            }
        }
    }

    /// The number within the organisation; without one the days that the row names, and else the organisation's mandate
    /// without a number.
    fn keys(&self, fields: &FieldMap, employer: &Employer) -> Keys {
        let Some(organisation) = employer.found else { return Keys::default() };
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        if let Some(number) = text("number") {
            return Keys { own: vec![numbered(number, organisation)], fallback: Vec::new() };
        }
        let days = ["signed_on", "starts_on", "ends_on"].map(|day| text(day).unwrap_or("-")).join("|");
        Keys { own: vec![format!("days:{organisation}|{days}")], fallback: vec![unnumbered(organisation)] }
    }

    fn keys_of(&self, record: &Mandate) -> Vec<Key> {
        record.number.iter().map(|number| numbered(number.as_str(), record.organisation_id)).collect()
    }

    fn load(&self, tx: &mut WriteTx, keys: &[Key]) -> Result<Vec<Recognised<Mandate>>, Error> {
        let mut wanted = MatchKeys::default();
        for (kind, value) in keys.iter().filter_map(|key| key.split_once(':')) {
            match kind {
                "number" => {
                    wanted.numbers.push(value.rsplit_once('|').map_or(value, |(number, _)| number).to_owned());
                }
                "unnumbered" => wanted.organisations.extend(OrganisationId::parse(value).ok()),
                _ => {}
            }
        }
        wanted.numbers.sort_unstable();
        wanted.numbers.dedup();
        let found = mandates::matching(tx, &self.rights.import, &wanted)?;
        let with_keys = |record: Mandate| {
            let mut keys = self.keys_of(&record);
            keys.extend(record.number.is_none().then(|| unnumbered(record.organisation_id)));
            (record, keys)
        };
        Ok(found.into_iter().map(with_keys).collect())
    }

    fn create(
        &self,
        tx: &WriteTx,
        patch: &MandatePatch,
        employer: &Employer,
    ) -> Result<(Mandate, Vec<FieldChange>), Invalid> {
        let actor = self.rights.import.actor();
        let (owner_id, team_id, by) = (actor.user_id(), actor.team_id(), actor.user_id());
        let new = NewRecord { id: self.app.new_id(), owner_id, team_id, by, at: tx.at() };
        let organisation_id = Field::replace(employer.found);
        Mandate::create(new, &MandatePatch { organisation_id, ..patch.clone() }).map(|made| (made.state, made.changes))
    }

    fn apply(
        &self,
        tx: &WriteTx,
        record: &Mandate,
        patch: &MandatePatch,
    ) -> Result<(Mandate, Vec<FieldChange>), Invalid> {
        let applied = record.apply(patch, self.rights.import.actor().user_id(), tx.at());
        let applied = applied.map_err(|refused| refused.at("/status"))?;
        Ok((applied.state, applied.changes))
    }

    fn insert(&self, tx: &mut WriteTx, grant: &Grant<Create, Mandate>, records: &[Mandate]) -> Result<(), StoreError> {
        mandates::insert_many(tx, grant, records)
    }

    fn save(
        &self,
        tx: &mut WriteTx,
        grant: &Grant<Update, Mandate>,
        before: Version,
        record: &Mandate,
    ) -> Result<(), StoreError> {
        mandates::save(tx, grant, before, record)
    }

    fn change(record: &Mandate, made: Made, fields: Vec<FieldChange>) -> Change {
        let action = if made == Made::New { ChangeAction::Created } else { ChangeAction::Updated };
        change(record, action, fields)
    }

    fn version(record: &Mandate) -> Version {
        record.stamps.version
    }

    fn finish(&self, tx: &mut WriteTx, _: &[(Mandate, Employer)]) -> Result<Recorded<()>, Error> {
        Ok(tx.unchanged(()))
    }

    fn default_country(&self) -> Option<CountryCode> {
        None
    }
}

fn numbered(number: &str, organisation: OrganisationId) -> Key {
    format!("number:{}|{organisation}", fold(number))
}

/// The key of a mandate without a number.
fn unnumbered(organisation: OrganisationId) -> Key {
    format!("unnumbered:{organisation}")
}
