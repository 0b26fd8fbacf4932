//! Imports: many records from one file, in bounded memory, which can be taken back as a whole.
//!
//! A file is read as it is ([`reader`]), a row at a time (`row`, `cells`), a thousand rows in one transaction
//! (`chunk`), by one job (`job`) that is fed by a thread of its own (`feed`). What the resources do not have in common is their `target`.

mod cells;
mod chunk;
mod employer;
mod feed;
mod interactions;
mod job;
mod mandates;
mod organisations;
mod pace;
mod people;
mod products;
pub mod reader;
mod refused;
mod revert;
mod row;
mod runner;
mod seen;
mod spool;
mod target;
mod tasks;

use std::{
    collections::BTreeMap,
    io::Read,
    sync::{Arc, OnceLock},
};

use crm_domain::{
    ChangeAction, Import, ImportCounts, ImportId, ImportStatus, ImportTarget, Interaction, Mandate, OnDuplicate,
    Organisation, Person, Product, Task, Version,
    access::{Actor, Denied, Import as ImportAction, Scope, policy},
    query::Page,
    values::CountryCode,
};
use crm_persistence::{
    Transaction,
    imports::{self, ImportError},
};

pub use refused::RefusedRows;
pub(crate) use runner::Runner;
pub use spool::Spooled;

use crate::{Answer, App, Error, Once};
use job::Job;
use pace::Pace;
use strum::VariantArray;
use target::Target;

/// The failure of an import whose process ended before it did.
pub const INTERRUPTED: &str = "interrupted";

/// What to import and how.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// What the rows are.
    pub resource: ImportTarget,
    /// The file's name, as the client called it.
    pub file_name: String,
    /// Whether only to show what would happen.
    pub dry_run: bool,
    /// What becomes of rows whose record is already there.
    pub on_duplicate: OnDuplicate,
    /// Header to field, for headers that are not recognised, or wrongly.
    pub mapping: BTreeMap<String, String>,
    /// The country of phone numbers in national form where the row names none.
    pub default_country: Option<CountryCode>,
    /// The encoding, where it is not to be recognised.
    pub encoding: Option<reader::Encoding>,
    /// The delimiter, where it is not to be recognised.
    pub delimiter: Option<reader::Delimiter>,
}

impl ImportOptions {
    /// An import of this file in which everything is recognised and the file wins.
    pub fn new(resource: ImportTarget, file_name: impl Into<String>) -> Self {
        Self {
            resource,
            file_name: file_name.into(),
            dry_run: false,
            on_duplicate: OnDuplicate::default(),
            mapping: BTreeMap::new(),
            default_country: None,
            encoding: None,
            delimiter: None,
        }
    }

    fn reader<T: Target>(&self) -> reader::Options {
        let mut options = reader::Options::new(T::SYNONYMS);
        options.mapping.clone_from(&self.mapping);
        (options.encoding, options.delimiter) = (self.encoding, self.delimiter);
        options
    }
}

/// How far an import has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it has done.
    pub counts: ImportCounts,
    /// How many bytes of the file it has read.
    pub bytes: u64,
}

/// The use cases of imports.
#[derive(Clone, Debug)]
pub struct Imports {
    pub(crate) app: App,
}

impl Imports {
    /// Accepts an import of an uploaded file; it runs in the background, one at a time on each instance.
    pub async fn start(
        &self,
        actor: &Actor,
        spooled: Spooled,
        options: ImportOptions,
        once: Once<Import>,
    ) -> Result<Answer, Error> {
        may_import(actor, options.resource)?;
        let import = self.accepted(actor, &options);
        // A repeated answer starts nothing: only the first one leaves its import here.
        let accepted: Arc<OnceLock<Import>> = Arc::default();
        let first = Arc::clone(&accepted);
        let mapping = options.mapping.clone();
        let answer = self
            .app
            .write(actor, move |tx| {
                once.run(tx, |tx| {
                    imports::insert(tx, &import, &mapping)?;
                    let recorded = tx.record(job::change(&import, ChangeAction::Created, Vec::new()))?;
                    let _only_once = first.set(import.clone());
                    Ok(recorded.with(import))
                })
            })
            .await?;
        if let Some(import) = accepted.get() {
            self.app.runner().run(&self.app, actor, import.clone(), options, spooled);
        }
        Ok(answer)
    }

    /// Refuses callers who may import nothing at all.
    pub fn admit(actor: &Actor) -> Result<(), Denied> {
        let mut refused = ImportTarget::VARIANTS.iter().map(|target| may_import(actor, *target));
        let first = refused.next().expect("something can be imported");
        if first.is_ok() || refused.any(|other| other.is_ok()) { Ok(()) } else { first }
    }

