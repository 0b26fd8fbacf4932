//! Taking an import back: its changes are undone from the newest to the oldest, each where the record is still as the
//! import left it. What somebody has changed since is kept, and counted; so is what the import made and others have built on.

use std::{collections::HashMap, sync::Arc};

use crm_domain::{
    Change, ChangeAction, FieldChange, Import, ImportCounts, ImportId, ImportStatus, Interaction, InteractionId,
    InteractionPatch, LinkId, Mandate, MandateId, MandatePatch, Organisation, OrganisationId, OrganisationPatch,
    Person, PersonId, PersonPatch, Product, ProductId, ProductPatch, RecordKind, RecordedChange, Task, TaskId,
    TaskPatch, Version,
    access::{ActionType, Actor, Delete, Grant, Guarded, Update, policy},
};
use crm_persistence::{
    Recorded, StoreError, WriteTx,
    changes::{self, ImportedChange},
    imports, links, mentions,
};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    Imports, find,
    job::{moved_on, patiently},
    pace::Pace,
};
use crate::{
    Answer, App, Error, Once,
    app::system_grant,
    interactions as interaction_use_cases, mandates as mandate_use_cases,
    organisations::{self as organisation_use_cases},
    people as people_use_cases, products as product_use_cases, tasks as task_use_cases,
};

/// How many changes one transaction takes back at most.
const CHANGES: usize = 500;

impl Imports {
    /// Takes an import back in the background. It must have ended, and not have been a dry run.
    pub async fn revert(&self, actor: &Actor, id: ImportId, once: Once<Import>) -> Result<Answer, Error> {
        let first = Arc::new(std::sync::OnceLock::new());
        let (as_actor, begun) = (actor.clone(), Arc::clone(&first));
        let answer = self
            .app
            .write(actor, move |tx| {
                once.run(tx, |tx| {
                    let recorded = begin(tx, &as_actor, id)?;
                    let _only_once = begun.set(recorded.value().clone());
                    Ok(recorded)
                })
            })
            .await?;
        if let Some(import) = first.get().cloned() {
            let actor = actor.clone();
            self.app.runner().take_turn(&self.app, id, move |app| {
                take_back(app, &actor, import, Pace::beside_others(CHANGES)).map(drop)
            });
        }
        Ok(answer)
    }

    /// Takes an import back on this very thread, for commands.
    pub fn revert_now(&self, actor: &Actor, id: ImportId) -> Result<Import, Error> {
        let import = self.app.write_now(actor, None, |tx| begin(tx, actor, id))?;
        take_back(&self.app, actor, import, Pace::alone(CHANGES))
    }
}

fn begin(tx: &mut WriteTx, actor: &Actor, id: ImportId) -> Result<Recorded<Import>, Error> {
    let mut import = find(tx, actor, id)?;
    let ended = matches!(import.status, ImportStatus::Completed | ImportStatus::Failed);
    if import.dry_run || !ended {
        let detail = "only an import that has ended, and was no dry run, can be reverted".to_owned();
        return Err(Error::Conflict { code: "not_revertible", detail });
    }
    (import.counts.reverted, import.counts.kept, import.failure) = (0, 0, None);
    moved_on(tx, import, ImportStatus::Reverting)
}

fn take_back(app: &App, actor: &Actor, import: Import, pace: Arc<Pace>) -> Result<Import, Error> {
    let mut reverting = Reverting { app, grants: Grants::of(actor)?, import, pace, expected: HashMap::new() };
    match reverting.run(actor) {
        Ok(()) => Ok(reverting.import),
        Err(fault) => {
            let failed = Import { failure: Some(fault.to_string()), ..reverting.import };
            // The fault is what the caller must hear of, whether or not it can be written down.
            let _marked = app.write_now(actor, None, |tx| moved_on(tx, failed, ImportStatus::Failed));
            Err(fault)
        }
    }
}

struct Grants {
    organisations: Rights<Organisation>,
    people: Rights<Person>,
    products: Rights<Product>,
    mandates: Rights<Mandate>,
    interactions: Rights<Interaction>,
    tasks: Rights<Task>,
    links: Grant<Update, Organisation>,
}

/// What may be taken back of a resource: what one may delete if the import made it, what one may change if it changed it.
struct Rights<R: Guarded> {
    delete: Option<Grant<Delete, R>>,
    update: Option<Grant<Update, R>>,
}

impl<R: Guarded> Rights<R> {
    fn of(actor: &Actor) -> Self {
        Self { delete: policy::authorise(actor).ok(), update: policy::authorise(actor).ok() }
    }
}

