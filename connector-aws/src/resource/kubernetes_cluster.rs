//! `kubernetes-cluster`: a cluster of EKS.

use aws_sdk_eks::Client;
use aws_sdk_eks::types::{Cluster, ClusterStatus};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{
    Access, Call, Error, Issued, Listing, Pages, Parsed, ResourceAbout, ResourceType, Result, Wanted, in_id,
    not_an_id,
};
use connector_k8s::{KubernetesCredential, Login, Trust};

use super::common::{Stated, same_account};
use super::eks_token;
use crate::Aws;
use crate::error;
use crate::names::{Arn, ClusterName, Region};
use crate::policy::{Kind, permissions};
use crate::session::Session;

/// A cluster of EKS in the connector's region and account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KubernetesCluster {
    name: ClusterName,
}

/// Why a token for a cluster is as wide as the connector's identity.
const WIDE: &str = "an EKS token carries the connector's own identity; what it may do in the cluster is said \
    there, and session policies do not touch it";

/// Why federation tokens do not work.
const FEDERATED: &str =
    "EKS maps roles and users to rights in a cluster, and cannot map the ARN of a federated user";

impl KubernetesCluster {
    /// The cluster's name.
    #[must_use]
    pub fn name(&self) -> &ClusterName {
        &self.name
    }
}

impl ResourceType for KubernetesCluster {
    const ID: &'static str = "kubernetes-cluster";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "EKS cluster",
        "A Kubernetes cluster of Amazon EKS in the connector's region. The identity behind the connector \
         needs an access entry (or a line in the aws-auth config map) in the cluster. Tokens live for 14 minutes.",
    )
    .forms(&[
        ("CLUSTER", "the canonical form, its name"),
        (
            "arn:PARTITION:eks:REGION:ACCOUNT:cluster/CLUSTER",
            "its ARN, which has to be of the connector's region and account",
        ),
    ])
    .targets("arn:{partition}:eks:{region}:{account}:cluster/{cluster}; eks:ListClusters attaches to *")
    .narrows(WIDE)
    .lives(eks_token::LIFE)
    .without(&[("federation-token", FEDERATED)]);
    type Connector = Aws;
    type Credential = KubernetesCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        if text.starts_with("arn:") {
            return read_arn(text).map(|_| Parsed::partial(text));
        }
        let name = in_id::<Self, _>(ClusterName::parse(text))?;
        Ok(Parsed::exact(Self { name }))
    }

    fn id(&self) -> String {
        self.name.to_string()
    }

    /// Compares region and account of an ARN with the session's; asks EKS only where the session does not
    /// know its account.
    async fn resolve(partial: &str, session: &Session, cx: &Call<'_>) -> Result<Self> {
        if partial.is_empty() {
            return Err(Error::field("resource_id", "`kubernetes-cluster` needs the name of a cluster"));
        }
        let (arn, region, cluster) = read_arn(partial)?;
        let stated = Stated { partition: arn.partition(), region: Some(&region), account: None };
        stated.check(session)?;
        let ours = match &session.account_id {
            Some(known) => known.clone(),
            None => {
                let found = cluster.describe(session, cx).await?;
                let found = found.arn().and_then(|it| Arn::parse(it).ok());
                found.ok_or_else(|| error::incomplete(DESCRIBE))?.account().to_owned()
            }
        };
        same_account(arn.account(), &ours)?;
        Ok(cluster)
    }

    fn permissions(access: Access) -> Vec<&'static str> {
        permissions(Kind::Cluster, access)
    }

    /// The token is the connector's own identity, whatever finding the cluster needed.
    fn carried(&self, _: &Wanted) -> Vec<&'static str> {
        Vec::new()
    }

    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        let client = Client::new(&session.sdk_config(cx));
        let mut pages = client.list_clusters().into_paginator().page_size(100).send();
        let mut ids = Vec::new();
        let mut followed = Pages::default();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| error::from_sdk(cx, "eks:ListClusters", error))?;
            followed.one_more("eks:ListClusters", ids.len())?;
            let names = page.clusters().iter().filter_map(|name| ClusterName::parse(name.as_str()).ok());
            ids.extend(names.map(|name| name.to_string()));
        }
        Ok(Listing::of(ids))
    }

    async fn reach(&self, _: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        refuse_federated(session)?;
        let cluster = self.describe(session, cx).await?;
        self.address(&cluster).map(|_| ())
    }

    /// One call, `eks:DescribeCluster`; the token itself is signed here.
    async fn issue(
        &self,
        _: &Wanted,
        session: &Session,
        cx: &Call<'_>,
    ) -> Result<Issued<KubernetesCredential>> {
        refuse_federated(session)?;
        let cluster = self.describe(session, cx).await?;
        let (server, trust) = self.address(&cluster)?;
        // A local cluster on an Outpost goes by its id.
        let cluster_id = cluster.outpost_config().and(cluster.id()).unwrap_or(self.name.as_str());
        let expiry = cx.expires_in(eks_token::LIFE);
        let token = eks_token::token(&session.keys, &session.place.region, cluster_id, cx.now())?;
        let credential = KubernetesCredential {
            server,
            cluster: self.name.to_string(),
            trust,
            tls_server_name: None,
            login: Login::Token(token),
        };
        Ok(Issued::new(credential, expiry).not_narrowed(WIDE))
    }
}

