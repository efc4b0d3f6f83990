//! What is compiled in, by name.

mod any;
mod catalogue;
mod protocol;
mod registration;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use schemars::Schema;
use serde_json::{Map, Value};

pub use any::{AnyConnector, AnyHandle};
pub use catalogue::{Catalogue, ConnectorEntry, MethodEntry, Overview, ResourceEntry};
pub use protocol::AnyProtocol;
pub use registration::{ParsedId, Registration};

use crate::connector::implicit_is_off;
use crate::credential::BoxFuture;
use crate::{
    Access, Candidate, Context, Document, Envelope, EnvironmentForm, Error, Field, Hints, Result, Secret,
    SecretRef, Terms, issued, schema,
};
use any::ResourceCalls;
use registration::{ConnectorItem, CredentialItem, Item, MethodItem, ResourceItem};

/// Connector types, their methods and resource types, and credential kinds, by name.
#[derive(Clone)]
pub struct Registry {
    types: BTreeMap<&'static str, TypeEntry>,
    kinds: BTreeMap<&'static str, (Registration, CredentialItem)>,
    /// Ids that this family knows but that are not compiled in, each with what would bring them.
    absent: BTreeMap<String, String>,
    /// Fields of methods that were asked for before: every mint asks for them, and making a schema costs more
    /// than reading a document.
    fields: Arc<RwLock<KnownFields>>,
}

/// By connector type and method.
type KnownFields = HashMap<(&'static str, &'static str), Arc<[Field]>>;

#[derive(Clone)]
struct TypeEntry {
    registration: Registration,
    item: ConnectorItem,
    /// Sorted by id: the order of `inventory` is the linker's.
    methods: Vec<(Registration, MethodItem)>,
    resources: Vec<(Registration, ResourceItem)>,
    calls: Arc<[(&'static str, ResourceCalls)]>,
}

impl Registry {
    /// Everything that the linked crates registered.
    ///
    /// # Errors
    /// Two different things under one id, or a method or resource type whose connector type is missing.
    pub fn linked() -> Result<Self> {
        Self::of(inventory::iter::<Registration>)
    }

    /// The given registrations, for hosts that link statically or dislike globals.
    ///
    /// # Errors
    /// As [`Registry::linked`].
    pub fn of<'a>(items: impl IntoIterator<Item = &'a Registration>) -> Result<Self> {
        let mut registry = Self {
            types: BTreeMap::new(),
            kinds: BTreeMap::new(),
            absent: BTreeMap::new(),
            fields: Arc::default(),
        };
        // One Rust type may well be two things, such as a method and the kind it issues.
        let mut seen = HashSet::new();
        let mut members = Vec::new();
        for registration in items {
            if !seen.insert((std::mem::discriminant(&registration.item), (registration.type_id)())) {
                continue;
            }
            match registration.item {
                Item::Connector(item) => {
                    let entry = TypeEntry {
                        registration: *registration,
                        item,
                        methods: Vec::new(),
                        resources: Vec::new(),
                        calls: Arc::new([]),
                    };
                    if let Some(other) = registry.types.insert(registration.id, entry) {
                        return Err(twice("connector type", &other.registration, registration));
                    }
                }
                Item::Credential(item) => registry.add_kind(*registration, item)?,
                Item::Method(_) | Item::Resource(_) => members.push(*registration),
            }
        }
        for registration in members {
            registry.add_member(registration)?;
        }
        for entry in registry.types.values_mut() {
            entry.methods.sort_by_key(|(registration, _)| registration.id);
            entry.resources.sort_by_key(|(registration, _)| registration.id);
            entry.calls = entry.resources.iter().map(|(it, item)| (it.id, (item.calls)())).collect();
        }
        Ok(registry)
    }

    /// A kind may come by itself and with every resource type that issues it.
    fn add_kind(&mut self, registration: Registration, item: CredentialItem) -> Result<()> {
        match self.kinds.insert(registration.id, (registration, item)) {
            Some((other, _)) if (other.type_id)() != (registration.type_id)() => {
                Err(twice("credential kind", &other, &registration))
            }
            _ => Ok(()),
        }
    }

    fn add_member(&mut self, registration: Registration) -> Result<()> {
        let owner = match registration.item {
            Item::Method(item) => item.connector,
            Item::Resource(item) => {
                let kind = (item.kind)();
                if let Item::Credential(item) = kind.item {
                    self.add_kind(kind, item)?;
                }
                item.connector
            }
            Item::Connector(_) | Item::Credential(_) => return Ok(()),
        };
        let entry = self.types.get_mut(registration.of).filter(|it| (it.registration.type_id)() == owner());
        let Some(entry) = entry else {
            return Err(Error::unexpected(format!(
                "`{}` ({}) belongs to connector type `{}`, which is not registered",
                registration.id,
                (registration.type_name)(),
                registration.of
            )));
        };
        match registration.item {
            Item::Method(item) => {
                if let Some((other, _)) = entry.methods.iter().find(|(it, _)| it.id == registration.id) {
                    return Err(twice("auth method", other, &registration));
                }
                entry.methods.push((registration, item));
            }
            Item::Resource(item) => {
                if let Some((other, _)) = entry.resources.iter().find(|(it, _)| it.id == registration.id) {
                    return Err(twice("resource type", other, &registration));
                }
                entry.resources.push((registration, item));
            }
            Item::Connector(_) | Item::Credential(_) => {}
        }
        Ok(())
    }

    /// Adds connector types that are known but not compiled in, each with what would bring it, so that an
    /// error can say so.
    #[must_use]
    pub fn with_absent<'a>(mut self, absent: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let absent = absent.into_iter().filter(|(id, _)| !self.types.contains_key(id));
        self.absent = absent.map(|(id, how)| (id.to_owned(), how.to_owned())).collect();
        self
    }

