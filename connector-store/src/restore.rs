//! Putting a copy in the place of a store.

use std::path::{Path, PathBuf};

use connector_core::{Error, ErrorKind, Result};
use sqlx::{Connection, SqliteConnection};

use crate::audit::anchor::Place;
use crate::key::{self, KeyRow, MasterKey};
use crate::maintenance::{self, journal, with_suffix};
use crate::record::Record;
use crate::store::{Options, Store, blocking, lock};
use crate::{audit, database, error, file, step};

impl Store {
    /// Replaces what is stored by a copy that [`backup`](Store::backup) made, and opens it. The copy is
    /// checked first: the file, its version, and with the master key every record in it. What was stored
    /// stays beside it as `store.db.before-restore`.
    ///
    /// Other processes may have the store open; they see the restored one. Nothing that was cached before is
    /// used after it: a connector that comes back in another form gets a version it never had. Works on a
    /// damaged store too, and on one that was rolled back.
    ///
    /// The audit stays as it is, and `note` is written behind it, as a part of the change; how many records
    /// of the copy are not in it is added to the note. An empty or damaged store takes over the audit of the
    /// copy, and goes on from there.
    ///
    /// # Errors
    /// [`NotFound`](connector_core::ErrorKind::NotFound) when there is no such file,
    /// [`Store`](connector_core::ErrorKind::Store) when it is damaged or of a newer version,
    /// [`Refused`](connector_core::ErrorKind::Refused) when it was sealed with another master key. In each
    /// case nothing is changed.
    pub async fn restore(options: Options, backup: &Path, note: &audit::Record) -> Result<Self> {
        Self::check_backup(backup)?;
        let directory = &options.directory;
        file::create_dir(directory).map_err(|it| error::file("the store directory", directory, it))?;
        {
            let _lock = lock(directory, options.wait).await?;
            let staged = Staged::copy(backup, &options).await?;
            let master = staged.check(&options).await?;
            step::reached();
            match replace_rows(&staged, &options, master.as_ref(), note).await {
                Err(error) if database::is_damage(&error) => {
                    replace_file(staged, &options, master.as_ref(), note).await?;
                }
                done => done?,
            }
        }
        Self::open(options).await
    }

    /// Whether there is a file to restore from; what is in it shows only then.
    ///
    /// # Errors
    /// [`NotFound`](connector_core::ErrorKind::NotFound) when there is none,
    /// [`InvalidInput`](connector_core::ErrorKind::InvalidInput) when it is no file.
    pub fn check_backup(backup: &Path) -> Result<()> {
        let shown = backup.display();
        let found = std::fs::metadata(backup).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::not_found(format!("there is no backup {shown}")),
            kind => Error::invalid(format!("the backup {shown} cannot be read: {kind}")),
        })?;
        match (found.is_dir(), found.is_file()) {
            (_, true) => Ok(()),
            (true, _) => Err(Error::invalid(format!("{shown} is a directory, and no backup"))
                .with_hint("give the file that `connector store backup FILE` wrote")),
            _ => Err(Error::invalid(format!("{shown} is no ordinary file"))),
        }
    }
}

/// A private copy of the backup, inside the store's directory; removed unless it is put in place.
struct Staged {
    path: PathBuf,
    /// What it is a copy of.
    backup: PathBuf,
}

