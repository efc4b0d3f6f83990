//! A moment, by two counts.

use std::time::{Duration, SystemTime};

use crate::time::later;

/// A moment: what the clock shows, and how much time has passed, which nobody sets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: SystemTime,
    pub(crate) passed: Option<Duration>,
}

impl Moment {
    /// What a clock shows by now that showed `born.now` then and was not set back since. One that was set forward, or
    /// went on while the machine slept, is believed.
    pub(crate) fn since(self, born: Self) -> SystemTime {
        let passed = self.passed.zip(born.passed).and_then(|(now, then)| now.checked_sub(then));
        self.now.max(later(born.now, passed.unwrap_or_default()))
    }
}
