//! How many connections are open at once. Who sits there without asking for anything makes room for others: a program
//! that opens connections and says nothing keeps nobody else from asking.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use connector_core::Clock;
use futures_util::future::{Either, select};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How many connections are open at once, over all endpoints.
pub(super) const MOST: usize = 256;

/// How long one may say nothing while others wait for its seat.
const PATIENCE: Duration = Duration::from_secs(1);

/// All seats of an agent.
#[derive(Clone)]
pub(super) struct Seats(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    room: Arc<Semaphore>,
    /// Who sits, the longest first.
    taken: Mutex<Vec<Arc<Sitter>>>,
}

struct Sitter {
    busy: AtomicBool,
    since: Mutex<SystemTime>,
    leave: Notify,
}

impl Seats {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let room = Arc::new(Semaphore::new(MOST));
        Self(Arc::new(Inner { clock, room, taken: Mutex::default() }))
    }

    /// Takes a seat, or waits for one.
    pub(super) async fn take(&self) -> Seat {
        let clock = &self.0.clock;
        let room = loop {
            let free = Arc::clone(&self.0.room).acquire_owned();
            if self.0.room.available_permits() == 0 {
                self.ask_to_leave();
            }
            if let Either::Left((taken, _)) = select(pin!(free), clock.sleep(PATIENCE)).await {
                break taken.expect("nobody closes the semaphore");
            }
        };
        let sitter = Arc::new(Sitter {
            busy: AtomicBool::new(false),
            since: Mutex::new(clock.now()),
            leave: Notify::new(),
        });
        self.taken().push(Arc::clone(&sitter));
        Seat { sitter, seats: self.clone(), _room: room }
    }

    /// Asks the one that has said nothing for the longest time to leave, if that is long enough.
    fn ask_to_leave(&self) {
        let now = self.0.clock.now();
        let mut taken = self.taken();
        let silent = |it: &Sitter| now.duration_since(*since(it)).is_ok_and(|it| it >= PATIENCE);
        let longest =
            taken.iter().enumerate().filter(|(_, it)| !it.busy.load(Ordering::SeqCst) && silent(it));
        if let Some((place, _)) = longest.min_by_key(|(_, it)| *since(it)) {
            taken.remove(place).leave.notify_one();
        }
    }

    fn taken(&self) -> MutexGuard<'_, Vec<Arc<Sitter>>> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's seat; it is free again when this is dropped.
pub(super) struct Seat {
    sitter: Arc<Sitter>,
    seats: Seats,
    _room: OwnedSemaphorePermit,
}

impl Seat {
    /// Answers a request: nobody is asked to leave meanwhile.
    pub(super) async fn busy<T>(&self, answering: impl Future<Output = T>) -> T {
        self.sitter.busy.store(true, Ordering::SeqCst);
        let answered = answering.await;
        *since(&self.sitter) = self.seats.0.clock.now();
        self.sitter.busy.store(false, Ordering::SeqCst);
        answered
    }

    pub(super) fn is_busy(&self) -> bool {
        self.sitter.busy.load(Ordering::SeqCst)
    }

    /// Waits until it has to be left.
    pub(super) async fn given_up(&self) {
        self.sitter.leave.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken().retain(|it| !Arc::ptr_eq(it, &self.sitter));
    }
}

fn since(sitter: &Sitter) -> MutexGuard<'_, SystemTime> {
    sitter.since.lock().unwrap_or_else(PoisonError::into_inner)
}
