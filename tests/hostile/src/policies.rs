//! IAM policies, and the laws of whether one stays within another.

use connector_aws::names::{Arn, KeyPrefix};
use connector_aws::policy::{
    Decision, Denial, OwnPolicy, Policy, Request, SessionPolicies, Subset, is_subset,
};

use crate::{judge, parts, text};

/// Two policies, an action and a resource, each a part of the input.
pub fn policies(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let mut parts = parts(text);
    let mut next = || parts.next().unwrap_or_default();
    let (narrow, wide, action, resource) = (next(), next(), next(), next());
    for text in [narrow, wide, action, resource] {
        words(text);
    }
    let (Some(narrow), Some(wide)) = (policy(narrow), policy(wide)) else { return };
    // The evaluator is for what STS takes.
    const LARGEST: usize = 8 * 1024;
    if text.len() > LARGEST {
        return;
    }
    let request = Request::new(action, resource);
    let (in_narrow, in_wide) = (narrow.allows(&request), wide.allows(&request));
    if in_narrow == Decision::Allowed && is_subset(&narrow, &wide) == Subset::Yes {
        assert!(!matches!(in_wide, Decision::Denied(_)), "a subset allows more: {narrow:?} {wide:?}");
    }
    let _ = SessionPolicies::choose(
        Some((&narrow, "within")),
        OwnPolicy::parse(&wide.to_json()).ok().as_ref(),
        &[],
    );
}

fn policy(text: &str) -> Option<Policy> {
    let policy = match Policy::parse(text) {
        Ok(policy) => policy,
        Err(error) => {
            judge(&error);
            return None;
        }
    };
    let again = Policy::parse(&policy.to_json()).expect("what was written reads");
    let mut plain = policy.clone();
    plain.statements.iter_mut().for_each(|it| it.opaque = false);
    assert_eq!(again, plain, "it reads as it was written");
    let nothing = Policy::new(Vec::new());
    assert_eq!(nothing.allows(&Request::new("a:b", "*")), Decision::Denied(Denial::Implicit));
    assert_eq!(is_subset(&nothing, &policy), Subset::Yes);
    Some(policy)
}

/// What else is read as text of its own.
fn words(text: &str) {
    if let Ok(own) = OwnPolicy::parse(text) {
        let again = OwnPolicy::parse(own.as_json()).expect("what is sent reads");
        assert_eq!(again.as_json(), own.as_json());
    }
    if let Ok(arn) = Arn::parse(text) {
        assert_eq!(Arn::parse(arn.as_str()).ok().as_ref(), Some(&arn));
        let _ = (arn.partition(), arn.service(), arn.region(), arn.account(), arn.resource());
    }
    let _ = KeyPrefix::parse(text);
}
