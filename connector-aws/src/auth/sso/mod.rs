//! Method `sso`: a role of IAM Identity Center, by a login in the browser.

mod device;
mod tokens;

use std::time::{Duration, SystemTime};

use aws_sdk_sso::config::Region as SdkRegion;
use connector_core::{
    AuthMethod, Authenticated, Call, Error, Identity, Life, MethodAbout, Problem, Result, Secret, Step, Trust,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, json};

#[cfg(test)]
pub(crate) use tokens::cache_name;
pub(crate) use tokens::{Tokens, kept_by_aws, text_kept_by_aws};

use super::common::Network;
use super::trust;
use crate::connector::Aws;
use crate::error;
use crate::names::{AccountId, Region};
use crate::narrowing::Narrowing;
use crate::session::{Keys, Place, Session};
use crate::wire;

/// A role of IAM Identity Center.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Sso {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The start URL of the organisation's access portal, such as `https://d-1234567890.awsapps.com/start`.
    #[schemars(extend(
        "pattern" = r"^https?://[^\s]+$",
        "maxLength" = 2048,
        "x-form" = "the URL of an access portal",
        "examples" = ["https://d-1234567890.awsapps.com/start"],
    ))]
    pub start_url: String,
    /// The region that the Identity Center is in; often not the one of the resources.
    pub sso_region: Region,
    /// The account whose role is used.
    pub account_id: AccountId,
    /// The name of the role (the permission set) in that account.
    #[schemars(extend(
        "pattern" = r"^[0-9A-Za-z_+=,.@-]+$",
        "minLength" = 1,
        "maxLength" = 64,
        "x-form" = "the name of a role, letters, digits or _+=,.@-",
        "examples" = ["PowerUserAccess"],
    ))]
    pub role_name: String,
    /// A login to begin with, in the form in which the `aws` program keeps one. Auto-configuration takes it
    /// over; a login by device code takes its place.
    #[serde(default)]
    pub login: Option<Secret>,
}

impl Sso {
    /// A role in an account, by the login of a portal.
    pub fn new(
        network: Network,
        start_url: impl Into<String>,
        sso_region: Region,
        account_id: AccountId,
        role_name: impl Into<String>,
    ) -> Self {
        Self {
            network,
            start_url: start_url.into(),
            sso_region,
            account_id,
            role_name: role_name.into(),
            login: None,
        }
    }
}

const ROLE_CREDENTIALS: &str = "sso:GetRoleCredentials";

impl AuthMethod for Sso {
    const ID: &'static str = "sso";
    const ABOUT: MethodAbout = MethodAbout::new(
        "IAM Identity Center",
        "Uses a role of IAM Identity Center (AWS SSO). Registering asks to confirm a code in the browser; the \
         login is kept sealed with the connector and renews itself until the portal's session ends.",
        Life::None,
        Identity::User,
    )
    .temporary()
    .warning("carries a person's login: others who use the connector act as that person");
    type Connector = Aws;

    fn check(&self) -> Vec<Problem> {
        let mut problems = self.network.check();
        let is_url = self.start_url.starts_with("https://") || self.start_url.starts_with("http://");
        if !is_url || !self.start_url.bytes().all(|it| it.is_ascii_graphic()) {
            problems.push(Problem::new("start_url", "expected the https URL of an access portal"));
        }
        if self.login.as_ref().is_some_and(|login| Tokens::parse(login).is_err()) {
            problems.push(Problem::new("login", "expected JSON with `accessToken` and `expiresAt`"));
        }
        problems
    }

