//! The services that tokens are for.

/// A service of Azure by which a token may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    ResourceManager,
    Storage,
    Vault,
    Registry,
    Cosmos,
    Kubernetes,
    Graph,
}

/// The application that every AKS cluster is to Entra.
pub(super) const KUBERNETES: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

impl Service {
    /// The service that a resource names, with or without a slash at its end; `None` for one that nobody knows.
    pub(super) fn of(resource: &str) -> Option<Self> {
        let name = resource.trim_end_matches('/').to_ascii_lowercase();
        let host = name.strip_prefix("https://").unwrap_or_default();
        // Storage and Cosmos take the address of one account, too.
        let is_account = |ends: &[&str]| ends.iter().any(|end| host.len() > end.len() && host.ends_with(end));
        let blob = [".blob.core.windows.net", ".blob.core.usgovcloudapi.net", ".blob.core.chinacloudapi.cn"];
        let cosmos = [".documents.azure.com", ".documents.azure.us", ".documents.azure.cn"];
        Some(match name.as_str() {
            KUBERNETES => Self::Kubernetes,
            "e406a681-f3d4-42a8-90b6-c2b029497af1" => Self::Storage,
            _ => match host {
                "management.azure.com"
                | "management.core.windows.net"
                | "management.usgovcloudapi.net"
                | "management.core.usgovcloudapi.net"
                | "management.chinacloudapi.cn"
                | "management.core.chinacloudapi.cn" => Self::ResourceManager,
                "storage.azure.com" => Self::Storage,
                "vault.azure.net" | "vault.usgovcloudapi.net" | "vault.azure.cn" => Self::Vault,
                "containerregistry.azure.net" => Self::Registry,
                "cosmos.azure.com" => Self::Cosmos,
                "graph.microsoft.com" => Self::Graph,
                _ if is_account(&blob) => Self::Storage,
                _ if is_account(&cosmos) => Self::Cosmos,
                _ => return None,
            },
        })
    }
}
