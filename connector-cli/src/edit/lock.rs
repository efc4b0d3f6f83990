//! Turns between processes.
//!
//! A file is locked by one beside it of the same name with `.lock`, which is made so that it must not exist: that
//! is how kubectl does it, so the two wait for each other. Ours also says who made it and is held open under a
//! lock of the operating system: one that its maker left behind when it died is told from one that is in use.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use connector_core::{Error, Result};

use super::file::{fault, new_private, open_private};

/// How long to wait for somebody else's edit.
const LONGEST: Duration = Duration::from_secs(30);
/// How long to wait for a lock that nobody who died can hold: many may stand before us in the queue.
const LONGEST_QUEUE: Duration = Duration::from_secs(300);
const LONGEST_PAUSE: Duration = Duration::from_millis(32);
/// What a lock file of ours begins with.
const MARK: &str = "connector ";

/// The right to change a file; ends when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Waits until nobody else changes the file.
    pub(super) fn of(target: &Path) -> Result<Self> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".lock");
        let path = target.with_file_name(name);
        for pause in pauses(LONGEST) {
            match Self::try_new(&path) {
                Ok(Some(lock)) => return Ok(lock),
                Ok(None) => std::thread::sleep(pause),
                Err(error) => return Err(fault("lock", target, &error)),
            }
        }
        Err(Error::unreachable(format!("{} is being changed by another program", target.display()))
            .with_hint(format!("wait for it; if there is none, remove {}", path.display())))
    }

    fn try_new(path: &Path) -> io::Result<Option<Self>> {
        if let Some(old) = open_private(path)? {
            return Self::bury(old, path).map(|()| None);
        }
        let (mut file, staged) = new_private(path)?;
        let made = file.write_all(format!("{MARK}{}\n", std::process::id()).as_bytes()).and_then(|()| {
            match file.try_lock() {
                Ok(()) => std::fs::hard_link(&staged, path),
                Err(TryLockError::Error(error)) => Err(error),
                Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            }
        });
        let _ = std::fs::remove_file(&staged);
        match made {
            Ok(()) => {
                super::step::reached();
                Ok(Some(Self { file, path: path.to_owned() }))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            // A file system without links: the name is taken first, and marked a moment later.
            Err(_) => Self::try_plain(path),
        }
    }

    fn try_plain(path: &Path) -> io::Result<Option<Self>> {
        let mut file = match super::file::private().write(true).create_new(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(error),
        };
        let _ = file.try_lock();
        file.write_all(format!("{MARK}{}\n", std::process::id()).as_bytes())?;
        Ok(Some(Self { file, path: path.to_owned() }))
    }

    /// Removes a lock of ours whose maker is dead.
    fn bury(mut old: File, path: &Path) -> io::Result<()> {
        let mut said = [0; MARK.len()];
        if old.read_exact(&mut said).is_err() || said != *MARK.as_bytes() || old.try_lock().is_err() {
            return Ok(());
        }
        if is_at(&old, path) {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if is_at(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Waits for a lock that belongs to an open file alone, and so ends with its process.
pub(crate) fn wait_for(path: &Path) -> Result<File> {
    let file = super::file::private()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| fault("lock", path, &error))?;
    for pause in pauses(LONGEST_QUEUE) {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(pause),
            Err(TryLockError::Error(error)) => return Err(fault("lock", path, &error)),
        }
    }
    Err(Error::store(format!("{} is held by another process", path.display()))
        .with_hint("wait for it to end, and try again"))
}

fn pauses(limit: Duration) -> impl Iterator<Item = Duration> {
    let (mut left, mut next) = (limit, Duration::from_millis(1));
    std::iter::from_fn(move || {
        let pause = next.min(left);
        left -= pause;
        next = (next * 2).min(LONGEST_PAUSE);
        (!pause.is_zero()).then_some(pause)
    })
}

/// Whether the name still leads to the open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |it: std::fs::Metadata| (it.dev(), it.ino());
    file.metadata().map(id).ok() == std::fs::symlink_metadata(path).map(id).ok()
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}
