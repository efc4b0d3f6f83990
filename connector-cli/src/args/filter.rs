//! Which connectors are meant, as every list takes it.

use std::time::{Duration, SystemTime};

use clap::Args;
use connector_core::{Error, Result, parse_duration, parse_time};
use connector_store::{Filter, Period};

use super::Label;
use super::words::given;

/// Which connectors are meant; all of them when nothing is said.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Only connectors")]
pub(crate) struct FilterArgs {
    /// With this label; repeatable
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<Label>,
    /// Of this owner
    #[arg(long, value_parser = given)]
    owner: Option<String>,
    /// In this workspace
    #[arg(long, value_parser = given)]
    workspace: Option<String>,
    /// Registered at this time or later: 2026-11-01T00:00:00Z, or 7d for seven days ago
    #[arg(long, value_name = "TIME")]
    created_after: Option<Moment>,
    /// Registered before this time
    #[arg(long, value_name = "TIME")]
    created_before: Option<Moment>,
    /// Changed last at this time or later
    #[arg(long, value_name = "TIME")]
    updated_after: Option<Moment>,
    /// Changed last before this time
    #[arg(long, value_name = "TIME")]
    updated_before: Option<Moment>,
}

impl FilterArgs {
    /// Whether anything is filtered out.
    pub(crate) fn is_empty(&self) -> bool {
        let times = [self.created_after, self.created_before, self.updated_after, self.updated_before];
        let words = [&self.owner, &self.workspace];
        self.labels.is_empty()
            && words.into_iter().all(Option::is_none)
            && times.into_iter().all(|it| it.is_none())
    }

    /// As the store reads it, seen from `now`.
    pub(crate) fn filter(&self, now: SystemTime) -> Filter {
        let period = |from: Option<Moment>, before: Option<Moment>| Period {
            from: from.map(|it| it.seen_from(now)),
            before: before.map(|it| it.seen_from(now)),
        };
        Filter {
            owner: self.owner.clone(),
            workspace: self.workspace.clone(),
            labels: self.labels.iter().map(|it| (it.key.clone(), it.value.clone())).collect(),
            created: period(self.created_after, self.created_before),
            updated: period(self.updated_after, self.updated_before),
            ..Filter::default()
        }
    }
}

/// A time, or how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    At(SystemTime),
    Ago(Duration),
}

impl Moment {
    /// The time; one that nobody can count back to is the beginning of time.
    pub(crate) fn seen_from(self, now: SystemTime) -> SystemTime {
        match self {
            Self::At(time) => time,
            Self::Ago(ago) => {
                now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH).max(SystemTime::UNIX_EPOCH)
            }
        }
    }
}

impl std::str::FromStr for Moment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let ago = || parse_duration(text).map(Self::Ago);
        parse_time(text).map(Self::At).or_else(|_| ago()).map_err(|_| {
            Error::invalid("neither a time such as 2026-11-22T00:00:00Z nor how long ago, such as 7d or 12h")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let seen = |text: &str| text.parse::<Moment>().map(|it| it.seen_from(now));
        assert_eq!(seen("1d").ok(), Some(now - Duration::from_secs(86_400)));
        assert_eq!(seen("1970-01-01T00:00:07Z").ok(), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(7)));
        assert_eq!(seen("99999d").ok(), Some(SystemTime::UNIX_EPOCH));
        assert!(seen("yesterday").is_err() && seen("").is_err());
    }
}
