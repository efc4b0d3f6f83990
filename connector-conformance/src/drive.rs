//! Calling what may panic, waiting without a runtime, many at once.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use connector_core::{Error, Result};

use crate::world::World;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The message of the error that a panic becomes.
const PANICKED: &str = "it panicked";

/// The error is a panic that was caught.
pub(crate) fn is_panic(error: &Error) -> bool {
    error.message() == PANICKED
}

fn panicked(payload: Box<dyn Any + Send>) -> Error {
    let text = payload.downcast_ref::<String>().cloned();
    let text = text.or_else(|| payload.downcast_ref::<&str>().map(|it| (*it).to_owned()));
    Error::unexpected(PANICKED).with_cause(text.unwrap_or_default())
}

/// Calls what may panic.
pub(crate) fn survive<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| Err(panicked(payload)))
}

/// Waits for what may panic.
pub(crate) async fn caught<T>(future: impl Future<Output = Result<T>> + Send) -> Result<T> {
    let mut future = Box::pin(future);
    poll_fn(|task| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
        Ok(poll) => poll,
        Err(payload) => Poll::Ready(Err(panicked(payload))),
    })
    .await
}

/// Waits for what may wait for time to pass: when nothing else happens, and the provider is not at work, time
/// passes.
///
/// After [`Context::DEADLINE`](connector_core::Context::DEADLINE) the core ends the attempt, so this ends.
pub(crate) async fn patient<T>(world: &World, future: impl Future<Output = Result<T>> + Send) -> Result<T> {
    /// How often nothing happens before a second passes.
    const IDLE: u32 = 256;
    let mut future = Box::pin(caught(future));
    let mut idle = 0;
    poll_fn(|task| {
        let poll = future.as_mut().poll(task);
        if poll.is_pending() {
            idle = if world.wire().is_under_way() { 0 } else { idle + 1 };
            if idle == IDLE {
                idle = 0;
                world.clock().advance(Duration::from_secs(1));
            }
            task.waker().wake_by_ref();
        }
        poll
    })
    .await
}

/// Lets others go first, once.
pub(crate) async fn step_aside() {
    let mut waited = false;
    poll_fn(|task| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        task.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Waits for all, side by side.
pub(crate) async fn all<'a, T>(futures: impl IntoIterator<Item = BoxFuture<'a, T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.into_iter().map(Some).collect();
    let mut done: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    poll_fn(|task| {
        for (slot, result) in waiting.iter_mut().zip(&mut done) {
            if let Some(Poll::Ready(value)) = slot.as_mut().map(|it| it.as_mut().poll(task)) {
                *result = Some(value);
                *slot = None;
            }
        }
        if waiting.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}
