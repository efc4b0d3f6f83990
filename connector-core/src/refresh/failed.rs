//! What a fetch that failed leaves behind, until one succeeds.

use std::time::{Duration, SystemTime};

use super::Windows;
use crate::{Context, Error, ErrorKind};

/// A renewal that failed while what is held is still good: nobody is without a credential yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Overdue {
    /// Why the last attempt failed.
    pub error: Error,
    /// How many failed in a row.
    pub failures: u32,
    /// When the last one did.
    pub failed_at: SystemTime,
    /// From here on whoever asks tries again.
    pub again_at: SystemTime,
    /// When what is held ends.
    pub ends_at: SystemTime,
}

pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) landing: u64,
    at: SystemTime,
    /// How many in a row.
    failures: u32,
    pause: Duration,
    /// What the surroundings allowed: a switch that was off is no word of the provider's.
    implicit: bool,
}

impl Failed {
    /// One more failure, with something held that is good until `end`.
    pub(super) fn after(
        before: Option<Self>,
        error: Error,
        landing: u64,
        end: Option<SystemTime>,
        cx: &Context,
    ) -> Self {
        let at = cx.now();
        let failures = before.map_or(0, |it| it.failures).saturating_add(1);
        let left = end.and_then(|end| end.duration_since(at).ok()).unwrap_or_default();
        Self { error, landing, at, failures, pause: Windows::pause(failures, left), implicit: cx.implicit() }
    }

    /// Whether it is too early to try again, for who has something good.
    pub(super) fn is_paused(&self, now: SystemTime) -> bool {
        self.is_within(self.pause, now)
    }

    /// Whether this is the answer for who has nothing.
    pub(super) fn denies(&self, cx: &Context, now: SystemTime) -> bool {
        self.error.kind() == ErrorKind::Refused
            && !self.error.is_transient()
            && self.implicit == cx.implicit()
            && !cx.is_attended()
            && self.is_within(Windows::DENIED, now)
    }

    /// Not "before a time to come": a clock that is set back would make a pause endless.
    fn is_within(&self, span: Duration, now: SystemTime) -> bool {
        now.duration_since(self.at).is_ok_and(|since| since < span)
    }

    pub(super) fn overdue(&self, ends_at: SystemTime) -> Overdue {
        Overdue {
            error: self.error.clone(),
            failures: self.failures,
            failed_at: self.at,
            again_at: (self.at + self.pause).min(ends_at),
            ends_at,
        }
    }
}