    /// Imports a file on this very thread, for commands.
    pub fn run_file(
        &self,
        actor: &Actor,
        read: impl Read + Send,
        options: &ImportOptions,
        mut progress: impl FnMut(Progress),
    ) -> Result<Import, Error> {
        may_import(actor, options.resource)?;
        let import = self.accepted(actor, options);
        self.app.write_now(actor, None, |tx| {
            imports::insert(tx, &import, &options.mapping)?;
            Ok(tx.record(job::change(&import, ChangeAction::Created, Vec::new()))?)
        })?;
        let stopping = || self.app.runner().is_stopping();
        let pace = Pace::alone(job::ROWS_ALONE);
        Job { app: &self.app, actor, import, options, pace, stopping: &stopping, progress: &mut progress }.run(read)
    }

    /// One import.
    pub async fn get(&self, actor: &Actor, id: ImportId) -> Result<Import, Error> {
        let actor = actor.clone();
        self.app.read(move |tx| find(tx, &actor, id)).await
    }

    /// A page of the imports that the caller may see, newest first: one's own, and with reach `all` everybody's.
    pub async fn list(&self, actor: &Actor, cursor: Option<String>, limit: u32) -> Result<Page<Import>, Error> {
        let scopes = ImportTarget::VARIANTS.iter().map(|target| (*target, scope(actor, *target)));
        let seen: Vec<(ImportTarget, Scope)> =
            scopes.filter_map(|(target, scope)| Some((target, scope.ok()?))).collect();
        if seen.is_empty() {
            Self::admit(actor)?;
        }
        self.app.read(move |tx| Ok(imports::list(tx, &seen, cursor.as_deref(), limit)?)).await
    }

    /// What was wrong with the rows of an import, in the order of the file, behind the error with the number `after`.
    pub async fn errors(
        &self,
        actor: &Actor,
        id: ImportId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<ImportError>, Error> {
        let actor = actor.clone();
        self.app
            .read(move |tx| {
                find(tx, &actor, id)?;
                Ok(imports::errors(tx, id, cursor.as_deref(), limit)?)
            })
            .await
    }

    /// The headers of the file of an import, in its order; none before it has been opened.
    pub async fn headers(&self, actor: &Actor, id: ImportId) -> Result<Vec<String>, Error> {
        let actor = actor.clone();
        self.app
            .read(move |tx| {
                find(tx, &actor, id)?;
                Ok(imports::headers(tx, id)?)
            })
            .await
    }

    fn accepted(&self, actor: &Actor, options: &ImportOptions) -> Import {
        let at = self.app.now();
        Import {
            id: self.app.new_id(),
            resource: options.resource,
            file_name: options.file_name.clone(),
            dry_run: options.dry_run,
            on_duplicate: options.on_duplicate,
            status: ImportStatus::Queued,
            counts: ImportCounts::default(),
            unmapped: Vec::new(),
            failure: None,
            version: Version::FIRST,
            created_by: actor.user_id(),
            created_at: at,
            updated_at: at,
            finished_at: None,
        }
    }
}

fn may_import(actor: &Actor, resource: ImportTarget) -> Result<(), Denied> {
    scope(actor, resource).map(drop)
}

/// How far an actor may import records of this kind.
fn scope(actor: &Actor, resource: ImportTarget) -> Result<Scope, Denied> {
    Ok(match resource {
        ImportTarget::Organisations => policy::authorise::<ImportAction, Organisation>(actor)?.scope(),
        ImportTarget::People => policy::authorise::<ImportAction, Person>(actor)?.scope(),
        ImportTarget::Products => policy::authorise::<ImportAction, Product>(actor)?.scope(),
        ImportTarget::Mandates => policy::authorise::<ImportAction, Mandate>(actor)?.scope(),
        ImportTarget::Interactions => policy::authorise::<ImportAction, Interaction>(actor)?.scope(),
        ImportTarget::Tasks => policy::authorise::<ImportAction, Task>(actor)?.scope(),
    })
}

/// An import that the caller may see: one's own, or anybody's where the permission to import has no bounds. Whoever may
/// import nothing at all may never look at one; to the others one of a kind that they do not import is not there.
fn find(tx: &mut impl Transaction, actor: &Actor, id: ImportId) -> Result<Import, Error> {
    Imports::admit(actor)?;
    let import = imports::find(tx, id)?;
    let scope = scope(actor, import.resource).map_err(|_denied| Error::NotFound)?;
    let own = import.created_by.is_some() && import.created_by == actor.user_id();
    if own || scope == Scope::All { Ok(import) } else { Err(Error::NotFound) }
}
