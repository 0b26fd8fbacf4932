//! What every kind of record promises about its patches, proved by the same sentences.

use crm_domain::{Applied, FieldChange, Id, Invalid, NewRecord, TeamId, UserId, values::Timestamp};
use serde_json::{Map, Value, json};

pub type Object = Map<String, Value>;
pub type Read<T> = fn(Value) -> Result<T, Invalid>;

pub fn at(day: u32) -> Timestamp {
    Timestamp::parse(&format!("2026-01-{day:02}T08:00:00Z")).unwrap()
}

pub fn new<R>() -> NewRecord<R> {
    let (owner_id, team_id) = (Some(UserId::from_u128(1)), Some(TeamId::from_u128(2)));
    NewRecord { id: Id::from_u128(7), owner_id, team_id, by: Some(UserId::from_u128(3)), at: at(1) }
}

pub fn told(invalid: &Invalid) -> Vec<String> {
    invalid.errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect()
}

pub fn object<T: serde::Serialize>(record: &T) -> Object {
    match serde_json::to_value(record).unwrap() {
        Value::Object(object) => object,
        other => panic!("a record is an object, not {other}"),
    }
}

/// One kind of record, so that the promises of all are proved by the same sentences.
pub struct Subject<T, P> {
    pub read: Read<P>,
    pub create: fn(&P) -> Result<Applied<T>, Invalid>,
    pub apply: fn(&T, &P) -> Result<Applied<T>, Invalid>,
    /// The least that a new one takes.
    pub least: Value,
    /// Every field that a patch can set, with a value that no new record has.
    pub fields: Value,
    /// The fields that a patch can not take away, and those whose `null` is something else than `null`.
    pub required: &'static [&'static str],
    pub emptied: &'static [&'static str],
    /// Fields whose value of the table brings a day along, that day's field, and the day.
    pub brings: &'static [(&'static str, &'static str, &'static str)],
    /// The fields that are not the input's.
    pub fixed: &'static [&'static str],
}

pub const STAMPS: [&str; 7] = ["id", "version", "created_at", "created_by", "updated_at", "updated_by", "deleted_at"];
pub const USER: &str = "00000000-0000-0000-0000-000000000009";

impl<T: serde::Serialize + Clone + PartialEq + std::fmt::Debug, P> Subject<T, P> {
    pub fn patch(&self, value: Value) -> P {
        (self.read)(value).unwrap()
    }

    pub fn first(&self) -> Applied<T> {
        (self.create)(&self.patch(self.least.clone())).unwrap()
    }

    pub fn applied(&self, record: &T, value: Value) -> Applied<T> {
        (self.apply)(record, &self.patch(value)).unwrap()
    }

    pub fn names(&self) -> Vec<&str> {
        self.fields.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[track_caller]
    pub fn keeps_its_promises(&self) {
        self.every_field_is_told_apart();
        self.every_field_is_set();
        self.every_field_is_cleared_or_required();
        self.what_is_the_same_is_no_change();
        self.the_changes_alone_tell_the_record();
    }

    /// Guards the table itself: a new field of the record must be put into it.
    fn every_field_is_told_apart(&self) {
        let (first, last) =
            (object(&self.first().state), object(&self.applied(&self.first().state, self.fields.clone()).state));
        let mut known: Vec<&str> = self.names().into_iter().chain(self.fixed.iter().copied()).collect();
        let mut present: Vec<&str> = first.keys().map(String::as_str).collect();
        known.sort_unstable();
        present.sort_unstable();
        assert_eq!(known, present);
        for name in self.names() {
            assert_eq!(last[name], self.fields[name], "{name}");
            assert_ne!(first[name], self.fields[name], "{name}: the table must have a value that a new record has not");
        }
    }

    fn every_field_is_set(&self) {
        let first = self.first().state;
        for name in self.names() {
            let mut expected = object(&first);
            let change = change(name, expected[name].clone(), self.fields[name].clone());
            expected[name] = self.fields[name].clone();
            touch(&mut expected);
            // Some fields bring a day along.
            let day = self.brings.iter().find(|(bringing, ..)| *bringing == name).map(|(_, day, date)| {
                expected[*day] = json!(date);
                change_of(day, date)
            });
            let applied = self.applied(&first, json!({ name: self.fields[name] }));
            assert_eq!(object(&applied.state), expected);
            assert_eq!(applied.changes, [Some(change), day].into_iter().flatten().collect::<Vec<_>>(), "{name}");
        }
    }

    fn every_field_is_cleared_or_required(&self) {
        let full = self.applied(&self.first().state, self.fields.clone()).state;
        for name in self.names() {
            let cleared = (self.apply)(&full, &self.patch(json!({ name: null })));
            if self.required.contains(&name) {
                assert_eq!(told(&cleared.unwrap_err()), [format!("/{name} required")]);
                continue;
            }
            let empty = if self.emptied.contains(&name) { json!([]) } else { Value::Null };
            let cleared = cleared.unwrap();
            assert_eq!(object(&cleared.state)[name], empty, "{name}");
            assert_eq!(cleared.changes, [change(name, self.fields[name].clone(), empty)]);
        }
    }

    fn what_is_the_same_is_no_change(&self) {
        let full = self.applied(&self.first().state, self.fields.clone()).state;
        for same in [json!({}), self.fields.clone()] {
            let applied = self.applied(&full, same);
            assert_eq!((&applied.state, applied.changes), (&full, Vec::new()));
        }
    }

    fn the_changes_alone_tell_the_record(&self) {
        let minimal = self.first();
        let mut complete = self.least.clone();
        complete.as_object_mut().unwrap().extend(self.fields.as_object().unwrap().clone());
        let complete = (self.create)(&self.patch(complete)).unwrap();
        for created in [minimal, complete] {
            let mut log = Object::new();
            for FieldChange { field, old, new } in created.changes {
                assert!(old.is_null() && !new.is_null(), "{field}");
                assert!(log.insert(field.to_string(), new).is_none(), "{field} is told twice");
            }
            assert_eq!(log, self.without_stamps(&created.state));

            let changed = self.applied(&created.state, json!({ "notes": "Later." }));
            for FieldChange { field, old, new } in changed.changes {
                assert_eq!(log.insert(field.to_string(), new).unwrap_or(Value::Null), old);
            }
            assert_eq!(log, self.without_stamps(&changed.state));
        }
    }

    /// The fields of a record that have a value, without those that every row of the log carries itself.
    fn without_stamps(&self, record: &T) -> Object {
        let told = |name: &str| !self.fixed.contains(&name) || matches!(name, "organisation_id" | "person_id");
        object(record).into_iter().filter(|(name, value)| told(name) && !value.is_null()).collect()
    }
}

pub fn change(name: &str, old: Value, new: Value) -> FieldChange {
    FieldChange { field: name.to_owned().into(), old, new }
}

fn touch(record: &mut Object) {
    record["version"] = json!(2);
    record["updated_at"] = json!(at(2));
    record["updated_by"] = json!(UserId::from_u128(4));
}

fn change_of(day: &str, date: &str) -> FieldChange {
    change(day, Value::Null, json!(date))
}
