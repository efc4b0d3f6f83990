//! Files of somebody else on the disk: read whole, replaced in one step, with their mode, their access list and their
//! owner.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use connector_core::{Error, Result};

use super::lock::Lock;
use super::step;

/// No file of settings is larger.
const LIMIT: u64 = 16 * 1024 * 1024;
/// As many links as the system follows.
const MOST_LINKS: usize = 40;

/// What becomes of a file's mode when the file is replaced. Where there is no such thing, nothing does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It stays.
    Kept,
    /// Nobody but the owner has a right: it holds a secret from now on.
    Closed,
    /// This one, which it had before.
    Again(u32),
}

impl Mode {
    fn of(self, old: u32) -> u32 {
        match self {
            Self::Kept => old & 0o777,
            Self::Closed => old & 0o700,
            Self::Again(mode) => mode & 0o777,
        }
    }
}

/// A file as it was read, and the right to change it. Directories that were made for it and are not needed
/// go when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    /// The file itself, behind all links.
    real: PathBuf,
    /// What is in it now; none while there is no file.
    text: Option<String>,
    lock: Option<Lock>,
    made: Vec<PathBuf>,
}

impl Held {
    /// Waits for the file and reads it.
    ///
    /// # Errors
    /// No right to, another program that does not let go, something that is no text.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let real = real_path(path)?;
        // What is no file of settings gets no lock beside it either.
        read(&real)?;
        let mut held = Self { text: None, lock: None, made: make_parents(&real)?, real };
        held.lock = Some(Lock::of(&held.real)?);
        sweep(&held.real);
        held.text = read(&held.real)?;
        Ok(held)
    }

    /// What is in it; none when there is no file.
    pub(crate) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Who may do what with it, as Unix says it; none where there is no file, or no such thing.
    pub(crate) fn mode(&self) -> Option<u32> {
        mode(&self.real)
    }

    /// Replaces what is in it and its mode, or removes it.
    ///
    /// # Errors
    /// Somebody who does not take turns changed it meanwhile; no right to.
    pub(crate) fn write(&mut self, text: Option<&str>, mode: Mode) -> Result<()> {
        if text == self.text() && self.mode().is_none_or(|it| mode.of(it) == it) {
            return Ok(());
        }
        if read(&self.real)? != self.text {
            return Err(Error::unreachable(format!("{} was changed meanwhile", self.real.display()))
                .with_hint("try again"));
        }
        match text {
            Some(text) => replace(&self.real, text.as_bytes(), mode),
            None => fs::remove_file(&self.real).and_then(|()| {
                step::reached();
                sync_parent(&self.real)
            }),
        }
        .map_err(|error| fault("write", &self.real, &error))?;
        self.text = text.map(str::to_owned);
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.lock.take());
        if self.text.is_none() {
            // Only those that are empty can be removed.
            self.made.iter().rev().for_each(|it| drop(fs::remove_dir(it)));
        }
    }
}

/// What is in a file of somebody else; none when there is no file.
///
/// # Errors
/// No right to read it, something that is no text.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<String>> {
    read(&real_path(path)?)
}

/// Replaces a file of our own, for good.
///
/// # Errors
/// No right to, no room.
pub(crate) fn replace_private(path: &Path, content: &[u8]) -> Result<()> {
    replace(path, content, Mode::Closed).map_err(|error| fault("write", path, &error))
}

/// Where a path leads, behind all links; what it leads to need not be there.
///
/// # Errors
/// Links that lead in a circle.
pub(crate) fn real_path(path: &Path) -> Result<PathBuf> {
    let mut real = std::path::absolute(path).map_err(|error| fault("find", path, &error))?;
    for _ in 0..MOST_LINKS {
        match fs::read_link(&real) {
            Ok(target) => real = real.parent().unwrap_or(Path::new("/")).join(target),
            // Not a link, or not there.
            Err(_) => return Ok(real),
        }
    }
    Err(Error::invalid(format!("{} is a link that leads to itself", path.display())))
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    let permissions = fs::metadata(path).ok()?.permissions();
    Some(std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o777)
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}

fn make_parents(path: &Path) -> Result<Vec<PathBuf>> {
    let missing = path.ancestors().skip(1).take_while(|it| !it.as_os_str().is_empty() && !it.exists());
    let missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
    let mut made = Vec::new();
    for directory in missing.into_iter().rev() {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&directory) {
            Ok(()) => made.push(directory),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(fault("make", &directory, &error)),
        }
    }
    Ok(made)
}

