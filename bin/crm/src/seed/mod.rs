//! Sample data: organisations, people, products, mandates and what ties them, made up and the same for the same seed on any database.
//!
//! Each record follows from the seed and its number alone, so that batches can be made in any order and by several
//! threads, and nothing of what was made before needs to be kept. What may not enter: the clock, and any name, address
//! or number that is somebody's. E-mail and web addresses lie under `.example` (RFC 2606), telephone numbers in the
//! ranges that regulators keep for fiction, and the identifiers of entities and
//! securities begin with prefixes that nobody was given.

mod interaction;
mod mandate;
mod organisation;
mod person;
mod product;
mod random;
mod task;
mod words;

use chrono::TimeDelta;
use crm_domain::{
    Applied, Change, ChangeAction, Field, Id, NewRecord, RecordKind, TeamId, UserId, Version, values::Timestamp,
};
use uuid::{Builder, Uuid};

pub use mandate::MadeMandate;
use random::Random;

/// The newest record is a little older than this, 2026-11-01T00:00:00Z: the clock has no say in it.
const NEWEST: Timestamp = Timestamp::from_micros(1_793_491_200_000_000);

/// The records are spread over two years.
const SPAN: i64 = 730 * 24 * 3600 * 1_000_000;

/// What data to make.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which data.
    pub seed: u64,
    /// How many organisations.
    pub organisations: u64,
    /// How many people.
    pub people: u64,
    /// How many products.
    pub products: u64,
    /// How many mandates.
    pub mandates: u64,
    /// How many interactions.
    pub interactions: u64,
    /// How many tasks.
    pub tasks: u64,
    /// Who may own records; where there is nobody, nobody does.
    pub owners: Vec<Owner>,
}

/// A user to whom records are given.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// The user.
    pub user: UserId,
    /// Their team.
    pub team: Option<TeamId>,
}

/// A new record with its row of the change log.
#[derive(Clone, Debug)]
pub struct Made<T> {
    /// The record.
    pub record: T,
    /// The change.
    pub change: Change,
}

/// The kinds of records, as parts of the seed of a record.
#[derive(Clone, Copy)]
enum Kind {
    Organisation = 1,
    Person = 2,
    Link = 3,
    Moment = 4,
    Product = 5,
    Mandate = 6,
    Interaction = 7,
    Task = 8,
}

impl Plan {
    /// The choices that belong to one record.
    fn random(&self, kind: Kind, index: u64) -> Random {
        Random::of(self.seed, kind as u64, index)
    }

    /// When the record number `index` of `count` was made: later than the one before it.
    fn moment(&self, kind: Kind, index: u64, count: u64) -> Timestamp {
        let span = SPAN.unsigned_abs();
        let (from, until) = (share(span, index, count), share(span, index + 1, count));
        let within = Random::of(self.seed, Kind::Moment as u64 + 16 * kind as u64, index).below((until - from).max(1));
        let since_oldest = i64::try_from(from + within).expect("it lies within two years");
        Timestamp::from_micros(NEWEST.micros() - SPAN + since_oldest)
    }

    fn owner(&self, random: &mut Random) -> Option<Owner> {
        let unowned = random.percent(5);
        (!unowned && !self.owners.is_empty()).then(|| *random.pick(&self.owners))
    }

    fn new_record<R>(random: &mut Random, at: Timestamp, owner: Option<Owner>) -> NewRecord<R> {
        NewRecord {
            id: id(random, at),
            owner_id: owner.map(|owner| owner.user),
            team_id: owner.and_then(|owner| owner.team),
            by: None,
            at,
        }
    }
}

/// `index / count` of `whole`.
fn share(whole: u64, index: u64, count: u64) -> u64 {
    let part = u128::from(whole) * u128::from(index) / u128::from(count.max(1));
    u64::try_from(part).expect("a part is no greater than the whole")
}

/// A UUID of version 7 of this time (RFC 9562, 5.7).
fn id<R>(random: &mut Random, at: Timestamp) -> Id<R> {
    let milliseconds = u64::try_from(at.micros() / 1000).expect("sample data begin after 1970");
    let uuid: Uuid = Builder::from_unix_timestamp_millis(milliseconds, &random.bytes()).into_uuid();
    Id::new(uuid)
}

fn made<T>(kind: RecordKind, id: Uuid, applied: Applied<T>) -> Made<T> {
    let change =
        Change { kind, record_id: id, version: Version::FIRST, action: ChangeAction::Created, fields: applied.changes };
    Made { record: applied.state, change }
}

/// A value, or nothing said.
fn field<T>(value: Option<T>) -> Field<T> {
    value.map_or(Field::Keep, Field::Set)
}

/// A time so many days away.
fn days_from(at: Timestamp, days: i64) -> Timestamp {
    at.plus(TimeDelta::days(days))
}

