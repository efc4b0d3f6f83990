//! Whether one version of a connector may still be used, and when that was last looked up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long nobody looks again whether the stored connector is still this one. It bounds how late a change
/// by another process bites; a change by this process bites at once.
const LOOK: Duration = Duration::from_secs(1);

/// The standing of one version, shared by everything that was opened from it.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    ended: AtomicBool,
    /// Milliseconds since 1970; 0 is never.
    looked: AtomicU64,
}

impl Standing {
    /// From now on nothing is issued from this version.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// The store was asked at `now`, and this version is the one that is used.
    pub(crate) fn confirm(&self, now: SystemTime) {
        self.looked.store(millis(now), Ordering::Release);
    }

    /// Whether the store was asked a moment ago. A clock that was set back or forward makes it "no".
    pub(crate) fn is_confirmed(&self, now: SystemTime) -> bool {
        let since = millis(now).abs_diff(self.looked.load(Ordering::Acquire));
        u128::from(since) < LOOK.as_millis()
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
