//! Method `token`: a bearer token, or a client certificate.

use std::time::SystemTime;

use connector_core::{
    AuthMethod, Authenticated, Call, Error, Identity, Life, Lifetime, MethodAbout, Problem, Result, Secret,
    Step,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::{self, LIFETIME_NOTE, NARROWS, TOKEN_REQUEST};
use crate::connector::Kubernetes;
use crate::credential::{Certificate, Login};
use crate::kubeconfig::is_key;
use crate::names::{
    Audience, CertificateText, ClusterName, Namespace, ServerUrl, ServiceAccountName, TlsServerName,
};
use crate::session::{Cluster, Own, Session, end_of, is_token};
use crate::token_request;

/// A bearer token, or a client certificate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Token {
    /// The URL of the API server, such as `https://demo.example.org:6443`. `http` is taken for loopback only.
    pub server: ServerUrl,
    /// The cluster's name, which is the resource id, and what kubeconfigs that are written call it.
    pub cluster_name: ClusterName,
    /// Certificates of the only authorities to trust for the server, in PEM or in base64 of it as kubeconfigs have
    /// it. Without it whom the system trusts.
    #[serde(default)]
    pub certificate_authority: Option<CertificateText>,
    /// The name that the server's certificate bears, where that is not the host of `server`. Our own requests
    /// then use no proxy.
    #[serde(default)]
    pub tls_server_name: Option<TlsServerName>,
    /// Takes anybody who answers for the server: whoever is on the way can read and change everything. For
    /// trials only.
    #[serde(default)]
    pub insecure: bool,
    /// The token. This, or `client_certificate` with `client_key`.
    #[serde(default)]
    pub token: Option<Secret>,
    /// The client certificate with its chain, in PEM or in base64 of it. Needs `client_key`.
    #[serde(default)]
    pub client_certificate: Option<CertificateText>,
    /// The private key of `client_certificate`, in PEM.
    #[serde(default)]
    pub client_key: Option<Secret>,
    /// The service account whose tokens are issued, in place of the connector's own login. That needs the
    /// permission to `create` `serviceaccounts/token`.
    #[serde(default)]
    pub service_account: Option<ServiceAccountName>,
    /// The namespace of `service_account`.
    #[serde(default)]
    pub namespace: Option<Namespace>,
    /// For whom the issued tokens are; by default for the API server.
    #[serde(default)]
    pub audiences: Vec<Audience>,
}

impl Token {
    /// A token for a cluster that the system trusts.
    #[must_use]
    pub fn new(server: ServerUrl, cluster_name: ClusterName, token: impl Into<Secret>) -> Self {
        Self {
            server,
            cluster_name,
            certificate_authority: None,
            tls_server_name: None,
            insecure: false,
            token: Some(token.into()),
            client_certificate: None,
            client_key: None,
            service_account: None,
            namespace: None,
            audiences: Vec::new(),
        }
    }

    /// Issues tokens of this service account.
    #[must_use]
    pub fn with_service_account(mut self, namespace: Namespace, name: ServiceAccountName) -> Self {
        self.namespace = Some(namespace);
        self.service_account = Some(name);
        self
    }

    fn login(&self) -> Result<Login> {
        let certificate = self.client_certificate.as_ref().and_then(CertificateText::read);
        match (&self.token, certificate, &self.client_key) {
            (Some(token), ..) => Ok(Login::Token(token.clone())),
            (None, Some(certificate), Some(key)) => Ok(Login::Certificate(Certificate {
                certificate: certificate.as_str().to_owned(),
                key: key.clone(),
            })),
            _ => Err(Error::field("token", NEEDS_LOGIN)),
        }
    }
}

const NEEDS_LOGIN: &str = "give `token`, or `client_certificate` and `client_key`";

impl AuthMethod for Token {
    const ID: &'static str = "token";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Token",
        "Logs in by a bearer token or a client certificate. With `service_account` and `namespace` it issues tokens \
         of that service account, which end by themselves; without, there is only the login itself to hand out.",
        Life::Long,
        Identity::Service,
    )
    .temporary()
    .narrows(NARROWS)
    .lifetime(TOKEN_REQUEST)
    .lifetime_note(LIFETIME_NOTE)
    .warning(
        "without `service_account`, issuing hands out the stored token or key itself, which needs `--allow \
         long-lived`",
    );
    type Connector = Kubernetes;

    fn warning(&self) -> Option<&'static str> {
        Self::ABOUT.warning.filter(|_| self.service_account.is_none())
    }

    fn check(&self) -> Vec<Problem> {
        let authority = self.certificate_authority.as_ref();
        let mut problems = common::check_place(&self.server, authority, self.insecure);
        let mut wrong = |field: &str, message: &str| problems.push(Problem::new(field, message));
        match (&self.token, &self.client_certificate, &self.client_key) {
            (Some(token), None, None) => {
                if !is_token(token.expose()) {
                    wrong("token", "empty, or holds blanks, line ends or other characters that no token has");
                }
            }
            (None, Some(certificate), Some(key)) => {
                if certificate.read().is_none() {
                    wrong("client_certificate", "expected a PEM certificate, or base64 of it");
                }
                if !is_key(key) {
                    wrong("client_key", "expected a private key in PEM form");
                }
            }
            (None, None, None) => wrong("token", &format!("missing: {NEEDS_LOGIN}")),
            (Some(_), ..) => wrong("token", "given beside a client certificate: only one can be"),
            (None, Some(_), None) => wrong("client_key", "missing: `client_certificate` needs it"),
            (None, None, Some(_)) => wrong("client_certificate", "missing: `client_key` needs it"),
        }
        problems.extend(common::check_account(
            self.service_account.as_ref(),
            self.namespace.as_ref(),
            &self.audiences,
            false,
        ));
        problems
    }

    fn lifetime(&self) -> Option<Lifetime> {
        self.service_account.as_ref().map(|_| TOKEN_REQUEST)
    }

    fn narrows(&self) -> Option<&'static str> {
        self.service_account.as_ref().map(|_| NARROWS)
    }

    fn hands_on_secret(&self) -> bool {
        self.service_account.is_none()
    }

    fn scope(&self) -> Option<&str> {
        Some(self.cluster_name.as_str())
    }

    fn expires_at(&self) -> Option<SystemTime> {
        end_of(&self.login().ok()?).at()
    }

    async fn authenticate(&self, _: &Call<'_>, _: Option<&()>) -> Result<Authenticated<Session>> {
        let login = self.login()?;
        let missing = || Error::field("namespace", "missing: say where `service_account` is");
        let namespace = || self.namespace.clone().ok_or_else(missing);
        let expiry = end_of(&login);
        let session = Session {
            cluster: Cluster {
                server: self.server.clone(),
                name: self.cluster_name.clone(),
                trust: common::trust(self.certificate_authority.as_ref(), self.insecure)?,
                tls_server_name: self.tls_server_name.clone(),
            },
            own: Own::Stored(login),
            account: common::account(self.service_account.as_ref(), namespace, &self.audiences)?,
        };
        Ok(Authenticated::new(session, expiry))
    }

    fn plan(&self, cx: &Call<'_>, _: Option<&()>) -> Result<Vec<Step>> {
        let (Some(name), Some(namespace)) = (&self.service_account, &self.namespace) else {
            return Ok(Vec::new());
        };
        Ok(vec![token_request::explain(name, namespace, &self.audiences, cx.duration())])
    }
}
