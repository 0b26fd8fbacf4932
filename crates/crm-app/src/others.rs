//! What other processes write, where no Redis tells of it: a command beside a server, or a second server.
//!
//! An instance that keeps answers for itself alone looks at the change log every second, and forgets what depends on any of
//! what is new there. So without Redis an answer may be older than what another process wrote, by this second.

use std::{
    sync::{
        PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crm_domain::RecordKind;
use crm_persistence::changes::{self, Heads};
use tokio::{sync::Notify, time::timeout};
use uuid::Uuid;

use crate::{App, Error, app::system_grant};

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many changes are read at once.
const PAGE: i64 = 1000;

/// What somebody's rights are read from. Their changes have a log of their own, which does not say what was written.
const RIGHTS: [&str; 6] = ["users", "roles", "teams", "sessions", "refresh_tokens", "api_keys"];

/// How far this instance has looked.
#[derive(Debug, Default)]
pub(crate) struct Others {
    known: std::sync::Mutex<Option<Heads>>,
    stopped: AtomicBool,
    asked: Notify,
}

impl Others {
    /// Looks until [`Others::stop`], where it is needed at all.
    pub(crate) fn start(app: &App) {
        if !app.cache().is_on() || app.cache().is_shared() {
            return;
        }
        let app = app.clone();
        tokio::spawn(async move {
            let others = app.others();
            while !others.stopped.load(Ordering::Acquire) {
                let pass = app.clone();
                // A failure is not lost: the next look begins where the last one ended.
                app.job("changes of others", async move { pass.hear_others().await }).await;
                let _asked = timeout(INTERVAL, others.asked.notified()).await;
            }
        });
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.asked.notify_one();
    }

    fn known(&self) -> Option<Heads> {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn know(&self, heads: Heads) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).replace(heads);
    }
}

impl App {
    /// Forgets the kept answers that depend on anything which the change log has that it had not at the last call. The first
    /// call forgets them all.
    pub async fn hear_others(&self) -> Result<(), Error> {
        let heads = self.read(|tx| Ok(changes::heads(tx)?)).await?;
        let Some(mut known) = self.others().known() else {
            self.cache().forget_everything().await;
            self.others().know(heads);
            return Ok(());
        };
        while known.changes < heads.changes {
            let from = known.changes;
            let found = self.read(move |tx| Ok(changes::all_after(tx, &system_grant("cache")?, from, PAGE)?)).await?;
            let Some(last) = found.last().and_then(|change| change.position) else { break };
            let changed: Vec<(RecordKind, Uuid)> = found.iter().map(|change| (change.resource, change.id)).collect();
            self.tell_again(&changed).await;
            known.changes = last;
            self.others().know(known);
        }
        if known.access != heads.access {
            for table in RIGHTS {
                self.cache().forget_table(table).await;
            }
        }
        self.others().know(heads);
        Ok(())
    }
}
