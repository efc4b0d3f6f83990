//! Handles on one resource, and the sources that native clients hold.

use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use crate::connector::{CellKey, Way};
use crate::credential::{BoxFuture, tool_of};
use crate::envelope::Labels;
use crate::standing::Standing;
use crate::{
    Connector, Context, Credential, Envelope, Error, Grant, Issued, Offers, Overdue, Refreshing,
    ResourceType, Result, Secret, Step, Wanted, Withheld, format_time,
};

/// Where credentials of one kind come from: a connector in this process, or a broker elsewhere. A client
/// that holds one cannot tell which, and goes on after the hub value is dropped.
pub struct Source<C: Credential>(Arc<Inner<C>>);

struct Inner<C> {
    cx: Context,
    live: RwLock<Live<C>>,
    follow: Option<Follow<C>>,
}

type Fetch<C> = Arc<dyn Fn() -> BoxFuture<'static, Result<Issued<C>>> + Send + Sync>;
type Forget = Arc<dyn Fn() + Send + Sync>;
type Reopen<C> = Box<dyn Fn() -> BoxFuture<'static, Result<Live<C>>> + Send + Sync>;

/// How a source goes on with its connector when that changes.
struct Follow<C> {
    name: String,
    /// The connector has an id, so it may be looked up. A document from elsewhere has none.
    is_stored: bool,
    reopen: Reopen<C>,
}

/// One version of a connector, as a source sees it.
struct Live<C> {
    cell: Arc<Refreshing<Issued<C>>>,
    standing: Arc<Standing>,
    fetch: Fetch<C>,
    /// The tool form that may carry the stored secret itself, and how to mint for it alone.
    passed: Option<(&'static str, Fetch<C>)>,
    /// Forgets the session that credentials are made from.
    forget: Forget,
}

impl<C> Clone for Live<C> {
    fn clone(&self) -> Self {
        Self {
            cell: Arc::clone(&self.cell),
            standing: Arc::clone(&self.standing),
            fetch: Arc::clone(&self.fetch),
            passed: self.passed.clone(),
            forget: Arc::clone(&self.forget),
        }
    }
}

impl<C: Credential> Clone for Source<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Credential> fmt::Debug for Source<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("kind", &C::KIND).finish_non_exhaustive()
    }
}

