//! The connector type.

use connector_core::{Candidate, ConnectorAbout, ConnectorType, Context, Hints, Result};

use crate::detect;
use crate::session::Session;

/// A Kubernetes cluster, wherever it runs.
#[derive(Clone, Copy, Debug)]
pub struct Kubernetes;

impl ConnectorType for Kubernetes {
    const ID: &'static str = "kubernetes";
    const ABOUT: ConnectorAbout = ConnectorAbout::new(
        "Kubernetes",
        "Connects to one Kubernetes cluster, wherever it runs. Clusters of a cloud are reached by that cloud's \
         connector, too, with an identity of the cloud.\n\n\
         A connector holds a way to log in: a token, a client certificate, a kubeconfig, the service account of \
         the pod it runs in. With `service_account` and `namespace` it issues tokens of that service account \
         (TokenRequest), which end by themselves and may do what that account may. Without, only its own login \
         could be handed out, which stays with the connector unless it says `allow: [long-lived]`.\n\n\
         Prefer a login that may do nothing but create tokens of one service account: a role with the verb \
         `create` on `serviceaccounts/token`, restricted to that account by `resourceNames`.",
    )
    .detects()
    .with_prerequisites(&[
        "a cluster and a login for it; kubectl need not be installed",
        "for auto-configuration: a kubeconfig, in KUBECONFIG or ~/.kube/config",
        "for `in-cluster`: CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true in the pod that issues",
    ]);
    type Session = Session;
    type Narrowing = ();

    async fn detect(cx: &Context, hints: &Hints) -> Result<Vec<Candidate>> {
        detect::detect(cx, hints)
    }
}
