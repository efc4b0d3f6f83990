//! Google Kubernetes Engine: the list of clusters, and what a client needs to reach one.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::error::ApiError;
use super::identity::CLOUD;
use super::state::State;
use crate::clock::iso;
use crate::loopback::{Answer, Call};
use crate::strict_kubernetes::StrictKubernetes;

const SERVICE: &str = "container.googleapis.com";

/// All clusters.
#[derive(Debug, Default)]
pub(super) struct Clusters {
    /// By project, location and name.
    pub(super) all: BTreeMap<(String, String, String), Cluster>,
    /// Zones that do not answer.
    pub(super) missing_zones: BTreeSet<String>,
}

/// A cluster.
///
/// ```
/// use connector_tests::strict_google::Cluster;
///
/// let cluster = Cluster::at("203.0.113.7", "PEM of its authority").with_dns_endpoint("gke-1.europe-west1.gke.goog");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    endpoint: String,
    ca: String,
    dns: Option<String>,
    status: &'static str,
    is_private: bool,
}

impl Cluster {
    /// A cluster that runs, at this address and with that certificate authority in PEM.
    pub fn at(endpoint: &str, ca: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            ca: ca.to_owned(),
            dns: None,
            status: "RUNNING",
            is_private: false,
        }
    }

    /// A cluster behind which a real API stands.
    pub fn of(kubernetes: &StrictKubernetes) -> Self {
        Self::at(&kubernetes.address().to_string(), &kubernetes.ca())
    }

    /// Lets it be reached by a name as well, from outside too.
    pub fn with_dns_endpoint(mut self, name: &str) -> Self {
        self.dns = Some(name.to_owned());
        self
    }

    /// Leaves it without an address that can be reached from outside.
    pub fn private(mut self) -> Self {
        self.is_private = true;
        self
    }

    /// Another state than `RUNNING`: one that is `PROVISIONING` has no endpoint yet.
    pub fn with_status(mut self, status: &'static str) -> Self {
        self.status = status;
        self
    }
}

/// Answers a call below `/v1/projects/P/locations/L/clusters`.
pub(super) fn answer(
    state: &State,
    call: &Call,
    project: &str,
    location: &str,
    rest: &[&str],
) -> Result<Answer, ApiError> {
    let token = state.authenticate(call, SERVICE, &[CLOUD])?;
    let missing = |permission| {
        let project = format!("projects/{project}");
        ApiError::denied(SERVICE, permission, &project)
    };
    let (list, get) = ("container.clusters.list", "container.clusters.get");
    let project = state.project_id(project).ok_or_else(|| missing(list))?;
    let resource = format!("projects/{project}");
    if call.method != "GET" {
        return Err(ApiError::not_found("Method not found."));
    }
    let body = match rest {
        [] => {
            state.permit(&token, SERVICE, list, &resource)?;
            let is_there = |(own, place, _): &(String, String, String)| {
                *own == project && (location == "-" || location == place) && !is_lost(state, place)
            };
            let mine = state.clusters.all.iter().filter(|(key, _)| is_there(key));
            let mine: Vec<_> = mine.map(|(key, cluster)| shown(state, key, cluster)).collect();
            let mut body = json!({});
            if !mine.is_empty() {
                body["clusters"] = mine.into();
            }
            if !state.clusters.missing_zones.is_empty() {
                body["missingZones"] = json!(state.clusters.missing_zones);
            }
            body
        }
        [name] => {
            let whole = format!("{resource}/locations/{location}/clusters/{name}");
            state.permit(&token, SERVICE, get, &whole)?;
            let key = (project.clone(), location.to_owned(), (*name).to_owned());
            let cluster = state.clusters.all.get(&key);
            let cluster = cluster.ok_or_else(|| ApiError::not_found(format!("Not found: {whole}.")))?;
            shown(state, &key, cluster)
        }
        _ => return Err(ApiError::not_found("Method not found.")),
    };
    Ok(Answer::json(200, &body))
}

/// A zone that does not answer, or the region that it is of.
fn is_lost(state: &State, location: &str) -> bool {
    state.clusters.missing_zones.contains(location)
}

fn shown(state: &State, (project, location, name): &(String, String, String), cluster: &Cluster) -> Value {
    let is_there = cluster.status != "PROVISIONING";
    let endpoint = if is_there { cluster.endpoint.as_str() } else { "" };
    let mut ip = json!({ "enabled": true, "enablePublicEndpoint": !cluster.is_private });
    if is_there {
        let field = if cluster.is_private { "privateEndpoint" } else { "publicEndpoint" };
        ip[field] = endpoint.into();
    }
    let mut told = json!({
        "name": name, "location": location, "zone": location, "status": cluster.status,
        "currentMasterVersion": "1.32.4-gke.1", "createTime": iso(state.clock.now()),
        "selfLink": format!("https://{SERVICE}/v1/projects/{project}/locations/{location}/clusters/{name}"),
        "controlPlaneEndpointsConfig": { "ipEndpointsConfig": ip },
    });
    if is_there {
        told["endpoint"] = endpoint.into();
        told["masterAuth"] = json!({ "clusterCaCertificate": STANDARD.encode(&cluster.ca) });
    }
    if cluster.is_private {
        told["privateClusterConfig"] = json!({ "privateEndpoint": endpoint, "enablePrivateEndpoint": true });
    }
    if let Some(dns) = &cluster.dns {
        told["controlPlaneEndpointsConfig"]["dnsEndpointConfig"] =
            json!({ "endpoint": dns, "allowExternalTraffic": true });
    }
    told
}
