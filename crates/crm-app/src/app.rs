//! The door to the use cases, and the one way from an async caller to a synchronous unit of work.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use crm_domain::{
    Id, ImportId,
    access::{ActionType, Actor, Denied, Grant, Guarded, policy},
    values::Timestamp,
};
use crm_events::{Bus, Event};
use crm_persistence::{
    Database, ReadTx, Recorded, Seen, Stamp, Touch, WriteTx,
    measure::{self, Operation},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};
use uuid::Uuid;

use crate::{
    AppSettings, Error,
    api_keys::ApiKeys,
    background::{Jobs, Load},
    cached,
    changes::Changes,
    clock::Times,
    explain::Access,
    figures::Figures,
    import::Imports,
    import::Runner,
    interactions::Interactions,
    links::Links,
    mail::Mail,
    mandate_products::MandateProducts,
    mandates::Mandates,
    notifications::Notifications,
    organisations::Organisations,
    others::Others,
    password::Hashing,
    people::People,
    products::Products,
    realtime::{Hub, Realtime},
    relay::Relay,
    roles::Roles,
    second_factor::SecondFactors,
    sessions::Sessions,
    tasks::Tasks,
    teams::Teams,
    timeline::Timelines,
    upkeep::Upkeep,
    users::Users,
    webhooks::{Dispatch, Webhooks},
};

/// The use cases over one database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

/// The use cases, for those who must not keep them from ending.
#[derive(Clone, Debug)]
pub struct WeakApp(Weak<Inner>);

impl WeakApp {
    /// The use cases, if they are still there.
    pub fn upgrade(&self) -> Option<App> {
        self.0.upgrade().map(App)
    }
}

#[derive(Debug)]
struct Inner {
    database: Database,
    settings: AppSettings,
    times: Times,
    readers: Arc<Semaphore>,
    writers: Arc<Semaphore>,
    hashing: Hashing,
    mail: Mail,
    relay: Relay,
    hub: Hub,
    dispatch: Dispatch,
    /// Tells this instance from the others.
    instance: Uuid,
    runner: Runner,
    upkeep: Upkeep,
    others: Others,
    counting: Mutex<Option<JoinHandle<()>>>,
    jobs: Jobs,
}

/// How long a request waits for a connection before it is told that the service is busy.
const PATIENCE: Duration = Duration::from_secs(1);

impl App {
    /// The use cases over this database.
    pub fn new(database: Database, settings: AppSettings) -> Self {
        let permits = |connections: u32| Arc::new(Semaphore::new(connections as usize));
        let times = Times::new(Arc::clone(&settings.clock));
        Self(Arc::new(Inner {
            readers: permits(database.read_connections()),
            writers: permits(database.write_connections()),
            instance: times.new_id::<()>().uuid(),
            hub: Hub::default(),
            dispatch: Dispatch::new(&settings.webhooks),
            times,
            hashing: Hashing::new(settings.hashing),
            mail: Mail::default(),
            relay: Relay::new(settings.clock.now()),
            runner: Runner::default(),
            upkeep: Upkeep::default(),
            others: Others::default(),
            counting: Mutex::default(),
            jobs: Jobs::default(),
            database,
            settings,
        }))
    }