const DESCRIBE: &str = "eks:DescribeCluster";

impl KubernetesCluster {
    async fn describe(&self, session: &Session, cx: &Call<'_>) -> Result<Cluster> {
        let client = Client::new(&session.sdk_config(cx));
        let answer = client.describe_cluster().name(self.name.as_str()).send().await;
        let answer = answer.map_err(|error| {
            let region = &session.place.region;
            error::from_sdk(cx, DESCRIBE, error)
                .context(format!("cluster `{}` in {region} is not reached", self.name))
        })?;
        answer.cluster.ok_or_else(|| error::incomplete(DESCRIBE))
    }

    /// The API server's URL and whom to trust there. A cluster has them once it was active.
    fn address(&self, cluster: &Cluster) -> Result<(String, Trust)> {
        let state = match cluster.status() {
            Some(ClusterStatus::Active | ClusterStatus::Updating) => None,
            Some(ClusterStatus::Creating) => Some("is still being created"),
            Some(ClusterStatus::Deleting) => Some("is being deleted"),
            Some(ClusterStatus::Failed) => Some("has failed"),
            Some(ClusterStatus::Pending) => Some("is registered from elsewhere and not connected"),
            _ => Some("is in a state that is not known here"),
        };
        if let Some(state) = state {
            return Err(Error::refused(format!("cluster `{}` {state}, so it gives no access", self.name))
                .with_hint("try again when EKS shows the cluster as active"));
        }
        let Some(server) = cluster.endpoint() else {
            return Err(Error::refused(format!(
                "cluster `{}` has no API server that EKS knows of",
                self.name
            ))
            .with_hint(
                "clusters that EKS only registers are reached by a `kubernetes` connector of their own",
            ));
        };
        let trust = match cluster.certificate_authority().and_then(|it| it.data()).unwrap_or_default() {
            // EKS always names one. What speaks its language and does not has to be known to the system.
            "" => Some(Trust::System),
            data => {
                STANDARD.decode(data).ok().and_then(|it| String::from_utf8(it).ok()).map(Trust::Authority)
            }
        };
        match trust.filter(|_| is_https(server)) {
            Some(trust) => Ok((server.to_owned(), trust)),
            None => Err(error::incomplete(DESCRIBE)),
        }
    }
}

fn is_https(url: &str) -> bool {
    url.strip_prefix("https://")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|it| it.is_ascii_graphic()))
}

fn refuse_federated(session: &Session) -> Result<()> {
    if session.federated {
        return Err(Error::refused(format!(
            "method `federation-token` gives no access to clusters: {FEDERATED}"
        ))
        .with_hint("use method `iam-role` or `session-token`"));
    }
    Ok(())
}

/// `arn:{partition}:eks:{region}:{account}:cluster/{name}`.
fn read_arn(text: &str) -> Result<(Arn, Region, KubernetesCluster)> {
    let arn = in_id::<KubernetesCluster, _>(Arn::parse(text))?;
    let Some(name) = arn.resource().strip_prefix("cluster/").filter(|_| arn.service() == "eks") else {
        return Err(not_an_id::<KubernetesCluster>("the ARN is of something else than a cluster"));
    };
    let name = in_id::<KubernetesCluster, _>(ClusterName::parse(name))?;
    let region = in_id::<KubernetesCluster, _>(Region::parse(arn.region()))?;
    if arn.account().len() != 12 {
        return Err(not_an_id::<KubernetesCluster>("the ARN names no account"));
    }
    if arn.partition() != Some(region.partition()) {
        return Err(not_an_id::<KubernetesCluster>("the ARN's region is not of its partition"));
    }
    Ok((arn, region, KubernetesCluster { name }))
}

#[cfg(test)]
#[path = "kubernetes_cluster_tests.rs"]
mod tests;
