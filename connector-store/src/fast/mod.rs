//! The fast path: issued credentials in sealed files, and a small index that says which of them still hold.
//!
//! Everything here is synchronous and needs no database, no runtime, no master key and no passphrase, so
//! that a helper answers in the time it takes to start. Files under the store's `cache` directory:
//!
//! | file | content |
//! |---|---|
//! | `key` | random key of all entries, mode 0600; a new one after [`Cache::clear`] |
//! | `index/…` | one per connector: id, version, state, end date, and which entry answers which [target](Digest) |
//! | `entries/…` | one per credential: what it depends on and when it ends (authenticated), and the sealed envelope |
//! | `faults/…` | one per credential whose last fetch failed, sealed: why, and until when it is left alone |
//! | `flights/…` | one lock per credential that is being fetched just now |
//!
//! Before a change of a connector is acknowledged its index file is removed, the change is committed, and
//! the new index file is written, all under the store's lock ([`Write`](crate::Write) does so). An entry is
//! used only while every connector it depends on has the version that the entry was made with, so an entry
//! for an older version is dead however late it was written. It is removed from the disk too: what depends on
//! a connector when that is changed, ended or deleted, everything when the master key is replaced, and what has
//! ended by and by.
//!
//! An entry that should be renewed is renewed by one process; see [`kept`] for what the others do.

mod cache;
mod entry;
mod fault;
mod flight;
mod index;

use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connector_core::{Document, Secret};
use serde::{Deserialize, Serialize};

pub use cache::Cache;
pub use fault::Fault;
pub use flight::Flight;

pub(crate) use index::Index;

use crate::seal;

/// Looks up what answers `target` for a connector, from files alone: reads the connector's index file,
/// those of the connectors that the entry depends on, and the one entry.
///
/// `directory` is the store's. Whatever is missing, damaged, too old or of another version is a
/// [`Lookup::Miss`], never an error.
#[must_use]
pub fn lookup(directory: &Path, connector: &str, target: &Digest, now: SystemTime) -> Lookup {
    find(&cache_directory(directory), connector, target, now).unwrap_or(Lookup::Miss)
}

fn find(cache: &Path, connector: &str, target: &Digest, now: SystemTime) -> Option<Lookup> {
    let index = Index::read(cache, connector)?;
    let key = Digest::parse(index.targets.get(target.as_str())?)?;
    let own = Dependency { name: index.name.clone(), id: index.id.clone(), version: index.version };
    let sealed = entry::Sealed::read(cache, &key)?;
    let dependencies = sealed.dependencies();
    if !dependencies.contains(&own) || !index.serves(&own, unix(now)) {
        return None;
    }
    for other in dependencies.iter().filter(|it| **it != own) {
        if !Index::read(cache, &other.name)?.serves(other, unix(now)) {
            return None;
        }
    }
    sealed.open(cache, now)
}

/// Why an entry that should be renewed is the answer as it is.
#[derive(Debug)]
pub enum Kept {
    /// Another process renews it just now.
    Renewing,
    /// Renewing it failed a moment ago.
    Failed(Fault),
}

/// Whether an entry that should be renewed is left to its end for now: a renewal that failed is not tried again
/// before its pause is over, and while there is time one process renews for all. `None` when it is the caller's
/// turn. From files alone, as [`lookup`].
#[must_use]
pub fn kept(directory: &Path, entry: &Entry, now: SystemTime) -> Option<Kept> {
    let cache = cache_directory(directory);
    if let Some(fault) = Fault::read(&cache, &entry.origin).filter(|it| it.is_paused(now)) {
        return Some(Kept::Failed(fault));
    }
    (now < entry.wait_at && Flight::is_taken(&cache, &entry.origin)).then_some(Kept::Renewing)
}

/// What the cache holds for a question.
#[derive(Debug)]
pub enum Lookup {
    /// A credential to use.
    Hit(Entry),
    /// A credential that still works and should be renewed; use it if that fails.
    Stale(Entry),
    /// Nothing that may be used.
    Miss,
}

impl Lookup {
    /// The entry that may be used now, fresh or not.
    #[must_use]
    pub fn usable(self) -> Option<Entry> {
        match self {
            Self::Hit(entry) | Self::Stale(entry) => Some(entry),
            Self::Miss => None,
        }
    }
}

/// One cached credential. Times are kept in whole seconds.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The envelope, as JSON.
    pub body: Secret,
    /// Under which key it is fetched: its own, or for a tool's form that of the envelope it was made from.
    pub origin: Digest,
    /// When it was put there. A clock that shows less by more than a minute was set back, and would make it
    /// last longer than its provider says: then it is not used.
    pub born: SystemTime,
    /// From here on one process renews it, and the others use it.
    pub refresh_at: SystemTime,
    /// From here on all wait for the next one.
    pub wait_at: SystemTime,
    /// From here on it is not used any more.
    pub expires_at: SystemTime,
}

/// A connector in one of its versions, on which a cached credential depends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The connector's name.
    pub name: String,
    /// Its id: a name may be used again, an id is not.
    pub id: String,
    /// Its version.
    pub version: u64,
}

impl From<&Document> for Dependency {
    fn from(document: &Document) -> Self {
        Self { name: document.name.clone(), id: document.id.clone(), version: document.version }
    }
}

/// A SHA-256 over a list of texts: the name of a target (the tool and the grant as it was typed) or of an
/// entry (everything that shaped the credential).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// The digest of these parts; other parts, or the same text cut elsewhere, give another one.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let parts: Vec<&[u8]> = parts.into_iter().map(str::as_bytes).collect();
        Self(seal::hex(&seal::sha256(&seal::parts(&parts))))
    }

    /// Reads 64 hexadecimal digits, so that a digest is always a safe file name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
        (text.len() == 64 && text.bytes().all(digit)).then(|| Self(text.to_owned()))
    }

    /// 64 hexadecimal digits in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The cache's directory inside the store's.
pub(crate) fn cache_directory(store: &Path) -> std::path::PathBuf {
    store.join("cache")
}

/// Whole seconds since 1970, rounded down; times before that count as its start.
pub(crate) fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The time of these seconds; `None` when no clock shows it.
pub(crate) fn from_unix(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
