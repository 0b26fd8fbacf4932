//! What a row says of an organisation.

use std::collections::HashMap;

use crm_domain::{
    Change, ChangeAction, FieldChange, Invalid, NewRecord, Organisation, OrganisationPatch, Version,
    access::{Create, Grant, Ownership, Update},
    values::{CountryCode, fold},
};
use crm_persistence::{
    Recorded, StoreError, WriteTx,
    organisations::{self, MatchKeys},
};
use serde_json::Value;

use super::{
    cells::Reading,
    reader::{self, Synonyms},
    row::Problem,
    seen::Key,
    target::{FieldMap, FieldReading, Keys, Made, Recognised, Rights, Target},
};
use crate::{App, Error, organisations::change};

/// An import of organisations.
pub(super) struct Organisations {
    pub app: App,
    pub rights: Rights<Organisation>,
    pub default_country: Option<CountryCode>,
}

const fn field(name: &'static str, reading: Reading) -> FieldReading {
    FieldReading { name, reading }
}

const TYPES: Reading = Reading::Choice(&[
    ("client", &["customer", "cliente"]),
    ("investor", &["investisseur"]),
    ("supplier", &["vendor", "provider", "fournisseur", "prestataire"]),
    ("distributor", &["distributeur"]),
    ("issuer", &["émetteur"]),
    ("other", &["autre", "divers"]),
]);

const CATEGORIES: Reading = Reading::Choice(&[
    ("institution", &["institutional", "institutionnel", "institutionnelle"]),
    ("wholesale", &["grossiste"]),
    ("asset_manager", &["asset management", "fund manager", "société de gestion", "sgp", "gestionnaire d'actifs"]),
    (
        "independent_adviser",
        &["ifa", "independent advisor", "financial adviser", "cgp", "cgpi", "cif", "conseiller indépendant"],
    ),
    ("startup", &["start up", "jeune pousse"]),
    ("corporation", &["corporate", "company", "entreprise", "grande entreprise"]),
    ("other", &["autre", "divers"]),
]);

const STAGES: Reading = Reading::Choice(&[
    ("lead", &["piste", "nouveau", "new"]),
    ("qualified", &["qualifié", "qualifiée"]),
    ("prospect", &["prospection"]),
    ("qualification", &["en qualification"]),
    ("proposal", &["proposition", "offre", "quote", "devis"]),
    ("negotiation", &["négociation", "en négociation"]),
    ("signed", &["won", "closed won", "signé", "signée", "gagné", "gagnée"]),
    ("lost", &["closed lost", "perdu", "perdue"]),
    ("inactive", &["inactif", "dormant"]),
]);

impl Target for Organisations {
    type Record = Organisation;
    type Patch = OrganisationPatch;
    type Aside = ();

