//! Method `iam-role`: assume a role, narrowed to what is asked for.

use std::collections::BTreeMap;

use aws_sdk_sts::operation::assume_role::builders::AssumeRoleInputBuilder;
use aws_sdk_sts::types::Tag;
use connector_core::{
    AuthMethod, Authenticated, Base, Call, Context, Error, Expiry, Identity, Life, Lifetime, MethodAbout,
    Problem, Result, Secret, Step, Trust,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, json};

use super::common::{AccessKey, Network, check_secrets, mfa_code, session_name};
use super::policies::{self, Own};
use super::sts::{self, Sts};
use super::trust;
use crate::connector::Aws;
use crate::names::{ExternalId, MfaSerial, PolicyArn, RoleArns, SessionName, SourceIdentity};
use crate::narrowing::Narrowing;
use crate::policy::{OwnPolicy, SessionPolicies};
use crate::session::{Keys, Place, Session};

/// An IAM role, assumed with a key or with the identity of another connector.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct IamRole {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The role to assume: its ARN, or a list of ARNs of which each is assumed with the one before. A chain
    /// gives an hour at most.
    pub role_arn: RoleArns,
    /// The id of the access key that may assume the role. It needs no permission but `sts:AssumeRole`.
    /// Left out when `source` is given.
    #[serde(default)]
    pub aws_access_key_id: Option<Secret>,
    /// The secret access key that belongs to it.
    #[serde(default)]
    pub aws_secret_access_key: Option<Secret>,
    /// The session token that belongs to it, when the key is temporary.
    #[serde(default)]
    pub aws_session_token: Option<Secret>,
    /// The name of another aws connector whose identity assumes the role, in place of a key.
    #[serde(default)]
    pub source: Option<Base<Aws>>,
    /// The external id that the role's trust policy asks for; sent for the last role of a chain.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// The name of the session in CloudTrail and in its ARN; by default the connector's name, and for whom
    /// it is used.
    #[serde(default)]
    pub role_session_name: Option<SessionName>,
    /// Who stands behind the session, kept through chains and shown in CloudTrail.
    #[serde(default)]
    pub source_identity: Option<SourceIdentity>,
    /// Tags of the session, 50 at most, sent for the last role of a chain.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 50))]
    pub session_tags: BTreeMap<String, String>,
    /// The MFA device whose code is asked for when the (first) role is assumed.
    #[serde(default)]
    pub mfa_serial: Option<MfaSerial>,
    /// A session policy of your own, as JSON text or as an object: nothing issued goes beyond it. What is
    /// asked for has to lie within it, and is then sent in its place.
    #[serde(default)]
    pub policy: Option<OwnPolicy>,
    /// ARNs of managed policies to use as session policies, 10 at most. They are sent alone, and what is
    /// issued is not narrowed any further.
    #[serde(default)]
    pub policy_arns: Vec<PolicyArn>,
}

impl IamRole {
    /// A role, assumed with a key.
    #[must_use]
    pub fn new(network: Network, role_arn: impl Into<RoleArns>, key: AccessKey) -> Self {
        Self {
            aws_access_key_id: Some(key.aws_access_key_id),
            aws_secret_access_key: Some(key.aws_secret_access_key),
            ..Self::bare(network, role_arn.into())
        }
    }

    /// A role, assumed with the identity of another connector.
    #[must_use]
    pub fn with_source(network: Network, role_arn: impl Into<RoleArns>, source: Base<Aws>) -> Self {
        Self { source: Some(source), ..Self::bare(network, role_arn.into()) }
    }

    fn bare(network: Network, role_arn: RoleArns) -> Self {
        Self {
            network,
            role_arn,
            aws_access_key_id: None,
            aws_secret_access_key: None,
            aws_session_token: None,
            source: None,
            external_id: None,
            role_session_name: None,
            source_identity: None,
            session_tags: BTreeMap::new(),
            mfa_serial: None,
            policy: None,
            policy_arns: Vec::new(),
        }
    }

