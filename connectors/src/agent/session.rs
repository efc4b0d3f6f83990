//! What one run of an agent leaves on the disk: a directory per binding, with its token and files. It goes when the
//! agent goes; what a killed one left is swept by the next. A directory whose place was said beforehand stays, and is
//! emptied instead: containers that have mounted it see what the next agent writes.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use connector_core::agent::Site;
use connector_core::{Error, Result, Secret};
use zeroize::Zeroizing;

/// Whoever makes or sweeps sessions holds it, so that none is swept between its making and its locking.
const TURN: &str = "lock";

/// Tells that a directory whose place was said beforehand is for a session, and may be emptied. Its name is nobody else's:
/// many a program keeps a `lock`, a store of connectors among them.
const MARK: &str = "connector-session.lock";

/// The directory of one session. Its lock tells that its agent lives: it vanishes with the process.
#[derive(Debug)]
pub(super) struct Session {
    directory: PathBuf,
    mark: PathBuf,
    /// Whether the directory itself outlives the session.
    stays: bool,
    _living: File,
}

impl Session {
    /// Makes `count` sessions in `parent`, and sweeps what dead agents left there. Blocks the thread for as long as
    /// another agent does the same.
    pub(super) fn make(parent: &Path, count: usize) -> Result<Vec<Self>> {
        if !parent.is_absolute() {
            return Err(Error::field(
                "directory",
                "not absolute: programs that run elsewhere have to find it",
            ));
        }
        create_dir(parent, true).map_err(|error| failed("make", parent, &error))?;
        check(parent)?;
        let path = parent.join(TURN);
        let turn = lock_file(&path).map_err(|error| failed("open", &path, &error))?;
        turn.lock().map_err(|error| failed("lock", &path, &error))?;
        sweep(parent);
        (0..count).map(|_| Self::new(parent)).collect()
    }

    fn new(parent: &Path) -> Result<Self> {
        let name = random::<16>()?;
        let directory = parent.join(&*name);
        let mark = parent.join(format!("{}.lock", &*name));
        let living = lock_file(&mark).map_err(|error| failed("make", &mark, &error))?;
        living.try_lock().map_err(|_| Error::store(format!("cannot lock {}", mark.display())))?;
        let session = Self { directory, mark, stays: false, _living: living };
        create_dir(&session.directory, false).map_err(|error| failed("make", &session.directory, &error))?;
        Ok(session)
    }

    /// Takes this directory for the one session, and removes what an earlier one left there.
    pub(super) fn at(directory: &Path) -> Result<Self> {
        if !directory.is_absolute() {
            return Err(Error::field("session", "not absolute: programs that run elsewhere have to find it"));
        }
        create_dir(directory, true).map_err(|error| failed("make", directory, &error))?;
        check(directory)?;
        let mark = directory.join(MARK);
        let is_empty = fs::read_dir(directory).is_ok_and(|mut it| it.next().is_none());
        let is_marked = fs::symlink_metadata(&mark).is_ok_and(|it| it.is_file());
        if !is_empty && !is_marked {
            let error = Error::field("session", format!("{} holds what is no session", directory.display()));
            return Err(error.with_hint("name a directory of its own: what is in it goes with the session"));
        }
        let living = lock_file(&mark).map_err(|error| failed("make", &mark, &error))?;
        living.try_lock().map_err(|_| {
            Error::store(format!("another agent has its session in {}", directory.display()))
                .with_hint("end it, or name another directory")
        })?;
        empty(directory).map_err(|error| failed("empty", directory, &error))?;
        Ok(Self { directory: directory.to_owned(), mark, stays: true, _living: living })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes a file that is not there yet.
    pub(super) fn write(&self, name: &str, content: &Secret) -> Result<()> {
        let is_name = !name.is_empty()
            && !name.starts_with('.')
            && name.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b'_'));
        if !is_name {
            return Err(Error::unexpected("a protocol has a file whose name is none"));
        }
        let path = self.directory.join(name);
        let written = private().write(true).create_new(true).open(&path);
        written
            .and_then(|mut file| file.write_all(content.expose().as_bytes()))
            .map_err(|error| failed("write", &path, &error))
    }

    /// Removes it, and says when that is not possible.
    pub(super) fn remove(self) -> Result<()> {
        let removed = if self.stays { empty(&self.directory) } else { fs::remove_dir_all(&self.directory) };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", &self.directory, &error)
                    .with_hint("remove it by hand; its token is worth nothing any more"))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // What cannot be removed now is swept when the next agent starts.
        if self.stays {
            let _ = empty(&self.directory);
            return;
        }
        if fs::remove_dir_all(&self.directory).is_ok() || !self.directory.exists() {
            let _ = fs::remove_file(&self.mark);
        }
    }
}

/// Removes everything in a directory but the mark. Where a link has taken its place, nothing is.
fn empty(directory: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(directory)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name() == MARK {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

/// Removes the sessions whose agents are gone.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let id = name.strip_suffix(".lock").unwrap_or(name);
        if id.len() != 32 || !id.bytes().all(|it| it.is_ascii_hexdigit()) {
            continue;
        }
        let (directory, mark) = (parent.join(id), parent.join(format!("{id}.lock")));
        let living = open_lock(&mark).is_ok_and(|it| matches!(it.try_lock(), Err(TryLockError::WouldBlock)));
        if !living {
            // A link in its place is removed itself, not what it leads to.
            let _ = fs::remove_dir_all(&directory);
            let _ = fs::remove_file(&mark);
        }
    }
}

/// `N` random bytes of the system's generator, in hex.
pub(super) fn random<const N: usize>() -> Result<Zeroizing<String>> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(|_| Error::unexpected("the system gave no random bytes"))?;
    let mut text = Zeroizing::new(String::with_capacity(2 * N));
    for byte in bytes.iter() {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    Ok(text)
}

/// A session's token: 256 random bits.
pub(super) fn token() -> Result<Secret> {
    Ok(Secret::new(random::<32>()?.as_str()))
}

/// Whether a protocol's file may have this name beside the token.
pub(super) fn is_tokens(name: &str) -> bool {
    name.eq_ignore_ascii_case(Site::TOKEN_FILE)
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::store(format!("cannot {what} {}: {}", path.display(), error.kind()))
}

fn create_dir(path: &Path, and_parents: bool) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(and_parents);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The directory of all sessions is nobody else's: who may write there could put another file in a token's place.
#[cfg(unix)]
fn check(path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;

    let found = fs::symlink_metadata(path).map_err(|error| failed("read", path, &error))?;
    let shown = path.display();
    if !found.is_dir() {
        return Err(Error::store(format!("{shown} is no directory")));
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(Error::store(format!("{shown} belongs to another user")));
    }
    if found.mode() & 0o077 != 0 {
        return Err(Error::store(format!("{shown} is open to other users"))
            .with_hint(format!("close it: chmod 700 {shown}")));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        _ => Err(Error::store(format!("{} is no directory", path.display()))),
    }
}

fn private() -> OpenOptions {
    #[allow(unused_mut)]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn lock_file(path: &Path) -> io::Result<File> {
    let mut options = private();
    options.read(true).write(true).create(true).truncate(false);
    no_links(&mut options).open(path)
}

fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = private();
    options.read(true).write(true);
    no_links(&mut options).open(path)
}

fn no_links(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.bits().cast_signed());
    }
    options
}
