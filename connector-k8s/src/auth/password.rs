//! Method `password`: a name and a password.

use connector_core::{AuthMethod, Authenticated, Call, Identity, Life, MethodAbout, Problem, Result, Secret};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common;
use crate::connector::Kubernetes;
use crate::credential::{self, Login};
use crate::names::{CertificateText, ClusterName, ServerUrl};
use crate::session::{Cluster, Own, Session, end_of};

/// A name and a password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Password {
    /// The name to log in with.
    #[schemars(extend("minLength" = 1, "maxLength" = 253))]
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The URL of the API server, such as `https://demo.example.org:6443`. `http` is taken for loopback only.
    pub server: ServerUrl,
    /// The cluster's name, which is the resource id, and what kubeconfigs that are written call it.
    pub cluster_name: ClusterName,
    /// Certificates of the only authorities to trust for the server, in PEM or in base64 of it as kubeconfigs have
    /// it. Without it whom the system trusts.
    #[serde(default)]
    pub certificate_authority: Option<CertificateText>,
    /// Takes anybody who answers for the server: whoever is on the way can read and change everything. For
    /// trials only.
    #[serde(default)]
    pub insecure: bool,
}

impl AuthMethod for Password {
    const ID: &'static str = "password";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Password",
        "Logs in by a name and a password (basic authentication). Kubernetes dropped it in version 1.19, so this is \
         for older clusters, and for proxies in front of a cluster that take a password.",
        Life::Long,
        Identity::User,
    )
    .warning(
        "issuing hands out the password itself, which needs `--allow long-lived`, and kubectl's plugins cannot \
         carry it; prefer method `token` with a `service_account`",
    );
    type Connector = Kubernetes;

    fn check(&self) -> Vec<Problem> {
        let authority = self.certificate_authority.as_ref();
        let mut problems = common::check_place(&self.server, authority, self.insecure);
        if self.username.contains(':') || self.username.chars().any(char::is_control) {
            problems.push(Problem::new(
                "username",
                "holds a colon or control characters, which no name here can",
            ));
        }
        if self.password.is_empty() || self.password.expose().chars().any(char::is_control) {
            problems.push(Problem::new("password", "empty, or holds control characters such as a line end"));
        }
        problems
    }

    fn scope(&self) -> Option<&str> {
        Some(self.cluster_name.as_str())
    }

    async fn authenticate(&self, _: &Call<'_>, _: Option<&()>) -> Result<Authenticated<Session>> {
        let (username, password) = (self.username.clone(), self.password.clone());
        let login = Login::Password(credential::Password { username, password });
        let expiry = end_of(&login);
        let session = Session {
            cluster: Cluster {
                server: self.server.clone(),
                name: self.cluster_name.clone(),
                trust: common::trust(self.certificate_authority.as_ref(), self.insecure)?,
                tls_server_name: None,
            },
            own: Own::Stored(login),
            account: None,
        };
        Ok(Authenticated::new(session, expiry).not_narrowed("a password cannot be narrowed"))
    }
}
