//! `kubernetes-cluster`: a cluster of AKS.

use connector_core::{
    Access, Call, Error, ErrorKind, Issued, Listing, Parsed, ResourceAbout, ResourceType, Result, Wanted,
    candidates, in_id, not_an_id,
};
use connector_k8s::{KubernetesCredential, Login};
use serde::Deserialize;

use super::arm::{self, ArmId, in_place, resources, told_in, unanswered};
use super::cluster_login::{ADMIN, Judged, USER, Way, judge, kubeconfig, may_be_admin};
use super::common::{NO_TOKENS, in_scope};
use crate::Azure;
use crate::names::{Audience, ClusterName, ResourceGroup, SubscriptionId};
use crate::session::Session;
use crate::wire::Api;

/// A cluster of AKS. What names it is in lower case: Azure does not tell the cases apart, and spells one group now so,
/// now so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KubernetesCluster {
    subscription: SubscriptionId,
    group: ResourceGroup,
    name: ClusterName,
}

/// Clusters in the words of Resource Manager.
const KIND: &str = "Microsoft.ContainerService/managedClusters";
const PROVIDER: &str = "Microsoft.ContainerService";

/// The version of AKS's calls.
pub(super) const VERSION: &str = "2024-05-01";

const LIST: &str = "managedClusters.list";
const GET: &str = "managedClusters.get";

const READ: &str = "Microsoft.ContainerService/managedClusters/read";

/// Why a token for a cluster is as wide as the connector's identity.
const WIDE: &str = "all clusters of AKS take the same tokens of Entra ID, and nobody can ask for less; what the \
    identity may do in a cluster is said by Azure roles and by role bindings there";

/// Why what stands in a kubeconfig is as wide as it is.
const OF_CLUSTER: &str =
    "it is the cluster's own administrator, whoever asks: AKS has one such certificate for all";

impl KubernetesCluster {
    /// The subscription that it is in.
    #[must_use]
    pub fn subscription(&self) -> &SubscriptionId {
        &self.subscription
    }

    /// The resource group that it is in.
    #[must_use]
    pub fn group(&self) -> &ResourceGroup {
        &self.group
    }

    /// The cluster's name.
    #[must_use]
    pub fn name(&self) -> &ClusterName {
        &self.name
    }
}

/// What may stand in a text.
enum Said {
    Exact(KubernetesCluster),
    InGroup(ResourceGroup, ClusterName),
    Name(ClusterName),
}

fn read(text: &str) -> Result<Said> {
    type R = KubernetesCluster;
    let cluster = |name: &str| in_id::<R, _>(ClusterName::parse(name.to_ascii_lowercase()));
    let group = |name: &str| in_id::<R, _>(ResourceGroup::parse(name.to_ascii_lowercase()));
    let of = |subscription: &str, of: &str, name: &str| {
        let subscription = in_id::<R, _>(SubscriptionId::parse(subscription.to_ascii_lowercase()))?;
        Ok(Said::Exact(R { subscription, group: group(of)?, name: cluster(name)? }))
    };
    if let Some(id) = ArmId::parse(text) {
        let [name] = id
            .names(PROVIDER, ["managedClusters"])
            .ok_or_else(|| not_an_id::<R>("it is of something else than a cluster of AKS"))?;
        return of(id.subscription.as_str(), id.group.as_str(), name);
    }
    if text.contains("://") {
        return Err(not_an_id::<R>("the address of a cluster tells neither its group nor its name"));
    }
    match text.splitn(4, '/').collect::<Vec<_>>()[..] {
        [subscription, group, name] => of(subscription, group, name),
        [of, name] => Ok(Said::InGroup(group(of)?, cluster(name)?)),
        [name] => Ok(Said::Name(cluster(name)?)),
        _ => Err(not_an_id::<R>("it has another number of parts")),
    }
}

