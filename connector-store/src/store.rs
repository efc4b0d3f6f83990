//! The store: opening it, reading from it, and one-step changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use connector_core::{Document, Error, Result, Secret};
use sqlx::SqlitePool;

use crate::fast::{Cache, Dependency, Digest, Index};
use crate::key::KeySource;
use crate::list::{Row, by_id, by_name};
use crate::lock::{self, Lock};
use crate::unlock::Keys;
use crate::{Filter, Page, Write, audit, database, error, file, list};

/// How to open a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The directory that everything lies in.
    pub directory: PathBuf,
    /// Where the master key comes from.
    pub key: KeySource,
    /// How long to wait for another process.
    pub wait: Duration,
}

impl Options {
    /// The store in `directory`, with its key in the file `master.key` there, waiting 5 seconds for others.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        Self { key: KeySource::File(directory.join("master.key")), wait: crate::DEFAULT_WAIT, directory }
    }

    /// Takes the master key from elsewhere.
    #[must_use]
    pub fn with_key(mut self, key: KeySource) -> Self {
        self.key = key;
        self
    }

    /// Waits this long for another process.
    #[must_use]
    pub fn with_wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.directory.join("store.db")
    }
}

/// Connectors, their secrets and the audit, in one directory. A clone is the same store.
///
/// Several processes may use a store at the same time. Reading documents needs no key; the master key is
/// read when a secret is touched for the first time, and a wrong one is refused then.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: Options,
    path: PathBuf,
    pool: SqlitePool,
    cache: Cache,
    keys: Keys,
    /// Lets the writers of this process queue up, before one of them competes with other processes.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Lets those who only write to the audit share a flush.
    queue: audit::Queue,
}

impl Store {
    /// Opens the store, and makes an empty one where there is none: the directory with mode 0700, its
    /// files with 0600.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store) when the directory is not writable, the disk is full,
    /// or the database is locked, damaged, somebody else's or of a newer version.
    pub async fn open(options: Options) -> Result<Self> {
        let (directory, path) = (&options.directory, options.database());
        file::create_dir(directory).map_err(|it| error::file("the store directory", directory, it))?;
        // Held until there is something in the file: who finds it empty knows that nobody is making it.
        let mut made = None;
        if !path.exists() {
            let lock = lock(directory, options.wait).await?;
            match file::create_new(&path) {
                Ok(_) => made = Some(lock),
                Err(it) if it.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(it) => return Err(error::file("the store", &path, it)),
            }
        }
        let pool = database::open(&path, options.wait).await?;
        let store = Self(Arc::new(Inner {
            cache: Cache::new(directory).with_wait(options.wait),
            keys: Keys::new(options.key.clone()),
            turn: Arc::default(),
            queue: audit::Queue::default(),
            pool,
            path,
            options,
        }));
        store.update_schema(made).await?;
        Ok(store)
    }

    /// Brings the schema up to date. `made` is the lock under which the file was made, if it was just now.
    async fn update_schema(&self, made: Option<Lock>) -> Result<()> {
        let mut connection = self.connection().await?;
        if database::version(&mut connection, self.path()).await? == database::SCHEMA_VERSION {
            return Ok(());
        }
        let is_new = made.is_some();
        let _lock = match made {
            Some(lock) => lock,
            None => self.lock().await?,
        };
        if !is_new && database::version(&mut connection, self.path()).await? == 0 {
            self.check_never_used()?;
        }
        database::migrate(&mut connection, self.path()).await
    }

    /// An empty database beside a master key has lost what was in it: it must not pass for a new one.
    fn check_never_used(&self) -> Result<()> {
        let beside = self.directory().join("master.key");
        let key = match &self.options().key {
            KeySource::File(path) if path.exists() => path,
            _ if beside.exists() => &beside,
            _ => return Ok(()),
        };
        Err(error::damaged(format!(
            "the store at {} is empty, and its master key {} is there: it has lost its content",
            self.path().display(),
            key.display()
        ))
        .with_hint(format!(
            "restore a backup with `connector store restore FILE --force`, or remove {} to begin anew",
            self.path().display()
        )))
    }

    /// Ends the connections to the database once they are idle. Dropping a store does the same later.
    pub async fn close(&self) {
        self.0.pool.close().await;
    }

