//! Logging in to a cluster of AKS: the kubeconfigs that it gives, and what of them may be handed out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Allow, Call, Error, Expiry, Response, Result, Secret};
use connector_k8s::{ContextLogin, CurrentContext, Login, Plugin, Trust};
use serde::Deserialize;

use super::kubernetes_cluster::{KubernetesCluster, VERSION};
use crate::error;
use crate::names::{Audience, is_guid};
use crate::session::Session;
use crate::wire::{self, Api};

/// One of the two kubeconfigs that AKS gives.
#[derive(Clone, Copy)]
pub(super) struct Way {
    call: &'static str,
    path: &'static str,
    pub(super) permission: &'static str,
    pub(super) role: &'static str,
    pub(super) is_admin: bool,
}

pub(super) const USER: Way = Way {
    call: "managedClusters.listClusterUserCredential",
    // Without the format it would name a login that left Kubernetes in 1.26.
    path: "listClusterUserCredential?format=exec",
    permission: "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
    role: "Azure Kubernetes Service Cluster User Role",
    is_admin: false,
};

pub(super) const ADMIN: Way = Way {
    call: "managedClusters.listClusterAdminCredential",
    path: "listClusterAdminCredential",
    permission: "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action",
    role: "Azure Kubernetes Service Cluster Admin Role",
    is_admin: true,
};

/// How a cluster is logged in to.
pub(super) enum Judged {
    /// With a token of Entra ID for AKS.
    Entra,
    /// With what stands in the kubeconfig.
    Stored(Login, Expiry),
}

/// The kubeconfig of one kind, which names the server and how one logs in.
///
/// # Errors
/// What AKS refuses, and what is no kubeconfig of its.
pub(super) async fn kubeconfig(
    cluster: &KubernetesCluster,
    way: Way,
    session: &Session,
    cx: &Call<'_>,
) -> Result<CurrentContext> {
    let path = format!("{}/{}", cluster.path(), way.path);
    let answer = Api::new(cx, session).arm_answer(way.call, &path, VERSION).await?;
    if !answer.is_success() {
        return Err(refused(cluster, way, cx, &answer));
    }
    let given: Kubeconfigs = wire::json(way.call, &answer)?;
    let text = given.kubeconfigs.first().and_then(|it| decoded(&it.value));
    let text = text.ok_or_else(|| error::garbage(way.call))?;
    let context = CurrentContext::read(&text).map_err(|error| {
        // It is nobody's input here.
        error::garbage(way.call).with_cause(error.message())
    })?;
    match context.trust() {
        // The token would go to whoever answers.
        Trust::Anybody => Err(error::garbage(way.call).with_cause("the kubeconfig trusts any server")),
        Trust::System | Trust::Authority(_) => Ok(context),
    }
}

fn refused(cluster: &KubernetesCluster, way: Way, cx: &Call<'_>, answer: &Response) -> Error {
    let (subscription, group, name) = (cluster.subscription(), cluster.group(), cluster.name());
    let error = error::refused(cx, way.call, answer);
    match answer.status() {
        403 => error.context(format!("cluster `{name}` is not reached")).with_hint(format!(
            "grant the identity the permission {}, as the role {} has it, on the cluster; new grants take some \
             minutes",
            way.permission, way.role
        )),
        404 => error.context(format!(
            "there is no cluster `{name}` in resource group `{group}` of subscription {subscription}"
        )),
        _ => error.context(format!("cluster `{name}` is not reached")),
    }
}

/// How a kubeconfig logs in, where that may be handed out.
///
/// # Errors
/// Refused, where the connector does not allow it, and where tokens of its identity would not be taken.
pub(super) fn judge(
    cluster: &KubernetesCluster,
    way: Way,
    context: &CurrentContext,
    session: &Session,
    cx: &Call<'_>,
) -> Result<Judged> {
    match context.login() {
        ContextLogin::Plugin(plugin) if !way.is_admin => {
            check_plugin(cluster.name().as_str(), plugin, session).map(|()| Judged::Entra)
        }
        ContextLogin::Stored(login, expiry) => {
            may_be_admin(cx).map_err(|error| {
                error
                    .context(format!(
                        "cluster `{}` does not log in with Entra ID: it has nothing but its administrator's \
                         certificate, and the connector does not allow that",
                        cluster.name()
                    ))
                    .with_hint(
                        "switch Entra ID on: az aks update --enable-aad; or update the connector with `--allow \
                         admin --allow long-lived`",
                    )
            })?;
            Ok(Judged::Stored(login.clone(), expiry))
        }
        _ => Err(error::garbage(way.call)),
    }
}

/// What the kubeconfig's program would ask a token for: its command is nobody's business here. Only tokens for AKS
/// itself are issued. An application that the cluster names instead may be anything, Resource Manager included, and
/// who may reach a cluster must not come by a token for that.
fn check_plugin(name: &str, plugin: Plugin<'_>, session: &Session) -> Result<()> {
    let server = plugin.option("--server-id").filter(|it| is_guid(it));
    let server = server.ok_or_else(|| error::garbage(USER.call))?;
    if !server.eq_ignore_ascii_case(Audience::aks().as_str()) {
        return Err(Error::refused(format!(
            "cluster `{name}` takes tokens for an application of its own, as clusters did before AKS managed this"
        ))
        .with_hint("let AKS manage Entra ID for it: az aks update --enable-aad"));
    }
    let ours = session.place.tenant.as_ref().filter(|it| it.is_id());
    let theirs = plugin.option("--tenant-id").filter(|it| is_guid(it));
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if !ours.as_str().eq_ignore_ascii_case(theirs) => Err(Error::refused(
            format!("cluster `{name}` takes tokens of directory {theirs}, and the connector's are of {ours}"),
        )
        .with_hint("use a connector with `tenant_id` of that directory")),
        _ => Ok(()),
    }
}

/// Whether a certificate may be handed out that does not end soon and may do everything.
///
/// # Errors
/// Refused, with what the connector does not allow.
pub(super) fn may_be_admin(cx: &Call<'_>) -> Result<()> {
    let missing: Vec<_> = [Allow::Admin, Allow::LongLived]
        .into_iter()
        .filter(|it| !cx.allows(*it))
        .map(Allow::as_str)
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Error::refused(format!("the connector does not say allow: {}", missing.join(", ")))),
    }
}

#[derive(Deserialize)]
struct Kubeconfigs {
    #[serde(default)]
    kubeconfigs: Vec<Kubeconfig>,
}

#[derive(Deserialize)]
struct Kubeconfig {
    value: Secret,
}

fn decoded(value: &Secret) -> Option<Secret> {
    String::from_utf8(STANDARD.decode(value.expose()).ok()?).ok().map(Secret::new)
}

#[cfg(test)]
#[path = "cluster_login_tests.rs"]
mod tests;
