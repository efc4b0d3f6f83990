//! Changes: read, check and write under one lock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use connector_core::{Document, Error, Result, Secret, check_name, format_time, parse_time};
use sqlx::{Sqlite, Transaction};
use tokio::sync::OwnedMutexGuard;
use uuid::{NoContext, Timestamp, Uuid};

use crate::fast::Index;
use crate::list::{Row, by_id, by_name};
use crate::lock::Lock;
use crate::record::Record;
use crate::store::{Store, changed_meanwhile, not_found};
use crate::{Filter, Page, audit, database, error, list, step};

/// A change in the making. It holds the lock between processes and a transaction: what it reads stays true
/// until it is committed. Dropped without [`commit`](Self::commit) it changes nothing.
///
/// Call [`Store::unlock`] before [`Store::write`] when a passphrase may have to be asked for, so that
/// nobody waits for the person who types it.
#[derive(Debug)]
#[must_use = "nothing is stored before `commit`"]
pub struct Write {
    // Dropped in this order: the transaction is rolled back before the locks are let go.
    transaction: Transaction<'static, Sqlite>,
    /// What the index has to say afterwards, by name; nothing where the name is free then.
    changed: BTreeMap<String, Option<Document>>,
    /// The ids of those that were something else before.
    replaced: BTreeSet<String>,
    /// The last audit record of the change.
    audited: Option<audit::Written>,
    store: Store,
    _lock: Lock,
    _turn: OwnedMutexGuard<()>,
}

impl Write {
    pub(crate) async fn begin(store: &Store) -> Result<Self> {
        let turn = store.turn().await;
        let lock = store.lock().await?;
        let transaction = store.pool().begin_with("BEGIN IMMEDIATE").await.map_err(|it| store.fault(it))?;
        let (changed, replaced, store) = (BTreeMap::new(), BTreeSet::new(), store.clone());
        Ok(Self { transaction, changed, replaced, audited: None, store, _lock: lock, _turn: turn })
    }

