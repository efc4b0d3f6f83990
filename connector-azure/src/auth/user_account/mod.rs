//! Method `user-account`: the login of a person, made here or taken over.

mod browser;
mod device;
mod kept;

use std::sync::Arc;

use async_trait::async_trait;
use connector_core::{
    AuthMethod, Authenticated, Call, Error, Identity, Life, MethodAbout, Problem, Result, Secret, Step,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::{self, Network};
use crate::connector::Azure;
use crate::mint::person::{self, Client, Made};
use crate::mint::{Mint, Token, is_token};
use crate::names::{Audience, ClientId, TenantId};
use crate::narrowing::Narrowing;
use crate::session::{Place, Session};

/// The login of a person. Without `tenant_id` the person's own directory is meant.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UserAccount {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The directory (tenant) of Entra ID that is reached: its id, or one of its domains; by default the person's own.
    #[serde(default)]
    pub tenant_id: Option<TenantId>,
    /// The id of the program that the person logs in to, which has to be a public client; by default that of `az`, which
    /// every directory knows.
    #[serde(default)]
    pub client_id: Option<ClientId>,
    /// How the person logs in: by a code on any device, or in a browser on this machine.
    #[serde(default)]
    pub flow: LoginFlow,
    /// A login to begin with: a refresh token of that program. Auto-configuration takes over the one of `az`. A login that
    /// is made here takes its place.
    #[serde(default)]
    pub refresh_token: Option<Secret>,
}

/// How a person logs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum LoginFlow {
    /// On any device, by a code.
    #[default]
    Device,
    /// In a browser on this machine.
    Browser,
}

/// The program `az`, which is known to all directories and may ask for tokens for all of Azure's services.
pub(crate) const AZ: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

/// The directory that stands for a person's own.
const OWN: &str = "organizations";

const REFRESH_TOKEN: &str = "refresh_token";

impl UserAccount {
    /// A login that is made here, on any device.
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self { network, ..Self::default() }
    }

    /// A login that is made here, in a browser on this machine.
    #[must_use]
    pub fn in_browser(network: Network) -> Self {
        Self { network, flow: LoginFlow::Browser, ..Self::default() }
    }

    fn way(&self) -> Person {
        let id = self.client_id.clone().unwrap_or_else(az);
        let tenant = self.tenant_id.clone();
        let tenant = tenant.unwrap_or_else(|| TenantId::parse(OWN).expect("a directory of Entra ID"));
        Person { client: Client { id, tenant }, flow: self.flow, given: self.refresh_token.clone() }
    }
}

/// The id of `az`.
pub(crate) fn az() -> ClientId {
    ClientId::parse(AZ).expect("an id of Entra ID")
}

/// A person, as a way to tokens.
struct Person {
    client: Client,
    flow: LoginFlow,
    /// The login that the config began with.
    given: Option<Secret>,
}

impl Person {
    async fn log_in(&self, cx: &Call<'_>, place: &Place, audience: &Audience) -> Result<Made> {
        match self.flow {
            LoginFlow::Device => device::log_in(cx, place, &self.client, audience).await,
            LoginFlow::Browser => browser::log_in(cx, place, &self.client, audience).await,
        }
    }
}

#[async_trait]
impl Mint for Person {
    async fn token(&self, cx: &Call<'_>, place: &Place, audience: &Audience) -> Result<Token> {
        kept::token(cx, place, self, audience).await
    }
}

impl AuthMethod for UserAccount {
    const ID: &'static str = "user-account";
    const ABOUT: MethodAbout = MethodAbout::new(
        "User account",
        "Acts as a person, who logs in when the connector is registered: by a code on any device, or in a browser on this \
         machine. The login renews itself and stays with the connector; when a policy of the directory ends it, the \
         person logs in again. Each token is for one service; issuing is one call, and one more for the signature of a \
         container.",
        Life::Long,
        Identity::User,
    )
    .temporary()
    .narrows(common::NARROWS)
    .lifetime_note("tokens live as long as the directory says, an hour or a little more, and are advertised for less where less is asked")
    .warning(
        "acts as a person, whose rights are seldom few, and whose login the directory may end; programs use \
         `service-principal`, `workload-identity` or `managed-identity`",
    );
    type Connector = Azure;

    fn check(&self) -> Vec<Problem> {
        let mut problems = self.network.check();
        if self.tenant_id.as_ref().is_some_and(|it| it.as_str().eq_ignore_ascii_case("consumers")) {
            problems.push(Problem::new(
                "tenant_id",
                "no subscription is in it: name the directory of the subscription",
            ));
        }
        if self.refresh_token.as_ref().is_some_and(|it| !is_token(it)) {
            problems.push(Problem::new(
                REFRESH_TOKEN,
                "empty, or holds blanks, line ends or other characters that no token has",
            ));
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
        let place = self.network.place(cx, self.tenant_id.as_ref())?;
        common::session(cx, place, Arc::new(self.way()), narrowing).await
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let place = self.network.place(cx, self.tenant_id.as_ref())?;
        Ok(vec![person::explain(&self.way().client, &common::audience(&place, narrowing))])
    }
}

/// Nobody is there who could log in.
fn nobody(cx: &Call<'_>, error: Error) -> Error {
    error.context("there is no login to Azure, or it has ended").with_hint(match cx.terms().id.as_str() {
        "" => "register on a terminal to log in".to_owned(),
        _ => format!("run `connector verify {}` on a terminal to log in", cx.terms().name),
    })
}
