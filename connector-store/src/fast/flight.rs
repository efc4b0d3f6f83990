//! Single flight across processes: who holds the flight of a credential fetches it, the others wait.

use std::path::{Path, PathBuf};

use connector_core::Result;

use super::Digest;
use crate::error;
use crate::file;
use crate::lock::Lock;

/// The right to fetch one credential. It ends when it is dropped, and with the process that holds it.
#[derive(Debug)]
#[must_use = "the flight ends when it is dropped"]
pub struct Flight {
    lock: Lock,
    path: PathBuf,
}

impl Flight {
    pub(super) fn try_new(cache: &Path, key: &Digest) -> Result<Option<Self>> {
        let directory = cache.join("flights");
        let path = directory.join(key.as_str());
        let open = || {
            file::create_dir(&directory)?;
            // The last holder removes the file, perhaps after we opened it: then what we locked is nothing.
            Ok(Lock::try_new(&path)?.filter(|lock| lock.is_at(&path)))
        };
        let lock = open().map_err(|error| error::file("the cache", &directory, error))?;
        Ok(lock.map(|lock| Self { lock, path }))
    }

    /// Whether a process has it just now. Makes no file, and keeps nobody from it for longer than a look takes.
    pub(super) fn is_taken(cache: &Path, key: &Digest) -> bool {
        let path = cache.join("flights").join(key.as_str());
        path.exists() && matches!(Lock::try_new(&path), Ok(None))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Only where the next one can tell that the file it locked is gone.
        if cfg!(unix) && self.lock.is_at(&self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
