//! The services that are called, and where they are.

use std::collections::BTreeMap;
use std::fmt;

use connector_core::{EndpointUrl, Error, Problem, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use super::UniverseDomain;

/// A service of Google Cloud that connectors call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Service {
    /// The page on which a person agrees to a login.
    Accounts,
    /// OAuth: tokens for keys, logins and codes.
    Oauth,
    /// The Security Token Service: exchanges tokens of others, and narrows our own.
    Sts,
    /// IAM Credentials: tokens of other service accounts.
    IamCredentials,
    /// Cloud Storage.
    Storage,
    /// Kubernetes Engine.
    Container,
    /// Artifact Registry.
    ArtifactRegistry,
    /// Resource Manager.
    ResourceManager,
    /// Secret Manager.
    SecretManager,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Accounts,
        Self::Oauth,
        Self::Sts,
        Self::IamCredentials,
        Self::Storage,
        Self::Container,
        Self::ArtifactRegistry,
        Self::ResourceManager,
        Self::SecretManager,
    ];

    /// Its name: the first part of its usual host.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Oauth => "oauth2",
            Self::Sts => "sts",
            Self::IamCredentials => "iamcredentials",
            Self::Storage => "storage",
            Self::Container => "container",
            Self::ArtifactRegistry => "artifactregistry",
            Self::ResourceManager => "cloudresourcemanager",
            Self::SecretManager => "secretmanager",
        }
    }

    /// Where it usually is in a universe, without a slash at the end.
    pub(crate) fn usual_url(self, universe: &UniverseDomain) -> String {
        match self {
            // Logging in is by Google's own pages everywhere.
            Self::Accounts => "https://accounts.google.com".to_owned(),
            other => format!("https://{}.{universe}", other.name()),
        }
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
            if !Service::ALL.iter().any(|it| it.name() == name) {
                let names: Vec<_> = Service::ALL.iter().map(|it| it.name()).collect();
                return Some(Problem::new(
                    field,
                    format!("expected names of services: {}", names.join(", ")),
                ));
            }
            let error = EndpointUrl::parse(url.as_str()).err()?;
            Some(Problem::new(format!("{field}.{name}"), error.message()))
        };
        self.0.iter().filter_map(fault).collect()
    }

    /// The endpoint of each service that has one of its own.
    ///
    /// # Errors
    /// Invalid input, as [`Endpoints::check`] tells.
    pub(crate) fn parsed(&self) -> Result<BTreeMap<Service, EndpointUrl>> {
        let one = |(name, url): (&String, &String)| {
            let service = Service::ALL.into_iter().find(|it| it.name() == name);
            let service =
                service.ok_or_else(|| Error::field("endpoints", "names a service that is not called"))?;
            let url = EndpointUrl::parse(url.as_str())
                .map_err(|error| Error::field(format!("endpoints.{name}"), error.message()))?;
            Ok((service, url))
        };
        self.0.iter().map(one).collect()
    }
}
