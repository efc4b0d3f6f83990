//! Method `service-account`: the key of a service account.

use connector_core::{
    AuthMethod, Authenticated, Call, Identity, Life, Lifetime, MethodAbout, Problem, Result, Step,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::{JsonFile, Network, OfFile, scopes_or_usual};
use super::{finish, token};
use crate::connector::Gcp;
use crate::file::ServiceAccountKey;
use crate::names::Scope;
use crate::narrowing::Narrowing;
use crate::session::Session;

/// The key of a service account.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ServiceAccount {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The key file of the service account: its JSON text, or that in base64.
    pub service_account_json: JsonFile<ServiceAccountKey>,
    /// What tokens may be used for; by default everything that the account may, and its name.
    #[serde(default)]
    pub scopes: Vec<Scope>,
}

/// What Google gives for a key: an hour, whatever is asked.
pub(super) const AN_HOUR: Lifetime = Lifetime::seconds(1, 3600, 3600);

impl ServiceAccount {
    /// A key, for all that its account may.
    #[must_use]
    pub fn new(key: JsonFile<ServiceAccountKey>) -> Self {
        Self { network: Network::default(), service_account_json: key, scopes: Vec::new() }
    }

    /// The same with a place of its own.
    #[must_use]
    pub fn with_network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    fn key(&self) -> Result<&ServiceAccountKey> {
        self.service_account_json.value(FIELD)
    }
}

const FIELD: &str = "service_account_json";

/// Why a key is not enough outside the public cloud.
pub(super) const NEEDS_KEY_ID: &str = "lacks `private_key_id`, without which tokens that the key signs itself are not \
    taken: download the key again";

/// In universes of their own the key signs the tokens themselves, and services look for the key by its id.
pub(super) fn lacks_key_id(network: &Network, key: &ServiceAccountKey) -> bool {
    key.key_id.is_none() && !network.universe_is_default(key.universe.as_ref())
}

/// What a key says of its place.
pub(super) fn place_of(key: &ServiceAccountKey) -> OfFile<'_> {
    OfFile {
        project: key.project.as_ref(),
        quota_project: key.quota_project.as_ref(),
        universe: key.universe.as_ref(),
        urls: key.urls(),
        field: Some(FIELD),
    }
}

impl AuthMethod for ServiceAccount {
    const ID: &'static str = "service-account";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Service account",
        "Makes access tokens of a service account with its key. The key never leaves the connector. Issuing is one \
         call, and one more for a token that is narrowed to a bucket.",
        Life::Long,
        Identity::Service,
    )
    .temporary()
    .narrows(finish::NARROWS)
    .lifetime(AN_HOUR)
    .lifetime_note("tokens live an hour at Google's, and are advertised for less where less is asked");
    type Connector = Gcp;

    fn check(&self) -> Vec<Problem> {
        let fault = self.service_account_json.fault(FIELD);
        // A key that cannot be read names no project either: one fault is enough.
        match (fault, self.service_account_json.get()) {
            (None, Some(key)) => {
                let unsigned = lacks_key_id(&self.network, key).then(|| Problem::new(FIELD, NEEDS_KEY_ID));
                self.network.check_file(&place_of(key)).into_iter().chain(unsigned).collect()
            }
            (fault, _) => fault.into_iter().chain(self.network.check()).collect(),
        }
    }

    fn narrows(&self) -> Option<&'static str> {
        let universe = self.service_account_json.get().and_then(|key| key.universe.as_ref());
        finish::narrows(&self.scopes, self.network.universe_is_default(universe))
    }

    fn scope(&self) -> Option<&str> {
        let of_file = self.service_account_json.get().and_then(|key| key.project.as_ref());
        self.network.project().or(of_file).map(|it| it.as_str())
    }

    async fn authenticate(
        &self,
        cx: &Call<'_>,
        narrowing: Option<&Narrowing>,
    ) -> Result<Authenticated<Session>> {
        let key = self.key()?;
        let place = self.network.place(cx, &place_of(key))?;
        let minted = token::of_key(cx, &place, key, &scopes_or_usual(&self.scopes)).await?;
        finish::session(cx, place, minted, narrowing).await
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let key = self.key()?;
        let place = self.network.place(cx, &place_of(key))?;
        let first = token::explain_key(&place, key, &scopes_or_usual(&self.scopes));
        Ok(first.into_iter().chain(finish::explain(&place, narrowing)?).collect())
    }
}
