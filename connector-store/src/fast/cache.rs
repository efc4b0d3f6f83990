//! The cache of issued credentials, as the hub writes it.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use connector_core::Result;

use super::entry::{self, Sealed};
use super::{Dependency, Digest, Entry, Fault, Flight, Index, Lookup, fault, index};
use crate::error;
use crate::file::{self, Durability};
use crate::lock::Lock;
use crate::seal::Key;

/// How many old entries one write looks at.
const SWEPT: usize = 16;

/// A file that was to be renamed, and is this old, is renamed by nobody.
const LEFT: Duration = Duration::from_secs(60 * 60);

/// The sealed credentials of a store, and the index that says which of them still hold.
///
/// All of it is synchronous. Methods that change the index or the key wait for the store's lock: they must
/// not be called while this process holds a [`Write`](crate::Write).
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
    lock: PathBuf,
    wait: Duration,
}

impl Cache {
    /// The cache of the store in `directory`; it touches nothing yet.
    pub fn new(directory: impl AsRef<Path>) -> Self {
        let directory = directory.as_ref();
        Self {
            directory: super::cache_directory(directory),
            lock: crate::lock_path(directory),
            wait: crate::DEFAULT_WAIT,
        }
    }

    /// Waits this long for the store's lock, in place of 5 seconds.
    #[must_use]
    pub fn with_wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Stores a credential that depends on these connectors, its own among them. One of more than 64 KiB
    /// is left out, and so is one of a connector that was changed meanwhile. Some entries that have ended are swept out on the way.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store) when the cache cannot be written or its key cannot be
    /// made.
    pub fn put(
        &self,
        key: &Digest,
        dependencies: &[Dependency],
        entry: &Entry,
        now: SystemTime,
    ) -> Result<()> {
        let cache_key = self.key()?;
        if let Some(content) = entry::encode(&cache_key, key, dependencies, entry)? {
            file::create_dir(&entry::directory(&self.directory)).map_err(|it| self.fault(it))?;
            let path = entry::path(&self.directory, key.as_str());
            file::replace(&path, &content, Durability::Cached).map_err(|it| self.fault(it))?;
            // Read after it was written: a change that is made meanwhile either sees the entry, or is seen here.
            if dependencies.iter().any(|it| self.is_outdated(it)) {
                let _ = fs::remove_file(path);
            }
        }
        self.sweep(key, now);
        Ok(())
    }

    /// The entry with this key, if it was made with exactly these connectors in these versions. It says
    /// nothing about the connectors' state: the caller has read them.
    #[must_use]
    pub fn get(&self, key: &Digest, dependencies: &[Dependency], now: SystemTime) -> Lookup {
        Sealed::read(&self.directory, key)
            .filter(|it| it.dependencies() == dependencies)
            .and_then(|it| it.open(&self.directory, now))
            .unwrap_or(Lookup::Miss)
    }

    /// When the entry with this key ended, if there is one that has.
    #[must_use]
    pub fn ended_at(&self, key: &Digest, now: SystemTime) -> Option<SystemTime> {
        Sealed::read(&self.directory, key)?.ended_at(now)
    }

    /// The last fetch of this credential, if it failed.
    #[must_use]
    pub fn fault_of(&self, origin: &Digest) -> Option<Fault> {
        Fault::read(&self.directory, origin)
    }

