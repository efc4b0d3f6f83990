//! Connectors and handles for those who only know names: the typed ones behind tables of functions.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::connector::Shared;
use crate::credential::BoxFuture;
use crate::{
    Authenticated, Connector, ConnectorType, Context, Credential, Envelope, Error, Grant, Handle, Listing,
    MethodAbout, Origin, Overdue, ResourceType, Result, Secret, Source, Step, Terms, Trust, Windows,
    Withheld,
};

/// Brings an envelope from elsewhere.
pub(crate) type RemoteFetch = Arc<dyn Fn() -> BoxFuture<'static, Result<Envelope>> + Send + Sync>;

/// A parsed connector of any type. Holds no context, so it may be cached; ending it makes every source
/// that was opened from it look its connector up again.
#[derive(Clone)]
pub struct AnyConnector {
    type_id: &'static str,
    shared: Arc<dyn Any + Send + Sync>,
    calls: Arc<dyn DynShared>,
    resources: Arc<[(&'static str, ResourceCalls)]>,
}

/// What can be done with a connector without knowing its type.
pub(crate) trait DynShared: Send + Sync {
    fn terms(&self) -> &Terms;
    fn end(&self);
    fn confirm(&self, now: SystemTime);
    fn about(&self, cx: &Context) -> (&'static str, MethodAbout, Option<SystemTime>);
    fn hands_on_secret(&self) -> bool;
    fn authenticate<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<()>>;
    fn origins(&self, cx: &Context) -> Vec<Origin>;
    fn trust<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<Option<Trust>>>;
}

/// A shared connector is looked at through a fresh `Connector`, which brings the context.
struct Look<C: ConnectorType>(Arc<Shared<C>>);

impl<C: ConnectorType> DynShared for Look<C> {
    fn terms(&self) -> &Terms {
        &self.0.terms
    }

    fn end(&self) {
        self.0.end();
    }

    fn confirm(&self, now: SystemTime) {
        self.0.standing.confirm(now);
    }

    fn about(&self, cx: &Context) -> (&'static str, MethodAbout, Option<SystemTime>) {
        let connector = Connector::from_shared(cx, Arc::clone(&self.0));
        (connector.method(), connector.about(), connector.source_ends())
    }

    fn hands_on_secret(&self) -> bool {
        self.0.hands_on_secret()
    }

    fn authenticate<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<()>> {
        let connector = Connector::from_shared(cx, Arc::clone(&self.0));
        Box::pin(async move { connector.session().await.map(|_| ()) })
    }

    fn origins(&self, cx: &Context) -> Vec<Origin> {
        Connector::from_shared(cx, Arc::clone(&self.0)).origins()
    }

    fn trust<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<Option<Trust>>> {
        let connector = Connector::from_shared(cx, Arc::clone(&self.0));
        Box::pin(async move { connector.trust().await })
    }
}

impl AnyConnector {
    pub(crate) fn new<C: ConnectorType>(shared: Shared<C>) -> Self {
        let shared = Arc::new(shared);
        Self { type_id: C::ID, calls: Arc::new(Look(Arc::clone(&shared))), shared, resources: Arc::new([]) }
    }

    pub(crate) fn with_resources(mut self, resources: Arc<[(&'static str, ResourceCalls)]>) -> Self {
        self.resources = resources;
        self
    }

    /// The connector type's id.
    #[must_use]
    pub fn connector_type(&self) -> &'static str {
        self.type_id
    }

    /// What its document says about issuing.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        self.calls.terms()
    }

    /// The id of its method, what the method says about itself, and when the stored credential ends.
    #[must_use]
    pub fn method(&self, cx: &Context) -> (&'static str, MethodAbout, Option<SystemTime>) {
        self.calls.about(cx)
    }

    /// Whether what it has to give is the stored secret itself; see [`AuthMethod::hands_on_secret`].
    ///
    /// [`AuthMethod::hands_on_secret`]: crate::AuthMethod::hands_on_secret
    #[must_use]
    pub fn hands_on_secret(&self) -> bool {
        self.calls.hands_on_secret()
    }

    /// The typed connector.
    ///
    /// # Errors
    /// When it is of another type than `C`.
    pub fn typed<C: ConnectorType>(&self, cx: &Context) -> Result<Connector<C>> {
        let shared = Arc::clone(&self.shared).downcast::<Shared<C>>().map_err(|_| {
            Error::invalid(format!("the connector is of type `{}`, not `{}`", self.type_id, C::ID))
                .with_connector(&*self.terms().name)
        })?;
        Ok(Connector::from_shared(cx, shared))
    }

    /// The wide session, for a connector that takes its identity from this one.
    pub(crate) async fn session<C: ConnectorType>(
        &self,
        cx: &Context,
    ) -> Result<Arc<Authenticated<C::Session>>> {
        self.typed::<C>(cx)?.session().await
    }

    /// Authenticates, and shares the session with those who come later.
    ///
    /// # Errors
    /// Those of the auth method.
    pub async fn authenticate(&self, cx: &Context) -> Result<()> {
        self.calls.authenticate(cx).await
    }

    /// The places that its method looks at for an identity; see [`Connector::origins`].
    #[must_use]
    pub fn origins(&self, cx: &Context) -> Vec<Origin> {
        self.calls.origins(cx)
    }

    /// Whom the provider's owner has to trust; see [`Connector::trust`].
    ///
    /// # Errors
    /// Those of the provider.
    pub async fn trust(&self, cx: &Context) -> Result<Option<Trust>> {
        self.calls.trust(cx).await
    }

    fn calls(&self, resource_type: &str) -> Result<ResourceCalls> {
        self.resources.iter().find(|(id, _)| *id == resource_type).map(|(_, calls)| *calls).ok_or_else(|| {
            let possible: Vec<_> = self.resources.iter().map(|(id, _)| *id).collect();
            Error::field(
                "resource_type",
                format!(
                    "a connector of type `{}` has no resource type `{resource_type}`; possible: {}",
                    self.type_id,
                    possible.join(" ")
                ),
            )
        })
    }

    /// Lists what is reached of one resource type.
    ///
    /// # Errors
    /// An unknown resource type; those of the provider.
    pub async fn list(&self, cx: &Context, resource_type: &str) -> Result<Listing> {
        (self.calls(resource_type)?.list)(self, cx).await
    }

    /// A handle on one resource; see [`Connector::resource`].
    ///
    /// # Errors
    /// An unknown resource type; those of [`Connector::resource`].
    pub async fn resource(&self, cx: &Context, grant: Grant) -> Result<AnyHandle> {
        let Some(resource_type) = grant.resource_type.clone().or_else(|| self.terms().resource_type.clone())
        else {
            return Err(Error::field("resource_type", "missing: the connector serves several")
                .with_hint("say which with `--resource-type`"));
        };
        (self.calls(&resource_type)?.resource)(self, cx, grant).await
    }

    /// This version was looked up at `now`, and is the one that is stored: what is opened from it asks the
    /// store again only a second later. For hosts that store connectors.
    pub fn confirm(&self, now: SystemTime) {
        self.calls.confirm(now);
    }

    /// Nothing more is issued from this version.
    pub fn end(&self) {
        self.calls.end();
    }
}

impl fmt::Debug for AnyConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyConnector")
            .field("type", &self.type_id)
            .field("terms", self.terms())
            .finish_non_exhaustive()
    }
}

/// What can be done with a resource type by name.
#[derive(Clone, Copy)]
pub(crate) struct ResourceCalls {
    list: for<'a> fn(&'a AnyConnector, &'a Context) -> BoxFuture<'a, Result<Listing>>,
    resource: for<'a> fn(&'a AnyConnector, &'a Context, Grant) -> BoxFuture<'a, Result<AnyHandle>>,
}

impl ResourceCalls {
    pub(crate) fn of<R: ResourceType>() -> Self {
        Self {
            list: |connector, cx| {
                Box::pin(async move { connector.typed::<R::Connector>(cx)?.list::<R>().await })
            },
            resource: |connector, cx, grant| {
                Box::pin(async move {
                    let handle = connector.typed::<R::Connector>(cx)?.resource::<R>(grant).await?;
                    Ok(AnyHandle(Arc::new(handle)))
                })
            },
        }
    }
}

/// A handle on one resource of any type.
#[derive(Clone)]
pub struct AnyHandle(Arc<dyn DynHandle>);

trait DynHandle: Send + Sync {
    fn kind(&self) -> &'static str;
    fn grant(&self) -> Grant;
    fn terms(&self) -> Terms;
    fn envelope(&self) -> BoxFuture<'_, Result<Envelope>>;
    fn tool<'a>(&'a self, tool: &'a str) -> BoxFuture<'a, Result<Secret>>;
    fn reach(&self) -> BoxFuture<'_, Result<()>>;
    fn plan(&self) -> Result<Vec<Step>>;
    fn narrows(&self) -> bool;
    fn carried(&self) -> Vec<&'static str>;
    fn withheld(&self) -> Vec<Withheld>;
    fn windows(&self) -> Option<Windows>;
    fn overdue(&self) -> Option<Overdue>;
    fn client(&self, wanted: TypeId) -> Option<BoxFuture<'static, Result<Box<dyn Any + Send>>>>;
    fn clients(&self) -> Vec<&'static str>;
}

impl<R: ResourceType> DynHandle for Handle<R> {
    fn kind(&self) -> &'static str {
        <R::Credential as Credential>::KIND
    }