    fn own(&self) -> Own<'_> {
        Own { policy: self.policy.as_ref(), policy_arns: &self.policy_arns }
    }

    /// The identity that assumes the role.
    async fn base(&self, cx: &Context) -> Result<BaseIdentity> {
        if let Some(source) = &self.source {
            let base = source.session(cx).await?;
            let (keys, is_role) = (base.session.keys.clone(), base.session.assumed_role);
            return Ok(BaseIdentity { keys, is_role, expiry: base.expiry.clone() });
        }
        match (&self.aws_access_key_id, &self.aws_secret_access_key) {
            (Some(id), Some(secret)) => {
                let session_token = self.aws_session_token.clone();
                let keys =
                    Keys { access_key_id: id.clone(), secret_access_key: secret.clone(), session_token };
                Ok(BaseIdentity {
                    keys,
                    is_role: false,
                    expiry: Expiry::Never("the config says no end".into()),
                })
            }
            _ => Err(Error::field("aws_access_key_id", NEEDS_IDENTITY)),
        }
    }

    /// The requests, without the code of the MFA device. Everything that can be refused before a call is
    /// refused here.
    fn requests(
        &self,
        cx: &Call<'_>,
        place: &Place,
        narrowing: Option<&Narrowing>,
    ) -> Result<(Vec<AssumeRoleInputBuilder>, SessionPolicies)> {
        let policies = self.own().choose(narrowing, place.partition(), None)?;
        let name = self.role_session_name.clone().unwrap_or_else(|| session_name(cx, 64));
        let roles = self.role_arn.as_slice();
        let tags = self.session_tags.iter().map(|(key, value)| {
            Tag::builder().key(key).value(value).build().expect("a tag with key and value is whole")
        });
        let tags: Vec<Tag> = tags.collect();
        let request = |(index, role): (usize, &crate::names::RoleArn)| {
            let (first, last) = (index == 0, index + 1 == roles.len());
            let request = AssumeRoleInputBuilder::default()
                .role_arn(role.as_str())
                .role_session_name(name.as_str())
                .set_serial_number(self.mfa_serial.as_ref().filter(|_| first).map(ToString::to_string))
                .set_source_identity(
                    self.source_identity.as_ref().filter(|_| first).map(ToString::to_string),
                );
            if !last {
                // Only there to be exchanged for the next one.
                return request.duration_seconds(MIN_SECONDS);
            }
            request
                .set_duration_seconds(sts::seconds(cx.duration()))
                .set_policy(policies.json().map(str::to_owned))
                .set_policy_arns(sts::managed(&policies))
                .set_tags(Some(tags.clone()).filter(|tags| !tags.is_empty()))
                .set_external_id(self.external_id.as_ref().map(ToString::to_string))
        };
        let requests = roles.iter().enumerate().map(request).collect();
        Ok((requests, policies))
    }
}

/// The identity that assumes the first role.
struct BaseIdentity {
    keys: Keys,
    /// A role that is assumed by a role gives an hour at most.
    is_role: bool,
    expiry: Expiry,
}

const NEEDS_IDENTITY: &str = "give `aws_access_key_id` and `aws_secret_access_key`, or `source`";
const MIN_SECONDS: i32 = 900;
/// What a role that is assumed by a role lives at most.
const CHAINED: Lifetime = Lifetime::seconds(900, 3600, 3600);

impl AuthMethod for IamRole {
    const ID: &'static str = "iam-role";
    const ABOUT: MethodAbout = MethodAbout::new(
        "IAM role",
        "Assumes a role, with a session policy for the one resource that is asked for. The key that assumes it \
         needs no permission but `sts:AssumeRole`, and never leaves the connector. Issuing is exactly one call.",
        Life::Long,
        Identity::Service,
    )
    .temporary()
    .narrows("S3, ECR and Secrets Manager by an IAM session policy")
    .lifetime(Lifetime::seconds(900, 3600, 43_200))
    .lifetime_note(
        "1h at most when one role is assumed with another, and never more than the role's MaxSessionDuration",
    );
    type Connector = Aws;

