//! What a row says of a product.

use crm_domain::{
    Change, ChangeAction, FieldChange, Invalid, NewRecord, Product, ProductPatch, Version,
    access::{Create, Grant, Ownership, Update},
    values::{CountryCode, Isin, fold},
};
use crm_persistence::{
    Recorded, StoreError, WriteTx,
    products::{self, MatchKeys},
};
use serde_json::Value;

use super::{
    cells::Reading,
    reader::{self, Synonyms},
    row::Problem,
    seen::Key,
    target::{FieldMap, FieldReading, Keys, Made, Recognised, Rights, Target},
};
use crate::{App, Error, products::change};

/// An import of products.
pub(super) struct Products {
    pub app: App,
    pub rights: Rights<Product>,
}

const fn field(name: &'static str, reading: Reading) -> FieldReading {
    FieldReading { name, reading }
}

const TYPES: Reading = Reading::Choice(&[
    ("ucits", &["opcvm"]),
    ("fcp", &["fonds commun de placement"]),
    ("sicav", &["société d'investissement à capital variable"]),
    ("etf", &["exchange traded fund", "tracker", "fonds indiciel coté"]),
    ("alternative", &["aif", "fia", "hedge fund", "alternatif"]),
    ("other", &["autre", "divers"]),
]);

const STATUSES: Reading = Reading::Choice(&[
    ("active", &["open", "on offer", "actif", "active", "ouvert", "commercialisé"]),
    ("inactive", &["closed", "liquidated", "inactif", "fermé", "liquidé"]),
    ("pending", &["planned", "upcoming", "en attente", "à venir", "en cours"]),
]);

impl Target for Products {
    type Record = Product;
    type Patch = ProductPatch;
    type Aside = ();

    const SYNONYMS: &'static Synonyms = reader::PRODUCT;
    const FIELDS: &'static [FieldReading] = &[
        field("name", Reading::Line),
        field("isin", Reading::Line),
        field("type", TYPES),
        field("status", STATUSES),
        field("notes", Reading::Text),
    ];

    fn read(fields: FieldMap) -> Result<ProductPatch, Invalid> {
        ProductPatch::read(Value::Object(fields))
    }

    fn asides<'c>(&self, _: &mut FieldMap, _: &dyn Fn(&str) -> Option<&'c str>) {}

    fn rights(&self) -> &Rights<Product> {
        &self.rights
    }

    fn ownership(record: &Product) -> Ownership {
        Ownership::from(&record.stamps)
    }

    fn resolve(&self, _: &mut WriteTx, _: &mut [()]) -> Result<Vec<(usize, Problem)>, Error> {
        Ok(Vec::new())
    }

    /// The number; else the name. A product that has no number yet gets the one of a row with its name.
    fn keys(&self, fields: &FieldMap, (): &()) -> Keys {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let name = text("name").map(fold).filter(|name| !name.is_empty());
        // As the product will have it: files write numbers with spaces and in either case.
        let isin = text("isin").and_then(|isin| Isin::parse(isin).ok());
        match (isin, name) {
            (Some(isin), name) => Keys {
                own: vec![by_isin(isin.as_str())],
                fallback: name.map(|name| unnumbered(&name)).into_iter().collect(),
            },
            (None, Some(name)) => Keys { own: vec![named(&name)], fallback: Vec::new() },
            (None, None) => Keys::default(),
        }
    }

    fn keys_of(&self, record: &Product) -> Vec<Key> {
        let isin = record.isin.as_ref().map(|isin| by_isin(isin.as_str()));
        isin.into_iter().chain([named(&fold(record.name.as_str()))]).collect()
    }

    fn load(&self, tx: &mut WriteTx, keys: &[Key]) -> Result<Vec<Recognised<Product>>, Error> {
        let mut wanted = MatchKeys::default();
        for (kind, value) in keys.iter().filter_map(|key| key.split_once(':')) {
            if kind == "isin" { &mut wanted.isins } else { &mut wanted.names }.push(value.to_owned());
        }
        wanted.names.sort_unstable();
        wanted.names.dedup();
        let found = products::matching(tx, &self.rights.import, &wanted)?;
        let with_keys = |record: Product| {
            let mut keys = self.keys_of(&record);
            keys.extend(record.isin.is_none().then(|| unnumbered(&fold(record.name.as_str()))));
            (record, keys)
        };
        Ok(found.into_iter().map(with_keys).collect())
    }

    fn create(&self, tx: &WriteTx, patch: &ProductPatch, (): &()) -> Result<(Product, Vec<FieldChange>), Invalid> {
        let actor = self.rights.import.actor();
        let (owner_id, team_id, by) = (actor.user_id(), actor.team_id(), actor.user_id());
        let new = NewRecord { id: self.app.new_id(), owner_id, team_id, by, at: tx.at() };
        Product::create(new, patch).map(|made| (made.state, made.changes))
    }

    fn apply(
        &self,
        tx: &WriteTx,
        record: &Product,
        patch: &ProductPatch,
    ) -> Result<(Product, Vec<FieldChange>), Invalid> {
        let applied = record.apply(patch, self.rights.import.actor().user_id(), tx.at())?;
        Ok((applied.state, applied.changes))
    }

    fn insert(&self, tx: &mut WriteTx, grant: &Grant<Create, Product>, records: &[Product]) -> Result<(), StoreError> {
        products::insert_many(tx, grant, records)
    }

    fn save(
        &self,
        tx: &mut WriteTx,
        grant: &Grant<Update, Product>,
        before: Version,
        record: &Product,
    ) -> Result<(), StoreError> {
        products::save(tx, grant, before, record)
    }

    fn change(record: &Product, made: Made, fields: Vec<FieldChange>) -> Change {
        let action = if made == Made::New { ChangeAction::Created } else { ChangeAction::Updated };
        change(record, action, fields)
    }

    fn version(record: &Product) -> Version {
        record.stamps.version
    }

    fn finish(&self, tx: &mut WriteTx, _: &[(Product, ())]) -> Result<Recorded<()>, Error> {
        Ok(tx.unchanged(()))
    }

    fn default_country(&self) -> Option<CountryCode> {
        None
    }
}

fn by_isin(isin: &str) -> Key {
    format!("isin:{isin}")
}

fn named(name: &str) -> Key {
    format!("name:{name}")
}

/// The key of a product without a number.
fn unnumbered(name: &str) -> Key {
    format!("unnumbered:{name}")
}
