//! Method `in-cluster`: the service account of the pod that the connector runs in.

use std::path::{Path, PathBuf};

use connector_core::{
    AuthMethod, Authenticated, Call, Context, Error, Identity, Life, Lifetime, MethodAbout, Problem, Result,
    Secret,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::common::{self, LIFETIME_NOTE, NARROWS, TOKEN_REQUEST};
use crate::connector::Kubernetes;
use crate::credential::{Login, Trust};
use crate::names::{Audience, Certificates, ClusterName, Namespace, ServerUrl, ServiceAccountName};
use crate::session::{Cluster, Own, Session, end_of, read_token};
use crate::{jwt, token_request};

/// The service account of the pod that the connector runs in.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct InCluster {
    /// The service account whose tokens are issued, in place of the pod's own. That needs the permission to
    /// `create` `serviceaccounts/token`.
    #[serde(default)]
    pub service_account: Option<ServiceAccountName>,
    /// The namespace of `service_account`; by default the pod's.
    #[serde(default)]
    pub namespace: Option<Namespace>,
    /// For whom the issued tokens are; by default for the API server.
    #[serde(default)]
    pub audiences: Vec<Audience>,
}

/// What a pod calls the cluster that it is in.
const NAME: &str = "in-cluster";

/// Where kubelet puts what a pod needs.
const MOUNTED: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

fn mounted(file: &str) -> PathBuf {
    Path::new(MOUNTED).join(file)
}

/// Whether this runs in a pod that may talk to its cluster.
pub(crate) fn is_in_cluster(cx: &Context) -> bool {
    cx.var("KUBERNETES_SERVICE_HOST").is_some() && cx.read(&mounted("token")).is_ok()
}

/// The URL of the server, from what every pod's environment says.
fn server(cx: &Context) -> Result<ServerUrl> {
    let var = |name: &str| {
        cx.var(name).ok_or_else(|| {
            Error::not_configured(format!("{name} is not set: this is not a pod of Kubernetes"))
        })
    };
    let (host, port) = (var("KUBERNETES_SERVICE_HOST")?, var("KUBERNETES_SERVICE_PORT")?);
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    ServerUrl::parse(&format!("https://{host}:{port}"))
        .map_err(|error| error.context("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT name no server"))
}

fn pod_namespace(cx: &Context) -> Result<Namespace> {
    let text = cx.read_text(&mounted("namespace"));
    let text = text.map_err(|error| error.context("the pod's namespace cannot be read"))?;
    Namespace::parse(text.trim()).map_err(|error| error.context("the pod's namespace is none"))
}

impl AuthMethod for InCluster {
    const ID: &'static str = "in-cluster";
    const ABOUT: MethodAbout = MethodAbout::new(
        "In cluster",
        "Uses the service account of the pod that the connector runs in: the token, certificate authority and \
         namespace that kubelet mounts. The token is read each time, since it is replaced from time to time. The \
         cluster is called `in-cluster`.",
        Life::None,
        Identity::Workload,
    )
    .temporary()
    .narrows(NARROWS)
    .lifetime(TOKEN_REQUEST)
    .lifetime_note(LIFETIME_NOTE)
    .implicit()
    .warning("whoever may use this connector acts as the pod that it runs in, and elsewhere it does not work");
    type Connector = Kubernetes;

    fn check(&self) -> Vec<Problem> {
        common::check_account(self.service_account.as_ref(), self.namespace.as_ref(), &self.audiences, true)
    }

    fn lifetime(&self) -> Option<Lifetime> {
        self.service_account.as_ref().map(|_| TOKEN_REQUEST)
    }

    fn narrows(&self) -> Option<&'static str> {
        self.service_account.as_ref().map(|_| NARROWS)
    }

    fn scope(&self) -> Option<&str> {
        Some(NAME)
    }

    /// The server, who vouches for it, and the service account; not the token, which is replaced all the time.
    fn identity(_: &Map<String, Value>, cx: &Context) -> Result<String> {
        if !cx.implicit() {
            // Switched off, nothing is looked at.
            return Ok(String::new());
        }
        let server = server(cx).map(|it| it.as_str().to_owned()).unwrap_or_default();
        // Many clusters have the same addresses and the same names: their authorities differ, and their issuers.
        let authority = cx.read_text(&mounted("ca.crt")).unwrap_or_default();
        let token = read_token(cx, &mounted("token")).ok();
        let of_token =
            |read: fn(&Secret) -> Option<String>| token.as_ref().and_then(read).unwrap_or_default();
        let namespace = pod_namespace(cx).map(|it| it.to_string()).unwrap_or_default();
        let (subject, issuer) = (of_token(jwt::subject), of_token(jwt::issuer));
        Ok(format!("in-cluster {server} {authority} {namespace} {issuer} {subject}"))
    }

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&()>) -> Result<Authenticated<Session>> {
        let server = server(cx)?;
        let authority = cx.read_text(&mounted("ca.crt"));
        let authority =
            authority.map_err(|error| error.context("the cluster's certificate authority cannot be read"))?;
        let authority = Certificates::parse(&authority)
            .ok_or_else(|| Error::invalid(format!("{MOUNTED}/ca.crt holds no PEM certificate")))?;
        let path = mounted("token");
        // It ends as the token does that is there now; then the next one is looked at.
        let expiry = end_of(&Login::Token(read_token(cx, &path)?));
        let namespace = || self.namespace.clone().map_or_else(|| pod_namespace(cx), Ok);
        let session = Session {
            cluster: Cluster {
                server,
                name: ClusterName::parse(NAME).expect("a constant that is a name"),
                trust: Trust::Authority(authority.as_str().to_owned()),
                tls_server_name: None,
            },
            own: Own::File(path),
            account: common::account(self.service_account.as_ref(), namespace, &self.audiences)?,
        };
        Ok(Authenticated::new(session, expiry))
    }

    fn plan(&self, cx: &Call<'_>, _: Option<&()>) -> Result<Vec<connector_core::Step>> {
        let Some(name) = &self.service_account else { return Ok(Vec::new()) };
        let namespace = self.namespace.clone().map_or_else(|| pod_namespace(cx), Ok)?;
        Ok(vec![token_request::explain(name, &namespace, &self.audiences, cx.duration())])
    }
}
