//! Method `federation-token`: a user's key, exchanged for credentials narrowed to what is asked for.

use aws_sdk_sts::operation::get_federation_token::builders::GetFederationTokenInputBuilder;
use connector_core::{
    AuthMethod, Authenticated, Call, Identity, Life, Lifetime, MethodAbout, Problem, Result, Step, Trust,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::{AccessKey, Network, session_name};
use super::policies::{self, Own};
use super::sts::{self, Sts};
use super::trust;
use crate::connector::Aws;
use crate::names::PolicyArn;
use crate::narrowing::Narrowing;
use crate::policy::{OwnPolicy, Policy, SessionPolicies};
use crate::session::{Place, Session};

/// A user's key, exchanged for narrowed credentials.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FederationToken {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The user's key.
    #[serde(flatten)]
    pub key: AccessKey,
    /// A session policy of your own, as JSON text or as an object: nothing issued goes beyond it. What is
    /// asked for has to lie within it, and is then sent in its place.
    #[serde(default)]
    pub policy: Option<OwnPolicy>,
    /// ARNs of managed policies to use as session policies, 10 at most. They are sent alone, and what is
    /// issued is not narrowed any further.
    #[serde(default)]
    pub policy_arns: Vec<PolicyArn>,
}

impl FederationToken {
    /// A key to be exchanged.
    #[must_use]
    pub fn new(network: Network, key: AccessKey) -> Self {
        Self { network, key, policy: None, policy_arns: Vec::new() }
    }

    fn own(&self) -> Own<'_> {
        Own { policy: self.policy.as_ref(), policy_arns: &self.policy_arns }
    }

    fn request(
        &self,
        cx: &Call<'_>,
        place: &Place,
        narrowing: Option<&Narrowing>,
    ) -> Result<(GetFederationTokenInputBuilder, SessionPolicies)> {
        // Without any policy the credentials would have no rights at all.
        let policies = self.own().choose(narrowing, place.partition(), Some(&Policy::everything()))?;
        let request = GetFederationTokenInputBuilder::default()
            .name(session_name(cx, 32).as_str())
            .set_duration_seconds(sts::seconds(cx.duration()))
            .set_policy(policies.json().map(str::to_owned))
            .set_policy_arns(sts::managed(&policies));
        Ok((request, policies))
    }
}

impl AuthMethod for FederationToken {
    const ID: &'static str = "federation-token";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Federation token",
        "Exchanges a user's key for temporary credentials with a policy for the one resource that is asked for. \
         They may do what both the user and the policy allow, but no IAM calls, and no STS calls other than \
         GetCallerIdentity. The user needs `sts:GetFederationToken`.",
        Life::Long,
        Identity::User,
    )
    .temporary()
    .narrows("S3, ECR and Secrets Manager by an IAM session policy")
    .lifetime(Lifetime::seconds(900, 43_200, 129_600))
    .lifetime_note("1h at most for the root user's key")
    .warning("does not work for EKS clusters, which cannot map the ARN of a federated user");
    type Connector = Aws;

    fn check(&self) -> Vec<Problem> {
        [self.network.check(), self.key.check_long_lived(), self.own().check()].concat()
    }

    fn narrows(&self) -> Option<&'static str> {
        Self::ABOUT.narrows.filter(|_| self.own().can_narrow())
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
        let out = Sts::new(cx, &place, Some(&self.key.keys())).federation_token(request).await?;
        Ok(policies::tell(out, narrowing, &policies))
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let (request, _) = self.request(cx, &self.network.place(cx)?, narrowing)?;
        Ok(vec![sts::explain_federation_token(&request)])
    }

    async fn trust(&self, cx: &Call<'_>) -> Result<Option<Trust>> {
        let place = self.network.place(cx)?;
        let caller = Sts::new(cx, &place, Some(&self.key.keys())).caller().await?;
        Ok(Some(trust::of_caller(&caller)))
    }
}
