//! The traits that authors implement: a connector type, its auth methods, its resource types.

use std::future::Future;
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    Access, Authenticated, Call, Clients, ConnectorAbout, Context, Credential, Error, Handle, Issued, Life,
    Lifetime, Listing, MethodAbout, Origin, Problem, ResourceAbout, Result, Step, Trust, Wanted, Withheld,
};

/// One provider: a unit struct that ties auth methods to resource types at compile time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no connector type",
    note = "implement `connector_core::ConnectorType` for a unit struct"
)]
pub trait ConnectorType: Sized + Send + Sync + 'static {
    /// Its id in documents: kebab-case, never changed.
    const ID: &'static str;
    /// What it says about itself.
    const ABOUT: ConnectorAbout;
    /// The authenticated state that auth methods give and resource types use. It never leaves the
    /// issuing process, so it need not be `Clone`, and must not be `Serialize`.
    type Session: Send + Sync + 'static;
    /// Its language for "less than everything"; `()` where the provider has none.
    type Narrowing: Send + Sync + 'static;

    /// Looks for ways to authenticate in the surroundings, best first, and writes nothing.
    ///
    /// # Errors
    /// What is there but broken: a file with a bad line, a profile that does not exist.
    fn detect(cx: &Context, hints: &Hints) -> impl Future<Output = Result<Vec<Candidate>>> + Send {
        let _ = (cx, hints);
        async { Ok(Vec::new()) }
    }
}

/// The session type that an auth method gives.
pub type SessionOf<M> = <<M as AuthMethod>::Connector as ConnectorType>::Session;

/// The narrowing that an auth method understands.
pub type NarrowingOf<M> = <<M as AuthMethod>::Connector as ConnectorType>::Narrowing;

/// One way to authenticate. The parsed config *is* the method: derive `Deserialize` and `JsonSchema`, with
/// `#[serde(deny_unknown_fields)]`; the doc comments of its fields become the schema and the reference.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no auth method",
    note = "implement `connector_core::AuthMethod` for the config struct itself"
)]
pub trait AuthMethod: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// Its id in documents: kebab-case, never changed, equal to its file's name.
    const ID: &'static str;
    /// What it says about itself.
    const ABOUT: MethodAbout;
    /// The connector type that it belongs to, perhaps of another crate.
    type Connector: ConnectorType;

    /// Checks rules across fields, which a schema cannot hold. Pure.
    fn check(&self) -> Vec<Problem> {
        Vec::new()
    }

    /// The bounds of the life that this config can ask for, where they are tighter than the method's.
    fn lifetime(&self) -> Option<Lifetime> {
        Self::ABOUT.lifetime
    }

    /// Looks at what was kept of earlier answers, before [`lifetime`](AuthMethod::lifetime) is asked. Makes no
    /// call.
    ///
    /// # Errors
    /// Those of the store.
    fn recall(&self, cx: &Context) -> impl Future<Output = Result<()>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// What to tell who chooses this config, where that is not what the method says of itself.
    fn warning(&self) -> Option<&'static str> {
        Self::ABOUT.warning
    }

    /// What this config narrows by, where that is not what the method says of itself.
    fn narrows(&self) -> Option<&'static str> {
        Self::ABOUT.narrows
    }

    /// Whether what this config has to give is the stored secret itself, where that is not what the method says of
    /// itself: then resource types that [hand it on](ResourceAbout::hands_on) need the owner's leave, and `explain`
    /// says so as issuing does.
    fn hands_on_secret(&self) -> bool {
        Self::ABOUT.life == Life::Long && !Self::ABOUT.temporary
    }

    /// Where all that it reaches is, in the provider's words, such as a region; for
    /// [`ResourceType::check_scope`].
    fn scope(&self) -> Option<&str> {
        None
    }

    /// When the stored credential itself ends, where its config says so.
    fn expires_at(&self) -> Option<SystemTime> {
        None
    }

    /// What the surroundings say of the identity, for the cache key: a profile's name, a token file's
    /// path. Has no `self`, because the stored config holds references where the secrets were.
    ///
    /// # Errors
    /// When the surroundings cannot be read.
    fn identity(stored: &Map<String, Value>, cx: &Context) -> Result<String> {
        let _ = (stored, cx);
        Ok(String::new())
    }

    /// Obtains a session, narrowed where `narrowing` is given and the provider can. Ask for
    /// [`Call::duration`], count the end with [`Call::expires_in`], say what was narrowed.
    fn authenticate(
        &self,
        cx: &Call<'_>,
        narrowing: Option<&NarrowingOf<Self>>,
    ) -> impl Future<Output = Result<Authenticated<SessionOf<Self>>>> + Send;

    /// The requests that [`authenticate`](AuthMethod::authenticate) would send, without secrets.
    ///
    /// # Errors
    /// The same refusals before the call: a policy too large, an own policy that would be widened.
    fn plan(&self, cx: &Call<'_>, narrowing: Option<&NarrowingOf<Self>>) -> Result<Vec<Step>> {
        let _ = (cx, narrowing);
        Ok(Vec::new())
    }

    /// The places that it looks at for its identity, in their order, with what is there now. Makes no call. Empty
    /// for a method whose config holds all that it uses: then nothing else is looked at.
    fn origins(&self, cx: &Context) -> Vec<Origin> {
        let _ = cx;
        Vec::new()
    }

    /// Whom the provider's owner has to trust for this method to work; `None` where that has no meaning.
    fn trust(&self, cx: &Call<'_>) -> impl Future<Output = Result<Option<Trust>>> + Send {
        let _ = cx;
        async { Ok(None) }
    }
}

