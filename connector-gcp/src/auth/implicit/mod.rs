//! Method `implicit`: the identity of the machine that the connector runs on.

mod chain;
mod metadata;

use connector_core::{
    AuthMethod, Authenticated, Call, Context, Identity, Life, Lifetime, MethodAbout, Origin, Problem, Result,
    Step,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::common::{Network, OfFile, scopes_or_usual};
use super::finish;
use crate::connector::Gcp;
use crate::names::Scope;
use crate::narrowing::Narrowing;
use crate::session::Session;

pub(crate) use metadata::answers as metadata_answers;

/// The identity of the machine that the connector runs on.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Implicit {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// What tokens may be used for; by default everything that the account may, and its name. Logins of people and
    /// virtual machines have the scopes that they were set up with.
    #[serde(default)]
    pub scopes: Vec<Scope>,
}

impl Implicit {
    /// Whatever is found.
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self { network, scopes: Vec::new() }
    }
}

impl AuthMethod for Implicit {
    const ID: &'static str = "implicit";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Implicit",
        "Uses the identity that the machine itself has, in the order of Google's libraries: the file that \
         GOOGLE_APPLICATION_CREDENTIALS names, the application-default credentials of gcloud, the metadata service of \
         Compute Engine, GKE and Cloud Run. A source that is there but broken is an error; it is never passed over \
         for another identity.",
        Life::None,
        Identity::Workload,
    )
    .temporary()
    .narrows(finish::NARROWS)
    .lifetime(Lifetime::seconds(1, 3600, 43_200))
    .lifetime_note("what is found lives as long as it lives; more than 1h only where it impersonates a service account")
    .implicit()
    .warning(
        "a connector on this machine does not work on another host or in a container, and on a remote broker it \
         needs the same cloud; whoever may use it acts as this machine",
    );
    type Connector = Gcp;

    fn check(&self) -> Vec<Problem> {
        self.network.check()
    }

    fn narrows(&self) -> Option<&'static str> {
        finish::narrows(&self.scopes, self.network.universe_is_default(None))
    }

    fn scope(&self) -> Option<&str> {
        self.network.project().map(|it| it.as_str())
    }

    fn identity(_: &Map<String, Value>, cx: &Context) -> Result<String> {
        if !cx.implicit() {
            // Switched off, nothing is looked at.
            return Ok(String::new());
        }
        chain::describe(cx)
    }

    async fn authenticate(
        &self,
        cx: &Call<'_>,
        narrowing: Option<&Narrowing>,
    ) -> Result<Authenticated<Session>> {
        let (place, minted) = chain::find(cx, &self.network, &scopes_or_usual(&self.scopes)).await?;
        finish::session(cx, place, minted, narrowing).await
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let (place, mut steps) = match cx.implicit() {
            true => chain::explain(cx, &self.network, &scopes_or_usual(&self.scopes))?,
            false => (self.network.place(cx, &OfFile::default())?, Vec::new()),
        };
        steps.extend(finish::explain(&place, narrowing)?);
        Ok(steps)
    }

    fn origins(&self, cx: &Context) -> Vec<Origin> {
        chain::origins(cx)
    }
}
