//! The authenticated state of a Kubernetes connector, on the issuing side only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use connector_core::{Context, Error, Expiry, Result, Secret, Tls};

use crate::credential::{Certificate, KubernetesCredential, Login, Trust};
use crate::names::{Audience, ClusterName, Namespace, ServerUrl, ServiceAccountName, TlsServerName};

/// Where a cluster is, and whom to trust there.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) server: ServerUrl,
    pub(crate) name: ClusterName,
    pub(crate) trust: Trust,
    pub(crate) tls_server_name: Option<TlsServerName>,
}

impl Cluster {
    /// How requests to it are protected, when `login` is shown.
    pub(crate) fn tls(&self, login: &Login) -> Arc<Tls> {
        let mut tls = match &self.trust {
            Trust::System => Tls::new(),
            Trust::Authority(pem) => Tls::new().with_roots_only(pem.as_bytes()),
            Trust::Anybody => Tls::new().without_verification(),
        };
        if let Some(name) = &self.tls_server_name {
            tls = tls.with_server_name(name.as_str());
        }
        if let Login::Certificate(Certificate { certificate, key }) = login {
            tls = tls.with_identity(certificate.as_str(), key.clone());
        }
        Arc::new(tls)
    }

    /// The credential that logs in to it so.
    pub(crate) fn credential(&self, login: Login) -> KubernetesCredential {
        let Self { server, name, trust, tls_server_name } = self;
        KubernetesCredential {
            server: server.as_str().to_owned(),
            cluster: name.as_str().to_owned(),
            trust: trust.clone(),
            tls_server_name: tls_server_name.as_ref().map(|it| it.as_str().to_owned()),
            login,
        }
    }
}

/// The service account that tokens are issued of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceAccount {
    pub(crate) name: ServiceAccountName,
    pub(crate) namespace: Namespace,
    pub(crate) audiences: Vec<Audience>,
}

/// How the connector itself logs in.
#[derive(Clone, Debug)]
pub(crate) enum Own {
    /// As its config says. It is the stored secret, which somebody has to allow to be handed out.
    Stored(Login),
    /// With what a program gave, until it ends.
    Given(Login),
    /// With a token file, which is read each time since it is replaced from time to time.
    File(PathBuf),
}

/// What an auth method gives: where the cluster is, how to log in there, and whose tokens to issue.
#[derive(Debug)]
pub struct Session {
    pub(crate) cluster: Cluster,
    pub(crate) own: Own,
    pub(crate) account: Option<ServiceAccount>,
}

impl Session {
    /// The login as of now.
    ///
    /// # Errors
    /// A token file that cannot be read.
    pub(crate) fn login(&self, cx: &Context) -> Result<Login> {
        match &self.own {
            Own::Stored(login) | Own::Given(login) => Ok(login.clone()),
            Own::File(path) => read_token(cx, path).map(Login::Token),
        }
    }

    /// The credential that logs in so.
    pub(crate) fn credential(&self, login: Login) -> KubernetesCredential {
        self.cluster.credential(login)
    }
}

/// Reads a token file, as kubelet writes it.
pub(crate) fn read_token(cx: &Context, path: &Path) -> Result<Secret> {
    let text = Secret::new(cx.read_text(path).map_err(|error| error.context("the token cannot be read"))?);
    let token = text.expose().trim();
    if !is_token(token) {
        return Err(Error::invalid(format!("{} holds no token", path.display())));
    }
    Ok(Secret::new(token))
}

/// Whether a text can stand in a header as a token.
pub(crate) fn is_token(text: &str) -> bool {
    (1..=65_536).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_graphic())
}

/// When a login ends, by what it says of itself; "never" with the reason where it says nothing.
pub(crate) fn end_of(login: &Login) -> Expiry {
    match login {
        Login::Token(token) => match crate::jwt::end(token) {
            Some(end) => Expiry::At(end),
            None => Expiry::Never("the token does not say when it ends".into()),
        },
        Login::Certificate(Certificate { certificate, .. }) => {
            match crate::names::Certificates::parse(certificate).and_then(|it| it.end()) {
                Some(end) => Expiry::At(end),
                None => Expiry::Never("when the certificate ends cannot be read from it".into()),
            }
        }
        Login::Password(_) => Expiry::Never("a password does not end by itself".into()),
    }
}
