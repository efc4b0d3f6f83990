//! A parsed connector in use: authenticating, minting, and the cells that are shared between callers.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::credential::BoxFuture;
use crate::issued::choose_duration;
use crate::shelf::Shelf;
use crate::standing::Standing;
use crate::{
    AuthMethod, Authenticated, Call, ConnectorType, Context, Error, Expiry, Grant, Handle, Issued, Lifetime,
    Listing, MethodAbout, Mint, Narrowed, Origin, Parsed, Refreshing, ResourceType, Result, Step, Terms,
    Trust, Wanted,
};

/// An auth method behind a table of functions: what is left of the author's trait where it must be an object.
pub(crate) trait DynMethod<C: ConnectorType>: Send + Sync {
    fn id(&self) -> &'static str;
    fn about(&self) -> MethodAbout;
    fn lifetime(&self) -> Option<Lifetime>;
    fn recall<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<()>>;
    fn narrows(&self) -> Option<&'static str>;
    fn hands_on_secret(&self) -> bool;
    fn warning(&self) -> Option<&'static str>;
    fn scope(&self) -> Option<&str>;
    fn expires_at(&self) -> Option<SystemTime>;
    fn authenticate<'a>(
        &'a self,
        cx: &'a Call<'a>,
        narrowing: Option<&'a C::Narrowing>,
    ) -> BoxFuture<'a, Result<Authenticated<C::Session>>>;
    fn plan(&self, cx: &Call<'_>, narrowing: Option<&C::Narrowing>) -> Result<Vec<Step>>;
    fn origins(&self, cx: &Context) -> Vec<Origin>;
    fn trust<'a>(&'a self, cx: &'a Call<'a>) -> BoxFuture<'a, Result<Option<Trust>>>;
}

impl<C: ConnectorType, M: AuthMethod<Connector = C>> DynMethod<C> for M {
    fn id(&self) -> &'static str {
        M::ID
    }

    fn about(&self) -> MethodAbout {
        M::ABOUT
    }

    fn lifetime(&self) -> Option<Lifetime> {
        AuthMethod::lifetime(self)
    }

    fn recall<'a>(&'a self, cx: &'a Context) -> BoxFuture<'a, Result<()>> {
        Box::pin(AuthMethod::recall(self, cx))
    }

    fn narrows(&self) -> Option<&'static str> {
        AuthMethod::narrows(self)
    }

    fn hands_on_secret(&self) -> bool {
        AuthMethod::hands_on_secret(self)
    }

    fn warning(&self) -> Option<&'static str> {
        AuthMethod::warning(self)
    }

    fn scope(&self) -> Option<&str> {
        AuthMethod::scope(self)
    }

    fn expires_at(&self) -> Option<SystemTime> {
        AuthMethod::expires_at(self)
    }

    fn authenticate<'a>(
        &'a self,
        cx: &'a Call<'a>,
        narrowing: Option<&'a C::Narrowing>,
    ) -> BoxFuture<'a, Result<Authenticated<C::Session>>> {
        Box::pin(AuthMethod::authenticate(self, cx, narrowing))
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&C::Narrowing>) -> Result<Vec<Step>> {
        AuthMethod::plan(self, cx, narrowing)
    }

    fn origins(&self, cx: &Context) -> Vec<Origin> {
        AuthMethod::origins(self, cx)
    }

    fn trust<'a>(&'a self, cx: &'a Call<'a>) -> BoxFuture<'a, Result<Option<Trust>>> {
        Box::pin(AuthMethod::trust(self, cx))
    }
}

/// The life asked for, and the caller: a provider may be told for whom a session is.
type SessionKey = (Option<Duration>, String);

type SessionCell<C> = Refreshing<Authenticated<<C as ConnectorType>::Session>>;

/// What is shared by all who use one version of one connector. Holds no context and no way to fetch.
pub(crate) struct Shared<C: ConnectorType> {
    method: Box<dyn DynMethod<C>>,
    pub(crate) terms: Arc<Terms>,
    sessions: Mutex<Shelf<SessionKey, SessionCell<C>>>,
    cells: Mutex<Shelf<CellKey, dyn Any + Send + Sync>>,
    pub(crate) standing: Arc<Standing>,
}

