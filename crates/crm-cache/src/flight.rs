//! One load at a time for each key: the others wait for it and look again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

#[derive(Debug, Default)]
pub(crate) struct Flights(Arc<Mutex<HashMap<[u8; 32], watch::Receiver<()>>>>);

/// Either one's own load, or that of somebody else.
pub(crate) enum Flight {
    Own(Lead),
    Other(watch::Receiver<()>),
}

/// Held while loading; its end, by whichever way, lets the others go on.
pub(crate) struct Lead {
    flights: Arc<Mutex<HashMap<[u8; 32], watch::Receiver<()>>>>,
    key: [u8; 32],
    _sender: watch::Sender<()>,
}

impl Flights {
    pub(crate) fn join(&self, key: [u8; 32]) -> Flight {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = flights.get(&key) {
            return Flight::Other(other.clone());
        }
        let (sender, receiver) = watch::channel(());
        flights.insert(key, receiver);
        Flight::Own(Lead { flights: Arc::clone(&self.0), key, _sender: sender })
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Waits until somebody else's load has ended.
pub(crate) async fn ended(mut other: watch::Receiver<()>) {
    // The channel is closed when the load ends; nothing is ever sent.
    let _closed = other.changed().await;
}
