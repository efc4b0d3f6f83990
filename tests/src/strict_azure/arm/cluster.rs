//! AKS: what is told of a cluster, and the kubeconfigs for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::audience::KUBERNETES;
use super::super::state::State;
use super::{ArmError, Cx, Place};
use crate::strict_kubernetes::{Login, StrictKubernetes};

/// The program by which people sign in for a cluster.
const KUBELOGIN: &str = "80faf920-1908-4b52-b5ef-a8e7bedfc67a";

/// A cluster and where it is.
#[derive(Debug, Clone)]
pub(in super::super) struct Placed {
    pub(in super::super) place: Place,
    pub(in super::super) tenant: String,
    pub(in super::super) cluster: Cluster,
}

/// A cluster of AKS. It knows people and programs by Entra unless told otherwise.
///
/// ```
/// use connector_tests::strict_azure::Cluster;
///
/// let cluster = Cluster::at("https://203.0.113.7", "PEM of its authority").without_local_accounts();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    server: String,
    ca: String,
    by_entra: bool,
    by_azure_roles: bool,
    has_local_accounts: bool,
    is_private: bool,
    state: &'static str,
    user: Login,
    admin: Login,
}

impl Cluster {
    /// A cluster that runs, with an API server at this URL and with that certificate authority in PEM.
    pub fn at(server: &str, ca: &str) -> Self {
        Self {
            server: server.to_owned(),
            ca: ca.to_owned(),
            by_entra: true,
            by_azure_roles: false,
            has_local_accounts: true,
            is_private: false,
            state: "Succeeded",
            user: Login::Nobody,
            admin: Login::Nobody,
        }
    }

    /// A cluster behind which a real API stands.
    pub fn of(kubernetes: &StrictKubernetes) -> Self {
        Self::at(&kubernetes.url(), &kubernetes.ca())
    }

    /// Lets it know nothing of Entra: its kubeconfig holds this login.
    pub fn without_entra(mut self, user: Login) -> Self {
        (self.by_entra, self.user) = (false, user);
        self
    }

    /// Rules what is done in it by Azure's roles.
    pub fn with_azure_roles(mut self) -> Self {
        self.by_azure_roles = true;
        self
    }

    /// What its administrator's kubeconfig holds.
    pub fn with_admin(mut self, admin: Login) -> Self {
        self.admin = admin;
        self
    }

    /// Takes logins away that go past Entra.
    pub fn without_local_accounts(mut self) -> Self {
        self.has_local_accounts = false;
        self
    }

    /// Gives it no address outside.
    pub fn private(mut self) -> Self {
        self.is_private = true;
        self
    }

    /// Another state than `Succeeded` (`Creating`, `Failed`).
    pub fn with_state(mut self, state: &'static str) -> Self {
        self.state = state;
        self
    }

    /// As the resource manager tells it.
    pub(super) fn shown(&self, state: &State, place: &Place) -> Value {
        let host = self.server.trim_start_matches("https://");
        let group = place.id.split('/').nth(4).unwrap_or_default();
        let (name, location) = (&place.name, &place.location);
        let mut properties = json!({
            "provisioningState": self.state, "powerState": { "code": "Running" }, "kubernetesVersion": "1.32.4",
            "currentKubernetesVersion": "1.32.4", "dnsPrefix": name, "enableRBAC": true,
            "disableLocalAccounts": !self.has_local_accounts,
            "nodeResourceGroup": format!("MC_{group}_{name}_{location}"),
        });
        match self.is_private {
            false => properties["fqdn"] = host.into(),
            true => {
                properties["privateFQDN"] = host.into();
                properties["apiServerAccessProfile"] = json!({ "enablePrivateCluster": true });
            }
        }
        if self.by_entra {
            let tenant = state.manager.clusters.get(&place.id).map(|placed| placed.tenant.as_str());
            properties["aadProfile"] =
                json!({ "managed": true, "enableAzureRBAC": self.by_azure_roles, "tenantID": tenant });
        }
        json!({ "properties": properties, "sku": { "name": "Base", "tier": "Free" } })
    }

    /// A kubeconfig as AKS makes it, in which `user` logs in.
    fn kubeconfig(&self, name: &str, context: &str, user: &str, login: &str) -> String {
        format!(
            "apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {}
    server: {}
  name: {name}
contexts:
- context:
    cluster: {name}
    user: {user}
  name: {context}
current-context: {context}
kind: Config
preferences: {{}}
users:
- name: {user}
  user:{login}
",
            STANDARD.encode(&self.ca),
            self.server,
        )
    }
}

/// Gives a kubeconfig out.
pub(super) fn act(cx: &Cx<'_>, placed: &Placed, group: &str, action: &str) -> Result<Value, ArmError> {
    let Placed { place, tenant, cluster } = placed;
    let name = &place.name;
    let kubeconfig = match action {
        "listclusterusercredential" => {
            let format = cx.call.parameter("format").unwrap_or_else(|| "exec".to_owned());
            let login = match format.as_str() {
                _ if !cluster.by_entra => local(&cluster.user),
                "exec" => kubelogin(tenant),
                "azure" => provider(tenant),
                other => {
                    let words = format!("The value of parameter format is invalid: {other}.");
                    return Err(ArmError::new(400, "InvalidParameter", words));
                }
            };
            let user = format!("clusterUser_{group}_{name}");
            ("clusterUser", cluster.kubeconfig(name, name, &user, &login))
        }
        "listclusteradmincredential" if !cluster.has_local_accounts => {
            let words = "Getting static credential is not allowed because this cluster is set to disable local accounts.";
            return Err(ArmError::new(400, "BadRequest", words));
        }
        "listclusteradmincredential" => {
            let user = format!("clusterAdmin_{group}_{name}");
            let context = format!("{name}-admin");
            ("clusterAdmin", cluster.kubeconfig(name, &context, &user, &local(&cluster.admin)))
        }
        _ => return Err(ArmError::no_type(&cx.call.path)),
    };
    let (name, text) = kubeconfig;
    Ok(json!({ "kubeconfigs": [{ "name": name, "value": STANDARD.encode(text) }] }))
}

/// The program that has to be run for a token.
fn kubelogin(tenant: &str) -> String {
    let arguments = [
        "get-token",
        "--environment",
        "AzurePublicCloud",
        "--server-id",
        KUBERNETES,
        "--client-id",
        KUBELOGIN,
        "--tenant-id",
        tenant,
        "--login",
        "devicecode",
    ];
    let arguments: String = arguments.iter().map(|word| format!("\n      - {word}")).collect();
    format!(
        "
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:{arguments}
      command: kubelogin
      env: null
      installHint: kubelogin is not installed which is required to connect to AAD enabled cluster.
      interactiveMode: IfAvailable
      provideClusterInfo: false"
    )
}

/// What was there before: a provider of which newer clients know nothing.
fn provider(tenant: &str) -> String {
    format!(
        "
    auth-provider:
      config:
        apiserver-id: {KUBERNETES}
        client-id: {KUBELOGIN}
        config-mode: \"1\"
        environment: AzurePublicCloud
        tenant-id: {tenant}
      name: azure"
    )
}

/// A login that stands in the file itself.
fn local(login: &Login) -> String {
    match login {
        Login::Token(token) => format!("\n    token: {token}"),
        Login::Certificate(own) => format!(
            "\n    client-certificate-data: {}\n    client-key-data: {}",
            STANDARD.encode(&own.certificate),
            STANDARD.encode(&own.key)
        ),
        Login::Password(name, password) => format!("\n    username: {name}\n    password: {password}"),
        Login::Nobody => " {}".to_owned(),
    }
}
