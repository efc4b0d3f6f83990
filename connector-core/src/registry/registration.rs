//! Descriptors: what a crate registers, as constants of function pointers.

use std::any::TypeId;
use std::fmt;

use schemars::Schema;
use serde_json::{Map, Value};

use super::any::{AnyConnector, AnyHandle, RemoteFetch, ResourceCalls};
use crate::connector::{DynMethod, Shared};
use crate::credential::BoxFuture;
use crate::envelope::Forms;
use crate::{
    Access, AuthMethod, Candidate, ConnectorAbout, ConnectorType, Context, Credential, Error, Hints,
    MethodAbout, Parsed, ResourceAbout, ResourceType, Result, Terms,
};

/// One thing that a crate adds to the registry. Made by [`register!`](crate::register).
#[derive(Clone, Copy)]
pub struct Registration {
    pub(crate) id: &'static str,
    /// The connector type that it belongs to; its own id for a connector type, empty for a kind.
    pub(crate) of: &'static str,
    /// Two registrations are the same descriptor when they are of the same Rust type.
    pub(crate) type_id: fn() -> TypeId,
    pub(crate) type_name: fn() -> &'static str,
    pub(crate) item: Item,
}

#[derive(Clone, Copy)]
pub(crate) enum Item {
    Connector(ConnectorItem),
    Method(MethodItem),
    Resource(ResourceItem),
    Credential(CredentialItem),
}

#[derive(Clone, Copy)]
pub(crate) struct ConnectorItem {
    pub(crate) about: ConnectorAbout,
    pub(crate) detect: for<'a> fn(&'a Context, &'a Hints) -> BoxFuture<'a, Result<Vec<Candidate>>>,
}

#[derive(Clone, Copy)]
pub(crate) struct MethodItem {
    pub(crate) connector: fn() -> TypeId,
    pub(crate) about: MethodAbout,
    pub(crate) schema: fn() -> Schema,
    pub(crate) open: fn(Map<String, Value>, Terms) -> Result<AnyConnector>,
    pub(crate) identity: fn(&Map<String, Value>, &Context) -> Result<String>,
}

#[derive(Clone, Copy)]
pub(crate) struct ResourceItem {
    pub(crate) connector: fn() -> TypeId,
    pub(crate) about: ResourceAbout,
    pub(crate) kind: fn() -> Registration,
    pub(crate) parse: fn(&str) -> Result<ParsedId>,
    pub(crate) permissions: fn(Access) -> Vec<&'static str>,
    pub(crate) calls: fn() -> ResourceCalls,
}

#[derive(Clone, Copy)]
pub(crate) struct CredentialItem {
    pub(crate) forms: Forms,
    pub(crate) remote: fn(Context, RemoteFetch) -> AnyHandle,
}

/// What came of parsing an id, for those who only know names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedId {
    /// The canonical id; for a partial one, the text that has to be completed.
    pub id: String,
    /// The part of the resource that the text named.
    pub within: Option<String>,
    /// Whether a session has to complete or check it.
    pub partial: bool,
}

impl Registration {
    /// A connector type.
    #[must_use]
    pub const fn connector<C: ConnectorType>() -> Self {
        Self {
            id: C::ID,
            of: C::ID,
            type_id: TypeId::of::<C>,
            type_name: std::any::type_name::<C>,
            item: Item::Connector(ConnectorItem {
                about: C::ABOUT,
                detect: |cx, hints| Box::pin(C::detect(cx, hints)),
            }),
        }
    }

    /// An auth method.
    #[must_use]
    pub const fn method<M: AuthMethod>() -> Self {
        Self {
            id: M::ID,
            of: M::Connector::ID,
            type_id: TypeId::of::<M>,
            type_name: std::any::type_name::<M>,
            item: Item::Method(MethodItem {
                connector: TypeId::of::<M::Connector>,
                about: M::ABOUT,
                schema: || crate::schema::of::<M>(),
                open: open::<M>,
                identity: M::identity,
            }),
        }
    }

    /// A resource type.
    #[must_use]
    pub const fn resource<R: ResourceType>() -> Self {
        Self {
            id: R::ID,
            of: R::Connector::ID,
            type_id: TypeId::of::<R>,
            type_name: std::any::type_name::<R>,
            item: Item::Resource(ResourceItem {
                connector: TypeId::of::<R::Connector>,
                about: R::ABOUT,
                kind: Registration::credential::<R::Credential>,
                parse: |text| {
                    Ok(match R::parse(text)? {
                        Parsed::Exact { resource, within } => {
                            ParsedId { id: resource.id(), within, partial: false }
                        }
                        Parsed::Partial { text, within } => ParsedId { id: text, within, partial: true },
                    })
                },
                permissions: R::permissions,
                calls: ResourceCalls::of::<R>,
            }),
        }
    }

    /// A credential kind. A resource type brings its own; alone it is what the client of a broker needs.
    #[must_use]
    pub const fn credential<K: Credential>() -> Self {
        Self {
            id: K::KIND,
            of: "",
            type_id: TypeId::of::<K>,
            type_name: std::any::type_name::<K>,
            item: Item::Credential(CredentialItem {
                forms: Forms::of::<K>(),
                remote: AnyHandle::remote::<K>,
            }),
        }
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("of", &self.of)
            .field("id", &self.id)
            .field("type", &(self.type_name)())
            .finish_non_exhaustive()
    }
}

/// Parses a config whose references are resolved, and checks the rules across fields.
fn open<M: AuthMethod>(config: Map<String, Value>, terms: Terms) -> Result<AnyConnector> {
    let method: M = serde_path_to_error::deserialize(Value::Object(config)).map_err(|error| {
        // Only the path: serde's own text quotes the value.
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path };
        Error::problems(
            format!("the config does not fit method `{}`", M::ID),
            vec![crate::Problem::new(field, "not of the form that the schema describes")],
        )
    })?;
    let mut problems = method.check();
    // The config may have tighter bounds than the method in general.
    let duration = crate::issued::choose_duration(terms.duration, method.lifetime(), M::ID);
    problems.extend(duration.err().iter().flat_map(|error| error.field_problems().iter().cloned()));
    if !problems.is_empty() {
        return Err(Error::problems(format!("the config does not fit method `{}`", M::ID), problems));
    }
    let method: Box<dyn DynMethod<M::Connector>> = Box::new(method);
    Ok(AnyConnector::new(Shared::new(method, terms)))
}

/// Registers what a crate offers, through `inventory`, and lists it in `REGISTRATIONS` for hosts that link
/// statically or dislike globals.
///
/// Items: `connector T`, `method T`, `resource T`, `credential T`, each with attributes such as `#[cfg]`.
#[macro_export]
macro_rules! register {
    ($($(#[$attribute:meta])* $what:ident $item:ty),+ $(,)?) => {
        /// Everything that this crate registers.
        pub const REGISTRATIONS: &[$crate::Registration] =
            &[$($(#[$attribute])* $crate::Registration::$what::<$item>()),+];
        $($(#[$attribute])* $crate::__private::submit! { $crate::Registration::$what::<$item>() })+
    };
}

inventory::collect!(Registration);
