//! The master key in a file of its own.
//!
//! A new key for the same file is first written beside it, as `FILE.next`. The database says which of the
//! two is in use: whichever proves itself to the row is, so a crash between the switch in the database and
//! the move of the file leaves exactly one key that works.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use connector_core::{Error, Result};
use zeroize::Zeroizing;

use super::{KeyRow, Staged, decode, encode, right, wrong};
use crate::error;
use crate::file::{self, Durability};
use crate::seal::Key;

const LIMIT: u64 = 1024;

/// Reads the key that proves itself: from the file, or from the one beside it.
pub(super) fn load(path: &Path, row: &KeyRow) -> Result<(Option<Key>, Option<Staged>)> {
    let proved = |path: &Path| Ok::<_, Error>(read(path)?.filter(|it| row.is_proved_by(it)));
    let staged = Staged { from: next(path), to: path.to_owned() };
    if let Some(key) = proved(path)? {
        return Ok((Some(key), None));
    }
    if let Some(key) = proved(&staged.from)? {
        return Ok((Some(key), Some(staged)));
    }
    // Once more: it may have been moved between the two looks.
    let present = read(path)?;
    let found = present.is_some();
    if let Some(key) = present.filter(|it| row.is_proved_by(it)) {
        return Ok((Some(key), None));
    }
    if found {
        return Err(wrong(row));
    }
    let missing = Error::store(format!("the master key file {} is missing", path.display()));
    Err(match (row.source.as_str(), &row.location) {
        ("file", Some(place)) if Path::new(place) == path => {
            missing.with_hint("put the file back: without it nobody can open the stored secrets")
        }
        _ => missing.with_hint(right(row)),
    })
}

/// Makes the key of a file. A key that is there already is taken, unless it is the one to be replaced: then
/// the new one waits beside it.
pub(super) fn make(path: &Path, old: Option<&KeyRow>) -> Result<(Key, Option<Staged>)> {
    let staged = match (read(path)?, old) {
        (Some(key), Some(old)) if old.is_proved_by(&key) => {
            Some(Staged { from: next(path), to: path.to_owned() })
        }
        (Some(key), _) => return Ok((key, None)),
        (None, _) => None,
    };
    let to = staged.as_ref().map_or(path, |it| &it.from);
    if let Some(parent) = path.parent() {
        file::create_dir(parent).map_err(|it| fault(path, it))?;
    }
    file::replace(to, line(&Key::generate()?).as_bytes(), Durability::Durable).map_err(|it| fault(to, it))?;
    // What counts is what can be read again.
    let written = read(to)?.ok_or_else(|| fault(to, io::ErrorKind::NotFound.into()))?;
    Ok((written, staged))
}

/// Writes a key to a file that was not there.
pub(super) fn write_new(path: &Path, key: &Key) -> Result<()> {
    let mut to = file::create_new(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::invalid(format!("{} exists already", path.display()))
            .with_hint("choose another file: a key is not overwritten"),
        io::ErrorKind::NotFound => Error::not_found(format!("no directory for {}", path.display())),
        _ => fault(path, error),
    })?;
    let written = to.write_all(line(key).as_bytes()).and_then(|()| to.sync_all());
    written.and_then(|()| file::sync_parent(path)).map_err(|it| fault(path, it))
}

/// Moves a key to where it belongs; when it was moved already there is nothing to do.
pub(super) fn settle(staged: &Staged) -> Result<()> {
    match file::rename(&staged.from, &staged.to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fault(&staged.to, error)),
        _ => Ok(()),
    }
}

/// Removes a key file, unless it holds the key in use: two paths may be one file.
pub(super) fn remove(path: &Path, current: &KeyRow) -> Result<()> {
    match read(path)? {
        Some(key) if !current.is_proved_by(&key) => file::remove(path).map_err(|it| fault(path, it)),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<Option<Key>> {
    let content = match file::read(path, LIMIT) {
        Ok(content) => Zeroizing::new(content),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(path, error)),
    };
    let text = std::str::from_utf8(&content).unwrap_or_default();
    decode(text)
        .map(Some)
        .map_err(|it| it.context(format!("the master key file {} does not read", path.display())))
}

/// A key as its file holds it.
fn line(key: &Key) -> Zeroizing<String> {
    Zeroizing::new(format!("{}\n", encode(key).expose()))
}

fn next(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".next");
    path.with_file_name(name)
}

fn fault(path: &Path, error: io::Error) -> Error {
    error::file("the master key file", path, error)
}
