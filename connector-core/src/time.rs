//! Ends of credentials, and the text forms of times and durations.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use crate::{Error, Result};

/// When a credential ends. There is no credential without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It ends at this time, by the clock of the [`Context`](crate::Context) that asked for it.
    At(SystemTime),
    /// It has no end, for this reason; never silently.
    Never(Cow<'static, str>),
}

impl Expiry {
    /// The time at which it ends, if it does.
    #[must_use]
    pub fn at(&self) -> Option<SystemTime> {
        match self {
            Self::At(time) => Some(*time),
            Self::Never(_) => None,
        }
    }

    /// Whether it has ended at `now`.
    #[must_use]
    pub fn is_past(&self, now: SystemTime) -> bool {
        self.at().is_some_and(|end| end <= now)
    }

    /// What is left of it at `now`: zero when it has ended, `None` when it never does.
    #[must_use]
    pub fn left(&self, now: SystemTime) -> Option<Duration> {
        self.at().map(|end| end.duration_since(now).unwrap_or_default())
    }

    /// The earlier of two ends.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        match (self.at(), other.at()) {
            (Some(a), Some(b)) if b < a => other,
            (None, Some(_)) => other,
            _ => self,
        }
    }
}

/// `from` and `by` together; the end of the year 9999 where that is beyond counting, never a panic.
pub(crate) fn later(from: SystemTime, by: Duration) -> SystemTime {
    from.checked_add(by).unwrap_or(SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_207_200))
}

/// Writes a time as RFC 3339 in UTC with whole seconds, such as `2026-11-22T03:36:43Z`.
#[must_use]
pub fn format_time(time: SystemTime) -> String {
    Timestamp::try_from(time)
        .ok()
        .or(Some(if time > SystemTime::UNIX_EPOCH { Timestamp::MAX } else { Timestamp::MIN }))
        .and_then(|stamp| Timestamp::from_second(stamp.as_second()).ok())
        .expect("the second of a time that can be told can be told")
        .to_string()
}

/// Reads an RFC 3339 time.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) when it is none.
pub fn parse_time(text: &str) -> Result<SystemTime> {
    text.trim()
        .parse::<Timestamp>()
        .map(SystemTime::from)
        .map_err(|_| Error::invalid("not a time: expected RFC 3339 such as 2026-11-22T03:36:43Z"))
}

/// Reads a time as HTTP writes it, in a header `Date` for example: `Thu, 01 Jan 2026 00:00:00 GMT`. `None` when it
/// is none.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<SystemTime> {
    jiff::fmt::rfc2822::parse(text).ok().map(|it| it.timestamp().into())
}

/// Reads a duration: whole seconds (`3600`), or numbers with units (`45s`, `15m`, `12h`, `7d`, `1h30m`).
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) when it is none, or too large to count.
pub fn parse_duration(text: &str) -> Result<Duration> {
    let wrong =
        || Error::invalid("not a duration: expected seconds, or numbers with s, m, h or d such as 1h30m");
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(Duration::from_secs).map_err(|_| wrong());
    }
    let (mut total, mut digits) = (0_u64, String::new());
    for symbol in text.chars() {
        let unit = match symbol {
            '0'..='9' => {
                digits.push(symbol);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        digits.clear();
        total = count.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
    }
    if text.is_empty() || !digits.is_empty() {
        return Err(wrong());
    }
    Ok(Duration::from_secs(total))
}

/// Writes a duration with its two largest units, such as `12h`, `1h 30m` or `45s`; days from three on.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    // Bounds of the field are told in hours: 36h, not 1d 12h.
    let (days, hours) = match seconds / 86_400 {
        0..3 => (0, seconds / 3600),
        days => (days, seconds / 3600 % 24),
    };
    let parts = [(days, 'd'), (hours, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let shown: Vec<String> = parts
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if shown.is_empty() { "0s".into() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write() {
        for (text, seconds) in [("900", 900), ("15m", 900), ("1h30m", 5400), ("7d", 604_800), (" 45s ", 45)] {
            assert_eq!(parse_duration(text).map(|it| it.as_secs()).ok(), Some(seconds), "{text}");
        }
        for text in ["", "h", "1x", "1h30", "-5m", "99999999999999999999", "18446744073709551615d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for (seconds, text) in
            [(0, "0s"), (45, "45s"), (5400, "1h 30m"), (43_200, "12h"), (129_600, "36h"), (306_000, "3d 13h")]
        {
            assert_eq!(format_duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn times_round_trip_in_whole_seconds() {
        let time = parse_time("2026-11-22T03:36:43.5Z").expect("a time");
        assert_eq!(format_time(time), "2026-11-22T03:36:43Z");
        // What no calendar tells is told as its end, in whole seconds as well.
        let far = later(SystemTime::UNIX_EPOCH, Duration::from_secs(i64::MAX.unsigned_abs()));
        assert_eq!(format_time(far), "9999-12-30T22:00:00Z");
        let first = parse_time("-009999-01-02T01:59:59Z").expect("a time");
        assert_eq!(format_time(first - Duration::from_secs(1)), format_time(first));
        assert!(parse_time("tomorrow").is_err());
    }

    #[test]
    fn dates_of_http_are_read() {
        let text = |it: &str| parse_http_date(it).map(format_time);
        assert_eq!(text("Thu, 01 Jan 2026 00:10:07 GMT").as_deref(), Some("2026-01-01T00:10:07Z"));
        for wrong in ["", "today", "2026-01-01T00:00:00Z", "Thu, 99 Jan 2026 00:00:00 GMT", "1767225600"] {
            assert_eq!(text(wrong), None, "{wrong}");
        }
    }
}
