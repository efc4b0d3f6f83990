//! Waiting for hyper, by the clock of the hub's context.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use connector_core::Clock;
use hyper::rt::{Sleep, Timer};

/// Waits as the clock does.
#[derive(Clone)]
pub(super) struct ClockTimer(pub(super) Arc<dyn Clock>);

impl Timer for ClockTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        let clock = Arc::clone(&self.0);
        Box::pin(Waiting(Mutex::new(Box::pin(async move { clock.sleep(duration).await }))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }
}

/// The lock is never contended: it makes a future that one task polls shareable in name.
struct Waiting(Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Future for Waiting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
    }
}

impl Sleep for Waiting {}
