//! Method `external-account`: an identity of elsewhere that Google trusts.

use connector_core::{
    AuthMethod, Authenticated, Call, Context, Identity, Life, Lifetime, MethodAbout, Problem, Result, Step,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::common::{JsonFile, Network, OfFile, scopes_or_usual};
use super::service_account::AN_HOUR;
use super::{finish, subject, token};
use crate::connector::Gcp;
use crate::file::{ExternalAccount as ExternalFile, SubjectSource};
use crate::names::Scope;
use crate::narrowing::Narrowing;
use crate::session::Session;

/// An identity of elsewhere that Google trusts: workload or workforce identity federation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ExternalAccount {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The file that `gcloud iam workload-identity-pools create-cred-config`, or that of `workforce-pools`, writes: its
    /// JSON text, or that in base64. The token of elsewhere comes from a file, a URL, this machine's identity at AWS, which has to be switched
    /// on as implicit methods are, or a program, which is run only when the connector says `allow: [exec]`; its
    /// `output_file` is not used.
    pub external_account_json: JsonFile<ExternalFile>,
    /// What tokens may be used for; by default everything that the account may, and its name.
    #[serde(default)]
    pub scopes: Vec<Scope>,
}

impl ExternalAccount {
    /// An identity of elsewhere, for all that it may.
    #[must_use]
    pub fn new(network: Network, file: JsonFile<ExternalFile>) -> Self {
        Self { network, external_account_json: file, scopes: Vec::new() }
    }
}

const FIELD: &str = "external_account_json";

/// What the file says of its place.
fn place_of(file: &ExternalFile) -> OfFile<'_> {
    OfFile {
        project: None,
        quota_project: file.quota_project.as_ref(),
        universe: file.universe.as_ref(),
        urls: file.urls(),
        field: Some(FIELD),
    }
}

impl AuthMethod for ExternalAccount {
    const ID: &'static str = "external-account";
    const ABOUT: MethodAbout = MethodAbout::new(
        "External account",
        "Exchanges a token of elsewhere (of GitHub, AWS, Azure, Kubernetes, any OpenID provider that a pool of the \
         project trusts) for Google's, without any key. With a service account behind it, its token is made in one \
         call more.",
        Life::None,
        Identity::Workload,
    )
    .temporary()
    .narrows(finish::NARROWS)
    .lifetime(Lifetime::seconds(1, 3600, 43_200))
    .lifetime_note("1h at most, unless a service account stands behind it for which the organization allows more");
    type Connector = Gcp;

    fn check(&self) -> Vec<Problem> {
        match (self.external_account_json.fault(FIELD), self.external_account_json.get()) {
            (None, Some(file)) => self.network.check_file(&place_of(file)),
            (fault, _) => fault.into_iter().chain(self.network.check()).collect(),
        }
    }

    fn lifetime(&self) -> Option<Lifetime> {
        let file = self.external_account_json.get().filter(|file| file.target.is_some());
        Some(match file {
            Some(file) => Lifetime {
                default: token::life_of(file),
                ..Self::ABOUT.lifetime.expect("the method says its bounds")
            },
            None => AN_HOUR,
        })
    }

    fn narrows(&self) -> Option<&'static str> {
        let universe = self.external_account_json.get().and_then(|file| file.universe.as_ref());
        finish::narrows(&self.scopes, self.network.universe_is_default(universe))
    }

    fn warning(&self) -> Option<&'static str> {
        let source = self.external_account_json.get().map(|file| &file.source);
        matches!(source, Some(SubjectSource::Executable(_)))
            .then_some("runs the program that its file names, which needs `--allow exec`")
    }

    fn scope(&self) -> Option<&str> {
        self.network.project().map(|it| it.as_str())
    }

    /// Where the file takes its token from AWS, the machine's own keys decide whose it is.
    fn identity(_: &Map<String, Value>, cx: &Context) -> Result<String> {
        // Switched off, nothing is looked at.
        Ok(if cx.implicit() { subject::describe(cx) } else { String::new() })
    }

    async fn authenticate(
        &self,
        cx: &Call<'_>,
        narrowing: Option<&Narrowing>,
    ) -> Result<Authenticated<Session>> {
        let file = self.external_account_json.value(FIELD)?;
        let place = self.network.place(cx, &place_of(file))?;
        let life = cx.duration().unwrap_or(token::life_of(file));
        let minted = token::of_external(cx, &place, file, &scopes_or_usual(&self.scopes), life).await?;
        finish::session(cx, place, minted, narrowing).await
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let file = self.external_account_json.value(FIELD)?;
        let life = cx.duration().unwrap_or(token::life_of(file));
        let mut steps = token::explain_external(file, &scopes_or_usual(&self.scopes), life);
        steps.extend(finish::explain(&self.network.place(cx, &place_of(file))?, narrowing)?);
        Ok(steps)
    }
}
