//! What a fetch that failed leaves for other processes, until one succeeds.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connector_core::{Error, ErrorKind, Result, Windows};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Digest, entry};
use crate::file::{self, Durability};
use crate::seal::Key;

const FORMAT: u32 = 1;
/// What is longer is not told.
const LIMIT: u64 = 16 * 1024;
/// Nothing is left alone for longer, whatever a file says.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// From here on nobody cares.
const OLD: Duration = Duration::from_secs(60 * 60);

/// The last fetch of a credential, which failed.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Why it failed.
    pub error: Error,
    /// How many did in a row.
    pub failures: u32,
    /// When it did, in milliseconds.
    pub at: SystemTime,
    /// How long it is not tried again by who has something good.
    pub pause: Duration,
}

#[derive(Serialize, Deserialize)]
struct Written {
    format: u32,
    kind: String,
    message: String,
    hint: Option<String>,
    connector: Option<String>,
    causes: Vec<String>,
    transient: bool,
    failures: u32,
    at: u64,
    pause: u64,
}

impl Fault {
    /// One more failure, of something of which a credential is held that is good for `left`.
    #[must_use]
    pub fn after(before: Option<Self>, error: Error, now: SystemTime, left: Duration) -> Self {
        let failures = before.map_or(0, |it| it.failures).saturating_add(1);
        Self { error, failures, at: now, pause: Windows::pause(failures, left) }
    }

    /// Whether it is too early to try again, for who has something good.
    #[must_use]
    pub fn is_paused(&self, now: SystemTime) -> bool {
        self.is_within(self.pause.min(LONGEST), now)
    }

    /// Whether it is a refusal that still answers for who has nothing.
    #[must_use]
    pub fn denies(&self, now: SystemTime) -> bool {
        self.error.kind() == ErrorKind::Refused
            && !self.error.is_transient()
            && self.is_within(Windows::DENIED, now)
    }

    /// Not "before a time to come": a clock that is set back would make a pause endless.
    fn is_within(&self, span: Duration, now: SystemTime) -> bool {
        now.duration_since(self.at).is_ok_and(|since| since < span)
    }

    /// Reads what was noted; `None` when there is nothing that makes sense.
    pub(super) fn read(cache: &Path, origin: &Digest) -> Option<Self> {
        let sealed = file::read(&path(cache, origin.as_str()), LIMIT).ok()?;
        let text = fault_key(&entry::read_key(cache)?, origin).open(origin.as_str().as_bytes(), &sealed)?;
        let written: Written =
            serde_json::from_slice(&text).ok().filter(|it: &Written| it.format == FORMAT)?;
        let mut error =
            Error::new(ErrorKind::parse(&written.kind)?, written.message).transient(written.transient);
        if let Some(hint) = written.hint {
            error = error.with_hint(hint);
        }
        if let Some(connector) = written.connector {
            error = error.with_connector(connector);
        }
        Some(Self {
            error: written.causes.into_iter().fold(error, Error::with_cause),
            failures: written.failures,
            at: UNIX_EPOCH.checked_add(Duration::from_millis(written.at))?,
            pause: Duration::from_millis(written.pause),
        })
    }

    /// Writes it down; what would be too long is left out.
    pub(super) fn write(
        &self,
        cache: &Path,
        cache_key: &Key,
        origin: &Digest,
    ) -> Result<std::io::Result<()>> {
        let since = self.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let written = Written {
            format: FORMAT,
            kind: self.error.kind().as_str().to_owned(),
            message: self.error.message().to_owned(),
            hint: self.error.hint().map(str::to_owned),
            connector: self.error.connector().map(str::to_owned),
            causes: self.error.causes().to_vec(),
            transient: self.error.is_transient(),
            failures: self.failures,
            at: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            pause: u64::try_from(self.pause.as_millis()).unwrap_or(u64::MAX),
        };
        let text = Zeroizing::new(serde_json::to_vec(&written).expect("texts and numbers are always JSON"));
        let sealed = fault_key(cache_key, origin).seal(origin.as_str().as_bytes(), &text)?;
        if sealed.len() as u64 > LIMIT {
            return Ok(Ok(()));
        }
        Ok(file::create_dir(&directory(cache))
            .and_then(|()| file::replace(&path(cache, origin.as_str()), &sealed, Durability::Cached)))
    }

    /// Whether it says nothing to anybody any more, also when the clock was set back since.
    pub(super) fn is_old(&self, now: SystemTime) -> bool {
        !self.is_within(OLD, now)
    }
}

/// A key for each, apart from those of entries.
fn fault_key(cache_key: &Key, origin: &Digest) -> Key {
    cache_key.derive("connector-store cache fault 1", origin.as_str())
}

pub(super) fn directory(cache: &Path) -> PathBuf {
    cache.join("faults")
}

pub(super) fn path(cache: &Path, origin: &str) -> PathBuf {
    directory(cache).join(origin)
}