impl<C: Credential> Source<C> {
    /// A source that is answered from elsewhere: `fetch` brings an envelope of this kind.
    pub fn remote<F>(cx: Context, fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Envelope>> + Send + 'static,
    {
        let fetch: Fetch<C> = Arc::new(move || {
            let answer = fetch();
            Box::pin(async move { answer.await?.open::<C>() })
        });
        let forget: Forget = Arc::new(|| {});
        let live = Live { cell: Arc::default(), standing: Arc::default(), fetch, passed: None, forget };
        Self(Arc::new(Inner { cx, live: RwLock::new(live), follow: None }))
    }

    /// The credential as of now, from the cache where that is still good.
    ///
    /// # Errors
    /// Those of minting; when the connector was disabled or deleted, that.
    pub async fn issue(&self) -> Result<Arc<Issued<C>>> {
        if let Some(issued) = self.cached() {
            return Ok(issued);
        }
        self.look().await?;
        self.fetch(|_| false).await
    }

    /// The credential as of now, in the form that a tool reads.
    ///
    /// Where the resource type [passes](crate::ResourceAbout::passes_to) its connector's stored secret to just
    /// this tool, it is minted for this one answer: no cell keeps it, so that it leaves in no other form.
    ///
    /// # Errors
    /// Those of minting; a kind that has no form for that tool.
    pub async fn tool(&self, tool: &str) -> Result<Secret> {
        let form = tool_of::<C>(tool)?;
        let issued = if self.live().passed.is_some_and(|(it, _)| it == tool) {
            self.look().await?;
            self.fetch(|it| it == tool).await?
        } else {
            self.issue().await?
        };
        (form.render)(&issued)
    }

    /// Fetches into the shared cell, or for one use alone where the tool form is one that `passes`.
    async fn fetch(&self, passes: impl Fn(&str) -> bool) -> Result<Arc<Issued<C>>> {
        // At most two rounds: a connector that changes while this one fetches is followed once more.
        let mut live = self.live();
        for _ in 0..2 {
            if live.standing.has_ended() {
                live = self.reopen().await?;
            }
            let result = match live.passed.as_ref().filter(|(tool, _)| passes(tool)) {
                Some((_, fetch)) => Refreshing::default().get(&self.0.cx, || fetch()).await,
                None => {
                    live.cell.get(&self.0.cx, || (live.fetch)()).await.map_err(|it| self.say_ended(&live, it))
                }
            };
            // Read again: what came from a version that ended meanwhile is not released, nor is its error.
            if !live.standing.has_ended() {
                return result;
            }
        }
        Err(Error::unreachable("the connector changes faster than a credential can be issued"))
    }

    /// An error of fetching, which says so when it leaves its user without what he had.
    fn say_ended(&self, live: &Live<C>, error: Error) -> Error {
        let ended = live.cell.windows().map(|it| it.end).filter(|end| *end <= self.0.cx.now());
        match ended.filter(|_| !error.ends_connector()) {
            Some(end) => error
                .context(format!("the credential ended at {}, and there is no next one", format_time(end))),
            None => error,
        }
    }

    /// The credential if one is at hand that needs no renewal, of a connector that was looked up a moment
    /// ago. Neither waits nor allocates.
    #[must_use]
    pub fn cached(&self) -> Option<Arc<Issued<C>>> {
        let live = self.0.live.read().unwrap_or_else(PoisonError::into_inner);
        let now = self.0.cx.now();
        if live.standing.has_ended() || self.is_due(&live.standing, now) {
            return None;
        }
        live.cell.peek_at(&self.0.cx, now)
    }

    /// Says that the provider takes `issued` no more, although it has not ended: it was revoked, say. The next
    /// [`issue`](Source::issue) fetches another one, from a session of its own. Only this very credential is
    /// forgotten, so that many who hear the same refusal cause one call, and not more often than every 15
    /// seconds, so that a provider that takes nothing is not asked each time.
    pub fn refused(&self, issued: &Arc<Issued<C>>) {
        let live = self.live();
        if live.cell.refused(issued, self.0.cx.now()) {
            (live.forget)();
        }
    }

    /// The context that this source works in.
    #[must_use]
    pub fn context(&self) -> Context {
        self.0.cx.clone()
    }

    /// When what is held will be renewed; `None` when nothing is held.
    #[must_use]
    pub fn windows(&self) -> Option<crate::Windows> {
        self.live().cell.windows()
    }

    /// The renewal that failed, while what is held is still good: what a host should tell, since nobody else
    /// notices. `None` once one succeeded.
    #[must_use]
    pub fn overdue(&self) -> Option<Overdue> {
        self.live().cell.overdue(&self.0.cx)
    }

    fn live(&self) -> Live<C> {
        self.0.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it is time to look again if the stored connector is still the one that is open.
    fn is_due(&self, standing: &Standing, now: SystemTime) -> bool {
        self.0.follow.as_ref().is_some_and(|it| it.is_stored)
            && !standing.is_confirmed(now)
            && self.0.cx.connectors().are_stored()
    }

    /// Looks up a stored connector again: another process may have changed it. That ends what was open of
    /// the old version, which the caller then sees.
    async fn look(&self) -> Result<()> {
        let standing = self.live().standing;
        let Some(follow) = self.0.follow.as_ref().filter(|_| self.is_due(&standing, self.0.cx.now())) else {
            return Ok(());
        };
        let cx = &self.0.cx;
        match cx.connectors().open(cx, &follow.name).await {
            Ok(_) => standing.confirm(cx.now()),
            Err(error) if error.ends_connector() => {
                standing.end();
                return Err(error);
            }
            // A store that is busy for a moment does not stop what still works.
            Err(_) => {}
        }
        Ok(())
    }

    async fn reopen(&self) -> Result<Live<C>> {
        let Some(Follow { reopen, .. }) = &self.0.follow else {
            return Err(Error::new(crate::ErrorKind::Disabled, "the connector was ended"));
        };
        let live = reopen().await?;
        live.standing.confirm(self.0.cx.now());
        *self.0.live.write().unwrap_or_else(PoisonError::into_inner) = live.clone();
        Ok(live)
    }
}

/// One resource of one connector: what was asked for, and where its credentials come from.
pub struct Handle<R: ResourceType> {
    connector: Connector<R::Connector>,
    resource: Arc<R>,
    wanted: Arc<Wanted>,
    asked: Option<Duration>,
    source: Source<R::Credential>,
}

impl<R: ResourceType> Clone for Handle<R> {
    fn clone(&self) -> Self {
        Self {
            connector: self.connector.clone(),
            resource: Arc::clone(&self.resource),
            wanted: Arc::clone(&self.wanted),
            asked: self.asked,
            source: self.source.clone(),
        }
    }
}

impl<R: ResourceType> fmt::Debug for Handle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("resource_type", &R::ID)
            .field("resource_id", &self.resource.id())
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}

impl<R: ResourceType> Handle<R> {
    pub(crate) fn new(
        connector: Connector<R::Connector>,
        resource: R,
        wanted: Wanted,
        asked: Option<Duration>,
    ) -> Self {
        let (resource, wanted) = (Arc::new(resource), Arc::new(wanted));
        let live = live(&connector, &resource, &wanted, asked);
        let cx = connector.cx.clone();
        let name = connector.shared.terms.name.clone();
        let follow = (!name.is_empty()).then(|| {
            let (cx, grant, again) = (cx.clone(), grant_of(&*resource, &wanted, asked), name.clone());
            let reopen: Reopen<R::Credential> = Box::new(move || {
                let (cx, grant, name) = (cx.clone(), grant.clone(), again.clone());
                Box::pin(async move {
                    let connector = cx.connectors().open(&cx, &name).await?.typed::<R::Connector>(&cx)?;
                    let handle = connector.resource::<R>(grant).await?;
                    Ok(handle.source.live())
                })
            });
            Follow { name, is_stored: !connector.shared.terms.id.is_empty(), reopen }
        });
        let source = Source(Arc::new(Inner { cx, live: RwLock::new(live), follow }));
        Self { connector, resource, wanted, asked, source }
    }

