//! `kubernetes-cluster`: a cluster of GKE.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{
    Access, Call, Error, ErrorKind, Expiry, Issued, Listing, Parsed, ResourceAbout, ResourceType, Result,
    Wanted, candidates, in_id, not_an_id,
};
use connector_k8s::{KubernetesCredential, Login, Trust};
use serde::Deserialize;
use serde_json::json;

use super::common::{in_project, lacking, project};
use crate::Gcp;
use crate::error;
use crate::names::{ClusterName, Location, ProjectId, Service};
use crate::session::Session;
use crate::wire::{Api, part};

/// A cluster of GKE in the connector's project.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KubernetesCluster {
    location: Location,
    name: ClusterName,
}

/// Why a token for a cluster is as wide as the connector's identity.
const WIDE: &str = "GKE takes the account's own access token; what it may do in the cluster is said by IAM and there, \
    and access boundaries do not touch it";

impl KubernetesCluster {
    /// The region or zone.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The cluster's name.
    #[must_use]
    pub fn name(&self) -> &ClusterName {
        &self.name
    }
}

/// What may stand in a text besides the canonical id.
enum Said {
    Exact(Option<ProjectId>, KubernetesCluster),
    Name(ClusterName),
}

fn read(text: &str) -> Result<Said> {
    type R = KubernetesCluster;
    let cluster = |location: &str, name: &str| {
        Ok::<_, Error>(R {
            location: in_id::<R, _>(Location::parse(location))?,
            name: in_id::<R, _>(ClusterName::parse(name))?,
        })
    };
    let project = |text: &str| in_id::<R, _>(ProjectId::parse(text)).map(Some);
    // `gke_{project}_{location}_{cluster}`: none of the three has an underscore.
    if let Some(rest) = text.strip_prefix("gke_") {
        return match rest.split('_').collect::<Vec<_>>()[..] {
            [of, location, name] => Ok(Said::Exact(project(of)?, cluster(location, name)?)),
            _ => Err(not_an_id::<R>("a context's name has a project, a location and a cluster behind gke_")),
        };
    }
    let full = text.strip_prefix("//container.googleapis.com/").filter(|it| it.starts_with("projects/"));
    let path = full.unwrap_or(text);
    match path.split('/').collect::<Vec<_>>()[..] {
        ["projects", of, "locations" | "zones" | "regions", location, "clusters", name] => {
            Ok(Said::Exact(project(of)?, cluster(location, name)?))
        }
        [location, name] => Ok(Said::Exact(None, cluster(location, name)?)),
        [name] => Ok(Said::Name(in_id::<R, _>(ClusterName::parse(name))?)),
        _ => Err(not_an_id::<R>("it has another number of parts")),
    }
}

impl ResourceType for KubernetesCluster {
    const ID: &'static str = "kubernetes-cluster";
    const ABOUT: ResourceAbout = ResourceAbout::new(
        "GKE cluster",
        "A Kubernetes cluster of Google Kubernetes Engine in the connector's project, reached by its DNS endpoint where \
         that lets calls from outside in, else by its address. What a token may do there is said by IAM roles on the \
         project and by the cluster's own role bindings.",
    )
    .forms(&[
        ("LOCATION/CLUSTER", "the canonical form"),
        ("CLUSTER", "its name alone; completed by a call when the project has only one of that name"),
        ("projects/PROJECT/locations/LOCATION/clusters/CLUSTER", "its full name, which has to be of the connector's project"),
        ("gke_PROJECT_LOCATION_CLUSTER", "the name of gcloud's context for it"),
    ])
    .targets("the project, or the cluster by a condition; what is allowed within is said there, too")
    .narrows(WIDE);
    type Connector = Gcp;
    type Credential = KubernetesCredential;

    fn parse(text: &str) -> Result<Parsed<Self>> {
        Ok(match read(text)? {
            Said::Exact(None, cluster) => Parsed::exact(cluster),
            // The session has to agree on the project.
            Said::Exact(Some(_), _) | Said::Name(_) => Parsed::partial(text),
        })
    }

    fn id(&self) -> String {
        format!("{}/{}", self.location, self.name)
    }