    const SYNONYMS: &'static Synonyms = reader::ORGANISATION;
    const FIELDS: &'static [FieldReading] = &[
        field("name", Reading::Line),
        field("type", TYPES),
        field("category", CATEGORIES),
        field("email", Reading::Line),
        field("phone", Reading::Phone),
        field("website", Reading::Line),
        field("address", Reading::Line),
        field("city", Reading::Line),
        field("postal_code", Reading::Line),
        field("country_code", Reading::Country),
        field("language", Reading::Language),
        field("domicile", Reading::Country),
        field("aum", Reading::Money),
        field("aum_date", Reading::Date),
        field("strategies", Reading::Tags),
        field("tags", Reading::Tags),
        field("lei", Reading::Line),
        field("registration_number", Reading::Line),
        field("licence_number", Reading::Line),
        field("pipeline_stage", STAGES),
        field("potential_amount", Reading::Money),
        field("currency", Reading::Currency),
        field("signature_probability", Reading::Percent),
        field("signature_date", Reading::Date),
        field("is_active", Reading::Truth),
        field("description", Reading::Text),
        field("notes", Reading::Text),
    ];

    fn read(fields: FieldMap) -> Result<OrganisationPatch, Invalid> {
        OrganisationPatch::read(Value::Object(fields))
    }

    /// A French establishment number begins with the nine digits of its company.
    fn asides<'c>(&self, fields: &mut FieldMap, cell: &dyn Fn(&str) -> Option<&'c str>) {
        if fields.contains_key("registration_number") {
            return;
        }
        let digits: Option<String> = cell("siret").map(|siret| siret.chars().filter(char::is_ascii_digit).collect());
        if let Some(company) = digits.as_ref().filter(|digits| digits.len() == 14).and_then(|digits| digits.get(..9)) {
            fields.insert("registration_number".to_owned(), company.into());
        }
    }

    fn rights(&self) -> &Rights<Organisation> {
        &self.rights
    }

    fn ownership(record: &Organisation) -> Ownership {
        Ownership::from(&record.stamps)
    }

    fn resolve(&self, _: &mut WriteTx, _: &mut [()]) -> Result<Vec<(usize, Problem)>, Error> {
        Ok(Vec::new())
    }

    /// Licence number and identifier, both; else the registration number; else name and country.
    fn keys(&self, fields: &FieldMap, (): &()) -> Keys {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let sure: Vec<Key> = text("licence_number").map(licence).into_iter().chain(text("lei").map(lei)).collect();
        if !sure.is_empty() {
            return Keys { own: sure, fallback: Vec::new() };
        }
        if let Some(number) = text("registration_number") {
            return Keys { own: vec![registration(number)], fallback: Vec::new() };
        }
        let Some(name) = text("name").map(fold).filter(|name| !name.is_empty()) else {
            return Keys::default();
        };
        let country = text("country_code");
        let fallback = country.is_none().then(|| anywhere(&name)).into_iter().collect();
        Keys { own: vec![named(&name, country)], fallback }
    }

    fn keys_of(&self, record: &Organisation) -> Vec<Key> {
        let name = fold(record.name.as_str());
        let country = record.country_code.map(|code| code.to_string());
        let licence_number = record.licence_number.as_ref().map(|number| licence(number.as_str()));
        let identifier = record.lei.as_ref().map(|identifier| lei(identifier.as_str()));
        licence_number.into_iter().chain(identifier).chain([named(&name, country.as_deref())]).collect()
    }

    fn load(&self, tx: &mut WriteTx, keys: &[Key]) -> Result<Vec<Recognised<Organisation>>, Error> {
        let mut wanted: HashMap<&str, Vec<String>> = HashMap::new();
        for (kind, value) in keys.iter().filter_map(|key| key.split_once(':')) {
            let (kind, value) = match kind {
                "name" => ("name", value.rsplit_once('|').map_or(value, |(name, _)| name)),
                "anywhere" => ("name", value),
                kind => (kind, value),
            };
            wanted.entry(kind).or_default().push(value.to_owned());
        }
        let mut take = |kind| {
            let mut values = wanted.remove(kind).unwrap_or_default();
            values.sort_unstable();
            values.dedup();
            values
        };
        let keys = MatchKeys {
            licence_numbers: take("licence"),
            leis: take("lei"),
            registration_numbers: take("registration"),
            names: take("name"),
        };
        let found = organisations::matching(tx, &self.rights.import, &keys)?;
        let with_keys = |record: Organisation| {
            let mut keys = self.keys_of(&record);
            keys.extend(record.registration_number.as_ref().map(|number| registration(number.as_str())));
            keys.push(anywhere(&fold(record.name.as_str())));
            (record, keys)
        };
        Ok(found.into_iter().map(with_keys).collect())
    }

    fn create(
        &self,
        tx: &WriteTx,
        patch: &OrganisationPatch,
        (): &(),
    ) -> Result<(Organisation, Vec<FieldChange>), Invalid> {
        let actor = self.rights.import.actor();
        let (owner_id, team_id, by) = (actor.user_id(), actor.team_id(), actor.user_id());
        let new = NewRecord { id: self.app.new_id(), owner_id, team_id, by, at: tx.at() };
        Organisation::create(new, patch).map(|made| (made.state, made.changes))
    }

    fn apply(
        &self,
        tx: &WriteTx,
        record: &Organisation,
        patch: &OrganisationPatch,
    ) -> Result<(Organisation, Vec<FieldChange>), Invalid> {
        let applied = record.apply(patch, self.rights.import.actor().user_id(), tx.at())?;
        Ok((applied.state, applied.changes))
    }

    fn insert(
        &self,
        tx: &mut WriteTx,
        grant: &Grant<Create, Organisation>,
        records: &[Organisation],
    ) -> Result<(), StoreError> {
        organisations::insert_many(tx, grant, records)
    }

    fn save(
        &self,
        tx: &mut WriteTx,
        grant: &Grant<Update, Organisation>,
        before: Version,
        record: &Organisation,
    ) -> Result<(), StoreError> {
        organisations::save(tx, grant, before, record)
    }

    fn change(record: &Organisation, made: Made, fields: Vec<FieldChange>) -> Change {
        let action = if made == Made::New { ChangeAction::Created } else { ChangeAction::Updated };
        change(record, action, fields)
    }

    fn version(record: &Organisation) -> Version {
        record.stamps.version
    }

    fn finish(&self, tx: &mut WriteTx, _: &[(Organisation, ())]) -> Result<Recorded<()>, Error> {
        Ok(tx.unchanged(()))
    }

    fn default_country(&self) -> Option<CountryCode> {
        self.default_country
    }
}

fn licence(number: &str) -> Key {
    format!("licence:{number}")
}

fn lei(identifier: &str) -> Key {
    format!("lei:{identifier}")
}

fn registration(number: &str) -> Key {
    format!("registration:{number}")
}

fn named(name: &str, country: Option<&str>) -> Key {
    format!("name:{name}|{}", country.unwrap_or_default())
}

fn anywhere(name: &str) -> Key {
    format!("anywhere:{name}")
}
