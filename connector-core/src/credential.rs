//! Kinds of credentials, what can be built from them, and the forms that tools take.

use std::any::{Any, TypeId};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::agent::Protocol;
use crate::{Error, Fields, Handle, Issued, ResourceType, Result, Secret, Source};

/// A future that is boxed, for what has to be an object.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A kind of credential: one struct, in the crate of its kind.
///
/// It leaves the process by [`export`](Credential::export) and comes back by
/// [`import`](Credential::import), and in no other way.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no credential kind",
    note = "implement `connector_core::Credential` for it"
)]
pub trait Credential: Sized + Send + Sync + 'static {
    /// The kind's id in envelopes: kebab-case, never changed.
    const KIND: &'static str;

    /// How long before its end its users already want the next one. Where an SDK renews early and fails
    /// late, this is longer than the SDK's own window.
    const EARLY: Duration = Duration::from_secs(60);

    /// Writes every field, each as public or as secret.
    fn export(&self, out: &mut Fields);

    /// Reads the fields back; ignores those that it does not know.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) that names a missing or wrong field.
    fn import(fields: &Fields) -> Result<Self>;

    /// The native clients that can be built from it, listed once.
    fn clients() -> Clients<Source<Self>> {
        Clients::none()
    }

    /// The forms in which tools take it, such as `credential_process`.
    fn tools() -> &'static [Tool<Self>] {
        &[]
    }

    /// The protocols in which SDKs ask an endpoint of their machine for it, the one that most of them speak first.
    fn protocols() -> &'static [&'static dyn Protocol<Self>] {
        &[]
    }

    /// The environment variables by which ordinary programs take it; none where there is no such way.
    ///
    /// # Errors
    /// When this one cannot be given through the environment.
    fn environment(issued: &Issued<Self>) -> Result<EnvironmentForm> {
        let _ = issued;
        Err(Error::invalid(format!(
            "a credential of kind `{}` has no form as environment variables",
            Self::KIND
        )))
    }
}

/// A form in which a tool takes a credential of kind `C`.
pub struct Tool<C> {
    /// The tool's name, as in `connector helper NAME`.
    pub name: &'static str,
    /// Writes what the tool reads.
    pub render: fn(&Issued<C>) -> Result<Secret>,
}

impl<C> fmt::Debug for Tool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The form of a kind for the tool of this name.
///
/// # Errors
/// When there is none; it lists those there are.
pub(crate) fn tool_of<C: Credential>(name: &str) -> Result<&'static Tool<C>> {
    C::tools().iter().find(|tool| tool.name == name).ok_or_else(|| {
        let possible: Vec<_> = C::tools().iter().map(|tool| tool.name).collect();
        Error::invalid(format!(
            "a credential of kind `{}` has no form for `{name}`; possible: {}",
            C::KIND,
            if possible.is_empty() { "none".into() } else { possible.join(" ") }
        ))
    })
}

/// A credential as environment variables.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct EnvironmentForm {
    /// Variables to set, in order.
    pub set: Vec<(String, Secret)>,
    /// Variables that would shadow them.
    pub unset: Vec<String>,
}

impl EnvironmentForm {
    /// Sets a variable.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.set.push((name.into(), value.into()));
        self
    }

    /// Sets a variable if there is a value.
    #[must_use]
    pub fn set_if(self, name: impl Into<String>, value: Option<impl Into<Secret>>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// Takes a variable away.
    #[must_use]
    pub fn unset(mut self, name: impl Into<String>) -> Self {
        self.unset.push(name.into());
        self
    }
}

/// "A `T` can be built from a source of this kind." Native clients are built from a source, not from a
/// credential, so that they go on when the credential ends.
#[diagnostic::on_unimplemented(message = "no `{T}` can be built from a `{Self}` credential")]
pub trait Builds<T>: Credential {
    /// Builds it; it asks the source whenever it needs a credential.
    fn build(source: Source<Self>) -> impl Future<Output = Result<T>> + Send;
}

/// "This resource type gives a `T`": implied by its kind, or implemented for what it adds.
#[diagnostic::on_unimplemented(message = "resource type `{Self}` gives no `{T}`")]
pub trait Offers<T>: ResourceType {
    /// Builds it from a handle on one resource.
    fn offer(handle: Handle<Self>) -> impl Future<Output = Result<T>> + Send;
}

impl<T, R> Offers<T> for R
where
    R: ResourceType,
    R::Credential: Builds<T>,
{
    async fn offer(handle: Handle<Self>) -> Result<T> {
        R::Credential::build(handle.into_source()).await
    }
}

/// What a client is built from: hides the difference between a kind's source and a resource's handle.
pub trait Gives<T>: Sized {
    /// Builds a `T`.
    fn give(self) -> impl Future<Output = Result<T>> + Send;
}

impl<T, C: Builds<T>> Gives<T> for Source<C> {
    fn give(self) -> impl Future<Output = Result<T>> + Send {
        C::build(self)
    }
}

impl<T, R: Offers<T>> Gives<T> for Handle<R> {
    fn give(self) -> impl Future<Output = Result<T>> + Send {
        R::offer(self)
    }
}

type Maker<S> = fn(S) -> BoxFuture<'static, Result<Box<dyn Any + Send>>>;

/// The native clients that can be built from an `S`, for those who only know names.
pub struct Clients<S>(Vec<(TypeId, &'static str, Maker<S>)>);

impl<S: Send + 'static> Clients<S> {
    /// No clients.
    #[must_use]
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds `T`; compiles only where `S` really gives one.
    #[must_use]
    pub fn with<T: Any + Send>(mut self) -> Self
    where
        S: Gives<T>,
    {
        let make: Maker<S> = |from| {
            Box::pin(async move {
                let client: Box<dyn Any + Send> = Box::new(S::give(from).await?);
                Ok(client)
            })
        };
        self.0.push((TypeId::of::<T>(), std::any::type_name::<T>(), make));
        self
    }

    pub(crate) fn find(&self, wanted: TypeId) -> Option<Maker<S>> {
        self.0.iter().find(|(id, _, _)| *id == wanted).map(|(_, _, make)| *make)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(_, name, _)| *name)
    }
}

impl<S: Send + 'static> fmt::Debug for Clients<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