/// Everything that shapes what one connector issues. The credential for a default life and for the same
/// life asked for are two: only the second one is cut.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct CellKey {
    pub(crate) resource_type: TypeId,
    pub(crate) resource_id: String,
    pub(crate) wanted: Wanted,
    pub(crate) asked: Option<Duration>,
    pub(crate) caller: String,
}

/// Which way what is minted will leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Any.
    Any,
    /// Only in the tool form that its resource type [passes](crate::ResourceAbout::passes_to) stored secrets to.
    Passed,
}

/// A connector of a known type, ready for use. Needs no registry.
pub struct Connector<C: ConnectorType> {
    pub(crate) cx: Context,
    pub(crate) shared: Arc<Shared<C>>,
}

impl<C: ConnectorType> Clone for Connector<C> {
    fn clone(&self) -> Self {
        Self { cx: self.cx.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<C: ConnectorType> fmt::Debug for Connector<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("type", &C::ID)
            .field("method", &self.shared.method.id())
            .field("terms", &self.shared.terms)
            .finish_non_exhaustive()
    }
}

impl<C: ConnectorType> Connector<C> {
    /// A connector that is not stored.
    pub fn new(cx: Context, method: impl AuthMethod<Connector = C>) -> Self {
        Self::with_terms(cx, method, Terms::default())
    }

    /// A connector that is not stored, with terms of its own.
    pub fn with_terms(cx: Context, method: impl AuthMethod<Connector = C>, terms: Terms) -> Self {
        Self::from_shared(&cx, Arc::new(Shared::new(Box::new(method), terms)))
    }

    pub(crate) fn from_shared(cx: &Context, shared: Arc<Shared<C>>) -> Self {
        Self { cx: cx.for_connector(Arc::clone(&shared.terms)), shared }
    }

    /// The id of its auth method.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.shared.method.id()
    }

    /// What its auth method says about itself, with the bounds and the narrowing that this config has.
    #[must_use]
    pub fn about(&self) -> MethodAbout {
        let mut about = self.shared.method.about();
        about.lifetime = self.shared.method.lifetime();
        about.narrows = self.shared.method.narrows();
        about.warning = self.shared.method.warning();
        about
    }

    /// When the credential that it holds ends, where its config says so.
    #[must_use]
    pub fn source_ends(&self) -> Option<SystemTime> {
        self.shared.method.expires_at()
    }

    /// The wide session, shared by all grants of one caller that cannot have a narrower one, and renewed
    /// when it is time.
    ///
    /// # Errors
    /// Those of the auth method.
    pub async fn session(&self) -> Result<Arc<Authenticated<C::Session>>> {
        self.session_for(None).await
    }

    async fn session_for(&self, asked: Option<Duration>) -> Result<Arc<Authenticated<C::Session>>> {
        self.shared.method.recall(&self.cx).await?;
        let duration = self.duration(asked)?;
        // Here too, since a session that is still good asks nobody.
        self.check_switch_and_ends(self.cx.now())?;
        let cell = self.session_cell(asked);
        // A credential issued in the last minute of a shared session would be born nearly dead.
        let need = asked.map_or(Duration::ZERO, |asked| asked / 2);
        cell.get_lasting(&self.cx, need, || async {
            let call = Call::new(&self.cx, duration);
            self.authenticate(&call, None).await
        })
        .await
    }

    fn session_cell(&self, asked: Option<Duration>) -> Arc<SessionCell<C>> {
        let mut sessions = self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.cell((asked, self.cx.caller().to_owned()), Arc::default)
    }

    /// Who asks next authenticates again: what was made from the session is taken no more.
    pub(crate) fn forget_session(&self, asked: Option<Duration>) {
        self.session_cell(asked).clear();
    }

    /// Authenticates anew, without any cell: what verifying does.
    ///
    /// # Errors
    /// Those of the auth method, and refusals before any call: past its end, switch off, out of bounds.
    pub async fn authenticate_for<R>(
        &self,
        resource: &R,
        wanted: &Wanted,
    ) -> Result<Authenticated<C::Session>>
    where
        R: ResourceType<Connector = C>,
    {
        let narrowing = self.narrowing(resource, wanted)?;
        self.shared.method.recall(&self.cx).await?;
        let call = Call::new(&self.cx, self.duration(None)?);
        self.authenticate(&call, narrowing.as_ref()).await
    }

