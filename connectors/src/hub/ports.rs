//! The hub as connectors see it: other connectors, what they keep, the audit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connector_core::{
    AnyConnector, Connectors, Context, Error, ErrorKind, Kept, Ledger, Mint, Result, Secret, Terms,
    async_trait,
};
use connector_store::audit::{Action, Record};
use futures_util::future::join;

use super::open::{Opened, check_usable};

/// The ports over an open hub.
#[derive(Clone)]
pub(super) struct Port {
    opened: Arc<Opened>,
}

impl Port {
    pub(super) fn new(opened: Arc<Opened>) -> Self {
        Self { opened }
    }
}

#[async_trait]
impl Connectors for Port {
    async fn open(&self, cx: &Context, name: &str) -> Result<AnyConnector> {
        self.opened.open(cx, name).await
    }
}

#[async_trait]
impl Kept for Port {
    async fn kept(&self, connector_id: &str, key: &str) -> Result<Option<Secret>> {
        self.opened.store.kept(connector_id, key).await
    }

    async fn keep(&self, connector_id: &str, key: &str, value: Secret) -> Result<()> {
        self.opened.store.keep(connector_id, key, &value).await
    }

    async fn keep_login(&self, cx: &Context, key: &str, value: Secret) -> Result<()> {
        let (store, id) = (&self.opened.store, &cx.terms().id);
        store.unlock().await?;
        let mut write = store.write().await?;
        let stored = write.keep_login(id, key, &value, cx.now()).await?;
        write.audit(&Record::of(cx, Action::Login).about(&stored)).await?;
        write.commit().await?;
        // Whoever mints just now does not release it, and goes on with the new version.
        self.opened.end(id);
        Ok(())
    }
}

#[async_trait]
impl Ledger for Port {
    async fn record(&self, cx: &Context, mint: &Mint<'_>) -> Result<()> {
        // Side by side, since each waits for the disk or for a lock. The mint has happened, so that it is recorded also
        // where it is not released.
        let record = record_of(cx, mint);
        let (look, recorded) = join(self.last_look(cx, mint.terms), self.opened.store.audit(&record)).await;
        look.and(recorded.map(|_| ()))
    }
}

impl Port {
    /// The last look before the release: another process may have changed the connector meanwhile, or one that it
    /// takes its identity from.
    async fn last_look(&self, cx: &Context, terms: &Terms) -> Result<()> {
        let document = self.opened.store.get_by_id(&terms.id).await?;
        let Some(document) = document.filter(|it| it.version == terms.version) else {
            return Err(self.changed(terms, &terms.id));
        };
        let family = self.opened.family(&document).await?;
        for member in &family {
            check_usable(member, cx.now())?;
        }
        match self.opened.changed_of(&document.id, &family) {
            Some(other) => Err(self.changed(terms, &other)),
            None => Ok(()),
        }
    }

    /// Ends what was open of the connector with this id and of those that depend on it. A source of theirs
    /// then looks its connector up again, and goes on with what it is now.
    fn changed(&self, terms: &Terms, id: &str) -> Error {
        self.opened.end(id);
        Error::new(ErrorKind::Disabled, "the connector was changed or deleted meanwhile")
            .with_connector(&*terms.name)
            .transient(true)
    }
}

fn record_of(cx: &Context, mint: &Mint<'_>) -> Record {
    let mut record = Record::of(cx, Action::Mint);
    record.connector_id = Some(mint.terms.id.clone());
    record.connector = Some(mint.terms.name.clone());
    record.version = Some(mint.terms.version);
    record.resource_type = Some(mint.resource_type.to_owned());
    record.resource_id = Some(mint.resource_id.to_owned());
    record.within = mint.within.map(str::to_owned);
    record.access = Some(mint.access);
    record.narrowed = Some(mint.narrowed.is_narrowed());
    record.narrowing = Some(mint.narrowed.reason().to_owned());
    record.long_lived = mint.long_lived;
    record.expires = Some(mint.expiry.clone());
    record
}

/// What a draft keeps while it is verified: held here until the draft is stored. What the stored connector
/// keeps already and the draft renews is renewed there, since its provider may have ended the old one; a login that
/// a person made for the draft is the draft's. The connectors that the draft takes its identity from keep their own
/// where they always do.
#[derive(Clone)]
pub(super) struct Pending {
    /// The id of the connector that the draft changes; empty for a new one.
    id: String,
    own: Arc<Mutex<Own>>,
    stored: Port,
}

/// What a draft kept.
#[derive(Default)]
struct Own {
    values: BTreeMap<String, Secret>,
    has_login: bool,
}

impl Pending {
    pub(super) fn new(id: &str, stored: Port) -> Self {
        Self { id: id.to_owned(), own: Arc::default(), stored }
    }

    pub(super) fn take(&self) -> BTreeMap<String, Secret> {
        std::mem::take(&mut *self.own()).values
    }

    /// Whether somebody logged in for the draft.
    pub(super) fn has_login(&self) -> bool {
        self.own().has_login
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn is_stored(&self, connector_id: &str, key: &str) -> Result<bool> {
        let is_own = connector_id == self.id && self.own().values.contains_key(key);
        Ok(!is_own && !connector_id.is_empty() && self.stored.kept(connector_id, key).await?.is_some())
    }
}

#[async_trait]
impl Kept for Pending {
    async fn kept(&self, connector_id: &str, key: &str) -> Result<Option<Secret>> {
        let own = (connector_id == self.id).then(|| self.own().values.get(key).cloned()).flatten();
        match own {
            None if !connector_id.is_empty() => self.stored.kept(connector_id, key).await,
            own => Ok(own),
        }
    }

    async fn keep(&self, connector_id: &str, key: &str, value: Secret) -> Result<()> {
        if connector_id != self.id || self.is_stored(connector_id, key).await? {
            return self.stored.keep(connector_id, key, value).await;
        }
        self.own().values.insert(key.to_owned(), value);
        Ok(())
    }

    async fn keep_login(&self, cx: &Context, key: &str, value: Secret) -> Result<()> {
        if cx.terms().id != self.id {
            return self.stored.keep_login(cx, key, value).await;
        }
        let mut own = self.own();
        own.values.insert(key.to_owned(), value);
        own.has_login = true;
        Ok(())
    }
}
