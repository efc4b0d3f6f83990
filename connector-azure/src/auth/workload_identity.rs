//! Method `workload-identity`: a token of elsewhere that an application of the directory trusts.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use connector_core::{
    AuthMethod, Authenticated, Call, Context, Error, Identity, Life, MethodAbout, Problem, Result, Secret,
    Step, Trust, is_absolute,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::common::{self, Network};
use crate::connector::Azure;
use crate::mint::{self, Mint, Proof, Token, is_token};
use crate::names::{Audience, ClientId, TenantId};
use crate::narrowing::Narrowing;
use crate::session::{Place, Session};

/// An application that trusts tokens of elsewhere: of Kubernetes, GitHub, another cloud.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WorkloadIdentity {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The directory (tenant) of Entra ID that the application is in: its id, or one of its domains.
    pub tenant_id: TenantId,
    /// The id of the application (client), or the client id of a managed identity, that has the federated credential.
    pub client_id: ClientId,
    /// The absolute path of the file that holds the token, read for each call since it is replaced from time to
    /// time. This or `federated_token`.
    #[serde(default)]
    pub federated_token_file: Option<String>,
    /// The token itself. This or `federated_token_file`.
    #[serde(default)]
    pub federated_token: Option<Secret>,
}

const FILE: &str = "federated_token_file";
const TOKEN: &str = "federated_token";
const EITHER: &str = "give `federated_token_file` or `federated_token`";

impl WorkloadIdentity {
    /// An application, and the file that the token is read from.
    #[must_use]
    pub fn new(
        network: Network,
        tenant_id: TenantId,
        client_id: ClientId,
        token_file: impl Into<String>,
    ) -> Self {
        Self {
            network,
            tenant_id,
            client_id,
            federated_token_file: Some(token_file.into()),
            federated_token: None,
        }
    }

    fn subject(&self) -> Result<Subject> {
        match (&self.federated_token_file, &self.federated_token) {
            (Some(path), None) => Ok(Subject::File(path.clone())),
            (None, Some(token)) => Ok(Subject::Token(token.clone())),
            _ => Err(Error::field(FILE, EITHER)),
        }
    }
}

/// Where the token of elsewhere is.
pub(super) enum Subject {
    File(String),
    Token(Secret),
}

impl Subject {
    /// Reads it anew: whoever writes the file replaces it in time.
    fn read(&self, cx: &Context) -> Result<Secret> {
        let (token, place) = match self {
            Self::File(path) => {
                let text = cx.read_text(Path::new(path)).map(Secret::new);
                let text = text.map_err(|error| error.context("the federated token cannot be read"))?;
                (Secret::new(text.expose().trim()), path.as_str())
            }
            Self::Token(token) => (token.clone(), TOKEN),
        };
        match is_token(&token) {
            true => Ok(token),
            false => Err(Error::invalid(format!("{place} holds no token"))
                .with_hint("a token is one word; check whatever writes it")),
        }
    }
}

/// An application that shows a token of elsewhere, as a way to tokens.
pub(super) struct Federated {
    pub(super) tenant: TenantId,
    pub(super) client: ClientId,
    pub(super) subject: Subject,
}

#[async_trait]
impl Mint for Federated {
    async fn token(&self, cx: &Call<'_>, place: &Place, audience: &Audience) -> Result<Token> {
        let subject = self.subject.read(cx)?;
        let proof = Proof::Federated(&subject);
        mint::client_credentials(cx, place, &self.tenant, &self.client, proof, audience).await
    }
}

impl AuthMethod for WorkloadIdentity {
    const ID: &'static str = "workload-identity";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Workload identity",
        "Shows Entra ID a token of elsewhere (of a Kubernetes service account, a GitHub job, any OpenID provider that \
         the application trusts) in place of a secret. No secret of Azure's is involved. Each token is for one service; \
         issuing is one call, and one more for the signature of a container.",
        Life::Short,
        Identity::Workload,
    )
    .temporary()
    .narrows(common::NARROWS)
    .lifetime_note("tokens live as long as the directory says, an hour or a little more, and are advertised for less where less is asked");
    type Connector = Azure;

    fn check(&self) -> Vec<Problem> {
        let mut problems = self.network.check_with(&self.tenant_id);
        match (&self.federated_token_file, &self.federated_token) {
            (None, None) => problems.push(Problem::new(FILE, format!("missing: {EITHER}"))),
            (Some(_), Some(_)) => problems.push(Problem::new(
                TOKEN,
                "stands beside `federated_token_file`: leave one out, so that it is clear which one is used",
            )),
            (Some(path), None) if !is_absolute(path) => {
                problems.push(Problem::new(FILE, "expected an absolute path"));
            }
            (None, Some(token)) if !is_token(token) => problems.push(Problem::new(
                TOKEN,
                "empty, or holds blanks, line ends or other characters that no token has",
            )),
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
        let way = Federated { tenant, client: self.client_id.clone(), subject: self.subject()? };
        common::session(cx, place, Arc::new(way), narrowing).await
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let place = self.network.place(cx, Some(&self.tenant_id))?;
        Ok(common::explain(&place, self.client_id.as_str(), "client_assertion", narrowing))
    }

    /// The federated credential that the application has to have, as `az ad app federated-credential create` takes it.
    async fn trust(&self, cx: &Call<'_>) -> Result<Option<Trust>> {
        let claims = mint::claims(&self.subject()?.read(cx)?);
        let (Some(issuer), Some(subject), Some(audience)) =
            claims.map_or((None, None, None), |it| (it.iss, it.sub, it.aud))
        else {
            return Err(Error::invalid("the federated token is no JWT with `iss`, `sub` and `aud`"));
        };
        let policy = json!({
            "name": "connector", "issuer": issuer, "subject": subject, "audiences": [audience],
        });
        let target = format!("the federated credentials of the application {}", self.client_id);
        Ok(Some(Trust::new(subject, policy, target)))
    }
}