/// What came of parsing an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<R> {
    /// It names one resource.
    Exact {
        /// The resource.
        resource: R,
        /// The part of it that the text named: a path behind a bucket's name, say.
        within: Option<String>,
    },
    /// A session has to complete or check it: a short name, or a form that says more than the id.
    Partial {
        /// What [`ResourceType::resolve`] is given.
        text: String,
        /// The part of it that the text named.
        within: Option<String>,
    },
}

impl<R> Parsed<R> {
    /// Names one resource as a whole.
    pub fn exact(resource: R) -> Self {
        Self::Exact { resource, within: None }
    }

    /// Has to be completed by a session.
    pub fn partial(text: impl Into<String>) -> Self {
        Self::Partial { text: text.into(), within: None }
    }

    /// The text named a part of it.
    #[must_use]
    pub fn within(mut self, part: impl Into<String>) -> Self {
        let (Self::Exact { within, .. } | Self::Partial { within, .. }) = &mut self;
        *within = Some(part.into()).filter(|part| !part.is_empty());
        self
    }
}

/// A kind of thing to reach. The parsed id *is* the resource, so that issuing never parses again.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no resource type",
    note = "implement `connector_core::ResourceType` for the parsed id"
)]
pub trait ResourceType: Sized + Send + Sync + 'static {
    /// Its id in documents: kebab-case, never changed. Several connector types may share one.
    const ID: &'static str;
    /// What it says about itself.
    const ABOUT: ResourceAbout;
    /// The connector type that it belongs to.
    type Connector: ConnectorType;
    /// The kind of credential that is issued for it, often of another crate.
    type Credential: Credential;

    /// Reads an id in any accepted form. Pure, total, linear in the text.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) that says which forms are accepted.
    fn parse(text: &str) -> Result<Parsed<Self>>;

    /// The canonical id; parsing it gives an equal resource.
    fn id(&self) -> String;

    /// Completes or checks a partial id; an empty one where there is only one resource.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with the candidates when several fit,
    /// [`NotFound`](crate::ErrorKind::NotFound) when none does.
    fn resolve(
        partial: &str,
        session: &<Self::Connector as ConnectorType>::Session,
        cx: &Call<'_>,
    ) -> impl Future<Output = Result<Self>> + Send {
        let _ = (session, cx);
        let error =
            Error::invalid(format!("`{}` needs a complete id, and this is only a part of one", Self::ID));
        let error =
            if partial.is_empty() { Error::invalid(format!("`{}` needs an id", Self::ID)) } else { error };
        async { Err(error) }
    }

    /// The one resource that there is in a [`scope`](AuthMethod::scope), where that needs no call to be known:
    /// what an empty id means.
    fn only(scope: &str) -> Option<Self> {
        let _ = scope;
        None
    }

    /// Refuses a resource that its id puts elsewhere than the [`scope`](AuthMethod::scope) of the method. Pure.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) that names both places.
    fn check_scope(&self, scope: &str) -> Result<()> {
        let _ = scope;
        Ok(())
    }

    /// The provider's permissions that an access level needs, those for listing too, for the catalogue.
    fn permissions(access: Access) -> Vec<&'static str> {
        let _ = access;
        Vec::new()
    }

    /// The permissions that a narrowed credential for this resource carries; empty when that is all that the
    /// connector may.
    fn carried(&self, wanted: &Wanted) -> Vec<&'static str> {
        Self::permissions(wanted.access)
    }

    /// What a narrowed credential does not carry of the resource type's permissions, and why.
    fn withheld(&self, wanted: &Wanted) -> Vec<Withheld> {
        let _ = wanted;
        Vec::new()
    }

    /// Says "only this, only so much" in the provider's language; `None` where it cannot be said, and
    /// then the connector's one wide session is shared. Pure.
    ///
    /// # Errors
    /// When `within` has no meaning here, or names something impossible.
    fn narrowing(&self, wanted: &Wanted) -> Result<Option<<Self::Connector as ConnectorType>::Narrowing>> {
        match wanted.within {
            Some(_) => Err(Error::field("within", format!("`{}` has no parts to ask for", Self::ID))),
            None => Ok(None),
        }
    }

    /// Lists what a session can reach, to the last page, places side by side.
    fn list(
        session: &<Self::Connector as ConnectorType>::Session,
        cx: &Call<'_>,
    ) -> impl Future<Output = Result<Listing>> + Send {
        let _ = (session, cx);
        async { Ok(Listing::default()) }
    }

    /// Checks that a session for this resource reaches it, with one call if the provider has one. The
    /// default looks it up in the list.
    fn reach(
        &self,
        wanted: &Wanted,
        session: &<Self::Connector as ConnectorType>::Session,
        cx: &Call<'_>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = wanted;
        async {
            let listing = Self::list(session, cx).await?;
            if listing.ids.contains(&self.id()) {
                return Ok(());
            }
            Err(Error::not_found(format!("{} `{}` is not among what is reached", Self::ID, self.id())))
        }
    }

    /// Issues a credential for this resource from a session; may narrow further, or say why it is wider.
    fn issue(
        &self,
        wanted: &Wanted,
        session: &<Self::Connector as ConnectorType>::Session,
        cx: &Call<'_>,
    ) -> impl Future<Output = Result<Issued<Self::Credential>>> + Send;

    /// Clients that this resource type adds to those of its credential's kind.
    fn clients() -> Clients<Handle<Self>> {
        Clients::none()
    }
}

