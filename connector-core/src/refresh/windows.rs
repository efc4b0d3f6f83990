//! When a value is renewed, and how long a renewal that failed is left alone.

use std::time::{Duration, SystemTime};

/// How long the first failed renewal is not tried again. Each further one doubles it.
const PAUSE: Duration = Duration::from_secs(15);

/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// When a value that is good from `born` until `end` is renewed.
///
/// Before `soft` everybody takes it. From `soft` on one caller renews it while the others go on. From
/// `hard` on all wait for the next one. Both windows are capped by a share of the life, so that a value
/// of a minute is not born stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// From here on one caller renews.
    pub soft: SystemTime,
    /// From here on all wait.
    pub hard: SystemTime,
    /// Never used from here on.
    pub end: SystemTime,
}

impl Windows {
    /// The windows of a life. `early` is how long before the end users want the next one; `jitter`, from
    /// 0 to 1, spreads the renewals of many values that began together.
    #[must_use]
    pub fn new(born: SystemTime, end: SystemTime, early: Duration, jitter: f64) -> Self {
        let born = born.min(end);
        let life = end.duration_since(born).unwrap_or_default();
        let jitter = if (0.0..=1.0).contains(&jitter) { jitter } else { 0.5 };
        let share = life.mul_f64(0.5 + 0.3 * jitter);
        let soft = share.min(life.saturating_sub(early)).max(life / 2);
        let margin = Duration::from_secs(60).max(life / 20).min(life / 4);
        Self { soft: born + soft, hard: (end - margin).max(born + soft), end }
    }

    /// How long a refusal answers all who ask for the same thing, where there is nothing good to give them.
    pub const DENIED: Duration = Duration::from_secs(15);

    /// How long the renewal is left alone after `failures` in a row, while what is held is good for `left`: 15
    /// seconds, doubled each time, five minutes at most, and never more than half of what is left unless that is
    /// less than 15 seconds.
    #[must_use]
    pub fn pause(failures: u32, left: Duration) -> Duration {
        let doubled = PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16));
        doubled.min(LONGEST_PAUSE).min(PAUSE.max(left / 2))
    }
}
