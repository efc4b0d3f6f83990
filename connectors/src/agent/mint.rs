//! Issuing for who asks. It goes on when he goes away: SDKs give up after a second or two and ask again, and are then
//! answered with what the first request began.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connector_core::{Envelope, Error, Grant, Result};
use futures_util::future::{Either, select};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use crate::Hub;

/// How long an answer may be waited for: longer than any SDK does.
const LONGEST: Duration = Duration::from_secs(60);

/// How many may be on their way at once, those included that nobody waits for any more. All that ask for the same
/// share one call.
const MOST: usize = 1024;

/// What is being issued for one endpoint. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Mints {
    hub: Hub,
    connector: String,
    room: Arc<Semaphore>,
    tasks: Mutex<JoinSet<()>>,
}

impl Mints {
    pub(super) fn new(hub: Hub, connector: &str) -> Self {
        let room = Arc::new(Semaphore::new(MOST));
        Self { hub, connector: connector.to_owned(), room, tasks: Mutex::default() }
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Issues; a cancelled caller stops nothing.
    pub(super) async fn issue(&self, grant: Grant) -> Result<Envelope> {
        let Ok(seat) = Arc::clone(&self.room).try_acquire_owned() else {
            return Err(Error::unreachable("too many requests wait for a credential"));
        };
        let (done, answer) = oneshot::channel();
        let (hub, connector) = (self.hub.clone(), self.connector.clone());
        {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            while tasks.try_join_next().is_some() {}
            tasks.spawn(async move {
                let issued = hub.issue_to_program(&connector, grant).await;
                drop(seat);
                // Whoever asked may be gone; what was issued lies in the cache.
                let _ = done.send(issued);
            });
        }
        let clock = self.hub.context().clock();
        let limit = clock.sleep(LONGEST);
        match select(answer, limit).await {
            Either::Left((Ok(issued), _)) => issued,
            // A connector of somebody else that panics takes one request with it.
            Either::Left((Err(_), _)) => Err(Error::unexpected("the connector broke off while it issued")),
            Either::Right(_) => {
                Err(Error::unreachable(format!("connector `{}` is still being waited for", self.connector))
                    .with_hint("ask again: it goes on"))
            }
        }
    }
}
