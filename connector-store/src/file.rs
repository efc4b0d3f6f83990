//! Files that hold something private: 0600, whole or not at all, links not followed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::{seal, step};

/// Whether a file must be there after a power cut, or may as well be gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    Durable,
    Cached,
}

/// Makes a directory and its parents, those that are missing with mode 0700.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a file that was not there, mode 0600; an existing one or a link in its place is the error.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    let mut options = private();
    options.write(true).create_new(true).open(path)
}

/// Replaces a file in one step: whoever reads sees the old one or the new one, whole.
pub(crate) fn replace(path: &Path, content: &[u8], durability: Durability) -> io::Result<()> {
    let staged = staged(path)?;
    let written = create_new(&staged).and_then(|mut file| {
        file.write_all(content)?;
        if durability == Durability::Durable { file.sync_all() } else { Ok(()) }
    });
    step::reached();
    match written.and_then(|()| fs::rename(&staged, path)) {
        Ok(()) => {
            step::reached();
            if durability == Durability::Durable { sync_parent(path) } else { Ok(()) }
        }
        Err(error) => {
            // What is left behind is private and never read; the first error is the one that matters.
            let _ = fs::remove_file(&staged);
            Err(error)
        }
    }
}

/// Writes over a file that has exactly this length, by one call, so that a process that dies leaves the old content
/// or the new one. Another length, or no regular file, is the error.
pub(crate) fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = open_existing(private().write(true), path)?;
    if file.metadata()?.len() != content.len() as u64 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "of another length"));
    }
    step::reached();
    file.write_all(content)?;
    step::reached();
    Ok(())
}

/// Moves a file over another one, for good.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    step::reached();
    fs::rename(from, to)?;
    step::reached();
    sync_parent(to)
}

/// Removes a file, for good; one that is gone already is no error.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => {
            step::reached();
            sync_parent(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes these files of one directory, for good; those that are gone already are no error.
pub(crate) fn remove_all(paths: impl IntoIterator<Item = PathBuf>) -> io::Result<()> {
    let (mut last, mut outcome) = (None, Ok(()));
    for path in paths {
        match fs::remove_file(&path) {
            Ok(()) => {
                step::reached();
                last = Some(path);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // The others go all the same; the first error is told.
            Err(error) => outcome = outcome.and(Err(error)),
        }
    }
    // Once for all of them: each time is a write that is waited for.
    last.map_or(Ok(()), |path| sync_parent(&path)).and(outcome)
}

/// Reads a regular file of at most `limit` bytes. A link, a device or a longer file is an error.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_existing(private().read(true), path)?;
    let mut content = Vec::new();
    if file.take(limit + 1).read_to_end(&mut content)? as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than expected"));
    }
    Ok(content)
}

/// Opens a file to be locked, and makes it when it is missing.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    open_existing(private().read(true).write(true).create(true), path)
}

/// A fresh name beside `path`, in the same directory.
pub(crate) fn staged(path: &Path) -> io::Result<PathBuf> {
    let mark = seal::random::<8>().map_err(io::Error::other)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(path.with_file_name(format!(".{name}.{}.tmp", seal::hex(&mark))))
}

/// Whether the name itself is a link.
pub(crate) fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink())
}

/// Makes what happened in the directory of `path` survive a power cut.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(parent) = path.parent() {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        return File::open(parent)?.sync_all();
    }
    // Elsewhere a directory cannot be opened as a file; the rename itself is journalled.
    let _ = path;
    Ok(())
}

fn private() -> OpenOptions {
    #[allow(unused_mut)]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn open_existing(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
        // NONBLOCK, so that a pipe in the file's place does not hang the reader.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.bits().cast_signed());
    }
    #[cfg(not(unix))]
    if is_link(path) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a link"));
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn c29_files_are_private_and_links_are_not_followed() {
        let dir = tempfile::tempdir().expect("a directory");
        let inner = dir.path().join("a/b");
        create_dir(&inner).expect("made");
        assert_eq!(fs::metadata(&inner).expect("there").permissions().mode() & 0o777, 0o700);
        let path = inner.join("file");
        replace(&path, b"one", Durability::Durable).expect("written");
        replace(&path, b"two", Durability::Cached).expect("replaced");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path, 3).expect("read"), b"two");
        assert!(read(&path, 2).is_err(), "longer than the limit");
        assert_eq!(fs::read_dir(&inner).expect("listed").count(), 1, "nothing is left behind");

        overwrite(&path, b"2wo").expect("of the same length");
        assert!(overwrite(&path, b"longer").is_err() && overwrite(&inner.join("none"), b"").is_err());
        assert_eq!(read(&path, 3).expect("read"), b"2wo");
        replace(&path, b"two", Durability::Cached).expect("replaced");

        let (one, other) = (inner.join("one"), inner.join("other"));
        replace(&other, b"", Durability::Cached).expect("written");
        remove_all([one, inner.clone(), other.clone()]).expect_err("a directory is not removed");
        assert!(!other.exists(), "the rest is");

        let link = inner.join("link");
        symlink(&path, &link).expect("linked");
        assert!(read(&link, 9).is_err() && open_lock(&link).is_err() && create_new(&link).is_err());
        assert!(overwrite(&link, b"2wo").is_err(), "a link is not written through");
        assert!(read(&inner, 9).is_err(), "a directory is no file");
        replace(&link, b"new", Durability::Cached).expect("the link is replaced, not what it points at");
        assert_eq!(
            (read(&link, 9).expect("read"), read(&path, 9).expect("read")),
            (b"new".to_vec(), b"two".to_vec())
        );
    }
}
