//! The sealed file of one credential.
//!
//! Layout: length of the header (4 bytes, little endian), header (JSON), sealed body. The header is read
//! without a key and authenticated with the body.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use connector_core::{Result, Secret};
use serde::{Deserialize, Serialize};

use super::{Dependency, Digest, Entry, Lookup, from_unix, unix};
use crate::file;
use crate::seal::Key;

const FORMAT: u32 = 2;
/// By how many seconds a clock may be set back before what was counted with it is not used.
const SET_BACK: u64 = 60;
/// No entry is larger, header and seal included.
const LIMIT: u64 = 64 * 1024;

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    key: String,
    origin: String,
    dependencies: Vec<Dependency>,
    born: u64,
    refresh_at: u64,
    wait_at: u64,
    expires_at: u64,
}

/// An entry as it was read: its header is known, its body is not opened.
pub(super) struct Sealed {
    header: Header,
    content: Vec<u8>,
    body_at: usize,
}

impl Sealed {
    /// Reads an entry's file; `None` when there is none that makes sense.
    pub(super) fn read(cache: &Path, key: &Digest) -> Option<Self> {
        let content = file::read(&path(cache, key.as_str()), LIMIT).ok()?;
        let (length, rest) = content.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let header: Header = serde_json::from_slice(rest.get(..length)?).ok()?;
        let fits = header.format == FORMAT && header.key == key.as_str();
        fits.then(|| Self { header, body_at: 4 + length, content })
    }

    pub(super) fn dependencies(&self) -> &[Dependency] {
        &self.header.dependencies
    }

    /// Whether it has ended, or nobody can tell, since the clock was set back.
    pub(super) fn is_over(&self, now: SystemTime) -> bool {
        let now = unix(now);
        self.header.expires_at <= now || now.saturating_add(SET_BACK) < self.header.born
    }

    /// When it ended, if it has. Nobody vouches for it: the body is not opened.
    pub(super) fn ended_at(&self, now: SystemTime) -> Option<SystemTime> {
        from_unix(self.header.expires_at).filter(|end| *end <= now)
    }

    /// Opens the body with the cache's key, unless it has ended.
    pub(super) fn open(self, cache: &Path, now: SystemTime) -> Option<Lookup> {
        if self.is_over(now) {
            return None;
        }
        let (bound, sealed) = self.content.split_at_checked(self.body_at)?;
        let mut body = entry_key(&read_key(cache)?, &self.header.key).open(bound, sealed)?;
        let body = Secret::new(String::from_utf8(std::mem::take(&mut *body)).ok()?);
        let entry = Entry {
            body,
            origin: Digest::parse(&self.header.origin)?,
            born: from_unix(self.header.born)?,
            refresh_at: from_unix(self.header.refresh_at)?,
            wait_at: from_unix(self.header.wait_at)?,
            expires_at: from_unix(self.header.expires_at)?,
        };
        Some(if unix(now) < self.header.refresh_at { Lookup::Hit(entry) } else { Lookup::Stale(entry) })
    }
}

/// The content of an entry's file; `None` when it would be too large.
pub(super) fn encode(
    cache_key: &Key,
    key: &Digest,
    dependencies: &[Dependency],
    entry: &Entry,
) -> Result<Option<Vec<u8>>> {
    let header = Header {
        format: FORMAT,
        key: key.to_string(),
        origin: entry.origin.to_string(),
        dependencies: dependencies.to_vec(),
        born: unix(entry.born),
        wait_at: unix(entry.wait_at),
        refresh_at: unix(entry.refresh_at),
        expires_at: unix(entry.expires_at),
    };
    let header = serde_json::to_vec(&header).expect("texts and numbers are always JSON");
    let Ok(length) = u32::try_from(header.len()) else { return Ok(None) };
    let mut content = length.to_le_bytes().to_vec();
    content.extend_from_slice(&header);
    let sealed = entry_key(cache_key, key.as_str()).seal(&content, entry.body.expose().as_bytes())?;
    content.extend_from_slice(&sealed);
    Ok((content.len() as u64 <= LIMIT).then_some(content))
}

/// The key of all entries.
pub(super) fn read_key(cache: &Path) -> Option<Key> {
    Key::from_bytes(&zeroize::Zeroizing::new(file::read(&key_path(cache), 32).ok()?))
}

/// A key for each entry: no key seals often enough for random nonces to meet.
fn entry_key(cache_key: &Key, entry: &str) -> Key {
    cache_key.derive("connector-store cache entry 1", entry)
}

pub(super) fn key_path(cache: &Path) -> PathBuf {
    cache.join("key")
}

pub(super) fn directory(cache: &Path) -> PathBuf {
    cache.join("entries")
}

pub(super) fn path(cache: &Path, key: &str) -> PathBuf {
    directory(cache).join(key)
}
