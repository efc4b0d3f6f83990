//! The calls to the Security Token Service, and the form in which they are explained.
//!
//! Each request is built once, as the SDK's own input; what is sent and what `explain` shows both come from it.

use std::time::{Duration, SystemTime};

use aws_sdk_sts::operation::assume_role::builders::AssumeRoleInputBuilder;
use aws_sdk_sts::operation::assume_role_with_web_identity::builders::AssumeRoleWithWebIdentityInputBuilder;
use aws_sdk_sts::operation::get_federation_token::builders::GetFederationTokenInputBuilder;
use aws_sdk_sts::operation::get_session_token::builders::GetSessionTokenInputBuilder;
use aws_sdk_sts::types::{Credentials, PolicyDescriptorType, Tag};
use aws_types::region::Region as SdkRegion;
use connector_core::{Authenticated, Call, Context, Expiry, Result, Right, Secret, Step};

use crate::error;
use crate::names::Arn;
use crate::policy::{Policy, SessionPolicies};
use crate::session::{Keys, Place, Session};
use crate::wire::{self, Observed};

pub(super) const ASSUME_ROLE: &str = "sts:AssumeRole";
pub(super) const WEB_IDENTITY: &str = "sts:AssumeRoleWithWebIdentity";
pub(super) const SESSION_TOKEN: &str = "sts:GetSessionToken";
pub(super) const FEDERATION_TOKEN: &str = "sts:GetFederationToken";
pub(super) const CALLER_IDENTITY: &str = "sts:GetCallerIdentity";

/// Who one is.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) arn: Arn,
}

/// Calls to the STS of one place.
pub(super) struct Sts<'a> {
    call: Call<'a>,
    place: &'a Place,
    client: aws_sdk_sts::Client,
    observed: Observed,
}

impl<'a> Sts<'a> {
    /// Ready to be called now: lives are counted from here. Without keys, calls are not signed.
    pub(super) fn new(cx: &'a Context, place: &'a Place, keys: Option<&Keys>) -> Self {
        let region = SdkRegion::new(place.region.as_str().to_owned());
        let (config, observed) = wire::observed(cx, place, keys, region);
        let mut config = aws_sdk_sts::config::Builder::from(&config);
        config.set_endpoint_url(place.sts_endpoint().map(|url| url.as_str().to_owned()));
        Self {
            call: Call::new(cx, None),
            place,
            client: aws_sdk_sts::Client::from_conf(config.build()),
            observed,
        }
    }

    #[expect(deprecated, reason = "the newer figure, of the whole token, is not sent by every server yet")]
    pub(super) async fn assume_role(&self, input: AssumeRoleInputBuilder) -> Result<Authenticated<Session>> {
        let asked = *input.get_duration_seconds();
        let answer = input.send_with(&self.client).await;
        let answer = answer.map_err(|error| error::from_sdk(&self.call, ASSUME_ROLE, error))?;
        let mut out = self.session(answer.credentials, asked, ASSUME_ROLE)?;
        out.session.account_id = answer.assumed_role_user.and_then(|user| account_of(user.arn()));
        out.session.packed_percent = answer.packed_policy_size.max(answer.session_token_utilization);
        out.session.assumed_role = true;
        Ok(out)
    }

    #[expect(deprecated, reason = "the newer figure, of the whole token, is not sent by every server yet")]
    pub(super) async fn assume_role_with_web_identity(
        &self,
        input: AssumeRoleWithWebIdentityInputBuilder,
    ) -> Result<Authenticated<Session>> {
        let asked = *input.get_duration_seconds();
        let answer = input.send_with(&self.client).await;
        let answer = answer.map_err(|error| error::from_sdk(&self.call, WEB_IDENTITY, error))?;
        let mut out = self.session(answer.credentials, asked, WEB_IDENTITY)?;
        out.session.account_id = answer.assumed_role_user.and_then(|user| account_of(user.arn()));
        out.session.packed_percent = answer.packed_policy_size.max(answer.session_token_utilization);
        out.session.assumed_role = true;
        Ok(out)
    }