    /// The ids of all connector types, sorted.
    pub fn connector_types(&self) -> impl Iterator<Item = &'static str> {
        self.types.keys().copied()
    }

    /// The ids of all credential kinds, sorted.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.keys().copied()
    }

    fn entry(&self, connector_type: &str) -> Result<&TypeEntry> {
        self.types.get(connector_type).ok_or_else(|| {
            let compiled: Vec<_> = self.connector_types().collect();
            let compiled = if compiled.is_empty() { "none".into() } else { compiled.join(" ") };
            let error = Error::field(
                "type",
                format!("unknown connector type `{}`; compiled in: {compiled}", told(connector_type)),
            );
            match self.absent.get(connector_type) {
                Some(how) => error.with_hint(how.clone()),
                None => error.with_hint(
                    "a connector of another company has to be linked: `use its_crate as _;` in the program",
                ),
            }
        })
    }

    fn method(&self, connector_type: &str, method: &str) -> Result<(&Registration, &MethodItem)> {
        let entry = self.entry(connector_type)?;
        let found = entry.methods.iter().find(|(it, _)| it.id == method);
        found.map(|(registration, item)| (registration, item)).ok_or_else(|| {
            let possible: Vec<_> = entry.methods.iter().map(|(it, _)| it.id).collect();
            Error::field(
                "method",
                format!(
                    "`{connector_type}` has no auth method `{}`; possible: {}",
                    told(method),
                    possible.join(" ")
                ),
            )
        })
    }

    fn resource(&self, connector_type: &str, resource_type: &str) -> Result<&ResourceItem> {
        let entry = self.entry(connector_type)?;
        let found = entry.resources.iter().find(|(it, _)| it.id == resource_type);
        found.map(|(_, item)| item).ok_or_else(|| {
            let possible: Vec<_> = entry.resources.iter().map(|(it, _)| it.id).collect();
            Error::field(
                "resource_type",
                format!(
                    "`{connector_type}` has no resource type `{}`; possible: {}",
                    told(resource_type),
                    possible.join(" ")
                ),
            )
        })
    }

    /// The resource types of a connector type.
    ///
    /// # Errors
    /// An unknown connector type.
    pub fn resource_types(&self, connector_type: &str) -> Result<Vec<&'static str>> {
        Ok(self.entry(connector_type)?.resources.iter().map(|(it, _)| it.id).collect())
    }

    /// The JSON Schema of a method's config.
    ///
    /// # Errors
    /// An unknown type or method; it lists the known ones.
    pub fn schema(&self, connector_type: &str, method: &str) -> Result<Schema> {
        Ok((self.method(connector_type, method)?.1.schema)())
    }

    /// The fields of a method's config.
    ///
    /// # Errors
    /// An unknown type or method.
    pub fn fields(&self, connector_type: &str, method: &str) -> Result<Vec<Field>> {
        Ok(self.known_fields(connector_type, method)?.to_vec())
    }

    fn known_fields(&self, connector_type: &str, method: &str) -> Result<Arc<[Field]>> {
        let (registration, item) = self.method(connector_type, method)?;
        let key = (registration.of, registration.id);
        let known = self.fields.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        Ok(known.unwrap_or_else(|| {
            let fields: Arc<[Field]> = schema::fields(&(item.schema)()).into();
            self.fields.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&fields));
            fields
        }))
    }

    /// Reads a resource id in any accepted form. Pure.
    ///
    /// # Errors
    /// An unknown type, or an id that is none.
    pub fn parse(&self, connector_type: &str, resource_type: &str, id: &str) -> Result<ParsedId> {
        (self.resource(connector_type, resource_type)?.parse)(id)
    }

    /// Whether a resource type has many instances.
    ///
    /// # Errors
    /// An unknown type.
    pub fn has_instances(&self, connector_type: &str, resource_type: &str) -> Result<bool> {
        Ok(self.resource(connector_type, resource_type)?.about.instances)
    }

    /// Whether a connector of this type reaches one resource, and nothing else ever: its type has one resource type,
    /// which has no instances.
    ///
    /// # Errors
    /// An unknown type.
    pub fn is_single(&self, connector_type: &str) -> Result<bool> {
        match self.resource_types(connector_type)?.as_slice() {
            [only] => Ok(!self.has_instances(connector_type, only)?),
            _ => Ok(false),
        }
    }

    /// The one tool form to which a resource type passes stored secrets; see
    /// [`ResourceAbout::passes_to`](crate::ResourceAbout::passes_to).
    ///
    /// # Errors
    /// An unknown type.
    pub fn passes_to(&self, connector_type: &str, resource_type: &str) -> Result<Option<&'static str>> {
        Ok(self.resource(connector_type, resource_type)?.about.passes_to)
    }

    /// Whether a resource type hands on what its connector has stored, where the method has nothing else to give; see
    /// [`ResourceAbout::hands_on`](crate::ResourceAbout::hands_on).
    ///
    /// # Errors
    /// An unknown type.
    pub fn hands_on(&self, connector_type: &str, resource_type: &str) -> Result<bool> {
        Ok(self.resource(connector_type, resource_type)?.about.hands_on)
    }

    /// Checks a document without any call and without its secrets: names, schema, bounds, switches, id. All
    /// faults are reported together.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) with every fault; a switch that is off is
    /// [`Refused`](crate::ErrorKind::Refused).
    pub fn check(&self, document: &Document, cx: &Context) -> Result<()> {
        let mut problems = Vec::new();
        let mut collect = |result: Result<()>| {
            if let Err(error) = result {
                problems.extend(error.field_problems().iter().cloned());
            }
        };
        collect(crate::check_name(&document.name));
        let (registration, method) = self.method(&document.connector_type, &document.method)?;
        let duration = issued::choose_duration(document.duration, method.about.lifetime, registration.id);
        collect(duration.map(|_| ()));
        collect(self.check_resource(document));
        let of_config = schema::check(&(method.schema)(), &document.config);
        let what = if problems.is_empty() { "the config does" } else { "the document does" };
        let rules = if of_config.is_empty() { Vec::new() } else { rules(method, document, &of_config) };
        problems.extend(of_config);
        problems.extend(rules);
        if !problems.is_empty() {
            let message =
                format!("{what} not fit `{}` method `{}`", document.connector_type, document.method);
            let error = Error::problems(message, problems);
            return Err(error.with_hint(format!(
                "see `connector describe-type {} --auth-method {}`",
                document.connector_type, document.method
            )));
        }
        if method.about.implicit && !cx.implicit() {
            return Err(implicit_is_off(registration.id));
        }
        Ok(())
    }

    /// Checks that a document's method works for a resource type.
    ///
    /// # Errors
    /// An unknown resource type, or the reason why the method does not work for it.
    pub fn supports(&self, document: &Document, resource_type: &str) -> Result<()> {
        let resource = self.resource(&document.connector_type, resource_type)?;
        match resource.about.without.iter().find(|(method, _)| *method == document.method) {
            Some((method, why)) => {
                let message = format!("method `{method}` does not work for `{resource_type}`: {why}");
                Err(Error::field("resource_type", message))
            }
            None => Ok(()),
        }
    }

    fn check_resource(&self, document: &Document) -> Result<()> {
        let Some(resource_type) = &document.resource_type else {
            return match document.resource_id {
                Some(_) => Err(Error::field("resource_id", "an id without a resource type")),
                None => Ok(()),
            };
        };
        self.supports(document, resource_type)?;
        let resource = self.resource(&document.connector_type, resource_type)?;
        match &document.resource_id {
            Some(id) => (resource.parse)(id).map(|_| ()).map_err(|error| {
                if error.field_problems().is_empty() {
                    Error::field("resource_id", error.message())
                } else {
                    error
                }
            }),
            None => Ok(()),
        }
    }

    /// The connectors that a document refers to, by name: those it takes its identity from, and those
    /// whose secrets it uses. Needs no secret.
    ///
    /// # Errors
    /// An unknown type or method.
    pub fn references(&self, document: &Document) -> Result<Vec<String>> {
        let mut names = BTreeSet::new();
        for field in self.known_fields(&document.connector_type, &document.method)?.iter() {
            let value = document.config.get(&field.name).and_then(Value::as_str);
            if let (Some(_), Some(name)) = (&field.connector, value) {
                names.insert(name.to_owned());
            }
        }
        let config = Value::Object(document.config.clone());
        collect_references(&config, &mut names);
        Ok(names.into_iter().collect())
    }

    /// Takes the secret values out of a config and puts references in their place.
    ///
    /// # Errors
    /// An unknown type or method.
    pub fn split_secrets(
        &self,
        connector_type: &str,
        method: &str,
        config: &mut Map<String, Value>,
    ) -> Result<BTreeMap<String, Secret>> {
        let mut secrets = BTreeMap::new();
        for field in self.known_fields(connector_type, method)?.iter().filter(|field| field.secret) {
            let Some(value) = config.get_mut(&field.name) else { continue };
            let Value::String(text) = value else { continue };
            if SecretRef::parse(text).is_none() {
                let reference = SecretRef::own(&field.name).to_string();
                secrets.insert(field.name.clone(), Secret::new(std::mem::replace(text, reference)));
            }
        }
        Ok(secrets)
    }

    /// What a document's surroundings say of its identity, for the cache key.
    ///
    /// # Errors
    /// Those of [`AuthMethod::identity`](crate::AuthMethod::identity).
    pub fn identity(&self, document: &Document, cx: &Context) -> Result<String> {
        (self.method(&document.connector_type, &document.method)?.1.identity)(&document.config, cx)
    }

    /// Parses a document whose secret references are resolved in `config`. Calls nothing.
    ///
    /// # Errors
    /// All faults of the config, by field and without values.
    pub fn open(&self, document: &Document, config: Map<String, Value>) -> Result<AnyConnector> {
        let (_, method) = self.method(&document.connector_type, &document.method)?;
        let problems = schema::check(&(method.schema)(), &config);
        if !problems.is_empty() {
            return Err(Error::problems(
                format!("the config of `{}` does not fit its method", document.name),
                problems,
            ));
        }
        let calls = Arc::clone(&self.entry(&document.connector_type)?.calls);
        Ok((method.open)(config, Terms::from(document))?.with_resources(calls))
    }

    /// Looks for ways to authenticate in the surroundings, best first, and writes nothing.
    ///
    /// # Errors
    /// What is there but broken.
    pub async fn detect(&self, connector_type: &str, cx: &Context, hints: &Hints) -> Result<Vec<Candidate>> {
        (self.entry(connector_type)?.item.detect)(cx, hints).await
    }

    fn kind(&self, kind: &str) -> Result<&CredentialItem> {
        self.kinds.get(kind).map(|(_, item)| item).ok_or_else(|| {
            let known: Vec<_> = self.kinds().collect();
            Error::invalid(format!(
                "unknown credential kind `{}`; compiled in: {}",
                told(kind),
                known.join(" ")
            ))
        })
    }

    /// A credential in the form that a tool reads.
    ///
    /// # Errors
    /// When its kind has no form for that tool; it lists those it has.
    pub fn tool(&self, envelope: &Envelope, tool: &str) -> Result<Secret> {
        (self.kind(&envelope.kind)?.forms.tool)(envelope, tool)
    }

    /// The tools that a kind has forms for.
    ///
    /// # Errors
    /// An unknown kind.
    pub fn tools(&self, kind: &str) -> Result<Vec<&'static str>> {
        Ok((self.kind(kind)?.forms.tools)())
    }

    /// A credential as environment variables.
    ///
    /// # Errors
    /// When its kind has no such form.
    pub fn environment(&self, envelope: &Envelope) -> Result<EnvironmentForm> {
        (self.kind(&envelope.kind)?.forms.environment)(envelope)
    }

    /// The protocols in which SDKs ask an endpoint of their machine for a kind, the one that most of them speak first.
    ///
    /// # Errors
    /// An unknown kind.
    pub fn protocols(&self, kind: &str) -> Result<Vec<AnyProtocol>> {
        Ok((self.kind(kind)?.forms.protocols)())
    }

    /// A handle that is answered from elsewhere; needs the kind only, no provider.
    ///
    /// # Errors
    /// An unknown kind.
    pub fn remote<F>(
        &self,
        cx: Context,
        kind: &str,
        fetch: impl Fn() -> F + Send + Sync + 'static,
    ) -> Result<AnyHandle>
    where
        F: Future<Output = Result<Envelope>> + Send + 'static,
    {
        let fetch = Arc::new(move || -> BoxFuture<'static, Result<Envelope>> { Box::pin(fetch()) });
        Ok((self.kind(kind)?.remote)(cx, fetch))
    }

    /// The permissions that an access level of a resource type needs.
    ///
    /// # Errors
    /// An unknown type.
    pub fn permissions(
        &self,
        connector_type: &str,
        resource_type: &str,
        access: Access,
    ) -> Result<Vec<&'static str>> {
        Ok((self.resource(connector_type, resource_type)?.permissions)(access))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("types", &self.types.keys())
            .field("kinds", &self.kinds.keys())
            .finish_non_exhaustive()
    }
}