    fn grant(&self) -> Grant {
        Handle::grant(self)
    }

    fn terms(&self) -> Terms {
        (*self.connector().shared.terms).clone()
    }

    fn envelope(&self) -> BoxFuture<'_, Result<Envelope>> {
        Box::pin(Handle::envelope(self))
    }

    fn tool<'a>(&'a self, tool: &'a str) -> BoxFuture<'a, Result<Secret>> {
        Box::pin(Handle::tool(self, tool))
    }

    fn reach(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(Handle::reach(self))
    }

    fn plan(&self) -> Result<Vec<Step>> {
        Handle::plan(self)
    }

    fn narrows(&self) -> bool {
        Handle::narrows(self)
    }

    fn carried(&self) -> Vec<&'static str> {
        Handle::carried(self)
    }

    fn withheld(&self) -> Vec<Withheld> {
        Handle::withheld(self)
    }

    fn windows(&self) -> Option<Windows> {
        self.source().windows()
    }

    fn overdue(&self) -> Option<Overdue> {
        self.source().overdue()
    }

    fn client(&self, wanted: TypeId) -> Option<BoxFuture<'static, Result<Box<dyn Any + Send>>>> {
        if let Some(make) = R::clients().find(wanted) {
            return Some(make(self.clone()));
        }
        R::Credential::clients().find(wanted).map(|make| make(self.source().clone()))
    }

    fn clients(&self) -> Vec<&'static str> {
        R::clients().names().chain(R::Credential::clients().names()).collect()
    }
}

