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
        if let Err(error) = check_size(self.policy.map(OwnPolicy::as_json), self.policy_arns) {
            problems.push(Problem::new("policy", error.message()));
        }
        problems
    }

    /// The policies to send. `without` stands in where there are none, for calls that need one.
    pub(super) fn choose(
        self,
        narrowing: Option<&Narrowing>,
        partition: Partition,
        without: Option<&Policy>,
    ) -> Result<SessionPolicies> {
        let generated = narrowing.map(|it| it.policy(partition)).transpose()?;
        let chosen = SessionPolicies::choose(generated.as_ref(), self.policy, self.policy_arns)?;
        match (without, &chosen) {
            (Some(policy), SessionPolicies::Nothing) => SessionPolicies::choose(Some(policy), None, &[]),
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
        (Some(_), SessionPolicies::Generated(_)) => {
            out.narrowed(say("an IAM session policy for this resource alone"))
        }
        (Some(_), SessionPolicies::Own { .. }) => out.not_narrowed(say(
            "the connector's own `policy_arns` are sent alone: what they hold is not known here, and policies \
             that are sent together add up",
        )),
        (None, SessionPolicies::Own { .. }) => {
            out.not_narrowed(say("limited by the connector's own policies, and by nothing narrower"))
        }
        _ => out.not_narrowed(say("nothing narrower was asked for that IAM could say")),
    }
}