    pub(super) async fn session_token(
        &self,
        input: GetSessionTokenInputBuilder,
    ) -> Result<Authenticated<Session>> {
        let asked = *input.get_duration_seconds();
        let answer = input.send_with(&self.client).await;
        let answer = answer.map_err(|error| error::from_sdk(&self.call, SESSION_TOKEN, error))?;
        self.session(answer.credentials, asked, SESSION_TOKEN)
    }

    #[expect(deprecated, reason = "the newer figure, of the whole token, is not sent by every server yet")]
    pub(super) async fn federation_token(
        &self,
        input: GetFederationTokenInputBuilder,
    ) -> Result<Authenticated<Session>> {
        let asked = *input.get_duration_seconds();
        let answer = input.send_with(&self.client).await;
        let answer = answer.map_err(|error| error::from_sdk(&self.call, FEDERATION_TOKEN, error))?;
        let mut out = self.session(answer.credentials, asked, FEDERATION_TOKEN)?;
        out.session.account_id = answer.federated_user.and_then(|user| account_of(user.arn()));
        out.session.packed_percent = answer.packed_policy_size.max(answer.session_token_utilization);
        out.session.federated = true;
        Ok(out)
    }

    pub(super) async fn caller(&self) -> Result<Caller> {
        let answer = self.client.get_caller_identity().send().await;
        let answer = answer.map_err(|error| error::from_sdk(&self.call, CALLER_IDENTITY, error))?;
        let arn = answer.arn().and_then(|arn| Arn::parse(arn).ok());
        Ok(Caller { arn: arn.ok_or_else(|| error::incomplete(CALLER_IDENTITY))? })
    }

    fn session(
        &self,
        given: Option<Credentials>,
        asked: Option<i32>,
        call: &str,
    ) -> Result<Authenticated<Session>> {
        let whole = |it: &Credentials| {
            [&it.access_key_id, &it.secret_access_key, &it.session_token].iter().all(|part| !part.is_empty())
        };
        let given = given.filter(whole);
        let given = given.ok_or_else(|| error::incomplete(call))?;
        let end = SystemTime::try_from(given.expiration).map_err(|_| error::incomplete(call))?;
        let expiry = expiry(&self.call, &self.observed, end, asked);
        let keys = Keys {
            access_key_id: Secret::new(given.access_key_id),
            secret_access_key: Secret::new(given.secret_access_key),
            session_token: Some(Secret::new(given.session_token)),
        };
        Ok(Authenticated::new(Session::new(keys, self.place.clone()), expiry))
    }
}

/// When what was given ends by our clock: the life that the other side's clock shows, from when the
/// request was sent, and never longer than was asked for.
fn expiry(call: &Call<'_>, observed: &Observed, end: SystemTime, asked: Option<i32>) -> Expiry {
    let by_their_clock = match observed.provider_now() {
        Some(now) => call.expires_at(end, now),
        None => Expiry::At(end),
    };
    match asked.and_then(|seconds| u64::try_from(seconds).ok()) {
        Some(seconds) => by_their_clock.min(call.expires_in(Duration::from_secs(seconds))),
        None => by_their_clock,
    }
}

fn account_of(arn: &str) -> Option<String> {
    Arn::parse(arn).ok().map(|arn| arn.account().to_owned()).filter(|account| !account.is_empty())
}

/// Whole seconds as STS takes them.
pub(super) fn seconds(duration: Option<Duration>) -> Option<i32> {
    duration.map(|it| i32::try_from(it.as_secs()).unwrap_or(i32::MAX))
}

/// The managed policies of a call; absent when there are none.
pub(super) fn managed(policies: &SessionPolicies) -> Option<Vec<PolicyDescriptorType>> {
    let arns = policies.managed().iter();
    let list: Vec<_> = arns.map(|arn| PolicyDescriptorType::builder().arn(arn.as_str()).build()).collect();
    (!list.is_empty()).then_some(list)
}

/// Stands for a secret in what is explained.
const HIDDEN: &str = "[HIDDEN]";

