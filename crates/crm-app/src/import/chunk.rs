//! One chunk of rows in one transaction: which rows speak of one record, whether it is there, and what becomes of it.
//!
//! Of the rows about one record the first that fills a field wins; the others fill only what is left. So a file that
//! contradicts itself means the same the second time it is imported, and changes nothing then.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crm_domain::{Change, ImportCounts, Invalid, OnDuplicate, Version, access::Ownership};
use crm_persistence::{Recorded, StoreError, WriteTx};
use serde_json::Value;

use super::{
    row::{Draft, Problem},
    seen::{Fields, Key, Seen},
    target::{FieldMap, Keys, Made, Target},
};
use crate::Error;

/// What a chunk did, or a slice of one, to be taken over once its transaction has ended well.
#[derive(Default)]
pub(super) struct ChunkOutcome {
    /// What to add to the counts; data rows are counted by the reader.
    pub counts: ImportCounts,
    /// What each row's problems are, by position in the chunk, those of its cells included.
    pub problems: Vec<Vec<Problem>>,
    /// What the file has now spoken of.
    mentioned: Vec<(Vec<Key>, Fields)>,
}

impl ChunkOutcome {
    /// Remembers what the file has spoken of.
    pub(super) fn remember(&self, seen: &mut Seen) {
        for (keys, fields) in &self.mentioned {
            seen.remember(keys, *fields);
        }
    }

    /// What this slice did and the next one.
    pub(super) fn and(mut self, next: Self) -> Self {
        self.counts = self.counts.plus(next.counts);
        self.problems.extend(next.problems);
        self.mentioned.extend(next.mentioned);
        self
    }
}

/// The rows about one record, and what becomes of it.
struct Group<T: Target> {
    /// Positions of the rows in the chunk, in the order of the file.
    rows: Vec<usize>,
    keys: Vec<Key>,
    /// What the rows say, the first that fills a field having it.
    fields: FieldMap,
    /// The same, checked, where one row says it all.
    patch: Option<Arc<T::Patch>>,
    aside: T::Aside,
    /// Whether an earlier slice spoke of the record, and of which fields.
    seen: Option<Fields>,
    end: End<T::Record>,
}

enum End<R> {
    /// It is to be made.
    New(R, Change),
    /// It is to be changed.
    Changed(Version, Ownership, R, Change),
    /// It stays as it is.
    Unchanged(R),
    /// It would be there in a real run; this is a rehearsal.
    Rehearsed,
    /// It cannot be reached or made.
    Failed(Problem),
}

/// How the records of a chunk are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Care {
    /// All at once: one that the database refuses fails them all.
    Together,
    /// All of a slice at once, and where one of them is refused, each on its own, so that it fails alone. What is written so
    /// that it can be taken back in part takes longer.
    Each,
}

/// Deals with one slice of a chunk inside a transaction.
pub(super) fn process<T: Target>(
    tx: &mut WriteTx,
    target: &T,
    (on_duplicate, care): (OnDuplicate, Care),
    seen: [&Seen; 2],
    drafts: &[Draft<T>],
) -> Result<Recorded<ChunkOutcome>, Error> {
    let mut asides: Vec<T::Aside> = drafts.iter().map(|draft| draft.aside.clone()).collect();
    let mut problems: Vec<Vec<Problem>> = drafts.iter().map(|draft| draft.problems.clone()).collect();
    for (row, problem) in target.resolve(tx, &mut asides)? {
        problems[row].push(problem);
    }
    let keys: Vec<Keys> = drafts.iter().zip(&asides).map(|(draft, aside)| target.keys(&draft.fields, aside)).collect();
    let records = Records::load(tx, target, &keys)?;
    let meant: Vec<Option<usize>> =
        keys.iter().zip(drafts.iter()).map(|(keys, draft)| records.meant(keys, &draft.fields)).collect();
    let mut groups = Vec::new();
    for rows in together(&keys, &meant) {
        let group = group::<T>(rows, drafts, &asides, &keys, seen);
        let record = group.rows.iter().find_map(|row| meant[*row]).map(|at| &records.all[at]);
        groups.push(decide(tx, target, on_duplicate, group, record, &mut problems)?);
    }
    let recorded = match care {
        Care::Together => write_groups(tx, target, &groups.iter().collect::<Vec<_>>())?,
        Care::Each => write_each(tx, target, &mut groups)?,
    };
    Ok(recorded.map(|()| outcome(target, groups, problems)))
}