fn read(path: &Path) -> Result<Option<String>> {
    let mut options = OpenOptions::new();
    options.read(true);
    // So that a pipe in the file's place does not hang us.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
    );
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault("read", path, &error)),
    };
    let shown = path.display();
    if !file.metadata().is_ok_and(|it| it.is_file()) {
        return Err(Error::invalid(format!("{shown} is not a file")));
    }
    let mut content = Vec::new();
    let length =
        file.take(LIMIT + 1).read_to_end(&mut content).map_err(|error| fault("read", path, &error))?;
    if length as u64 > LIMIT {
        return Err(Error::invalid(format!("{shown} is larger than any file of settings")));
    }
    String::from_utf8(content).map(Some).map_err(|error| {
        let before = error.as_bytes()[..error.utf8_error().valid_up_to()].iter();
        let line = before.filter(|it| **it == b'\n').count() + 1;
        Error::invalid(format!("{shown}, line {line}: not UTF-8 text"))
            .with_hint("mend the file and try again; nothing was changed")
    })
}

/// Replaces a file in one step: whoever reads sees the old one or the new one, whole, also after a power
/// cut. Its access list stays.
fn replace(path: &Path, content: &[u8], mode: Mode) -> io::Result<()> {
    let (mut file, staged) = new_private(path)?;
    step::reached();
    let written = file
        .write_all(content)
        .and_then(|()| take_over(&file, path, mode))
        .and_then(|()| file.sync_all())
        .and_then(|()| {
            step::reached();
            fs::rename(&staged, path)
        });
    if let Err(error) = written {
        let _ = fs::remove_file(&staged);
        return Err(error);
    }
    step::reached();
    sync_parent(path)
}

/// Gives a new file the mode, the access list and the owner of the one that it replaces.
#[cfg(unix)]
fn take_over(file: &File, old_path: &Path, mode: Mode) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let old = match fs::metadata(old_path) {
        Ok(old) => old,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let new = file.metadata()?;
    let mut mode = mode.of(old.mode());
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        let (uid, gid) = (rustix::fs::Uid::from_raw(old.uid()), rustix::fs::Gid::from_raw(old.gid()));
        if rustix::fs::fchown(file, Some(uid), Some(gid)).is_err() {
            // It stays our own, and what the group might do was meant for another group.
            mode &= 0o707;
        }
    }
    if !super::acl::take_over(file, old_path, mode & 0o070 == 0) {
        // All others might be more than a list let in.
        mode &= 0o700;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn take_over(_: &File, _: &Path, _: Mode) -> io::Result<()> {
    Ok(())
}

/// A new file beside `path`, mode 0600, under a name that was free.
pub(super) fn new_private(path: &Path) -> io::Result<(File, PathBuf)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let staged = path.with_file_name(format!(".{name}.{}-{count}.tmp", std::process::id()));
        match private().write(true).create_new(true).open(&staged) {
            Ok(file) => return Ok((file, staged)),
            // Left behind by a process of the same number that died; the next name is free.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && count < 10_000 => {}
            Err(error) => return Err(error),
        }
    }
}

/// Removes what a process left beside the file that died while it held the lock: it may hold a secret.
fn sweep(path: &Path) {
    let own = format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy());
    let is_left = |name: &str| {
        let rest = name.strip_prefix(&own).and_then(|it| it.strip_suffix(".tmp"));
        let number = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
        rest.and_then(|it| it.split_once('-')).is_some_and(|(a, b)| number(a) && number(b))
    };
    let found = path.parent().into_iter().flat_map(fs::read_dir).flatten().flatten();
    for left in found.filter(|it| it.file_name().to_str().is_some_and(is_left)) {
        let _ = fs::remove_file(left.path());
    }
}

/// Opens a file if it is there; a link in its place is an error.
pub(super) fn open_private(path: &Path) -> io::Result<Option<File>> {
    let mut options = private();
    options.read(true);
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    match options.open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn private() -> OpenOptions {
    #[allow(unused_mut)]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes what happened in the directory of `path` survive a power cut.
fn sync_parent(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(parent) = path.parent() {
        return File::open(parent)?.sync_all();
    }
    let _ = path;
    Ok(())
}

pub(super) fn fault(verb: &str, path: &Path, error: &io::Error) -> Error {
    let shown = path.display();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Error::refused(format!("cannot {verb} {shown}: {}", error.kind())).with_hint(
                "give yourself the right to write there, or point the program's own variable elsewhere",
            )
        }
        kind => Error::unexpected(format!("cannot {verb} {shown}: {kind}")),
    }
}
