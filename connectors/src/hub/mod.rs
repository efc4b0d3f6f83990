//! The hub: stored connectors, what is open of them, and what was issued; shared by an application, the
//! program and the broker.

mod change;
pub mod doctor;
mod draft;
mod explain;
mod flight;
mod issue;
mod notice;
mod open;
mod place;
mod ports;
mod reach;
mod register;
mod sealed;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use connector_core::{
    AnyHandle, Connector, ConnectorType, Context, Document, Error, ErrorKind, Grant, Handle, Registry,
    ResourceType, Result,
};
use connector_store::{Filter, KeySource, Page, Store};

pub use change::{Changes, Deleted};
pub use draft::Draft;
pub use explain::{CacheState, Explanation, LifetimeBound};
pub use notice::Notice;
pub use reach::{Reached, Requirement, Verified};
pub use register::{Registered, Registration};

use open::Opened;

/// Stored connectors and everything that can be done with them. Clones share one state; native clients that
/// were made from it go on when it is dropped.
#[derive(Clone, Debug)]
pub struct Hub {
    cx: Context,
    opened: Arc<Opened>,
}

/// How to open a hub.
#[derive(Debug)]
#[non_exhaustive]
pub struct Options {
    /// The directory of store and cache; made when it is missing.
    pub home: PathBuf,
    /// Where the master key comes from.
    pub key: KeySource,
    /// The world that connectors see.
    pub context: Context,
}

impl Options {
    /// A hub in `home`, over the real machine, with its master key in a file of the store's directory.
    pub fn new(home: impl Into<PathBuf>) -> Self {
        let home = home.into();
        let key = KeySource::File(home.join("master.key"));
        Self { home, key, context: crate::system::context() }
    }

    /// Takes the master key from elsewhere.
    #[must_use]
    pub fn with_key(mut self, key: KeySource) -> Self {
        self.key = key;
        self
    }

    /// Shows connectors another world.
    #[must_use]
    pub fn with_context(mut self, context: Context) -> Self {
        self.context = context;
        self
    }
}

impl Hub {
    /// Opens the store, with everything that is compiled in.
    ///
    /// # Errors
    /// Those of the store: locked, damaged, from a newer version, not writable.
    pub async fn open(options: Options) -> Result<Self> {
        Self::with_registry(options, crate::registry()?).await
    }

    /// Opens the store, with a registry of the host's choice.
    ///
    /// # Errors
    /// As [`Hub::open`].
    pub async fn with_registry(options: Options, registry: Registry) -> Result<Self> {
        let store = Store::open(connector_store::Options::new(options.home).with_key(options.key)).await?;
        let opened = Arc::new(Opened::new(store, registry));
        let port = ports::Port::new(Arc::clone(&opened));
        let cx = options.context.with_connectors(port.clone()).with_kept(port.clone()).with_ledger(port);
        Ok(Self { cx, opened })
    }

    /// What is compiled in.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.opened.registry
    }

    /// The world that connectors see.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.cx
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.opened.store
    }

    /// The directory of store and cache.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.opened.store.directory()
    }

    fn now(&self) -> SystemTime {
        self.cx.now()
    }

    /// One connector's document.
    ///
    /// # Errors
    /// [`NotFound`](connector_core::ErrorKind::NotFound) when there is none.
    pub async fn get(&self, name: &str) -> Result<Document> {
        self.opened.document(name).await
    }

    /// Connectors that a filter lets through, by name.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Document>> {
        self.opened.store.list(filter, &Page::all()).await
    }

    /// The connector, typed, following no changes by itself: ask again for the newest version.
    ///
    /// # Errors
    /// Not found, disabled, past its end, of another type.
    pub async fn connector<C: ConnectorType>(&self, name: &str) -> Result<Connector<C>> {
        self.opened.open(&self.cx, name).await?.typed::<C>(&self.cx)
    }

    /// A typed handle on one resource of a connector.
    ///
    /// ```no_run
    /// # async fn f(hub: connectors::Hub) -> connectors::Result<()> {
    /// # #[cfg(feature = "aws")] {
    /// use connectors::aws::{aws_sdk_s3, resource::S3Bucket};
    ///
    /// let bucket = hub.resource::<S3Bucket>("prod", "s3://data").await?;
    /// let s3: aws_sdk_s3::Client = bucket.client().await?;
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`Hub::connector`]; a wrong grant.
    pub async fn resource<R: ResourceType>(&self, name: &str, grant: impl Into<Grant>) -> Result<Handle<R>> {
        let document = self.usable(name).await?;
        let grant = grant.into();
        let grant = self
            .opened
            .complete(&document, grant.clone().with_type(grant.resource_type.as_deref().unwrap_or(R::ID)))?;
        self.connector::<R::Connector>(name).await?.resource::<R>(grant).await
    }

    /// A handle on one resource, for those who only know names.
    ///
    /// # Errors
    /// As [`Hub::resource`].
    pub async fn handle(&self, name: &str, grant: impl Into<Grant>) -> Result<AnyHandle> {
        let named = async {
            let document = self.usable(name).await?;
            self.handle_as(&document, grant.into()).await
        };
        named.await.map_err(|error: Error| error.with_connector(name))
    }

    /// As [`Hub::handle`], with the document that was read just now.
    async fn handle_as(&self, document: &Document, grant: Grant) -> Result<AnyHandle> {
        let grant = self.opened.complete(document, grant)?;
        self.opened.open_as(&self.cx, document).await?.resource(&self.cx, grant).await
    }

    /// A native client of a resource, such as `kube::Client`; it goes on when its credential ends.
    ///
    /// # Errors
    /// As [`Hub::handle`]; a wrong type lists what is possible.
    pub async fn client<T: std::any::Any>(&self, name: &str, grant: impl Into<Grant>) -> Result<T> {
        self.handle(name, grant).await?.client::<T>().await
    }

    async fn usable(&self, name: &str) -> Result<Document> {
        let document = self.get(name).await?;
        self.check_usable(&document).await?;
        Ok(document)
    }

    /// As [`open::check_usable`]; of a connector that is past its end, nothing is left in the cache.
    async fn check_usable(&self, document: &Document) -> Result<()> {
        let usable = open::check_usable(document, self.now());
        if usable.as_ref().is_err_and(|error| error.kind() == ErrorKind::Expired) {
            let (cache, ids) = (self.opened.cache().clone(), [document.id.clone()].into());
            // Nothing of it can be used any more; a file that stays is swept out later.
            let _ = tokio::task::spawn_blocking(move || cache.purge(&ids)).await;
        }
        usable
    }
}