    fn check(&self) -> Vec<Problem> {
        let mut problems = self.network.check();
        problems.extend(self.role_arn.as_slice().iter().filter_map(|role| self.network.check_role(role)));
        let keys = [
            ("aws_access_key_id", self.aws_access_key_id.as_ref()),
            ("aws_secret_access_key", self.aws_secret_access_key.as_ref()),
            ("aws_session_token", self.aws_session_token.as_ref()),
        ];
        problems.extend(check_secrets(&keys));
        let missing = |(field, secret): &(&str, Option<&Secret>)| {
            (secret.is_none() && *field != "aws_session_token").then_some(field.to_string())
        };
        match &self.source {
            Some(_) => {
                let given = keys.iter().filter(|(_, secret)| secret.is_some());
                problems.extend(given.map(|(field, _)| {
                    Problem::new(*field, "given beside `source`: the role is assumed with one of the two")
                }));
            }
            None => {
                problems.extend(
                    keys.iter()
                        .filter_map(missing)
                        .map(|field| Problem::new(field, format!("missing: {NEEDS_IDENTITY}"))),
                );
            }
        }
        problems.extend(check_tags(&self.session_tags));
        problems.extend(self.own().check());
        problems
    }

    fn lifetime(&self) -> Option<Lifetime> {
        if self.role_arn.is_chain() { Some(CHAINED) } else { Self::ABOUT.lifetime }
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
        let (requests, policies) = self.requests(cx, &place, narrowing)?;
        let base = self.base(cx).await?;
        let mut keys = base.keys;
        if base.is_role && cx.duration().is_some_and(|asked| asked > CHAINED.max) {
            return Err(Error::field("duration", "a role that is assumed by a role gives an hour at most"));
        }
        let mut out = None;
        for mut request in requests {
            if let Some(serial) = request.get_serial_number() {
                let grant = narrowing.map_or_else(String::new, |it| format!(" {}", it.grant()));
                let hint = format!(
                    "run `connector issue NAME{grant} --mfa-code CODE`: programs that ask for the same are then \
                     answered from the cache until it ends"
                );
                let code = mfa_code(cx, serial, &hint).await?;
                request = request.token_code(code.expose());
            }
            let session = Sts::new(cx, &place, Some(&keys)).assume_role(request).await?;
            keys = session.session.keys.clone();
            out = Some(session);
        }
        let mut out = out.expect("there is a request for each role, and one role at least");
        // A session outlives the one it was made with; what is told does not, so that ending the source's
        // identity is seen.
        out.expiry = out.expiry.min(base.expiry);
        Ok(policies::tell(out, narrowing, &policies))
    }

    fn plan(&self, cx: &Call<'_>, narrowing: Option<&Narrowing>) -> Result<Vec<Step>> {
        let (requests, _) = self.requests(cx, &self.network.place(cx)?, narrowing)?;
        Ok(requests.iter().map(sts::explain_assume_role).collect())
    }

    async fn trust(&self, cx: &Call<'_>) -> Result<Option<Trust>> {
        let place = self.network.place(cx)?;
        let keys = self.base(cx).await?.keys;
        let caller = Sts::new(cx, &place, Some(&keys)).caller().await?;
        let mut condition = Map::new();
        let one_role = !self.role_arn.is_chain();
        if let Some(id) = self.external_id.as_ref().filter(|_| one_role) {
            condition.insert("StringEquals".into(), json!({ "sts:ExternalId": id.as_str() }));
        }
        if self.mfa_serial.is_some() {
            condition.insert("Bool".into(), json!({ "aws:MultiFactorAuthPresent": "true" }));
        }
        let mut also = Vec::new();
        also.extend(self.source_identity.as_ref().map(|_| "sts:SetSourceIdentity"));
        also.extend((one_role && !self.session_tags.is_empty()).then_some("sts:TagSession"));
        let identity = trust::principal(&caller.arn);
        let policy = trust::assume_role(&identity, &also, condition);
        let first = &self.role_arn.as_slice()[0];
        let target = match one_role {
            true => format!("the trust policy of {}", first.as_str()),
            false => {
                format!("the trust policy of {}; each further role trusts the one before it", first.as_str())
            }
        };
        Ok(Some(Trust::new(identity, policy, target)))
    }
}

/// Limits of STS: 50 tags, keys of 1 to 128 characters, values of up to 256.
fn check_tags(tags: &BTreeMap<String, String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if tags.len() > 50 {
        problems.push(Problem::new("session_tags", "expected 50 tags or less"));
    }
    for (key, value) in tags {
        if !(1..=128).contains(&key.chars().count()) {
            problems.push(Problem::new("session_tags", "expected keys of 1 to 128 characters"));
        }
        if value.chars().count() > 256 {
            problems.push(Problem::new(format!("session_tags.{key}"), "expected 256 characters or less"));
        }
    }
    problems
}
