//! Who is served, by how many at once: each webhook by one task of one instance, so that one that hangs delays no other.
//!
//! Those that have failed have places of their own, fewer: however many of them hang, the others find room.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crm_domain::WebhookId;
use crm_events::{Event, Received};
use crm_persistence::webhooks::{self, Due};
use futures_util::future::join_all;
use tokio::{
    sync::{Notify, Semaphore},
    time::sleep,
};

use super::WebhookSettings;
use crate::{App, Error, app::system_grant, outgoing::Outgoing};

/// How often it is looked whether something is due that nobody told of.
const INTERVAL: Duration = Duration::from_secs(1);

/// What sends.
#[derive(Debug)]
pub(crate) struct Dispatch {
    pub(super) outgoing: Outgoing,
    woken: Notify,
    stopped: AtomicBool,
    served: Mutex<HashSet<WebhookId>>,
    places: Arc<Semaphore>,
    doubtful_places: Arc<Semaphore>,
}

/// A webhook that this instance serves; another task may when it is dropped.
struct Place {
    app: App,
    id: WebhookId,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.app.dispatch().served().remove(&self.id);
    }
}

impl Dispatch {
    pub(crate) fn new(settings: &WebhookSettings) -> Self {
        Self {
            outgoing: Outgoing::new(settings.outgoing.clone()),
            woken: Notify::new(),
            stopped: AtomicBool::new(false),
            served: Mutex::default(),
            places: Arc::new(Semaphore::new(settings.at_once)),
            doubtful_places: Arc::new(Semaphore::new(settings.doubtful_at_once)),
        }
    }

    /// Runs until [`Dispatch::stop`].
    pub(crate) fn start(app: &App) {
        let app = app.clone();
        tokio::spawn(async move {
            let (dispatch, mut heard) = (app.dispatch(), app.bus().subscribe());
            while !dispatch.is_stopped() {
                let pass = app.clone();
                // A failure is not lost: what waits is found by the next pass.
                app.job("webhooks", async move { pass.serve_due().await.map(drop) }).await;
                let advanced = async {
                    while let Received::Event(Event::Committed | Event::AccessChanged) = heard.next().await {}
                };
                tokio::select! {
                    () = dispatch.woken.notified() => {}
                    () = advanced => {}
                    () = sleep(INTERVAL) => {}
                }
            }
        });
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Something is to be sent.
    pub(crate) fn wake(&self) {
        self.woken.notify_one();
    }

    fn served(&self) -> std::sync::MutexGuard<'_, HashSet<WebhookId>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Sends what is due, and what becomes due meanwhile; how many webhooks were served. Other instances may send at the same
    /// time: what they serve is left to them.
    pub async fn deliver_webhooks(&self) -> Result<usize, Error> {
        let mut number = 0;
        loop {
            let tasks = self.serve_due().await?;
            if tasks.is_empty() {
                return Ok(number);
            }
            number += tasks.len();
            join_all(tasks).await;
        }
    }

    /// Begins to serve each webhook for which something is due.
    async fn serve_due(&self) -> Result<Vec<tokio::task::JoinHandle<()>>, Error> {
        if self.dispatch().is_stopped() {
            return Ok(Vec::new());
        }
        let now = self.settings().clock.now();
        let due = self.read(move |tx| Ok(webhooks::due(tx, &system_grant("deliveries of webhooks")?, now)?)).await?;
        let begun = due.into_iter().filter(|due| self.dispatch().served().insert(due.id));
        Ok(begun.map(|due| tokio::spawn(self.clone().serve(due))).collect())
    }

    async fn serve(self, due: Due) {
        let place = Place { app: self.clone(), id: due.id };
        let dispatch = self.dispatch();
        let places = if due.failures > 0 { &dispatch.doubtful_places } else { &dispatch.places };
        let Ok(_until_served) = Arc::clone(places).acquire_owned().await else { return };
        let sending = self.clone();
        // What fails is told, and tried again when the webhook is due again.
        self.job("webhook", async move { sending.send_all(due.id).await }).await;
        drop(place);
    }
}
