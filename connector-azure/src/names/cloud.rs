//! Azure's clouds, and where the services of each are.

use std::str::FromStr;

use connector_core::Error;
use schemars::JsonSchema;

use super::Service;

/// One of Azure's clouds: each has its own directories, hosts and accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(inline, rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cloud {
    /// Azure itself.
    #[default]
    Public,
    /// Azure for the government of the United States.
    Government,
    /// Azure in China, operated by 21Vianet.
    China,
}

impl Cloud {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Public, Self::Government, Self::China];

    /// Its name in configs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Government => "government",
            Self::China => "china",
        }
    }

    /// Its name in the files of `az`, and for kubelogin.
    #[must_use]
    pub const fn az_name(self) -> &'static str {
        match self {
            Self::Public => "AzureCloud",
            Self::Government => "AzureUSGovernment",
            Self::China => "AzureChinaCloud",
        }
    }

    /// The cloud of a name as [`name`](Cloud::name) or [`az_name`](Cloud::az_name) tells it.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == text || it.az_name() == text)
    }

    /// Where people and programs log in.
    #[must_use]
    pub const fn authority(self) -> &'static str {
        match self {
            Self::Public => "https://login.microsoftonline.com",
            Self::Government => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
        }
    }

    /// Azure Resource Manager.
    #[must_use]
    pub const fn resource_manager(self) -> &'static str {
        match self {
            Self::Public => "https://management.azure.com",
            Self::Government => "https://management.usgovcloudapi.net",
            Self::China => "https://management.chinacloudapi.cn",
        }
    }

    /// What follows the account's name in the hosts of a service that has one host per account.
    #[must_use]
    pub const fn suffix(self, service: Service) -> Option<&'static str> {
        Some(match (service, self) {
            (Service::Blob, Self::Public) => "blob.core.windows.net",
            (Service::Blob, Self::Government) => "blob.core.usgovcloudapi.net",
            (Service::Blob, Self::China) => "blob.core.chinacloudapi.cn",
            (Service::Vault, Self::Public) => "vault.azure.net",
            (Service::Vault, Self::Government) => "vault.usgovcloudapi.net",
            (Service::Vault, Self::China) => "vault.azure.cn",
            (Service::Cosmos, Self::Public) => "documents.azure.com",
            (Service::Cosmos, Self::Government) => "documents.azure.us",
            (Service::Cosmos, Self::China) => "documents.azure.cn",
            (Service::Registry, Self::Public) => "azurecr.io",
            (Service::Registry, Self::Government) => "azurecr.us",
            (Service::Registry, Self::China) => "azurecr.cn",
            (Service::Authority | Service::ResourceManager | Service::Identity, _) => return None,
        })
    }

    /// The end of the hosts of storage, before which the service stands: `core.windows.net`.
    #[must_use]
    pub const fn storage_suffix(self) -> &'static str {
        match self {
            Self::Public => "core.windows.net",
            Self::Government => "core.usgovcloudapi.net",
            Self::China => "core.chinacloudapi.cn",
        }
    }

    /// The cloud whose hosts of this service end so, and what stands before: `zen` of `zen.azurecr.io`.
    #[must_use]
    pub fn of_host(service: Service, host: &str) -> Option<(Self, &str)> {
        Self::ALL.into_iter().find_map(|cloud| {
            let name = host.strip_suffix(cloud.suffix(service)?)?.strip_suffix('.')?;
            Some((cloud, name))
        })
    }
}

impl FromStr for Cloud {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|it| it.name() == text)
            .ok_or_else(|| Error::invalid("expected `public`, `government` or `china`"))
    }
}