    async fn authenticate(
        &self,
        call: &Call<'_>,
        narrowing: Option<&C::Narrowing>,
    ) -> Result<Authenticated<C::Session>> {
        self.check_switch_and_ends(call.now())?;
        let mut authenticated = self.shared.method.authenticate(call, narrowing).await?;
        // Whoever takes his identity from this session must not outlive its terms either.
        authenticated.expiry =
            self.ends().map(|(end, _)| Expiry::At(end)).fold(authenticated.expiry, Expiry::min);
        Ok(authenticated)
    }

    /// The ends that are known before any call.
    fn ends(&self) -> impl Iterator<Item = (SystemTime, &'static str)> {
        let of_method = self.shared.method.expires_at().map(|end| (end, "the stored credential"));
        let of_connector = self.shared.terms.expires_at.map(|end| (end, "the connector"));
        of_method.into_iter().chain(of_connector)
    }

    fn check_switch_and_ends(&self, now: SystemTime) -> Result<()> {
        if self.about().implicit && !self.cx.implicit() {
            return Err(implicit_is_off(self.method()));
        }
        match self.ends().find(|(end, _)| *end <= now) {
            Some((end, what)) => Err(Error::expired(format!("{what} ended at {}", crate::format_time(end)))
                .with_hint("update the connector with a new credential or a later end")),
            None => Ok(()),
        }
    }

    /// The life to ask the provider for. What was asked is refused when it is out of the method's bounds,
    /// and otherwise cut to what the connector allows.
    fn duration(&self, asked: Option<Duration>) -> Result<Option<Duration>> {
        let choose = |life| choose_duration(life, self.shared.method.lifetime(), self.method());
        choose(asked)?;
        choose(self.cut(asked).or(self.shared.terms.duration))
    }

    /// What was asked, or what the connector allows if that is shorter.
    fn cut(&self, asked: Option<Duration>) -> Option<Duration> {
        asked.map(|asked| self.shared.terms.duration.map_or(asked, |allowed| asked.min(allowed)))
    }

    /// The narrowing for a resource, where the method narrows with this config and the resource type can say
    /// how.
    pub(crate) fn narrowing<R>(&self, resource: &R, wanted: &Wanted) -> Result<Option<C::Narrowing>>
    where
        R: ResourceType<Connector = C>,
    {
        // Asked in any case: it also refuses a part that has no meaning.
        let narrowing = resource.narrowing(wanted)?;
        Ok(narrowing.filter(|_| self.shared.method.narrows().is_some()))
    }

    /// Lists what is reached of one resource type.
    ///
    /// # Errors
    /// Those of the auth method and of the provider.
    pub async fn list<R: ResourceType<Connector = C>>(&self) -> Result<Listing> {
        let session = self.session().await?;
        R::list(&session.session, &Call::new(&self.cx, None)).await
    }

    /// Completes a partial id.
    ///
    /// # Errors
    /// Those of [`ResourceType::resolve`].
    pub async fn resolve<R: ResourceType<Connector = C>>(&self, partial: &str) -> Result<R> {
        let session = self.session().await?;
        R::resolve(partial, &session.session, &Call::new(&self.cx, None)).await
    }

    /// Checks that one resource is reached, with a session that is narrowed as an issued one would be.
    ///
    /// # Errors
    /// What stands in the way, naming the failing call.
    pub async fn reach<R: ResourceType<Connector = C>>(&self, resource: &R, wanted: &Wanted) -> Result<()> {
        let session = self.authenticate_for(resource, wanted).await?;
        resource.reach(wanted, &session.session, &Call::new(&self.cx, None)).await
    }