    /// Tells other processes of a fetch that failed. Some old ones are swept out on the way.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn note_fault(&self, origin: &Digest, fault: &Fault, now: SystemTime) -> Result<()> {
        fault.write(&self.directory, &self.key()?, origin)?.map_err(|it| self.fault(it))?;
        for other in part_of(&fault::directory(&self.directory), origin, now) {
            if Fault::read(&self.directory, &other).is_none_or(|it| it.is_old(now)) {
                let _ = fs::remove_file(fault::path(&self.directory, other.as_str()));
            }
        }
        Ok(())
    }

    /// Forgets that a fetch failed: one has succeeded since.
    pub fn forget_fault(&self, origin: &Digest) {
        let _ = fs::remove_file(fault::path(&self.directory, origin.as_str()));
    }

    /// Lets an entry answer a target from now on, if the connector still is what it was. `false` when it
    /// is not, or the index does not know it; [`Store::link`](crate::Store::link) also mends the index.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store) when the lock or the index cannot be had.
    pub fn link(&self, connector: &Dependency, target: &Digest, entry: &Digest) -> Result<bool> {
        let _lock = self.lock()?;
        self.link_locked(connector, target, entry)
    }

    /// Forgets every credential: no entry that was written before can be opened after it.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store) when the lock cannot be had or the files stay.
    pub fn clear(&self) -> Result<()> {
        let _lock = self.lock()?;
        self.clear_locked()
    }

    /// Forgets every credential that depends on the connector of this name.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store) when the lock cannot be had or the files stay.
    pub fn drop_connector(&self, name: &str) -> Result<()> {
        let _lock = self.lock()?;
        Index::remove(&self.directory, name).map_err(|it| self.fault(it))?;
        self.remove_entries(|it| it.name == name).map_err(|it| self.fault(it))
    }

    /// Removes every credential that depends on one of these connectors, in whatever version, and all that was
    /// noted of failures.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store) when the files stay.
    pub fn purge(&self, ids: &BTreeSet<String>) -> Result<()> {
        for origin in names(&fault::directory(&self.directory)) {
            let _ = fs::remove_file(fault::path(&self.directory, &origin));
        }
        self.remove_entries(|it| ids.contains(&it.id)).map_err(|it| self.fault(it))
    }

    fn remove_entries(&self, gone: impl Fn(&Dependency) -> bool) -> io::Result<()> {
        let all = names(&entry::directory(&self.directory)).filter_map(|it| Digest::parse(&it));
        let is_gone = |key: &Digest| {
            Sealed::read(&self.directory, key).is_some_and(|it| it.dependencies().iter().any(&gone))
        };
        file::remove_all(all.filter(is_gone).map(|key| entry::path(&self.directory, key.as_str())))
    }

    /// Whether the index knows a later version. An earlier one is a line that a crash left behind.
    fn is_outdated(&self, dependency: &Dependency) -> bool {
        Index::read(&self.directory, &dependency.name)
            .is_some_and(|it| it.id == dependency.id && it.version > dependency.version)
    }

    /// The right to fetch the credential with this key, among all processes of this store; `None` while
    /// another one has it. Does not wait.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store) when the lock file cannot be made.
    pub fn flight(&self, key: &Digest) -> Result<Option<Flight>> {
        Flight::try_new(&self.directory, key)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// [`link`](Self::link) for who holds the store's lock.
    pub(crate) fn link_locked(
        &self,
        connector: &Dependency,
        target: &Digest,
        entry: &Digest,
    ) -> Result<bool> {
        let Some(mut index) = Index::read(&self.directory, &connector.name).filter(|it| it.is(connector))
        else {
            return Ok(false);
        };
        index.link(&self.directory, target, entry);
        index.write(&self.directory).map_err(|it| self.fault(it))?;
        Ok(true)
    }

    /// [`clear`](Self::clear) for who holds the store's lock.
    pub(crate) fn clear_locked(&self) -> Result<()> {
        // The key first: without it the rest is noise, whatever happens next.
        file::remove(&entry::key_path(&self.directory)).map_err(|it| self.fault(it))?;
        let directories = [index::directory, entry::directory, fault::directory];
        for directory in directories.map(|it| it(&self.directory)) {
            file::remove_all(names(&directory).map(|name| directory.join(name)))
                .map_err(|it| self.fault(it))?;
        }
        Ok(())
    }

    /// The cache's key, made under the store's lock when there is none.
    fn key(&self) -> Result<Key> {
        if let Some(key) = entry::read_key(&self.directory) {
            return Ok(key);
        }
        let _lock = self.lock()?;
        if let Some(key) = entry::read_key(&self.directory) {
            return Ok(key);
        }
        let key = Key::generate()?;
        file::create_dir(&self.directory).map_err(|it| self.fault(it))?;
        file::replace(&entry::key_path(&self.directory), key.as_bytes(), Durability::Cached)
            .map_err(|it| self.fault(it))?;
        Ok(key)
    }

    fn lock(&self) -> Result<Lock> {
        let parent = self.lock.parent().unwrap_or(&self.directory);
        file::create_dir(parent).map_err(|it| self.fault(it))?;
        Lock::wait(&self.lock, self.wait).map_err(|it| self.fault(it))?.ok_or_else(|| error::locked(parent))
    }

    /// Removes entries that have ended.
    fn sweep(&self, key: &Digest, now: SystemTime) {
        let directory = entry::directory(&self.directory);
        for key in part_of(&directory, key, now) {
            if Sealed::read(&self.directory, &key).is_none_or(|it| it.is_over(now)) {
                let _ = fs::remove_file(entry::path(&self.directory, key.as_str()));
            }
        }
        for staged in names(&directory).filter(|it| it.starts_with('.')).map(|it| directory.join(it)) {
            let changed = fs::metadata(&staged).and_then(|it| it.modified());
            // Of a process that died while it wrote: whoever still does needs no hour for it.
            if changed.is_ok_and(|it| now.duration_since(it).is_ok_and(|age| age > LEFT)) {
                let _ = fs::remove_file(staged);
            }
        }
    }

    fn fault(&self, error: io::Error) -> connector_core::Error {
        error::file("the cache", &self.directory, error)
    }
}

/// Some of the files in a directory: a sixteenth of all names is considered, and a few files are looked at, others each
/// second, so that those which stay are not all that is ever looked at.
fn part_of(directory: &Path, key: &Digest, now: SystemTime) -> impl Iterator<Item = Digest> + use<> {
    let part = &key.as_str()[..1];
    let considered: Vec<String> = names(directory).filter(|it| it.starts_with(part)).collect();
    let count = considered.len();
    let first = usize::try_from(super::unix(now)).unwrap_or_default() * SWEPT % count.max(1);
    let mut considered: VecDeque<String> = considered.into();
    considered.rotate_left(first);
    considered.into_iter().filter_map(|it| Digest::parse(&it)).take(SWEPT)
}

fn names(directory: &Path) -> impl Iterator<Item = String> + use<> {
    fs::read_dir(directory).into_iter().flatten().flatten().filter_map(|it| it.file_name().into_string().ok())
}
