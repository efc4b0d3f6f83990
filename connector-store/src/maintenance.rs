//! Looking after a store: what is in it, and copies of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use connector_core::{Error, Result};
use serde::Serialize;

use crate::key::KeyRow;
use crate::{Store, database, error, file};

/// What a store consists of.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Where it lies.
    pub directory: PathBuf,
    /// The database file.
    pub database: PathBuf,
    /// The size of the database and its journal, in bytes.
    pub size: u64,
    /// The version of its schema.
    pub schema_version: u32,
    /// SQLite's journal mode: `wal`.
    pub journal_mode: String,
    /// How many connectors there are.
    pub connectors: u64,
    /// How many secret values.
    pub secrets: u64,
    /// How many values that methods keep.
    pub kept: u64,
    /// How many audit records.
    pub audit_records: u64,
    /// The kind of the master key's source; none before the first secret.
    pub key_source: Option<String>,
    /// The master key's file, where it is in one.
    pub key_location: Option<String>,
    /// `ok`, or what a search of the whole database found.
    pub integrity: String,
}

impl Store {
    /// What the store consists of. Needs no key.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store).
    pub async fn status(&self) -> Result<Status> {
        let mut connection = self.connection().await?;
        let schema_version = database::version(&mut connection, self.path()).await?;
        let read = async {
            let key = KeyRow::read(&mut connection).await?;
            let counts: (u64, u64, u64, u64, String) = sqlx::query_as(
                "SELECT (SELECT count(*) FROM connectors), (SELECT count(*) FROM secrets), \
                 (SELECT count(*) FROM kept), (SELECT count(*) FROM audit), \
                 (SELECT journal_mode FROM pragma_journal_mode)",
            )
            .fetch_one(&mut *connection)
            .await?;
            Ok((key, counts, database::integrity(&mut connection).await?))
        };
        let (key, counts, integrity) = read.await.map_err(|it| self.fault(it))?;
        let (connectors, secrets, kept, audit_records, journal_mode) = counts;
        let length = |path: &Path| std::fs::metadata(path).map_or(0, |it| it.len());
        let (key_source, key_location) = key.map(|it| (it.source, it.location)).unzip();
        Ok(Status {
            directory: self.directory().to_owned(),
            database: self.path().to_owned(),
            size: length(self.path()) + length(&journal(self.path())),
            schema_version,
            journal_mode,
            connectors,
            secrets,
            kept,
            audit_records,
            key_source,
            key_location: key_location.flatten(),
            integrity,
        })
    }

    /// Writes a copy of one moment to a new file, mode 0600, while others go on. It holds no master key:
    /// keep the key of its time, apart from it.
    ///
    /// # Errors
    /// [`InvalidInput`](connector_core::ErrorKind::InvalidInput) when the file exists;
    /// [`Store`](connector_core::ErrorKind::Store) when it cannot be written.
    pub async fn backup(&self, path: &Path) -> Result<()> {
        match file::create_new(path) {
            Ok(created) => drop(created),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(Error::invalid(format!("{} exists already", path.display()))
                    .with_hint("choose another file: a backup does not overwrite"));
            }
            Err(error) => return Err(error::file("the backup", path, error)),
        }
        let copied = copy(self.path(), path, self.options().wait).await;
        if copied.is_err() {
            // Our own, made above; a half copy must not be taken for a whole one.
            let _ = file::remove(path);
        }
        copied
    }
}

/// Copies a database into an empty file, for good.
pub(crate) async fn copy(from: &Path, to: &Path, wait: Duration) -> Result<()> {
    let mut connection = database::connect(from, wait).await?;
    sqlx::query("VACUUM INTO ?")
        .bind(to.to_string_lossy().into_owned())
        .execute(&mut connection)
        .await
        .map_err(|it| database::fault(from, it))?;
    database::close(connection, from).await?;
    let sync = || {
        std::fs::OpenOptions::new().write(true).open(to)?.sync_all()?;
        file::sync_parent(to)
    };
    sync().map_err(|it| error::file("the copy", to, it))
}

/// The write-ahead log of a database.
pub(crate) fn journal(database: &Path) -> PathBuf {
    with_suffix(database, "-wal")
}

/// The path with something behind its file name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}