    /// A handle on one resource. A complete id waits for nothing; a partial one is completed by a call.
    ///
    /// # Errors
    /// A wrong id or lifetime, refused before any call; those of [`ResourceType::resolve`].
    pub async fn resource<R: ResourceType<Connector = C>>(
        &self,
        grant: impl Into<Grant>,
    ) -> Result<Handle<R>> {
        let grant = grant.into();
        if let Some(wrong) = grant.resource_type.as_deref().filter(|it| *it != R::ID) {
            return Err(Error::field(
                "resource_type",
                format!("the grant is for `{wrong}`, not for `{}`", R::ID),
            ));
        }
        let terms = &self.shared.terms;
        if let Some(only) = terms.resource_type.as_deref().filter(|it| *it != R::ID) {
            return Err(Error::field("resource_type", format!("the connector serves `{only}` only")));
        }
        self.shared.method.recall(&self.cx).await?;
        self.duration(grant.duration)?;
        let text = grant.resource_id.as_deref().filter(|it| !it.is_empty());
        let (resource, part) = match (text, terms.resource_id.as_deref()) {
            (None, fixed) => self.complete::<R>(fixed.unwrap_or_default()).await?,
            (Some(text), None) => self.complete::<R>(text).await?,
            (Some(text), Some(fixed)) => {
                let (fixed, limit) = self.complete::<R>(fixed).await?;
                let (resource, part) = self.complete::<R>(text).await?;
                if resource.id() != fixed.id() {
                    return Err(Error::field(
                        "resource_id",
                        format!("the connector serves `{}` only", fixed.id()),
                    ));
                }
                (resource, merge_within(limit, part)?)
            }
        };
        let wanted =
            Wanted { within: merge_within(part, grant.within)?, access: grant.access.unwrap_or_default() };
        self.shared.method.scope().map_or(Ok(()), |scope| resource.check_scope(scope))?;
        resource.narrowing(&wanted)?;
        Ok(Handle::new(self.clone(), resource, wanted, self.cut(grant.duration)))
    }

    /// A resource by any form of its id, and the part of it that the text names.
    async fn complete<R: ResourceType<Connector = C>>(&self, text: &str) -> Result<(R, Option<String>)> {
        if text.is_empty()
            && let Some(only) = self.shared.method.scope().and_then(R::only)
        {
            return Ok((only, None));
        }
        let parsed = if text.is_empty() { Parsed::partial("") } else { R::parse(text)? };
        match parsed {
            Parsed::Exact { resource, within } => Ok((resource, within)),
            Parsed::Partial { text, within } => Ok((self.resolve::<R>(&text).await?, within)),
        }
    }

    /// The requests that minting would send, without secrets and without sending them.
    ///
    /// # Errors
    /// Refusals before the call.
    pub fn plan<R>(&self, resource: &R, wanted: &Wanted, asked: Option<Duration>) -> Result<Vec<Step>>
    where
        R: ResourceType<Connector = C>,
    {
        let narrowing = self.narrowing(resource, wanted)?;
        let hands_on_secret = R::ABOUT.hands_on && self.shared.method.hands_on_secret();
        if hands_on_secret && R::ABOUT.passes_to.is_none() {
            self.check_long_lived::<R>()?;
        }
        self.shared.method.plan(&Call::new(&self.cx, self.duration(asked)?), narrowing.as_ref())
    }

    /// The places that its method looks at for an identity, with what is there now; empty when its config holds
    /// all that it uses, and while the method is switched off: then nothing is looked at.
    #[must_use]
    pub fn origins(&self) -> Vec<Origin> {
        match self.about().implicit && !self.cx.implicit() {
            true => Vec::new(),
            false => self.shared.method.origins(&self.cx),
        }
    }

    /// Whom the provider's owner has to trust for this connector to work.
    ///
    /// # Errors
    /// Those of the provider.
    pub async fn trust(&self) -> Result<Option<Trust>> {
        self.check_switch_and_ends(self.cx.now())?;
        self.shared.method.trust(&Call::new(&self.cx, None)).await
    }