/// A source that is answered from elsewhere, as a handle.
struct Remote<K: Credential> {
    source: Source<K>,
    fetch: RemoteFetch,
}

impl<K: Credential> DynHandle for Remote<K> {
    fn kind(&self) -> &'static str {
        K::KIND
    }

    fn grant(&self) -> Grant {
        Grant::default()
    }

    fn terms(&self) -> Terms {
        Terms::default()
    }

    fn envelope(&self) -> BoxFuture<'_, Result<Envelope>> {
        (self.fetch)()
    }

    fn tool<'a>(&'a self, tool: &'a str) -> BoxFuture<'a, Result<Secret>> {
        Box::pin(self.source.tool(tool))
    }

    fn reach(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { self.source.issue().await.map(|_| ()) })
    }

    fn plan(&self) -> Result<Vec<Step>> {
        Err(Error::invalid("only the issuing side knows what it sends"))
    }

    fn narrows(&self) -> bool {
        false
    }

    fn carried(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn withheld(&self) -> Vec<Withheld> {
        Vec::new()
    }

    fn windows(&self) -> Option<Windows> {
        self.source.windows()
    }

    fn overdue(&self) -> Option<Overdue> {
        self.source.overdue()
    }

    fn client(&self, wanted: TypeId) -> Option<BoxFuture<'static, Result<Box<dyn Any + Send>>>> {
        K::clients().find(wanted).map(|make| make(self.source.clone()))
    }

    fn clients(&self) -> Vec<&'static str> {
        K::clients().names().collect()
    }
}