    fn scope(&self) -> Option<&str> {
        Some(self.network.region.as_str())
    }

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&Narrowing>) -> Result<Authenticated<Session>> {
        let place = self.network.place(cx)?;
        let login = device::Login { portal: self, place: &place };
        let token = login.token(cx).await?;
        let out = match self.role_credentials(cx, &place, &token).await {
            // The portal ended a login whose time was not over.
            Err(Failure::LoggedOut(_)) => {
                let token = login.renew(cx).await?;
                self.role_credentials(cx, &place, &token).await
            }
            other => other,
        };
        let out = out.map_err(|failure| match failure {
            Failure::LoggedOut(error) | Failure::Other(error) => error,
        })?;
        Ok(out.not_narrowed("a role of IAM Identity Center takes no session policy"))
    }

    fn plan(&self, _: &Call<'_>, _: Option<&Narrowing>) -> Result<Vec<Step>> {
        let parameters = [
            ("role_name", self.role_name.as_str()),
            ("account_id", self.account_id.as_str()),
            ("x-amz-sso_bearer_token", "[HIDDEN]"),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(vec![Step::new(ROLE_CREDENTIALS, parameters.into())])
    }

    async fn trust(&self, _: &Call<'_>) -> Result<Option<Trust>> {
        let (partition, account) = (self.network.region.partition(), self.account_id.as_str());
        // The role's name ends with characters that only AWS knows, and its path may hold a region.
        let identity = format!(
            "arn:{partition}:iam::{account}:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_{}_*",
            self.role_name
        );
        let condition = Map::from_iter([("ArnLike".to_owned(), json!({ "aws:PrincipalArn": identity }))]);
        let policy = trust::assume_role(&format!("arn:{partition}:iam::{account}:root"), &[], condition);
        Ok(Some(Trust::new(
            identity,
            policy,
            "the trust policy of each role that this identity is to assume",
        )))
    }
}

enum Failure {
    LoggedOut(Error),
    Other(Error),
}

impl Sso {
    /// The credentials of the role, for a login.
    async fn role_credentials(
        &self,
        cx: &Call<'_>,
        place: &Place,
        token: &Secret,
    ) -> Result<Authenticated<Session>, Failure> {
        fetch_role(cx, place, &self.sso_region, (&self.account_id, &self.role_name), token).await
    }
}

/// One call to the portal.
async fn fetch_role(
    cx: &connector_core::Context,
    place: &Place,
    sso_region: &Region,
    (account_id, role_name): (&AccountId, &str),
    token: &Secret,
) -> Result<Authenticated<Session>, Failure> {
    let call = Call::new(cx, None);
    let (config, observed) = wire::observed(cx, place, None, SdkRegion::new(sso_region.as_str().to_owned()));
    let request = aws_sdk_sso::Client::new(&config).get_role_credentials();
    let request = request.account_id(account_id.as_str()).role_name(role_name).access_token(token.expose());
    let answer = request.send().await.map_err(|error| {
        let logged_out = error.as_service_error().is_some_and(|it| it.is_unauthorized_exception());
        let error = error::from_sdk(&call, ROLE_CREDENTIALS, error);
        if logged_out { Failure::LoggedOut(error) } else { Failure::Other(error) }
    })?;
    let incomplete = || Failure::Other(error::incomplete(ROLE_CREDENTIALS));
    let given = answer.role_credentials.ok_or_else(incomplete)?;
    let (Some(id), Some(secret), Some(session)) =
        (given.access_key_id, given.secret_access_key, given.session_token)
    else {
        return Err(incomplete());
    };
    let end = u64::try_from(given.expiration).map_err(|_| incomplete())?;
    let end = SystemTime::UNIX_EPOCH + Duration::from_millis(end);
    let expiry = match observed.provider_now() {
        Some(now) => call.expires_at(end, now),
        None => connector_core::Expiry::At(end),
    };
    let keys = Keys {
        access_key_id: Secret::new(id),
        secret_access_key: Secret::new(secret),
        session_token: Some(Secret::new(session)),
    };
    let mut session = Session::new(keys, place.clone());
    session.account_id = Some(account_id.as_str().to_owned());
    session.assumed_role = true;
    Ok(Authenticated::new(session, expiry))
}

/// The credentials of a role for the login that the `aws` program keeps, which is only read.
pub(crate) async fn with_login_of_aws(
    cx: &connector_core::Context,
    place: &Place,
    profile: &crate::profile::Sso,
    tokens: &Tokens,
) -> Result<Authenticated<Session>> {
    let role = (&profile.account_id, profile.role_name.as_str());
    fetch_role(cx, place, &profile.region, role, &tokens.access_token).await.map_err(
        |failure| match failure {
            Failure::LoggedOut(error) => error.with_hint("log in again with `aws sso login`"),
            Failure::Other(error) => error,
        },
    )
}