    /// As [`Store::get`].
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store).
    pub async fn get(&mut self, name: &str) -> Result<Option<Document>> {
        let found = by_name(&mut self.transaction, name).await.map_err(|it| self.store.fault(it))?;
        found.map(Row::document).transpose()
    }

    /// As [`Store::get_by_id`].
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store).
    pub async fn get_by_id(&mut self, id: &str) -> Result<Option<Document>> {
        let found = by_id(&mut self.transaction, id).await.map_err(|it| self.store.fault(it))?;
        found.map(Row::document).transpose()
    }

    /// As [`Store::list`].
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store).
    pub async fn list(&mut self, filter: &Filter, page: &Page) -> Result<Vec<Document>> {
        let found = list::rows(&mut self.transaction, filter, page).await;
        found.map_err(|it| self.store.fault(it))?.into_iter().map(Row::document).collect()
    }

    /// As [`Store::put_new`].
    ///
    /// # Errors
    /// As there.
    pub async fn put_new(
        &mut self,
        mut document: Document,
        secrets: BTreeMap<String, Secret>,
        now: SystemTime,
    ) -> Result<Document> {
        check_name(&document.name)?;
        document.id = new_id(now);
        document.secret_id = (!secrets.is_empty()).then(|| new_id(now));
        document.version = 1;
        document.created = now;
        document.updated = now;
        let document = whole_seconds(document)?;
        let (mut record, key) = Record::new(&document)?;
        if let Some(secret_id) = &document.secret_id {
            record.set_secrets(&key, secret_id, &secrets)?;
        }
        let master = self.store.master_or_new(&mut self.transaction, now).await?;
        record.wrap(&key, &master)?;
        self.save(&record, &document).await?;
        self.changed.insert(document.name.clone(), Some(document.clone()));
        Ok(document)
    }

    /// As [`Store::update`].
    ///
    /// # Errors
    /// As there.
    pub async fn update(
        &mut self,
        document: Document,
        secrets: Option<BTreeMap<String, Secret>>,
        now: SystemTime,
    ) -> Result<Document> {
        let record = self.record(&document.id, &document.name).await?;
        let stored = record.document()?;
        if stored.version != document.version {
            return Err(changed_meanwhile(&stored, document.version));
        }
        if stored.name != document.name {
            return Err(
                Error::field("name", "an update does not change the name").with_hint("rename it instead")
            );
        }
        self.replace(record, stored, document, secrets, now).await
    }

    /// As [`Store::rename`].
    ///
    /// # Errors
    /// As there.
    pub async fn rename(&mut self, name: &str, new_name: &str, now: SystemTime) -> Result<Document> {
        check_name(new_name)?;
        let stored = self.get(name).await?.ok_or_else(|| not_found(name))?;
        let record = self.record(&stored.id, name).await?;
        let document = Document { name: new_name.to_owned(), ..stored.clone() };
        let document = self.replace(record, stored, document, None, now).await?;
        if name != new_name {
            self.changed.insert(name.to_owned(), None);
        }
        Ok(document)
    }

    /// As [`Store::delete`].
    ///
    /// # Errors
    /// As there.
    pub async fn delete(&mut self, name: &str) -> Result<Document> {
        let document = self.get(name).await?.ok_or_else(|| not_found(name))?;
        sqlx::query("DELETE FROM connectors WHERE id = ?")
            .bind(&document.id)
            .execute(&mut *self.transaction)
            .await
            .map_err(|it| self.store.fault(it))?;
        self.changed.insert(name.to_owned(), None);
        self.replaced.insert(document.id.clone());
        Ok(document)
    }

    /// As [`Store::keep`], and [`Store::forget`] for no value.
    ///
    /// # Errors
    /// As there.
    pub async fn keep(&mut self, connector_id: &str, key: &str, value: Option<&Secret>) -> Result<()> {
        let mut record = self.record(connector_id, connector_id).await?;
        let document = record.document()?;
        let master = self.store.master_in(&mut self.transaction).await?;
        let data_key = record.unwrap(&master)?;
        record.begin_change()?;
        record.set_kept(&data_key, key, value)?;
        record.wrap(&data_key, &master)?;
        self.save(&record, &document).await
    }

    /// As [`Write::keep`], for a login that a person made: with it the connector gets a new version, so that no
    /// cached credential of the login before is used any more.
    ///
    /// # Errors
    /// As [`Store::keep`].
    pub async fn keep_login(
        &mut self,
        connector_id: &str,
        key: &str,
        value: &Secret,
        now: SystemTime,
    ) -> Result<Document> {
        let record = self.record(connector_id, connector_id).await?;
        let stored = record.document()?;
        let document = self.replace(record, stored.clone(), stored, None, now).await?;
        self.keep(connector_id, key, Some(value)).await?;
        Ok(document)
    }

    /// As [`Store::audit`], as a part of the change: either both are stored or none.
    ///
    /// # Errors
    /// As there.
    pub async fn audit(&mut self, record: &audit::Record) -> Result<u64> {
        let written = self.store.append(&mut self.transaction, &[record]).await?;
        let seq = written.last();
        self.audited = Some(written);
        step::reached();
        Ok(seq)
    }

    /// Stores everything. When this returns, the change survives a crash, and no older cached credential of
    /// a changed connector is used any more, or lies on the disk.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store); then nothing is changed.
    pub async fn commit(self) -> Result<()> {
        let cache = self.store.cache().directory();
        // First no index, then the change, then the new index: between them nothing is found in the cache.
        for name in self.changed.keys() {
            Index::remove(cache, name).map_err(|it| error::file("the cache", cache, it))?;
        }
        step::reached();
        self.transaction.commit().await.map_err(|it| self.store.fault(it))?;
        step::reached();
        if let Some(written) = &self.audited {
            self.store.advance_anchor(written);
        }
        step::reached();
        for document in self.changed.values().flatten() {
            // Without it the cache is asked in vain until the next `link`; the change stands.
            let _ = Index::of(document).write(cache);
        }
        if !self.replaced.is_empty() {
            // Dead already; a file that stays is swept out when it has ended.
            let _ = self.store.cache().purge(&self.replaced);
        }
        Ok(())
    }

    async fn replace(
        &mut self,
        mut record: Record,
        stored: Document,
        mut document: Document,
        secrets: Option<BTreeMap<String, Secret>>,
        now: SystemTime,
    ) -> Result<Document> {
        let master = self.store.master_in(&mut self.transaction).await?;
        let key = record.unwrap(&master)?;
        record.begin_change()?;
        document.id = stored.id;
        document.owner = stored.owner;
        document.created = stored.created;
        document.updated = now;
        document.version = stored.version + 1;
        document.secret_id = stored.secret_id;
        if let Some(secrets) = secrets {
            let secret_id = document.secret_id.take().unwrap_or_else(|| new_id(now));
            record.set_secrets(&key, &secret_id, &secrets)?;
            document.secret_id = (!secrets.is_empty()).then_some(secret_id);
        }
        let document = whole_seconds(document)?;
        record.set_document(&document)?;
        record.wrap(&key, &master)?;
        self.save(&record, &document).await?;
        self.changed.insert(document.name.clone(), Some(document.clone()));
        self.replaced.insert(document.id.clone());
        Ok(document)
    }

    async fn record(&mut self, id: &str, name: &str) -> Result<Record> {
        let found = Record::read(&mut self.transaction, id).await.map_err(|it| self.store.fault(it))?;
        found.ok_or_else(|| not_found(name))
    }

    async fn save(&mut self, record: &Record, document: &Document) -> Result<()> {
        step::reached();
        record.write(&mut self.transaction).await.map_err(|it| {
            if database::is_taken(&it) { name_taken(&document.name) } else { self.store.fault(it) }
        })
    }
}

fn name_taken(name: &str) -> Error {
    Error::field("name", format!("there is a connector `{name}` already"))
        .with_hint("choose another name, or change that one with `connector update`")
        .with_connector(name)
}

/// A new id. It grows with time, so that rows that are made together lie together.
fn new_id(now: SystemTime) -> String {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos())).to_string()
}

/// The document with the times it will have when it is read again.
fn whole_seconds(mut document: Document) -> Result<Document> {
    let cut = |time: SystemTime| parse_time(&format_time(time));
    document.created = cut(document.created)?;
    document.updated = cut(document.updated)?;
    document.expires_at = document.expires_at.map(cut).transpose()?;
    document.duration = document.duration.map(|it| std::time::Duration::from_secs(it.as_secs()));
    Ok(document)
}
