//! Writing records to a store: chained, sealed where the key is at hand, and anchored.

use connector_core::Result;
use sqlx::SqliteConnection;

use super::anchor::{self, Place};
use super::chain::{self, AuditKey, Head};
use super::{Filter, Record, list};
use crate::key::{KeyRow, MasterKey};
use crate::{Store, error};

/// What a flush may take beyond the wait for other processes.
const GRACE: std::time::Duration = std::time::Duration::from_secs(1);

impl Store {
    /// Writes an audit record; when this returns it survives a crash. Returns its number. Records that are
    /// written at the same time share a flush.
    ///
    /// It is sealed with the audit's key. Where that cannot be had without asking somebody it is chained
    /// only, and the next sealed record covers it.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store), after the [wait](crate::Options::wait) and a second at
    /// the latest: then what it speaks of must not happen.
    pub async fn audit(&self, record: &Record) -> Result<u64> {
        let longest = self.options().wait + GRACE;
        #[expect(
            clippy::disallowed_methods,
            reason = "a disk is waited for; a faked clock makes none answer"
        )]
        let done = tokio::time::timeout(longest, self.queue().write(self, record)).await;
        done.unwrap_or_else(|_| Err(error::no_answer(self.directory())))
    }

    /// Audit records, the newest first.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store).
    pub async fn audit_list(&self, filter: &Filter, limit: u32) -> Result<Vec<Record>> {
        let mut connection = self.connection().await?;
        list(&mut connection, filter, limit).await.map_err(|it| self.fault(it))
    }

    /// Writes records behind the last one. The caller holds a transaction, commits, and advances the anchor.
    pub(crate) async fn append(
        &self,
        connection: &mut SqliteConnection,
        records: &[&Record],
    ) -> Result<Written> {
        // First the anchor, then the database, which only grows.
        let anchor = self.anchor_place().read();
        let claimed = anchor.as_ref().and_then(anchor::Content::claimed);
        let mut state = chain::State::read(connection, claimed).await.map_err(|it| self.fault(it))?;
        let key = self.audit_key(connection, &mut state, anchor.as_ref()).await?;
        let head = chain::append_behind(connection, state.end, records, key.as_ref()).await;
        Ok(Written { head: head.map_err(|it| self.fault(it))?, key })
    }

    /// Says beside the key how far the audit has come. The caller has committed.
    pub(crate) fn advance_anchor(&self, written: &Written) {
        if let Some(key) = &written.key {
            self.anchor_place().advance(&written.head, key);
        }
    }

    /// Says how far the audit has come where the anchor lies now. The caller holds the store's lock.
    pub(crate) async fn set_anchor(&self, master: &MasterKey) -> Result<()> {
        let mut connection = self.connection().await?;
        let key = chain::key(&mut connection, master, self.path()).await?;
        let head = chain::sealed_head(&mut connection).await.map_err(|it| self.fault(it))?;
        if let Some(head) = head {
            self.anchor_place().set(&head, &key);
        }
        Ok(())
    }

    pub(crate) fn anchor_place(&self) -> Place {
        Place::of(&self.source(), self.directory())
    }

    /// Shows that the store has what its anchor speaks of. An anchor that does not read is no proof of
    /// anything: a power cut may leave it so.
    ///
    /// # Errors
    /// [`Store`](connector_core::ErrorKind::Store) when it was rolled back.
    pub(crate) async fn check_anchor(&self, master: &MasterKey) -> Result<()> {
        // First the anchor, then the database, which only grows.
        let Some(anchor) = self.anchor_place().read() else { return Ok(()) };
        let mut connection = self.connection().await?;
        let read = async {
            let mut transaction = sqlx::Connection::begin(&mut *connection).await?;
            let in_use = KeyRow::read(&mut transaction).await?.map(|it| it.id);
            Ok((in_use, chain::KeyRow::read(&mut transaction).await?))
        };
        let (in_use, row) = read.await.map_err(|it| self.fault(it))?;
        if in_use.is_none_or(|it| it != master.id) {
            // Replaced meanwhile: the caller reads the next one, and comes here again.
            return Ok(());
        }
        let Some(row) = row else { return Err(anchor::rolled_back(0, None, &anchor.path)) };
        let key = AuditKey::open(&row, master).ok_or_else(chain::key_changed)?;
        self.compare(&mut connection, &anchor, &key).await
    }

    /// The key that records are sealed with now; nothing where somebody would have to be asked for it.
    async fn audit_key(
        &self,
        connection: &mut SqliteConnection,
        state: &mut chain::State,
        anchor: Option<&anchor::Content>,
    ) -> Result<Option<AuditKey>> {
        let Some(row) = state.master.take() else { return Ok(None) };
        let Some(master) = self.master_unasked(row).await else { return Ok(None) };
        let key = match (&state.key, anchor) {
            (Some(stored), _) => AuditKey::open(stored, &master).ok_or_else(chain::key_changed)?,
            (None, Some(anchor)) => return Err(anchor::rolled_back(0, None, &anchor.path)),
            (None, None) => chain::key(&mut *connection, &master, self.path()).await?,
        };
        // Else the next anchor would cover up what is missing.
        let missing = anchor.filter(|anchor| {
            anchor.verified(&key).is_some_and(|head| !head.is_of(state.anchored.as_deref()))
        });
        match missing {
            // Says so, and what is there in its place.
            Some(anchor) => self.compare(connection, anchor, &key).await.map(|()| Some(key)),
            None => Ok(Some(key)),
        }
    }

    async fn compare(
        &self,
        connection: &mut SqliteConnection,
        anchor: &anchor::Content,
        key: &AuditKey,
    ) -> Result<()> {
        let Some(head) = anchor.verified(key) else { return Ok(()) };
        if anchor::is_kept(&mut *connection, &head).await.map_err(|it| self.fault(it))? {
            return Ok(());
        }
        let last = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM audit").fetch_one(connection).await;
        Err(anchor::rolled_back(last.map_err(|it| self.fault(it))?, Some(&head), &anchor.path))
    }
}

/// Records that were written, and are not committed yet.
pub(crate) struct Written {
    head: Head,
    key: Option<AuditKey>,
}

impl Written {
    pub(super) fn new(head: Head, key: Option<AuditKey>) -> Self {
        Self { head, key }
    }

    /// Says how far the audit has come, whatever the anchor said before. The caller has committed.
    pub(crate) fn set_anchor(&self, place: &Place) {
        if let Some(key) = &self.key {
            place.set(&self.head, key);
        }
    }

    /// The number of the last one.
    pub(crate) fn last(&self) -> u64 {
        self.head.seq
    }
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Written({})", self.head.seq)
    }
}
