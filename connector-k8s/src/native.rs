//! What Rust programs take: a `kube::Client` that asks its source for the login with every request, and a
//! `kube::Config` as of now.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Builds, Error, Issued, Result, Source};
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Response, StatusCode, Uri};
use kube::client::{Body, ClientBuilder};
use kube::{Client, Config};

use crate::api::authorization;
use crate::credential::{Certificate, KubernetesCredential, Login, Password, Trust};
use crate::names::{Certificates, ServerUrl};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A client that goes on when a credential ends: each request carries the login that is good then. When the
/// server takes one no more (401), another one is asked for and the request is sent once more. Where the
/// cluster is stays as it was; a connector that was moved elsewhere needs a new client.
///
/// Needs a Tokio runtime, as every `kube::Client` does, and goes straight to the server: it uses no proxy.
impl Builds<Client> for KubernetesCredential {
    async fn build(source: Source<Self>) -> Result<Client> {
        let issued = source.issue().await?;
        let wire = Wire::new(issued)?;
        let renewing = Arc::new(Renewing { source, wire: Mutex::new(wire) });
        let service = tower::service_fn(move |request: Request<Body>| {
            let renewing = Arc::clone(&renewing);
            async move { renewing.send(request).await }
        });
        Ok(Client::new(service, "default"))
    }
}

/// The place and the login as of now. A `kube::Config` cannot be told of a later token: what is made of this one
/// stops when the credential ends. Prefer `kube::Client`, which goes on.
impl Builds<Config> for KubernetesCredential {
    async fn build(source: Source<Self>) -> Result<Config> {
        let issued = source.issue().await?;
        let mut config = place(&issued.credential)?;
        let auth = &mut config.auth_info;
        match &issued.credential.login {
            Login::Token(token) => auth.token = Some(token.expose().to_owned().into()),
            Login::Password(Password { username, password }) => {
                auth.username = Some(username.clone());
                auth.password = Some(password.expose().to_owned().into());
            }
            // Where it is shown is in TLS, so it is a part of the place.
            Login::Certificate(_) => {}
        }
        Ok(config)
    }
}

/// Where the cluster is and whom to trust there, with the client certificate if there is one.
fn place(credential: &KubernetesCredential) -> Result<Config> {
    let wrong = |field: &str| Error::field(field, "the credential cannot be used as it is");
    let server = ServerUrl::parse(&credential.server)?;
    if let Some(problem) = server.problem("server") {
        return Err(Error::problems(problem.to_string(), vec![problem]));
    }
    let mut config = Config::new(server.as_str().parse::<Uri>().map_err(|_| wrong("server"))?);
    match &credential.trust {
        Trust::System => {}
        Trust::Authority(pem) => {
            let read = Certificates::parse(pem).ok_or_else(|| wrong("certificate_authority"))?;
            config.root_cert = Some(read.to_der());
        }
        Trust::Anybody => config.accept_invalid_certs = true,
    }
    config.tls_server_name.clone_from(&credential.tls_server_name);
    if let Login::Certificate(Certificate { certificate, key }) = &credential.login {
        config.auth_info.client_certificate_data = Some(STANDARD.encode(certificate));
        config.auth_info.client_key_data = Some(STANDARD.encode(key.expose()).into());
    }
    Ok(config)
}

/// A way to the cluster, and the credential that it was made for.
#[derive(Clone)]
struct Wire {
    issued: Arc<Issued<KubernetesCredential>>,
    client: Client,
}

impl Wire {
    fn new(issued: Arc<Issued<KubernetesCredential>>) -> Result<Self> {
        let builder = ClientBuilder::try_from(place(&issued.credential)?);
        let builder = builder.map_err(|error| {
            Error::invalid(
                "no client can be made of the credential: its certificates or its key are not readable",
            )
            .with_source(error)
        })?;
        Ok(Self { issued, client: builder.build() })
    }

    /// Whether it goes where `credential` is good.
    fn is_of(&self, credential: &KubernetesCredential) -> bool {
        let ours = &self.issued.credential;
        (&ours.server, &ours.trust, &ours.tls_server_name)
            == (&credential.server, &credential.trust, &credential.tls_server_name)
    }

    /// Whether it shows what `issued` logs in with: a certificate belongs to the connection, the rest to a request.
    fn shows(&self, issued: &Arc<Issued<KubernetesCredential>>) -> bool {
        let has_certificate =
            |it: &Issued<KubernetesCredential>| matches!(it.credential.login, Login::Certificate(_));
        Arc::ptr_eq(&self.issued, issued) || !has_certificate(&self.issued) && !has_certificate(issued)
    }
}

struct Renewing {
    source: Source<KubernetesCredential>,
    wire: Mutex<Wire>,
}

impl fmt::Debug for Renewing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewing")
    }
}

impl Renewing {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let (parts, body) = request.into_parts();
        let again = body.try_clone().map(|body| Request::from_parts(parts.clone(), body));
        let issued = self.source.issue().await?;
        let answer = self.send_as(&issued, Request::from_parts(parts, body)).await?;
        let Some(request) = again.filter(|_| answer.status() == StatusCode::UNAUTHORIZED) else {
            return Ok(answer);
        };
        self.source.refused(&issued);
        let fresh = self.source.issue().await?;
        if Arc::ptr_eq(&fresh, &issued) {
            return Ok(answer);
        }
        self.send_as(&fresh, request).await
    }

    async fn send_as(
        &self,
        issued: &Arc<Issued<KubernetesCredential>>,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, BoxError> {
        if let Some(header) = authorization(&issued.credential.login) {
            let header = HeaderValue::from_str(header.expose());
            let mut header = header.map_err(|_| Error::unexpected("the login cannot stand in a header"))?;
            header.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        Ok(self.client(issued)?.send(request).await?)
    }

    /// The way to the cluster, made anew where a certificate was replaced.
    fn client(&self, issued: &Arc<Issued<KubernetesCredential>>) -> Result<Client> {
        let mut wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        if !wire.is_of(&issued.credential) {
            return Err(Error::refused(
                "the connector was changed to another server, or to trust somebody else there",
            )
            .with_hint("make a new client: this one still goes to the old place"));
        }
        if !wire.shows(issued) {
            *wire = Wire::new(Arc::clone(issued))?;
        }
        Ok(wire.client.clone())
    }
}

#[cfg(test)]
#[path = "native_tests.rs"]
mod tests;