/// The faults across fields of a config whose only other fault is a key that nobody knows; with any other
/// fault a rule might only repeat it.
fn rules(method: &MethodItem, document: &Document, faults: &[crate::Problem]) -> Vec<crate::Problem> {
    let mut config = document.config.clone();
    faults.iter().for_each(|fault| drop(config.remove(&fault.field)));
    let known = schema::fields(&(method.schema)());
    if faults.iter().any(|fault| known.iter().any(|it| it.name == fault.field))
        || !schema::check(&(method.schema)(), &config).is_empty()
    {
        return Vec::new();
    }
    let error = (method.open)(config, Terms::from(document)).err();
    let mut found = error.map(|error| error.field_problems().to_vec()).unwrap_or_default();
    // What is only referred to cannot be judged before it is resolved.
    found.retain(|it| !document.config.get(&it.field).is_some_and(schema::is_reference));
    found
}

/// An unknown name, as far as anybody reads it.
fn told(name: &str) -> &str {
    const LONGEST: usize = 100;
    name.char_indices().nth(LONGEST).map_or(name, |(end, _)| &name[..end])
}

fn twice(what: &str, one: &Registration, other: &Registration) -> Error {
    Error::unexpected(format!(
        "{what} `{}` of `{}` is registered twice: {} and {}",
        one.id,
        one.of,
        (one.type_name)(),
        (other.type_name)()
    ))
}

fn collect_references(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => names.extend(SecretRef::parse(text).and_then(|it| it.connector)),
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, names)),
        Value::Object(map) => map.values().for_each(|item| collect_references(item, names)),
        _ => {}
    }
}