impl Grants {
    /// Links that the import made go with it.
    fn of(actor: &Actor) -> Result<Self, Error> {
        Ok(Self {
            organisations: Rights::of(actor),
            people: Rights::of(actor),
            products: Rights::of(actor),
            mandates: Rights::of(actor),
            interactions: Rights::of(actor),
            tasks: Rights::of(actor),
            links: system_grant("revert of an import")?,
        })
    }
}

struct Reverting<'a> {
    app: &'a App,
    grants: Grants,
    import: Import,
    pace: Arc<Pace>,
    /// The version that a record must have for its next older change to be taken back; absent for records of which no
    /// change has been looked at yet. A record leaves it with its creation, which is the oldest.
    expected: HashMap<Uuid, Option<Version>>,
}

/// What became of one change.
enum Undone {
    /// It has been taken back, or its effect was gone already.
    Reverted(Option<Version>),
    /// The record has changed since.
    Kept,
}

impl Reverting<'_> {
    fn run(&mut self, actor: &Actor) -> Result<(), Error> {
        let mut before = None;
        loop {
            let id = self.import.id;
            let most = i64::try_from(self.pace.most()).unwrap_or(i64::MAX);
            let page: Vec<ImportedChange> =
                patiently(|| self.app.database().read(|tx| Ok::<_, Error>(changes::of_import(tx, id, before, most)?)))?;
            let Some(last) = page.last() else {
                break;
            };
            before = Some(last.sequence);
            let take_back = || self.app.write_now(actor, None, |tx| self.page(tx, &page));
            let (import, expected) = patiently(|| self.pace.turn(self.app, page.len(), take_back))?;
            (self.import, self.expected) = (import, expected);
            if self.app.runner().is_stopping() {
                return Err(Error::internal(super::INTERRUPTED));
            }
        }
        let end = || self.app.write_now(actor, None, |tx| moved_on(tx, self.import.clone(), ImportStatus::Reverted));
        self.import = patiently(|| self.pace.turn(self.app, 0, end))?;
        Ok(())
    }

    #[expect(
        clippy::type_complexity,
        reason = "the two parts of the state, taken over when the transaction has ended well"
    )]
    fn page(
        &self,
        tx: &mut WriteTx,
        page: &[ImportedChange],
    ) -> Result<Recorded<(Import, HashMap<Uuid, Option<Version>>)>, Error> {
        let (mut import, mut expected) = (self.import.clone(), self.expected.clone());
        let mut parts = Vec::with_capacity(page.len());
        for ImportedChange { change, .. } in page {
            let wanted = match expected.get(&change.id) {
                Some(Some(version)) => Some(*version),
                Some(None) => None,
                None => Some(change.version),
            };
            let undone = match wanted {
                Some(version) => self.undo(tx, change, version)?,
                None => tx.unchanged(Undone::Kept),
            };
            let ImportCounts { reverted, kept, .. } = &mut import.counts;
            let next = match undone.value() {
                Undone::Reverted(version) => {
                    *reverted += i64::from(change.resource != RecordKind::Imports);
                    *version
                }
                Undone::Kept => {
                    *kept += 1;
                    None
                }
            };
            if change.action == ChangeAction::Created {
                expected.remove(&change.id);
            } else {
                expected.insert(change.id, next);
            }
            parts.push(undone.with(()));
        }
        import.updated_at = tx.at();
        imports::save(tx, import.version, &import)?;
        Ok(Recorded::all(parts).with((import, expected)))
    }

    fn undo(&self, tx: &mut WriteTx, change: &RecordedChange, version: Version) -> Result<Recorded<Undone>, Error> {
        let made = change.action == ChangeAction::Created;
        // What the import itself has said about the record is newer than the record, and taken back before.
        if made && mentions::exist(tx, change.resource, change.id)? {
            return Ok(tx.unchanged(Undone::Kept));
        }
        match change.resource {
            RecordKind::Organisations => match (&self.grants.organisations, made) {
                (Rights { delete: Some(grant), .. }, true) => Self::undo_organisation(tx, grant, change, version),
                (Rights { update: Some(grant), .. }, false) => Self::undo_organisation(tx, grant, change, version),
                _ => Ok(tx.unchanged(Undone::Kept)),
            },
            RecordKind::People => match (&self.grants.people, made) {
                (Rights { delete: Some(grant), .. }, true) => Self::undo_person(tx, grant, change, version),
                (Rights { update: Some(grant), .. }, false) => Self::undo_person(tx, grant, change, version),
                _ => Ok(tx.unchanged(Undone::Kept)),
            },
            RecordKind::Links => self.undo_link(tx, change, version),
            RecordKind::Products => match (&self.grants.products, made) {
                (Rights { delete: Some(grant), .. }, true) => Self::undo_product(tx, grant, change, version),
                (Rights { update: Some(grant), .. }, false) => Self::undo_product(tx, grant, change, version),
                _ => Ok(tx.unchanged(Undone::Kept)),
            },
            RecordKind::Mandates => match (&self.grants.mandates, made) {
                (Rights { delete: Some(grant), .. }, true) => Self::undo_mandate(tx, grant, change, version),
                (Rights { update: Some(grant), .. }, false) => Self::undo_mandate(tx, grant, change, version),
                _ => Ok(tx.unchanged(Undone::Kept)),
            },
            RecordKind::Interactions => match (&self.grants.interactions, made) {
                (Rights { delete: Some(grant), .. }, true) => Self::undo_interaction(tx, grant, change, version),
                (Rights { update: Some(grant), .. }, false) => Self::undo_interaction(tx, grant, change, version),
                _ => Ok(tx.unchanged(Undone::Kept)),
            },
            RecordKind::Tasks => match (&self.grants.tasks, made) {
                (Rights { delete: Some(grant), .. }, true) => Self::undo_task(tx, grant, change, version),
                (Rights { update: Some(grant), .. }, false) => Self::undo_task(tx, grant, change, version),
                _ => Ok(tx.unchanged(Undone::Kept)),
            },
            // The import itself, and what imports do not touch.
            RecordKind::Imports
            | RecordKind::MandateProducts
            | RecordKind::Users
            | RecordKind::Teams
            | RecordKind::Roles => Ok(tx.unchanged(Undone::Reverted(None))),
        }
    }

    fn undo_organisation<A: ActionType>(
        tx: &mut WriteTx,
        grant: &Grant<A, Organisation>,
        change: &RecordedChange,
        version: Version,
    ) -> Result<Recorded<Undone>, Error> {
        use organisation_use_cases::{live_or_deleted, save};
        let current = match live_or_deleted(tx, grant, OrganisationId::new(change.id)) {
            Ok(current) => current,
            Err(StoreError::NotFound) => return Ok(tx.unchanged(Undone::Kept)),
            Err(error) => return Err(error.into()),
        };
        if current.stamps.is_deleted() || is_undone(&current, &change.changed)? {
            return Ok(tx.unchanged(Undone::Reverted(Some(current.stamps.version))));
        }
        if current.stamps.version != version {
            return Ok(tx.unchanged(Undone::Kept));
        }
        let by = grant.actor().user_id();
        if change.action == ChangeAction::Created {
            let mut state = current;
            state.stamps = state.stamps.touched(by, tx.at());
            state.stamps.deleted_at = Some(tx.at());
            return Ok(save(tx, grant, version, state, ChangeAction::Deleted, Vec::new())?.with(Undone::Reverted(None)));
        }
        let patch = OrganisationPatch::read(old_values(&change.changed))?;
        let applied = current.apply(&patch, by, tx.at())?;
        let next = applied.state.stamps.version;
        let saved =
            tx.savepoint(|tx| Ok(save(tx, grant, version, applied.state, ChangeAction::Updated, applied.changes)?));
        kept_where_refused(tx, saved.map(|saved| saved.with(Undone::Reverted(Some(next)))))
    }

    fn undo_person<A: ActionType>(
        tx: &mut WriteTx,
        grant: &Grant<A, Person>,
        change: &RecordedChange,
        version: Version,
    ) -> Result<Recorded<Undone>, Error> {
        use people_use_cases::{live_or_deleted, save};
        let current = match live_or_deleted(tx, grant, PersonId::new(change.id)) {
            Ok(current) => current,
            Err(StoreError::NotFound) => return Ok(tx.unchanged(Undone::Kept)),
            Err(error) => return Err(error.into()),
        };
        if current.stamps.is_deleted() || is_undone(&current, &change.changed)? {
            return Ok(tx.unchanged(Undone::Reverted(Some(current.stamps.version))));
        }
        if current.stamps.version != version {
            return Ok(tx.unchanged(Undone::Kept));
        }
        let by = grant.actor().user_id();
        if change.action == ChangeAction::Created {
            let mut state = current;
            state.stamps = state.stamps.touched(by, tx.at());
            state.stamps.deleted_at = Some(tx.at());
            return Ok(save(tx, grant, version, state, ChangeAction::Deleted, Vec::new())?.with(Undone::Reverted(None)));
        }
        let patch = PersonPatch::read(old_values(&change.changed))?;
        let applied = current.apply(&patch, by, tx.at())?;
        let next = applied.state.stamps.version;
        let saved =
            tx.savepoint(|tx| Ok(save(tx, grant, version, applied.state, ChangeAction::Updated, applied.changes)?));
        kept_where_refused(tx, saved.map(|saved| saved.with(Undone::Reverted(Some(next)))))
    }

    fn undo_product<A: ActionType>(
        tx: &mut WriteTx,
        grant: &Grant<A, Product>,
        change: &RecordedChange,
        version: Version,
    ) -> Result<Recorded<Undone>, Error> {
        use product_use_cases::{live_or_deleted, save};
        let current = match live_or_deleted(tx, grant, ProductId::new(change.id)) {
            Ok(current) => current,
            Err(StoreError::NotFound) => return Ok(tx.unchanged(Undone::Kept)),
            Err(error) => return Err(error.into()),
        };
        if current.stamps.is_deleted() || is_undone(&current, &change.changed)? {
            return Ok(tx.unchanged(Undone::Reverted(Some(current.stamps.version))));
        }
        if current.stamps.version != version {
            return Ok(tx.unchanged(Undone::Kept));
        }
        let by = grant.actor().user_id();
        if change.action == ChangeAction::Created {
            let mut state = current;
            state.stamps = state.stamps.touched(by, tx.at());
            state.stamps.deleted_at = Some(tx.at());
            return Ok(save(tx, grant, version, state, ChangeAction::Deleted, Vec::new())?.with(Undone::Reverted(None)));
        }
        let patch = ProductPatch::read(old_values(&change.changed))?;
        let applied = current.apply(&patch, by, tx.at())?;
        let next = applied.state.stamps.version;
        let saved =
            tx.savepoint(|tx| Ok(save(tx, grant, version, applied.state, ChangeAction::Updated, applied.changes)?));
        kept_where_refused(tx, saved.map(|saved| saved.with(Undone::Reverted(Some(next)))))
    }

    fn undo_interaction<A: ActionType>(
        tx: &mut WriteTx,
        grant: &Grant<A, Interaction>,
        change: &RecordedChange,
        version: Version,
    ) -> Result<Recorded<Undone>, Error> {
        use interaction_use_cases::{live_or_deleted, save};
        let current = match live_or_deleted(tx, grant, InteractionId::new(change.id)) {
            Ok(current) => current,
            Err(StoreError::NotFound) => return Ok(tx.unchanged(Undone::Kept)),
            Err(error) => return Err(error.into()),
        };
        if current.stamps.is_deleted() || is_undone(&current, &change.changed)? {
            return Ok(tx.unchanged(Undone::Reverted(Some(current.stamps.version))));
        }
        if current.stamps.version != version {
            return Ok(tx.unchanged(Undone::Kept));
        }
        let by = grant.actor().user_id();
        if change.action == ChangeAction::Created {
            let mut state = current.clone();
            state.stamps = state.stamps.touched(by, tx.at());
            state.stamps.deleted_at = Some(tx.at());
            return Ok(
                save(tx, grant, &current, state, ChangeAction::Deleted, Vec::new())?.with(Undone::Reverted(None))
            );
        }
        let patch = InteractionPatch::read(old_values(&change.changed))?;
        let applied = current.apply(&patch, by, tx.at())?;
        let next = applied.state.stamps.version;
        let saved =
            tx.savepoint(|tx| Ok(save(tx, grant, &current, applied.state, ChangeAction::Updated, applied.changes)?));
        kept_where_refused(tx, saved.map(|saved| saved.with(Undone::Reverted(Some(next)))))
    }

    fn undo_task<A: ActionType>(
        tx: &mut WriteTx,
        grant: &Grant<A, Task>,
        change: &RecordedChange,
        version: Version,
    ) -> Result<Recorded<Undone>, Error> {
        use task_use_cases::{live_or_deleted, save};
        let current = match live_or_deleted(tx, grant, TaskId::new(change.id)) {
            Ok(current) => current,
            Err(StoreError::NotFound) => return Ok(tx.unchanged(Undone::Kept)),
            Err(error) => return Err(error.into()),
        };
        if current.stamps.is_deleted() || is_undone(&current, &change.changed)? {
            return Ok(tx.unchanged(Undone::Reverted(Some(current.stamps.version))));
        }
        if current.stamps.version != version {
            return Ok(tx.unchanged(Undone::Kept));
        }
        let by = grant.actor().user_id();
        if change.action == ChangeAction::Created {
            let mut state = current;
            state.stamps = state.stamps.touched(by, tx.at());
            state.stamps.deleted_at = Some(tx.at());
            return Ok(save(tx, grant, version, state, ChangeAction::Deleted, Vec::new())?.with(Undone::Reverted(None)));
        }
        // The stamp of completion follows the status by itself.
        let fields: Vec<FieldChange> =
            change.changed.iter().filter(|change| change.field != "completed_at").cloned().collect();
        let patch = TaskPatch::read(old_values(&fields))?;
        let applied = current.apply(&patch, by, tx.at())?;
        let next = applied.state.stamps.version;
        let saved =
            tx.savepoint(|tx| Ok(save(tx, grant, version, applied.state, ChangeAction::Updated, applied.changes)?));
        kept_where_refused(tx, saved.map(|saved| saved.with(Undone::Reverted(Some(next)))))
    }

    fn undo_mandate<A: ActionType>(
        tx: &mut WriteTx,
        grant: &Grant<A, Mandate>,
        change: &RecordedChange,
        version: Version,
    ) -> Result<Recorded<Undone>, Error> {
        use mandate_use_cases::{live_or_deleted, save};
        let current = match live_or_deleted(tx, grant, MandateId::new(change.id)) {
            Ok(current) => current,
            Err(StoreError::NotFound) => return Ok(tx.unchanged(Undone::Kept)),
            Err(error) => return Err(error.into()),
        };
        if current.stamps.is_deleted() || is_undone(&current, &change.changed)? {
            return Ok(tx.unchanged(Undone::Reverted(Some(current.stamps.version))));
        }
        if current.stamps.version != version {
            return Ok(tx.unchanged(Undone::Kept));
        }
        let by = grant.actor().user_id();
        if change.action == ChangeAction::Created {
            let mut state = current;
            state.stamps = state.stamps.touched(by, tx.at());
            state.stamps.deleted_at = Some(tx.at());
            return Ok(save(tx, grant, version, state, ChangeAction::Deleted, Vec::new())?.with(Undone::Reverted(None)));
        }
        let patch = MandatePatch::read(old_values(&change.changed))?;
        // A status goes forward alone: what the import has moved on stays.
        let Ok(applied) = current.apply(&patch, by, tx.at()) else { return Ok(tx.unchanged(Undone::Kept)) };
        let next = applied.state.stamps.version;
        let saved =
            tx.savepoint(|tx| Ok(save(tx, grant, version, applied.state, ChangeAction::Updated, applied.changes)?));
        kept_where_refused(tx, saved.map(|saved| saved.with(Undone::Reverted(Some(next)))))
    }

    fn undo_link(
        &self,
        tx: &mut WriteTx,
        change: &RecordedChange,
        version: Version,
    ) -> Result<Recorded<Undone>, Error> {
        let (at, by) = (tx.at(), tx.actor().user_id());
        match links::delete(tx, &self.grants.links, LinkId::new(change.id), version, at, by) {
            Ok(()) => {}
            Err(StoreError::Stale { .. }) => return Ok(tx.unchanged(Undone::Kept)),
            // It has been removed since: what the import did is gone.
            Err(StoreError::NotFound) => return Ok(tx.unchanged(Undone::Reverted(None))),
            Err(error) => return Err(error.into()),
        }
        let (kind, action) = (RecordKind::Links, ChangeAction::Deleted);
        let gone = Change { kind, record_id: change.id, version: version.next(), action, fields: Vec::new() };
        Ok(tx.record(gone)?.with(Undone::Reverted(None)))
    }
}

/// A value that has been taken by another record meanwhile cannot be put back: the change is kept.
fn kept_where_refused(tx: &WriteTx, undone: Result<Recorded<Undone>, Error>) -> Result<Recorded<Undone>, Error> {
    match undone {
        Err(Error::Conflict { .. } | Error::Invalid(_)) => Ok(tx.unchanged(Undone::Kept)),
        undone => undone,
    }
}

/// The patch that puts the old values back.
fn old_values(fields: &[FieldChange]) -> Value {
    fields.iter().map(|change| (change.field.to_string(), change.old.clone())).collect::<Map<_, _>>().into()
}

/// Whether a record has the old values already, as after a revert that was interrupted.
fn is_undone<T: Serialize>(record: &T, fields: &[FieldChange]) -> Result<bool, Error> {
    let value = serde_json::to_value(record).map_err(Error::internal)?;
    Ok(!fields.is_empty()
        && fields.iter().all(|change| value.get(change.field.as_ref()).unwrap_or(&Value::Null) == &change.old))
}