    async fn resolve(partial: &str, session: &Session, cx: &Call<'_>) -> Result<Self> {
        if partial.is_empty() {
            return Err(Error::field("resource_id", "`kubernetes-cluster` needs the id of a cluster"));
        }
        let name = match read(partial)? {
            Said::Exact(of, cluster) => {
                if let Some(of) = of {
                    in_project(of.as_str(), project(session)?)?;
                }
                return Ok(cluster);
            }
            Said::Name(name) => name,
        };
        let (all, missing) = clusters(session, cx).await?;
        let mut found: Vec<_> = all.iter().filter_map(Self::of).filter(|it| it.name == name).collect();
        match (found.pop(), found.is_empty()) {
            (None, _) if !missing.is_empty() => Err(Error::unreachable(format!(
                "there is no cluster `{name}` in the locations that answered; these did not: {}",
                missing.join(", ")
            ))
            .with_hint("name it with its location: LOCATION/CLUSTER")),
            (None, _) => {
                Err(Error::not_found(format!("project {} has no cluster `{name}`", project(session)?)))
            }
            (Some(one), true) => Ok(one),
            (Some(last), false) => {
                found.push(last);
                let mut ids: Vec<_> = found.iter().map(Self::id).collect();
                ids.sort();
                Err(Error::field("resource_id", format!("{} clusters are called `{name}`", ids.len()))
                    .with_hint(format!("name one of: {}", candidates(&ids))))
            }
        }
    }

    fn permissions(_: Access) -> Vec<&'static str> {
        vec![GET, LIST, CONNECT]
    }

    fn carried(&self, _: &Wanted) -> Vec<&'static str> {
        Vec::new()
    }

    async fn list(session: &Session, cx: &Call<'_>) -> Result<Listing> {
        let (all, missing) = clusters(session, cx).await?;
        let listing = Listing::of(all.iter().filter_map(Self::of).map(|it| it.id()));
        Ok(missing.into_iter().fold(listing, |listing, place| {
            listing.with_failure(
                place,
                Error::unreachable("GKE does not reach this location now").with_hint("try again later"),
            )
        }))
    }

    /// One call, `clusters.get`, and one more where the way in is the DNS endpoint, which lets only those through who may
    /// connect to the cluster.
    async fn reach(&self, _: &Wanted, session: &Session, cx: &Call<'_>) -> Result<()> {
        let cluster = self.described(session, cx).await?;
        match self.address(&cluster)? {
            (_, Trust::System) => self.connects(session, cx).await,
            _ => Ok(()),
        }
    }

    /// One call, `clusters.get`; the token is the session's.
    async fn issue(
        &self,
        _: &Wanted,
        session: &Session,
        cx: &Call<'_>,
    ) -> Result<Issued<KubernetesCredential>> {
        let cluster = self.described(session, cx).await?;
        let (server, trust) = self.address(&cluster)?;
        let credential = KubernetesCredential {
            server,
            cluster: format!("gke_{}_{}_{}", project(session)?, self.location, self.name),
            trust,
            tls_server_name: None,
            login: Login::Token(session.token.clone()),
        };
        // The session's own end is put in its place before it is released.
        Ok(Issued::new(credential, Expiry::Never("nobody said when this token ends".into()))
            .not_narrowed(WIDE))
    }
}

const LIST: &str = "container.clusters.list";
const GET: &str = "container.clusters.get";
/// What the DNS endpoint asks for.
const CONNECT: &str = "container.clusters.connect";