/// The records that are there, and the keys that lead to them.
struct Records<R> {
    all: Vec<R>,
    positions: HashMap<Key, Vec<usize>>,
    /// The same as JSON, for those that have to be told apart.
    values: Vec<OnceCell<Value>>,
}

impl<R: serde::Serialize> Records<R> {
    fn load<T: Target<Record = R>>(tx: &mut WriteTx, target: &T, keys: &[Keys]) -> Result<Self, Error> {
        let mut wanted: Vec<Key> =
            keys.iter().flat_map(|keys| keys.own.iter().chain(&keys.fallback).cloned()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut found = Self { all: Vec::new(), positions: HashMap::new(), values: Vec::new() };
        for (record, keys) in target.load(tx, &wanted)? {
            for key in keys {
                found.positions.entry(key).or_default().push(found.all.len());
            }
            found.values.push(OnceCell::new());
            found.all.push(record);
        }
        Ok(found)
    }

    /// The record that a row means. Of several under one key the one that differs least from the row, and of these the
    /// oldest: so each of two people of one name is found again.
    fn meant(&self, keys: &Keys, fields: &FieldMap) -> Option<usize> {
        let found = keys.own.iter().chain(&keys.fallback).find_map(|key| self.positions.get(key))?;
        if let [only] = found.as_slice() {
            return Some(*only);
        }
        let differences = |at: &usize| {
            let json = || serde_json::to_value(&self.all[*at]).expect("records serialise to JSON");
            let record = self.values[*at].get_or_init(json);
            fields.iter().filter(|(name, value)| record.get(name.as_str()) != Some(*value)).count()
        };
        found.iter().copied().min_by_key(differences)
    }
}

/// The rows that speak of one record, in the order of the file: those that share a key, or mean one record.
fn together(keys: &[Keys], meant: &[Option<usize>]) -> Vec<Vec<usize>> {
    let mut leader: Vec<usize> = (0..keys.len()).collect();
    let mut by_key: HashMap<&str, usize> = HashMap::new();
    let mut by_record: HashMap<usize, usize> = HashMap::new();
    for row in 0..keys.len() {
        for key in &keys[row].own {
            let first = *by_key.entry(key).or_insert(row);
            join(&mut leader, first, row);
        }
        if let Some(record) = meant[row] {
            let first = *by_record.entry(record).or_insert(row);
            join(&mut leader, first, row);
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for row in 0..keys.len() {
        groups.entry(leader_of(&mut leader, row)).or_default().push(row);
    }
    groups.into_values().collect()
}

fn leader_of(leader: &mut [usize], row: usize) -> usize {
    let mut at = row;
    while leader[at] != at {
        leader[at] = leader[leader[at]];
        at = leader[at];
    }
    at
}

fn join(leader: &mut [usize], one: usize, other: usize) {
    let (one, other) = (leader_of(leader, one), leader_of(leader, other));
    leader[one.max(other)] = one.min(other);
}

fn group<T: Target>(
    rows: Vec<usize>,
    drafts: &[Draft<T>],
    asides: &[T::Aside],
    keys: &[Keys],
    seen: [&Seen; 2],
) -> Group<T> {
    let mut fields = drafts[rows[0]].fields.clone();
    for row in &rows[1..] {
        for (name, value) in &drafts[*row].fields {
            if !fields.contains_key(name) {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
    let patch = if rows.len() == 1 { drafts[rows[0]].patch.clone() } else { None };
    let blank = T::Aside::default();
    let aside = rows.iter().map(|row| &asides[*row]).find(|aside| **aside != blank).cloned().unwrap_or_default();
    let mut own: Vec<Key> = rows.iter().flat_map(|row| keys[*row].own.iter().cloned()).collect();
    own.sort_unstable();
    own.dedup();
    let known = seen.into_iter().filter_map(|seen| seen.of(&own)).reduce(Fields::and);
    Group { rows, keys: own, fields, patch, aside, seen: known, end: End::Rehearsed }
}

/// Works out what becomes of the record of a group.
fn decide<T: Target>(
    tx: &WriteTx,
    target: &T,
    on_duplicate: OnDuplicate,
    mut group: Group<T>,
    record: Option<&T::Record>,
    problems: &mut [Vec<Problem>],
) -> Result<Group<T>, Error> {
    let Some(record) = record else {
        if group.seen.is_none() {
            make(tx, target, &mut group, problems);
        }
        return Ok(group);
    };
    let seen = group.seen.unwrap_or_default();
    let mut fields = allowed::<T>(&group.fields, seen, on_duplicate, record)?;
    group.end = loop {
        match patch(&group, &fields).and_then(|patch| target.apply(tx, record, &patch)) {
            Ok((state, changes)) if changes.is_empty() => break End::Unchanged(state),
            Ok((state, changes)) => match target.rights().update(&T::ownership(record)) {
                Ok(_) => {
                    let change = T::change(&state, Made::Changed, changes);
                    break End::Changed(T::version(record), T::ownership(record), state, change);
                }
                Err(problem) => break End::Failed(problem),
            },
            Err(invalid) => match drop_refused(&mut fields, &invalid) {
                dropped if dropped.is_empty() => break End::Failed(refused(&invalid)),
                dropped => problems[group.rows[0]].extend(dropped),
            },
        }
    };
    Ok(group)
}

/// Works out the new record of a group. What is valid alone but not beside the other fields is told and left out, like a
/// cell that is not valid at all.
fn make<T: Target>(tx: &WriteTx, target: &T, group: &mut Group<T>, problems: &mut [Vec<Problem>]) {
    if let Err(problem) = target.rights().create() {
        group.end = End::Failed(problem);
        return;
    }
    let mut fields = group.fields.clone();
    group.end = loop {
        match patch(group, &fields).and_then(|patch| target.create(tx, &patch, &group.aside)) {
            Ok((state, changes)) => {
                let change = T::change(&state, Made::New, changes);
                break End::New(state, change);
            }
            Err(invalid) => match drop_refused(&mut fields, &invalid) {
                dropped if dropped.is_empty() => break End::Failed(refused(&invalid)),
                dropped => problems[group.rows[0]].extend(dropped),
            },
        }
    };
}

/// These fields of the group, checked: of all of them that may have been done with the row.
fn patch<T: Target>(group: &Group<T>, fields: &FieldMap) -> Result<Arc<T::Patch>, Invalid> {
    match &group.patch {
        Some(patch) if fields.len() == group.fields.len() => Ok(Arc::clone(patch)),
        _ => T::read(fields.clone()).map(Arc::new),
    }
}

/// The fields that may be written to a record that is there.
fn allowed<T: Target>(
    fields: &FieldMap,
    seen: Fields,
    on_duplicate: OnDuplicate,
    record: &T::Record,
) -> Result<FieldMap, Error> {
    let mut fields = fields.clone();
    for (_, filled) in T::FIELDS.iter().enumerate().filter(|(at, _)| seen.has(*at)) {
        fields.remove(filled.name);
    }
    match on_duplicate {
        OnDuplicate::Update => {}
        // What this import made is the file's own: its rows may complete it.
        _ if seen.is_made() => {}
        OnDuplicate::Skip => fields.clear(),
        OnDuplicate::Fill => {
            let value = serde_json::to_value(record).map_err(Error::internal)?;
            fields.retain(|name, _| is_empty(&value[name.as_str()]));
        }
    }
    Ok(fields)
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// Takes out the fields that a record refuses, which are valid alone but not beside its others.
fn drop_refused(fields: &mut FieldMap, invalid: &Invalid) -> Vec<Problem> {
    let mut dropped = Vec::new();
    for error in &invalid.errors {
        let name = error.pointer.trim_start_matches('/');
        if let Some(value) = fields.remove(name) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let (code, reason) = (error.code.to_owned(), error.detail.clone());
            dropped.push(Problem { field: Some(name.to_owned()), value, code, reason });
        }
    }
    dropped
}

fn refused(invalid: &Invalid) -> Problem {
    let error = invalid.errors.first();
    Problem {
        field: error.map(|error| error.pointer.trim_start_matches('/').to_owned()),
        value: String::new(),
        code: error.map_or("invalid", |error| error.code).to_owned(),
        reason: error.map_or_else(|| invalid.to_string(), |error| error.detail.clone()),
    }
}

/// Whether a fault is that of some record, which the others of its chunk need not share.
pub(super) fn is_refusal(fault: &Error) -> bool {
    !fault.is_fault_of_service() && !matches!(fault, Error::Stale { .. })
}

fn write_each<T: Target>(tx: &mut WriteTx, target: &T, groups: &mut [Group<T>]) -> Result<Recorded<()>, Error> {
    let all: Vec<&Group<T>> = groups.iter().collect();
    match tx.savepoint(|tx| write_groups(tx, target, &all)) {
        Err(fault) if is_refusal(&fault) => {}
        done => return done,
    }
    let mut parts = Vec::with_capacity(groups.len());
    for group in groups {
        match tx.savepoint(|tx| write_groups(tx, target, &[group])) {
            Ok(part) => parts.push(part),
            Err(fault) if !is_refusal(&fault) => return Err(fault),
            Err(refusal) => group.end = End::Failed(Problem::of_row(refusal.code(), refusal.to_string())),
        }
    }
    Ok(Recorded::all(parts).with(()))
}

fn write_groups<T: Target>(tx: &mut WriteTx, target: &T, groups: &[&Group<T>]) -> Result<Recorded<()>, Error> {
    let (mut new, mut changes, mut written) = (Vec::new(), Vec::new(), Vec::new());
    for group in groups {
        match &group.end {
            End::New(record, change) => {
                new.push(record.clone());
                changes.push(change.clone());
                written.push((record.clone(), group.aside.clone()));
            }
            End::Changed(before, owned, record, change) => {
                target.save(tx, target.rights().update(owned).map_err(not_yours)?, *before, record)?;
                changes.push(change.clone());
                written.push((record.clone(), group.aside.clone()));
            }
            End::Unchanged(record) => written.push((record.clone(), group.aside.clone())),
            End::Rehearsed | End::Failed(_) => {}
        }
    }
    if !new.is_empty() {
        target.insert(tx, target.rights().create().map_err(not_yours)?, &new)?;
    }
    let recorded = tx.record_all(changes).map_err(|error: StoreError| Error::from(error))?;
    let finished = target.finish(tx, &written)?;
    Ok(Recorded::all(vec![recorded, finished]).with(()))
}

/// What was refused when it was decided is never written.
fn not_yours(problem: Problem) -> Error {
    Error::internal(problem.reason)
}

fn outcome<T: Target>(target: &T, groups: Vec<Group<T>>, mut problems: Vec<Vec<Problem>>) -> ChunkOutcome {
    let mut counts =
        ImportCounts { invalid_cells: count(problems.iter().map(Vec::len).sum()), ..ImportCounts::default() };
    let mut mentioned = Vec::with_capacity(groups.len());
    for group in groups {
        let filled = T::FIELDS.iter().enumerate().filter(|(_, field)| group.fields.contains_key(field.name));
        let mut fields = filled.fold(Fields::default(), |fields, (at, _)| fields.with(at));
        let (record, counter) = match group.end {
            End::Failed(problem) => {
                counts.failed += count(group.rows.len());
                for row in group.rows {
                    problems[row].push(problem.clone());
                }
                continue;
            }
            End::New(record, _) => {
                fields = fields.made();
                (Some(record), Some(&mut counts.created))
            }
            End::Changed(_, _, record, _) => (Some(record), Some(&mut counts.updated)),
            End::Unchanged(record) => (Some(record), Some(&mut counts.unchanged)),
            End::Rehearsed => (None, None),
        };
        let mut further = group.rows.len();
        if let (Some(counter), None) = (counter, group.seen) {
            *counter += 1;
            further -= 1;
        }
        counts.merged += count(further);
        let mut keys = group.keys;
        keys.extend(record.iter().flat_map(|record| target.keys_of(record)));
        mentioned.push((keys, fields));
    }
    ChunkOutcome { counts, problems, mentioned }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