/// How an AssumeRole is explained.
pub(super) fn explain_assume_role(input: &AssumeRoleInputBuilder) -> Step {
    let mut out = Parameters::default();
    out.text("RoleArn", input.get_role_arn());
    out.text("RoleSessionName", input.get_role_session_name());
    out.arns(input.get_policy_arns());
    out.text("Policy", input.get_policy());
    out.number("DurationSeconds", *input.get_duration_seconds());
    out.tags(input.get_tags());
    out.text("ExternalId", input.get_external_id());
    out.text("SerialNumber", input.get_serial_number());
    out.hidden("TokenCode", input.get_serial_number().is_some());
    out.text("SourceIdentity", input.get_source_identity());
    Step::new(ASSUME_ROLE, out.0).with_rights(rights(input.get_policy(), input.get_policy_arns()))
}

/// How an AssumeRoleWithWebIdentity is explained.
pub(super) fn explain_web_identity(input: &AssumeRoleWithWebIdentityInputBuilder) -> Step {
    let mut out = Parameters::default();
    out.text("RoleArn", input.get_role_arn());
    out.text("RoleSessionName", input.get_role_session_name());
    out.hidden("WebIdentityToken", true);
    out.arns(input.get_policy_arns());
    out.text("Policy", input.get_policy());
    out.number("DurationSeconds", *input.get_duration_seconds());
    Step::new(WEB_IDENTITY, out.0).with_rights(rights(input.get_policy(), input.get_policy_arns()))
}

/// How a GetSessionToken is explained.
pub(super) fn explain_session_token(input: &GetSessionTokenInputBuilder) -> Step {
    let mut out = Parameters::default();
    out.number("DurationSeconds", *input.get_duration_seconds());
    out.text("SerialNumber", input.get_serial_number());
    out.hidden("TokenCode", input.get_serial_number().is_some());
    Step::new(SESSION_TOKEN, out.0)
}

/// How a GetFederationToken is explained.
pub(super) fn explain_federation_token(input: &GetFederationTokenInputBuilder) -> Step {
    let mut out = Parameters::default();
    out.text("Name", input.get_name());
    out.text("Policy", input.get_policy());
    out.arns(input.get_policy_arns());
    out.number("DurationSeconds", *input.get_duration_seconds());
    Step::new(FEDERATION_TOKEN, out.0).with_rights(rights(input.get_policy(), input.get_policy_arns()))
}

/// What the session policies of a call allow, read from what is sent. Managed ones are named: their text is AWS's.
fn rights(policy: &Option<String>, managed: &Option<Vec<PolicyDescriptorType>>) -> Vec<Right> {
    let inline = policy.iter().flat_map(|json| Policy::parse(json)).flat_map(|it| it.rights());
    let managed = managed.iter().flatten().filter_map(|it| it.arn.clone());
    inline
        .chain(managed.map(|arn| Right::new(vec![format!("what {arn} allows")], vec!["*".to_owned()])))
        .collect()
}

/// Parameters by their names on the wire, in the order of the wire.
#[derive(Default)]
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn text(&mut self, name: &str, value: &Option<String>) {
        self.0.extend(value.iter().map(|value| (name.to_owned(), value.clone())));
    }

    fn number(&mut self, name: &str, value: Option<i32>) {
        self.text(name, &value.map(|it| it.to_string()));
    }

    fn hidden(&mut self, name: &str, there: bool) {
        self.text(name, &there.then(|| HIDDEN.to_owned()));
    }

    fn arns(&mut self, list: &Option<Vec<PolicyDescriptorType>>) {
        for (index, item) in list.iter().flatten().enumerate() {
            self.text(&format!("PolicyArns.member.{}.arn", index + 1), &item.arn);
        }
    }

    fn tags(&mut self, list: &Option<Vec<Tag>>) {
        for (index, tag) in list.iter().flatten().enumerate() {
            self.0.push((format!("Tags.member.{}.Key", index + 1), tag.key.clone()));
            self.0.push((format!("Tags.member.{}.Value", index + 1), tag.value.clone()));
        }
    }
}
