//! Method `web-identity`: assume a role with the token of an OpenID Connect provider.

use std::path::Path;

use aws_sdk_sts::operation::assume_role_with_web_identity::builders::AssumeRoleWithWebIdentityInputBuilder;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_core::{
    AuthMethod, Authenticated, Call, Context, Error, Identity, Life, Lifetime, MethodAbout, Problem, Result,
    Secret, Step, Trust, is_absolute,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::common::{Network, session_name};
use super::policies::{self, Own};
use super::sts::{self, Sts};
use super::trust;
use crate::connector::Aws;
use crate::names::{Partition, RoleArn, SessionName};
use crate::narrowing::Narrowing;
use crate::policy::SessionPolicies;
use crate::session::{Place, Session};

/// A role that trusts the tokens of an OpenID Connect provider.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WebIdentity {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The role to assume.
    pub role_arn: RoleArn,
    /// The absolute path of the file that holds the token, read for each call since it is replaced from
    /// time to time. This or `web_identity_token`.
    #[serde(default)]
    pub web_identity_token_file: Option<String>,
    /// The token itself. This or `web_identity_token_file`.
    #[serde(default)]
    pub web_identity_token: Option<Secret>,
    /// The name of the session in CloudTrail and in its ARN; by default the connector's name, and for whom
    /// it is used.
    #[serde(default)]
    pub role_session_name: Option<SessionName>,
}

impl WebIdentity {
    /// A role, and the file that the token is read from.
    #[must_use]
    pub fn new(network: Network, role_arn: RoleArn, token_file: impl Into<String>) -> Self {
        Self {
            network,
            role_arn,
            web_identity_token_file: Some(token_file.into()),
            web_identity_token: None,
            role_session_name: None,
        }
    }

    fn token(&self, cx: &Context) -> Result<Secret> {
        match (&self.web_identity_token_file, &self.web_identity_token) {
            (Some(path), _) => read_token(cx, path),
            (None, Some(token)) => Ok(token.clone()),
            (None, None) => Err(Error::field("web_identity_token_file", NEEDS_TOKEN)),
        }
    }

    /// The request, without the token.
    fn request(
        &self,
        cx: &Call<'_>,
        place: &Place,
        narrowing: Option<&Narrowing>,
    ) -> Result<(AssumeRoleWithWebIdentityInputBuilder, SessionPolicies)> {
        let policies = Own::default().choose(narrowing, place.partition(), None)?;
        let name = self.role_session_name.clone().unwrap_or_else(|| session_name(cx, 64));
        let request = AssumeRoleWithWebIdentityInputBuilder::default()
            .role_arn(self.role_arn.as_str())
            .role_session_name(name.as_str())
            .set_duration_seconds(sts::seconds(cx.duration()))
            .set_policy(policies.json().map(str::to_owned));
        Ok((request, policies))
    }
}

const NEEDS_TOKEN: &str = "give `web_identity_token_file` or `web_identity_token`";

/// Reads a token file, as the programs that write it expect.
pub(super) fn read_token(cx: &Context, path: &str) -> Result<Secret> {
    let text = cx
        .read_text(Path::new(path))
        .map_err(|error| error.context("the web identity token cannot be read"))?;
    match text.trim() {
        "" => Err(Error::invalid(format!("{path} holds no token"))),
        token => Ok(Secret::new(token)),
    }
}

impl AuthMethod for WebIdentity {
    const ID: &'static str = "web-identity";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Web identity",
        "Assumes a role with the token of an OpenID Connect provider: a Kubernetes service account (IRSA), a CI \
         job, any provider that the account knows. No key of AWS is involved.",
        Life::Short,
        Identity::Workload,
    )
    .temporary()
    .narrows("S3, ECR and Secrets Manager by an IAM session policy")
    .lifetime(Lifetime::seconds(900, 3600, 43_200))
    .lifetime_note("never more than the role's MaxSessionDuration");
    type Connector = Aws;

    fn check(&self) -> Vec<Problem> {
        let mut problems = self.network.check();
        problems.extend(self.network.check_role(&self.role_arn));
        match (&self.web_identity_token_file, &self.web_identity_token) {
            (None, None) => {
                problems.push(Problem::new("web_identity_token_file", format!("missing: {NEEDS_TOKEN}")))
            }
            (Some(_), Some(_)) => {
                problems.push(Problem::new(
                    "web_identity_token",
                    "given beside `web_identity_token_file`: only one can be",
                ));
            }
            (Some(path), None) if !is_absolute(path) => {
                problems.push(Problem::new("web_identity_token_file", "expected an absolute path"));
            }
            (None, Some(token)) if token.is_empty() => {
                problems.push(Problem::new("web_identity_token", "empty"))
            }
            _ => {}
        }
        problems
    }

    fn scope(&self) -> Option<&str> {
        Some(self.network.region.as_str())
    }

    async fn authenticate(
        &self,
        cx: &Call<'_>,
        narrowing: Option<&Narrowing>,
    ) -> Result<Authenticated<Session>> {
        let place = self.network.place(cx)?;
        let (request, policies) = self.request(cx, &place, narrowing)?;
        let request = request.web_identity_token(self.token(cx)?.expose());
        let out = Sts::new(cx, &place, None).assume_role_with_web_identity(request).await?;
        Ok(policies::tell(out, narrowing, &policies))
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let (request, _) = self.request(cx, &self.network.place(cx)?, narrowing)?;
        Ok(vec![sts::explain_web_identity(&request)])
    }

    async fn trust(&self, cx: &Call<'_>) -> Result<Option<Trust>> {
        let claims = Claims::read(&self.token(cx)?)?;
        let account = self.role_arn.account();
        let partition = self.role_arn.partition().unwrap_or(Partition::Aws);
        let provider = claims.issuer.trim_start_matches("https://").trim_end_matches('/');
        let arn = format!("arn:{partition}:iam::{account}:oidc-provider/{provider}");
        let wanted = json!({
            (format!("{provider}:aud")): claims.audience,
            (format!("{provider}:sub")): claims.subject,
        });
        let condition = Map::from_iter([("StringEquals".to_owned(), wanted)]);
        let target = format!("the trust policy of {}", self.role_arn.as_str());
        Ok(Some(Trust::new(claims.subject, trust::web_identity(&arn, condition), target)))
    }
}

/// What a token says of itself. Not verified: that is for AWS to do.
struct Claims {
    issuer: String,
    subject: String,
    audience: Value,
}

impl Claims {
    fn read(token: &Secret) -> Result<Self> {
        let no_token = || Error::invalid("the web identity token is not a JWT with `iss`, `sub` and `aud`");
        let payload = token.expose().split('.').nth(1).ok_or_else(no_token)?;
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).map_err(|_| no_token())?;
        let claims: Value = serde_json::from_slice(&payload).map_err(|_| no_token())?;
        let text = |name: &str| claims[name].as_str().map(str::to_owned).ok_or_else(no_token);
        let audience = match &claims["aud"] {
            it @ (Value::String(_) | Value::Array(_)) => it.clone(),
            _ => return Err(no_token()),
        };
        Ok(Self { issuer: text("iss")?, subject: text("sub")?, audience })
    }
}
