//! Products of sample data.

use crm_domain::{
    Product, ProductId, ProductPatch, ProductStatus, ProductType, RecordKind,
    values::{Isin, Name},
};

use super::{
    Kind, Made, Plan, field, made,
    organisation::note,
    random::{Random, base36, mix},
    words::{FUNDS, SHARES, STEMS},
};

/// How often each type is met.
const TYPES: [(ProductType, u64); 6] = [
    (ProductType::Ucits, 45),
    (ProductType::Fcp, 15),
    (ProductType::Sicav, 15),
    (ProductType::Etf, 12),
    (ProductType::Alternative, 10),
    (ProductType::Other, 3),
];

impl Plan {
    /// The product number `index`.
    pub fn product(&self, index: u64) -> Made<Product> {
        let mut random = self.random(Kind::Product, index);
        let at = self.moment(Kind::Product, index, self.products);
        // The id comes first, so that mandates find it without the rest.
        let id = super::id(&mut random, at);
        let owner = self.owner(&mut random);
        let new = crm_domain::NewRecord { id, ..Self::new_record(&mut random, at, owner) };
        let stem: String = STEMS.iter().map(|parts| *random.pick(parts)).collect();
        let name = format!("{stem} {} {}", random.pick(&FUNDS), random.pick(&SHARES));
        let statuses = [(ProductStatus::Active, 85), (ProductStatus::Inactive, 9), (ProductStatus::Pending, 6)];
        let patch = ProductPatch {
            name: field(Some(Name::from_stored(name))),
            isin: field(random.sometimes(92, self.isin(index))),
            kind: field(Some(random.weighted(&TYPES))),
            status: field(Some(random.weighted(&statuses))),
            notes: field(note(&mut random)),
            ..ProductPatch::default()
        };
        let applied = Product::create(new, &patch).expect("sample data keep the rules of the domain");
        made(RecordKind::Products, id.uuid(), applied)
    }

    /// The id of the product number `index`.
    pub fn product_id(&self, index: u64) -> ProductId {
        super::id(&mut self.random(Kind::Product, index), self.moment(Kind::Product, index, self.products))
    }

    /// A number with a prefix that stands for no country and will stand for none (`ZZ`, ISO 3166-1), and a right check
    /// digit.
    fn isin(&self, index: u64) -> Isin {
        let body = format!("ZZ{}{}", base36(mix(self.seed), 4), base36(index, 5));
        let with_digit = (0..10).find_map(|digit| Isin::parse(&format!("{body}{digit}")).ok());
        with_digit.expect("one of ten digits is the right one")
    }
}

/// Some products, none twice; some are sold more than others.
pub fn some_products(random: &mut Random, products: u64, most: u64) -> Vec<u64> {
    let mut some = Vec::new();
    if products == 0 {
        return some;
    }
    for _ in 0..=random.below(most) {
        let reach = 1 + random.below(products);
        let one = random.below(reach);
        if !some.contains(&one) {
            some.push(one);
        }
    }
    some
}
