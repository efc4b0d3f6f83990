//! Errors of files and locks, in the family's words.

use std::io;
use std::path::Path;

use connector_core::Error;

/// An error of the file or directory at `path`, which is `what`.
pub(crate) fn file(what: &str, path: &Path, error: io::Error) -> Error {
    use io::ErrorKind::{
        NotADirectory, NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    let shown = path.display();
    let out = match error.kind() {
        PermissionDenied | ReadOnlyFilesystem | NotADirectory | NotFound => not_writable(what, path),
        StorageFull | QuotaExceeded => disk_full(what, path),
        _ => Error::store(format!("{what} at {shown} cannot be used"))
            .with_hint("make sure that the path holds an ordinary file or directory of yours, not a link"),
    };
    out.with_cause(error.to_string()).with_source(error)
}

pub(crate) fn not_writable(what: &str, path: &Path) -> Error {
    Error::store(format!("{what} at {} cannot be read and written", path.display()))
        .with_hint("give yourself the right to write there, or choose another directory with CONNECTOR_HOME")
}

pub(crate) fn disk_full(what: &str, path: &Path) -> Error {
    Error::store(format!("no space is left for {what} at {}", path.display()))
        .with_hint("free some space and try again: nothing was changed")
}

/// Somebody else holds the lock and did not let go in time.
pub(crate) fn locked(directory: &Path) -> Error {
    Error::store(format!("the store in {} is locked by another process", directory.display()))
        .with_hint("try again when the other `connector` process has finished, or end it if it hangs")
        .transient(true)
}

/// The disk, or who is before us, did not answer in time.
pub(crate) fn no_answer(directory: &Path) -> Error {
    Error::store(format!("the audit in {} could not be written in time", directory.display()))
        .with_hint("nothing was released: see whether the disk answers, and which process holds the store")
        .transient(true)
}

/// What is stored is not what this program stored.
pub(crate) fn damaged(what: impl Into<String>) -> Error {
    Error::store(what).with_hint("restore a backup with `connector store restore FILE`")
}
