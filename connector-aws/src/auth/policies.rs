//! Which session policies a call sends, and what that means for what comes out.

use std::borrow::Cow;

use connector_core::{Authenticated, Problem, Result};

use crate::names::{Partition, PolicyArn};
use crate::narrowing::Narrowing;
use crate::policy::{OwnPolicy, Policy, SessionPolicies, check_size};
use crate::session::Session;

/// What a connector's owner lets its sessions do at most.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Own<'a> {
    pub(super) policy: Option<&'a OwnPolicy>,
    pub(super) policy_arns: &'a [PolicyArn],
}

/// The most managed policies that STS takes in one call.
const MOST_ARNS: usize = 10;

impl Own<'_> {
    pub(super) fn check(self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.policy_arns.len() > MOST_ARNS {
            problems.push(Problem::new("policy_arns", "expected 10 items or less"));
        }
        let size = check_size(self.policy.map(OwnPolicy::as_json), self.policy_arns);
        let too_large = size.err().map(|error| error.message().to_owned());
        let fault = self.policy.and_then(OwnPolicy::fault).map(str::to_owned).or(too_large);
        problems.extend(fault.map(|fault| Problem::new("policy", fault)));
        problems
    }

    /// Whether a policy that is made for what is asked could ever be sent: managed ones, whose text is not known
    /// here, go alone.
    pub(super) fn can_narrow(self) -> bool {
        self.policy_arns.is_empty()
    }

    /// The policies to send. `without` stands in where there are none, for calls that need one.
    pub(super) fn choose(
        self,
        narrowing: Option<&Narrowing>,
        partition: Partition,
        without: Option<&Policy>,
    ) -> Result<SessionPolicies> {
        let generated = narrowing.map(|it| it.policy(partition)).transpose()?;
        let generated = generated.as_ref().zip(narrowing.map(Narrowing::field));
        let chosen = SessionPolicies::choose(generated, self.policy, self.policy_arns)?;
        match (without, &chosen) {
            (Some(policy), SessionPolicies::Nothing) => {
                SessionPolicies::choose(Some((policy, "policy")), None, &[])
            }
            _ => Ok(chosen),
        }
    }
}

/// From here on what STS takes is nearly full, in percent.
const NEARLY_FULL: i32 = 90;

/// Says what the policies of a call did to a session, and whether they are near the limit of STS: beyond it
/// the call is refused, and only STS knows how large they are when it has packed them.
pub(super) fn tell(
    out: Authenticated<Session>,
    narrowing: Option<&Narrowing>,
    sent: &SessionPolicies,
) -> Authenticated<Session> {
    let full = out.session.packed_percent.filter(|percent| *percent >= NEARLY_FULL);
    let say = |reason: &'static str| match full {
        None => Cow::Borrowed(reason),
        Some(percent) => {
            format!("{reason}; session policies and tags fill {percent} % of what STS takes").into()
        }
    };
    match (narrowing, sent) {
        (Some(narrowing), SessionPolicies::Generated(_)) => {
            out.narrowed(say(match narrowing.is_for_a_part() {
                true => "an IAM session policy for this part of the resource alone",
                false => "an IAM session policy for this resource alone",
            }))
        }
        (Some(_), SessionPolicies::Own { .. }) => out.not_narrowed(say(
            "the connector's own `policy_arns` are sent alone: what they hold is not known here, and policies \
             that are sent together add up",
        )),
        (None, SessionPolicies::Own { .. }) => {
            out.not_narrowed(say("limited by the connector's own policies, and by nothing narrower"))
        }
        _ => out.not_narrowed(say(
            "all that the connector's identity may do was asked for, or something that no IAM policy can narrow",
        )),
    }
}
