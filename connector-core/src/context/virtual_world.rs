//! Time that moves only when told to.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokio::sync::watch;

use super::Clock;
use crate::time::later;

/// A clock that stands still until it is [advanced](VirtualClock::advance), for tests that cross expiries
/// without sleeping. Clones share the time.
#[derive(Clone, Debug)]
pub struct VirtualClock(Arc<watch::Sender<Time>>);

#[derive(Clone, Copy, Debug)]
struct Time {
    now: SystemTime,
    passed: Duration,
}

impl VirtualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: SystemTime) -> Self {
        Self(Arc::new(watch::Sender::new(Time { now, passed: Duration::ZERO })))
    }

    /// Puts the clock to `now`, which may be back, and wakes who waited for it. No time passes by that.
    pub fn set(&self, now: SystemTime) {
        self.0.send_modify(|time| time.now = now);
    }

    /// Moves the time on, and wakes who waited for it.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|time| {
            time.now += by;
            time.passed += by;
        });
    }
}

/// 2026-01-01T00:00:00Z.
impl Default for VirtualClock {
    fn default() -> Self {
        Self::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600))
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> SystemTime {
        self.0.borrow().now
    }

    fn passed(&self) -> Option<Duration> {
        Some(self.0.borrow().passed)
    }

    async fn sleep(&self, duration: Duration) {
        let until = later(self.now(), duration);
        let mut time = self.0.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = time.wait_for(|time| time.now >= until).await;
    }
}