/// As GKE describes a cluster.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Cluster {
    name: String,
    location: String,
    status: Option<String>,
    endpoint: Option<String>,
    master_auth: MasterAuth,
    control_plane_endpoints_config: ControlPlane,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MasterAuth {
    cluster_ca_certificate: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ControlPlane {
    dns_endpoint_config: DnsEndpoint,
    ip_endpoints_config: IpEndpoints,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DnsEndpoint {
    endpoint: Option<String>,
    allow_external_traffic: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct IpEndpoints {
    enabled: Option<bool>,
}

/// All clusters of the project, and the zones that GKE could not reach.
async fn clusters(session: &Session, cx: &Call<'_>) -> Result<(Vec<Cluster>, Vec<String>)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct All {
        #[serde(default)]
        clusters: Vec<Cluster>,
        #[serde(default)]
        missing_zones: Vec<String>,
    }
    let path = format!("/v1/projects/{}/locations/-/clusters", part(project(session)?.as_str()));
    let all: All = Api::new(cx, session).get(LIST, Service::Container, &path, &[]).await?;
    // What names no place is not shown.
    let missing = all.missing_zones.into_iter().filter(|it| Location::parse(it.as_str()).is_ok());
    Ok((all.clusters, missing.collect()))
}

impl KubernetesCluster {
    fn of(cluster: &Cluster) -> Option<Self> {
        let location = Location::parse(cluster.location.as_str()).ok()?;
        Some(Self { location, name: ClusterName::parse(cluster.name.as_str()).ok()? })
    }

    async fn described(&self, session: &Session, cx: &Call<'_>) -> Result<Cluster> {
        let project = project(session)?;
        let of = part(project.as_str());
        let path = format!("/v1/projects/{of}/locations/{}/clusters/{}", self.location, self.name);
        let answer = Api::new(cx, session).get(GET, Service::Container, &path, &[]).await;
        answer.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::not_found(format!(
                "project {project} has no cluster `{}` in {}",
                self.name, self.location
            )),
            _ => error.context(format!("cluster `{}` in {} is not reached", self.name, self.location)),
        })
    }

    /// Whether the DNS endpoint lets the session in, as far as the project tells: where Resource Manager does not answer,
    /// nobody knows.
    async fn connects(&self, session: &Session, cx: &Call<'_>) -> Result<()> {
        #[derive(Deserialize)]
        struct Granted {
            #[serde(default)]
            permissions: Vec<String>,
        }
        let path = format!("/v3/projects/{}:testIamPermissions", part(project(session)?.as_str()));
        let body = json!({ "permissions": [CONNECT] });
        let api = Api::new(cx, session);
        let granted =
            api.post::<Granted>("projects.testIamPermissions", Service::ResourceManager, &path, &body);
        let Ok(granted) = granted.await else { return Ok(()) };
        lacking(&[CONNECT], &granted.permissions).map_err(|error| {
            error
                .context(format!("the DNS endpoint of cluster `{}` lets this account in nowhere", self.name))
                .with_hint(
                    "grant roles/container.viewer or more on the project; new grants take some minutes",
                )
        })
    }

    /// The API server's URL and whom to trust there.
    fn address(&self, cluster: &Cluster) -> Result<(String, Trust)> {
        let state = match cluster.status.as_deref() {
            Some("RUNNING" | "RECONCILING" | "DEGRADED") | None => None,
            Some("PROVISIONING") => Some("is still being created"),
            Some("STOPPING") => Some("is being deleted"),
            Some("ERROR") => Some("is broken"),
            Some(_) => Some("is in a state that is not known here"),
        };
        if let Some(state) = state {
            return Err(Error::refused(format!("cluster `{}` {state}, so it gives no access", self.name))
                .with_hint("try again when GKE shows the cluster as running"));
        }
        let control = &cluster.control_plane_endpoints_config;
        let dns = control.dns_endpoint_config.endpoint.as_deref();
        // Behind its DNS name stands a certificate that everybody trusts.
        if let Some(host) = dns.filter(|_| control.dns_endpoint_config.allow_external_traffic) {
            return is_host(host)
                .then(|| (format!("https://{host}"), Trust::System))
                .ok_or_else(|| error::garbage(GET));
        }
        let by_address = control.ip_endpoints_config.enabled != Some(false);
        let Some(host) = cluster.endpoint.as_deref().filter(|it| by_address && !it.is_empty()) else {
            return Err(Error::refused(format!("cluster `{}` has no endpoint that can be called from here", self.name))
                .with_hint(
                    "let its DNS endpoint take calls: gcloud container clusters update CLUSTER --location LOCATION \
                     --enable-dns-access",
                ));
        };
        let authority = cluster.master_auth.cluster_ca_certificate.as_deref().unwrap_or_default();
        let authority = STANDARD.decode(authority).ok().and_then(|it| String::from_utf8(it).ok());
        match authority.filter(|it| it.contains("BEGIN CERTIFICATE") && is_host(host)) {
            Some(authority) => Ok((format!("https://{host}"), Trust::Authority(authority))),
            None => Err(error::garbage(GET)),
        }
    }
}

/// A host, with its port where it has one.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || b".-:[]".contains(&it))
}

#[cfg(test)]
#[path = "kubernetes_cluster_tests.rs"]
mod tests;