/// A number of days below `bound`.
fn days_below(random: &mut Random, bound: u32) -> i64 {
    i64::try_from(random.below(bound.into())).expect("it is below a number of 32 bits")
}

/// A pattern with its `#` replaced by digits.
fn digits(random: &mut Random, pattern: &str) -> String {
    let mut digit = || *random.pick(&['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    pattern.chars().map(|character| if character == '#' { digit() } else { character }).collect()
}

/// The words of a name in lower-case ASCII, put together with hyphens.
fn slug(name: &str) -> String {
    let folded = crm_domain::values::fold(name);
    let words = folded.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crm_domain::{
        InteractionPatch, Link, LinkPatch, MandatePatch, MandateStatus, Organisation, OrganisationPatch, Person,
        PersonPatch, ProductPatch, TaskPatch,
    };
    use serde::Serialize;
    use serde_json::{Map, Value};

    use super::*;

    fn plan(seed: u64) -> Plan {
        Plan {
            seed,
            organisations: 2_000,
            people: 5_000,
            products: 400,
            mandates: 1_000,
            interactions: 2_000,
            tasks: 1_000,
            owners: Vec::new(),
        }
    }

    /// The fields of a record that a client may send.
    fn input(record: &impl Serialize, rest: &[&str]) -> Value {
        let Value::Object(mut fields) = serde_json::to_value(record).unwrap() else { panic!("a record is an object") };
        for name in
            ["id", "version", "created_at", "created_by", "updated_at", "updated_by", "deleted_at", "last_activity_at"]
                .iter()
                .chain(rest)
        {
            fields.remove(*name);
        }
        Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
    }

    #[test]
    fn the_same_seed_makes_the_same_and_another_seed_other_records() {
        let names = |seed| (0..50).map(|index| plan(seed).organisation(index).record).collect::<Vec<_>>();
        assert_eq!(names(7), names(7));
        assert!(
            names(7)
                .iter()
                .zip(names(8))
                .all(|(one, other)| one.id != other.id && one.lei.is_none_or_differs(&other.lei))
        );
    }

    trait Differs {
        fn is_none_or_differs(&self, other: &Self) -> bool;
    }

    impl<T: PartialEq> Differs for Option<T> {
        fn is_none_or_differs(&self, other: &Self) -> bool {
            self.is_none() || self != other
        }
    }

    #[test]
    fn every_record_would_be_taken_from_a_client_as_it_is() {
        let plan = plan(1);
        for index in 0..plan.organisations {
            let made = plan.organisation(index);
            let read = OrganisationPatch::read(input(&made.record, &[])).unwrap();
            let again = made.record.apply(&read, None, made.record.stamps.created_at).unwrap();
            assert!(again.changes.is_empty(), "{:?}", again.changes);
        }
        for index in 0..plan.people {
            let made = plan.person(index);
            let read = PersonPatch::read(input(&made.record, &[])).unwrap();
            let again = made.record.apply(&read, None, made.record.stamps.created_at).unwrap();
            assert!(again.changes.is_empty(), "{:?}", again.changes);
            for link in plan.links(index, &made.record) {
                LinkPatch::read(input(&link.record, &["organisation_id", "person_id"])).unwrap();
            }
        }
        for index in 0..plan.products {
            let made = plan.product(index);
            let read = ProductPatch::read_new(input(&made.record, &[])).unwrap();
            let again = made.record.apply(&read, None, made.record.stamps.created_at).unwrap();
            assert!(again.changes.is_empty(), "{:?}", again.changes);
        }
        for made in (0..plan.interactions).filter_map(|index| plan.interaction(index)) {
            let read = InteractionPatch::read_new(input(&made.record, &[])).unwrap();
            let again = made.record.apply(&read, None, made.record.stamps.created_at).unwrap();
            assert!(again.changes.is_empty(), "{:?}", again.changes);
        }
        for index in 0..plan.tasks {
            let made = plan.task(index);
            let read = TaskPatch::read_new(input(&made.record, &["completed_at"])).unwrap();
            let again = made.record.apply(&read, None, made.record.stamps.created_at).unwrap();
            assert!(again.changes.is_empty(), "{:?}", again.changes);
        }
        for made in (0..plan.mandates).filter_map(|index| plan.mandate(index)) {
            let last = made.ended.map_or(made.first.record, |ended| ended.record);
            let read = MandatePatch::read_new(input(&last, &[])).unwrap();
            let again = last.apply(&read, None, last.stamps.created_at).unwrap();
            assert!(again.changes.is_empty(), "{:?}", again.changes);
        }
    }

    #[test]
    fn what_must_be_unique_is_unique() {
        let plan = plan(3);
        let organisations: Vec<Organisation> =
            (0..plan.organisations).map(|index| plan.organisation(index).record).collect();
        let people: Vec<Person> = (0..plan.people).map(|index| plan.person(index).record).collect();
        let links: Vec<Link> = people
            .iter()
            .zip(0..)
            .flat_map(|(person, index)| plan.links(index, person))
            .map(|made| made.record)
            .collect();
        let distinct = |values: Vec<String>| {
            assert!(values.len() > 300, "only {} values", values.len());
            assert_eq!(values.iter().collect::<HashSet<_>>().len(), values.len());
        };
        distinct(organisations.iter().map(|organisation| organisation.id.to_string()).collect());
        distinct(
            organisations
                .iter()
                .filter_map(|organisation| organisation.lei.as_ref())
                .map(ToString::to_string)
                .collect(),
        );
        distinct(organisations.iter().filter_map(|one| one.licence_number.as_ref()).map(ToString::to_string).collect());
        distinct(people.iter().map(|person| person.id.to_string()).collect());
        distinct(people.iter().filter_map(|person| person.email.as_ref()).map(ToString::to_string).collect());
        distinct(links.iter().map(|link| format!("{} {}", link.organisation_id, link.person_id)).collect());
        distinct(links.iter().filter(|link| link.is_primary).map(|link| link.organisation_id.to_string()).collect());
        let ids: HashSet<_> = organisations.iter().map(|organisation| organisation.id).collect();
        assert!(links.iter().all(|link| ids.contains(&link.organisation_id)));
    }

    #[test]
    fn mandates_come_in_every_status_and_are_sold_under_while_they_can_be() {
        let plan = plan(1);
        let mandates: Vec<MadeMandate> = (0..plan.mandates).filter_map(|index| plan.mandate(index)).collect();
        let organisations: HashSet<_> =
            (0..plan.organisations).map(|index| plan.organisation(index).record.id).collect();
        let products: HashSet<_> = (0..plan.products).map(|index| plan.product(index).record.id).collect();
        let mut of_status = std::collections::BTreeMap::new();
        for MadeMandate { first, attached, ended } in &mandates {
            let last = ended.as_ref().map_or(&first.record, |ended| &ended.record);
            *of_status.entry(last.status.as_ref().to_owned()).or_insert(0) += 1;
            assert!(organisations.contains(&last.organisation_id));
            assert!(attached.iter().all(|one| products.contains(&one.record.product_id)));
            let mut sold: Vec<_> = attached.iter().map(|one| one.record.product_id).collect();
            assert_eq!(sold.is_empty(), last.status == MandateStatus::Proposed);
            sold.sort_unstable();
            sold.dedup();
            assert_eq!(sold.len(), attached.len(), "no product twice");
        }
        assert!(of_status.len() == 4 && of_status.values().all(|count| *count > 50), "{of_status:?}");
        let isins: Vec<String> = (0..plan.products)
            .filter_map(|index| plan.product(index).record.isin)
            .map(|isin| isin.to_string())
            .collect();
        assert_eq!(isins.iter().collect::<HashSet<_>>().len(), isins.len());
        assert!(isins.iter().all(|isin| isin.starts_with("ZZ")));
        let without = Plan { organisations: 0, ..plan.clone() };
        assert!(without.mandate(0).is_none());
        let without = Plan { products: 0, ..plan };
        assert!((0..50).filter_map(|index| without.mandate(index)).all(|made| made.attached.is_empty()));
    }

    #[test]
    fn records_are_spread_over_two_years_in_the_order_of_their_numbers() {
        let plan = plan(1);
        let moments: Vec<Timestamp> =
            (0..2_000).map(|index| plan.organisation(index).record.stamps.created_at).collect();
        assert!(moments.is_sorted());
        assert!(moments[0] < Timestamp::parse("2024-11-05T00:00:00Z").unwrap());
        assert!(moments[1999] < Timestamp::parse("2026-11-01T00:00:00Z").unwrap());
        assert!(moments[1999] > Timestamp::parse("2026-10-28T00:00:00Z").unwrap());
    }

    #[test]
    fn records_are_spread_over_the_owners() {
        let owner = |number| Owner { user: UserId::from_u128(number), team: Some(TeamId::from_u128(9)) };
        let plan = Plan { owners: vec![owner(1), owner(2)], ..plan(1) };
        let owners: Vec<_> = (0..500).map(|index| plan.organisation(index).record.stamps.owner_id).collect();
        let count = |owner: Option<UserId>| owners.iter().filter(|one| **one == owner).count();
        assert!(count(None) < 50 && count(Some(UserId::from_u128(1))) > 150 && count(Some(UserId::from_u128(2))) > 150);
    }

    #[test]
    fn a_plan_without_organisations_makes_people_without_links() {
        let plan = Plan { organisations: 0, ..plan(1) };
        assert!((0..100).all(|index| plan.links(index, &plan.person(index).record).is_empty()));
    }
}
