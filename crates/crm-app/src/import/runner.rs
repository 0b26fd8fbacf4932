//! Imports in the background: one at a time on each instance. While this instance holds an import it shows so by a
//! heartbeat; an import whose heartbeat has stopped was interrupted, and is marked as failed by whoever sees it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use crm_domain::{Import, ImportId, ImportStatus, access::Actor};
use crm_persistence::imports;
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};

use super::{INTERRUPTED, ImportOptions, Job, Spooled, job, pace::Pace, spool};
use crate::{App, Error, app::blocking};

/// How often a held import shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long after its last sign of life an import counts as interrupted.
const SILENCE: TimeDelta = TimeDelta::seconds(60);

/// The background of imports.
#[derive(Debug)]
pub(crate) struct Runner {
    turn: Arc<Semaphore>,
    held: Mutex<BTreeSet<ImportId>>,
    stopping: AtomicBool,
    stopped: Notify,
}

impl Default for Runner {
    fn default() -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            held: Mutex::default(),
            stopping: AtomicBool::new(false),
            stopped: Notify::new(),
        }
    }
}

impl Runner {
    /// Keeps the heartbeat going and marks interrupted imports, until [`Runner::stop`].
    pub(crate) fn start(app: &App) {
        let app = app.clone();
        tokio::spawn(async move {
            let runner = app.runner();
            while !runner.is_stopping() {
                // What fails now is done by the next beat; four of them fit into the silence that counts.
                let beat = app.clone();
                app.job("upkeep of imports", async move { beat.keep_imports().await }).await;
                let _stopped = timeout(HEARTBEAT, runner.stopped.notified()).await;
            }
        });
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.stopped.notify_one();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Runs an accepted import when it is its turn.
    pub(super) fn run(&self, app: &App, actor: &Actor, import: Import, options: ImportOptions, spooled: Spooled) {
        let actor = actor.clone();
        self.take_turn(app, import.id, move |app| {
            let stopping = || app.runner().is_stopping();
            let (pace, progress) = (Pace::beside_others(job::ROWS_BESIDE_OTHERS), &mut |_| {});
            let job = Job { app, actor: &actor, import, options: &options, pace, stopping: &stopping, progress };
            job.run(spooled.open()?).map(drop)
        });
    }

    /// Does work that belongs to an import on a blocking thread when it is its turn, and holds the import until then.
    pub(super) fn take_turn(
        &self,
        app: &App,
        import: ImportId,
        work: impl FnOnce(&App) -> Result<(), Error> + Send + 'static,
    ) {
        self.held().insert(import);
        let (app, turn) = (app.clone(), Arc::clone(&self.turn));
        tokio::spawn(async move {
            let _turn = turn.acquire_owned().await;
            let inner = app.clone();
            // The job has written down how it ended; where it could not, the silence of its heartbeat tells.
            app.job("import", blocking(move || work(&inner))).await;
            app.runner().held().remove(&import);
        });
    }

    /// How many imports are running or wait for their turn here.
    pub(crate) fn number(&self) -> usize {
        self.held().len()
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeSet<ImportId>> {
        // A set of ids is whole after every operation, so a panic elsewhere has not broken it.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// One beat: shows that the imports held here are alive, and marks those as failed whose instance is silent.
    pub(crate) async fn keep_imports(&self) -> Result<(), Error> {
        let held: Vec<ImportId> = self.runner().held().iter().copied().collect();
        let actor = Actor::system("upkeep of imports");
        if !held.is_empty() {
            self.write(&actor, move |tx| {
                imports::touch(tx, &held)?;
                Ok(tx.unchanged(()))
            })
            .await?;
        }
        let before = self.now().plus(-SILENCE);
        let silent = self.read(move |tx| Ok(imports::silent(tx, before)?)).await?;
        for import in silent {
            self.write(&actor, move |tx| {
                let interrupted = Import { failure: Some(INTERRUPTED.to_owned()), ..import };
                job::moved_on(tx, interrupted, ImportStatus::Failed)
            })
            .await?;
        }
        let folder = self.settings().import_directory.clone();
        blocking(move || {
            let day = Duration::from_hours(24);
            let is_old = |metadata: &std::fs::Metadata| {
                metadata.modified().ok().and_then(|at| at.elapsed().ok()).is_some_and(|age| age > day)
            };
            spool::remove_leftovers(&folder, is_old);
            Ok(())
        })
        .await
    }
}
