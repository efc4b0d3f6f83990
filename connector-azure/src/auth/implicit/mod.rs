//! Method `implicit`: the identity of the machine that the connector runs on, or of who works there.

mod az;
mod chain;

use connector_core::{
    AuthMethod, Authenticated, Call, Context, EndpointUrl, Identity, Life, MethodAbout, Origin, Problem,
    Result, Step,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::common::{self, Network};
use crate::connector::Azure;
use crate::names::{ClientId, SubscriptionId, TenantId};
use crate::narrowing::Narrowing;
use crate::session::{Place, Session};

/// The identity of the machine that the connector runs on, or of who logged in with `az` there.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Implicit {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The directory (tenant) of Entra ID, its id or one of its domains, in place of the one that is found.
    #[serde(default)]
    pub tenant_id: Option<TenantId>,
    /// The client id of the identity, where the machine has several, or of the application that a token of elsewhere
    /// stands for; by default that of AZURE_CLIENT_ID, or the machine's own.
    #[serde(default)]
    pub client_id: Option<ClientId>,
}

impl Implicit {
    /// Whatever is found.
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self { network, ..Self::default() }
    }

    fn wanted(&self) -> chain::Wanted<'_> {
        chain::Wanted {
            tenant: self.tenant_id.clone(),
            subscription: self.network.scope().and_then(|it| SubscriptionId::parse(it).ok()),
            client: self.client_id.as_ref().map(std::borrow::Cow::Borrowed),
            says_cloud: self.network.says_cloud(),
            says_endpoint: self.network.says_identity(),
        }
    }
}

impl AuthMethod for Implicit {
    const ID: &'static str = "implicit";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Implicit",
        "Uses the identity that is at hand, in the order of Azure's libraries: an application in the environment \
         (AZURE_CLIENT_ID with AZURE_TENANT_ID and AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH), the workload \
         identity that AZURE_FEDERATED_TOKEN_FILE names, the machine's managed identity, the login of `az`. The files of \
         `az` are read where they can be; where only `az` can read them it is run, if the connector has `allow: \
         [exec]`. A source that is there but broken is an error; it is never passed over for another identity.",
        Life::None,
        Identity::Workload,
    )
    .temporary()
    .narrows(common::NARROWS)
    .lifetime_note("what is found lives as long as it lives: an hour or so, up to a day for a managed identity")
    .implicit()
    .warning(
        "a connector on this machine does not work on another host or in a container, and on a remote broker it \
         needs the same identity; whoever may use it acts as this machine, or as who logged in with az",
    );
    type Connector = Azure;

    fn check(&self) -> Vec<Problem> {
        self.network.check()
    }

    fn scope(&self) -> Option<&str> {
        self.network.scope()
    }

    fn identity(stored: &Map<String, Value>, cx: &Context) -> Result<String> {
        if !cx.implicit() {
            // Switched off, nothing is looked at.
            return Ok(String::new());
        }
        let text = |name: &str| stored.get(name).and_then(Value::as_str);
        let wanted = chain::Wanted {
            tenant: text("tenant_id").and_then(|it| TenantId::parse(it).ok()),
            subscription: text("subscription_id").and_then(|it| SubscriptionId::parse(it).ok()),
            client: text("client_id").and_then(|it| ClientId::parse(it).ok()).map(std::borrow::Cow::Owned),
            says_cloud: ["cloud", "authority_url", "endpoint_url"].iter().any(|it| stored.contains_key(*it)),
            says_endpoint: stored.get("endpoints").is_some_and(|it| it.get("identity").is_some()),
        };
        // One server in place of all of Azure's stands in for the machine's, too: whether az is asked goes by that.
        let endpoint_url = text("endpoint_url").and_then(|it| EndpointUrl::parse(it).ok());
        chain::describe(cx, &Place { endpoint_url, ..Place::default() }, &wanted)
    }

    async fn authenticate(
        &self,
        cx: &Call<'_>,
        narrowing: Option<&Narrowing>,
    ) -> Result<Authenticated<Session>> {
        chain::find(cx, self.network.place(cx, self.tenant_id.as_ref())?, &self.wanted(), narrowing).await
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let place = self.network.place(cx, self.tenant_id.as_ref())?;
        if cx.implicit() { chain::explain(cx, place, &self.wanted(), narrowing) } else { Ok(Vec::new()) }
    }

    fn origins(&self, cx: &Context) -> Vec<Origin> {
        let place = self.network.place(cx, self.tenant_id.as_ref()).unwrap_or_default();
        chain::origins(cx, &place, &self.wanted())
    }
}
