//! Method `service-principal`: an application with a secret or a certificate.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use connector_core::{
    AuthMethod, Authenticated, Call, Error, Identity, Life, MethodAbout, Problem, Result, Secret, Step,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

use super::common::{self, Network};
use crate::certificate;
use crate::connector::Azure;
use crate::mint::{self, Mint, Proof, Signer, Token};
use crate::names::{Audience, ClientId, TenantId};
use crate::narrowing::Narrowing;
use crate::session::{Place, Session};

/// An application of the directory, with its secret or its certificate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ServicePrincipal {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The directory (tenant) of Entra ID that the application is in: its id, or one of its domains.
    pub tenant_id: TenantId,
    /// The id of the application (client).
    pub client_id: ClientId,
    /// A secret of the application: its value, not its id.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// A certificate of the application with its private key, without a passphrase: PEM text, or that in
    /// base64. In place of `client_secret`.
    #[serde(default)]
    pub client_certificate: Option<Certificate>,
}

const SECRET: &str = "client_secret";
const CERTIFICATE: &str = "client_certificate";

impl ServicePrincipal {
    /// An application with a secret.
    #[must_use]
    pub fn with_secret(network: Network, tenant_id: TenantId, client_id: ClientId, secret: Secret) -> Self {
        Self { network, tenant_id, client_id, client_secret: Some(secret), client_certificate: None }
    }

    /// An application with a certificate.
    #[must_use]
    pub fn with_certificate(
        network: Network,
        tenant_id: TenantId,
        client_id: ClientId,
        certificate: Certificate,
    ) -> Self {
        Self { network, tenant_id, client_id, client_secret: None, client_certificate: Some(certificate) }
    }

    fn key(&self) -> Result<Key> {
        match (&self.client_secret, &self.client_certificate) {
            (Some(secret), None) => Ok(Key::Secret(secret.clone())),
            (None, Some(certificate)) => certificate.signer().map(Key::Certificate),
            _ => Err(Error::field(SECRET, "expected it or `client_certificate`, and not both")),
        }
    }
}

/// A certificate and its key, right or wrong: what is wrong is told when the config is checked, because serde would
/// tell that something is wrong and not what.
#[derive(Clone)]
pub struct Certificate(Result<Arc<Signer>>);

impl Certificate {
    /// Reads PEM text, or a file in base64.
    ///
    /// # Errors
    /// Invalid input that says what is wrong, and quotes nothing.
    pub fn parse(text: &Secret) -> Result<Self> {
        certificate::read(text).map(|signer| Self(Ok(Arc::new(signer))))
    }

    fn fault(&self) -> Option<Problem> {
        let error = self.0.as_ref().err()?;
        let hint = error.hint().map(|it| format!(": {it}")).unwrap_or_default();
        Some(Problem::new(CERTIFICATE, format!("{}{hint}", error.message())))
    }

    fn signer(&self) -> Result<Arc<Signer>> {
        self.0.as_ref().map(Arc::clone).map_err(|error| Error::field(CERTIFICATE, error.message()))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[HIDDEN]")
    }
}

impl<'de> Deserialize<'de> for Certificate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Secret::deserialize(from).map(|text| Self(certificate::read(&text).map(Arc::new)))
    }
}

impl JsonSchema for Certificate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Secret::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Secret::json_schema(generator)
    }
}

/// What an application proves itself with.
pub(super) enum Key {
    Secret(Secret),
    Certificate(Arc<Signer>),
}

/// An application of a directory, as a way to tokens.
pub(super) struct Application {
    pub(super) tenant: TenantId,
    pub(super) client: ClientId,
    pub(super) key: Key,
}

#[async_trait]
impl Mint for Application {
    async fn token(&self, cx: &Call<'_>, place: &Place, audience: &Audience) -> Result<Token> {
        let proof = match &self.key {
            Key::Secret(secret) => Proof::Secret(secret),
            Key::Certificate(signer) => Proof::Certificate(signer),
        };
        mint::client_credentials(cx, place, &self.tenant, &self.client, proof, audience).await
    }
}

impl AuthMethod for ServicePrincipal {
    const ID: &'static str = "service-principal";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Service principal",
        "Makes access tokens of an application with its secret or its certificate, which never leave the connector. \
         A certificate is safer than a secret: what is sent is a proof that is good for ten minutes and one endpoint. \
         Each token is for one service; issuing is one call, and one more for the signature of a container.",
        Life::Long,
        Identity::Service,
    )
    .temporary()
    .narrows(common::NARROWS)
    .lifetime_note("tokens live as long as the directory says, an hour or a little more, and are advertised for less where less is asked");
    type Connector = Azure;

    fn check(&self) -> Vec<Problem> {
        let mut problems = self.network.check_with(&self.tenant_id);
        problems.extend(self.client_certificate.as_ref().and_then(Certificate::fault));
        match (&self.client_secret, &self.client_certificate) {
            (None, None) => problems.push(Problem::new(
                SECRET,
                "missing: give it, or `client_certificate`, to prove who the application is",
            )),
            (Some(_), Some(_)) => problems.push(Problem::new(
                CERTIFICATE,
                "stands beside `client_secret`: leave one out, so that it is clear which one is used",
            )),
            (Some(secret), None) if secret.expose().trim().is_empty() => {
                problems.push(Problem::new(SECRET, "is empty"));
            }
            _ => {}
        }
        problems
    }

    fn scope(&self) -> Option<&str> {
        self.network.scope()
    }

    async fn authenticate(
        &self,
        cx: &Call<'_>,
        narrowing: Option<&Narrowing>,
    ) -> Result<Authenticated<Session>> {
        let place = self.network.place(cx, Some(&self.tenant_id))?;
        let tenant = self.tenant_id.clone();
        let way = Application { tenant, client: self.client_id.clone(), key: self.key()? };
        common::session(cx, place, Arc::new(way), narrowing).await
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let place = self.network.place(cx, Some(&self.tenant_id))?;
        let proof = match self.key()? {
            Key::Secret(_) => SECRET,
            Key::Certificate(_) => "client_assertion",
        };
        Ok(common::explain(&place, self.client_id.as_str(), proof, narrowing))
    }
}
