//! Method `managed-identity`: the identity that Azure gave to the machine.

use std::sync::Arc;

use async_trait::async_trait;
use connector_core::{
    AuthMethod, Authenticated, Call, Context, Identity, Life, MethodAbout, Origin, OriginState, Problem,
    Result, Step,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::common::{self, Network};
use crate::connector::Azure;
use crate::mint::machine::{self, Chosen, Endpoint, Failure};
use crate::mint::{Mint, Token};
use crate::names::{Audience, ClientId, IdentityId, TenantId};
use crate::narrowing::Narrowing;
use crate::session::{Place, Session};
use crate::surroundings::Authority;

/// The identity of the machine of Azure's that the connector runs on.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ManagedIdentity {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The directory (tenant) of Entra ID that the machine is in; by default its token tells it.
    #[serde(default)]
    pub tenant_id: Option<TenantId>,
    /// The client id of the identity, where the machine has several; by default the machine's own.
    #[serde(default)]
    pub client_id: Option<ClientId>,
    /// The id of the identity in Resource Manager. In place of `client_id`.
    #[serde(default)]
    pub identity_resource_id: Option<IdentityId>,
}

impl ManagedIdentity {
    /// The machine's own identity.
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self { network, ..Self::default() }
    }

    /// The identity with this client id.
    #[must_use]
    pub fn with_client_id(network: Network, client_id: ClientId) -> Self {
        Self { network, client_id: Some(client_id), ..Self::default() }
    }

    fn chosen(&self) -> Chosen {
        match (&self.client_id, &self.identity_resource_id) {
            (Some(id), _) => Chosen::Client(id.clone()),
            (None, Some(id)) => Chosen::Resource(id.clone()),
            (None, None) => Chosen::Own,
        }
    }
}

/// An identity of the machine, as a way to tokens.
pub(super) struct Machine {
    endpoint: Endpoint,
    chosen: Chosen,
}

impl Machine {
    /// One whose endpoint is there.
    pub(super) fn at(endpoint: Endpoint, chosen: Chosen) -> Self {
        Self { endpoint: endpoint.surely(), chosen }
    }
}

#[async_trait]
impl Mint for Machine {
    async fn token(&self, cx: &Call<'_>, place: &Place, audience: &Audience) -> Result<Token> {
        let token = machine::token(cx, place, &self.endpoint, &self.chosen, audience).await;
        token.map_err(Failure::into_error)
    }
}

impl AuthMethod for ManagedIdentity {
    const ID: &'static str = "managed-identity";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Managed identity",
        "Uses the identity that Azure gave to the machine: to a virtual machine, to an App Service, a function or a \
         container app, to a machine elsewhere that Azure Arc knows. There is no secret anywhere. Each token is for one \
         service; issuing is one call on this machine, and one more for the signature of a container.",
        Life::None,
        Identity::Workload,
    )
    .temporary()
    .narrows(common::NARROWS)
    .lifetime_note("tokens live up to a day; the machine keeps them, and hands the same one out until shortly before its end")
    .implicit()
    .warning(
        "a connector on this machine does not work on another host, unless that has the identity too; whoever may use \
         it acts as this machine",
    );
    type Connector = Azure;

    fn check(&self) -> Vec<Problem> {
        let mut problems = self.network.check();
        if self.client_id.is_some() && self.identity_resource_id.is_some() {
            problems.push(Problem::new(
                "identity_resource_id",
                "stands beside `client_id`: leave one out, so that it is clear which identity is meant",
            ));
        }
        problems
    }

    fn scope(&self) -> Option<&str> {
        self.network.scope()
    }

    fn identity(stored: &Map<String, Value>, cx: &Context) -> Result<String> {
        let named = stored.get("endpoints").and_then(|it| it.get("identity")).is_some();
        if !cx.implicit() || named {
            // Switched off, or told by the config, nothing is looked at.
            return Ok(String::new());
        }
        Ok(Endpoint::of(cx, &Place::default())?.identity())
    }

    async fn authenticate(
        &self,
        cx: &Call<'_>,
        narrowing: Option<&Narrowing>,
    ) -> Result<Authenticated<Session>> {
        let place = self.network.place(cx, self.tenant_id.as_ref())?;
        let way = Machine::at(Endpoint::of(cx, &place)?, self.chosen());
        common::session(cx, place, Arc::new(way), narrowing).await
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let place = self.network.place(cx, self.tenant_id.as_ref())?;
        Ok(vec![machine::explain(&self.chosen(), &common::audience(&place, narrowing))])
    }

    fn origins(&self, cx: &Context) -> Vec<Origin> {
        let endpoint =
            self.network.place(cx, self.tenant_id.as_ref()).and_then(|place| Endpoint::of(cx, &place));
        let (state, detail) = match endpoint {
            Ok(endpoint) => (OriginState::Asked, endpoint.shown()),
            Err(error) => (OriginState::Broken, error.message().to_owned()),
        };
        vec![Origin::new(PLACE, state, detail)]
    }
}

/// The place that is asked, for people.
pub(super) const PLACE: &str = "the machine's identity endpoint";

/// Whether the machine has an identity: where it is asked for, for people. One call, where only that tells.
///
/// # Errors
/// Endpoints that are not spoken to, and several identities of which none is named.
pub(crate) async fn machine_identity(cx: &Context, client: Option<&ClientId>) -> Result<Option<String>> {
    let cloud = Authority::read(cx)?.cloud.unwrap_or_default();
    let place = Place { cloud, ..Place::default() };
    let endpoint = Endpoint::of(cx, &place)?;
    let shown = endpoint.shown();
    if !matches!(endpoint, Endpoint::Imds { .. }) {
        return Ok(Some(shown));
    }
    let chosen = client.map_or(Chosen::Own, |it| Chosen::Client(it.clone()));
    match machine::token(&Call::new(cx, None), &place, &endpoint, &chosen, &place.resource_manager()).await {
        Ok(_) => Ok(Some(shown)),
        Err(Failure::Absent(_) | Failure::Nobody(_)) => Ok(None),
        Err(Failure::Other(error)) => Err(error),
    }
}