impl Drop for Staged {
    fn drop(&mut self) {
        for path in [self.path.clone(), journal(&self.path), with_suffix(&self.path, "-shm")] {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Staged {
    async fn copy(backup: &Path, options: &Options) -> Result<Self> {
        let unreadable = |it: std::io::Error| {
            Error::invalid(format!("the backup {} cannot be read: {}", backup.display(), it.kind()))
        };
        let mut from = std::fs::File::open(backup).map_err(unreadable)?;
        let fault = |it| error::file("the store directory", &options.directory, it);
        let path = file::staged(&options.database()).map_err(fault)?;
        let mut to = file::create_new(&path).map_err(fault)?;
        let staged = Self { path, backup: backup.to_owned() };
        let copied = blocking(move || Ok(std::io::copy(&mut from, &mut to).and_then(|_| to.sync_all())));
        copied.await?.map_err(fault)?;
        Ok(staged)
    }

    /// Shows that the copy is whole, ours, of a version we know, and that this key opens all of it.
    async fn check(&self, options: &Options) -> Result<Option<MasterKey>> {
        let shown = self.backup.display();
        let refused = |it: Error| it.context(format!("the backup {shown} cannot be used"));
        let other = |it: Error| match it.hint() {
            Some(database::NEWER) => refused(it),
            _ => refused(it).with_hint("choose another backup"),
        };
        let fault = |it| other(database::fault(&self.backup, it));
        let connected = database::connect_copy(&self.path, &self.backup, options.wait).await;
        let mut connection = connected.map_err(other)?;
        if database::version(&mut connection, &self.backup).await.map_err(other)? == 0 {
            return Err(other(error::damaged("it is empty")));
        }
        let found = database::integrity(&mut connection).await.map_err(fault)?;
        if found != "ok" {
            return Err(other(error::damaged("it is damaged")));
        }
        sqlx::query("PRAGMA journal_mode = WAL").execute(&mut connection).await.map_err(fault)?;
        database::migrate(&mut connection, &self.backup).await.map_err(refused)?;

        let row = KeyRow::read(&mut connection).await.map_err(fault)?;
        let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM connectors")
            .fetch_all(&mut connection)
            .await
            .map_err(fault)?;
        let master = match row {
            Some(row) => {
                let source = options.key.clone();
                let loaded = blocking(move || key::load(&source, row)).await;
                Some(loaded.map_err(|it| refused(of_another_key(it)))?.master)
            }
            None if ids.is_empty() => None,
            None => return Err(other(error::damaged("it has no record of its master key"))),
        };
        for id in ids {
            let record = Record::read(&mut connection, &id).await.map_err(fault)?;
            if let (Some(record), Some(master)) = (record, &master) {
                record.verify(master).map_err(refused)?;
            }
        }
        database::close(connection, &self.backup).await?;
        Ok(master)
    }
}

/// A copy is sealed with the key of its time, which may have been replaced since.
fn of_another_key(error: Error) -> Error {
    if error.kind() != ErrorKind::Refused || error.message() != key::WRONG {
        return error;
    }
    Error::refused("it was made with another master key than the present one").with_hint(
        "give the key of its time, such as `CONNECTOR_MASTER_KEY_FILE=FILE` with what `rotate-key --keep-old \
         FILE` kept; the store is sealed with that key then",
    )
}

/// Replaces all rows in one transaction, which other processes see as any other change.
async fn replace_rows(
    staged: &Staged,
    options: &Options,
    master: Option<&MasterKey>,
    note: &audit::Record,
) -> Result<()> {
    let path = options.database();
    match file::create_new(&path) {
        Err(it) if it.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(error::file("the store", &path, it));
        }
        _ => {}
    }
    let fault = |it| database::fault(&path, it);
    let mut connection = database::connect(&path, options.wait).await?;
    if database::version(&mut connection, &path).await? > 0 {
        let aside = file::staged(&path).map_err(|it| error::file("the store", &path, it))?;
        file::create_new(&aside).map_err(|it| error::file("the store", &path, it))?;
        maintenance::copy(&path, &aside, options.wait).await?;
        file::rename(&aside, &before(&path)).map_err(|it| error::file("the store", &path, it))?;
    }
    database::migrate(&mut connection, &path).await?;
    sqlx::query("ATTACH DATABASE ? AS source")
        .bind(staged.path.to_string_lossy().into_owned())
        .execute(&mut connection)
        .await
        .map_err(fault)?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
    let note = audit::merge(&mut transaction, master, note, &path).await?;
    let changed: Vec<(String, u64)> = sqlx::query_as(
        // Also what was deleted meanwhile is not to come back as an older version of itself.
        "SELECT id, max(here, there, audited) FROM ( \
            SELECT there.id, there.document ->> '$.version' AS there, \
                coalesce(here.document ->> '$.version', 0) AS here, \
                coalesce(here.document, there.document) <> there.document AS differs, \
                (SELECT coalesce(max(version), 0) FROM main.audit WHERE connector_id = there.id) AS audited \
            FROM source.connectors there LEFT JOIN main.connectors here USING (id)) \
         WHERE differs OR audited > there",
    )
    .fetch_all(&mut *transaction)
    .await
    .map_err(fault)?;
    sqlx::raw_sql(COPY_ROWS).execute(&mut *transaction).await.map_err(fault)?;
    for (id, version) in changed {
        let record = Record::read(&mut transaction, &id).await.map_err(fault)?;
        if let (Some(record), Some(master)) = (record, master) {
            raise_version(&mut transaction, record, version + 1, master, &path).await?;
        }
    }
    // Before the commit: a crash between the two leaves the store as it was, and an empty cache.
    crate::Cache::new(&options.directory).clear_locked()?;
    let written = audit::note(&mut transaction, master, &note, &path).await?;
    step::reached();
    transaction.commit().await.map_err(fault)?;
    step::reached();
    written.set_anchor(&anchor_place(options));
    database::close(connection, &path).await
}

fn anchor_place(options: &Options) -> Place {
    Place::of(&options.key, &options.directory)
}

const COPY_ROWS: &str = "
    DELETE FROM main.connectors;
    DELETE FROM main.master_key;
    INSERT INTO main.connectors (id, document) SELECT id, document FROM source.connectors;
    INSERT INTO main.master_key SELECT * FROM source.master_key;
    INSERT INTO main.seals SELECT * FROM source.seals;
    INSERT INTO main.secrets SELECT * FROM source.secrets;
    INSERT INTO main.kept SELECT * FROM source.kept;
";

async fn raise_version(
    connection: &mut SqliteConnection,
    mut record: Record,
    version: u64,
    master: &MasterKey,
    path: &Path,
) -> Result<()> {
    let key = record.unwrap_of_any_time(master)?;
    let mut document = record.document()?;
    document.version = version;
    record.begin_change()?;
    record.set_document(&document)?;
    record.wrap(&key, master)?;
    record.write(connection).await.map_err(|it| database::fault(path, it))
}

/// Replaces the file of a store that SQLite cannot read any more, so that nobody can be using it.
async fn replace_file(
    staged: Staged,
    options: &Options,
    master: Option<&MasterKey>,
    note: &audit::Record,
) -> Result<()> {
    let path = options.database();
    let mut connection = database::connect(&staged.path, options.wait).await?;
    let written = audit::note(&mut connection, master, note, &path).await?;
    database::close(connection, &path).await?;
    let place = anchor_place(options);
    // An anchor of what is replaced says nothing of what replaces it.
    place.remove().map_err(|it| error::file("the anchor of the audit in", &options.directory, it))?;
    crate::Cache::new(&options.directory).clear_locked()?;
    let replace = move || {
        let aside = before(&path);
        for (from, to) in [(path.clone(), aside.clone()), (journal(&path), journal(&aside))] {
            file::remove(&to)?;
            if from.exists() {
                let mut to = file::create_new(&to)?;
                std::io::copy(&mut std::fs::File::open(&from)?, &mut to)?;
                to.sync_all()?;
            }
        }
        // A log of the old file must not be applied to the new one.
        file::remove(&journal(&path))?;
        file::remove(&with_suffix(&path, "-shm"))?;
        file::rename(&staged.path, &path)
    };
    let directory = options.directory.clone();
    blocking(move || replace().map_err(|it| error::file("the store", &directory, it))).await?;
    written.set_anchor(&place);
    Ok(())
}

/// Where the replaced store stays.
fn before(path: &Path) -> PathBuf {
    with_suffix(path, ".before-restore")
}
