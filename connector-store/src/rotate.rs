//! Replacing the master key.
//!
//! The new key is made and left where it can be found ([`prepare`](Store::prepare)), every data key is
//! wrapped by it in one transaction that also names it as the key in use ([`switch`](Store::switch)), and
//! then it is moved to its place and the old one removed ([`settle`](Store::settle_locked)). Whatever step a
//! crash comes after, exactly one key opens the store; the last step is repeated at the next use.

use std::path::Path;
use std::time::SystemTime;

use connector_core::{Error, Result};

use crate::audit::chain;
use crate::key::{self, KeySource, Loaded, MasterKey};
use crate::record::Record;
use crate::store::blocking;
use crate::{Store, step};

impl Store {
    /// Replaces the master key, or takes it from elsewhere from now on; no secret is opened for it. With a
    /// file that is the present source, or has no key yet, a new key is made. The old key is removed when
    /// it lies in the store's directory or the keyring. Copies made before it need the old key. Everything that is
    /// cached is forgotten.
    ///
    /// # Errors
    /// [`Refused`](connector_core::ErrorKind::Refused) when the present key is another one,
    /// [`Store`](connector_core::ErrorKind::Store) when a connector does not match its seal: then nothing
    /// is changed.
    pub async fn rotate_key(&self, new: KeySource, now: SystemTime) -> Result<()> {
        let (_turn, _lock) = (self.turn().await, self.lock().await?);
        let before = self.anchor_place();
        let Some((old, next)) = self.prepare(&new, now).await? else {
            self.set_source(new);
            return Ok(());
        };
        step::reached();
        // Under the lock, which a new key of the cache waits for: nothing from before is left after it. Should this
        // die before the switch, there is nothing but an empty cache.
        self.cache().clear_locked()?;
        step::reached();
        self.switch(&old, &next).await?;
        step::reached();
        // The switch stands. What is left is repeated at the next start, should it fail.
        let settled = self.settle_locked(&next).await;
        step::reached();
        self.use_key(new, next.master).await;
        // The anchor goes with the key. One that is lost meanwhile is written with the next record.
        let place = self.anchor_place();
        if let Some(row) = self.key_row().await?
            && self.set_anchor(&*self.master(row).await?).await.is_ok()
        {
            before.remove_unless(&place);
        }
        settled
    }

    /// Writes the present master key to a new file, mode 0600, wherever it comes from: copies of the store
    /// that were made under it open with that file, also after the key was replaced.
    ///
    /// # Errors
    /// [`NotFound`](connector_core::ErrorKind::NotFound) when nothing is sealed yet, or there is no such
    /// directory; [`InvalidInput`](connector_core::ErrorKind::InvalidInput) when the file exists;
    /// [`Refused`](connector_core::ErrorKind::Refused) when the key is another one.
    pub async fn keep_key(&self, file: &Path) -> Result<()> {
        let row = self.key_row().await?;
        let row = row.ok_or_else(|| Error::not_found("the store has no master key yet"))?;
        let (master, file) = (self.master(row).await?, file.to_owned());
        blocking(move || master.write_new(&file)).await
    }

    /// The present key and the one to follow it; `None` when nothing is sealed yet. The caller holds the lock.
    async fn prepare(&self, new: &KeySource, now: SystemTime) -> Result<Option<(MasterKey, Loaded)>> {
        let row = self.key_row().await?;
        let Some(row) = row else { return Ok(None) };
        let source = self.source();
        let old = blocking(move || key::load(&source, row)).await?;
        if !old.is_settled() {
            self.settle_locked(&old).await?;
        }
        self.check_anchor(&old.master).await?;
        let (new, directory, row) = (new.clone(), self.directory().to_owned(), old.row);
        let next = blocking(move || key::follow(&new, &row, &directory, now)).await?;
        Ok(Some((old.master, next)))
    }

    /// Wraps every data key by the new master key, in one step.
    async fn switch(&self, old: &MasterKey, next: &Loaded) -> Result<()> {
        let mut transaction = self.pool().begin_with("BEGIN IMMEDIATE").await.map_err(|it| self.fault(it))?;
        let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM connectors")
            .fetch_all(&mut *transaction)
            .await
            .map_err(|it| self.fault(it))?;
        for id in ids {
            let record = Record::read(&mut transaction, &id).await.map_err(|it| self.fault(it))?;
            let Some(mut record) = record else { continue };
            let data_key = record.unwrap(old)?;
            record.wrap(&data_key, &next.master)?;
            record.write_seal(&mut transaction).await.map_err(|it| self.fault(it))?;
        }
        chain::rewrap(&mut transaction, old, &next.master, self.path()).await?;
        next.row.write(&mut transaction).await.map_err(|it| self.fault(it))?;
        step::reached();
        transaction.commit().await.map_err(|it| self.fault(it))
    }
}

#[cfg(test)]
mod tests;