impl ResourceType for KubernetesCluster {
    const ID: &'static str = "kubernetes-cluster";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "AKS cluster",
        "A Kubernetes cluster of Azure Kubernetes Service that logs in with Entra ID. What is issued is an access \
         token of the connector's identity; what that may do in the cluster is said by Azure roles or by the cluster's \
         role bindings. A cluster without Entra ID has nothing but one administrator's certificate, good for years: \
         it is handed out only where the connector says `allow: [admin, long-lived]`. So is the administrator's \
         kubeconfig of any cluster, for access `admin`.\n\n\
         Issuing asks for two tokens, for Resource Manager and for AKS, and makes one call; both tokens serve further \
         clusters until they end.",
    )
    .forms(&[
        ("SUBSCRIPTION-ID/GROUP/CLUSTER", "the canonical form, in lower case"),
        ("GROUP/CLUSTER", "a call completes it where the connector names no subscription"),
        ("CLUSTER", "its name alone; completed when there is only one of that name"),
        (
            "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.ContainerService/managedClusters/CLUSTER",
            "its id in Resource Manager",
        ),
    ])
    .targets("the cluster, its resource group or the subscription: the role Azure Kubernetes Service Cluster User Role; what is allowed within is said by Azure Kubernetes Service RBAC roles, or by role bindings")
    .narrows(WIDE)
    .without(&[("connection-string", NO_TOKENS)]);
    type Connector = Azure;
    type Credential = KubernetesCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        Ok(match read(text)? {
            Said::Exact(cluster) => Parsed::exact(cluster),
            Said::InGroup(..) | Said::Name(_) => Parsed::partial(text),
        })
    }

    fn id(&self) -> String {
        format!("{}/{}/{}", self.subscription, self.group, self.name)
    }

    /// Needs no call where the connector names what is left out.
    async fn resolve(partial: &str, session: &Session, cx: &Call<'_>) -> Result<Self> {
        if partial.is_empty() {
            return Err(Error::field("resource_id", "`kubernetes-cluster` needs the id of a cluster"));
        }
        let (group, name) = match read(partial)? {
            Said::Exact(cluster) => return Ok(cluster),
            Said::InGroup(group, name) => (Some(group), name),
            Said::Name(name) => (None, name),
        };
        let place = &session.place;
        if let (Some(subscription), Some(group)) =
            (&place.subscription, group.as_ref().or(place.group.as_ref()))
        {
            let subscription = SubscriptionId::parse(subscription.as_str().to_ascii_lowercase())?;
            let group = ResourceGroup::parse(group.as_str().to_ascii_lowercase())?;
            let cluster = Self { subscription, group, name };
            in_place(&cluster.subscription, &cluster.group, session)?;
            return Ok(cluster);
        }
        let (all, failures) = clusters(session, cx).await?;
        let fits = |it: &Self| it.name == name && group.as_ref().is_none_or(|group| *group == it.group);
        let mut fitting: Vec<_> = all.iter().filter_map(Self::of).filter(fits).collect();
        fitting.sort_by_key(Self::id);
        fitting.dedup();
        match (fitting.pop(), fitting.is_empty()) {
            (None, _) => Err(none_of(partial, &failures)),
            (Some(one), true) => match unanswered(&failures) {
                None => Ok(one),
                Some((subscription, error)) => Err(error
                    .clone()
                    .context(format!(
                        "cluster `{}` is found, but subscription {subscription} did not answer, and may have another \
                         one of this name",
                        one.id()
                    ))
                    .with_hint(format!("try again later, or name it in full: {}", one.id()))),
            },
            (Some(last), false) => {
                fitting.push(last);
                let ids: Vec<_> = fitting.iter().map(Self::id).collect();
                Err(Error::field("resource_id", format!("{} clusters are called `{name}`", ids.len()))
                    .with_hint(format!("name one of: {}", candidates(&ids))))
            }
        }
    }

    fn check_scope(&self, scope: &str) -> Result<()> {
        in_scope(&self.subscription, scope)
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        match access {
            Access::Admin => vec![READ, USER.permission, ADMIN.permission],
            _ => vec![READ, USER.permission],
        }
    }

    fn carried(&self, _: &Wanted) -> Vec<&'static str> {
        Vec::new()
    }

    /// Subscriptions side by side. Tells of clusters that are stopped, and of those that are not reached from
    /// everywhere.
    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        let (all, failures) = clusters(session, cx).await?;
        let named = |is: fn(&Cluster) -> bool| {
            let some = all.iter().filter(|it| is(it)).filter_map(Self::of);
            let mut ids: Vec<_> = some.map(|it| it.id()).collect();
            ids.sort();
            ids
        };
        let mut listing = Listing::of(all.iter().filter_map(Self::of).map(|it| it.id()));
        for (ids, what) in [
            (named(Cluster::is_stopped), "stopped, and have to be started before they answer"),
            (named(Cluster::is_private), "private, and answer in their own networks alone"),
        ] {
            if !ids.is_empty() {
                listing = listing.with_note(format!("{what}: {}", candidates(&ids)));
            }
        }
        Ok(told_in(failures, listing))
    }

    /// The call that issuing makes, and beside it `managedClusters.get`, which tells whether the cluster is stopped.
    async fn reach(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        let way = self.way(wanted, session, cx)?;
        let (context, cluster) =
            futures_util::join!(kubeconfig(self, way, session, cx), self.described(session, cx));
        if let Some(error) = cluster.ok().and_then(|it| self.fault(&it, way)) {
            return Err(error);
        }
        judge(self, way, &context?, session, cx).map(drop)
    }

    /// One call, and a token for AKS where the session has none yet.
    async fn issue(
        &self,
        wanted: &Wanted,
        session: &Session,
        cx: &Call<'_>,
    ) -> Result<Issued<KubernetesCredential>> {
        let way = self.way(wanted, session, cx)?;
        let context = match kubeconfig(self, way, session, cx).await {
            // Why it is not taken is told by the cluster, where one may look.
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                let cluster = self.described(session, cx).await.ok();
                return Err(cluster.and_then(|it| self.fault(&it, way)).unwrap_or(error));
            }
            context => context?,
        };
        match judge(self, way, &context, session, cx)? {
            Judged::Entra => {
                let token = session.token(cx, &Audience::aks()).await?;
                let credential = self.named(context.credential(Login::Token(token.secret)));
                Ok(Issued::new(credential, token.expiry).not_narrowed(WIDE))
            }
            Judged::Stored(login, expiry) => {
                let credential = self.named(context.credential(login));
                Ok(Issued::new(credential, expiry).not_narrowed(OF_CLUSTER).long_lived())
            }
        }
    }
}

