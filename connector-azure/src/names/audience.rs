//! What a token is for: Entra ID gives a token for one service each.

use std::fmt;

use connector_core::{Error, Result};

use super::{Cloud, CosmosAccount, Service, StorageAccount};

/// The service that a token is for, as Entra ID names it: a URL, or an application's id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Audience(String);

/// The application that every AKS cluster with Entra ID takes tokens for.
const AKS: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// All accounts in Cosmos DB, as some of its clients say it (source: azure_data_cosmos).
const COSMOS: &str = "https://cosmos.azure.com";

/// Whether a host is that of one account of storage: `{account}.{service}.core.windows.net`.
fn is_of_storage(host: &str, cloud: Cloud) -> bool {
    let account = host.strip_suffix(cloud.storage_suffix()).and_then(|it| it.strip_suffix('.'));
    account.and_then(|it| it.split_once('.')).is_some_and(|(account, service)| {
        StorageAccount::parse(account).is_ok()
            && matches!(service, "blob" | "dfs" | "file" | "queue" | "table")
    })
}

impl Audience {
    /// Checks a text: `https://vault.azure.net`, `api://…`, or an application's id; a scope that ends with
    /// `/.default` is its service.
    ///
    /// # Errors
    /// Invalid input that says what is expected.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.strip_suffix("/.default").unwrap_or(text);
        let is_url = ["https://", "api://"].iter().any(|scheme| {
            text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        });
        let is_good = text.len() <= 512
            && (is_url || super::is_guid(text))
            && text.bytes().all(|it| {
                it.is_ascii_alphanumeric() || matches!(it, b':' | b'/' | b'.' | b'-' | b'_' | b'~')
            });
        match is_good {
            true => Ok(Self(text.trim_end_matches('/').to_owned())),
            false => Err(Error::invalid(
                "expected the URL or the id of a service of Entra ID, such as `https://vault.azure.net`",
            )),
        }
    }

    /// The service that a token's `aud` names, which knows some by several names: those that are known get the one that
    /// is asked for elsewhere. An id stands for the service of `cloud`.
    ///
    /// # Errors
    /// As [`Audience::parse`].
    pub fn of_claim(text: &str, cloud: Cloud) -> Result<Self> {
        let parsed = Self::parse(text)?;
        let name = parsed.0.to_ascii_lowercase();
        Ok(match name.as_str() {
            "797f4846-ba00-4fd7-ba43-dac1f8f63013" => Self::resource_manager(cloud),
            "https://management.core.windows.net" => Self::resource_manager(Cloud::Public),
            "https://management.core.usgovcloudapi.net" => Self::resource_manager(Cloud::Government),
            "https://management.core.chinacloudapi.cn" => Self::resource_manager(Cloud::China),
            "e406a681-f3d4-42a8-90b6-c2b029497af1" => Self::storage(),
            "cfa8b339-82a2-471a-a3c9-0fc0be7a4093" => Self::vault(cloud),
            "a232010e-820c-4083-83bb-3ace5fc29d0b" => Self(COSMOS.to_owned()),
            "6a0ec4d3-30cb-4a83-91c0-ae56bc0e3d26" => Self::registry(cloud),
            "00000002-0000-0000-c000-000000000000" => Self("https://graph.windows.net".to_owned()),
            "00000003-0000-0000-c000-000000000000" => Self("https://graph.microsoft.com".to_owned()),
            // Hosts and ids are the same in upper case; the names that applications chose may not be.
            _ if !name.starts_with("api://") => Self(name),
            _ => parsed,
        })
    }

    /// That of Resource Manager.
    #[must_use]
    pub fn resource_manager(cloud: Cloud) -> Self {
        Self(cloud.resource_manager().to_owned())
    }

    /// That of all storage accounts, in every cloud.
    #[must_use]
    pub fn storage() -> Self {
        Self("https://storage.azure.com".to_owned())
    }

    /// That of all key vaults of a cloud.
    #[must_use]
    pub fn vault(cloud: Cloud) -> Self {
        Self(format!("https://{}", cloud.suffix(Service::Vault).unwrap_or_default()))
    }

    /// That of one account in Cosmos DB.
    #[must_use]
    pub fn cosmos(cloud: Cloud, account: &str) -> Self {
        Self(format!("https://{account}.{}", cloud.suffix(Service::Cosmos).unwrap_or_default()))
    }

    /// That of all container registries. Registries of the sovereign clouds take Resource Manager's.
    #[must_use]
    pub fn registry(cloud: Cloud) -> Self {
        match cloud {
            Cloud::Public => Self("https://containerregistry.azure.net".to_owned()),
            other => Self::resource_manager(other),
        }
    }

    /// That of all AKS clusters.
    #[must_use]
    pub fn aks() -> Self {
        Self(AKS.to_owned())
    }

    /// As it is written, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a token for this one is good where a client asks for one for `wanted`: it is the same service, or one
    /// that has a name for all accounts and one for each.
    #[must_use]
    pub fn covers(&self, wanted: &Self, cloud: Cloud) -> bool {
        let host = |it: &Self| it.0.strip_prefix("https://").map(str::to_owned);
        let is_of_cosmos = |it: &Self| {
            let found = host(it).and_then(|host| {
                let (of, account) = Cloud::of_host(Service::Cosmos, &host)?;
                Some(of == cloud && CosmosAccount::parse(account).is_ok())
            });
            found.unwrap_or_default()
        };
        self == wanted
            || *self == Self::storage() && host(wanted).is_some_and(|host| is_of_storage(&host, cloud))
            || is_of_cosmos(self) && wanted.0 == COSMOS
            || self.0 == COSMOS && cloud == Cloud::Public && is_of_cosmos(wanted)
            // Registries exchange tokens for Resource Manager, too.
            || *self == Self::resource_manager(cloud) && *wanted == Self::registry(cloud)
    }

    /// The scope that is asked for: everything that was granted for the service.
    #[must_use]
    pub fn scope(&self) -> String {
        format!("{}/.default", self.0)
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
