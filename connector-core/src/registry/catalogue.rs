//! The catalogue as data: text, JSON and reference pages are all made from this.

use serde::Serialize;

use super::{Registry, TypeEntry};
use crate::registry::registration::{MethodItem, ResourceItem};
use crate::{Access, Error, Registration, Result, schema};

/// Everything that can be connected to.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Catalogue {
    /// The connector types, sorted by id.
    pub connector_types: Vec<ConnectorEntry>,
}

/// One connector type.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ConnectorEntry {
    /// Its id.
    #[serde(rename = "type")]
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether it can configure itself from what it finds.
    pub auto_configures: bool,
    /// Where it can be used.
    pub available: Availability,
    /// What has to be at hand, and how to get it.
    pub prerequisites: Vec<String>,
    /// Its auth methods.
    pub auth_methods: Vec<MethodEntry>,
    /// Its resource types.
    pub resource_types: Vec<ResourceEntry>,
}

/// Where a connector type can be used.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Availability {
    /// In this program.
    pub local: bool,
    /// Through a broker.
    pub remote: bool,
}

/// One auth method.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct MethodEntry {
    /// Its id.
    #[serde(rename = "method")]
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Whose identity it carries: `user`, `service` or `workload`.
    pub identity: String,
    /// How long the secret it holds is good for.
    pub life: String,
    /// Whether what it issues ends by itself.
    pub temporary: bool,
    /// What it can narrow, in words; null when nothing.
    pub narrows: Option<String>,
    /// The bounds of the life that it can ask for, in seconds; null when it has no say.
    pub lifetime: Option<LifetimeEntry>,
    /// Whether it is off until the host switches it on.
    pub implicit: bool,
    /// What to know before choosing it.
    pub warning: Option<String>,
    /// The fields of its config.
    pub attributes: Vec<AttributeEntry>,
}

/// Bounds in seconds.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LifetimeEntry {
    /// The shortest.
    pub min: u64,
    /// What is asked for when nobody says.
    pub default: u64,
    /// The longest.
    pub max: u64,
    /// A restriction that only the provider's answer shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One field of a config.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AttributeEntry {
    /// Its key.
    pub name: String,
    /// Its JSON type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is a secret.
    pub secret: bool,
    /// Whether it has to be given.
    pub required: bool,
    /// The connector type whose connector it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector: Option<String>,
    /// What it is.
    pub description: String,
}

/// One resource type.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ResourceEntry {
    /// Its id.
    #[serde(rename = "resource_type")]
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Whether one connector reaches many of it.
    pub instances: bool,
    /// The auth methods that work for it.
    pub auth_methods: Vec<String>,
    /// Those that do not, each with the reason.
    pub without: Vec<(String, String)>,
    /// What narrows a credential for it.
    pub narrows: String,
    /// The longest that a credential for it lives, in seconds; null when the method alone decides.
    pub max_seconds: Option<u64>,
    /// The accepted forms of an id, canonical first, each with a word on it.
    pub forms: Vec<(String, String)>,
    /// What `within` means; null when nothing.
    pub within: Option<String>,
    /// The kind of credential that is issued for it.
    pub credential: String,
    /// The one tool form that may carry a stored secret without the owner's leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passes_to: Option<String>,
    /// The permissions of each access level.
    pub permissions: PermissionsEntry,
    /// What the permissions attach to.
    pub permission_targets: String,
}

/// The permissions of each access level; each includes the ones before it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PermissionsEntry {
    /// For `read`.
    pub read: Vec<String>,
    /// For `write`.
    pub write: Vec<String>,
    /// For `admin`.
    pub admin: Vec<String>,
}

impl Registry {
    /// The catalogue of everything that is compiled in.
    #[must_use]
    pub fn catalogue(&self) -> Catalogue {
        Catalogue { connector_types: self.types.values().map(connector_entry).collect() }
    }

    /// The catalogue's entry of one connector type.
    ///
    /// # Errors
    /// An unknown connector type; it lists the known ones.
    pub fn describe(&self, connector_type: &str) -> Result<ConnectorEntry> {
        Ok(connector_entry(self.entry(connector_type)?))
    }

    /// The catalogue's entry of one auth method.
    ///
    /// # Errors
    /// An unknown type or method; it lists the known ones.
    pub fn describe_method(&self, connector_type: &str, method: &str) -> Result<MethodEntry> {
        let (registration, item) = self.method(connector_type, method)?;
        Ok(method_entry(registration, item))
    }

