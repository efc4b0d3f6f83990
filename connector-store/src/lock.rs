//! Locks between processes. They belong to an open file, so they vanish with the process that holds them.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::file;

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// A held lock; dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock when nobody holds it.
    pub(crate) fn try_new(path: &Path) -> io::Result<Option<Self>> {
        let file = file::open_lock(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes the lock, and waits for it this long; blocks the thread.
    pub(crate) fn wait(path: &Path, longest: Duration) -> io::Result<Option<Self>> {
        let mut pauses = pauses(longest);
        loop {
            if let Some(lock) = Self::try_new(path)? {
                return Ok(Some(lock));
            }
            match pauses.next() {
                Some(pause) => std::thread::sleep(pause),
                None => return Ok(None),
            }
        }
    }

    /// Whether the name still leads to the locked file: who locks a file that was removed meanwhile
    /// holds nothing.
    #[cfg(unix)]
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let id = |it: std::fs::Metadata| (it.dev(), it.ino());
        self.file.metadata().map(id).ok() == std::fs::symlink_metadata(path).map(id).ok()
    }

    /// Elsewhere a lock's file is never removed.
    #[cfg(not(unix))]
    pub(crate) fn is_at(&self, _: &Path) -> bool {
        let _ = &self.file;
        true
    }
}

/// Pauses that grow and add up to `longest`: a bound that needs no clock.
pub(crate) fn pauses(longest: Duration) -> impl Iterator<Item = Duration> {
    let mut left = longest;
    let mut next = Duration::from_millis(1);
    std::iter::from_fn(move || {
        let pause = next.min(left);
        left -= pause;
        next = (next * 2).min(LONGEST_PAUSE);
        (!pause.is_zero()).then_some(pause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_waiting_ends() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("lock");
        let held = Lock::try_new(&path).expect("no fault").expect("free");
        assert!(Lock::wait(&path, Duration::from_millis(3)).expect("no fault").is_none());
        drop(held);
        assert!(Lock::wait(&path, Duration::ZERO).expect("no fault").is_some());
    }

    #[test]
    fn pauses_add_up_to_the_bound() {
        for longest in [0, 1, 100, 5000] {
            let longest = Duration::from_millis(longest);
            assert_eq!(pauses(longest).sum::<Duration>(), longest);
        }
    }
}