    /// The directory that the store lies in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0.options.directory
    }

    /// The sealed cache of the store.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.0.cache
    }

    /// The connector of this name, if there is one.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store).
    pub async fn get(&self, name: &str) -> Result<Option<Document>> {
        let mut connection = self.connection().await?;
        by_name(&mut connection, name).await.map_err(|it| self.fault(it))?.map(Row::document).transpose()
    }

    /// The connector with this id, if there is one.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store).
    pub async fn get_by_id(&self, id: &str) -> Result<Option<Document>> {
        let mut connection = self.connection().await?;
        by_id(&mut connection, id).await.map_err(|it| self.fault(it))?.map(Row::document).transpose()
    }

    /// Connectors, sorted by name.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store).
    pub async fn list(&self, filter: &Filter, page: &Page) -> Result<Vec<Document>> {
        let mut connection = self.connection().await?;
        let found = list::rows(&mut connection, filter, page).await.map_err(|it| self.fault(it))?;
        found.into_iter().map(Row::document).collect()
    }

    /// The secrets of a connector; empty when it has none. This also shows that the document is the one
    /// that was stored: call it before every use of a document that may reach a provider.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store) when anything of the connector was changed from outside, or
    /// is older than what the audit or its anchor knows;
    /// [`InvalidInput`](connector_core::ErrorKind::InvalidInput) when it was updated since `document` was
    /// read; [`Refused`](connector_core::ErrorKind::Refused) when the master key is another one.
    pub async fn secrets(&self, document: &Document) -> Result<BTreeMap<String, Secret>> {
        let (record, master) = self.sealed(&document.id, &document.name).await?;
        let key = record.unwrap(&master)?;
        let stored = record.document()?;
        if stored != *document {
            return Err(changed_meanwhile(&stored, document.version));
        }
        record.secrets(&key)
    }

    /// What was kept for a connector under this key, if anything.
    ///
    /// # Errors
    /// As [`secrets`](Self::secrets); [`NotFound`](connector_core::ErrorKind::NotFound) when the connector
    /// is gone.
    pub async fn kept(&self, connector_id: &str, key: &str) -> Result<Option<Secret>> {
        let (record, master) = self.sealed(connector_id, connector_id).await?;
        record.kept(&record.unwrap(&master)?, key)
    }

    /// Begins a change that other processes wait for. Reads through it see what the change will be based
    /// on; nothing is stored before [`Write::commit`]. Never wait for a provider while holding it.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store) when another process holds the lock for too long.
    pub async fn write(&self) -> Result<Write> {
        Write::begin(self).await
    }

    /// Stores a new connector: gives it an id, version 1, the time, and a secret id if it has secrets.
    ///
    /// # Errors
    /// [`InvalidInput`](connector_core::ErrorKind::InvalidInput) for the field `name` when it is taken or
    /// no name; otherwise as [`secrets`](Self::secrets).
    pub async fn put_new(
        &self,
        document: Document,
        secrets: BTreeMap<String, Secret>,
        now: SystemTime,
    ) -> Result<Document> {
        self.unlock().await?;
        let mut write = self.write().await?;
        let stored = write.put_new(document, secrets, now).await?;
        write.commit().await?;
        Ok(stored)
    }

    /// Replaces a connector that is still in `document.version`, and its secrets unless they are `None`.
    /// Id, name, secret id, owner and creation time stay. What is kept for it stays too.
    ///
    /// # Errors
    /// [`InvalidInput`](connector_core::ErrorKind::InvalidInput) when it was changed since it was read;
    /// [`NotFound`](connector_core::ErrorKind::NotFound) when it is gone; otherwise as
    /// [`secrets`](Self::secrets).
    pub async fn update(
        &self,
        document: Document,
        secrets: Option<BTreeMap<String, Secret>>,
        now: SystemTime,
    ) -> Result<Document> {
        self.unlock().await?;
        let mut write = self.write().await?;
        let stored = write.update(document, secrets, now).await?;
        write.commit().await?;
        Ok(stored)
    }

    /// Gives a connector another name.
    ///
    /// # Errors
    /// As [`put_new`](Self::put_new) and [`update`](Self::update).
    pub async fn rename(&self, name: &str, new_name: &str, now: SystemTime) -> Result<Document> {
        self.unlock().await?;
        let mut write = self.write().await?;
        let stored = write.rename(name, new_name, now).await?;
        write.commit().await?;
        Ok(stored)
    }

    /// Deletes a connector, its secrets and what was kept for it; returns what it was. Needs no key.
    ///
    /// # Errors
    /// [`NotFound`](connector_core::ErrorKind::NotFound) when there is none of this name.
    pub async fn delete(&self, name: &str) -> Result<Document> {
        let mut write = self.write().await?;
        let gone = write.delete(name).await?;
        write.commit().await?;
        Ok(gone)
    }

    /// Keeps a value for a connector, sealed, in place of the one under this key: a token that a login
    /// gave. The connector's version stays.
    ///
    /// # Errors
    /// As [`kept`](Self::kept).
    pub async fn keep(&self, connector_id: &str, key: &str, value: &Secret) -> Result<()> {
        self.unlock().await?;
        let mut write = self.write().await?;
        write.keep(connector_id, key, Some(value)).await?;
        write.commit().await
    }

    /// Forgets what was kept under this key, if anything.
    ///
    /// # Errors
    /// As [`kept`](Self::kept).
    pub async fn forget(&self, connector_id: &str, key: &str) -> Result<()> {
        self.unlock().await?;
        let mut write = self.write().await?;
        write.keep(connector_id, key, None).await?;
        write.commit().await
    }

    /// Lets a cached entry answer a target of a connector from now on, and brings the index up to date for
    /// all connectors that the entry depends on. `false`, and nothing is changed, when one of them is not
    /// in that version any more.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store).
    pub async fn link(
        &self,
        connector: &Dependency,
        dependencies: &[Dependency],
        target: &Digest,
        entry: &Digest,
    ) -> Result<bool> {
        let (_turn, _lock) = (self.turn().await, self.lock().await?);
        let mut connection = self.connection().await?;
        let mut indexes = Vec::new();
        for dependency in dependencies.iter().chain([connector]) {
            let found = by_id(&mut connection, &dependency.id).await.map_err(|it| self.fault(it))?;
            let index = found.map(Row::document).transpose()?.map(|it| Index::of(&it));
            match index.filter(|it| it.is(dependency)) {
                Some(index) => indexes.push(index),
                None => return Ok(false),
            }
        }
        let cache = self.cache().directory();
        for index in indexes {
            let present = Index::read(cache, &index.name);
            if present.is_none_or(|it| !it.agrees(&index)) {
                index.write(cache).map_err(|it| error::file("the cache", cache, it))?;
            }
        }
        self.cache().link_locked(connector, target, entry)
    }
}

