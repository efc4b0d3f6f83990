//! One fetch for all who want the same credential: those in this process share its answer, those in others
//! find it in the sealed cache.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use connector_core::{Context, Result};
use connector_store::{Cache, Digest, Flight};
use tokio::sync::OnceCell;

/// How long one process waits for another that fetches the same credential.
const LONGEST: Duration = Duration::from_secs(60);

/// How often it looks whether the other one is done.
const LOOK: Duration = Duration::from_millis(20);

/// The fetches that are on their way in this process.
pub(super) struct Flights<T>(Mutex<HashMap<Digest, Shared<T>>>);

type Shared<T> = Arc<OnceCell<Result<T>>>;

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> fmt::Debug for Flights<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").finish_non_exhaustive()
    }
}

impl<T: Clone> Flights<T> {
    /// Runs `fetch`, or waits for the run that is on its way; all who wait get its answer, also when that is
    /// an error. Who has something `good` does not wait, and gets that. A caller that is cancelled lets the next
    /// one run its own.
    pub(super) async fn join<F>(&self, key: &Digest, good: Option<T>, fetch: impl FnOnce() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let shared = {
            let mut flights = self.lock();
            if let Some(good) = good.filter(|_| flights.contains_key(key)) {
                return Ok(good);
            }
            Arc::clone(flights.entry(key.clone()).or_default())
        };
        let seat = Seat { flights: self, key, shared };
        seat.shared.get_or_init(fetch).await.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Shared<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One caller on a flight. Whoever comes after the landing, or after all have left, begins a new one.
struct Seat<'a, T: Clone> {
    flights: &'a Flights<T>,
    key: &'a Digest,
    shared: Shared<T>,
}

impl<T: Clone> Drop for Seat<'_, T> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        let is_over = self.shared.initialized() || Arc::strong_count(&self.shared) <= 2;
        if is_over && flights.get(self.key).is_some_and(|it| Arc::ptr_eq(it, &self.shared)) {
            flights.remove(self.key);
        }
    }
}

/// The right to fetch among all processes of this store.
pub(super) enum Right {
    /// It is this process's turn.
    Granted {
        /// `None` when another process still fetches after a minute, or the cache cannot be written: then it is
        /// fetched twice.
        _flight: Option<Flight>,
        /// Since when it was waited for another process that had it first.
        waited_since: Option<SystemTime>,
    },
    /// Another process fetches, and the caller would not wait.
    Taken,
}

/// Takes the right to fetch, and waits for it where the caller has nothing good.
pub(super) async fn among_processes(cx: &Context, cache: &Cache, key: &Digest, waits: bool) -> Right {
    let began = cx.now();
    let mut waited_since = None;
    loop {
        match cache.flight(key) {
            Ok(None) if !waits => return Right::Taken,
            Ok(None) if cx.now().duration_since(began).is_ok_and(|it| it < LONGEST) => {}
            other => return Right::Granted { _flight: other.ok().flatten(), waited_since },
        }
        waited_since = Some(began);
        cx.clock().sleep(LOOK).await;
    }
}