    /// The catalogue's entry of one resource type.
    ///
    /// # Errors
    /// An unknown type; it lists the known ones.
    pub fn describe_resource(&self, connector_type: &str, resource_type: &str) -> Result<ResourceEntry> {
        self.resource(connector_type, resource_type)?;
        let entry = self.entry(connector_type)?;
        let found = entry.resources.iter().find(|(it, _)| it.id == resource_type);
        found
            .map(|(registration, item)| resource_entry(entry, registration, item))
            .ok_or_else(|| Error::not_found(format!("no resource type `{resource_type}`")))
    }

    /// The ids and names alone, which costs no schema: what `list-types` prints.
    pub fn overview(&self) -> impl Iterator<Item = Overview> {
        self.types.values().map(|entry| Overview {
            id: entry.registration.id,
            name: entry.item.about.name,
            resource_types: entry.resources.iter().map(|(it, _)| it.id).collect(),
            auth_methods: entry.methods.iter().map(|(it, _)| it.id).collect(),
            available: available(),
        })
    }

    /// Connector types that are known but not compiled in, each with what would bring it.
    pub fn absent(&self) -> impl Iterator<Item = (&str, &str)> {
        self.absent.iter().map(|(id, how)| (id.as_str(), how.as_str()))
    }
}

/// One row of `list-types`.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Overview {
    /// The connector type's id.
    #[serde(rename = "type")]
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// Its resource types.
    pub resource_types: Vec<&'static str>,
    /// Its auth methods.
    pub auth_methods: Vec<&'static str>,
    /// Where it can be used.
    pub available: Availability,
}

/// What is compiled in is available here, and in every broker that is built from the same crates.
fn available() -> Availability {
    Availability { local: true, remote: true }
}

fn owned(words: impl IntoIterator<Item = &'static str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

fn connector_entry(entry: &TypeEntry) -> ConnectorEntry {
    let about = entry.item.about;
    ConnectorEntry {
        id: entry.registration.id.to_owned(),
        name: about.name.to_owned(),
        description: about.description.to_owned(),
        auto_configures: about.detects,
        available: available(),
        prerequisites: owned(about.prerequisites.iter().copied()),
        auth_methods: entry.methods.iter().map(|(it, item)| method_entry(it, item)).collect(),
        resource_types: entry.resources.iter().map(|(it, item)| resource_entry(entry, it, item)).collect(),
    }
}

fn method_entry(registration: &Registration, item: &MethodItem) -> MethodEntry {
    let about = item.about;
    let attributes = schema::fields(&(item.schema)()).into_iter().map(|field| AttributeEntry {
        name: field.name,
        kind: field.kind,
        secret: field.secret,
        required: field.required,
        connector: field.connector,
        description: field.description,
    });
    MethodEntry {
        id: registration.id.to_owned(),
        name: about.name.to_owned(),
        description: about.description.to_owned(),
        identity: about.identity.as_str().to_owned(),
        life: about.life.as_str().to_owned(),
        temporary: about.temporary,
        narrows: about.narrows.map(str::to_owned),
        lifetime: about.lifetime.map(|it| LifetimeEntry {
            min: it.min.as_secs(),
            default: it.default.as_secs(),
            max: it.max.as_secs(),
            note: about.lifetime_note.map(str::to_owned),
        }),
        implicit: about.implicit,
        warning: about.warning.map(str::to_owned),
        attributes: attributes.collect(),
    }
}

fn resource_entry(entry: &TypeEntry, registration: &Registration, item: &ResourceItem) -> ResourceEntry {
    let about = item.about;
    let works = |method: &&'static str| !about.without.iter().any(|(without, _)| without == method);
    let permissions = |access| owned((item.permissions)(access));
    ResourceEntry {
        id: registration.id.to_owned(),
        name: about.name.to_owned(),
        description: about.description.to_owned(),
        instances: about.instances,
        auth_methods: owned(entry.methods.iter().map(|(it, _)| it.id).filter(works)),
        without: pairs(about.without),
        narrows: about.narrows.to_owned(),
        max_seconds: about.lives.map(|it| it.as_secs()),
        forms: pairs(about.forms),
        within: about.within.map(str::to_owned),
        credential: (item.kind)().id.to_owned(),
        passes_to: about.passes_to.map(str::to_owned),
        permissions: PermissionsEntry {
            read: permissions(Access::Read),
            write: permissions(Access::Write),
            admin: permissions(Access::Admin),
        },
        permission_targets: about.targets.to_owned(),
    }
}