/// What the other parts of the store build on.
impl Store {
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(crate) fn pool(&self) -> &SqlitePool {
        &self.0.pool
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn queue(&self) -> &audit::Queue {
        &self.0.queue
    }

    pub(crate) fn fault(&self, error: sqlx::Error) -> Error {
        database::fault(self.path(), error)
    }

    pub(crate) async fn connection(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Sqlite>> {
        self.0.pool.acquire().await.map_err(|it| self.fault(it))
    }

    /// Waits for this process's other writers.
    pub(crate) async fn turn(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.0.turn).lock_owned().await
    }

    /// Waits for other processes' writers.
    pub(crate) async fn lock(&self) -> Result<Lock> {
        lock(self.directory(), self.options().wait).await
    }
}

/// Runs what may ask a person or takes long, away from the runtime's threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::unexpected("a background task of the store ended"))?
}

/// Takes the lock between processes, and waits for it without blocking the thread.
pub(crate) async fn lock(directory: &Path, wait: Duration) -> Result<Lock> {
    let path = crate::lock_path(directory);
    let mut pauses = lock::pauses(wait);
    loop {
        if let Some(lock) =
            Lock::try_new(&path).map_err(|it| error::file("the store directory", directory, it))?
        {
            return Ok(lock);
        }
        match pauses.next() {
            Some(pause) => {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "a file lock is polled; a faked clock frees none"
                )]
                tokio::time::sleep(pause).await;
            }
            None => return Err(error::locked(directory)),
        }
    }
}

pub(crate) fn not_found(name: &str) -> Error {
    Error::not_found(format!("there is no connector `{name}`"))
        .with_hint("list the connectors with `connector list`")
        .with_connector(name)
}

pub(crate) fn changed_meanwhile(stored: &Document, version: u64) -> Error {
    Error::field(
        "version",
        format!("the connector is in version {}, not in version {version} any more", stored.version),
    )
    .with_hint("read it again and repeat the change: somebody else changed it meanwhile")
    .with_connector(&stored.name)
}