    /// The credential as of now. See [`Source::issue`].
    ///
    /// # Errors
    /// Those of minting.
    pub async fn issue(&self) -> Result<Arc<Issued<R::Credential>>> {
        self.source.issue().await
    }

    /// The credential as of now, in the form in which it travels.
    ///
    /// # Errors
    /// Those of minting.
    pub async fn envelope(&self) -> Result<Envelope> {
        let issued = self.issue().await?;
        Ok(Envelope::seal(
            &*issued,
            Labels {
                connector: &self.connector.shared.terms.name,
                resource_type: R::ID,
                resource_id: &self.resource.id(),
                within: self.wanted.within.as_deref(),
                access: self.wanted.access,
            },
        ))
    }

    /// The credential as of now, in the form that a tool reads. See [`Source::tool`].
    ///
    /// # Errors
    /// Those of minting; a kind that has no form for that tool.
    pub async fn tool(&self, tool: &str) -> Result<Secret> {
        self.source.tool(tool).await
    }

    /// A native client that goes on when the credential ends. What nobody builds does not compile:
    ///
    /// ```compile_fail,E0277
    /// # use connector_core::{Handle, ResourceType};
    /// struct Stranger;
    /// async fn wrong<R: ResourceType>(handle: Handle<R>) {
    ///     let client = handle.client::<Stranger>().await; // resource type `R` gives no `Stranger`
    /// }
    /// ```
    ///
    /// # Errors
    /// Those of building it.
    pub async fn client<T>(&self) -> Result<T>
    where
        R: Offers<T>,
    {
        R::offer(self.clone()).await
    }

