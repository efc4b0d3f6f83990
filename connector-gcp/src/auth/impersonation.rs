//! Method `impersonation`: the tokens of a service account that somebody may stand in for.

use std::time::Duration;

use connector_core::{
    AuthMethod, Authenticated, Base, Call, Error, Identity, Life, Lifetime, MethodAbout, Problem, Result,
    Step, Trust,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::common::{JsonFile, Network, OfFile, scopes_or_usual};
use super::service_account::{NEEDS_KEY_ID, lacks_key_id, place_of};
use super::{finish, token};
use crate::connector::Gcp;
use crate::file::ServiceAccountKey;
use crate::mint::{self, Impersonation as Wanted, Token};
use crate::names::{Email, Scope};
use crate::narrowing::Narrowing;
use crate::session::{Place, Session};

/// The tokens of a service account that somebody may stand in for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Impersonation {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The key file of the service account that stands in: its JSON text, or that in base64. It needs no right but
    /// roles/iam.serviceAccountTokenCreator on the target. Left out when `source` is given.
    #[serde(default)]
    pub service_account_json: Option<JsonFile<ServiceAccountKey>>,
    /// The name of another gcp connector whose identity stands in, in place of a key.
    #[serde(default)]
    pub source: Option<Base<Gcp>>,
    /// The e-mail address of the service account whose tokens are issued.
    pub target_principal: Email,
    /// The service accounts in between, if there are some: each may make tokens of the next, and the last those of
    /// the target.
    #[serde(default)]
    #[schemars(extend("maxItems" = 10))]
    pub delegates: Vec<Email>,
    /// What tokens may be used for; by default everything that the account may, and its name.
    #[serde(default)]
    pub scopes: Vec<Scope>,
}

impl Impersonation {
    /// A service account that a key stands in for.
    #[must_use]
    pub fn new(key: JsonFile<ServiceAccountKey>, target: Email) -> Self {
        Self { service_account_json: Some(key), ..Self::bare(Network::default(), target) }
    }

    /// A service account that the identity of another connector stands in for.
    #[must_use]
    pub fn with_source(network: Network, source: Base<Gcp>, target: Email) -> Self {
        Self { source: Some(source), ..Self::bare(network, target) }
    }

    fn bare(network: Network, target: Email) -> Self {
        Self {
            network,
            service_account_json: None,
            source: None,
            target_principal: target,
            delegates: Vec::new(),
            scopes: Vec::new(),
        }
    }

    fn key(&self) -> Option<&ServiceAccountKey> {
        self.service_account_json.as_ref()?.get()
    }

    fn of_file(&self) -> OfFile<'_> {
        self.key().map(place_of).unwrap_or_default()
    }

    /// The token of the key that stands in.
    async fn base(&self, cx: &Call<'_>, place: &Place) -> Result<Token> {
        let Some(file) = &self.service_account_json else {
            return Err(Error::field(FIELD, NEEDS_IDENTITY));
        };
        Ok(token::of_key(cx, place, file.value(FIELD)?, &token::base_scopes()).await?.token)
    }
}

const FIELD: &str = "service_account_json";
const NEEDS_IDENTITY: &str = "give `service_account_json` or `source`";