    /// Mints: authenticates, issues, cuts the advertised end, checks the terms, records, and only then
    /// releases.
    pub(crate) async fn mint<R>(
        &self,
        resource: &R,
        wanted: &Wanted,
        asked: Option<Duration>,
        way: Way,
    ) -> Result<Issued<R::Credential>>
    where
        R: ResourceType<Connector = C>,
    {
        let narrowing = self.narrowing(resource, wanted)?;
        let call = Call::new(&self.cx, self.duration(asked)?);
        let (mut issued, session_expiry, narrowed) = if narrowing.is_some() {
            let own = self.authenticate(&call, narrowing.as_ref()).await?;
            (resource.issue(wanted, &own.session, &call).await?, own.expiry, own.narrowed)
        } else {
            let shared = self.session_for(asked).await?;
            let issued = resource.issue(wanted, &shared.session, &call).await?;
            (issued, shared.expiry.clone(), shared.narrowed.clone())
        };
        let method_says_nothing =
            Narrowed::No(format!("auth method `{}` narrows nothing", self.method()).into());
        issued.narrowed = Some(issued.narrowed.or(narrowed).unwrap_or(method_says_nothing));
        if issued.long_lived {
            issued.narrowed = Some(issued.narrowed.filter(|it| !it.is_narrowed()).unwrap_or(LONG_LIVED));
        }
        // The session's own end is cut by the connector's and the method's already.
        let asked = asked.or(self.shared.terms.duration).map(|asked| call.expires_in(asked));
        issued.expiry = asked.into_iter().fold(issued.expiry.min(session_expiry.clone()), Expiry::min);
        // What a resource type hands on as it is ends with the session that it came from.
        if issued.provider_expiry.at().is_none() && !issued.long_lived {
            issued.provider_expiry = session_expiry;
        }
        if issued.long_lived && way == Way::Any {
            self.check_long_lived::<R>()?;
        }
        let mint = Mint {
            terms: &self.shared.terms,
            kind: <R::Credential as crate::Credential>::KIND,
            resource_type: R::ID,
            resource_id: &resource.id(),
            within: wanted.within.as_deref(),
            access: wanted.access,
            narrowed: &issued.narrowing(),
            expiry: &issued.expiry,
            long_lived: issued.long_lived,
        };
        self.cx.record(&mint).await?;
        Ok(issued)
    }
}

impl<C: ConnectorType> Connector<C> {
    fn check_long_lived<R: ResourceType>(&self) -> Result<()> {
        if self.cx.allows(crate::Allow::LongLived) {
            return Ok(());
        }
        let refused = Error::refused(format!(
            "method `{}` could only hand out its long-lived secret itself, and the connector does not allow that",
            self.method()
        ));
        Err(match R::ABOUT.passes_to {
            Some(tool) => refused.with_hint(format!(
                "let `{tool}` itself ask, by its helper, or update the connector with `--allow long-lived`"
            )),
            None => refused.with_hint(
                "choose a method that issues temporary credentials, or update the connector with `--allow long-lived`",
            ),
        })
    }
}

impl<C: ConnectorType> Shared<C> {
    pub(crate) fn new(method: Box<dyn DynMethod<C>>, terms: Terms) -> Self {
        Self {
            method,
            terms: Arc::new(terms),
            sessions: Mutex::default(),
            cells: Mutex::default(),
            standing: Arc::default(),
        }
    }

    /// The cell for a key, shared by all who ask for the same thing.
    pub(crate) fn cell<T: Send + Sync + 'static>(&self, key: CellKey) -> Arc<Refreshing<T>> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = cells.cell(key, || Arc::new(Refreshing::<T>::default()));
        Arc::downcast(cell).expect("the key holds the resource type, which fixes the type of its cell")
    }

    /// Whether what there is to give is the stored secret itself.
    pub(crate) fn hands_on_secret(&self) -> bool {
        self.method.hands_on_secret()
    }

    /// From now on nothing is issued from this version.
    pub(crate) fn end(&self) {
        self.standing.end();
    }
}

/// Why what is handed out as it is stored can do all that it ever could.
const LONG_LIVED: Narrowed = Narrowed::No(Cow::Borrowed("it is the stored secret itself"));

pub(crate) fn implicit_is_off(method: &str) -> Error {
    Error::refused(format!("method `{method}` uses the identity of this machine and is switched off"))
        .with_hint("set CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true, or `implicit = true` in config.toml, if you want that")
}

/// A part may be named by the id and by the grant; they have to agree.
pub(crate) fn merge_within(of_id: Option<String>, asked: Option<String>) -> Result<Option<String>> {
    let (of_id, asked) = (of_id.filter(|it| !it.is_empty()), asked.filter(|it| !it.is_empty()));
    match (of_id, asked) {
        (Some(a), Some(b)) if a != b => {
            Err(Error::field("within", "the id names another part than the grant asks for"))
        }
        (a, b) => Ok(b.or(a)),
    }
}