/// What the caller of [`ConnectorType::detect`] wants looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hints {
    /// A profile of the provider's configuration files.
    pub profile: Option<String>,
    /// A region.
    pub region: Option<String>,
    /// A kubeconfig context.
    pub context: Option<String>,
    /// A project.
    pub project: Option<String>,
    /// An auth method: only ways to use this one.
    pub method: Option<String>,
}

/// A way to authenticate that was found.
#[derive(Clone)]
#[non_exhaustive]
pub struct Candidate {
    /// The auth method.
    pub method: &'static str,
    /// Its config, secrets included.
    pub config: Map<String, Value>,
    /// Where it was found, for people.
    pub found: String,
    /// When what was found ends.
    pub expires_at: Option<SystemTime>,
    /// The life that the surroundings ask for.
    pub duration: Option<std::time::Duration>,
    /// What else to tell, such as what it hides.
    pub notes: Vec<String>,
}

impl Candidate {
    /// A method, its config, and where it was found.
    pub fn new(method: &'static str, config: Map<String, Value>, found: impl Into<String>) -> Self {
        Self { method, config, found: found.into(), expires_at: None, duration: None, notes: Vec::new() }
    }
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Candidate")
            .field("method", &self.method)
            .field("fields", &self.config.keys().collect::<Vec<_>>())
            .field("found", &self.found)
            .finish_non_exhaustive()
    }
}
