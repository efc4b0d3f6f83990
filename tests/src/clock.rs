//! The clock of a strict server, and the forms in which time is told.

use std::time::Duration;

use jiff::Timestamp;

/// The server's clock: the real one, plus how far a test has moved it.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead_seconds: i64,
}

impl Clock {
    pub(crate) fn advance(&mut self, seconds: i64) {
        self.ahead_seconds += seconds;
    }

    /// Whole seconds since the epoch: neither AWS nor Kubernetes tells fractions.
    pub(crate) fn now(&self) -> i64 {
        Timestamp::now().as_second() + self.ahead_seconds
    }

    pub(crate) fn after(&self, life: Duration) -> i64 {
        self.now() + i64::try_from(life.as_secs()).expect("lives are shorter than ages")
    }
}

/// `2026-11-22T04:36:43Z`.
pub(crate) fn iso(seconds: i64) -> String {
    formatted(seconds, "%Y-%m-%dT%H:%M:%SZ")
}

/// `20261122T043643Z`, as signatures carry it.
pub(crate) fn compact(seconds: i64) -> String {
    formatted(seconds, "%Y%m%dT%H%M%SZ")
}

/// `Sun, 22 Nov 2026 04:36:43 GMT`, as the `Date` header has it.
pub(crate) fn http_date(seconds: i64) -> String {
    formatted(seconds, "%a, %d %b %Y %H:%M:%S GMT")
}

/// Seconds since the epoch of the compact form.
pub(crate) fn parse_compact(text: &str) -> Option<i64> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_timestamp(time).ok()?.as_second())
}

pub(crate) fn formatted(seconds: i64, format: &str) -> String {
    let time =
        Timestamp::from_second(seconds).expect("the server's clock is within the years of the calendar");
    time.strftime(format).to_string()
}
