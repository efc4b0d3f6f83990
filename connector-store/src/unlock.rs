//! The master key of an open store: read when it is needed for the first time, and followed when another
//! process replaces it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use connector_core::{Error, Result};
use sqlx::SqliteConnection;

use crate::audit::chain;
use crate::error;
use crate::key::{self, KeyRow, KeySource, Loaded, MasterKey};
use crate::lock::Lock;
use crate::record::Record;
use crate::store::{Store, blocking, not_found};

/// Where the key comes from now, and the key once it was read.
#[derive(Debug)]
pub(crate) struct Keys {
    source: RwLock<KeySource>,
    master: tokio::sync::Mutex<Option<Arc<MasterKey>>>,
}

impl Keys {
    pub(crate) fn new(source: KeySource) -> Self {
        Self { source: RwLock::new(source), master: tokio::sync::Mutex::default() }
    }
}

impl Store {
    /// Reads the master key and checks it, where the store has one already. Whoever wants to ask for a
    /// passphrase at a time of his choosing calls it; everything else does so when needed.
    ///
    /// # Errors
    /// [`Refused`](connector_core::ErrorKind::Refused) when it is another key,
    /// [`Store`](connector_core::ErrorKind::Store) when its file is missing.
    pub async fn unlock(&self) -> Result<()> {
        while let Some(row) = self.key_row().await? {
            let id = row.id.clone();
            match self.master(row).await {
                Err(_) if self.has_other_key(&id).await? => {}
                done => return done.map(drop),
            }
        }
        Ok(())
    }
}

/// What the other parts of the store build on.
impl Store {
    pub(crate) fn source(&self) -> KeySource {
        self.keys().source.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_source(&self, source: KeySource) {
        *self.keys().source.write().unwrap_or_else(PoisonError::into_inner) = source;
    }

    /// Uses this key from now on.
    pub(crate) async fn use_key(&self, source: KeySource, master: MasterKey) {
        self.set_source(source);
        *self.keys().master.lock().await = Some(Arc::new(master));
    }

    /// The key that belongs to this row: read once per process, again when another process has changed it.
    /// When it is read, the store is compared with its anchor.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store) also when the store was rolled back.
    pub(crate) async fn master(&self, row: KeyRow) -> Result<Arc<MasterKey>> {
        let mut cached = self.keys().master.lock().await;
        if let Some(master) = cached.as_ref().filter(|it| it.id == row.id) {
            return Ok(Arc::clone(master));
        }
        let source = self.source();
        let loaded = blocking(move || key::load(&source, row)).await?;
        if !loaded.is_settled() {
            self.settle(&loaded).await;
        }
        self.check_anchor(&loaded.master).await?;
        let master = Arc::new(loaded.master);
        *cached = Some(Arc::clone(&master));
        Ok(master)
    }

    /// As [`master`](Self::master), without a look at the anchor.
    pub(crate) async fn master_unchecked(&self, row: KeyRow) -> Result<Arc<MasterKey>> {
        if let Some(master) = self.keys().master.lock().await.as_ref().filter(|it| it.id == row.id) {
            return Ok(Arc::clone(master));
        }
        let source = self.source();
        Ok(Arc::new(blocking(move || key::load(&source, row)).await?.master))
    }

    /// As [`master_unchecked`](Self::master_unchecked), where nobody has to be asked for it: a key that is in
    /// memory, in a file or given. Nothing when it cannot be had so, or is another one.
    pub(crate) async fn master_unasked(&self, row: KeyRow) -> Option<Arc<MasterKey>> {
        let is_silent = matches!(self.source(), KeySource::File(_) | KeySource::Literal(_));
        let is_known = self.keys().master.lock().await.as_ref().is_some_and(|it| it.id == row.id);
        if is_silent || is_known { self.master_unchecked(row).await.ok() } else { None }
    }

    /// The key that the store is sealed with.
    pub(crate) async fn master_in(&self, connection: &mut SqliteConnection) -> Result<Arc<MasterKey>> {
        let row = KeyRow::read(connection).await.map_err(|it| self.fault(it))?;
        self.master(row.ok_or_else(no_key_row)?).await
    }

    /// As [`master_in`](Self::master_in), and a store that has none yet gets one. The caller holds the
    /// store's lock and a transaction.
    pub(crate) async fn master_or_new(
        &self,
        connection: &mut SqliteConnection,
        now: SystemTime,
    ) -> Result<Arc<MasterKey>> {
        if let Some(row) = KeyRow::read(&mut *connection).await.map_err(|it| self.fault(it))? {
            return self.master(row).await;
        }
        // Where something is sealed there was a key: no new one may take its place.
        let sealed =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM seals)").fetch_one(&mut *connection).await;
        if sealed.map_err(|it| self.fault(it))? {
            return Err(no_key_row());
        }
        let mut cached = self.keys().master.lock().await;
        let source = self.source();
        let loaded = blocking(move || key::create(&source, now)).await?;
        loaded.row.write(&mut *connection).await.map_err(|it| self.fault(it))?;
        // An anchor that is there belongs to a store that was removed to begin anew.
        let place = self.anchor_place();
        place.remove().map_err(|it| error::file("the anchor of the audit in", self.directory(), it))?;
        chain::key(connection, &loaded.master, self.path()).await?;
        let master = Arc::new(loaded.master);
        *cached = Some(Arc::clone(&master));
        Ok(master)
    }

    /// A connector's rows, of one moment, and the key they are sealed with.
    pub(crate) async fn sealed(&self, id: &str, name: &str) -> Result<(Record, Arc<MasterKey>)> {
        loop {
            let read = async {
                let mut transaction = self.pool().begin().await?;
                let row = KeyRow::read(&mut transaction).await?;
                let record = Record::read(&mut transaction, id).await?;
                transaction.commit().await?;
                Ok((row, record))
            };
            let (row, record) = read.await.map_err(|it| self.fault(it))?;
            let record = record.ok_or_else(|| not_found(name))?;
            let row = row.ok_or_else(no_key_row)?;
            let key_id = row.id.clone();
            match self.master(row).await {
                Err(_) if self.has_other_key(&key_id).await? => {}
                done => return Ok((record, done?)),
            }
        }
    }

    /// What the store knows of its key; nothing before the first secret.
    pub(crate) async fn key_row(&self) -> Result<Option<KeyRow>> {
        KeyRow::read(&mut *self.connection().await?).await.map_err(|it| self.fault(it))
    }

    /// Whether another process replaced the key after its row was read: then what was read belongs to no
    /// key any more, and is to be read again.
    pub(crate) async fn has_other_key(&self, id: &str) -> Result<bool> {
        Ok(self.key_row().await?.is_some_and(|it| it.id != id))
    }

    /// Finishes a change of keys that was cut off, if nobody else is at it.
    async fn settle(&self, loaded: &Loaded) {
        let Ok(Some(_lock)) = Lock::try_new(&crate::lock_path(self.directory())) else { return };
        // It is tried again at the next start; the key works meanwhile.
        let _ = self.settle_locked(loaded).await;
    }

    /// [`settle`](Self::settle) for who holds the lock.
    pub(crate) async fn settle_locked(&self, loaded: &Loaded) -> Result<()> {
        if self.key_row().await?.is_none_or(|it| it.id != loaded.row.id) {
            return Ok(());
        }
        loaded.settle(self.directory())?;
        let row = loaded.row.clone().with_retired(None, &loaded.master)?;
        row.write(&mut *self.connection().await?).await.map_err(|it| self.fault(it))
    }
}

fn no_key_row() -> Error {
    error::damaged("the store has secrets, but no record of its master key")
}