    /// Checks that the resource is reached; see [`Connector::reach`].
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn reach(&self) -> Result<()> {
        self.connector.reach(&*self.resource, &self.wanted).await
    }

    /// The requests that minting would send, without secrets and without sending them.
    ///
    /// # Errors
    /// Refusals before the call.
    pub fn plan(&self) -> Result<Vec<Step>> {
        self.connector.plan(&*self.resource, &self.wanted, self.asked)
    }

    /// Whether its method is asked to narrow what is minted for it. What its resource type narrows by itself, when
    /// it issues, is not counted.
    #[must_use]
    pub fn narrows(&self) -> bool {
        self.connector.narrowing(&*self.resource, &self.wanted).is_ok_and(|it| it.is_some())
    }

    /// The permissions that a narrowed credential carries; empty when that is all that the connector may.
    #[must_use]
    pub fn carried(&self) -> Vec<&'static str> {
        self.resource.carried(&self.wanted)
    }

    /// What a narrowed credential does not carry of its resource type's permissions, and why.
    #[must_use]
    pub fn withheld(&self) -> Vec<Withheld> {
        self.resource.withheld(&self.wanted)
    }

    /// The resource.
    #[must_use]
    pub fn resource(&self) -> &R {
        &self.resource
    }

    /// What was asked for beside the id.
    #[must_use]
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// The life that was asked for, if any.
    #[must_use]
    pub fn asked(&self) -> Option<Duration> {
        self.asked
    }

    /// The grant with everything that parsing and completing found.
    #[must_use]
    pub fn grant(&self) -> Grant {
        grant_of(&*self.resource, &self.wanted, self.asked)
    }

    /// Where the credentials come from.
    #[must_use]
    pub fn source(&self) -> &Source<R::Credential> {
        &self.source
    }

    /// Where the credentials come from.
    #[must_use]
    pub fn into_source(self) -> Source<R::Credential> {
        self.source
    }

    /// The connector.
    #[must_use]
    pub fn connector(&self) -> &Connector<R::Connector> {
        &self.connector
    }
}

fn grant_of<R: ResourceType>(resource: &R, wanted: &Wanted, asked: Option<Duration>) -> Grant {
    let mut grant = Grant::new(R::ID, resource.id()).with_access(wanted.access);
    grant.within.clone_from(&wanted.within);
    grant.duration = asked;
    grant
}

fn live<R: ResourceType>(
    connector: &Connector<R::Connector>,
    resource: &Arc<R>,
    wanted: &Arc<Wanted>,
    asked: Option<Duration>,
) -> Live<R::Credential> {
    let key = CellKey {
        resource_type: TypeId::of::<R>(),
        resource_id: resource.id(),
        wanted: (**wanted).clone(),
        asked,
        caller: connector.cx.caller().to_owned(),
    };
    let cell = connector.shared.cell(key);
    let standing = Arc::clone(&connector.shared.standing);
    let minting = |way| -> Fetch<R::Credential> {
        let (connector, resource, wanted) = (connector.clone(), Arc::clone(resource), Arc::clone(wanted));
        Arc::new(move || {
            let (connector, resource, wanted) =
                (connector.clone(), Arc::clone(&resource), Arc::clone(&wanted));
            Box::pin(async move { connector.mint(&*resource, &wanted, asked, way).await })
        })
    };
    let passed = R::ABOUT.passes_to.map(|tool| (tool, minting(Way::Passed)));
    let forget: Forget = {
        let connector = connector.clone();
        Arc::new(move || connector.forget_session(asked))
    };
    Live { cell, standing, fetch: minting(Way::Any), passed, forget }
}
