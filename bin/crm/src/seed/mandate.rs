//! Mandates of sample data, and what is sold under them.

use crm_domain::{
    Applied, Change, ChangeAction, Field, Mandate, MandatePatch, MandateProduct, MandateStatus, RecordKind,
    values::{Date, Line, Timestamp},
};

use super::{
    Kind, Made, NEWEST, Plan, days_below, days_from, field, made, organisation::note, product::some_products,
    random::Random,
};

/// How often each status is met.
const STATUSES: [(MandateStatus, u64); 4] = [
    (MandateStatus::Proposed, 15),
    (MandateStatus::Signed, 10),
    (MandateStatus::Active, 55),
    (MandateStatus::Ended, 20),
];

/// A mandate with what happened to it, in order: products can only be attached before it ends.
#[derive(Clone, Debug)]
pub struct MadeMandate {
    /// How it began.
    pub first: Made<Mandate>,
    /// What was attached.
    pub attached: Vec<Made<MandateProduct>>,
    /// How it ended, if it did.
    pub ended: Option<Made<Mandate>>,
}

impl Plan {
    /// The mandate number `index`; none where there is no organisation that it could be made with.
    pub fn mandate(&self, index: u64) -> Option<MadeMandate> {
        if self.organisations == 0 {
            return None;
        }
        let mut random = self.random(Kind::Mandate, index);
        let organisation = self.organisation_sketch(random.below(self.organisations));
        let at = self.moment(Kind::Mandate, index, self.mandates).max(organisation.at);
        let owner = self.owner(&mut random);
        let new = Self::new_record(&mut random, at, owner);
        let status = random.weighted(&STATUSES);
        let (signed_on, starts_on, ends_on) = days(&mut random, status, at);
        // One that has ended was active before.
        let begun = if status == MandateStatus::Ended { MandateStatus::Active } else { status };
        let patch = MandatePatch {
            organisation_id: Field::Set(organisation.id),
            number: Field::Set(Line::from_stored(format!("EX-M-{}-{index:05}", self.seed))),
            status: Field::Set(begun),
            signed_on: Field::replace(signed_on),
            starts_on: Field::replace(starts_on),
            ends_on: Field::replace(ends_on),
            notes: field(note(&mut random)),
            ..MandatePatch::default()
        };
        let applied = Mandate::create(new, &patch).expect("sample data keep the rules of the domain");
        let first = made(RecordKind::Mandates, new.id.uuid(), applied);
        let attached = self.attached(&mut random, &first.record);
        let ended = (status == MandateStatus::Ended).then(|| ended(&first.record, at));
        Some(MadeMandate { first, attached, ended })
    }

    fn attached(&self, random: &mut Random, mandate: &Mandate) -> Vec<Made<MandateProduct>> {
        if !mandate.status.is_open() {
            return Vec::new();
        }
        let products = some_products(random, self.products, 4);
        let attach = |product: u64| {
            let new = Self::new_record(random, mandate.stamps.created_at, None);
            let applied = MandateProduct::attach(new, mandate, self.product_id(product));
            made(RecordKind::MandateProducts, new.id.uuid(), applied.expect("the mandate is signed or active"))
        };
        products.into_iter().map(attach).collect()
    }
}

fn ended(mandate: &Mandate, at: Timestamp) -> Made<Mandate> {
    let patch = MandatePatch { status: Field::Set(MandateStatus::Ended), ..MandatePatch::default() };
    let Applied { state, changes } = mandate.apply(&patch, None, at).expect("an active mandate can end");
    let (record_id, version) = (state.id.uuid(), state.stamps.version);
    let change =
        Change { kind: RecordKind::Mandates, record_id, version, action: ChangeAction::Updated, fields: changes };
    Made { record: state, change }
}

/// Signature, beginning and end, as the status has them: what is active ends after the newest record was made, many soon.
fn days(random: &mut Random, status: MandateStatus, at: Timestamp) -> (Option<Date>, Option<Date>, Option<Date>) {
    let signed = days_from(at.min(NEWEST), -days_below(random, 60));
    let starts = days_from(signed, days_below(random, 60));
    let length = 90 + days_below(random, 1000);
    let left = 1 + days_below(random, 700);
    let ends = match status {
        MandateStatus::Ended => days_from(starts, length / 4),
        _ => days_from(starts.max(NEWEST), left),
    };
    let has_end = random.percent(80);
    let end = (has_end || status == MandateStatus::Ended).then(|| ends.date());
    match status {
        MandateStatus::Proposed => (None, random.sometimes(30, days_from(NEWEST, left).date()), None),
        MandateStatus::Signed | MandateStatus::Active | MandateStatus::Ended => {
            (Some(signed.date()), Some(starts.date()), end)
        }
    }
}