/// As AKS describes a cluster.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Cluster {
    id: String,
    properties: Properties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    power_state: Option<PowerState>,
    #[serde(rename = "privateFQDN")]
    private_fqdn: Option<String>,
    disable_local_accounts: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PowerState {
    code: Option<String>,
}

impl Cluster {
    fn is_stopped(&self) -> bool {
        let code = self.properties.power_state.as_ref().and_then(|it| it.code.as_deref());
        code.is_some_and(|it| it.eq_ignore_ascii_case("Stopped"))
    }

    fn is_private(&self) -> bool {
        self.properties.private_fqdn.as_ref().is_some_and(|it| !it.is_empty())
    }
}

type Failures = Vec<(SubscriptionId, Error)>;

async fn clusters(session: &Session, cx: &Call<'_>) -> Result<(Vec<Cluster>, Failures)> {
    resources(session, cx, LIST, KIND, VERSION).await
}

/// No cluster fits, as far as was looked.
fn none_of(partial: &str, failures: &Failures) -> Error {
    let Some((_, first)) = failures.first() else {
        return Error::not_found(format!(
            "there is no cluster `{partial}` among those that the identity sees"
        ))
        .with_hint(format!("check the name, and grant the identity {} on it", USER.role));
    };
    let missing: Vec<_> = failures.iter().map(|(it, _)| it.to_string()).collect();
    Error::new(
        first.kind(),
        format!(
            "there is no cluster `{partial}` in the subscriptions that could be looked into; these could not: {}",
            candidates(&missing)
        ),
    )
    .with_cause(first.message())
    .with_hint("name it with its subscription: SUBSCRIPTION-ID/GROUP/CLUSTER")
}

impl KubernetesCluster {
    fn of(cluster: &Cluster) -> Option<Self> {
        match read(&cluster.id) {
            Ok(Said::Exact(cluster)) => Some(cluster),
            _ => None,
        }
    }

    /// Its path in Resource Manager.
    pub(super) fn path(&self) -> String {
        arm::path(&self.subscription, &self.group, KIND, self.name.as_str())
    }

    /// Which kubeconfig to ask for. An administrator's is asked for only where it may be handed out.
    fn way(&self, wanted: &Wanted, session: &Session, cx: &Call<'_>) -> Result<Way> {
        in_place(&self.subscription, &self.group, session)?;
        if wanted.access != Access::Admin {
            return Ok(USER);
        }
        may_be_admin(cx).map(|()| ADMIN).map_err(|error| {
            error.context(format!(
                "access `admin` to cluster `{}` is its administrator's certificate, and the connector does not allow \
                 that",
                self.name
            ))
            .with_hint(
                "ask for `read` or `write`, which log in with Entra ID, or update the connector with `--allow admin \
                 --allow long-lived`",
            )
        })
    }

    async fn described(&self, session: &Session, cx: &Call<'_>) -> Result<Cluster> {
        Api::new(cx, session).arm(GET, &self.path(), VERSION).await
    }

    /// What stands in the way of a cluster as it is now.
    fn fault(&self, cluster: &Cluster, way: Way) -> Option<Error> {
        let Self { group, name, .. } = self;
        if way.is_admin && cluster.properties.disable_local_accounts == Some(true) {
            return Some(
                Error::refused(format!(
                    "cluster `{name}` has its local accounts disabled (disableLocalAccounts), so it has no \
                     administrator's certificate"
                ))
                .with_hint("ask for `read` or `write`, which log in with Entra ID"),
            );
        }
        cluster.is_stopped().then(|| {
            Error::refused(format!("cluster `{name}` is stopped, so it answers nobody"))
                .with_hint(format!("start it: az aks start --resource-group {group} --name {name}"))
        })
    }

    /// With a name that no other cluster has: kubeconfigs are told apart by it.
    fn named(&self, mut credential: KubernetesCredential) -> KubernetesCredential {
        credential.cluster = format!("aks_{}_{}_{}", self.subscription, self.group, self.name);
        credential
    }
}

#[cfg(test)]
#[path = "kubernetes_cluster_tests.rs"]
mod tests;
