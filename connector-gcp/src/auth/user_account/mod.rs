//! Method `user-account`: the login of a person, taken over or made here.

mod browser;
mod device;
mod kept;

use connector_core::{
    AuthMethod, Authenticated, Call, Identity, Life, MethodAbout, Problem, Result, Secret, Step,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::{JsonFile, Network, OfFile, scopes_or_usual};
use super::finish;
use super::service_account::AN_HOUR;
use super::token::{self, Minted};
use crate::connector::Gcp;
use crate::file::{ClientSecrets, UserFile};
use crate::names::{ProjectId, Scope};
use crate::narrowing::Narrowing;
use crate::session::Session;

/// The login of a person.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UserAccount {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// A login that was made already: what `gcloud auth application-default login` wrote, as JSON text or that in
    /// base64. Left out when `client_secrets_json` is given.
    #[serde(default)]
    pub user_account_json: Option<JsonFile<UserFile>>,
    /// The client secrets with which a person logs in when the connector is registered: the file that the console
    /// gives under APIs & Services > Credentials > OAuth client ID (Desktop app; for `flow=device`: TVs and Limited
    /// Input devices) > Download JSON.
    #[serde(default)]
    pub client_secrets_json: Option<JsonFile<ClientSecrets>>,
    /// What the login is for; by default everything that the person may, and the address. Only for
    /// `client_secrets_json`: a login that was made already has the scopes that it was made with. Google gives
    /// logins of `flow=device` few scopes, and cloud-platform is not among them.
    #[serde(default)]
    pub scopes: Vec<Scope>,
    /// How the person logs in: in a browser on this machine, which is the default, or on any other device by a code.
    /// Only for `client_secrets_json`.
    #[serde(default)]
    pub flow: Option<LoginFlow>,
}

/// How a person logs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum LoginFlow {
    /// In a browser on this machine.
    #[default]
    Browser,
    /// On another device, by a code: for machines without a browser.
    Device,
}

impl UserAccount {
    /// A login that was made already.
    #[must_use]
    pub fn new(network: Network, login: JsonFile<UserFile>) -> Self {
        Self { user_account_json: Some(login), ..Self::bare(network) }
    }

    /// A login that is made here, in a browser.
    #[must_use]
    pub fn with_client_secrets(network: Network, client: JsonFile<ClientSecrets>) -> Self {
        Self { client_secrets_json: Some(client), ..Self::bare(network) }
    }

    fn bare(network: Network) -> Self {
        Self { network, user_account_json: None, client_secrets_json: None, scopes: Vec::new(), flow: None }
    }

    fn login(&self) -> Option<&UserFile> {
        self.user_account_json.as_ref()?.get()
    }

    fn client(&self) -> Option<&ClientSecrets> {
        self.client_secrets_json.as_ref()?.get()
    }

    fn of_file(&self) -> OfFile<'_> {
        OfFile {
            project: self.of_client(),
            quota_project: self.login().and_then(UserFile::quota_project),
            universe: self.login().and_then(UserFile::universe),
            urls: self.login().map(UserFile::urls).unwrap_or_default(),
            field: Some(LOGIN),
        }
    }

    fn of_client(&self) -> Option<&ProjectId> {
        self.client()?.project.as_ref()
    }
}

const LOGIN: &str = "user_account_json";
const CLIENT: &str = "client_secrets_json";

impl AuthMethod for UserAccount {
    const ID: &'static str = "user-account";
    const ABOUT: MethodAbout = MethodAbout::new(
        "User account",
        "Acts as a person: with a login that gcloud made, or with one that is made when the connector is registered, \
         in a browser or by a code. The login is renewed by itself and stays with the connector. Issuing is one call, \
         and one more for a token that is narrowed to a bucket.",
        Life::Long,
        Identity::User,
    )
    .temporary()
    .narrows(finish::NARROWS)
    .lifetime(AN_HOUR)
    .lifetime_note("tokens live an hour at Google's, and are advertised for less where less is asked")
    .warning(
        "acts as a person, whose rights are seldom few, and whose login the organization may end; programs use \
         `service-account` or `impersonation`",
    );
    type Connector = Gcp;

    fn check(&self) -> Vec<Problem> {
        let faults = [
            self.user_account_json.as_ref().and_then(|file| file.fault(LOGIN)),
            self.client_secrets_json.as_ref().and_then(|file| file.fault(CLIENT)),
        ];
        let mut problems: Vec<_> = faults.into_iter().flatten().collect();
        match (&self.user_account_json, &self.client_secrets_json) {
            (Some(_), Some(_)) => problems.push(Problem::new(
                CLIENT,
                "given beside `user_account_json`: the login was made already, or is made now",
            )),
            (None, None) => problems.push(Problem::new(
                LOGIN,
                "missing: give `user_account_json`, or `client_secrets_json` to log in now",
            )),
            _ => {}
        }
        if self.user_account_json.is_some() && !self.scopes.is_empty() {
            problems.push(Problem::new(
                "scopes",
                "a login that was made already has the scopes that it was made with",
            ));
        }
        if self.user_account_json.is_some() && self.flow.is_some() {
            problems.push(Problem::new(
                "flow",
                "a login that was made already is not made again: leave `flow` out, or give `client_secrets_json` in \
                 place of `user_account_json`",
            ));
        }
        if self.client_secrets_json.is_some()
            && self.flow == Some(LoginFlow::Device)
            && device::is_too_wide(&self.scopes)
        {
            problems.push(Problem::new("scopes", format!("{}: {}", device::TOO_WIDE, device::NARROWER)));
        }
        let broken = !problems.is_empty();
        problems.extend(if broken { self.network.check() } else { self.network.check_file(&self.of_file()) });
        problems
    }

    fn narrows(&self) -> Option<&'static str> {
        finish::narrows(&self.scopes, self.network.universe_is_default(self.of_file().universe))
    }

    fn scope(&self) -> Option<&str> {
        self.network.project().or(self.of_client()).map(|it| it.as_str())
    }

    async fn authenticate(
        &self,
        cx: &Call<'_>,
        narrowing: Option<&Narrowing>,
    ) -> Result<Authenticated<Session>> {
        let place = self.network.place(cx, &self.of_file())?;
        let minted = match (&self.user_account_json, &self.client_secrets_json) {
            (Some(login), _) => token::of_user(cx, &place, login.value(LOGIN)?).await?,
            (None, Some(client)) => {
                let scopes = scopes_or_usual(&self.scopes);
                let login = kept::Login {
                    client: client.value(CLIENT)?,
                    place: &place,
                    scopes: &scopes,
                    flow: self.flow.unwrap_or_default(),
                };
                Minted::new(login.token(cx).await?, None)
            }
            (None, None) => return Err(connector_core::Error::field(LOGIN, "missing")),
        };
        finish::session(cx, place, minted, narrowing).await
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let place = self.network.place(cx, &self.of_file())?;
        let first = match (self.login(), self.client()) {
            (Some(login), _) => Some(token::explain_user(login)),
            (None, client) => client.map(|client| token::explain_login(&client.client_id)),
        };
        Ok(first.into_iter().chain(finish::explain(&place, narrowing)?).collect())
    }
}

/// Some bytes that nobody can guess, as text for URLs.
fn random() -> Result<Secret> {
    use base64::Engine;
    let mut bytes = [0; 48];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| connector_core::Error::unexpected("the system gives no randomness"))?;
    Ok(Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)))
}