    /// The same for those who must not keep it from ending.
    pub fn downgrade(&self) -> WeakApp {
        WeakApp(Arc::downgrade(&self.0))
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// The settings.
    pub fn settings(&self) -> &AppSettings {
        &self.0.settings
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        cached::is_passing();
        self.0.times.now()
    }

    /// A new id.
    pub fn new_id<R>(&self) -> Id<R> {
        self.0.times.new_id()
    }

    /// Whether requests can be served: the database answers, and its schema is that of this program.
    pub async fn ready(&self) -> Result<(), Error> {
        let database = self.database().clone();
        blocking(move || Ok(database.ready()?)).await
    }

    /// Organisations.
    pub fn organisations(&self) -> Organisations {
        Organisations { app: self.clone() }
    }

    /// People.
    pub fn people(&self) -> People {
        People { app: self.clone() }
    }

    /// Links between organisations and people.
    pub fn links(&self) -> Links {
        Links { app: self.clone() }
    }

    /// Products.
    pub fn products(&self) -> Products {
        Products { app: self.clone() }
    }

    /// Mandates.
    pub fn mandates(&self) -> Mandates {
        Mandates { app: self.clone() }
    }

    /// What is sold under mandates.
    pub fn mandate_products(&self) -> MandateProducts {
        MandateProducts { app: self.clone() }
    }

    /// Interactions.
    pub fn interactions(&self) -> Interactions {
        Interactions { app: self.clone() }
    }

    /// Tasks.
    pub fn tasks(&self) -> Tasks {
        Tasks { app: self.clone() }
    }

    /// Timelines.
    pub fn timelines(&self) -> Timelines {
        Timelines { app: self.clone() }
    }

    /// Figures.
    pub fn figures(&self) -> Figures {
        Figures { app: self.clone() }
    }

    /// The change log.
    pub fn changes(&self) -> Changes {
        Changes { app: self.clone() }
    }

    /// Notifications.
    pub fn notifications(&self) -> Notifications {
        Notifications { app: self.clone() }
    }

    /// Webhooks.
    pub fn webhooks(&self) -> Webhooks {
        Webhooks { app: self.clone() }
    }

    /// Sockets.
    pub fn realtime(&self) -> Realtime {
        Realtime { app: self.clone() }
    }

    /// Imports.
    pub fn imports(&self) -> Imports {
        Imports { app: self.clone() }
    }

    /// Signing in and out.
    pub fn sessions(&self) -> Sessions {
        Sessions { app: self.clone() }
    }

    /// Those who sign in.
    pub fn users(&self) -> Users {
        Users { app: self.clone() }
    }

    /// Users who share records.
    pub fn teams(&self) -> Teams {
        Teams { app: self.clone() }
    }

    /// Sets of permissions.
    pub fn roles(&self) -> Roles {
        Roles { app: self.clone() }
    }

    /// Personal API keys.
    pub fn api_keys(&self) -> ApiKeys {
        ApiKeys { app: self.clone() }
    }

    /// Second factors.
    pub fn second_factors(&self) -> SecondFactors {
        SecondFactors { app: self.clone() }
    }

    /// Why somebody may do something.
    pub fn access(&self) -> Access {
        Access { app: self.clone() }
    }

    /// Starts what goes on beside the requests: the bus, the relay, the hub, the upkeep of imports, the removal of what has expired, the
    /// mail, the webhooks.
    ///
    /// Must be called within a tokio runtime. Call [`App::stop`] before the runtime is shut down.
    pub fn start(&self) {
        self.bus().start();
        Runner::start(self);
        Relay::start(self);
        Hub::start(self);
        Upkeep::start(self);
        Others::start(self);
        Mail::start(self);
        Dispatch::start(self);
        let cache = self.cache().clone();
        let counting = tokio::spawn(async move { cache.keep_counting().await });
        self.0.counting.lock().unwrap_or_else(PoisonError::into_inner).replace(counting);
    }

    /// Asks what goes on beside the requests to end: a running import stops after its present chunk of rows.
    pub fn stop(&self) {
        self.0.hub.stop();
        self.0.runner.stop();
        self.0.relay.stop();
        self.0.upkeep.stop();
        self.0.others.stop();
        self.0.mail.stop();
        self.0.dispatch.stop();
    }

    /// Takes leave of the other instances, when nothing is written any more.
    pub async fn leave(&self) {
        if let Some(counting) = self.0.counting.lock().unwrap_or_else(PoisonError::into_inner).take() {
            counting.abort();
        }
        self.cache().stop().await;
    }

    pub(crate) fn hashing(&self) -> &Hashing {
        &self.0.hashing
    }

    pub(crate) fn mail(&self) -> &Mail {
        &self.0.mail
    }

    pub(crate) fn relay(&self) -> &Relay {
        &self.0.relay
    }

    pub(crate) fn dispatch(&self) -> &Dispatch {
        &self.0.dispatch
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// What the instances say to each other.
    pub(crate) fn bus(&self) -> &Bus {
        &self.0.settings.bus
    }

    /// What tells this instance from the others.
    pub(crate) fn instance(&self) -> Uuid {
        self.0.instance
    }

    pub(crate) fn upkeep(&self) -> &Upkeep {
        &self.0.upkeep
    }

    pub(crate) fn others(&self) -> &Others {
        &self.0.others
    }

    pub(crate) fn jobs(&self) -> &Jobs {
        &self.0.jobs
    }

    /// How much there is to do, for whoever watches.
    pub fn load(&self) -> Load {
        Load {
            pools: self.database().pools(),
            hashing: self.hashing().present(),
            letters: self.mail().waiting(),
            imports: self.runner().number(),
            relay_lag: self.relay().lag(self.settings().clock.now()),
            bus: self.bus().statistics(),
            is_bus_shared: self.bus().is_shared(),
            realtime: self.hub().statistics(),
        }
    }

    pub(crate) fn runner(&self) -> &Runner {
        &self.0.runner
    }

    /// One consistent look at the database, on a blocking thread.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut ReadTx) -> Result<T, Error> + Send + 'static,
    {
        let name = measure::name_of(&work);
        let done = measured(name, async {
            let permit = permit(&self.0.readers, "turn to read").await?;
            let (app, is_loading) = (self.clone(), cached::is_loading());
            blocking(move || {
                let _until_done = permit;
                let database = app.database();
                if is_loading { database.read_seen(work) } else { Ok((database.read(work)?, Seen::default())) }
            })
            .await
        })
        .await;
        match done {
            Ok((done, seen)) => {
                cached::saw(seen);
                Ok(done)
            }
            Err(error) => {
                // Whatever is made of it, nobody tells when it would come out another way.
                cached::is_passing();
                Err(error)
            }
        }
    }

    /// One unit of work, on a blocking thread. What it records is stamped with the actor and the time of its beginning.
    pub(crate) async fn write<T, F>(&self, actor: &Actor, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut WriteTx) -> Result<Recorded<T>, Error> + Send + 'static,
    {
        let name = measure::name_of(&work);
        cached::is_passing();
        measured(name, async {
            let permit = permit(&self.0.writers, "turn to write").await?;
            let (app, actor) = (self.clone(), actor.clone());
            blocking(move || {
                let (done, written) = app.commit(&actor, None, work);
                // The others need the connection, and not that the cache is told.
                drop(permit);
                app.told(done, written)
            })
            .await
        })
        .await
    }

    /// A place among those who write, in the order in which they came, however long it takes: for jobs, which have time.
    pub(crate) async fn stand_in_line(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed; and who would have no place then would find no connection either.
        Arc::clone(&self.0.writers).acquire_owned().await.ok()
    }

    /// One unit of work on this very thread, for jobs that have one of their own.
    pub(crate) fn write_now<T>(
        &self,
        actor: &Actor,
        import_id: Option<ImportId>,
        work: impl FnOnce(&mut WriteTx) -> Result<Recorded<T>, Error>,
    ) -> Result<T, Error> {
        let (done, written) = self.commit(actor, import_id, work);
        self.told(done, written)
    }

    fn commit<T>(
        &self,
        actor: &Actor,
        import_id: Option<ImportId>,
        work: impl FnOnce(&mut WriteTx) -> Result<Recorded<T>, Error>,
    ) -> (Result<T, Error>, Written) {
        let stamp = Stamp { actor: actor.clone(), at: self.now(), import_id };
        let before = self.database().access_changes();
        let (done, touches) = self.database().write_seen(stamp, work);
        // Of two at the same time one may say it for both, or each of them for itself.
        (done, Written { touches, changes_access: self.database().access_changes() != before })
    }

    /// Hands out what came of a unit of work when all instances know what it wrote. One that failed may have been committed
    /// all the same, when the answer of the database was lost.
    fn told<T>(&self, done: Result<T, Error>, written: Written) -> Result<T, Error> {
        if done.as_ref().err().is_none_or(Error::is_fault_of_service) {
            self.tell(written.touches);
        }
        if written.changes_access {
            self.bus().publish(Event::AccessChanged);
        }
        self.relay().wake();
        done
    }
}

/// What a unit of work has done that others must hear of.
struct Written {
    touches: BTreeSet<Touch>,
    changes_access: bool,
}

/// A permit within a second, or [`Error::Busy`]. It moves into the blocking work and lives until that ends, even when
/// the caller has gone away: else a connection in use would be promised to the next.
async fn permit(permits: &Arc<Semaphore>, name: &'static str) -> Result<OwnedSemaphorePermit, Error> {
    let _until_given = measure::begin(Operation::Wait, name);
    match timeout(PATIENCE, Arc::clone(permits).acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(closed)) => Err(Error::internal(closed)),
        Err(_elapsed) => Err(Error::BUSY),
    }
}

/// Measures what a caller can do, from its wait for its turn to its end.
async fn measured<T>(name: &'static str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut measured = measure::begin(Operation::UseCase, name);
    let done = work.await;
    if let Err(error) = &done
        && error.is_fault_of_service()
    {
        measured.fail(error.code());
    }
    done
}

/// Runs on a blocking thread, with what belongs to the caller taken along; a panic there becomes an error here.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let (send, receive) = oneshot::channel();
    // Whoever waited for it may have gone away.
    let work = measure::carry(Box::new(move || drop(send.send(work()))));
    spawn_blocking(work).await.map_err(Error::internal)?;
    receive.await.map_err(Error::internal)?
}

/// A grant for the system itself, whose role allows everything.
pub(crate) fn system_grant<A: ActionType, R: Guarded>(reason: &'static str) -> Result<Grant<A, R>, Denied> {
    policy::authorise(&Actor::system(reason))
}
