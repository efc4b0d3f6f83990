//! The index: what a connector is now, in one small file.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use connector_core::Document;
use serde::{Deserialize, Serialize};

use super::{Dependency, Digest, unix};
use crate::file::{self, Durability};
use crate::seal;

const FORMAT: u32 = 1;
const LIMIT: u64 = 64 * 1024;
/// A bound that keeps the file within its limit; helpers of one connector are few.
const MOST_TARGETS: usize = 256;

/// One connector's line of the index.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Index {
    format: u32,
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) version: u64,
    enabled: bool,
    expires_at: Option<u64>,
    /// Which entry answers which target.
    pub(crate) targets: BTreeMap<String, String>,
}

impl Index {
    /// What the index says of a document, with no targets yet.
    pub(crate) fn of(document: &Document) -> Self {
        Self {
            format: FORMAT,
            name: document.name.clone(),
            id: document.id.clone(),
            version: document.version,
            enabled: document.enabled,
            expires_at: document.expires_at.map(unix),
            targets: BTreeMap::new(),
        }
    }

    /// Reads a connector's line; `None` when there is none that makes sense.
    pub(crate) fn read(cache: &Path, name: &str) -> Option<Self> {
        let content = file::read(&path(cache, name), LIMIT).ok()?;
        let index: Self = serde_json::from_slice(&content).ok()?;
        (index.format == FORMAT && index.name == name).then_some(index)
    }

    /// Writes the line. Only under the store's lock, and only what the database says at that moment.
    pub(crate) fn write(&self, cache: &Path) -> io::Result<()> {
        let path = path(cache, &self.name);
        file::create_dir(path.parent().unwrap_or(cache))?;
        file::replace(&path, &serde_json::to_vec(self)?, Durability::Cached)
    }

    /// Removes a connector's line, for good: after a power cut an old line must not be back.
    pub(crate) fn remove(cache: &Path, name: &str) -> io::Result<()> {
        match file::remove(&path(cache, name)) {
            // Where something else lies in the cache's place there is no index, and nothing is found.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(()),
            other => other,
        }
    }

    /// Whether this is the connector in the version that was depended on, and it may issue now.
    pub(crate) fn serves(&self, dependency: &Dependency, now: u64) -> bool {
        self.is(dependency) && self.enabled && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether this is the connector in the version that was depended on.
    pub(crate) fn is(&self, dependency: &Dependency) -> bool {
        self.name == dependency.name && self.id == dependency.id && self.version == dependency.version
    }

    /// Whether this says of the connector what `other` says, whatever the targets.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        let said = |it: &Self| (it.name.clone(), it.id.clone(), it.version, it.enabled, it.expires_at);
        said(self) == said(other)
    }

    /// Says which entry answers a target. Old targets make room: they are asked for again if needed.
    pub(crate) fn link(&mut self, cache: &Path, target: &Digest, entry: &Digest) {
        if self.targets.len() >= MOST_TARGETS && !self.targets.contains_key(target.as_str()) {
            self.targets.retain(|_, entry| super::entry::path(cache, entry).exists());
            while self.targets.len() >= MOST_TARGETS {
                self.targets.pop_first();
            }
        }
        self.targets.insert(target.to_string(), entry.to_string());
    }
}

/// The directory of the index.
pub(super) fn directory(cache: &Path) -> PathBuf {
    cache.join("index")
}

fn path(cache: &Path, name: &str) -> PathBuf {
    directory(cache).join(&seal::hex(&seal::sha256(name.as_bytes()))[..32])
}