impl AuthMethod for Impersonation {
    const ID: &'static str = "impersonation";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Service account impersonation",
        "Makes access tokens of a named service account, with the key of another one or the identity of another \
         connector, which need no right but to do that. Issuing is two calls with a key and one with a connector, \
         and one more for a token that is narrowed to a bucket.",
        Life::Long,
        Identity::Service,
    )
    .temporary()
    .narrows(finish::NARROWS)
    .lifetime(Lifetime::seconds(1, 3600, 43_200))
    .lifetime_note(
        "more than 1h only for accounts that the organization lists in \
         constraints/iam.allowServiceAccountCredentialLifetimeExtension",
    );
    type Connector = Gcp;

    fn check(&self) -> Vec<Problem> {
        let fault = self.service_account_json.as_ref().and_then(|file| file.fault(FIELD));
        let mut problems = match (&fault, &self.source) {
            (Some(_), _) => self.network.check(),
            // The source's project is used where none is said here.
            (None, Some(_)) => self.network.check(),
            (None, None) => self.network.check_file(&self.of_file()),
        };
        problems.extend(fault);
        if self.key().is_some_and(|key| lacks_key_id(&self.network, key)) {
            problems.push(Problem::new(FIELD, NEEDS_KEY_ID));
        }
        match (&self.service_account_json, &self.source) {
            (Some(_), Some(_)) => {
                problems.push(Problem::new(FIELD, "given beside `source`: one of the two stands in"));
            }
            (None, None) => problems.push(Problem::new(FIELD, format!("missing: {NEEDS_IDENTITY}"))),
            _ => {}
        }
        if self.delegates.len() > 10 {
            problems.push(Problem::new("delegates", "expected 10 service accounts or less"));
        }
        if self.delegates.contains(&self.target_principal) {
            problems.push(Problem::new("delegates", "names the target itself"));
        }
        problems
    }

    fn narrows(&self) -> Option<&'static str> {
        finish::narrows(&self.scopes, self.network.universe_is_default(self.of_file().universe))
    }

    fn scope(&self) -> Option<&str> {
        self.network.project().or(self.of_file().project).map(|it| it.as_str())
    }

    async fn authenticate(
        &self,
        cx: &Call<'_>,
        narrowing: Option<&Narrowing>,
    ) -> Result<Authenticated<Session>> {
        let mut life = cx.duration().unwrap_or(mint::HOUR);
        let (place, base) = match &self.source {
            Some(source) => {
                let base = source.session(cx).await?;
                let place = self.network.place_above(cx, &base.session.place)?;
                // No longer than the identity that it stands on, so that its end is seen.
                if let Some(end) = base.expiry.at() {
                    let left = end.duration_since(cx.now()).unwrap_or_default();
                    life = life.min(Duration::from_secs(left.as_secs().max(1)));
                }
                let token = Token { secret: base.session.token.clone(), expiry: base.expiry.clone() };
                (place, token)
            }
            None => {
                let place = self.network.place(cx, &self.of_file())?;
                let base = self.base(cx, &place).await?;
                (place, base)
            }
        };
        let scopes = scopes_or_usual(&self.scopes);
        let wanted = Wanted {
            target: &self.target_principal,
            delegates: &self.delegates,
            scopes: &scopes,
            life,
            endpoint: None,
        };
        let mut minted = token::of_other(cx, &place, &base, wanted).await?;
        if self.source.is_some() {
            minted.token.expiry = minted.token.expiry.min(base.expiry);
        }
        finish::session(cx, place, minted, narrowing).await
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let life = cx.duration().unwrap_or(mint::HOUR);
        let scopes = scopes_or_usual(&self.scopes);
        let place = self.network.place(cx, &self.of_file())?;
        let first = self.key().and_then(|key| token::explain_key(&place, key, &token::base_scopes()));
        let mut steps: Vec<_> = first.into_iter().collect();
        steps.push(token::explain_other(&self.target_principal, &self.delegates, &scopes, life));
        steps.extend(finish::explain(&place, narrowing)?);
        Ok(steps)
    }

    async fn trust(&self, cx: &Call<'_>) -> Result<Option<Trust>> {
        let account = match (&self.source, self.key()) {
            (Some(source), _) => source.session(cx).await?.session.account.clone(),
            (None, key) => key.map(|key| key.email.to_string()),
        };
        let Some(account) = account else { return Ok(None) };
        let member = match account.ends_with(".gserviceaccount.com") {
            true => format!("serviceAccount:{account}"),
            false => format!("user:{account}"),
        };
        let policy = json!({
            "bindings": [{ "role": "roles/iam.serviceAccountTokenCreator", "members": [member] }]
        });
        let first = self.delegates.first().unwrap_or(&self.target_principal);
        let target = format!("the IAM policy of service account {first}");
        Ok(Some(Trust::new(account, policy, target)))
    }
}