impl AnyHandle {
    pub(crate) fn remote<K: Credential>(cx: Context, fetch: RemoteFetch) -> Self {
        let source = Source::<K>::remote(cx, {
            let fetch = Arc::clone(&fetch);
            move || fetch()
        });
        Self(Arc::new(Remote { source, fetch }))
    }

    /// The kind of credential that comes from it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.0.kind()
    }

    /// The grant with everything that parsing and completing found.
    #[must_use]
    pub fn grant(&self) -> Grant {
        self.0.grant()
    }

    /// What the connector's document says about issuing.
    #[must_use]
    pub fn terms(&self) -> Terms {
        self.0.terms()
    }

    /// The credential as of now, in the form in which it travels.
    ///
    /// # Errors
    /// Those of minting.
    pub async fn envelope(&self) -> Result<Envelope> {
        self.0.envelope().await
    }

    /// The credential as of now, in the form that a tool reads; see [`Source::tool`].
    ///
    /// # Errors
    /// Those of minting; a kind that has no form for that tool.
    pub async fn tool(&self, tool: &str) -> Result<Secret> {
        self.0.tool(tool).await
    }

    /// Checks that the resource is reached; see [`Connector::reach`].
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn reach(&self) -> Result<()> {
        self.0.reach().await
    }

    /// The requests that minting would send, without secrets and without sending them.
    ///
    /// # Errors
    /// Refusals before the call.
    pub fn plan(&self) -> Result<Vec<Step>> {
        self.0.plan()
    }

    /// Whether its method is asked to narrow what is minted for it; see [`Handle::narrows`].
    #[must_use]
    pub fn narrows(&self) -> bool {
        self.0.narrows()
    }

    /// The permissions that a narrowed credential carries; empty when that is all that the connector may.
    #[must_use]
    pub fn carried(&self) -> Vec<&'static str> {
        self.0.carried()
    }

    /// What a narrowed credential does not carry of its resource type's permissions, and why.
    #[must_use]
    pub fn withheld(&self) -> Vec<Withheld> {
        self.0.withheld()
    }

    /// When what is held will be renewed; `None` when nothing is held.
    #[must_use]
    pub fn windows(&self) -> Option<Windows> {
        self.0.windows()
    }

    /// The renewal that failed, while what is held is still good; see [`Source::overdue`].
    #[must_use]
    pub fn overdue(&self) -> Option<Overdue> {
        self.0.overdue()
    }

    /// A native client that goes on when the credential ends.
    ///
    /// # Errors
    /// A wrong type lists what is possible; those of building it.
    pub async fn client<T: Any>(&self) -> Result<T> {
        let wanted = std::any::type_name::<T>();
        let Some(make) = self.0.client(TypeId::of::<T>()) else {
            let possible = self.clients();
            let hint = if possible.contains(&wanted) {
                "two versions of the crate that defines it are linked: take the type from the provider crate's re-export"
            } else {
                "ask for one of the possible types"
            };
            return Err(Error::invalid(format!(
                "a credential of kind `{}` gives no `{wanted}`; possible: {}",
                self.kind(),
                if possible.is_empty() { "none".into() } else { possible.join(", ") }
            ))
            .with_hint(hint));
        };
        let client = make.await?;
        Ok(*client.downcast::<T>().expect("the list maps a type's id to what makes that type"))
    }

    /// The types of native clients that it gives.
    #[must_use]
    pub fn clients(&self) -> Vec<&'static str> {
        self.0.clients()
    }
}

impl fmt::Debug for AnyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyHandle").field("kind", &self.kind()).field("grant", &self.grant()).finish()
    }
}
