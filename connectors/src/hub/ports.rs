//! The hub as connectors see it: other connectors, what they keep, the audit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use connector_core::{
    AnyConnector, Connectors, Context, Error, ErrorKind, Kept, Ledger, Mint, Result, Secret, async_trait,
};
use connector_store::audit::{Action, Record};

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
}

#[async_trait]
impl Ledger for Port {
    async fn record(&self, cx: &Context, mint: &Mint<'_>) -> Result<()> {
        let terms = mint.terms;
        // The last look before the release: another process may have changed the connector meanwhile.
        match self.opened.store.get_by_id(&terms.id).await? {
            Some(document) if document.version == terms.version => {
                for member in self.opened.family(&document).await? {
                    check_usable(&member, cx.now())?;
                }
            }
            _ => {
                self.opened.end(&terms.id);
                return Err(Error::new(
                    ErrorKind::Disabled,
                    "the connector was changed or deleted meanwhile",
                )
                .with_connector(&*terms.name)
                .transient(true));
            }
        }
        self.opened.store.audit(&record_of(cx, mint)).await.map(|_| ())
    }
}

fn record_of(cx: &Context, mint: &Mint<'_>) -> Record {
    let mut record = Record::new(cx.now(), Action::Mint, cx.caller());
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
    record.process = Some(std::process::id());
    record
}

/// What a connector keeps before it is stored: held here until it has an id. The connectors that it takes
/// its identity from have one, and keep their own where they always do.
#[derive(Clone)]
pub(super) struct Pending {
    own: Arc<Mutex<BTreeMap<String, Secret>>>,
    stored: Port,
}

impl Pending {
    pub(super) fn new(stored: Port) -> Self {
        Self { own: Arc::default(), stored }
    }

    pub(super) fn take(&self) -> BTreeMap<String, Secret> {
        std::mem::take(&mut *self.own.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Kept for Pending {
    async fn kept(&self, connector_id: &str, key: &str) -> Result<Option<Secret>> {
        if !connector_id.is_empty() {
            return self.stored.kept(connector_id, key).await;
        }
        Ok(self.own.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    async fn keep(&self, connector_id: &str, key: &str, value: Secret) -> Result<()> {
        if !connector_id.is_empty() {
            return self.stored.keep(connector_id, key, value).await;
        }
        self.own.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), value);
        Ok(())
    }
}
