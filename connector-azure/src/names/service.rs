//! The services that are called, and the endpoints that stand in for their usual places.

use std::collections::BTreeMap;
use std::fmt;

use connector_core::{EndpointUrl, Error, Problem, Result};
use schemars::JsonSchema;
use serde::Deserialize;

/// A service of Azure that connectors call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Service {
    /// Entra ID: logins and tokens.
    Authority,
    /// Azure Resource Manager: subscriptions and what is in them.
    ResourceManager,
    /// Blob Storage, a host per account.
    Blob,
    /// Key Vault, a host per vault.
    Vault,
    /// Cosmos DB, a host per account.
    Cosmos,
    /// Container Registry, a host per registry.
    Registry,
    /// The machine's own endpoint for tokens of its managed identity.
    Identity,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Authority,
        Self::ResourceManager,
        Self::Blob,
        Self::Vault,
        Self::Cosmos,
        Self::Registry,
        Self::Identity,
    ];

    /// Its name in `endpoints`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::ResourceManager => "resource-manager",
            Self::Blob => "blob",
            Self::Vault => "vault",
            Self::Cosmos => "cosmos",
            Self::Registry => "registry",
            Self::Identity => "identity",
        }
    }

    /// The service of a name.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == text)
    }

    /// Whether every account has a host of its own.
    #[must_use]
    pub const fn is_per_account(self) -> bool {
        matches!(self, Self::Blob | Self::Vault | Self::Cosmos | Self::Registry)
    }
}

/// Where the account's name stands in the endpoint of a service that has one per account.
const NAME: &str = "{name}";

/// An endpoint of a service; `{name}` in it stands for the account's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint(String);

impl Endpoint {
    /// Checks a URL as [`EndpointUrl`] does.
    ///
    /// # Errors
    /// Invalid input that says what is wrong, and quotes nothing.
    pub(crate) fn parse(service: Service, text: &str) -> Result<Self> {
        if text.contains(NAME) && !service.is_per_account() {
            return Err(Error::invalid("is one for all: `{name}` has no meaning in it"));
        }
        EndpointUrl::parse(text.replace(NAME, "name"))?;
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    /// The same for an account: the name where `{name}` stands, else behind a slash.
    pub(crate) fn of(&self, name: &str) -> String {
        match self.0.contains(NAME) {
            true => self.0.replace(NAME, name),
            false => format!("{}/{name}", self.0),
        }
    }

    /// The text, without a slash at the end.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Endpoints by the names of their services, right or wrong: what is wrong is told when the config is checked.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Endpoints(BTreeMap<String, String>);

/// What was not checked yet may hold anything, so only good ones are shown.
impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parsed() {
            Ok(endpoints) => f.debug_map().entries(endpoints).finish(),
            Err(_) => f.write_str("not usable"),
        }
    }
}

impl Endpoints {
    /// What is wrong with the field.
    pub(crate) fn check(&self, field: &str) -> Vec<Problem> {
        let fault = |(name, url): (&String, &String)| {
            let Some(service) = Service::named(name) else {
                let names: Vec<_> = Service::ALL.iter().map(|it| it.name()).collect();
                return Some(Problem::new(
                    field,
                    format!("expected names of services: {}", names.join(", ")),
                ));
            };
            let error = Endpoint::parse(service, url).err()?;
            Some(Problem::new(format!("{field}.{name}"), error.message()))
        };
        self.0.iter().filter_map(fault).collect()
    }

    /// The endpoint of each service that has one of its own.
    ///
    /// # Errors
    /// Invalid input, as [`Endpoints::check`] tells.
    pub(crate) fn parsed(&self) -> Result<BTreeMap<Service, Endpoint>> {
        let one = |(name, url): (&String, &String)| {
            let service = Service::named(name)
                .ok_or_else(|| Error::field("endpoints", "names a service that is not called"))?;
            let url = Endpoint::parse(service, url)
                .map_err(|error| Error::field(format!("endpoints.{name}"), error.message()))?;
            Ok((service, url))
        };
        self.0.iter().map(one).collect()
    }
}
