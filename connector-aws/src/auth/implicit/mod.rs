//! Method `implicit`: the identity of the machine that the connector runs on.

mod chain;
mod container;
mod given;
mod instance;
mod process;
mod profiles;

use std::time::Duration;

use aws_sdk_sts::operation::assume_role::builders::AssumeRoleInputBuilder;
use connector_core::{
    AuthMethod, Authenticated, Call, Context, Error, Identity, Life, Lifetime, MethodAbout, Origin, Problem,
    Result, Step, Trust,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::common::{Network, session_name};
use super::policies::{self, Own};
use super::sts::{self, Sts};
use super::trust;
use crate::connector::Aws;
use crate::names::{PolicyArn, RoleArn};
use crate::narrowing::Narrowing;
use crate::policy::{OwnPolicy, SessionPolicies};
use crate::session::{Place, Session};

pub(crate) use instance::answers as instance_answers;

/// The identity of the machine that the connector runs on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Implicit {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// A profile of `~/.aws/config` and `~/.aws/credentials`. With it nothing else is looked at; without it
    /// come the environment, the profile that AWS_PROFILE names or `default`, a web identity, the
    /// container's endpoint, and the instance's metadata, in this order.
    #[serde(default)]
    pub profile_name: Option<String>,
    /// A role to assume with what was found. With it what is issued is temporary and can be narrowed.
    #[serde(default)]
    pub role_arn: Option<RoleArn>,
    /// A session policy of your own for the role, as JSON text or as an object: nothing issued goes beyond
    /// it. What is asked for has to lie within it, and is then sent in its place.
    #[serde(default)]
    pub policy: Option<OwnPolicy>,
    /// ARNs of managed policies to use as session policies for the role, 10 at most. They are sent alone,
    /// and what is issued is not narrowed any further.
    #[serde(default)]
    pub policy_arns: Vec<PolicyArn>,
}

impl Implicit {
    /// Whatever is found.
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self { network, profile_name: None, role_arn: None, policy: None, policy_arns: Vec::new() }
    }

    fn own(&self) -> Own<'_> {
        Own { policy: self.policy.as_ref(), policy_arns: &self.policy_arns }
    }

    /// The request for the role, if there is one.
    fn request(
        &self,
        cx: &Call<'_>,
        place: &Place,
        narrowing: Option<&Narrowing>,
    ) -> Result<Option<(AssumeRoleInputBuilder, SessionPolicies)>> {
        let Some(role) = &self.role_arn else { return Ok(None) };
        let policies = self.own().choose(narrowing, place.partition(), None)?;
        let request = AssumeRoleInputBuilder::default()
            .role_arn(role.as_str())
            .role_session_name(session_name(cx, 64).as_str())
            .set_duration_seconds(sts::seconds(cx.duration()))
            .set_policy(policies.json().map(str::to_owned))
            .set_policy_arns(sts::managed(&policies));
        Ok(Some((request, policies)))
    }
}

const ROLE: Lifetime = Lifetime::seconds(900, 3600, 43_200);
const HOUR: Duration = Duration::from_secs(3600);
/// Temporary keys whose end nobody says are told to end so soon, and are read again from where they were
/// found: whoever put them there replaces them. It is the shortest life that STS gives.
const READ_AGAIN: Duration = Duration::from_secs(900);

impl AuthMethod for Implicit {
    const ID: &'static str = "implicit";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Implicit",
        "Uses the identity that the machine itself has: environment variables, the files of the `aws` program, a \
         web identity, the credentials of an ECS task or an EKS pod, the role of an EC2 instance. A source that \
         is there but broken is an error; it is never passed over for another identity.",
        Life::None,
        Identity::Workload,
    )
    .temporary()
    .narrows("with `role_arn`: S3, ECR and Secrets Manager by an IAM session policy; else nothing")
    .lifetime(ROLE)
    .lifetime_note(
        "with `role_arn`; else what is found lives as long as it lives, and temporary keys of which nothing says \
         when they end are read again every 15 minutes",
    )
    .implicit()
    .warning(
        "a connector on this machine does not work on another host or in a container, and on a remote broker it \
         needs the same cloud; whoever may use it acts as this machine",
    );
    type Connector = Aws;

    fn check(&self) -> Vec<Problem> {
        let mut problems = self.network.check();
        match &self.role_arn {
            Some(role) => {
                problems.extend(self.network.check_role(role));
                problems.extend(self.own().check());
            }
            None => {
                let given =
                    [("policy", self.policy.is_some()), ("policy_arns", !self.policy_arns.is_empty())];
                let given = given.into_iter().filter(|(_, given)| *given);
                problems.extend(
                    given.map(|(field, _)| Problem::new(field, "needs `role_arn`: only a role takes it")),
                );
            }
        }
        if self.profile_name.as_deref() == Some("") {
            problems.push(Problem::new("profile_name", "empty"));
        }
        problems
    }

    fn lifetime(&self) -> Option<Lifetime> {
        self.role_arn.as_ref().map(|_| ROLE)
    }

    fn identity(stored: &Map<String, Value>, cx: &Context) -> Result<String> {
        if !cx.implicit() {
            // Switched off, nothing is looked at.
            return Ok(String::new());
        }
        chain::describe(cx, stored.get("profile_name").and_then(Value::as_str))
    }

    fn narrows(&self) -> Option<&'static str> {
        Self::ABOUT.narrows.filter(|_| self.role_arn.is_some() && self.own().can_narrow())
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
        let request = self.request(cx, &place, narrowing)?;
        let found = chain::find(cx, &place, self.profile_name.as_deref()).await?;
        let Some((request, policies)) = request else {
            return Ok(passed_on(cx, found));
        };
        if found.session.assumed_role && cx.duration().is_some_and(|asked| asked > HOUR) {
            return Err(Error::field("duration", "a role that is assumed by a role gives an hour at most"));
        }
        let mut out = Sts::new(cx, &place, Some(&found.session.keys)).assume_role(request).await?;
        // As for `iam-role`: nothing is told to outlive what it was made with.
        out.expiry = out.expiry.min(found.expiry);
        Ok(policies::tell(out, narrowing, &policies))
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let request = self.request(cx, &self.network.place(cx)?, narrowing)?;
        Ok(request.iter().map(|(request, _)| sts::explain_assume_role(request)).collect())
    }

    fn origins(&self, cx: &Context) -> Vec<Origin> {
        chain::origins(cx, self.profile_name.as_deref())
    }

    async fn trust(&self, cx: &Call<'_>) -> Result<Option<Trust>> {
        if !cx.implicit() {
            return Err(Error::refused("method `implicit` is switched off"));
        }
        let place = self.network.place(cx)?;
        let found = chain::find(cx, &place, self.profile_name.as_deref()).await?;
        let caller = Sts::new(cx, &place, Some(&found.session.keys)).caller().await?;
        let mut trust = trust::of_caller(&caller);
        if let Some(role) = &self.role_arn {
            trust.target = format!("the trust policy of {}", role.as_str());
        }
        Ok(Some(trust))
    }
}

/// What was found, as it is. It is never advertised without an end unless it has none.
fn passed_on(cx: &Call<'_>, mut found: Authenticated<Session>) -> Authenticated<Session> {
    if found.session.long_lived || found.expiry.at().is_some() {
        return found.not_narrowed("what was found is passed on as it is: set `role_arn` to narrow");
    }
    found.expiry = cx.expires_in(READ_AGAIN);
    found.not_narrowed(
        "what was found is passed on as it is: set `role_arn` to narrow; nothing says when these temporary keys \
         end, so they are read again every 15 minutes",
    )
}
