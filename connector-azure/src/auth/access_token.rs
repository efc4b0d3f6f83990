//! Method `access-token`: an access token of Entra ID that somebody else asked for.

use std::time::SystemTime;

use connector_core::{
    AuthMethod, Authenticated, Call, Error, Expiry, Identity, Life, MethodAbout, Problem, Result, Secret,
    Timestamp,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::Network;
use crate::connector::Azure;
use crate::mint::{self, Claims, Token, is_token};
use crate::names::{Audience, Cloud, TenantId};
use crate::narrowing::Narrowing;
use crate::session::Session;

/// An access token of Entra ID that was made elsewhere.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AccessToken {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The directory (tenant) of Entra ID that the token is of; by default the token tells it.
    #[serde(default)]
    pub tenant_id: Option<TenantId>,
    /// The access token, such as `az account get-access-token --query accessToken -o tsv` prints. It is for one service:
    /// that command's is for Resource Manager, unless `--resource` names another.
    pub token: Secret,
    /// When it ends, as RFC 3339 (`2026-11-22T03:36:43Z`).
    pub expires_at: Timestamp,
    /// The service that it is for, such as `https://storage.azure.com`. Left out where the token says so itself, as
    /// nearly all do.
    #[serde(default)]
    #[schemars(extend(
        "pattern" = "^((https|api)://[^\\s]+|[0-9A-Fa-f-]{36})$",
        "maxLength" = 512,
        "x-form" = "the URL or the id of a service of Entra ID",
        "examples" = ["https://storage.azure.com"],
    ))]
    pub audience: Option<String>,
}

const TOKEN: &str = "token";
const AUDIENCE: &str = "audience";
const NEW_ONE: &str = "update the connector with a new one: token=@FILE expires_at=TIME";

impl AccessToken {
    /// A token that says itself what it is for, and its end.
    #[must_use]
    pub fn new(network: Network, token: impl Into<Secret>, expires_at: Timestamp) -> Self {
        Self { network, tenant_id: None, token: token.into(), expires_at, audience: None }
    }

    /// What the token says of itself, as far as it is one that others can read.
    fn claims(&self) -> Claims {
        mint::claims(&self.token).unwrap_or_default()
    }

    /// The service that the token is for.
    fn audience(&self, cloud: Cloud) -> Result<Audience> {
        let said = self.audience.as_deref().map(|it| Audience::of_claim(it, cloud)).transpose();
        let said = said.map_err(|error| Error::field(AUDIENCE, error.message()))?;
        let own = self.claims().aud;
        // What is no name of a service is an application's own: its tokens are for nothing that is reached here.
        let own = own.map(|it| Audience::of_claim(&it, cloud)).transpose();
        let own = own.map_err(|_| Error::field(TOKEN, "is for something that is no service of Azure's"))?;
        match (said, own) {
            (Some(said), Some(own)) if said != own => Err(Error::field(
                AUDIENCE,
                format!("the token itself says that it is for {own}: leave this out"),
            )),
            (_, Some(own)) => Ok(own),
            (Some(said), None) => Ok(said),
            (None, None) => Err(Error::field(
                AUDIENCE,
                "missing: the token does not say what it is for, so name the service, such as https://management.azure.com",
            )),
        }
    }

    /// Its end: what the config says, or the token itself where that is earlier.
    fn end(&self) -> SystemTime {
        self.claims().end().map_or(self.expires_at.0, |own| own.min(self.expires_at.0))
    }
}

impl AuthMethod for AccessToken {
    const ID: &'static str = "access-token";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Access token",
        "Passes on an access token of Entra ID that was made elsewhere. It is for one service, and nothing is issued for \
         another; one for Resource Manager is taken by registries, too. It ends when it ends, an hour or so after it was \
         made; then the connector issues nothing until it is updated.",
        Life::Short,
        Identity::Service,
    )
    .temporary()
    .lifetime_note("what is left of the token")
    .warning("hands on everything that the token may do, and cannot renew it");
    type Connector = Azure;

    fn check(&self) -> Vec<Problem> {
        let mut problems = self.network.check();
        if self.token.expose().contains("PRIVATE KEY") {
            problems.push(Problem::new(TOKEN, "this is a private key: use method `service-principal`"));
            return problems;
        }
        if !is_token(&self.token) {
            problems.push(Problem::new(
                TOKEN,
                "empty, or holds blanks, line ends or other characters that no token has",
            ));
            return problems;
        }
        if let Err(error) = self.audience(self.network.cloud()) {
            problems.extend(error.field_problems().iter().cloned());
        }
        let (own, said) = (self.claims().tid, self.tenant_id.as_ref());
        let other =
            |own: &String| said.is_some_and(|it| it.is_id() && !it.as_str().eq_ignore_ascii_case(own));
        if own.as_ref().is_some_and(other) {
            problems.push(Problem::new(
                "tenant_id",
                "the token is of another directory: leave this out, or take its id",
            ));
        }
        problems
    }

    fn scope(&self) -> Option<&str> {
        self.network.scope()
    }

    fn expires_at(&self) -> Option<SystemTime> {
        Some(self.end())
    }

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&Narrowing>) -> Result<Authenticated<Session>> {
        let mut place = self.network.place(cx, self.tenant_id.as_ref())?;
        let audience = self.audience(place.cloud)?;
        let end = self.end();
        if end <= cx.now() {
            return Err(Error::expired("the stored access token has ended").with_hint(NEW_ONE));
        }
        place.tenant = place.tenant.or_else(|| TenantId::parse(self.claims().tid?).ok());
        let token = Token { secret: self.token.clone(), expiry: Expiry::At(end) };
        let expiry = token.expiry.clone();
        Ok(Authenticated::new(Session::of_token(place, audience, token), expiry).not_narrowed(AS_IT_IS))
    }
}

/// Why it is as wide as it is.
const AS_IT_IS: &str = "a token that was made elsewhere is passed on as it is: it may do all that its identity may at \
    its service";
